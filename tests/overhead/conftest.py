"""Environments whose step times are known, on a clock that only they move."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest
from gymnasium.spaces import Discrete


class Clock:
    """Stands in for the time that passes."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def pass_time(self, seconds):
        self.now += seconds


class Player:
    """A parallel environment that takes a known time and writes down what happens to it."""

    def __init__(self, name, clock, step_times, log):
        self.name, self.clock, self.step_times, self.log = name, clock, step_times, log
        self.possible_agents = ["a", "b"]
        self.agents: list[str] = []
        self.spaces = {agent: Discrete(1000) for agent in self.possible_agents}
        self.steps = 0
        self.closed = False

    def action_space(self, agent):
        return self.spaces[agent]

    def reset(self, seed=None):
        self.clock.pass_time(100)
        self.log.append(("reset", self.name, seed))
        self.agents = list(self.possible_agents)
        self.steps = 0
        return dict.fromkeys(self.agents, 0), {}

    def step(self, actions):
        assert set(actions) == set(self.agents)
        self.log.append(("step", self.name, dict(actions), gc.isenabled()))
        self.clock.pass_time(self.step_times[self.steps % len(self.step_times)])
        self.steps += 1
        if self.steps == 3:
            self.agents = ["b"]
        if self.steps == 6:
            self.agents = []
        return dict.fromkeys(self.agents, 0), {}, {}, {}, {}

    def close(self):
        self.closed = True


class KnownSubject:
    """Stands in for `Subject`: a bare step takes 1 s, a wrapped one 1.5 s."""

    def __init__(self, clock, cycles=4):
        self.clock, self.cycles, self.agents = clock, cycles, None
        self.log: list[Any] = []

    def bare(self):
        return Player("bare", self.clock, [1.0, 1.0, 1.0, 7.0], self.log)

    def wrapped(self):
        return Player("wrapped", self.clock, [1.5], self.log)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for name in ("perf_counter", "process_time"):
        monkeypatch.setattr(time, name, clock)
    monkeypatch.setattr(time, "sleep", clock.pass_time)
    return clock


@pytest.fixture
def subject(clock):
    return KnownSubject(clock)
