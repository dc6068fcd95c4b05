"""Sweeps over teams whose actions carry messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from mpe2 import simple_spread_v3

from environments_under_test import TICTACTOE
from failure_api import CommunicationWrapper, CommunicationWrapperParallel, SendMessages
from failure_api.errors import InvalidArgumentError
from failure_api.evaluation import sweep
from failure_api.evaluation.policies import check_actions
from failure_api.evaluation.policies.random_policy import RandomPolicy
from failure_api.evaluation.reading import read_specification
from failure_api.testing.verdict import same
from helpers import assert_one_sentence

LOSS = {"model": "probabilistic", "failure_prob": {"grid": [0.5, 1.0]}}


def specification(**changes):
    asked = {"environment": "mpe2.simple_spread_v3", "failure_models": LOSS, "episodes": 2}
    return {**asked, "options": {"max_cycles": 5}, **changes}


@pytest.mark.parametrize("form", ["dict", "flat"])
def test_an_exchange_from_python_is_the_one_that_plain_data_names(form, tmp_path):
    given = SendMessages({"agent_0": spaces.Discrete(3)}, form=form)
    named = {"type": "send_messages", "space": {"agent_0": {"discrete": 3}}, "form": form}
    tables = [
        sweep(specification(exchange=exchange), tmp_path / str(number))
        for number, exchange in enumerate((given, named, None))
    ]
    asked = [read_specification(specification(exchange=each)).exchange for each in (given, named)]
    assert asked[0]["space"] == asked[1]["space"]
    means = [table["mean"].tolist() for table in tables]
    # Agents that act at random do the same with and without words.
    assert means[0] == means[1] == means[2]


def test_sizes_of_messages_are_a_grid_and_their_bits_are_counted(tmp_path):
    text = """
environment: mpe2.simple_spread_v3
options: {max_cycles: 5}
exchange: {type: send_messages, space: {discrete: {grid: [2, 256]}}}
failure_models: [{model: bandwidth, unit: bits, capacity: {grid: [8, 1]}}]
episodes: 1
"""
    table = sweep(text, tmp_path)
    assert sorted(table["discrete"]) == ["2", "2", "2", "256", "256", "256"]
    assert not table["failed"].any()


def test_mistakes_tell_the_line():
    text = """
environment: mpe2.simple_spread_v3
exchange: {type: send_messages, space: {discreet: 4}}
failure_models: [{model: probabilistic, failure_prob: 0.5}]
"""
    with pytest.raises(InvalidArgumentError) as caught:
        sweep(text, Path("nowhere"))
    assert_one_sentence(caught.value, "line 3", "discreet", "multi_binary")


def test_a_random_team_keeps_to_its_masks_and_says_words():
    for form in ("dict", "flat"):
        env = CommunicationWrapper(
            TICTACTOE.make(),
            [],
            exchange=SendMessages(spaces.Discrete(9), form=form),
        )
        policy = RandomPolicy(env)
        env.reset(seed=1)
        words = set()
        for _ in range(5):
            agent = env.agent_selection
            observations = {agent: env.observe(agent)}
            actions = policy(observations)
            check_actions(actions, env, observations)
            own, word = env._rounds.actions.parted(agent, actions[agent])
            assert observations[agent]["action_mask"][own]
            words.add(int(word))
            env.step(actions[agent])
        assert len(words) > 1


def test_what_a_policy_answers_is_checked_without_its_words():
    env = CommunicationWrapper(TICTACTOE.make(), [], exchange=SendMessages(spaces.Discrete(3)))
    env.reset(seed=1)
    env.step({"action": 4, "message": 1})
    agent = env.agent_selection
    observations = {agent: env.observe(agent)}
    check_actions({agent: {"action": 0, "message": 2}}, env, observations)
    for answer in ({"action": 4, "message": 2}, {"action": 0, "message": 3}, 0):
        with pytest.raises(InvalidArgumentError) as caught:
            check_actions({agent: answer}, env, observations)
        assert_one_sentence(caught.value, repr(agent))


def test_words_do_not_change_what_a_random_team_does():
    bare, talking = (
        CommunicationWrapperParallel(simple_spread_v3.parallel_env(), [], exchange=exchange)
        for exchange in (None, SendMessages(spaces.Box(-1, 1, (2,)), form="flat"))
    )
    policies = RandomPolicy(bare), RandomPolicy(talking)
    observations = [env.reset(seed=1)[0] for env in (bare, talking)]
    spoken: list[Any] = []
    for episode in range(2):
        for policy in policies:
            policy.reset(3)
        for step in range(5):
            plain, words = (p(seen) for p, seen in zip(policies, observations, strict=True))
            for agent, action in words.items():
                assert np.argmax(action[:5]) == plain[agent]
            # The same seed fixes what is said, too.
            assert not episode or same(words, spoken[step])
            spoken.append(words)
