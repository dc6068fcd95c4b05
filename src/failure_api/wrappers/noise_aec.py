"""The wrapper that gives the agents of an AEC environment faulty sensors."""

from __future__ import annotations

from pettingzoo import AECEnv

from failure_api.wrappers.aec_rounds import AECRounds
from failure_api.wrappers.below import check_kind
from failure_api.wrappers.mirror import moves_once_a_cycle
from failure_api.wrappers.rounds import NoiseModels
from failure_api.wrappers.sensors import SensorReports, Sensors


class NoiseWrapper(SensorReports, AECRounds):
    """Corrupts what the agents of an AEC environment observe by themselves.

    Each agent's observation is read once a round, that is after the last action of a cycle, or
    after every turn where the environment is turn-based. Where an environment moves in mid-cycle,
    what has moved is read with the errors of the round. Observations stay in their spaces, and an
    `action_mask` is never touched. `agents`, rewards, terminations, truncations, infos and the
    environment's `state()` are its own. `reset(seed)` fixes every draw of the models; `reset()`
    goes on with the next episode.

    Put it below a communication wrapper, not around one: from outside it would also corrupt what
    was received, with its flags and ages.

    Args:
        env: A PettingZoo AEC environment.
        noise_models: One noise model, or several that act in order. Their `agent_ids` are the
            agents whose sensors fail.

    Raises:
        WrongEnvironmentError: Not an AEC environment, or one without `possible_agents`.
        InvalidArgumentError: A model does not suit the environment, or observations that are no
            numbers, such as texts and graphs.

    Example:
        >>> from mpe2 import simple_spread_v3
        >>> from failure_api.noise_models import GaussianNoiseModel
        >>> from failure_api.wrappers import NoiseWrapper
        >>> bare = simple_spread_v3.env()
        >>> env = NoiseWrapper(simple_spread_v3.env(), GaussianNoiseModel(standard_deviation=0.1))
        >>> bare.reset(seed=1)
        >>> env.reset(seed=1)
        >>> errors = env.observe("agent_0") - bare.observe("agent_0")
        >>> bool(0 < abs(errors).max() < 0.6)
        True
    """

    def __init__(self, env: AECEnv, noise_models: NoiseModels) -> None:
        check_kind("NoiseWrapper", env, AECEnv)
        super().__init__(env, Sensors(env, noise_models, moves_once_a_cycle(env)))
