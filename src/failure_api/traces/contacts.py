"""Traces from lists of contacts, and from reports of the ONE simulator."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from failure_api.core.parameters.rules import WholeNumber, numbers
from failure_api.errors import InvalidArgumentError, invalid
from failure_api.traces.fields import duration, names
from failure_api.traces.files import Line, lines_of, refused
from failure_api.traces.trace import Trace

MOST_LINK_ROUNDS = 2**28
"""Most entries, rounds times links, of an imported trace: one GiB."""


class Contact(NamedTuple):
    """Two nodes that hear each other from one time to another, in seconds."""

    start: float
    end: float
    one: str
    other: str


def trace_of(
    path: str | PathLike[str],
    read: Callable[[Any], tuple[list[Contact], float]],
    round_duration: Any,
    start: Any,
    agent_ids: Sequence[Any] | None,
    rounds: int | None,
) -> Trace:
    """Returns the trace of contacts: a link is up in a round if it is up as the round begins.

    Args:
        path: Name of the file.
        read: Returns the file's contacts and the time of its last event.
        round_duration: Seconds a round.
        start: Time of round 0.
        agent_ids: The nodes that become agents; None takes all, in their natural order.
        rounds: Length of the trace; None ends it with the round that the last event decides.
    """
    seconds, zero = duration(round_duration), numbers(start)
    if zero is None or zero.ndim or not np.isfinite(zero):
        raise invalid("start", "must be a time in seconds", start, "give that of round 0")

    def first_from(time: float) -> int:
        # A millionth of a round later is not later: decimal times are rounded in binary.
        return math.ceil(round(min(max((time - float(zero)) / seconds, -1e15), 1e15), 6))

    contacts, last = read(path)
    named = sorted({name for c in contacts for name in (c.one, c.other)}, key=_natural)
    agents = tuple(named) if agent_ids is None else names(agent_ids)
    index = {str(agent): position for position, agent in enumerate(agents)}
    if not index.keys() & set(named):
        found = f"has contacts of {', '.join(named[:5]) or 'nobody'}"
        remedy = "give names from the file as agent_ids"
        raise refused(path, "have contacts of the agents", found, remedy)
    length = first_from(last) + 1
    if rounds is not None:
        length = WholeNumber(1, "rounds").normalise("rounds", rounds)
    if length < 1:
        rule = f"must not lie after the last event, at {last:g}"
        raise invalid("start", rule, float(zero), "give the time of round 0 in the file's clock")
    lost = everywhere(True, length, len(agents), seconds)
    for contact in contacts:
        one, other = index.get(contact.one), index.get(contact.other)
        if one is not None and other is not None:
            during = slice(*(max(first_from(time), 0) for time in (contact.start, contact.end)))
            lost[during, one, other] = lost[during, other, one] = False
    return Trace(agent_ids=agents, lost=lost, round_duration=seconds)


def everywhere(value: Any, length: int, agents: int, round_duration: float) -> NDArray[Any]:
    """Returns a value `[T, N, N]` times, or raises an error for more than there may be."""
    if length * agents**2 > MOST_LINK_ROUNDS:
        raise InvalidArgumentError(
            f"the trace must have at most {MOST_LINK_ROUNDS} rounds times links, but {length} "
            f"rounds of {round_duration} s among {agents} agents are more: give rounds=, a later "
            "start=, a longer round_duration= or fewer agent_ids=."
        )
    return np.full((length, agents, agents), value)


def _natural(name: str) -> list[Any]:
    """Returns what sorts p2 before p10, however long the numbers are."""
    keys: list[Any] = []
    for part in filter(None, re.split(r"(\d+)", name)):
        digits = part.lstrip("0")
        keys.append((0, len(digits), digits) if part.isdecimal() else (1, 0, part))
    return keys


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
    return trace_of(path, _from_table, round_duration, start, agent_ids, rounds)


def _from_table(path: Any) -> tuple[list[Contact], float]:
    """Returns the contacts in a table, and when the last of them ends."""
    columns: tuple[str, ...] = COLUMNS
    contacts: list[Contact] = []
    for first, line in enumerate(lines_of(path)):
        cells = _cells(line)
        if not first and sorted(map(str.lower, cells)) == sorted(COLUMNS):
            columns = tuple(map(str.lower, cells))
            continue
        if len(cells) != len(COLUMNS) or not all(cells):
            raise line.refused("have the four columns start,end,a,b", "fix or remove it")
        row = dict(zip(columns, cells, strict=True))
        contact = Contact(line.time(row["start"]), line.time(row["end"]), row["a"], row["b"])
        if contact.end < contact.start:
            raise line.refused("not end before it starts", "exchange the two times")
        if contact.one == contact.other:
            raise line.refused("connect two different nodes", "fix or remove it")
        contacts.append(contact)
    if not contacts:
        raise refused(path, "have contacts", "has none", "give a table of start,end,a,b")
    return contacts, max(contact.end for contact in contacts)


def _cells(line: Line) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line.text], strict=True))]
    except csv.Error:
        raise line.refused("be a row of start,end,a,b", "fix its quotes") from None


Interface = tuple[str, str, str]

OTHER_EVENTS = ("C", "S", "DE", "A", "DR", "R")
"""What happens to messages, which a trace of connections may hold too."""


def read_one(
    path: str | PathLike[str],
    round_duration: float,
    *,
    agent_ids: Sequence[Any] | None = None,
    rounds: int | None = None,
    start: float = 0.0,
) -> Trace:
    """Reads `time CONN a b up` (or `down`) lines, or DTNSim2's `@time a <-> b up`.

    Links work both ways, and one is up in a round if it is up as the round begins. What begins
    and ends between two rounds is not seen. Two nodes that are connected through several
    interfaces are connected until the last of them is down. Comments after `#` and the ONE's
    other events are passed over.

    Args:
        path: Name of the file.
        round_duration: Seconds a round.
        agent_ids: The nodes that become agents, in the trace's order; nodes without any contact
            may be among them. None takes all in the file.
        rounds: Length of the trace; None ends it with the round that the last event decides.
        start: Time of round 0, in the file's clock. What was up before is up then.

    Returns:
        The trace.

    Raises:
        InvalidArgumentError: A missing file, a line that is malformed or back in time, or a trace
            of more than 2^28 rounds times links.

    Source: Keränen, Ott and Kärkkäinen (2009), The ONE simulator for DTN protocol evaluation.
    """
    return trace_of(path, _from_events, round_duration, start, agent_ids, rounds)


def _from_events(path: Any) -> tuple[list[Contact], float]:
    """Returns the contacts in a report of events, and the time of the last event."""
    up: dict[Interface, float] = {}
    contacts: list[Contact] = []
    last = None
    for line in lines_of(path):
        time, event = _event(line)
        if last is not None and time < last:
            raise line.refused(f"not lie before time {last:g} of the lines above", "sort the lines")
        if event is None:
            continue
        last = time
        interface, rises = event
        if rises:
            up.setdefault(interface, time)
        elif interface in up:
            contacts.append(Contact(up.pop(interface), time, *interface[:2]))
    if last is None:
        raise refused(path, "have CONN events", "has none", "give a connectivity trace")
    contacts += (Contact(began, float("inf"), *interface[:2]) for interface, began in up.items())
    return contacts, last


def _event(line: Line) -> tuple[float, tuple[Interface, bool] | None]:
    """Returns when something happens on a line, and which connection rises or falls."""
    words = line.text.split()
    if words[0].startswith("@"):
        time = line.time(words[0][1:])
        nodes = [word for word in words[1:] if word != "<->"]
        shape = "be @time a b up or @time a b down"
    else:
        time = line.time(words[0])
        if len(words) > 1 and words[1] in OTHER_EVENTS:
            return time, None
        if len(words) > 1 and words[1] != "CONN":
            known = f"have CONN or another event of the simulator, {', '.join(OTHER_EVENTS)}"
            raise line.refused(known, "fix or remove it")
        nodes = words[2:]
        shape = "be time CONN a b up or time CONN a b down"
    way = nodes[2].lower() if len(nodes) in (3, 4) else ""
    if way not in ("up", "down"):
        raise line.refused(shape, "fix or remove it")
    one, other = sorted(nodes[:2])
    if one == other:
        raise line.refused("connect two different nodes", "fix or remove it")
    return time, ((one, other, "".join(nodes[3:])), way == "up")
