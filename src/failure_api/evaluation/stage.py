"""The stage of a cell: its environment, wrapped, its policy and its team."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from failure_api.communication_models import ScheduledModel
from failure_api.core.model import CommunicationModel
from failure_api.environments import make_environment
from failure_api.errors import FailureApiError
from failure_api.evaluation.plan import Cell, Plan
from failure_api.evaluation.policies import make_policy
from failure_api.evaluation.rewards import Scalarization
from failure_api.exchanges import Exchange
from failure_api.serialization.paths import KeyPath, PlainDataError, placed, refused, text_of
from failure_api.serialization.reading import from_dict, part_from_dict
from failure_api.wrappers import CommunicationWrapper, CommunicationWrapperParallel

_CELLS_READ = 1_000


def outage_end(plan: Plan) -> int | None:
    """Returns the first round after the last outage.

    An outage is a `ScheduledModel` with one window that ends.

    Args:
        plan: The plan.

    Returns:
        The round; None where there is no outage, or where it does not end alike in every cell.
    """
    cells = (cell for cell in plan.telling_cells(_CELLS_READ) if cell.severity is not None)
    ends = {
        _end_of(models_of(plan.filled(cell))["failure_models"])
        for cell in itertools.islice(cells, _CELLS_READ)
    }
    return ends.pop() if len(ends) == 1 else None


def _end_of(models: Iterable[CommunicationModel]) -> int | None:
    ends = [
        model.stop
        for model in models
        if isinstance(model, ScheduledModel) and model.period is None and model.stop is not None
    ]
    return max(ends, default=None)


class Stage:
    """A cell's environment, policy and team.

    Args:
        plan: The plan.
        cell: One of its cells.

    Attributes:
        env: The environment in a communication wrapper.
        policy: The policy.
        team: The agents whose rewards count.
        scalar: What makes a number of a reward.

    Raises:
        PlainDataError: Something in the specification does not suit; the error says where it is.
    """

    def __init__(self, plan: Plan, cell: Cell) -> None:
        filled = plan.filled(cell)
        specification = plan.specification
        self.is_parallel = specification.api == "parallel"
        models = models_of(filled)
        exchange = exchange_of(filled["exchange"])
        try:
            bare = make_environment(
                specification.environment, api=specification.api, **filled["options"]
            )
        except FailureApiError as error:
            key = "options" if filled["options"] else "environment"
            raise PlainDataError(str(error), (key,)) from error
        wrapper = CommunicationWrapperParallel if self.is_parallel else CommunicationWrapper
        try:
            self.env: Any = wrapper(bare, exchange=exchange, **models)
        except FailureApiError as error:
            raise placed(error, (), {"exchange": "exchange"}) from error
        if len(self.env.possible_agents) < 2:
            remedy = "take one with two agents or more"
            rule = "must have agents that can speak to each other"
            raise refused(("environment",), rule, specification.environment, remedy)
        self.team = team_of(self.env, specification.team)
        try:
            self.scalar = Scalarization(specification.scalarization)
        except FailureApiError as error:
            raise about(("scalarization",), error) from error
        try:
            self.policy: Any = make_policy(cell.policy, self.env)
        except FailureApiError as error:
            path = ("policies", specification.policies.index(cell.policy))
            raise about(path, error) from error

    def close(self) -> None:
        """Lets the environment go."""
        self.env.close()


def about(path: KeyPath, error: FailureApiError) -> PlainDataError:
    """Returns an error that begins with the place that it is about."""
    sentence = str(error).removeprefix(f"{path[0]} ")
    colon = "" if sentence != str(error) else ":"
    return PlainDataError(f"{text_of(path)}{colon} {sentence}", path)


def models_of(filled: dict[str, Any]) -> dict[str, Any]:
    """Returns the models of plain data without grids, ready for a wrapper.

    Raises:
        PlainDataError: Something that is no model.
    """
    roots = ("failure_models", "noise_models")
    models: dict[str, Any] = from_dict({root: filled[root] for root in roots})
    return models


def exchange_of(plain: Any) -> Any:
    """Returns the exchange of plain data; None for None.

    Raises:
        PlainDataError: Something that is no exchange.
    """
    return None if plain is None else part_from_dict(plain, ("exchange",), (Exchange,))


def team_of(env: Any, patterns: tuple[str, ...]) -> tuple[Any, ...]:
    """Returns the agents whose names match one of some patterns.

    Raises:
        PlainDataError: A pattern that no agent's name matches.
    """
    agents = tuple(env.possible_agents)
    for index, pattern in enumerate(patterns):
        if not any(fnmatchcase(str(agent), pattern) for agent in agents):
            listed = ", ".join(map(str, agents))
            rule = "must name agents of the environment"
            remedy = f"name some of {listed}, or a pattern such as {str(agents[0])[:1]}*"
            raise refused(("team", index), rule, pattern, remedy)
    return tuple(a for a in agents if any(fnmatchcase(str(a), p) for p in patterns))
