"""Packet-delivery traces of Mahimahi: when a link could have carried a packet."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.core.parameters.fields import index_of
from failure_api.core.parameters.rules import WholeNumber, in_order
from failure_api.errors import invalid
from failure_api.traces.contacts import everywhere
from failure_api.traces.fields import duration, names
from failure_api.traces.files import lines_of, refused
from failure_api.traces.trace import Trace

OPPORTUNITY_BYTES = 1500


LONGEST_ROUND = 1e9
"""Seconds; the milliseconds of many such rounds are exact in float64."""


def read_mahimahi(
    path: str | PathLike[str],
    round_duration: float,
    *,
    message_bytes: int = OPPORTUNITY_BYTES,
    agent_ids: Sequence[Any] = ("a", "b"),
    links: Sequence[tuple[Any, Any]] | None = None,
    rounds: int | None = None,
) -> Trace:
    r"""Reads one integer a line: the millisecond of an opportunity to send 1500 bytes.

    A link's capacity in round $t$ is $1500 \, n_t / m$ messages, with $n_t$ opportunities after
    the round's beginning and up to its end, and messages of $m$ bytes. The schedule starts over
    at its last timestamp: "1" alone is one opportunity a millisecond, 12 Mb/s, whereas
    "0 1 2 3 4 5" is six in 5 ms, 14.4 Mb/s.

    Args:
        path: Name of the file.
        round_duration: Seconds a round.
        message_bytes: Size of a message.
        agent_ids: The agents of the trace.
        links: Pairs of sender and receiver that the file speaks of; None takes all links. Others
            have no limit, so that a second file in a second model may speak of them.
        rounds: Length of the trace; None takes the shortest after which it repeats exactly.

    Returns:
        The trace.

    Raises:
        InvalidArgumentError: A missing file, a line that is no integer or back in time, a last
            timestamp of 0, or a trace of more than 2^28 rounds times links.

    Source: Netravali et al. (2015), Mahimahi: accurate record-and-replay for HTTP.
    """
    seconds = duration(round_duration)
    size = WholeNumber(1, "bytes").normalise("message_bytes", message_bytes)
    agents = names(agent_ids)
    driven = _driven(links, agents)
    times = _times(path)
    milliseconds = Fraction(seconds * 1000).limit_denominator(1000)
    if not milliseconds or seconds > LONGEST_ROUND:
        rule = f"must be from a microsecond to {LONGEST_ROUND:g} s"
        raise invalid("round_duration", rule, seconds, "give seconds")
    length = (int(times[-1]) / milliseconds).numerator
    if rounds is not None:
        length = WholeNumber(1, "rounds").normalise("rounds", rounds)
    capacity = everywhere(np.float32(np.inf), length, len(agents), seconds)
    ends = np.arange(length + 1, dtype=np.float64) * float(milliseconds)
    # Timestamps are whole: what comes up to an end comes up to its whole part.
    counted = np.diff(_so_far(times, np.floor(np.round(ends, 6)).astype(np.int64)))
    capacity[:, driven] = (counted * (OPPORTUNITY_BYTES / size))[:, None]
    return Trace(agent_ids=agents, capacity=capacity, round_duration=seconds)


def _so_far(times: NDArray[np.int64], until: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns how many opportunities come up to each of some times.

    One at time 0 comes again at the end of each period, as the next one begins.
    """
    period = times[-1]
    within = np.searchsorted(times, until % period, side="right")
    return np.asarray(until // period * len(times) + within)


def _times(path: str | PathLike[str]) -> NDArray[np.int64]:
    times = array("q")
    for line in lines_of(path):
        if not (line.text.isascii() and line.text.isdigit() and len(line.text) <= 15):
            raise line.refused("be a whole number of milliseconds", "fix or remove it")
        time = int(line.text)
        if times and time < times[-1]:
            raise line.refused(f"not lie before {times[-1]} of the line above", "sort the lines")
        times.append(time)
    if not times or not times[-1]:
        found = "ends with 0" if times else "is empty"
        raise refused(Path(path), "end with a time above 0 ms", found, "give a Mahimahi trace")
    return np.frombuffer(times, dtype=np.int64)


def _driven(links: Any, agents: tuple[Any, ...]) -> NDArray[np.bool_]:
    driven = np.full((len(agents), len(agents)), links is None)
    remedy, form = "name sender and receiver of each link", "a list of (sender, receiver)"
    for pair in () if links is None else in_order("links", links, form, remedy):
        if not isinstance(pair, tuple | list) or len(pair) != 2 or pair[0] == pair[1]:
            raise invalid("links", "must hold pairs of two different agents", pair, remedy)
        driven[index_of("links", pair[0], agents), index_of("links", pair[1], agents)] = True
    return driven
