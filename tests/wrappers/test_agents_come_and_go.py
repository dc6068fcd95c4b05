"""Agents that die, that are cut off, that take turns, and that move in mid-cycle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pettingzoo.utils.conversions import parallel_to_aec

from environments_under_test import CONNECT_FOUR, KNIGHTS, PURSUIT, TICTACTOE, Plain, Subject
from failure_api import (
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    ProbabilisticModel,
    ShareObservations,
)

SPREAD = Subject("mpe2", "simple_spread", {"max_cycles": 3})


def last_round(env):
    """Plays a Parallel environment to its end and returns the last round's deliveries."""
    while env.agents:
        env.step(dict.fromkeys(env.agents, 0))
    return env.get_communication_state()


def test_truncated_agents_take_part_in_the_last_round():
    env = CommunicationWrapperParallel(Plain(), [])
    env.reset(seed=0)
    assert (last_round(env) == ~np.eye(3, dtype=bool)).all()


def test_terminated_agents_do_not():
    env = CommunicationWrapperParallel(Plain(lengths=dict.fromkeys("abc", 2)), [])
    env.reset(seed=0)
    assert not last_round(env).any()


@pytest.mark.parametrize("api", ["aec", "parallel"])
def test_who_dies_falls_silent_and_deaf_at_once(api):
    env: Any
    if api == "aec":
        env = CommunicationWrapper(parallel_to_aec(Plain(lengths={"b": 2})), [])
    else:
        env = CommunicationWrapperParallel(Plain(lengths={"b": 2}), [])
    env.reset(seed=0)
    b = env.possible_agents.index("b")
    for number in range(1, 5):
        if api == "parallel":
            env.step(dict.fromkeys(env.agents, 0))
        else:
            for _ in range(len(env.agents)):
                over = env.terminations[env.agent_selection]
                env.step(None if over else 0)
        state = env.get_communication_state()
        with_b = np.delete(state[b], b).any(), np.delete(state[:, b], b).any()
        assert with_b == ((True, True) if number < 2 else (False, False))
        assert state[0, 2]
        assert state[2, 0]


def test_what_the_dead_have_sent_in_life_still_arrives():
    late = DelayBasedModel(min_delay=2, max_delay=2)
    env = CommunicationWrapperParallel(Plain(lengths={"b": 2}), late, exchange=ShareObservations())
    env.reset(seed=0)
    seen = [env.step(dict.fromkeys(env.agents, 0))[0]["a"]["b"] for _ in range(4)]
    # Sent in rounds 0 and 1; in round 2 it has died.
    np.testing.assert_array_equal(seen[1], env.unwrapped.content("b", 0))
    np.testing.assert_array_equal(seen[2], env.unwrapped.content("b", 1))
    assert not seen[3].any()


def test_knights_and_archers_die_and_are_no_longer_heard():
    bare = KNIGHTS.make("parallel")
    env = CommunicationWrapperParallel(bare, [], exchange=ShareObservations())
    views, _ = env.reset(seed=0)
    team = list(env.possible_agents)
    fewest = len(team)
    for _ in range(150):
        if not env.agents:
            break
        views = env.step({agent: env.action_space(agent).sample() for agent in env.agents})[0]
        alive = np.array([agent in env.agents for agent in team])
        fewest = min(fewest, alive.sum())
        state = env.get_communication_state()
        assert (state == (alive[:, None] & alive & ~np.eye(len(team), dtype=bool))).all()
        for view in views.values():
            assert list(view) == team
            for sender in np.array(team)[~alive]:
                # Only the one that has just died still sees what it itself does.
                assert sender not in env.agents
    assert fewest < len(team)


@pytest.mark.parametrize("subject", [TICTACTOE, CONNECT_FOUR], ids=str)
def test_turn_based_environments_have_a_round_a_turn(subject):
    late = DelayBasedModel(min_delay=1, max_delay=1)
    env, bare = CommunicationWrapper(subject.make(), late), subject.make()
    env.reset(seed=0)
    bare.reset(seed=0)
    first, second = env.possible_agents
    said = {agent: [bare.observe(agent)["observation"].copy()] for agent in (first, second)}
    for turn in range(1, 5):
        env.step(turn)
        bare.step(turn)
        assert int(env.message_age[0, 1]) == 1
        for receiver, sender in ((first, second), (second, first)):
            view, plain = env.observe(receiver), bare.observe(receiver)
            np.testing.assert_array_equal(view["action_mask"], plain["action_mask"])
            np.testing.assert_array_equal(view["observation"][receiver], plain["observation"])
            np.testing.assert_array_equal(view["observation"][sender], said[sender][-1])
        for agent in said:
            said[agent].append(bare.observe(agent)["observation"].copy())


def test_in_mid_cycle_the_own_part_is_current_and_the_rest_is_of_the_round():
    # Seeing far enough to see the others move.
    env = CommunicationWrapper(PURSUIT.make(obs_range=7), ProbabilisticModel(failure_prob=0.0))
    bare = PURSUIT.make(obs_range=7)
    env.reset(seed=1)
    bare.reset(seed=1)
    moved = 0
    of_the_round: dict[Any, Any] = {}
    for turn in range(9):
        if turn % 3 == 0:
            of_the_round = {agent: bare.observe(agent).copy() for agent in bare.agents}
        agent = env.agent_selection
        view, *rest = env.last()
        plain, *expected = bare.last()
        np.testing.assert_array_equal(view[agent], plain)
        assert rest == expected
        for sender in env.possible_agents:
            if sender != agent:
                np.testing.assert_array_equal(view[sender], of_the_round[sender])
        moved += not np.array_equal(plain, of_the_round[agent])
        env.step(turn % 5)
        bare.step(turn % 5)
    assert moved, "nothing moved in mid-cycle, so nothing was shown"


def test_rewards_of_a_whole_aec_episode_are_the_environments():
    def totals(env):
        env.reset(seed=3)
        found = []
        for _ in env.agent_iter():
            _, reward, terminated, truncated, info = env.last()
            found.append((env.agent_selection, reward, terminated, truncated, dict(info)))
            env.step(None if terminated or truncated else 1)
        return found

    down = ProbabilisticModel(failure_prob=1.0)
    assert totals(CommunicationWrapper(SPREAD.make(), down)) == totals(SPREAD.make())
