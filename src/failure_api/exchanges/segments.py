"""Which entries of a team's observations come from which agent, as one array of places."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.parameters.rules import as_array, holds_flags
from failure_api.errors import InvalidArgumentError, describe, invalid, listed

REMEDY = "give {receiver: {sender: slice or indices}} into each receiver's flattened observation"


def entry_indices(
    segments: Any,
    agent_ids: tuple[Any, ...],
    sizes: tuple[int, ...],
    width: int = 0,
    paths: Sequence[Mapping[Any, slice] | None] = (),
    argument: str = "segments",
) -> NDArray[np.int64]:
    """Returns where in each receiver's observation the parts from each sender stand.

    Args:
        segments: `{receiver: {sender: slice or indices}}`; of observations of several arrays
            `{receiver: {sender: {key: slice or indices}}}`, with a mapping for each further key.
        agent_ids: All agents.
        sizes: Number of entries of each agent's observation.
        width: Least length of the last axis.
        paths: For each agent where the arrays of its observation stand, by their key paths; None
            for an observation that is one array, and nothing where all are.
        argument: What errors call the segments.

    Returns:
        Places `[receiver, sender, k]` in the receiver's flat observation. Pairs with fewer than
        `k` entries are filled up with the receiver's size, one past its last entry.

    Raises:
        InvalidArgumentError: An unknown agent, an entry out of range or given to two senders.

    Example:
        >>> entry_indices({"a": {"b": slice(2, 4)}}, ("a", "b"), (4, 3)).tolist()
        [[[4, 4], [2, 3]], [[3, 3], [3, 3]]]
    """
    if not isinstance(segments, Mapping):
        raise invalid(argument, "must be a mapping", segments, REMEDY)
    found: dict[tuple[int, int], NDArray[np.int64]] = {}
    for receiver, by_sender in segments.items():
        row = agent_index(receiver, agent_ids, argument)
        if not isinstance(by_sender, Mapping):
            name = f"{argument}[{describe(receiver)}]"
            raise invalid(name, "must be a mapping", by_sender, REMEDY)
        for sender, entries in by_sender.items():
            column = agent_index(sender, agent_ids, argument)
            if row == column:
                remedy = "leave out the agent's own part, which no link carries"
                raise invalid(f"{argument}[{receiver!r}]", "must name other agents", sender, remedy)
            name = f"{argument}[{describe(receiver)}][{describe(sender)}]"
            # An observation that is one array is all that stands under no key.
            keyed = (paths[row] if paths else None) or {(): slice(0, sizes[row])}
            found[row, column] = _entries(name, entries, keyed)
        _check_disjoint(
            f"{argument}[{receiver!r}]", [part for (r, _), part in found.items() if r == row]
        )
    width = max([width, *(len(part) for part in found.values())])
    shape = len(agent_ids), len(agent_ids), width
    table = np.full(shape, np.asarray(sizes)[:, None, None], dtype=np.int64)
    for (row, column), part in found.items():
        table[row, column, : len(part)] = part
    return table


def agent_index(agent: Any, agent_ids: tuple[Any, ...], argument: str) -> int:
    """Returns which of the environment's agents one is, or raises that it is none of them."""
    if agent in agent_ids:
        return agent_ids.index(agent)
    remedy = f"choose from {listed(agent_ids)}"
    raise invalid(argument, "must name agents of the environment", agent, remedy)


def _entries(
    name: str, entries: Any, paths: Mapping[Any, slice], path: tuple[Any, ...] = ()
) -> NDArray[np.int64]:
    """Returns the entries that a slice, indices or a mapping of keys names, in its order."""
    array = paths.get(path)
    if array is not None:
        return _indices(name, entries, array.stop - array.start) + int(array.start)
    ways = dict.fromkeys(it[len(path)] for it in paths if it[: len(path)] == path)
    remedy = f"choose from {listed(tuple(ways))}, as in {{{next(iter(ways))!r}: slice(0, 2)}}"
    if not isinstance(entries, Mapping) or not entries:
        raise invalid(name, "must name the keys of the observation", entries, remedy)
    parts = []
    for key, part in entries.items():
        if key not in ways:
            raise invalid(name, "must name keys of the observation that hold a Box", key, remedy)
        parts.append(_entries(f"{name}[{describe(key)}]", part, paths, (*path, key)))
    return np.concatenate(parts)


def _indices(name: str, entries: Any, size: int) -> NDArray[np.int64]:
    rule = f"must be a slice or indices from 0 to {size - 1}"
    if isinstance(entries, slice):
        found = np.empty(0, dtype=np.int64)
        with contextlib.suppress(Exception):
            ends = [end for end in (entries.start, entries.stop) if end is not None]
            if all(0 <= end <= size for end in ends) and not holds_flags(ends):
                found = np.arange(size)[entries]
        if not found.size:
            raise invalid(name, rule, entries, "give a slice that holds entries, all inside")
        return found
    array = as_array(entries)
    whole = array is not None and array.dtype.kind in "iu" and not holds_flags(entries)
    if array is None or not whole or array.ndim != 1 or not array.size:
        raise invalid(name, rule, entries, REMEDY)
    if array.min() < 0 or array.max() >= size:
        raise invalid(name, rule, entries, "count from the start of the flattened observation")
    return array.astype(np.int64)


def _check_disjoint(name: str, parts: list[NDArray[np.int64]]) -> None:
    entries, counts = np.unique_counts(np.concatenate([np.empty(0, np.int64), *parts]))
    if (counts > 1).any():
        raise InvalidArgumentError(
            f"{name} must give each entry to one sender, but entry "
            f"{int(entries[counts > 1][0])} is given twice: let each entry come from one agent."
        )
