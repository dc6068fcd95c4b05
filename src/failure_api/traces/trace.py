"""What happened on every link of an episode, as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.frozen import FrozenArray
from failure_api.core.kinds import LONGEST_DELAY
from failure_api.errors import InvalidArgumentError
from failure_api.traces.fields import duration, frozen, names
from failure_api.traces.files import MOST_BYTES, read_arrays, write_arrays

VERSION = 1
"""Version of the layout of saved traces."""

LAYOUT = {
    "version": (np.dtype(np.int64), 0),
    "agent_ids": (None, 1),
    "bandwidth": (np.dtype(np.float32), 3),
    "delay": (np.dtype(np.int32), 3),
    "noise": (np.dtype(np.float32), 3),
    "round_duration": (np.dtype(np.float64), 0),
}
"""Type and number of axes of each array in a file; agent ids are text or int64."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Trace:
    """What happened on every link, round by round.

    The arrays are read-only. The diagonal means nothing and is 0. Traces can be compared, hashed,
    pickled and saved.

    Args:
        agent_ids: Names of the agents, all text or all whole numbers, in the order of the arrays.
        bandwidth: Messages per round that each link carries, float32 `[T, N, N]`, indexed
            `[round, sender, receiver]`.
        delay: Rounds that a message sent in a round takes, int32 `[T, N, N]`; None where every
            message arrives in the round in which it is sent.
        noise: Variance that a link adds to the content that arrives in a round, float32
            `[T, N, N]`; None where there is none.
        round_duration: Seconds that a round stands for; None where that is not known.

    Raises:
        InvalidArgumentError: Agents that are named twice, arrays of other shapes, entries that
            are negative or not finite, delays above 10,000 rounds.

    Example:
        >>> trace = Trace(agent_ids=("a", "b"), bandwidth=[[[0, 1], [0, 0]], [[0, 1], [1, 0]]])
        >>> trace.rounds, trace.bandwidth[:, 1, 0].tolist()
        (2, [0.0, 1.0])
    """

    agent_ids: Sequence[str | int]
    bandwidth: NDArray[np.float32]
    delay: NDArray[np.int32] | None = None
    noise: NDArray[np.float32] | None = None
    round_duration: float | None = None

    def __post_init__(self) -> None:
        """Checks the fields and makes them read-only."""
        agent_ids = names(self.agent_ids)
        count = len(agent_ids)
        remedy = "give messages per round, where 1 is nominal"
        bandwidth = frozen("bandwidth", self.bandwidth, np.float32, (None, count, count), remedy)
        normalised: dict[str, Any] = {"agent_ids": agent_ids, "bandwidth": bandwidth}
        shape = bandwidth.shape
        if self.delay is not None:
            remedy = f"give whole rounds, at most {LONGEST_DELAY}"
            normalised["delay"] = frozen("delay", self.delay, np.int32, shape, remedy)
        if self.noise is not None:
            remedy = "give variances"
            normalised["noise"] = frozen("noise", self.noise, np.float32, shape, remedy)
        if self.round_duration is not None:
            normalised["round_duration"] = duration(self.round_duration)
        for name, value in normalised.items():
            object.__setattr__(self, name, value)

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return len(self.bandwidth)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the trace to a file, which appears whole or not at all.

        Args:
            path: Name of the file, by custom one in `.npz`. A file of that name is replaced.

        Raises:
            InvalidArgumentError: The place does not exist or cannot be written to.
        """
        arrays = {"version": np.int64(VERSION), "agent_ids": np.array(self.agent_ids)}
        for name in ("bandwidth", "delay", "noise", "round_duration"):
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
        needed = ("version", "agent_ids", "bandwidth")
        arrays = read_arrays(path, LAYOUT, needed, most_bytes)
        version = int(arrays.pop("version"))
        if version != VERSION:
            raise InvalidArgumentError(
                f"the trace in {str(path)!r} must have version {VERSION}, but it has version "
                f"{version}: read it with the version of failure-api that wrote it."
            )
        if len(arrays["agent_ids"]) != arrays["bandwidth"].shape[1]:
            raise InvalidArgumentError(
                f"the file {str(path)!r} is refused because its agent_ids must be as many as its "
                f"bandwidth has rows, {arrays['bandwidth'].shape[1]}, but "
                f"{len(arrays['agent_ids'])} were found: record or save the trace again."
            )
        seconds = arrays.pop("round_duration", None)
        try:
            agent_ids = arrays.pop("agent_ids").tolist()
            length = None if seconds is None else float(seconds)
            return cls(agent_ids=agent_ids, round_duration=length, **arrays)
        except (InvalidArgumentError, ValueError) as error:
            text = " ".join(str(error).split())
            raise InvalidArgumentError(
                f"the file {str(path)!r} is refused because its {text.rpartition(': ')[0] or text}"
                ": record or save the trace again."
            ) from error

    @cached_property
    def _sum(self) -> float:
        return float(self.bandwidth.sum(dtype=np.float64))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trace):
            return NotImplemented
        return self is other or all(map(_same, self._values, other._values))

    def __hash__(self) -> int:
        return hash((self.agent_ids, self.bandwidth.shape, self.round_duration, self._sum))

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


def _restored(*values: Any) -> Trace:
    """Returns the trace that was pickled, without copying its arrays again."""
    for value in values:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return Trace(**dict(zip((field.name for field in fields(Trace)), values, strict=True)))


def _same(one: Any, other: Any) -> bool:
    arrays = isinstance(one, np.ndarray), isinstance(other, np.ndarray)
    return np.array_equal(one, other) if all(arrays) else not any(arrays) and one == other
