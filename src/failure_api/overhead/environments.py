"""The environments that are compared: one bare and one wrapped, otherwise the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pettingzoo.utils.conversions import aec_to_parallel

from failure_api.communication_models import ProbabilisticModel
from failure_api.core.parameters.rules import Choice, WholeNumber
from failure_api.core.parameters.types import SHARE
from failure_api.environments import environment_options, make_environment
from failure_api.errors import InvalidArgumentError, WrongEnvironmentError, describe, invalid
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
        ids = environment.possible_agents
        model = ProbabilisticModel(failure_prob=self.failure_prob, agent_ids=ids)
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


DEFAULT_ENVIRONMENT = "mpe2.simple_spread_v3"
DEFAULT_AGENTS = (3, 10, 25)


def check_arguments(
    environment: str,
    agents: Sequence[int] | None,
    episodes: int,
    cycles: int,
    failure_prob: float,
    api: str,
    protocol: str,
) -> tuple[int | None, ...]:
    """Refuses what cannot be measured, before anything is.

    Args:
        environment: Name of the environment.
        agents: Values for its option `N`, or None.
        episodes: Episodes on each side.
        cycles: Steps in an episode.
        failure_prob: Probability that a link fails in a round.
        api: "aec" or "parallel".
        protocol: "paired" or "seed".

    Returns:
        The values of `N` to measure; a single None stands for the environment as it is.

    Raises:
        FailureApiError: An argument is wrong.

    Example:
        >>> check_arguments("mpe2.simple_spread_v3", None, 20, 25, 0.5, "aec", "paired")
        (3, 10, 25)
        >>> check_arguments("mpe2.simple_tag_v3", None, 20, 25, 0.5, "aec", "paired")
        (None,)
    """
    Choice(("paired", "seed")).normalise("protocol", protocol)
    options = environment_options(environment, api=api) or ()
    if protocol == "seed" and api != "aec":
        rule, remedy = "must be 'aec' under the protocol 'seed'", "take the protocol 'paired'"
        raise invalid("api", rule, api, f"{remedy} for Parallel environments")
    for name, value in {"episodes": episodes, "cycles": cycles}.items():
        WholeNumber(1).normalise(name, value)
    replace(SHARE, remedy="give a probability").normalise("failure_prob", failure_prob)
    counts = _counts(environment, agents, "N" in options)
    subject = Subject(
        environment=environment, agents=counts[0], cycles=cycles, failure_prob=failure_prob, api=api
    )
    # Built once and let go: what cannot be built is refused now, not between two measurements.
    subject.wrapped().close()
    return counts


def _counts(
    environment: str, agents: Sequence[int] | None, has_option: bool
) -> tuple[int | None, ...]:
    if agents is None:
        return DEFAULT_AGENTS if environment == DEFAULT_ENVIRONMENT else (None,)
    if not agents:
        raise invalid("agents", "must name at least one number", agents, "leave it out or add one")
    for count in agents:
        WholeNumber(1).normalise("agents", count)
    if not has_option:
        raise InvalidArgumentError(
            f"agents has no meaning for {environment}, which takes no option `N`, but "
            f"{describe(list(agents))} was given: leave it out to measure the environment as it is."
        )
    return tuple(agents)
