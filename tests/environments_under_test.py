"""The environments that the tests run on, kept small, and found whatever their version."""

from __future__ import annotations

import copy
import importlib
import inspect
import pkgutil
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from failure_api.errors import EnvironmentLawError

# The packages warn about their own imports and pygame about its own; no test can act on that.
QUIET = (DeprecationWarning, UserWarning)
# Options that an earlier version of an environment called otherwise.
RENAMED = {"spawn_delay": "spawn_rate"}


@dataclass(frozen=True)
class Subject:
    """An environment with the options that keep it small.

    Attributes:
        home: The package that its module is in.
        name: Its module without the version.
        options: What it is built with.
        positions: Whether its agents are somewhere.
        parallel: Whether it can be played in the Parallel API.
        breaks: Laws that it breaks by itself.
    """

    home: str
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    positions: bool = True
    parallel: bool = True
    breaks: tuple[int, ...] = ()

    def __str__(self):
        return self.name

    def module(self):
        """Returns the module of the newest installed version."""
        with warnings.catch_warnings():
            for category in QUIET:
                warnings.simplefilter("ignore", category)
            folder = importlib.import_module(self.home).__path__
            found = [
                (int(match[1]), match[0])
                for module in pkgutil.iter_modules(folder)
                if (match := re.fullmatch(rf"{self.name}_v(\d+)", module.name))
            ]
            return importlib.import_module(f"{self.home}.{max(found)[1]}")

    def make(self, api="aec", **options):
        """Returns a new bare environment."""
        module = self.module()
        constructor = getattr(module, "env" if api == "aec" else "parallel_env")
        chosen = {**self.options, **options}
        for now, before in RENAMED.items():
            if now in chosen and before in inspect.signature(module.raw_env).parameters:
                chosen[before] = chosen.pop(now)
        return constructor(**chosen)

    def maker(self, api="aec", **options):
        """Returns a function that makes a new bare environment each time."""
        return lambda: self.make(api, **options)

    @property
    def apis(self):
        """The APIs that it can be played in."""
        return ("aec", "parallel") if self.parallel else ("aec",)


def _mpe(name, **options):
    return Subject("mpe2", name, {"max_cycles": 6, **options})


MPE = (
    _mpe("collect_treasure", num_collectors=2),
    _mpe("simple_adversary"),
    _mpe("simple_crypto"),
    _mpe("simple_formation"),
    _mpe("simple_line"),
    _mpe("simple_push"),
    _mpe("simple_reference"),
    _mpe("simple_speaker_listener"),
    _mpe("simple_spread"),
    _mpe("simple_tag"),
    _mpe("simple"),
    _mpe("simple_world_comm"),
)
PISTONBALL = Subject("pettingzoo.butterfly", "pistonball", {"n_pistons": 3, "max_cycles": 5})
KNIGHTS = Subject(
    "pettingzoo.butterfly",
    "knights_archers_zombies",
    # Zombies at once and deadly borders: the first agent is gone after about twenty steps.
    {
        "max_cycles": 300,
        "spawn_delay": 2,
        "line_death": True,
        "num_archers": 1,
        "num_knights": 2,
    },
    # Its second episode is not what a first one with that seed is.
    breaks=(9, 10),
)
PONG = Subject("pettingzoo.butterfly", "cooperative_pong", {"render_ratio": 8, "max_cycles": 5})
PURSUIT = Subject(
    "pettingzoo.sisl",
    "pursuit",
    {"x_size": 8, "y_size": 8, "n_pursuers": 3, "n_evaders": 2, "obs_range": 3, "max_cycles": 5},
)
MULTIWALKER = Subject("pettingzoo.sisl", "multiwalker", {"n_walkers": 2, "max_cycles": 5})
TICTACTOE = Subject("pettingzoo.classic", "tictactoe", positions=False, parallel=False)
CONNECT_FOUR = Subject("pettingzoo.classic", "connect_four", positions=False, parallel=False)

OTHERS = (PISTONBALL, KNIGHTS, PONG, PURSUIT, MULTIWALKER, TICTACTOE, CONNECT_FOUR)
EVERY = (*MPE, *OTHERS)


@contextmanager
def breaking(*laws):
    """Lets an environment break some laws by itself, and its wrapper none."""
    try:
        yield
    except EnvironmentLawError as error:
        if not {int(law) for law in re.findall(r"law (\d+) ", str(error))} <= set(laws):
            raise


class Plain(ParallelEnv):
    """An environment without any special ways: no EzPickle, observations out of a stream.

    Args:
        observation_spaces: Each agent's space; by default two numbers for each of three agents.
        lengths: The step after which an agent terminates, where it does.
        max_cycles: The step after which everyone is truncated.
    """

    metadata: dict[str, Any] = {"name": "plain", "is_parallelizable": True}  # noqa: RUF012

    def __init__(
        self,
        observation_spaces=None,
        lengths=None,
        max_cycles=8,
    ):
        box = spaces.Box(-1, 1, (2,))
        self.observation_spaces = dict(observation_spaces or dict.fromkeys("abc", box))
        self.possible_agents = list(self.observation_spaces)
        self.action_spaces = {agent: spaces.Discrete(3) for agent in self.possible_agents}
        self.lengths = dict(lengths or {})
        self.max_cycles = max_cycles
        self.agents: list[Any] = []
        self.render_mode = None

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def reset(self, seed=None, options=None):
        if seed is not None or not hasattr(self, "seed"):
            self.seed = seed or 0
        self.seed += 1
        self.agents = list(self.possible_agents)
        self.steps = 0
        return self._observations(), {agent: {} for agent in self.agents}

    def step(self, actions):
        self.steps += 1
        observations = self._observations()
        rewards = {agent: float(self.steps) for agent in self.agents}
        over = {agent: self.steps >= self.lengths.get(agent, np.inf) for agent in self.agents}
        cut = dict.fromkeys(self.agents, self.steps >= self.max_cycles)
        infos: dict[Any, Any] = {agent: {} for agent in self.agents}
        self.agents = [agent for agent in self.agents if not (over[agent] or cut[agent])]
        return observations, rewards, over, cut, infos

    def _observations(self):
        return {agent: self.content(agent, self.steps) for agent in self.agents}

    def content(self, agent, number):
        """Returns what an agent observes in a round of the present episode."""
        space = copy.deepcopy(self.observation_spaces[agent])
        place = self.possible_agents.index(agent)
        space.seed(1000 * self.seed + 100 * place + number)
        return space.sample()
