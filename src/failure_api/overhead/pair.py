"""The two environments that are compared: one bare, one wrapped, otherwise the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pettingzoo.utils.conversions import aec_to_parallel

from failure_api.communication_models import ProbabilisticModel
from failure_api.environments import environment_options, make_environment
from failure_api.errors import WrongEnvironmentError
from failure_api.wrappers import CommunicationWrapper, CommunicationWrapperParallel


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An environment to be measured, with everything that building it takes.

    Attributes:
        environment: Name of the environment.
        agents: Value of its option `N`; None leaves the environment as it is.
        cycles: Steps in an episode.
        failure_prob: Probability that a link fails in a round.
        api: "aec" or "parallel".
    """

    environment: str
    agents: int | None
    cycles: int
    failure_prob: float
    api: str

    def bare(self) -> Any:
        """Returns the environment without a wrapper, stepped for all agents at once."""
        return self._steppable(self._make())

    def wrapped(self) -> Any:
        """Returns the environment inside the wrapper, stepped for all agents at once."""
        environment = self._make()
        model = ProbabilisticModel(
            failure_prob=self.failure_prob, agent_ids=environment.possible_agents
        )
        wrapper = CommunicationWrapper if self.api == "aec" else CommunicationWrapperParallel
        return self._steppable(wrapper(environment, failure_models=[model]))

    def _make(self) -> Any:
        options: dict[str, Any] = {} if self.agents is None else {"N": self.agents}
        if "max_cycles" in (environment_options(self.environment, api=self.api) or ()):
            options["max_cycles"] = self.cycles
        return make_environment(self.environment, api=self.api, **options)

    def _steppable(self, environment: Any) -> Any:
        if self.api == "parallel":
            return environment
        if not environment.metadata.get("is_parallelizable", False):
            raise WrongEnvironmentError(
                f"{self.environment} cannot be measured, since its agents take turns and a step "
                "of all of them at once does not exist: measure an environment whose agents act "
                "together, such as 'mpe2.simple_spread_v3'."
            )
        return aec_to_parallel(environment)
