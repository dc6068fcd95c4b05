"""A user's mistake with VMAS is one sentence."""

from __future__ import annotations

import pytest

pytest.importorskip("vmas")
pytest.importorskip("torchrl")
import torch
from gymnasium.spaces import Discrete
from torchrl.envs import VmasEnv
from vmas_play import assert_says, make, wrapped

from failure_api import (
    DistanceModel,
    MaskSegments,
    ProbabilisticModel,
    SendMessages,
    ShareObservations,
)
from failure_api.errors import FailureApiError, InvalidArgumentError, NotResetError
from failure_api.integrations.vmas import CommunicationWrapper

HALF = ProbabilisticModel(failure_prob=0.5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: CommunicationWrapper(3, HALF), ["VMAS", "3", "vmas.make_env"]),
        (
            lambda: CommunicationWrapper(wrapped(HALF), HALF),
            ["VMAS", "give several models to one wrapper"],
        ),
        (
            lambda: CommunicationWrapper(VmasEnv("simple_spread", num_envs=2), HALF),
            ["FailureTransform"],
        ),
        (
            lambda: CommunicationWrapper(make(num_envs=1, wrapper="gym"), HALF),
            ["without wrapper="],
        ),
        (lambda: wrapped(HALF, "football", dict_obs=True), ["vectors", "dict_obs=False"]),
        (lambda: wrapped(HALF, exchange="mask"), ["exchange", "'mask'", "MaskSegments()"]),
        (lambda: wrapped(HALF, exchange=ShareObservations()), ["exchange", 'form="flat"']),
        (
            lambda: wrapped(HALF, exchange=SendMessages(Discrete(3))),
            ["SendMessages", "BatchedChannel"],
        ),
        (
            lambda: wrapped(HALF, "balance", exchange=MaskSegments()),
            ["MaskSegments", "balance", "segments="],
        ),
        (
            lambda: wrapped(HALF, "simple_spread", exchange=MaskSegments(), obs_agents=False),
            ["MaskSegments", "simple_spread", "options"],
        ),
        (
            lambda: wrapped(HALF, exchange=MaskSegments(segments={"agent_9": {"agent_0": [1]}})),
            ["segments", "'agent_9'", "agent_0, agent_1, agent_2"],
        ),
        (
            lambda: wrapped(ProbabilisticModel(failure_prob=0.1, agent_ids=["eve"])).reset(),
            ["agent_ids", "'eve'"],
        ),
        (lambda: wrapped(HALF, positions=3), ["positions", "function"]),
        (
            lambda: wrapped(
                DistanceModel(distance_threshold=1), positions=lambda env: torch.zeros(5, 2, 2)
            ).reset(),
            ["positions", "(5, 3, dim)"],
        ),
        (lambda: wrapped(HALF).reset(seed=-1), ["seed", "-1"]),
        (lambda: wrapped(HALF).reset(seed=1.5), ["seed", "1.5"]),
        (lambda: CommunicationWrapper(make(), HALF, seed="now"), ["seed", "'now'"]),
        (lambda: CommunicationWrapper(make(), HALF, streams="other"), ["streams", "'other'"]),
    ],
)
def test_a_mistake_is_one_sentence(call, words):
    with pytest.raises(FailureApiError) as raised:
        call()
    assert_says(raised.value, *words)


@pytest.mark.parametrize(
    "call",
    [
        lambda env: env.step(env.get_random_actions()),
        lambda env: env.reset_at(0),
        lambda env: env.get_communication_state(),
        lambda env: env.message_age,
        lambda env: env.get_from_scenario(True, False, False, False),
    ],
)
def test_nothing_goes_before_the_first_reset(call):
    with pytest.raises(NotResetError) as raised:
        call(wrapped(HALF))
    assert_says(raised.value, "reset")


def test_what_positions_give_is_checked():
    env = wrapped(DistanceModel(distance_threshold=1), positions=lambda env: [[0.0, 1.0]])
    with pytest.raises(InvalidArgumentError) as raised:
        env.reset()
    assert_says(raised.value, "positions")
