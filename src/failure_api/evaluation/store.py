"""Where finished episodes are kept: one SQLite file with a write-ahead log."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.evaluation.episode import EpisodeResult
from failure_api.evaluation.recording import Recording

TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (run INTEGER PRIMARY KEY, about TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS episodes (
    cell INTEGER, episode INTEGER, seed INTEGER NOT NULL, team_return REAL, length INTEGER NOT NULL,
    delivery_ratio REAL, mean_age REAL, news REAL, overtaken REAL, seconds REAL NOT NULL,
    rewards BLOB, error TEXT,
    PRIMARY KEY (cell, episode)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recordings (cell INTEGER PRIMARY KEY, recording BLOB NOT NULL);
"""


class Store:
    """The finished episodes of one sweep.

    What has been committed stays, whatever happens to the process or the machine afterwards.

    Args:
        directory: Where the file is; `opened` makes it.
        connection: The open database.
    """

    def __init__(self, directory: Path, connection: sqlite3.Connection) -> None:
        self.directory = directory
        self._connection = connection

    def read(self, key: str) -> Any:
        """Returns what was written under a key; None where nothing was."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def write(self, key: str, value: Any) -> None:
        """Keeps plain data under a key."""
        with self._connection:
            self._connection.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value))
            )

    def add_run(self, about: Mapping[str, Any]) -> None:
        """Keeps what is known of one start of the sweep."""
        with self._connection:
            self._connection.execute("INSERT INTO runs (about) VALUES (?)", (json.dumps(about),))

    def runs(self) -> list[dict[str, Any]]:
        """Returns what is known of every start of the sweep."""
        rows = self._connection.execute("SELECT about FROM runs ORDER BY run")
        return [json.loads(about) for (about,) in rows]

    def add(self, results: Iterable[EpisodeResult]) -> None:
        """Commits finished episodes, all of them at once."""
        results = list(results)
        with self._connection:
            self._connection.executemany(
                f"INSERT OR REPLACE INTO episodes ({', '.join(_COLUMNS)}) "
                f"VALUES ({', '.join('?' * len(_COLUMNS))})",
                [_row(result) for result in results],
            )
            self._connection.executemany(
                "INSERT OR REPLACE INTO recordings VALUES (?, ?)",
                [
                    (result.cell, _packed(result.recording))
                    for result in results
                    if result.recording is not None
                ],
            )

    def counts(self) -> tuple[int, int]:
        """Returns how many episodes are finished, and how many of those failed."""
        found = self._connection.execute("SELECT count(*), count(error) FROM episodes").fetchone()
        return int(found[0]), int(found[1])

    def finished(self) -> dict[int, set[int]]:
        """Returns which episodes are finished, by their cells."""
        found: dict[int, set[int]] = {}
        for cell, episode in self._connection.execute("SELECT cell, episode FROM episodes"):
            found.setdefault(cell, set()).add(episode)
        return found

    def forget_failures(self) -> int:
        """Forgets the episodes that failed, so that they are played again; returns how many."""
        with self._connection:
            return self._connection.execute("DELETE FROM episodes WHERE error NOT NULL").rowcount

    def episodes(self) -> list[tuple[Any, ...]]:
        """Returns a row for each finished episode, in the order of cells and episodes.

        Returns:
            Cell, episode, seed, return, length, delivery ratio, mean age, news, overtaken, and
            error; None for NaN.
        """
        return self._connection.execute(
            "SELECT cell, episode, seed, team_return, length, delivery_ratio, mean_age, news, "
            "overtaken, error FROM episodes ORDER BY cell, episode"
        ).fetchall()

    def rewards(self, cell: int) -> dict[int, NDArray[np.float64]]:
        """Returns the team's reward of each step, for each episode of a cell that did not fail."""
        query = "SELECT episode, rewards FROM episodes WHERE cell = ? AND error IS NULL"
        rows = self._connection.execute(query, (cell,))
        return {episode: np.frombuffer(packed) for episode, packed in rows}

    def recordings(self) -> Iterator[tuple[int, Recording]]:
        """Yields cells with their recordings, in the order of the cells."""
        rows = self._connection.execute("SELECT cell, recording FROM recordings ORDER BY cell")
        for cell, packed in rows:
            yield cell, Recording(**json.loads(zlib.decompress(packed)))


_COLUMNS = (
    "cell", "episode", "seed", "team_return", "length", "delivery_ratio", "mean_age", "news",
    "overtaken", "seconds", "rewards", "error",
)  # fmt: skip
"""What is kept of an episode, in the order of `_row`."""


def _row(result: EpisodeResult) -> tuple[Any, ...]:
    # SQLite takes NaN for NULL.
    return (
        result.cell,
        result.episode,
        result.seed,
        result.team_return,
        result.length,
        result.delivery_ratio,
        result.mean_age,
        result.news,
        result.overtaken,
        result.seconds,
        result.rewards.tobytes(),
        result.error,
    )


def _packed(recording: Recording) -> bytes:
    return zlib.compress(json.dumps(recording.to_plain()).encode())
