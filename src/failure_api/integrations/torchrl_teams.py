"""The agents of a TorchRL environment: their observations, positions, and which take part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torchrl.data import Bounded
from torchrl.envs import TransformedEnv

from failure_api.environments.positions import known_positions as positions_in_pettingzoo
from failure_api.environments.segments import known_segments as known_in_pettingzoo
from failure_api.errors import InvalidArgumentError, WrongEnvironmentError, invalid

Key = tuple[str, ...]


class Group(NamedTuple):
    """Agents that stand in one tensor.

    Attributes:
        key: Where their observations are in a tensordict, `[..., n, F]`.
        names: What they are called.
        low: Least values, `[n, F]`.
        high: Greatest values, `[n, F]`.
    """

    key: Key
    names: tuple[str, ...]
    low: NDArray[Any]
    high: NDArray[Any]


class Team(NamedTuple):
    """The agents of an environment.

    Attributes:
        base: The environment below all transforms.
        groups: Where they stand, in the order of the team.
    """

    base: Any
    groups: tuple[Group, ...]

    @property
    def agent_ids(self) -> tuple[str, ...]:
        """What they are called."""
        return tuple(name for group in self.groups for name in group.names)

    @property
    def form(self) -> Any:
        """Says whether two environments have the same team."""
        return [(group.key, group.names, group.low.shape) for group in self.groups]

    @property
    def lows(self) -> tuple[NDArray[Any], ...]:
        """Least values of each agent's observation."""
        return tuple(row for group in self.groups for row in group.low)

    @property
    def highs(self) -> tuple[NDArray[Any], ...]:
        """Greatest values of each agent's observation."""
        return tuple(row for group in self.groups for row in group.high)

    @property
    def segments(self) -> dict[str, dict[str, Any]] | None:
        """What is known of which parts of an observation come from whom in the team."""
        inside = _simulator(self.base)
        if _is(self.base, "VmasWrapper"):
            from failure_api.integrations.vmas_environments import known_segments

            found: Any = known_segments(inside)
        else:
            found = known_in_pettingzoo(inside) if hasattr(inside, "unwrapped") else None
        if not isinstance(found, Mapping):
            return None
        team = set(self.agent_ids)
        return {
            receiver: {sender: part for sender, part in parts.items() if sender in team}
            for receiver, parts in found.items()
            if receiver in team
        }

    def positions(self, function: Callable[[Any], Any] | None, needing: str) -> torch.Tensor:
        """Returns where the agents are, float32 `[..., N, dim]`.

        Args:
            function: The user's own, of the environment below all transforms.
            needing: The model that needs them.
        """
        inside = _simulator(self.base)
        if function is not None:
            found = function(self.base)
        elif _is(self.base, "VmasWrapper"):
            bodies = {agent.name: agent.state.pos for agent in inside.agents}
            return torch.stack([bodies[name] for name in self.agent_ids], dim=-2)
        else:
            known = positions_in_pettingzoo(inside) if hasattr(inside, "unwrapped") else None
            if known is None:
                raise InvalidArgumentError(
                    f"{needing} needs the agents' positions, which are not known for {self.base}: "
                    "give positions=, a function of the environment that returns one row for "
                    "each agent."
                )
            rows = list(inside.possible_agents)
            found = known(inside)[[rows.index(name) for name in self.agent_ids]]
        return torch.as_tensor(found, dtype=torch.float32, device=self.base.device)

    def alive(self, tensordict: Any) -> torch.Tensor | None:
        """Returns which agents take part, bool `[..., N]`; None for all."""
        masks = [tensordict.get((*group.key[:-1], "mask"), None) for group in self.groups]
        if all(mask is None for mask in masks):
            return None
        for index, group in enumerate(self.groups):
            if masks[index] is None:
                row = tensordict.get(group.key)[..., 0]
                masks[index] = torch.ones_like(row, dtype=torch.bool)
        return torch.cat(masks, dim=-1)


def read_team(env: Any, spec: Any, keys: list[Key] | None) -> Team:
    """Returns the agents of an environment.

    Args:
        env: The environment, in transforms or not.
        spec: What its agents observe.
        keys: Where the groups' observations are; None for those of all groups.

    Raises:
        WrongEnvironmentError: It has no groups of agents that observe vectors of one length.
        InvalidArgumentError: A key that it does not have.
    """
    base = env
    while isinstance(base, TransformedEnv):
        base = base.base_env
    if _is(base, "PettingZooWrapper") and not base.parallel:
        raise WrongEnvironmentError(
            f"FailureTransform needs an environment in which all agents step at once, but {base} "
            "takes turns: wrap the PettingZoo environment in failure_api.CommunicationWrapper "
            "before TorchRL does."
        )
    # Asked of the object alone, since batched environments would ask their workers.
    names: Mapping[str, list[str]] = vars(base).get("group_map") or {}
    leaves = [key for key in spec.keys(True, True) if isinstance(key, tuple)]
    if keys is None:
        observing = [key for key in leaves if key[1:] == ("observation",)]
        keys = [(group, "observation") for group in names] or observing
    if not keys:
        raise WrongEnvironmentError(
            f"FailureTransform needs groups of agents, but {base} has none with an observation: "
            "give in_keys=, as in [('agents', 'observation')]."
        )
    groups = []
    for key in keys:
        if key not in spec.keys(True):
            known = ", ".join(map(str, leaves)) or "nothing of any group"
            rule = "must be the groups' observations"
            raise invalid("in_keys", rule, key, f"choose from {known}")
        groups.append(_group(key, spec, names.get(key[0])))
    return Team(base, tuple(groups))


def _group(key: Key, spec: Any, names: list[str] | None) -> Group:
    leaf, axes = spec[key], len(spec.shape)
    shape = tuple(leaf.shape)
    if len(shape) != axes + 2 or -1 in shape or not getattr(leaf.dtype, "is_floating_point", False):
        raise WrongEnvironmentError(
            f"FailureTransform needs the agents of a group to observe vectors of one length, but "
            f"those of {key} are {type(leaf).__name__} of shape {shape}: give in_keys= of others, "
            "or put agents that observe alike in a group of their own with group_map=."
        )
    one = (0,) * axes
    low, high = np.full(shape[axes:], -np.inf), np.full(shape[axes:], np.inf)
    if isinstance(leaf, Bounded):
        low, high = (side[one].cpu().numpy() for side in (leaf.space.low, leaf.space.high))
    count = shape[axes]
    # Behind workers nobody says what the agents are called.
    called = names or [f"{key[0]}_{number}" for number in range(count)]
    return Group(key, tuple(called), low, high)


def _simulator(base: Any) -> Any:
    return vars(base).get("_env")


def _is(env: Any, name: str) -> bool:
    """Returns whether an environment is of one of TorchRL's classes, without importing it."""
    return any(kind.__name__ == name for kind in type(env).__mro__)
