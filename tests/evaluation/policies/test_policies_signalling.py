"""The signalling policy: it says what the other needs, and is lost where nothing is heard."""

from __future__ import annotations

import numpy as np
import pytest
from mpe2 import simple_reference_v3, simple_speaker_listener_v4, simple_spread_v3
from policies_played import masking, returns, wrapped

from failure_api import ShareObservations
from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.policies import check_actions, make_policy
from failure_api.exchanges import MaskSegments
from helpers import assert_one_sentence

EPISODES = 100
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)


def reference(failure_prob=0.0, **options):
    return wrapped(simple_reference_v3, failure_prob, **options)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("missing", ["zero", "hold"])
def test_what_is_lost_costs(missing, continuous):
    found = []
    for failure_prob in GRID:
        env = reference(failure_prob, exchange=masking(missing), continuous_actions=continuous)
        found.append(returns(env, make_policy("signalling", env), EPISODES).mean())
    assert found == sorted(found, reverse=True)
    assert found[0] > -10
    assert found[-1] < -24
    assert found[2] > -11 if missing == "hold" else found[2] < -10
    env = reference(continuous_actions=continuous)
    assert found[0] > returns(env, make_policy("random", env), EPISODES).mean() + 10


@pytest.mark.parametrize("continuous", [False, True])
def test_it_says_the_others_goal_and_goes_to_its_own(continuous):
    env = reference(continuous_actions=continuous, max_cycles=60)
    policy = make_policy("signalling", env)
    for seed in range(10):
        observations, _ = env.reset(seed=seed)
        actions = policy(observations)
        check_actions(actions, env, observations)
        world = env.unwrapped.world
        for agent, action in zip(world.agents, actions.values(), strict=True):
            goal = world.landmarks.index(agent.goal_b)
            word = action[5:].argmax() if continuous else action // 5
            assert word == goal
        while env.agents:
            observations, *_ = env.step(policy(observations))
        for agent in world.agents:
            way = agent.goal_a.state.p_pos - agent.goal_b.state.p_pos
            assert np.linalg.norm(way) < 0.15


@pytest.mark.parametrize("continuous", [False, True])
def test_it_does_not_push_where_nothing_is_heard(continuous):
    env = reference(continuous_actions=continuous)
    policy = make_policy("signalling", env)
    silent, _ = env.reset(seed=0)
    told, *_ = env.step(policy(silent))
    before = policy(silent)
    pushes = policy(told)
    # No memory: what it was told leaves no trace.
    after = policy(silent)
    for agent in before:
        np.testing.assert_equal(after[agent], before[agent])
        if continuous:
            assert not before[agent][:5].any()
            assert pushes[agent][:5].any()
        else:
            assert before[agent] % 5 == 0
            assert pushes[agent] % 5 != 0


@pytest.mark.parametrize(
    "exchange",
    [MaskSegments(report_age=True), ShareObservations(form="flat"), ShareObservations(form="dict")],
    ids=repr,
)
def test_its_own_part_of_other_observations(exchange):
    plain, other = reference(), reference(exchange=exchange)
    expected = returns(plain, make_policy("signalling", plain), 5)
    assert (returns(other, make_policy("signalling", other), 5) == expected).all()


@pytest.mark.parametrize("module", [simple_spread_v3, simple_speaker_listener_v4])
def test_another_environment(module):
    with pytest.raises(InvalidArgumentError) as caught:
        make_policy("signalling", wrapped(module))
    assert_one_sentence(caught.value, "policies must", "'signalling'", "mpe2.simple_reference")
