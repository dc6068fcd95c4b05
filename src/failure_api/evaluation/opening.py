"""Opens the store of a folder, for one process alone."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from failure_api.errors import InvalidArgumentError, invalid
from failure_api.evaluation.store import TABLES, Store

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
        raise no_room("output", directory, error) from error
    try:
        if not new and not os.access(directory, os.W_OK):
            # A folder that nobody may write to is locked well enough.
            with closing(
                sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)
            ) as connection:
                _check_ours(connection, directory)
                yield Store(directory, connection)
            return
        with _locked(directory / _LOCK), closing(sqlite3.connect(path)) as connection:
            if not is_new:
                _check_ours(connection, directory)
            # Before anything else, so that no kill leaves a database that is not marked.
            connection.execute(f"PRAGMA application_id = {_OURS}")
            connection.execute("PRAGMA journal_mode = WAL")
            # Without it, what was committed last could be lost with the machine's power.
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(TABLES)
            _complete(connection)
            yield Store(directory, connection)
    except sqlite3.Error as error:
        raise _refused(directory, error) from error


def no_room(argument: str, directory: Path, error: OSError) -> InvalidArgumentError:
    """Returns the error for a folder that cannot be written to, ready to be raised."""
    reason = (error.strerror or str(error)).lower()
    rule = f"must be a folder that can be written to ({reason})"
    remedy = "make room or name another one; what was finished is kept"
    return invalid(argument, rule, str(directory), remedy)


def _no_sweep(directory: Path) -> InvalidArgumentError:
    remedy = "name the folder that `failure-api sweep` wrote to"
    return invalid("directory", "must hold a sweep", str(directory), remedy)


def _check_ours(connection: sqlite3.Connection, directory: Path) -> None:
    """Raises an error for the database of another program."""
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    if found != _OURS:
        raise _no_sweep(directory)


def _complete(connection: sqlite3.Connection) -> None:
    """Adds the columns that a sweep of an earlier version does not have."""
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
    full = "full" in str(error)
    kept = "make room; nothing that was finished is lost, and the same call goes on"
    return invalid("output", rule, str(directory), kept if full else "name another one")
