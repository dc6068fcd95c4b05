"""Connectivity traces of the ONE simulator, and of DTNSim2."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

from failure_api.traces.contacts import Clock, Contact, trace_of
from failure_api.traces.files import Line, lines_of, refused
from failure_api.traces.trace import Trace

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
    clock = Clock.of(round_duration, start)
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
    return trace_of(path, contacts, last, clock, agent_ids, rounds)


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
            raise line.refused(known, "mend or remove it")
        nodes = words[2:]
        shape = "be time CONN a b up or time CONN a b down"
    way = nodes[2].lower() if len(nodes) in (3, 4) else ""
    if way not in ("up", "down"):
        raise line.refused(shape, "mend or remove it")
    one, other = sorted(nodes[:2])
    if one == other:
        raise line.refused("connect two different nodes", "mend or remove it")
    return time, ((one, other, "".join(nodes[3:])), way == "up")
