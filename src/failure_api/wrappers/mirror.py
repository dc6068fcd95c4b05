"""Follows an AEC environment, and looks at each agent once a round.

`aec_to_parallel` asks for two observations of every agent in a step, and for hundreds of
attributes through a stack of wrappers. In an environment that only moves at the end of a cycle
the second observation is the first again. So observations are taken once, and the attributes
are kept here, where they are found at once.
"""

from __future__ import annotations

from typing import Any

from gymnasium.spaces import Discrete
from pettingzoo import AECEnv
from pettingzoo.utils.conversions import parallel_to_aec_wrapper
from pettingzoo.utils.wrappers import (
    AssertOutOfBoundsWrapper,
    BaseWrapper,
    ClipOutOfBoundsWrapper,
    OrderEnforcingWrapper,
)

from failure_api.exchanges.spaces.actions import copy_value
from failure_api.wrappers.unwrapping import space_of

TRANSPARENT = (BaseWrapper, OrderEnforcingWrapper, AssertOutOfBoundsWrapper, ClipOutOfBoundsWrapper)
"""Wrappers that change neither what agents observe nor what `Mirror` follows."""

FOLLOWED = (
    "rewards",
    "terminations",
    "truncations",
    "infos",
    "agent_selection",
    "_cumulative_rewards",
)
"""What `Mirror` follows beside `agents`; there is none of it before the first reset."""

MPE = "mpe2._mpe_utils.simple_env"


class Mirror(BaseWrapper):
    """Shows an AEC environment as it is, from its own attributes.

    Args:
        env: The environment.
    """

    def __init__(self, env: AECEnv) -> None:
        super().__init__(env)
        self._source = source(env)
        # An environment without possible_agents is refused elsewhere, in words.
        agents = getattr(env, "possible_agents", ())
        action_spaces = {agent: space_of(env, "action_space", agent) for agent in agents}
        self._discrete = {a: space for a, space in action_spaces.items() if type(space) is Discrete}
        self._still = moves_once_a_cycle(env)
        self._turn_based = not env.metadata.get("is_parallelizable", False)
        self._observations: dict[Any, Any] = {}
        self._waiting: set[Any] = set()
        self._moved = False

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Resets the environment and takes the first observations."""
        self.env.reset(seed=seed, options=options)
        self._follow()
        self._look()

    def step(self, action: Any) -> None:
        """Steps the environment; takes observations where that completes a cycle or a turn."""
        agent, waiting = self.agent_selection, self._waiting
        acts = agent in waiting
        # A number within its space passes through transparent layers as it is; any other action
        # is for them to convert, clip or refuse.
        allowed = acts and agent in self._discrete and self._discrete[agent].contains(action)
        (self._source if allowed else self.env).step(action)
        self._follow()
        waiting.discard(agent)
        if not self._still and not waiting.issubset(self.agents):
            # Who has left has nothing more to do in this cycle.
            waiting.intersection_update(self.agents)
            acts = True
        if acts and (self._turn_based or not waiting):
            self._look()
        else:
            self._moved = not self._still

    def observe(self, agent: Any) -> Any:
        """Returns the agent's observation, by reference where it was taken already."""
        if self._moved or agent not in self._observations:
            return self._source.observe(agent)
        return self._observations[agent]

    def _follow(self) -> None:
        source = self._source
        self.agents = source.agents
        self.rewards = source.rewards
        self.terminations = source.terminations
        self.truncations = source.truncations
        self.infos = source.infos
        self.agent_selection = source.agent_selection
        self._cumulative_rewards = source._cumulative_rewards

    def _look(self) -> None:
        """Takes every agent's observation; from here each live agent has one action to give."""
        observe, dead, cut = self._source.observe, self.terminations, self.truncations
        if self._still:
            self._observations = {agent: observe(agent) for agent in self.agents}
        else:
            # An unknown environment may fill the same array for one agent after the other.
            self._observations = {agent: copy_value(observe(agent)) for agent in self.agents}
        self._waiting = {agent for agent in self.agents if not (dead[agent] or cut[agent])}
        self._moved = False


def source(env: Any) -> Any:
    """Returns the outermost layer that has attributes and observations of its own."""
    while type(env) in TRANSPARENT:
        env = env.env
    return env


def moves_once_a_cycle(env: Any) -> bool:
    """Returns whether nothing that an agent observes changes before the end of a cycle.

    That is known of mpe2, and of Parallel environments turned into AEC ones. Others may declare
    themselves parallelizable and still move in mid-cycle (PettingZoo's pursuit does).
    """
    outermost = source(env)
    if isinstance(outermost, Mirror):
        return outermost._still
    kinds = type(outermost).__mro__
    stepping = next(kind for kind in kinds if "step" in vars(kind))
    return stepping is parallel_to_aec_wrapper or stepping.__module__ == MPE
