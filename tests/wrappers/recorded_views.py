"""Wrapped environments whose views are on record, and the functions that play and record them.

`python tests/wrappers/recorded_views.py` writes the record anew. The one that is kept was written
before content was given a mailbox, and holds every view of some episodes, to the bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from mpe2 import simple_speaker_listener_v4, simple_spread_v3, simple_tag_v3
from pettingzoo import ParallelEnv
from pettingzoo.utils.conversions import parallel_to_aec

from failure_api import (
    BandwidthModel,
    BitFlipModel,
    CommunicationWrapper,
    CommunicationWrapperParallel,
    DelayBasedModel,
    GaussianNoiseModel,
    GilbertElliottModel,
    MaskSegments,
    NodeFailureModel,
    ProbabilisticModel,
    SendMessages,
    ShareObservations,
    SignalBasedModel,
)

RECORD = Path(__file__).with_name("recorded_views.json")
STEPS = 30
EPISODES = 2
DIGITS = 16
"""Digits of a hash that are kept: enough to tell any two apart."""

NUMBERS = spaces.Box(-5, 5, (2,), np.float32)


MASKED = (3,)


class Mixed(ParallelEnv):
    """Agents of many kinds of spaces, the second of which leaves and comes back."""

    metadata = {"name": "mixed"}  # noqa: RUF012
    render_mode = None
    possible_agents = ("a", "b", "c")
    SPACES = {  # noqa: RUF012
        "a": spaces.Dict(
            observation=spaces.Dict(
                far=spaces.Box(-(2**60), 2**60, (2,), np.int64),
                kind=spaces.Discrete(5, start=2),
                pair=spaces.Tuple([spaces.MultiBinary(3), spaces.Box(0, 1, (2, 2), np.float64)]),
            ),
            action_mask=spaces.Box(0, 1, MASKED, np.int8),
        ),
        "b": spaces.MultiDiscrete([3, 4], start=[1, -2]),
        "c": spaces.Box(0, 255, (2, 3), np.uint8),
    }

    def observation_space(self, agent):
        return self.SPACES[agent]

    def action_space(self, agent):
        return spaces.Discrete(3)

    def reset(self, seed=None, options=None):
        self._number = 0
        self._drawn = dict(self.SPACES)
        for place, space in enumerate(self._drawn.values()):
            space.seed((seed or 0) + place)
        self.agents = list(self.possible_agents)
        return self._observed(), {agent: {} for agent in self.agents}

    def step(self, actions):
        self._number += 1
        over = self._number == STEPS
        away = 8 <= self._number < 14
        observed = {a: o for a, o in self._observed().items() if not (away and a == "b")}
        flags = dict.fromkeys(observed, over)
        self.agents = [] if over else list(observed)
        nothing = dict.fromkeys(observed, False)
        return observed, dict.fromkeys(observed, 0.0), flags, nothing, {a: {} for a in observed}

    def _observed(self):
        return {agent: space.sample() for agent, space in self._drawn.items()}


class Alike(Mixed):
    """Agents whose observations are alike, of whole numbers."""

    SPACES = {  # noqa: RUF012
        agent: spaces.Box(0, 200, (2, 3), np.uint8) for agent in ("a", "b", "c")
    }


def moving(env):
    """Returns segments that change from round to round, and are sometimes of nobody."""
    number = env.unwrapped.steps if hasattr(env.unwrapped, "steps") else 0
    if number % 5 == 4:
        return {"agent_0": {"agent_1": [10, 11]}}
    shift = number % 3
    return {
        "agent_0": {"agent_1": [10, 11], "agent_2": [12 + shift]},
        "agent_1": {"agent_0": [10 + shift, 17]},
    }


ENVIRONMENTS: dict[str, Callable[[], Any]] = {
    "spread": lambda: simple_spread_v3.parallel_env(max_cycles=STEPS),
    "tag": lambda: simple_tag_v3.parallel_env(max_cycles=STEPS),
    "speaker": lambda: simple_speaker_listener_v4.parallel_env(max_cycles=STEPS),
    "mixed": Mixed,
    "alike": Alike,
}
LOSS = ProbabilisticModel(failure_prob=0.4)
CHAINS: dict[str, tuple[Any, Any]] = {
    "loss": (LOSS, ()),
    "bursts, late": ([GilbertElliottModel(p=0.2, r=0.4), DelayBasedModel(max_delay=3)], ()),
    "far behind": ([LOSS, DelayBasedModel(max_delay=20, delivery="fifo")], ()),
    "queues": ([BandwidthModel(capacity=0.6, queue_length=3), DelayBasedModel(max_delay=1)], ()),
    "nodes": (NodeFailureModel(mode="crash", mean_time_to_failure=6, mean_time_to_repair=3), ()),
    "noise": ([LOSS, DelayBasedModel(max_delay=2)], GaussianNoiseModel(standard_deviation=0.3)),
    "flips": (
        LOSS,
        [BitFlipModel(bit_error_rate=0.02), GaussianNoiseModel(standard_deviation=0.1)],
    ),
    "radio": (SignalBasedModel(metres_per_unit=100.0, noise_floor=-92.0), ()),
}
EXCHANGES: dict[str, Any] = {
    "mask": MaskSegments(),
    "mask, hold": MaskSegments(missing="hold"),
    "mask, age": MaskSegments(missing="hold", report_age=True),
    "moving": MaskSegments(segments=moving),
    "moving, hold": MaskSegments(segments=moving, missing="hold"),
    "dict": ShareObservations(),
    "dict, hold": ShareObservations(missing="hold"),
    "flat": ShareObservations(form="flat"),
    "flat, hold": ShareObservations(form="flat", missing="hold"),
    "send": SendMessages(spaces.MultiDiscrete([3, 5]), missing="hold"),
    "send, flat": SendMessages(NUMBERS, form="flat"),
}


class Case(NamedTuple):
    """What is played.

    Attributes:
        environment: Which environment.
        chain: Which models.
        exchange: Which exchange.
        aec: Whether in the wrapper of AEC environments.
    """

    environment: str
    chain: str
    exchange: str
    aec: bool

    def __str__(self):
        return ", ".join([*self[:3], *(["AEC"] if self.aec else [])])


def _cases():
    """Yields every exchange with every chain, over the environments that have it, in turn."""
    number = 0
    for exchange in EXCHANGES:
        names = ["mixed", "alike", "speaker", "spread", "tag"]
        if exchange.startswith("mask"):
            names = ["spread", "tag", "speaker"]
        elif exchange.startswith("moving"):
            names = ["spread"]
        for chain in CHAINS:
            name = names[number % len(names)]
            number += 1
            if chain == "radio" and name in ("mixed", "alike"):
                name = "spread"
            yield Case(name, chain, exchange, aec=number % 3 == 0)


CASES = {str(case): case for case in _cases()}


def recorded(case):
    """Returns the hash of all views of each episode."""
    models, noises = CHAINS[case.chain]
    make, exchange = ENVIRONMENTS[case.environment], EXCHANGES[case.exchange]
    options: dict[str, Any] = {"noise_models": noises, "exchange": exchange}
    if case.aec:
        env: Any = CommunicationWrapper(parallel_to_aec(make()), models, **options)
    else:
        env = CommunicationWrapperParallel(make(), models, **options)
    generator = np.random.default_rng(5)
    return [_played(env, 40 + episode, generator) for episode in range(EPISODES)]


def _played(env, seed, generator):
    found = hashlib.sha256()
    for agent in env.possible_agents:
        env.action_space(agent).seed(int(generator.integers(1000)))
    views = env.reset(seed=seed)
    _add(found, [env.observe(agent) for agent in env.agents] if views is None else views[0])
    while env.agents:
        if views is None:
            over = env.terminations[env.agent_selection] or env.truncations[env.agent_selection]
            env.step(None if over else env.action_space(env.agent_selection).sample())
            _add(found, [env.observe(agent) for agent in env.agents])
        else:
            actions = {agent: env.action_space(agent).sample() for agent in env.agents}
            _add(found, env.step(actions)[0])
        _add(found, env.message_age)
    return found.hexdigest()[:DIGITS]


def _add(found, value):
    """Adds what is seen to a hash, with its keys, types and shapes."""
    if isinstance(value, dict):
        for key, item in value.items():
            found.update(str(key).encode())
            # Since it was recorded, masks have grown by the entries of a flat message.
            _add(found, item[: MASKED[0]] if key == "action_mask" else item)
    elif isinstance(value, tuple | list):
        for item in value:
            _add(found, item)
    else:
        array = np.asarray(value)
        found.update(f"{array.dtype}{array.shape}".encode())
        if array.dtype.kind == "f":
            # Noise goes through logarithms and cosines, whose last bit differs among processors.
            array = np.round(array.astype(np.float64), 5) + 0.0
        found.update(array.tobytes())


if __name__ == "__main__":
    RECORD.write_text(json.dumps({n: recorded(case) for n, case in CASES.items()}, indent=1) + "\n")
