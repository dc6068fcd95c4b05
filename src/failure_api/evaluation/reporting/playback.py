"""Data of the report's player, small enough to stand in the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.evaluation.recording import Recording
from failure_api.evaluation.reporting.curves import Curve, at, suits
from failure_api.evaluation.reporting.texts import printable
from failure_api.evaluation.results import Results

BUDGET = 3_000_000
"""Characters of JSON that a page may carry."""

_FEWEST_ROUNDS = 10
_LOST, _UP = b"0123456789abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%()*+,-"
_LETTERS = np.frombuffer(_LOST + _UP, dtype=np.uint8)
_OLDEST = len(_LOST) - 1


@dataclass(frozen=True)
class Playback:
    """What the player shows.

    Attributes:
        data: "curves", each with its label and its shots from the mildest severity to the
            severest, and "recordings", which the shots name by index; in the types of JSON.
        note: What was left out, or why there is nothing; empty where all is there.
    """

    data: dict[str, Any]
    note: str


_Films = list[tuple[Curve, list[Recording]]]
"""The recordings of each curve, perfect communication first."""


def playback_of(results: Results, curves: Sequence[Curve], budget: int = BUDGET) -> Playback:
    """Returns the recordings of a sweep, thinned to a budget.

    Perfect communication stays, and severities in even steps up to the severest; where that is
    still too much, the first rounds of each; and then the first curves.

    Args:
        results: What was found.
        curves: Its curves.
        budget: The most characters of JSON.
    """
    films = [(curve, film) for curve in curves if (film := _film(results, curve))]
    if not films:
        return Playback({}, "There is no recorded episode to look at: this sweep kept none.")
    most = max(sum(shot.severity is not None for shot in film) for _, film in films)
    for kept in range(max(most, 1), 0, -1):
        thinned = [(curve, _thinned(film, kept)) for curve, film in films]
        total = sum(map(_size, _distinct(thinned).values()))
        if total <= budget:
            break
    notes = []
    if kept < most:
        notes.append(f"perfect communication and {kept} of {most} severities are kept")
    rounds = max(len(shot.arrived) for _, film in thinned for shot in film)
    if total > budget:
        wanted = max(_FEWEST_ROUNDS, rounds * budget // total)
        notes.append(f"only the first {wanted - 1} rounds of each episode are kept")
        total, rounds = total * wanted // rounds, wanted
    if total > budget:
        count = max(1, len(thinned) * budget // total)
        notes.append(f"only {count} of {len(thinned)} curves are kept")
        thinned = thinned[:count]
    note = f"To keep this page small, {'; '.join(notes)}." if notes else ""
    return Playback(_packed(results, thinned, rounds), note)


def _film(results: Results, curve: Curve) -> list[Recording]:
    """Returns a curve's recordings, perfect communication first."""
    order = {severity: index for index, severity in enumerate((None, *curve.severities))}
    wanted = (curve.policy, *curve.setting.values())
    film = []
    for recording in results.recordings:
        found = (
            recording.policy,
            *(str(recording.setting.get(name, "")) for name in curve.setting),
        )
        matches = suits(found, wanted) if recording.severity is None else found == wanted
        if matches and recording.arrived and recording.severity in order:
            film.append(recording)
    return sorted(film, key=lambda recording: order[recording.severity])


def _thinned(film: list[Recording], kept: int) -> list[Recording]:
    perfect = [shot for shot in film if shot.severity is None]
    failing = [shot for shot in film if shot.severity is not None]
    count = min(kept, len(failing))
    last = len(failing) - 1
    # From the severest downwards, so that it stays even where it is the only one.
    chosen = {last - round(step * last / max(count - 1, 1)) for step in range(count)}
    return [*perfect, *(failing[index] for index in sorted(chosen))]


def _distinct(films: _Films) -> dict[int, Recording]:
    """Returns the recordings by their identity: perfect communication may be that of many."""
    return {id(shot): shot for _, film in films for shot in film}


def _size(recording: Recording) -> int:
    """Returns about how long a recording will be, without packing it."""
    agents, rounds = len(recording.agents), len(recording.arrived)
    return rounds * (agents**2 + agents + 30 + (20 * agents if recording.positions else 0))


def _packed(results: Results, films: _Films, rounds: int) -> dict[str, Any]:
    recordings = _distinct(films)
    indices = {key: index for index, key in enumerate(recordings)}
    curves = []
    for curve, film in films:
        shots = [
            {"at": at(results, shot.severity), "recording": indices[id(shot)]} for shot in film
        ]
        # It stands first where it is there.
        perfect = 0 if film[0].severity is None else None
        curves.append({"label": curve.label, "shots": shots, "perfect": perfect})
    plain = [_plain(recording, rounds) for recording in recordings.values()]
    return {"curves": curves, "recordings": plain}


def _plain(recording: Recording, rounds: int) -> dict[str, Any]:
    agents = len(recording.agents)
    alive = np.array([[flag == "1" for flag in row] for row in recording.alive[:rounds]])
    ages = np.asarray(recording.age[:rounds]).reshape(-1, agents, agents)
    arrived = np.array([[flag == "1" for flag in row] for row in recording.arrived[:rounds]])
    # One letter for each link says its age, the last one for that and all above, and whether a
    # message arrived.
    letters = _LETTERS[np.clip(ages, 0, _OLDEST) + len(_LOST) * arrived.reshape(-1, agents, agents)]
    return {
        "agents": [printable(agent) for agent in recording.agents],
        "seed": recording.seed,
        "ended": recording.ended and len(recording.arrived) <= rounds,
        "alive": recording.alive[:rounds],
        "links": [row.tobytes().decode() for row in letters],
        "mean_age": [_mean_age(age[live][:, live]) for age, live in zip(ages, alive, strict=True)],
        "reward": [_short(total) for total in accumulate(recording.rewards[:rounds])],
        "positions": _flat(recording.positions, rounds),
    }


def _mean_age(age: NDArray[Any]) -> float | None:
    pairs = len(age) * (len(age) - 1)
    # The diagonal is 0.
    return _short(float(age.sum()) / pairs) if pairs else None


def _flat(positions: Any, rounds: int) -> list[list[list[float] | None]] | None:
    """Returns the first two coordinates; of one alone, a height of 0."""
    if not positions:
        return None
    return [
        [None if point is None else [_short(c) for c in (*point, 0.0)[:2]] for point in points]
        for points in positions[:rounds]
    ]


def _short(value: float) -> float:
    short = float(f"{value:.5g}")
    # JSON has no infinity.
    return short if math.isfinite(short) else 0.0
