"""What a user can get wrong with the wrappers is said in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from mpe2 import simple_spread_v3
from pettingzoo.utils.conversions import parallel_to_aec

from environments_under_test import Plain, Subject
from failure_api import (
    CommunicationModel,
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    JammingModel,
    MatrixModel,
    ProbabilisticModel,
    ShareObservations,
    SignalBasedModel,
)
from failure_api.communication_models.jamming import FixedJammers, RaiseInterference
from failure_api.errors import (
    FailureApiError,
    InvalidArgumentError,
    ModelError,
    NotResetError,
    WrongEnvironmentError,
)
from failure_api.noise_models import GaussianNoiseModel
from failure_api.wrappers import NoiseWrapper, NoiseWrapperParallel

SPREAD = Subject("mpe2", "simple_spread")
KINDS = [("aec", CommunicationWrapper), ("parallel", CommunicationWrapperParallel)]
LOSSY = ProbabilisticModel(failure_prob=0.5)


def sentence(action, kind=FailureApiError):
    with pytest.raises(kind) as caught:
        action()
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert ". " not in text
    return text


def test_the_wrong_kind_of_environment_names_the_right_class():
    aec, parallel = SPREAD.make(), SPREAD.make("parallel")
    text = sentence(lambda: CommunicationWrapper(parallel, LOSSY), WrongEnvironmentError)
    assert "use CommunicationWrapperParallel" in text
    text = sentence(lambda: CommunicationWrapperParallel(aec, LOSSY), WrongEnvironmentError)
    assert text.endswith("use CommunicationWrapper.")


@pytest.mark.parametrize(("api", "kind"), KINDS)
@pytest.mark.parametrize("env", [None, "simple_spread_v3", object, 3])
def test_what_is_no_environment_is_refused(api, kind, env):
    sentence(lambda: kind(env, LOSSY), WrongEnvironmentError)


@pytest.mark.parametrize("missing", ["absent", "empty"])
def test_an_environment_must_say_who_its_agents_may_be(missing):
    env = Plain()
    if missing == "absent":
        del env.possible_agents
    else:
        env.possible_agents = []
    text = sentence(lambda: CommunicationWrapperParallel(env, LOSSY), WrongEnvironmentError)
    assert "possible_agents" in text


def test_an_aec_environment_must_say_so_too():
    env = parallel_to_aec(Plain())
    del env.unwrapped.possible_agents
    del env.env.possible_agents
    text = sentence(lambda: CommunicationWrapper(env, LOSSY), WrongEnvironmentError)
    assert "possible_agents" in text


@pytest.mark.parametrize(("api", "kind"), KINDS)
def test_nothing_before_the_first_reset(api, kind):
    env = kind(SPREAD.make(api), LOSSY)
    actions = [
        lambda: env.step(0 if api == "aec" else {}),
        lambda: env.get_communication_state(),
        lambda: env.links,
        lambda: env.message_age,
    ]
    if api == "aec":
        actions.append(lambda: env.observe("agent_0"))
    for action in actions:
        assert "reset" in sentence(action, NotResetError)


def test_unknown_agents():
    env = CommunicationWrapperParallel(SPREAD.make("parallel"), LOSSY)
    env.reset(seed=0)
    text = sentence(lambda: env.step({"agent_7": 0}), InvalidArgumentError)
    assert "'agent_7'" in text
    assert "agent_0, agent_1, agent_2" in text
    sentence(lambda: env.step([0, 0, 0]), InvalidArgumentError)
    aec = CommunicationWrapper(SPREAD.make(), LOSSY)
    aec.reset(seed=0)
    text = sentence(lambda: aec.observe("agent_7"), InvalidArgumentError)
    assert "'agent_7'" in text
    assert "agent_0, agent_1, agent_2" in text


@pytest.mark.parametrize(("api", "kind"), KINDS)
@pytest.mark.parametrize("seed", [-1, 1.5, "one"])
def test_seeds(api, kind, seed):
    env = kind(SPREAD.make(api), LOSSY)
    assert "seed must" in sentence(lambda: env.reset(seed=seed), InvalidArgumentError)


@pytest.mark.parametrize("models", [None, "loss", 0.5, [0.5], [ProbabilisticModel], {"a": 0.5}])
def test_what_are_no_models(models):
    text = sentence(lambda: CommunicationWrapper(SPREAD.make(), models), InvalidArgumentError)
    assert "failure_models" in text


@pytest.mark.parametrize("exchange", ["dict", ShareObservations, 3])
def test_what_is_no_exchange(exchange):
    text = sentence(
        lambda: CommunicationWrapper(SPREAD.make(), LOSSY, exchange=exchange), InvalidArgumentError
    )
    assert "exchange must be an exchange" in text


def test_models_that_do_not_fit_the_team_are_refused_when_built():
    for model, word in (
        (MatrixModel(matrix=np.ones((2, 2))), "(3, 3)"),
        (ProbabilisticModel(failure_prob=np.zeros((4, 4))), "(3, 3)"),
        (ProbabilisticModel(failure_prob={("agent_0", "agent_9"): 0.5}), "agent_9"),
        (ProbabilisticModel(failure_prob=0.5, agent_ids=["agent_9"]), "agent_9"),
    ):
        text = sentence(
            lambda model=model: CommunicationWrapper(SPREAD.make(), model), InvalidArgumentError
        )
        assert word in text


@dataclass(frozen=True, kw_only=True)
class Returns(CommunicationModel):
    """Returns what a test tells it to."""

    what: Any

    def step(self, parameters, state, links, context, random):
        return state, self.what(links)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda links: links._replace(lost=np.ones((2, 2), bool)), ("(3, 3)", "(2, 2)")),
        (lambda links: links._replace(lost=np.ones((3, 3))), ("lost", "bool", "float64")),
        (lambda links: links._replace(hears=None, expiry=np.ones((3, 3))), ("expiry", "int32")),
        (lambda links: links._replace(sends=None), ("sends", "an earlier stage")),
        (lambda links: links.narrow(np.ones((3, 3), np.float32), np), ("capacity", "stages")),
        (lambda links: links._replace(delay=np.ones((3, 3))), ("delay", "int32")),
        (lambda links: links._replace(noise=np.float32(1)), ("noise", "float32")),
        (lambda links: links._replace(delay=np.ones((3, 3), np.int32)), ("longest_delay",)),
        (lambda links: links.sends, ("Links", "ndarray")),
        (lambda links: None, ("Links", "NoneType")),
    ],
)
def test_a_model_that_breaks_its_contract_is_named(what, words):
    env = CommunicationWrapperParallel(SPREAD.make("parallel"), Returns(what=what))
    text = sentence(lambda: env.reset(seed=0), ModelError)
    for word in ("model" if "longest_delay" in words else "Returns", *words):
        assert word in text


def test_after_a_mistake_all_goes_on():
    env = CommunicationWrapperParallel(SPREAD.make("parallel"), LOSSY)
    twin = CommunicationWrapperParallel(SPREAD.make("parallel"), LOSSY)
    for one in (env, twin):
        one.reset(seed=1)
    sentence(lambda: env.step({"agent_7": 0}))
    actions = dict.fromkeys(env.agents, 1)
    one, other = env.step(actions)[0], twin.step(actions)[0]
    for agent in one:
        np.testing.assert_array_equal(one[agent], other[agent])


@pytest.mark.parametrize("kind", [CommunicationWrapper, CommunicationWrapperParallel])
def test_interference_that_nobody_hears(kind):
    jammer = JammingModel(
        jammers=FixedJammers(positions=[[0.0, 0.0]]), effect=RaiseInterference(transmit_power=30.0)
    )
    make = simple_spread_v3.env if kind is CommunicationWrapper else simple_spread_v3.parallel_env
    kind(make(), [jammer, SignalBasedModel()])
    text = sentence(lambda: kind(make(), jammer), InvalidArgumentError)
    assert "SignalBasedModel" in text


class SpacesAfterReset(Plain):
    """Says what its spaces are once it has been reset, in one way or another."""

    missing: Any = AttributeError("'SpacesAfterReset' object has no attribute 'spaces'")
    what = "observation_space"

    def _space(self, what, space):
        if what == self.what and not hasattr(self, "steps"):
            if isinstance(self.missing, Exception):
                raise self.missing
            return self.missing
        return space

    def observation_space(self, agent):
        return self._space("observation_space", super().observation_space(agent))

    def action_space(self, agent):
        return self._space("action_space", super().action_space(agent))


def wrappers_of(env):
    """Returns functions that wrap an environment in all ways."""
    return [
        lambda: CommunicationWrapperParallel(env, LOSSY),
        lambda: CommunicationWrapper(parallel_to_aec(env), LOSSY),
        lambda: NoiseWrapperParallel(env, []),
        lambda: NoiseWrapper(parallel_to_aec(env), []),
    ]


@pytest.mark.parametrize("missing", [SpacesAfterReset.missing, KeyError("a"), None, "Box(2,)"])
def test_spaces_that_there_are_only_after_a_reset(missing):
    env = SpacesAfterReset()
    env.missing = missing
    for wrap in wrappers_of(env):
        text = sentence(wrap, WrongEnvironmentError)
        assert "has no observation_space of 'a'" in text
        assert "reset the environment before it is wrapped" in text
    env.reset(seed=0)
    for wrap in wrappers_of(env):
        wrap()


def test_action_spaces_that_there_are_only_after_a_reset():
    env = SpacesAfterReset()
    env.what = "action_space"
    for place, wrap in enumerate(wrappers_of(env)):
        ask = wrap if place % 2 else lambda wrap=wrap: wrap().action_space("a")
        assert "has no action_space of 'a'" in sentence(ask, WrongEnvironmentError)


@pytest.mark.parametrize("nobody", ["nobody", 0, None, ("a",)])
def test_nobody_has_no_space(nobody):
    for wrap in wrappers_of(Plain()):
        env = wrap()
        for ask in (env.observation_space, env.action_space):
            text = sentence(lambda ask=ask: ask(nobody), InvalidArgumentError)
            assert text.startswith("agent must be one of the environment's, but ")
            assert text.endswith("take a, b, c.")


class Contradicts(Plain):
    """Observes from some round on what its space does not hold."""

    shown: Any = None
    start = 0

    def content(self, agent, number):
        wrong = agent == "b" and number >= self.start
        return self.shown if wrong else super().content(agent, number)


SHOWN = [
    np.zeros(3, dtype=np.float32),
    np.float32(1),
    None,
    "north",
    {"x": 1},
    [[1], [2, 3]],
]


@pytest.mark.parametrize("start", [0, 2])
@pytest.mark.parametrize("shown", SHOWN, ids=str)
def test_observations_that_contradict_their_space(shown, start):
    late = DelayBasedModel(min_delay=1, max_delay=1)
    noise = GaussianNoiseModel(standard_deviation=0.1)

    def contradicting():
        env = Contradicts()
        env.shown, env.start = shown, start
        return env

    def parallel(env):
        env.reset(seed=0)
        for _ in range(4):
            env.step(dict.fromkeys(env.agents, 0))

    def aec(env):
        env.reset(seed=0)
        for _ in range(12):
            env.step(0)

    played = [
        lambda: parallel(CommunicationWrapperParallel(contradicting(), late)),
        lambda: aec(CommunicationWrapper(parallel_to_aec(contradicting()), late)),
        lambda: parallel(NoiseWrapperParallel(contradicting(), noise)),
        lambda: aec(NoiseWrapper(parallel_to_aec(contradicting()), noise)),
    ]
    for play in played:
        text = sentence(play, WrongEnvironmentError)
        assert "must observe what its spaces declare, but showed 'b' " in text


def test_what_an_exchange_raises_by_itself_stays_as_it_is():
    class Fails(ShareObservations):
        def bind(self, team):
            codec = super().bind(team)
            say = codec.say_team

            def say_team(observations, messages):
                if observations:
                    raise ZeroDivisionError("of the exchange")
                return say(observations, messages)

            codec.say_team = say_team
            return codec

    env = CommunicationWrapperParallel(Plain(), LOSSY, exchange=Fails())
    with pytest.raises(ZeroDivisionError, match="of the exchange"):
        env.reset(seed=0)
