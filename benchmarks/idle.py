"""Plays rounds on an environment that does nothing, for whoever asks through standard input.

`rounds.py` starts one process for each version of the package that it compares, with `PYTHONPATH`
at that version's sources, so nothing else of the project is imported here. A request is a line of
JSON with the name of a function below and its arguments, and so is the answer. A setting is
`{"agents": 3, "models": [...]}`, its models as plain dictionaries, and `"exchange"` with one of the
names below where agents say something else than segments.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

import failure_api
from failure_api import (
    CommunicationWrapperParallel,
    MaskSegments,
    SendMessages,
    ShareObservations,
)
from failure_api.catalogue import from_dict
from failure_api.errors import InvalidArgumentError

ENTRIES = 4
"""Entries that an agent observes of itself, and as many of each other one."""


class Idle(ParallelEnv):
    """An environment in which nothing happens and which never ends."""

    metadata = {"name": "idle"}  # noqa: RUF012
    render_mode = None

    def __init__(self, agents: int, unlike: bool = False) -> None:
        self.possible_agents = [f"agent_{number}" for number in range(agents)]
        self.agents = list(self.possible_agents)
        size = ENTRIES * agents
        sizes = [size - number % ENTRIES if unlike else size for number in range(agents)]
        boxes = [spaces.Box(-1.0, 1.0, (each,), np.float32) for each in sizes]
        self.observation_spaces = dict(zip(self.agents, boxes, strict=True))
        self.action_spaces = {agent: spaces.Discrete(5) for agent in self.agents}
        seen = np.random.default_rng(0).uniform(-1, 1, (agents, size)).astype(np.float32)
        rows = (row[:each] for row, each in zip(seen, sizes, strict=True))
        self._seen = dict(zip(self.agents, rows, strict=True))

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Returns the space of an agent's observations."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Returns the space of an agent's actions."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        """Returns what is always observed."""
        return self._observed(), {agent: {} for agent in self.agents}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, Any]:
        """Returns the same, in new dictionaries and arrays, as environments do."""
        return (
            self._observed(),
            dict.fromkeys(self.agents, 0.0),
            dict.fromkeys(self.agents, False),
            dict.fromkeys(self.agents, False),
            {agent: {} for agent in self.agents},
        )

    def _observed(self) -> dict[str, Any]:
        return {agent: seen.copy() for agent, seen in self._seen.items()}


def segments(agents: list[str]) -> dict[str, dict[str, slice]]:
    """Returns where the entries of the other agents stand: in their order, behind one's own."""
    return {
        receiver: {
            sender: slice(ENTRIES * place, ENTRIES * (place + 1))
            for place, sender in enumerate((each for each in agents if each != receiver), start=1)
        }
        for receiver in agents
    }


def wrapped(setting: dict[str, Any]) -> CommunicationWrapperParallel:
    name = setting.get("exchange", "segments")
    env = Idle(setting["agents"], unlike=name == "flat, unlike")
    parts = segments(env.possible_agents)
    exchanges: dict[str, Callable[[], Any]] = {
        "segments": lambda: MaskSegments(segments=parts),
        "hold, age": lambda: MaskSegments(segments=parts, missing="hold", report_age=True),
        "flat": lambda: ShareObservations(form="flat"),
        "flat, unlike": lambda: ShareObservations(form="flat"),
        "send, flat": lambda: SendMessages(spaces.Box(-1, 1, (ENTRIES,)), form="flat"),
    }
    exchange = exchanges[name]()
    return CommunicationWrapperParallel(env, from_dict(setting["models"]), exchange=exchange)


ENVS: dict[str, CommunicationWrapperParallel] = {}


def _opened(setting: dict[str, Any]) -> CommunicationWrapperParallel:
    """Returns the environment of a setting, in the episode that it has been in."""
    name = json.dumps(setting)
    if name not in ENVS:
        ENVS[name] = wrapped(setting)
        ENVS[name].reset(seed=0)
    return ENVS[name]


def _actions(env: CommunicationWrapperParallel) -> dict[str, Any]:
    """Returns an action of each agent, always the same."""
    spaces_of = {agent: env.action_space(agent) for agent in env.possible_agents}
    return {a: 0 if isinstance(s, spaces.Discrete) else s.sample() for a, s in spaces_of.items()}


def where() -> str:
    """Returns which sources these are."""
    return str(failure_api.__file__)


def warm_up(setting: dict[str, Any], steps: int, limit: float) -> tuple[int, float]:
    """Plays on, but stops after so many seconds.

    Returns:
        How many steps were played, and the median of the last hundred's seconds.
    """
    env = _opened(setting)
    actions = _actions(env)
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < steps and time.perf_counter() - began < limit:
        start = time.perf_counter()
        env.step(actions)
        times.append(time.perf_counter() - start)
    # What is there now need not be looked through between blocks, which takes longer than one.
    gc.collect()
    gc.freeze()
    return len(times), float(np.median(times[-100:]))


def play(setting: dict[str, Any], steps: int) -> float:
    """Returns the mean time of so many further steps, with the garbage collector at rest."""
    env = _opened(setting)
    actions = _actions(env)
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(steps):
            env.step(actions)
        return (time.perf_counter() - start) / steps
    finally:
        gc.enable()


def wrap(setting: dict[str, Any]) -> tuple[float, str | None]:
    """Returns how long it takes until an environment is wrapped, or why it is refused."""
    start = time.perf_counter()
    try:
        wrapped(setting)
    except InvalidArgumentError as error:
        return time.perf_counter() - start, str(error)
    return time.perf_counter() - start, None


def reset(setting: dict[str, Any], times: int) -> float:
    """Returns the time of the slowest of some resets, each with a step behind it."""
    env = wrapped(setting)
    actions = _actions(env)
    took = []
    for seed in range(times):
        start = time.perf_counter()
        env.reset(seed=seed)
        took.append(time.perf_counter() - start)
        env.step(actions)
    return max(took)


ASKED: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (where, warm_up, play, wrap, reset)
}


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"answer": ASKED[request.pop("ask")](**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
