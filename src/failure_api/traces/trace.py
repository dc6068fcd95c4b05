"""A trace: every link of an episode, as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.parameters.frozen import FrozenArray
from failure_api.errors import InvalidArgumentError, invalid
from failure_api.traces.fields import duration, frozen, names
from failure_api.traces.files import MOST_BYTES, read_arrays, write_arrays

VERSION = 2
"""Version of the layout of saved traces. Version 1 had one bandwidth for what is apart now."""

LONGEST_RECORDED = 1_000_000
"""Rounds that a message of a trace may take."""

_FIELDS = {
    "lost": (np.bool_, 1, 0, "give True where a message does not arrive"),
    "capacity": (np.float32, np.inf, 1, "give messages per round, where 1 is nominal"),
    "delay": (np.int32, LONGEST_RECORDED, 0, f"give whole rounds, at most {LONGEST_RECORDED}"),
    "noise": (np.float32, float(np.finfo(np.float32).max), 0, "give variances"),
}
"""Of each array its type, its greatest entry, what stands on the diagonal, and what to do."""

LAYOUT = {
    "version": (np.dtype(np.int64), 0),
    "agent_ids": (None, 1),
    "bandwidth": (np.dtype(np.float32), 3),
    **{name: (np.dtype(dtype), 3) for name, (dtype, *_) in _FIELDS.items()},
    "round_duration": (np.dtype(np.float64), 0),
}
"""Type and number of axes of each array in a file; agent ids are text or int64."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Trace:
    """What happened on every link, round by round.

    The arrays are read-only. The diagonal means nothing: nothing is lost there, and the capacity
    is 1. Traces can be compared, hashed, pickled and saved.

    Args:
        agent_ids: Names of the agents, all text or all whole numbers, in the order of the arrays.
        lost: Where the message that is transmitted in a round does not arrive, bool `[T, N, N]`,
            indexed `[round, sender, receiver]`; None where nothing is lost.
        capacity: Messages per round that each link can carry, float32 `[T, N, N]`, infinite where
            there is no limit; None where no link has one.
        delay: Rounds that a message transmitted in a round takes, int32 `[T, N, N]`; None where
            every message arrives in its own round. In a recording they include all waiting, and a
            message that was still to arrive at the end has one beyond it.
        noise: Variance that a link adds to the content that arrives in a round, float32
            `[T, N, N]`; None where there is none.
        round_duration: Seconds that a round stands for; None where that is not known.

    Raises:
        InvalidArgumentError: Neither `lost` nor `capacity`, agents that are named twice, arrays of
            other shapes, entries that are negative or no numbers, delays above 1,000,000 rounds.

    Example:
        >>> trace = Trace(agent_ids=("a", "b"), lost=[[[0, 0], [1, 0]], [[0, 0], [0, 0]]])
        >>> trace.rounds, trace.lost[:, 1, 0].tolist()
        (2, [True, False])
    """

    agent_ids: Sequence[str | int]
    lost: NDArray[np.bool_] | None = None
    capacity: NDArray[np.float32] | None = None
    delay: NDArray[np.int32] | None = None
    noise: NDArray[np.float32] | None = None
    round_duration: float | None = None

    def __post_init__(self) -> None:
        """Checks the fields and makes them read-only."""
        agent_ids = names(self.agent_ids)
        if self.lost is None and self.capacity is None:
            remedy = "give what was lost, or what the links could carry"
            raise invalid("lost", "must be given where there is no capacity", None, remedy)
        shape: tuple[int | None, ...] = (None, len(agent_ids), len(agent_ids))
        normalised: dict[str, Any] = {"agent_ids": agent_ids}
        for name, (dtype, most, diagonal, remedy) in _FIELDS.items():
            value = getattr(self, name)
            if value is None:
                continue
            array = frozen(name, value, dtype, shape, remedy, most=most, diagonal=diagonal)
            normalised[name], shape = array, array.shape
        if self.round_duration is not None:
            normalised["round_duration"] = duration(self.round_duration)
        for name, value in normalised.items():
            object.__setattr__(self, name, value)

    @staticmethod
    def respelled(plain: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns plain data of version 1 in the words of today; other data as it is."""
        if "bandwidth" not in plain:
            return plain
        others = {name: value for name, value in plain.items() if name != "bandwidth"}
        return {**others, **_of_bandwidth(np.asarray(plain["bandwidth"], dtype=np.float32))}

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        given = self.lost if self.lost is not None else self.capacity
        assert given is not None
        return len(given)

    @property
    def carried(self) -> NDArray[np.float32]:
        """The share of a message that each link brings through in each round, `[T, N, N]`."""
        shape = (self.rounds, *(len(self.agent_ids),) * 2)
        through = np.ones(shape, np.float32) if self.capacity is None else self.capacity.clip(max=1)
        return through if self.lost is None else through * ~self.lost

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the trace to a file, which appears whole or not at all.

        Args:
            path: Name of the file, by custom one in `.npz`. A file of that name is replaced.

        Raises:
            InvalidArgumentError: The place does not exist or cannot be written to.
        """
        arrays = {"version": np.int64(VERSION), "agent_ids": np.array(self.agent_ids)}
        for name in (*_FIELDS, "round_duration"):
            if getattr(self, name) is not None:
                arrays[name] = np.asarray(getattr(self, name))
        write_arrays(path, arrays)

    @classmethod
    def load(cls, path: str | PathLike[str], *, most_bytes: int = MOST_BYTES) -> Trace:
        """Reads a trace that `save` wrote; nothing in the file is ever executed.

        Args:
            path: Name of the file.
            most_bytes: Most memory that the arrays may take, by default one GiB. It is looked at
                before anything is unpacked.

        Raises:
            InvalidArgumentError: The file is missing, truncated, not a trace, or too large.
        """
        arrays = read_arrays(path, LAYOUT, ("version", "agent_ids"), most_bytes)
        version = int(arrays.pop("version"))
        if version not in (1, VERSION):
            raise InvalidArgumentError(
                f"the trace in {str(path)!r} must have version 1 or {VERSION}, but it has version "
                f"{version}: read it with the version of failure-api that wrote it."
            )
        if ("bandwidth" in arrays) != (version == 1):
            known = "bandwidth" if version == 1 else "lost and capacity"
            raise _refused(path, f"version {version} must have {known}, but others were found")
        if version == 1:
            arrays.update(_of_bandwidth(arrays.pop("bandwidth")))
        for name in ("lost", "capacity"):
            rows = arrays[name].shape[1] if name in arrays else len(arrays["agent_ids"])
            if len(arrays["agent_ids"]) != rows:
                found = f"but {len(arrays['agent_ids'])} were found"
                rule = f"agent_ids must be as many as its {name} has rows, {rows}"
                raise _refused(path, f"{rule}, {found}")
        seconds = arrays.pop("round_duration", None)
        try:
            agent_ids = arrays.pop("agent_ids").tolist()
            length = None if seconds is None else float(seconds)
            return cls(agent_ids=agent_ids, round_duration=length, **arrays)
        except (InvalidArgumentError, ValueError) as error:
            text = " ".join(str(error).split())
            raise _refused(path, text.rpartition(": ")[0] or text) from error

    @cached_property
    def _sum(self) -> float:
        return float(self.carried.sum(dtype=np.float64))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trace):
            return NotImplemented
        return self is other or all(map(_same, self._values, other._values))

    def __hash__(self) -> int:
        return hash((self.agent_ids, self.rounds, self.round_duration, self._sum))

    def __repr__(self) -> str:
        """Shows small arrays whole, and shape and digest of larger ones."""
        shown = [
            f"{field.name}={FrozenArray(v, v.dtype) if isinstance(v, np.ndarray) else v!r}"
            for field, v in zip(fields(self), self._values, strict=True)
            if v is not None
        ]
        return f"Trace({', '.join(shown)})"

    @property
    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))

    def __copy__(self) -> Trace:
        return self

    def __deepcopy__(self, memo: Any) -> Trace:
        # Nothing in it can change, and environments that hold large traces are copied often.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, self._values


def _refused(path: Any, finding: str) -> InvalidArgumentError:
    remedy = "record or save the trace again"
    text = f"the file {str(path)!r} is refused because its {finding}: {remedy}."
    return InvalidArgumentError(text)


def _of_bandwidth(bandwidth: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """Returns what a bandwidth of version 1 says: 0 is lost, and the rest is capacity."""
    lost = bandwidth == 0
    if np.isin(bandwidth, (0, 1)).all():
        return {"lost": lost}
    return {"lost": lost, "capacity": np.where(lost, np.float32(np.inf), bandwidth)}


def _restored(*values: Any) -> Trace:
    """Returns the trace that was pickled, without copying its arrays again."""
    for value in values:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return Trace(**{field.name: value for field, value in zip(fields(Trace), values, strict=True)})


def _same(one: Any, other: Any) -> bool:
    arrays = isinstance(one, np.ndarray), isinstance(other, np.ndarray)
    return np.array_equal(one, other) if all(arrays) else not any(arrays) and one == other
