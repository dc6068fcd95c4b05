"""Which interface an environment has, and the adapter that fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils import aec_to_parallel

from failure_api.environments.adapters.dicts import (
    from_dicts,
    from_rllib,
    is_rllib,
    says_all,
    speaks_in_dicts,
)
from failure_api.environments.adapters.tuples import from_tuple, has_tuple_spaces
from failure_api.errors import WrongEnvironmentError, describe


def as_parallel(env: Any, *, possible_agents: Sequence[Any] | None = None) -> ParallelEnv:
    """Returns any multi-agent environment as a PettingZoo `ParallelEnv`.

    Args:
        env: A `ParallelEnv`, which comes back as it is if it names its agents and spaces; an
            `AECEnv` whose agents act in cycles, which PettingZoo converts; an environment with
            Tuple spaces (`from_tuple`), one of RLlib's (`from_rllib`), or one that speaks in dicts
            (`from_dicts`), as a `ParallelEnv` does that names them only after a reset.
        possible_agents: All agents that may ever take part, where the environment does not say,
            or the names of those that have none.

    Returns:
        The environment, in an adapter where it needs one.

    Raises:
        WrongEnvironmentError: None of these, or one that does not keep to its interface.
        InvalidArgumentError: `possible_agents` are not the agents of the environment.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api.environments import as_parallel, to_tuple
        >>> as_parallel(to_tuple(simple_spread_v3.parallel_env())).possible_agents
        ['agent_0', 'agent_1', 'agent_2']
    """
    if isinstance(env, AECEnv):
        if not env.metadata.get("is_parallelizable", False):
            raise WrongEnvironmentError(
                f"as_parallel must be given agents that can act at once, but in {env} they take "
                "turns: wrap it as it is, by CommunicationWrapper."
            )
        env = aec_to_parallel(env)
    if isinstance(env, ParallelEnv):
        complete = possible_agents is None and says_all(env)
        return env if complete else from_dicts(env, possible_agents=possible_agents)
    for suits, adapt in (
        (has_tuple_spaces, from_tuple),
        (is_rllib, from_rllib),
        (lambda env: speaks_in_dicts(env, possible_agents), from_dicts),
    ):
        if suits(env):
            return adapt(env, possible_agents=possible_agents)
    raise WrongEnvironmentError(
        "an environment must be one of PettingZoo, of gymnasium with a Tuple of spaces, of RLlib's "
        f"MultiAgentEnv, or speak in dicts by agent, but {describe(env)} is none of these: give "
        "its agents names and spaces, as PettingZoo's ParallelEnv has them."
    )


def adapted(env: Any) -> Any:
    """Returns what `as_parallel` makes of something; as it is where PettingZoo or nobody made it.

    It is asked where PettingZoo's environments are taken as they are, and anything else that is
    none is refused by words of its own.
    """
    other = has_tuple_spaces(env) or is_rllib(env) or speaks_in_dicts(env)
    return as_parallel(env) if other and not isinstance(env, AECEnv | ParallelEnv) else env
