"""Contacts in a table: who met whom, from when to when."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from os import PathLike
from typing import Any

from failure_api.traces.contact_rounds import Clock, Contact, trace_of
from failure_api.traces.text import Line, lines_of, refused
from failure_api.traces.trace import Trace

COLUMNS = ("start", "end", "a", "b")


def read_contacts(
    path: str | PathLike[str],
    round_duration: float,
    *,
    agent_ids: Sequence[Any] | None = None,
    rounds: int | None = None,
    start: float = 0.0,
) -> Trace:
    """Reads a CSV table with the columns `start,end,a,b`, in any order of rows.

    Links work both ways, and one is up in a round if it is up as the round begins: at its start
    it is, at its end it is not. What begins and ends between two rounds is not seen.

    Args:
        path: Name of the file. Its first row may name the columns, which may then stand in
            another order.
        round_duration: Seconds a round.
        agent_ids: The nodes that become agents, in the trace's order; nodes without any contact
            may be among them. None takes all in the file.
        rounds: Length of the trace; None ends it with the round that the last contact's end
            decides.
        start: Time of round 0, in the file's clock.

    Returns:
        The trace.

    Raises:
        InvalidArgumentError: A missing file, a malformed row, or a trace of more than 2^28
            rounds times links.
    """
    clock = Clock.of(round_duration, start)
    columns: tuple[str, ...] = COLUMNS
    contacts: list[Contact] = []
    for first, line in enumerate(lines_of(path)):
        cells = _cells(line)
        if not first and sorted(map(str.lower, cells)) == sorted(COLUMNS):
            columns = tuple(map(str.lower, cells))
            continue
        if len(cells) != len(COLUMNS) or not all(cells):
            raise line.refused("have the four columns start,end,a,b", "mend or remove it")
        row = dict(zip(columns, cells, strict=True))
        contact = Contact(line.time(row["start"]), line.time(row["end"]), row["a"], row["b"])
        if contact.end < contact.start:
            raise line.refused("not end before it starts", "exchange the two times")
        if contact.one == contact.other:
            raise line.refused("connect two different nodes", "mend or remove it")
        contacts.append(contact)
    if not contacts:
        raise refused(path, "have contacts", "has none", "give a table of start,end,a,b")
    last = max(contact.end for contact in contacts)
    return trace_of(path, contacts, last, clock, agent_ids, rounds)


def _cells(line: Line) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line.text], strict=True))]
    except csv.Error:
        raise line.refused("be a row of start,end,a,b", "mend its quotes") from None
