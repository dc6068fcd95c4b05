"""Where finished episodes are kept: one SQLite file with a write-ahead log."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.errors import InvalidArgumentError, invalid
from failure_api.evaluation.episode import EpisodeResult
from failure_api.evaluation.recording import Recording

FILE = "sweep.sqlite"
_LOCK = "sweep.lock"

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (run INTEGER PRIMARY KEY, about TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS episodes (
    cell INTEGER, episode INTEGER, seed INTEGER NOT NULL, team_return REAL, length INTEGER NOT NULL,
    delivery_ratio REAL, mean_age REAL, seconds REAL NOT NULL, rewards BLOB, error TEXT,
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

    def agree(self, identity: Mapping[str, Any]) -> None:
        """Makes sure that the sweep in this folder is the one that is asked for.

        Args:
            identity: What tells one sweep from another, as plain data.

        Raises:
            InvalidArgumentError: The folder holds another sweep; the error shows the difference.
        """
        known = self.read("identity")
        if known is None:
            self.write("identity", identity)
            return
        asked = json.loads(json.dumps(identity))
        if known != asked:
            changes = "; ".join(list(_differences(known, asked, ""))[:5])
            raise InvalidArgumentError(
                f"output must be a folder without another sweep, but {self.directory} holds one "
                f"that differs ({changes}): name another folder, or undo the change."
            )

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
                "INSERT OR REPLACE INTO episodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            Cell, episode, seed, return, length, delivery ratio, mean age and error; None for NaN.
        """
        return self._connection.execute(
            "SELECT cell, episode, seed, team_return, length, delivery_ratio, mean_age, error "
            "FROM episodes ORDER BY cell, episode"
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


@contextmanager
def opened(directory: Path, *, new: bool = True) -> Iterator[Store]:
    """Opens the store of a folder for one process alone.

    Args:
        directory: The folder.
        new: Whether it is made where it is not there.

    Yields:
        The store.

    Raises:
        InvalidArgumentError: The folder cannot be written to, holds no sweep, or is in use.
    """
    path = directory / FILE
    if not new and not path.is_file():
        remedy = "name the folder that `failure-api sweep` wrote to"
        raise invalid("directory", "must hold a sweep", str(directory), remedy)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        rule = f"must be a folder that can be written to ({reason})"
        raise invalid("output", rule, str(directory), "name another one") from error
    try:
        with _locked(directory / _LOCK):
            connection = sqlite3.connect(path, check_same_thread=False)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                # Without it, what was committed last could be lost with the machine's power.
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(_TABLES)
                yield Store(directory, connection)
            finally:
                connection.close()
    except sqlite3.Error as error:
        raise _refused(directory, error) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds a lock that the operating system takes back when the process ends, however it does."""
    lock = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if "locked" not in str(error):
            raise
        remedy = "wait until it has ended, or name another folder"
        raise invalid(
            "output", "must be a folder that no other process works in", str(path.parent), remedy
        ) from None
    try:
        yield
    finally:
        lock.close()


def _refused(directory: Path, error: sqlite3.Error) -> InvalidArgumentError:
    rule = f"must be a folder where a database can be kept ({str(error).lower()})"
    remedy = "make room or name another one; nothing that was finished is lost"
    return invalid("output", rule, str(directory), remedy)


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
        result.seconds,
        result.rewards.tobytes(),
        result.error,
    )


def _packed(recording: Recording) -> bytes:
    return zlib.compress(json.dumps(recording.to_plain()).encode())


def _differences(known: Any, asked: Any, place: str) -> Iterator[str]:
    """Yields where two pieces of plain data differ."""
    if isinstance(known, dict) and isinstance(asked, dict):
        for key in [*known, *(key for key in asked if key not in known)]:
            inner = f"{place}.{key}" if place else str(key)
            yield from _differences(known.get(key), asked.get(key), inner)
    elif isinstance(known, list) and isinstance(asked, list) and len(known) == len(asked):
        for index, (one, other) in enumerate(zip(known, asked, strict=True)):
            yield from _differences(one, other, f"{place}[{index}]")
    elif known != asked:
        yield f"{place}: {json.dumps(known)} there, {json.dumps(asked)} asked"
