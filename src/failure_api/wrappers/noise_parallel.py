"""The wrapper that gives the agents of a Parallel environment faulty sensors."""

from __future__ import annotations

from pettingzoo import ParallelEnv

from failure_api.wrappers.below import check_kind
from failure_api.wrappers.parallel_rounds import ParallelRounds
from failure_api.wrappers.rounds import NoiseModels
from failure_api.wrappers.sensors import SensorReports, Sensors


class NoiseWrapperParallel(SensorReports, ParallelRounds):
    """Corrupts what the agents of a Parallel environment observe by themselves.

    Everything holds that `NoiseWrapper` promises of AEC environments: with the same seed and the
    same models both show the same observations.

    Put it below a communication wrapper, not around one: from outside it would also corrupt what
    was received, with its flags and ages.

    Args:
        env: A PettingZoo Parallel environment.
        noise_models: One noise model, or several that act in order. Their `agent_ids` are the
            agents whose sensors fail.

    Raises:
        WrongEnvironmentError: Not a Parallel environment, or one without `possible_agents`.
        InvalidArgumentError: A model does not suit the environment, or observations that are no
            numbers, such as texts and graphs.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api.noise_models import GaussianNoiseModel
        >>> from failure_api.wrappers import NoiseWrapperParallel
        >>> env = NoiseWrapperParallel(
        ...     simple_spread_v3.parallel_env(),
        ...     GaussianNoiseModel(standard_deviation=0.1, agent_ids=["agent_0"]),
        ... )
        >>> observations, infos = env.reset(seed=1)
        >>> bare, _ = simple_spread_v3.parallel_env().reset(seed=1)
        >>> {agent: bool((observations[agent] == bare[agent]).all()) for agent in bare}
        {'agent_0': False, 'agent_1': True, 'agent_2': True}
    """

    def __init__(self, env: ParallelEnv, noise_models: NoiseModels) -> None:
        check_kind("NoiseWrapper", env, ParallelEnv)
        super().__init__(env, Sensors(env, noise_models, still=True))
