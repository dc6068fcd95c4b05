"""The arguments of a call of a batched channel, checked: shapes, types, libraries and devices."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from failure_api.core import Chain, Context
from failure_api.core.arrays import libraries
from failure_api.core.links import Array
from failure_api.core.parameters.types import FARTHEST, SHARE
from failure_api.errors import invalid


class Call(NamedTuple):
    """What a call is given.

    Attributes:
        library: Whose arrays they are.
        device: Where they are.
        batch: Shape of the batch.
        agent_ids: The team.
        positions: Where the agents are, float32 `[..., N, dim]`; None where nobody says.
        alive: Which of them take part, bool `[..., N]`.
        severity: How severe failures are in each element, float32 `[...]`; None where nobody says.
    """

    library: libraries.Library
    device: Any
    batch: tuple[int, ...]
    agent_ids: tuple[Any, ...]
    positions: Array | None
    alive: Array
    severity: Array | None = None

    @property
    def xp(self) -> Any:
        """The array namespace."""
        return self.library.xp

    @property
    def columns(self) -> int | None:
        """Number of coordinates of the positions."""
        return None if self.positions is None else self.positions.shape[-1]

    def context(self, round_index: Any) -> Context:
        """Returns what models may know of a round."""
        ids, count = self.agent_ids, len(self.agent_ids)
        shape, severity = (*self.batch, count, count), self.severity
        team = self.alive, self.positions, self.xp, shape, ids
        return Context(round_index, *team, severity=severity)

    def graded(self, severity: Any, chain: Chain) -> Call:
        """Returns the call with a severity, or raises what is wrong with it.

        Args:
            severity: A number, an array of one for each element of the batch, or None.
            chain: The failure models.
        """
        if severity is None:
            return self
        xp, severity = self.xp, check_severity(severity, chain)
        if not isinstance(severity, float):
            other = libraries.library_of({"severity": severity})
            if other is not self.library:
                found, remedy = f"one of {other.package}", "convert it"
                rule = f"must be a number or an array of {self.library.package}"
                raise invalid("severity", rule, found, remedy)
            shape = tuple(severity.shape)
            if shape not in ((), self.batch):
                rule = f"must be a number or an array of the batch's shape {self.batch}"
                raise invalid("severity", rule, shape, "give one for each element")
            severity = xp.astype(severity, xp.float32)
            # Whatever is no number is mild.
            severity = xp.where(severity > 0, xp.clip(severity, 0.0, 1.0), 0.0)
        return self._replace(severity=xp.zeros(self.batch, dtype=xp.float32) + severity)


def call_of(
    chain: Chain,
    agent_ids: tuple[Any, ...],
    batch: tuple[int, ...],
    arrays: dict[str, Any],
    positions: Array | None,
    alive: Array | None,
) -> Call:
    """Returns what a call is given, or raises what is wrong with it.

    Args:
        chain: The failure models.
        agent_ids: The team.
        batch: Shape of the batch.
        arrays: Further arrays of the call, by name; the first of them says where new arrays are.
        positions: Where the agents are, or None.
        alive: Which of them take part, or None for all.
    """
    needing, rows, count = chain.needing_positions, (*batch, len(agent_ids)), len(agent_ids)
    if needing is not None and positions is None:
        rule = f"must be given, since {needing} needs them"
        raise invalid("positions", rule, None, f"give an array {_shown(batch, count, 'dim')}")
    for name, array in arrays.items():
        if array is None:
            raise invalid(name, "must be an array", None, "give one")
    library = libraries.library_of({**arrays, "positions": positions, "alive": alive})
    device, xp = libraries.device_of(next(iter(arrays.values()))), library.xp
    if positions is not None:
        if positions.ndim < 2 or positions.shape[:-1] != rows:
            rule = f"must have the shape {_shown(batch, count, 'dim')}"
            raise invalid("positions", rule, tuple(positions.shape), "give one row for each agent")
        if not xp.isdtype(positions.dtype, "real floating") or not positions.shape[-1]:
            found = f"{positions.dtype} with {positions.shape[-1]} coordinates"
            raise invalid("positions", "must be real coordinates", found, "give x and y")
    if alive is None:
        alive = _everyone(library, rows, device)
    elif tuple(alive.shape) != rows or alive.dtype != xp.bool:
        rule = f"must be bool of the shape {_shown(batch, count)}"
        found = f"{alive.dtype} of shape {tuple(alive.shape)}"
        raise invalid("alive", rule, found, "give one flag for each agent")
    else:
        # A copy, since the channel remembers who lived.
        alive = libraries.own(alive, library)
    if positions is not None:
        positions = _placed(positions, alive, library)
    return Call(library, device, batch, agent_ids, positions, alive)


def check_severity(severity: Any, chain: Chain) -> Any:
    """Returns how severe failures are, or raises what is wrong with it as far as one can look.

    Args:
        severity: A number, which is returned as a float, or an array.
        chain: The failure models, of which one must take it.
    """
    chain.check_setting("severity", "severity")
    if isinstance(severity, int | float | np.generic) or not hasattr(severity, "shape"):
        return SHARE.normalise("severity", severity)
    xp = libraries.library_of({"severity": severity}).xp
    if not xp.isdtype(severity.dtype, ("real floating", "integral")):
        raise invalid("severity", "must be real numbers", severity.dtype, "convert them")
    values = libraries.values_of(severity)
    if values is not None:
        outside = values[~((values >= 0) & (values <= 1))]
        if outside.size:
            raise invalid("severity", "must lie in [0, 1]", float(outside[0]), "give shares")
    return severity


def _placed(positions: Array, alive: Array, library: libraries.Library) -> Array:
    """Returns where the agents are as float32, of which the living have finite ones."""
    xp = library.xp
    # A copy, since models remember where agents were.
    with np.errstate(over="ignore"):
        placed = libraries.own(positions, library, xp.float32)
    if library is libraries.NUMPY:
        lost = alive & ~(np.abs(placed) <= FARTHEST).all(axis=-1)
        if lost.any():
            found = positions[lost][0].tolist()
            rule = f"must be finite, within {FARTHEST:g} of 0, for agents that are alive"
            raise invalid("positions", rule, found, "give numbers, in a larger unit if need be")
    # In a library whose arrays nobody may look at, what is further off is as far as this.
    return xp.clip(placed, -FARTHEST, FARTHEST)


def batch_of(payloads: Array, axes: tuple[int, ...], width: int | None) -> tuple[int, ...]:
    """Returns the shape of the batch that payloads are for, or raises what is wrong with them.

    Args:
        payloads: What is said.
        axes: The axes of agents that it must have.
        width: How many entries there must be; None for any number.
    """
    xp = libraries.library_of({"payloads": payloads}).xp
    if not xp.isdtype(payloads.dtype, "real floating"):
        rule, remedy = "must be of a floating-point type", "convert them, as to float32"
        raise invalid("payloads", rule, payloads.dtype, remedy)
    shape, last = tuple(payloads.shape), -len(axes) - 1
    wide = width is None or shape[-1:] == (width,)
    if len(shape) <= len(axes) or shape[last:-1] != axes or not wide:
        rule = f"must have the shape [..., {', '.join(map(str, (*axes, width or 'D')))}]"
        remedies = "give each entry", "give one row for each agent", "give what each says to each"
        raise invalid("payloads", rule, shape, remedies[len(axes)])
    return shape[:last]


def check_same_form(payloads: Array, batch: tuple[int, ...], form: Array) -> None:
    """Raises an error if payloads are of another form than those that the state began with."""
    before, now = (*batch, *form.shape[1:]), tuple(payloads.shape)
    if before != now:
        rule = f"must keep the shape {before} that the state began with"
        raise invalid("payloads", rule, now, "begin another state with init")
    if payloads.dtype != form.dtype:
        rule = f"must keep the type {form.dtype} that the state began with"
        raise invalid("payloads", rule, payloads.dtype, "convert them")


def check_done(done: Any, batch: tuple[int, ...]) -> None:
    """Raises an error if flags do not say for each element of the batch whether it is done."""
    library = libraries.library_of({"done": done})
    if tuple(done.shape) != batch or done.dtype != library.xp.bool:
        found = f"{done.dtype} of shape {tuple(done.shape)}"
        raise invalid("done", f"must be bool of the batch's shape {batch}", found, "convert it")


def _everyone(library: libraries.Library, shape: tuple[int, ...], device: Any) -> Array:
    if library.traces:
        # While a function is traced, what is made belongs to it alone.
        return library.xp.ones(shape, dtype=library.xp.bool)
    return _kept_everyone(library, shape, device)


@functools.lru_cache(maxsize=16)
def _kept_everyone(library: libraries.Library, shape: tuple[int, ...], device: Any) -> Array:
    """Returns the same array each time, by which the channel knows that nobody has died."""
    with libraries.lasting(library):
        return library.xp.ones(shape, dtype=library.xp.bool, device=device)


def _shown(batch: tuple[int, ...], *rest: Any) -> str:
    return f"({', '.join(map(str, (*batch, *rest)))})"
