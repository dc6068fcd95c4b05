"""Faulty sensors: each agent's own observation is corrupted once a round, and nothing else."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo.test import api_test, parallel_api_test
from pettingzoo.utils.conversions import aec_to_parallel, parallel_to_aec

from environments_under_test import EVERY, KNIGHTS, MPE, PISTONBALL, PURSUIT, TICTACTOE, Plain
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    ProbabilisticModel,
    ShareObservations,
)
from failure_api.errors import (
    FailureApiError,
    InvalidArgumentError,
    NotResetError,
    WrongEnvironmentError,
)
from failure_api.testing.rollout import play
from failure_api.testing.verdict import same
from failure_api.wrappers import NoiseWrapper, NoiseWrapperParallel
from helpers import assert_one_sentence
from noises import Add, Counts, Normal, Wanders, Watches

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
SPREAD = next(subject for subject in MPE if subject.name == "simple_spread")
CASES = [(subject, api) for subject in EVERY for api in subject.apis]
WIDE = dict.fromkeys("abc", spaces.Box(-100, 100, (2,)))


def sensors(env, *models):
    kind = (
        NoiseWrapperParallel if hasattr(env, "step") and not hasattr(env, "last") else NoiseWrapper
    )
    return kind(env, list(models))


@pytest.mark.sampled(27)
@pytest.mark.parametrize(("subject", "api"), CASES, ids=str)
@pytest.mark.parametrize(
    "models", [(), (Normal(size=0.0),), (Normal(size=0.3), Wanders())], ids=len
)
def test_all_but_the_observations_is_the_environments(subject, api, models):
    bare, env = subject.make(api), sensors(subject.make(api), *models)
    silent = not models or models == (Normal(size=0.0),)
    steps = 3 * len(bare.possible_agents) + 2 if api == "aec" else 4
    differs = False
    for plain, moment in zip(play(bare, 3, steps), play(env, 3, steps, looks=2), strict=True):
        for what in ("agents", "rewards", "terminations", "truncations", "infos"):
            assert same(getattr(moment, what), getattr(plain, what)), what
        assert moment.observations.keys() == plain.observations.keys()
        for agent, observation in moment.observations.items():
            assert env.observation_space(agent) == bare.observation_space(agent)
            own = plain.observations[agent]
            if env.observation_space(agent).contains(own):
                assert env.observation_space(agent).contains(observation)
            if silent:
                assert same(observation, own)
            elif isinstance(own, dict) and "action_mask" in own:
                assert same(observation["action_mask"], own["action_mask"])
            differs |= not same(observation, own)
    assert differs != silent


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("subject", "api"), CASES, ids=str)
def test_pettingzoos_own_tests(subject, api):
    env = sensors(subject.make(api), Normal(size=0.1), Wanders(agent_ids=None))
    if api == "aec":
        api_test(env, num_cycles=10)
    else:
        parallel_api_test(env, num_cycles=10)


@pytest.mark.parametrize("subject", [SPREAD, PURSUIT, KNIGHTS, TICTACTOE], ids=str)
def test_looking_more_often_changes_nothing(subject):
    env = sensors(subject.make(), Wanders())
    once, often = ([*play(env, 3, 14, looks=looks)] for looks in (1, 3))
    for one, other in zip(once, often, strict=True):
        assert same(one.observations, other.observations)


def test_the_numbers_are_those_of_the_models():
    env = NoiseWrapperParallel(Plain(WIDE), Add(amount=0.5, agent_ids=["a", "c"]))
    views, _ = env.reset(seed=1)
    for agent, amount in {"a": 0.5, "b": 0, "c": 0.5}.items():
        np.testing.assert_array_equal(views[agent], env.unwrapped.content(agent, 0) + amount)


def test_models_are_asked_once_a_round():
    Watches.seen.clear()
    env = NoiseWrapper(SPREAD.make(), Watches())
    env.reset(seed=1)
    rounds = [0]
    for number in range(1, 7):
        for agent in env.possible_agents:
            env.observe(agent)
        env.last()
        env.step(0)
        if number % 3 == 0:
            rounds.append(number // 3)
        assert [context.round for _, context in Watches.seen] == rounds
    assert all(context.arrived.all() for _, context in Watches.seen)


def test_what_has_moved_in_mid_cycle_is_read_with_the_errors_of_the_round():
    bare, env = PURSUIT.make(), NoiseWrapper(PURSUIT.make(), Normal(size=0.01))
    for each in (bare, env):
        each.reset(seed=1)
    errors = [env.observe("pursuer_2") - bare.observe("pursuer_2")]
    moved = bare.observe("pursuer_2").copy()
    for action in (1, 2):
        for each in (bare, env):
            each.step(action)
        errors.append(env.observe("pursuer_2") - bare.observe("pursuer_2"))
    assert not np.array_equal(bare.observe("pursuer_2"), moved)
    low = bare.observation_space("pursuer_2").low.min()
    # Where neither reading was cut off by a bound, both are off by the same.
    free = np.ones(moved.shape, dtype=bool)
    for error in errors:
        free &= error != 0
    free &= (moved > low) & (bare.observe("pursuer_2") > low)
    assert free.any()
    np.testing.assert_allclose(errors[0][free], errors[-1][free], atol=1e-5)


def test_aec_shows_what_parallel_shows():
    models = [Normal(), Wanders(agent_ids=["b"])]
    parallel, aec = (
        NoiseWrapperParallel(Plain(), models),
        NoiseWrapper(parallel_to_aec(Plain()), models),
    )
    aec.reset(seed=5)
    views, _ = parallel.reset(seed=5)
    while parallel.agents:
        assert all(np.array_equal(aec.observe(agent), view) for agent, view in views.items())
        views = parallel.step(dict.fromkeys("abc", 0))[0]
        for _ in "abc":
            aec.step(0)


def test_seeds_fix_episodes_and_none_goes_on():
    env, twin = (NoiseWrapperParallel(Plain(WIDE), Normal()) for _ in range(2))
    errors = []
    for seed in (4, None, None, 4):
        views, _ = env.reset(seed=seed)
        assert same(views, twin.reset(seed=seed)[0])
        errors.append(views["a"] - env.unwrapped.content("a", 0))
    np.testing.assert_allclose(errors[0], errors[3], atol=1e-4)
    for one, other in ((0, 1), (1, 2)):
        assert np.abs(errors[one] - errors[other]).max() > 1e-3


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_it_travels(travel):
    env = NoiseWrapper(parallel_to_aec(Plain()), Wanders())
    env.reset(seed=1)
    env.step(0)
    twin = travel(env)
    for each in (env, twin):
        each.step(0)
        each.step(0)
    assert same(env.observe("a"), twin.observe("a"))
    for each in (env, twin):
        each.reset()
    assert same(env.observe("a"), twin.observe("a"))


def test_nothing_that_is_handed_out_changes():
    env = NoiseWrapper(SPREAD.make(), Normal())
    env.reset(seed=1)
    shown = env.observe("agent_0")
    kept = shown.copy()
    shown[...] = 9
    np.testing.assert_array_equal(env.observe("agent_0"), kept)


def test_faulty_sensors_are_told_over_failing_links():
    def stacked(env):
        return CommunicationWrapperParallel(
            env, ProbabilisticModel(failure_prob=0.5), exchange=ShareObservations()
        )

    noisy, plain = stacked(NoiseWrapperParallel(Plain(WIDE), Add())), stacked(Plain(WIDE))
    heard, unheard = noisy.reset(seed=1)[0], plain.reset(seed=1)[0]
    np.testing.assert_array_equal(noisy.get_communication_state(), plain.get_communication_state())
    for receiver in "abc":
        for sender in "abc":
            told = unheard[receiver][sender]
            expected = told + 1 if told.any() else told
            np.testing.assert_array_equal(heard[receiver][sender], expected)


def test_what_was_heard_is_read_with_faulty_sensors():
    inner = CommunicationWrapper(SPREAD.make(), ProbabilisticModel(failure_prob=1.0))
    env = NoiseWrapper(inner, Add())
    env.reset(seed=1)
    np.testing.assert_allclose(env.observe("agent_0"), inner.observe("agent_0") + 1, rtol=1e-6)
    assert (env.observe("agent_0")[10:] == 1).all()


@pytest.mark.parametrize("above", [True, False])
def test_stacks_pass_pettingzoos_tests(above):
    lossy = ProbabilisticModel(failure_prob=0.5)
    for subject in (SPREAD, PISTONBALL):
        env = subject.make()
        env = NoiseWrapper(env, Normal()) if above else CommunicationWrapper(env, lossy)
        env = CommunicationWrapper(env, lossy) if above else NoiseWrapper(env, Normal())
        api_test(env, num_cycles=5)
        parallel_api_test(aec_to_parallel(env), num_cycles=5)


def test_two_wrappers_and_communication_draw_apart():
    inner = NoiseWrapperParallel(Plain(WIDE), Normal())
    env = NoiseWrapperParallel(inner, Normal())
    first = NoiseWrapperParallel(Plain(WIDE), Normal()).reset(seed=1)[0]["a"]
    twice = env.reset(seed=1)[0]["a"]
    once = env.unwrapped.content("a", 0)
    assert np.abs((twice - first) - (first - once)).max() > 1e-3


def test_what_models_count_can_be_read():
    env = NoiseWrapperParallel(Plain(lengths={"a": 2}), [Counts(), Add()])
    with pytest.raises(NotResetError):
        env.noise_reports()
    env.reset(seed=1)
    assert env.noise_reports() == {"Counts": {"arrived": 3}}
    for _ in range(3):
        env.step(dict.fromkeys(env.agents, 0))
    # The agent that is dead has observed a last time when it died.
    assert env.noise_reports() == {"Counts": {"arrived": 11}}


def test_the_wrapper_says_what_it_is():
    env = NoiseWrapper(SPREAD.make(), Add())
    assert (
        repr(env)
        == str(env)
        == "NoiseWrapper(simple_spread_v3, noise_models=[Add(agent_ids=None, amount=1.0)])"
    )


MISTAKES: dict[str, tuple[Any, type[FailureApiError]]] = {
    "kind": (lambda: NoiseWrapper(Plain(), Add()), WrongEnvironmentError),
    "other kind": (lambda: NoiseWrapperParallel(SPREAD.make(), Add()), WrongEnvironmentError),
    "none": (lambda: NoiseWrapper(None, Add()), WrongEnvironmentError),
    "models": (lambda: NoiseWrapper(SPREAD.make(), 0.5), InvalidArgumentError),
    "agents": (lambda: NoiseWrapper(SPREAD.make(), Add(agent_ids=["x"])), InvalidArgumentError),
    "text": (
        lambda: NoiseWrapperParallel(Plain({"a": spaces.Text(4)}), Add()),
        InvalidArgumentError,
    ),
    "reset": (lambda: NoiseWrapper(SPREAD.make(), Add()).observe("agent_0"), NotResetError),
    "seed": (lambda: NoiseWrapper(SPREAD.make(), Add()).reset(seed=-1), InvalidArgumentError),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    action, kind = MISTAKES[name]
    with pytest.raises(kind) as caught:
        action()
    text = str(caught.value)
    assert "\n" not in text
    assert ": " in text
    assert text.endswith(".")
    if name in ("models", "agents", "text", "seed"):
        assert_one_sentence(caught.value)
