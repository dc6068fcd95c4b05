"""The stage of a cell: its environment, wrapped, its policy and its team."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from pettingzoo import ParallelEnv

from failure_api.core.parameters.rules import numbers
from failure_api.environments import make_environment
from failure_api.environments.positions import known_positions
from failure_api.errors import FailureApiError, reason
from failure_api.evaluation.plan import Cell, Plan, Specification
from failure_api.evaluation.policies import make_policy
from failure_api.evaluation.reading import about
from failure_api.exchanges import Exchange, MaskSegments
from failure_api.serialization.paths import KeyPath, PlainDataError, placed, refused, text_of
from failure_api.serialization.reading import from_dict, part_from_dict
from failure_api.serialization.registry import key_of
from failure_api.user_code import ANYTHING, named
from failure_api.wrappers import CommunicationWrapper, CommunicationWrapperParallel

_CELLS_READ = 1_000

HEARD = "agents observe through"
"""How a note begins that a policy's error bears."""


def outage_end(plan: Plan) -> int | None:
    """Returns the first round after the last outage.

    An outage is a `ScheduledModel` with one window that ends.

    Args:
        plan: The plan.

    Returns:
        The round; None where there is no outage, or where it does not end alike in every cell.
    """
    cells = (cell for cell in plan.telling_cells(_CELLS_READ) if cell.severity is not None)
    ends: set[int | None] = set()
    for cell in itertools.islice(cells, _CELLS_READ):
        # Read as plain data, since nothing of the user's need be there to read results.
        models = [each for each in plan.filled(cell)["failure_models"] if isinstance(each, dict)]
        outages = [each for each in models if key_of(str(each.get("model"))) == "scheduled"]
        stops = [each["stop"] for each in outages if each.get("stop") and not each.get("period")]
        ends.add(max(stops, default=None))
    return ends.pop() if len(ends) == 1 else None


class Stage:
    """A cell's environment, policy and team.

    Args:
        plan: The plan.
        cell: One of its cells.

    Attributes:
        env: The environment in a communication wrapper.
        is_parallel: Whether its agents act all at once.
        positions: Returns where agents are; None where nothing tells.
        heard_through: What agents observe through, as a note to what goes wrong.
        policy: The policy.
        team: The agents whose rewards count.
        scalar: What makes a number of a reward.

    Raises:
        PlainDataError: Something in the specification does not suit; the error says where it is.
    """

    def __init__(self, plan: Plan, cell: Cell) -> None:
        filled, asked = plan.filled(cell), plan.specification
        models = models_of(filled)
        exchange = exchange_of(filled["exchange"], asked)
        positions = _blamed(asked_for(asked, "positions"), "positions")
        bare = environment_of(asked, filled["options"])
        if asked.segments is not None and callable(exchange.segments):
            with about(("segments",)):
                exchange = with_segments_of(exchange, bare)
        self.is_parallel = isinstance(bare, ParallelEnv)
        wrapper = CommunicationWrapperParallel if self.is_parallel else CommunicationWrapper
        try:
            self.env: Any = wrapper(bare, exchange=exchange, positions=positions, **models)
        except FailureApiError as error:
            raise placed(error, (), {"exchange": "exchange"}) from error
        if len(self.env.possible_agents) < 2:
            rule, remedy = "must have agents that can speak to each other", "take one with two"
            raise refused(("environment",), rule, asked.environment, f"{remedy} agents or more")
        self.heard_through = f"{HEARD} {self.env.exchange!r}"
        if exchange is None and not isinstance(self.env.exchange, MaskSegments):
            self.heard_through += (
                ", since nothing says which entries of their observations come from whom: name a "
                "function by segments where a policy needs observations as they are"
            )
        look = positions or known_positions(bare)
        self.positions: Any = None if look is None else lambda: look(bare)
        self.team = team_of(self.env, asked.team)
        self.scalar = Scalarization(asked_for(asked, "scalarization"))
        try:
            self.policy: Any = make_policy(asked.found(asked.policies[cell.policy]), self.env)
        except FailureApiError as error:
            raise beginning_with(policy_path(asked, cell.policy), error) from error

    def act(self, observations: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Returns what the policy does."""
        try:
            actions: Mapping[Any, Any] = self.policy(observations)
            return actions
        except ANYTHING as error:
            error.add_note(self.heard_through)
            raise

    def close(self) -> None:
        """Lets the environment go, whatever it raises."""
        with suppress(*ANYTHING):
            self.env.close()


def beginning_with(path: KeyPath, error: FailureApiError) -> PlainDataError:
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


def environment_of(asked: Specification, options: Mapping[str, Any]) -> Any:
    """Returns the bare environment that a specification asks for.

    Raises:
        PlainDataError: There is none of that name, or its options do not suit.
    """
    try:
        return make_environment(asked.found(asked.environment), api=asked.api, **options)
    except FailureApiError as error:
        word = str(error).partition(" ")[0]
        default = "options" if options else "environment"
        path = (word if word in ("environment", "api", "options") else default,)
        raise PlainDataError(str(error), path) from error


def policy_path(asked: Specification, label: str) -> KeyPath:
    """Returns where a specification names a policy."""
    return ("policies", list(asked.policies).index(label))


def asked_for(asked: Specification, key: str) -> Any:
    """Returns the function that a specification names, or the data in its place."""
    found = asked.found(getattr(asked, key))
    if isinstance(found, str):
        with about((key,)):
            found = named(found, key)
        if not callable(found):
            rule = "must name a function of the environment"
            raise refused((key,), rule, getattr(asked, key), "name another one")
    return found


def _blamed(found: Any, key: str) -> Any:
    """Returns a function whose errors are about the key that names it; other data as it is."""
    if not callable(found):
        return found

    @functools.wraps(found)
    def called(*arguments: Any) -> Any:
        try:
            return found(*arguments)
        except ANYTHING as error:
            rule = f"must name a function that works on the environment ({reason(error)})"
            raise refused((key,), rule, found, "fix it") from error

    return called


def exchange_of(plain: Any, asked: Specification) -> Any:
    """Returns the exchange of plain data, with the segments of a specification; None for None.

    Raises:
        PlainDataError: Something that is no exchange, or that takes no segments.
    """
    path = ("exchange",)
    exchange = None if plain is None else part_from_dict(plain, path, (Exchange,))
    if asked.segments is None:
        return exchange
    exchange = exchange or MaskSegments()
    if not isinstance(exchange, MaskSegments) or exchange.segments is not None:
        rule = "must be a mask_segments without segments of its own beside segments"
        raise refused(path, rule, plain, "leave one of the two out")
    segments = _blamed(asked_for(asked, "segments"), "segments")
    with about(("segments",)):
        return dataclasses.replace(exchange, segments=segments)


class Scalarization:
    """Makes a number of the reward of an agent.

    A reward of one entry is a number. Of a vector with an entry for each objective, weights make
    a sum, and a function whatever it returns.

    Args:
        by: Weights, one for each objective; a function of the vector; or None, for environments
            whose rewards are numbers.

    Example:
        >>> Scalarization([0.5, 2.0])(np.array([4.0, 1.0]))
        4.0
        >>> Scalarization(None)(np.array([3.0]))
        3.0
    """

    def __init__(self, by: Sequence[float] | Callable[[Any], Any] | None) -> None:
        self._by = by
        self._weights = None if by is None or callable(by) else np.array(by)

    def __call__(self, reward: Any) -> float:
        """Returns what a reward counts for.

        Raises:
            PlainDataError: A vector where nothing says what it counts for, as many weights as it
                has no entries, or a function that returns no number.
        """
        if isinstance(reward, int | float):
            return float(reward)
        vector = numbers(reward, flags=True)
        if vector is None or not vector.size:
            rule, remedy = "must have rewards that are numbers", "let it return numbers"
            raise refused(("environment",), rule, reward, remedy)
        if self._weights is not None and vector.shape == self._weights.shape:
            return float(self._weights @ vector)
        if vector.size == 1:
            return float(vector.reshape(()))
        if callable(self._by):
            try:
                return float(self._by(vector))
            except ANYTHING as error:
                rule = f"must make a number of the reward {vector} ({reason(error)})"
                raise refused(("scalarization",), rule, self._by, "fix the function") from error
        if self._weights is None:
            rule = f"must be given where a reward has {vector.size} entries, as {vector} has"
            equal = [round(1 / vector.size, 3)] * vector.size
            remedy = f"name a weight for each, as in {equal}, or a function as 'module:function'"
            raise refused(("scalarization",), rule, None, remedy)
        rule = f"must hold a weight for each of the {vector.size} entries of a reward"
        raise refused(("scalarization",), rule, self._by, "give as many weights")


def with_segments_of(exchange: MaskSegments, env: Any) -> MaskSegments:
    """Returns an exchange with the segments that a function says of an environment, asked once.

    Segments move where it returns a function, and where it needs an environment that was reset:
    then it is asked in every round.
    """
    try:
        found = exchange.segments(env)  # type: ignore[operator,misc]
    except FailureApiError:
        return exchange
    return dataclasses.replace(exchange, segments=found)


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
