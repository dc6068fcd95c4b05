"""A user's mistake with TorchRL is one sentence."""

from __future__ import annotations

import pytest

pytest.importorskip("torchrl")
pytest.importorskip("vmas")
from gymnasium.spaces import Discrete
from mpe2 import simple_spread_v3
from torchrl.envs import GymEnv, MarlGroupMapType, PettingZooWrapper, TransformedEnv, VmasEnv
from torchrl_play import Mortal
from vmas_play import assert_says

from failure_api import (
    DistanceModel,
    MaskSegments,
    ProbabilisticModel,
    SendMessages,
    ShareObservations,
)
from failure_api.errors import FailureApiError, NotResetError
from failure_api.integrations.torchrl import FailureTransform

HALF = ProbabilisticModel(failure_prob=0.5)


def run(models=HALF, base=None, **options):
    env = base or VmasEnv("simple_spread", num_envs=2)
    return TransformedEnv(env, FailureTransform(models, **options)).rollout(1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: run(in_keys=[("pursuers", "observation")]),
            ["in_keys", "'pursuers'", "('agents', 'observation')"],
        ),
        (lambda: run(exchange="mask"), ["exchange", "'mask'"]),
        (lambda: run(exchange=ShareObservations()), ["exchange", 'form="flat"']),
        (lambda: run(exchange=SendMessages(Discrete(3))), ["SendMessages", "BatchedChannel"]),
        (
            lambda: run(base=VmasEnv("balance", num_envs=2), exchange=MaskSegments()),
            ["MaskSegments", "segments="],
        ),
        (lambda: run(segments={"agent_9": {"agent_0": [3]}}), ["segments", "'agent_9'"]),
        (lambda: run(positions=1), ["positions", "function"]),
        (
            lambda: run(DistanceModel(distance_threshold=1), PettingZooWrapper(Mortal())),
            ["DistanceModel", "positions="],
        ),
        (
            lambda: run(base=PettingZooWrapper(simple_spread_v3.env(), use_mask=True)),
            ["takes turns", "failure_api.CommunicationWrapper"],
        ),
        (
            lambda: run(
                base=VmasEnv("simple_tag", num_envs=2, group_map=MarlGroupMapType.ALL_IN_ONE_GROUP)
            ),
            ["vectors of one length", "group_map="],
        ),
        (lambda: run(base=GymEnv("CartPole-v1")), ["groups of agents", "in_keys="]),
        (lambda: FailureTransform(HALF, seed=-1), ["seed", "-1"]),
        (lambda: FailureTransform(HALF).set_seed("now"), ["seed", "'now'"]),
    ],
)
def test_a_mistake_is_one_sentence(call, words):
    with pytest.raises(FailureApiError) as raised:
        call()
    assert_says(raised.value, *words)


def test_nothing_is_received_before_the_first_reset():
    with pytest.raises(NotResetError) as raised:
        _ = FailureTransform(HALF).received
    assert_says(raised.value, "reset")
