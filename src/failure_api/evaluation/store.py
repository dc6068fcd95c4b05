"""The store of finished episodes: one SQLite file, opened by one process at a time."""

from __future__ import annotations

import json
import os
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failure_api.errors import InvalidArgumentError, invalid
from failure_api.evaluation.episode import EpisodeResult
from failure_api.evaluation.recording import Recording

FILE = "sweep.sqlite"

_OURS = 0x6661_7069
"""What marks a database as one of ours: SQLite keeps it in the file's head."""

_LOCK = "sweep.lock"


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
    is_new = not (path.is_file() and path.stat().st_size)
    if is_new and not new:
        raise _no_sweep(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise no_room(directory, error) from error
    # A folder that nobody may write to is locked well enough.
    is_fixed = not new and not os.access(directory, os.W_OK)
    source = f"{path.resolve().as_uri()}?immutable=1" if is_fixed else path
    lock = nullcontext() if is_fixed else _locked(directory / _LOCK)
    try:
        with lock, closing(sqlite3.connect(source, uri=is_fixed)) as connection:
            if not is_new:
                (mark,) = connection.execute("PRAGMA application_id").fetchone()
                if mark != _OURS:
                    raise _no_sweep(directory)
            if not is_fixed:
                _prepare(connection)
            yield Store(directory, connection)
    except sqlite3.Error as error:
        rule = f"must be a folder where a database can be kept ({str(error).lower()})"
        kept = "make room; nothing that was finished is lost, and the same call goes on"
        remedy = kept if "full" in str(error) else "name another one"
        raise invalid("output", rule, str(directory), remedy) from error


def no_room(directory: Path, error: OSError) -> InvalidArgumentError:
    """Returns the error for a folder that cannot be written to, ready to be raised."""
    reason = (error.strerror or str(error)).lower()
    rule = f"must be a folder that can be written to ({reason})"
    remedy = "make room or name another one; what was finished is kept"
    return invalid("output", rule, str(directory), remedy)


def _no_sweep(directory: Path) -> InvalidArgumentError:
    remedy = "name the folder that `failure-api sweep` wrote to"
    return invalid("directory", "must hold a sweep", str(directory), remedy)


def _prepare(connection: sqlite3.Connection) -> None:
    """Marks a database, and adds what it does not have, or not yet as of an earlier version."""
    # Before anything else, so that no kill leaves a database that is not marked.
    connection.execute(f"PRAGMA application_id = {_OURS}")
    connection.execute("PRAGMA journal_mode = WAL")
    # Without it, what was committed last could be lost with the machine's power.
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(TABLES)
    known = {row[1] for row in connection.execute("PRAGMA table_info(episodes)")}
    for name in ("news", "overtaken"):
        if name not in known:
            connection.execute(f"ALTER TABLE episodes ADD COLUMN {name} REAL")


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
        rule = "must be a folder that no other process works in"
        remedy = "wait until it has ended, or name another folder"
        raise invalid("output", rule, str(path.parent), remedy) from None
    with closing(lock):
        yield


PATIENCE_SECONDS = 0.1
"""How long an episode that has ended may wait for others, to be committed with them."""


class Keeper:
    """Commits episodes in the order in which they end.

    A commit waits for the disk, so episodes that take less than that are committed together.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[EpisodeResult] = []
        self._last = time.monotonic()

    def keep(self, result: EpisodeResult | None) -> list[EpisodeResult]:
        """Takes an episode that has ended, and returns those that have been committed.

        Args:
            result: The episode; None where nothing has ended for a moment.

        Raises:
            sqlite3.Error: It could not be committed.
        """
        if result is not None:
            self._waiting.append(result)
        if not self._waiting or time.monotonic() - self._last < PATIENCE_SECONDS:
            return []
        return self.commit()

    def commit(self) -> list[EpisodeResult]:
        """Commits whatever waits, and returns it."""
        committed, self._waiting = self._waiting, []
        if committed:
            self._store.add(committed)
        self._last = time.monotonic()
        return committed


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

    def add(self, results: Sequence[EpisodeResult]) -> None:
        """Commits finished episodes, all of them at once."""
        *columns, _ = EpisodeResult._fields
        command = f"INSERT OR REPLACE INTO episodes ({', '.join(columns)}) VALUES "
        recorded = [(each.cell, each.recording) for each in results if each.recording is not None]
        with self._connection:
            # SQLite takes NaN for NULL, and of an array its bytes.
            self._connection.executemany(
                f"{command}({', '.join('?' * len(columns))})", [result[:-1] for result in results]
            )
            self._connection.executemany(
                "INSERT OR REPLACE INTO recordings VALUES (?, ?)",
                [
                    (cell, zlib.compress(json.dumps(asdict(recording)).encode()))
                    for cell, recording in recorded
                ],
            )

    def counts(self) -> tuple[int, int]:
        """Returns how many episodes are finished, and how many of those failed."""
        counts = "SELECT count(*), count(error) FROM episodes"
        finished, failures = self._connection.execute(counts).fetchone()
        return finished, failures

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
        query = "SELECT cell, recording FROM recordings ORDER BY cell"
        for cell, packed in self._connection.execute(query):
            yield cell, Recording(**json.loads(zlib.decompress(packed)))
