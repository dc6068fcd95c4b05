"""What is asked of a VMAS environment before it is wrapped, and where its agents are."""

from __future__ import annotations

from typing import Any

import torch
from vmas.simulator.environment import Environment

from failure_api.errors import WrongEnvironmentError, describe


def agent_positions(env: Any) -> torch.Tensor:
    """Returns where the agents are, `[num_envs, N, 2]`, in the scenario's own unit.

    In most scenarios an agent's radius is about 0.1 and the arena reaches from -1 to 1.
    """
    return torch.stack([agent.state.pos for agent in env.agents], dim=-2)


def scenario_name(env: Any) -> str:
    """Returns what the scenario is called, by the file that says what its agents observe."""
    file: str = type(env.scenario).observation.__code__.co_filename
    return file.replace("\\", "/").rpartition("/")[2].removesuffix(".py")


def check_environment(env: Any) -> None:
    """Raises an error for what is no VMAS environment."""
    if isinstance(env, Environment):
        return
    remedy = "give what vmas.make_env(...) returns"
    if isinstance(getattr(env, "env", None), Environment):
        remedy = "make it without wrapper=, and wrap it afterwards"
        if hasattr(env, "get_communication_state"):
            remedy = "give several models to one wrapper"
    elif isinstance(vars(env).get("_env") if hasattr(env, "__dict__") else None, Environment):
        remedy = "in TorchRL use failure_api.integrations.torchrl.FailureTransform"
    raise WrongEnvironmentError(
        f"CommunicationWrapper wraps VMAS environments, but {describe(env)} is none: {remedy}."
    )


def boxes_of(env: Any, agent_ids: tuple[str, ...]) -> list[Any]:
    """Returns each agent's space, which must be that of vectors."""
    space = env.observation_space
    boxes = [space[name if env.dict_spaces else place] for place, name in enumerate(agent_ids)]
    for name, box in zip(agent_ids, boxes, strict=True):
        if len(getattr(box, "shape", None) or ()) != 1:
            raise WrongEnvironmentError(
                f"CommunicationWrapper needs observations that are vectors, but those of agent "
                f"{name!r} in {scenario_name(env)} are {describe(box)}: choose the scenario's "
                "option that makes them vectors, such as dict_obs=False."
            )
    return boxes
