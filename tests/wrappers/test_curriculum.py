"""How severe failures are can be set for an episode, and for all that follow."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from mpe2 import simple_spread_v3

from failure_api import (
    Chain,
    CommunicationWrapper,
    CommunicationWrapperParallel,
    NoiseWrapperParallel,
    ProbabilisticModel,
    RandomizedModel,
    ScheduledModel,
)
from failure_api.errors import InvalidArgumentError

OTHERS = ~np.eye(3, dtype=bool)
DEAD = ScheduledModel(model=ProbabilisticModel(failure_prob=1.0))
DRAWN = RandomizedModel(
    model=ProbabilisticModel(failure_prob=0.0), parameters={"failure_prob": (0.0, 1.0)}
)


def wrapped(models, api="parallel"):
    if api == "aec":
        return CommunicationWrapper(simple_spread_v3.env(max_cycles=40), models)
    return CommunicationWrapperParallel(simple_spread_v3.parallel_env(max_cycles=40), models)


def arrivals(env, **reset):
    """Plays an episode and returns which messages arrived, `[round, link]`."""
    env.reset(**reset)
    rounds = [env.get_communication_state()]
    while env.agents:
        if hasattr(env, "agent_selection"):
            for _ in env.agents:
                over = env.terminations[env.agent_selection] or env.truncations[env.agent_selection]
                env.step(None if over else 0)
        else:
            env.step(dict.fromkeys(env.agents, 0))
        rounds.append(env.get_communication_state())
    return np.array(rounds)[:41][:, OTHERS]


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_severity_holds_from_the_next_reset_on(api):
    env = wrapped(DEAD, api)
    env.reset(seed=1)
    env.set_severity(0.0)
    assert not env.get_communication_state().any()
    assert arrivals(env).all()
    assert arrivals(env, seed=2).all()
    env.set_severity(1.0)
    assert not arrivals(env).any()


def test_options_hold_for_one_episode():
    env = wrapped(DEAD)
    env.set_severity(1.0)
    assert arrivals(env, seed=1, options={"failure": {"severity": 0.0}}).all()
    assert not arrivals(env).any()


def test_nothing_set_is_full_severity():
    for models in (DEAD, DRAWN):
        env, other = wrapped(models), wrapped(models)
        other.set_severity(1.0)
        assert np.array_equal(arrivals(env, seed=3), arrivals(other, seed=3))


@pytest.mark.parametrize("models", [DEAD, DRAWN, [DRAWN, DEAD]])
def test_what_arrives_at_some_severity_arrives_at_a_lower_one(models):
    env = wrapped(models)
    before = np.ones((41, 6), dtype=bool)
    shares = []
    for severity in (0.0, 0.2, 0.5, 0.8, 1.0):
        now = arrivals(env, seed=4, options={"failure": {"severity": severity}})
        assert not (now & ~before).any()
        shares.append(now.mean())
        before = now
    assert shares[0] == 1.0
    assert shares[-1] < shares[1] < 1.0


def test_a_drawn_parameter_can_be_set():
    env = wrapped(DRAWN)
    assert arrivals(env, seed=5, options={"failure": {"failure_prob": 0.0}}).all()
    assert not arrivals(env, options={"failure": {"failure_prob": 1.0}}).any()
    few = arrivals(env, seed=5, options={"failure": {"failure_prob": (0.0, 0.1)}})
    assert 0.8 < few.mean() < 1.0
    set_wins = arrivals(env, options={"failure": {"severity": 1.0, "failure_prob": 0.0}})
    assert set_wins.all()


def test_names_and_streams_of_a_chain_stay():
    named = Chain(models={"loss": DRAWN, "outage": DEAD})
    settings = {"severity": 0.5}
    assert named.with_settings(settings).known_as == ("loss", "outage")
    env = wrapped([ProbabilisticModel(failure_prob=0.3), DEAD])
    alone = wrapped(ProbabilisticModel(failure_prob=0.3))
    env.set_severity(0.0)
    assert np.array_equal(arrivals(env, seed=6), arrivals(alone, seed=6))


def test_what_is_set_travels_with_a_copy():
    env = wrapped(DEAD)
    env.set_severity(0.0)
    assert arrivals(copy.deepcopy(env), seed=1).all()


def test_the_environment_gets_the_rest_of_the_options():
    class Listening(simple_spread_v3.raw_env):
        def reset(self, seed=None, options=None):
            self.heard = options
            super().reset(seed=seed, options=options)

    bare = Listening()
    env = CommunicationWrapper(bare, DEAD)
    given = {"failure": {"severity": 0.5}, "map": 3}
    env.reset(options=given)
    assert bare.heard == {"map": 3}
    assert given == {"failure": {"severity": 0.5}, "map": 3}
    env.reset(options={"failure": {"severity": 0.5}})
    assert bare.heard is None
    env.reset(options={})
    assert bare.heard == {}


def test_options_reach_the_links_through_faulty_sensors():
    env = NoiseWrapperParallel(wrapped(DEAD), [])
    env.reset(seed=1, options={"failure": {"severity": 0.0}})
    assert env.env.get_communication_state()[OTHERS].all()


def test_a_drawn_severity_is_graded_like_any_parameter():
    drawn = RandomizedModel(model=DEAD, parameters={"severity": (0.0, 0.5)})
    env, given = wrapped(drawn), wrapped(drawn)
    env.set_severity(1.0)
    assert np.array_equal(arrivals(env, seed=8), arrivals(given, seed=8))
    env.set_severity(0.6)
    shares = [1 - arrivals(env).mean() for _ in range(20)]
    assert max(shares) < 0.6 * 0.5 + 0.1
    assert np.std(shares) > 0.03


def test_what_a_scheduled_model_runs_can_be_set_too():
    env = wrapped(ScheduledModel(model=DRAWN, start=2))
    late = arrivals(env, seed=5, options={"failure": {"failure_prob": 1.0}})
    assert late[:2].all()
    assert not late[2:].any()
    assert arrivals(env, options={"failure": {"failure_prob": 1.0, "severity": 0.0}}).all()


def test_of_models_in_each_other_the_outermost_takes_a_setting():
    inner = RandomizedModel(model=DEAD, parameters={"severity": (0.0, 1.0)})
    outer = ScheduledModel(model=ScheduledModel(model=DRAWN))
    assert set(outer.settings) == {"severity", "failure_prob"}
    graded = outer.with_settings({"severity": 0.5, "failure_prob": 0.3})
    assert (graded.severity, graded.model.severity) == (0.5, 1.0)
    assert graded.model.model.parameters["failure_prob"].support == (0.3,)
    within = RandomizedModel(
        model=ScheduledModel(model=DRAWN), parameters={"severity": (0.0, 1.0)}
    ).with_settings({"failure_prob": 0.3, "severity": 0.5})
    assert within.model.model.parameters["failure_prob"].support == (0.3,)
    assert within.model.severity == 1.0
    assert inner.with_settings({"unknown": 1}) == inner


def test_arrays_may_be_set_again_and_again():
    env = wrapped(DRAWN)
    ends = np.array([0.0, 0.1])
    first = arrivals(env, seed=5, options={"failure": {"failure_prob": ends}})
    assert np.array_equal(first, arrivals(env, seed=5, options={"failure": {"failure_prob": ends}}))
    ends[:] = 1.0
    assert not arrivals(env, options={"failure": {"failure_prob": ends}}).any()
    assert arrivals(env).any()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"severity": 1.5}, "severity must lie in [0, 1], but 1.5"),
        ({"severity": "mild"}, "severity"),
        ({"failure_prob": 2.0}, "failure_prob must lie between 0.0 and 1.0"),
        ({"failure_prob": None}, "failure_prob must be"),
        ({"failure_probability": 0.5}, "did you mean 'failure_prob'"),
        (0.5, "must be a mapping"),
    ],
)
def test_mistakes_change_nothing(settings, says):
    env, other = wrapped(DRAWN), wrapped(DRAWN)
    for each in (env, other):
        each.reset(seed=7)
    with pytest.raises(InvalidArgumentError) as caught:
        env.reset(options={"failure": settings})
    assert says in str(caught.value)
    for each in (env, other):
        each.step(dict.fromkeys(each.agents, 0))
    assert np.array_equal(env.message_age, other.message_age)
    assert np.array_equal(arrivals(env), arrivals(other))


def test_models_that_take_no_severity_say_how_they_would():
    env = wrapped(ProbabilisticModel(failure_prob=0.5))
    with pytest.raises(InvalidArgumentError, match=r"ScheduledModel\(model=...\)"):
        env.set_severity(0.5)
    with pytest.raises(InvalidArgumentError, match="ScheduledModel"):
        env.reset(options={"failure": {"severity": 0.5}})
    with pytest.raises(InvalidArgumentError, match="severity must lie in"):
        wrapped(DEAD).set_severity(-0.1)
