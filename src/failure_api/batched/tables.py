"""Exchanges as tables: where what is said and what is seen stands in rows of entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.exchanges.segments import places

Rows = Sequence[NDArray[Any]]

FLAG_AND_AGE = np.array([1.0, np.inf], dtype=np.float32)
"""The greatest flag and age; the least are 0."""


class Tables(NamedTuple):
    """An exchange of one team.

    The row of what is said holds all observations; the row of what is seen all observations, then
    the content of each sender and receiver, then the flags and the ages of all links.

    Attributes:
        said: Where each message's entries stand in the row of what is said, `[N, D]`, and
            anywhere for entries that are there to fill up; or `[K]`, of one row of entries.
        links: Sender, receiver and place in the message of each entry of one row, `[K, 3]`; None
            where messages are rows of their own.
        seen: Where the entries of each agent's view stand in the row of what is seen.
        reports: Whether any of them is a flag or an age.
        low: Least values of the content; broadcasts to `[receiver, sender, D]`.
        high: Greatest values, likewise.
        blank: What there is before anything has arrived, likewise.
        lows: Least values of each agent's view.
        highs: Greatest values of each agent's view.
    """

    said: NDArray[np.int64]
    links: NDArray[np.int64] | None
    seen: list[list[int]]
    reports: bool
    low: Any
    high: Any
    blank: Any
    lows: Rows
    highs: Rows


class _SeenRow:
    """Where things stand in the row of what is seen."""

    def __init__(self, sizes: tuple[int, ...], entries: int) -> None:
        ends = np.cumsum(sizes).tolist()
        self.starts = [0, *ends[:-1]]
        self.end = ends[-1]
        self._reports, self._agents = self.end + entries, len(sizes)

    def own(self, agent: int, size: int) -> list[int]:
        """Returns the places of an agent's own observation."""
        return list(range(self.starts[agent], self.starts[agent] + size))

    def flag_and_age(self, receiver: int, sender: int) -> list[int]:
        """Returns the places of a link's flag and age."""
        flag = self._reports + sender * self._agents + receiver
        return [flag, flag + self._agents**2]


def masked_tables(
    segments: Any, ids: tuple[Any, ...], lows: Rows, highs: Rows, report_age: bool
) -> Tables:
    """Returns the tables of `MaskSegments`.

    Args:
        segments: `{receiver: {sender: slice or indices}}`.
        ids: The team.
        lows: Least values of each agent's observation.
        highs: Greatest values.
        report_age: Whether flags and ages are appended.
    """
    sizes = tuple(map(len, lows))
    local = places(segments, ids, sizes)
    there = local < np.asarray(sizes)[:, None, None]
    heard = np.argwhere(there)
    row = _SeenRow(sizes, len(heard))
    table = np.where(there, local + np.asarray(row.starts)[:, None, None], 0)
    seen = [row.own(agent, size) for agent, size in enumerate(sizes)]
    for place, (receiver, sender, entry) in enumerate(heard.tolist(), start=row.end):
        seen[receiver][local[receiver, sender, entry]] = place
    low, high = (np.where(there, np.concatenate(rows)[table], 0.0) for rows in (lows, highs))
    if report_age:
        for receiver, view in enumerate(seen):
            for sender in _others(receiver, sizes):
                view += row.flag_and_age(receiver, sender)
        others = len(ids) - 1
        lows = [np.append(one, np.zeros(2 * others, np.float32)) for one in lows]
        highs = [np.append(one, np.tile(FLAG_AND_AGE, others)) for one in highs]
    said, links = table[there], heard[:, [1, 0, 2]]
    return Tables(said, links, seen, report_age, low, high, np.clip(0.0, low, high), lows, highs)


def shared_tables(lows: Rows, highs: Rows) -> Tables:
    """Returns the tables of `ShareObservations(form="flat")`; arguments as above."""
    sizes = tuple(map(len, lows))
    width = max(sizes)
    row = _SeenRow(sizes, len(sizes) ** 2 * width)
    said = np.zeros((len(sizes), width), dtype=np.int64)
    low, high = np.zeros((2, len(sizes), width), dtype=np.float32)
    for sender, size in enumerate(sizes):
        said[sender, :size] = row.own(sender, size)
        low[sender, :size], high[sender, :size] = lows[sender], highs[sender]
    seen, least, greatest = [], [], []
    for receiver, size in enumerate(sizes):
        view, bottom, top = row.own(receiver, size), [lows[receiver]], [highs[receiver]]
        for sender in _others(receiver, sizes):
            start = row.end + (sender * len(sizes) + receiver) * width
            view += range(start, start + sizes[sender])
            view += row.flag_and_age(receiver, sender)
            bottom += [np.minimum(lows[sender], 0), np.zeros(2, np.float32)]
            top += [np.maximum(highs[sender], 0), FLAG_AND_AGE]
        seen.append(view)
        least.append(np.concatenate(bottom))
        greatest.append(np.concatenate(top))
    return Tables(said, None, seen, True, low, high, 0.0, least, greatest)


def _others(agent: int, sizes: tuple[int, ...]) -> list[int]:
    return [other for other in range(len(sizes)) if other != agent]
