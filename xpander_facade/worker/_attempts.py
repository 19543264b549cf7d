"""Attempts: how often each task was begun on this machine, in a small file that outlives the process.

A handler that kills its process (a crash in C code, too little memory) can't report it. Written before the handler
starts, the count tells the next process, so that such a task is begun a few times and then marked as an error, whether
the platform counts or not.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from xpander_facade.configuration._private_file import make_private_file
from xpander_facade.configuration._state_folder import state_folder
from xpander_facade.worker._logging import LOG

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.configuration._configuration import Configuration

_FORGET_AFTER = 7 * 24 * 3600.0
"""Seconds after which a count is deleted: the platform does not assign such an old task again."""

_BUSY_TIMEOUT = 5.0
_RETRY_AFTER = 30.0
"""Seconds for which a file that could not be written is left alone."""
_SCHEMA = "CREATE TABLE IF NOT EXISTS attempts (task TEXT PRIMARY KEY, begun INTEGER NOT NULL, at REAL NOT NULL)"


class AttemptLog:
    """Counts of beginnings, shared by all processes that serve an agent on this machine. Blocks: call it in a thread.

    While the file can't be written, each process counts for itself, and the log says so once.

    Args:
        path: The file; None counts in this process only.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        # Threads take turns here: where many wait for SQLite's own lock, it is chance which of them gets it.
        self._turn = threading.Lock()
        self._own: dict[str, int] = {}
        """What could not be written."""
        self._retry_at = 0.0
        self._is_failing = False

    @classmethod
    def of(cls, configuration: Configuration, agent_id: str, path: str | None) -> AttemptLog:
        """Return the log of an agent, by default in the user's folder for state."""
        if path is not None:
            return cls(Path(path))
        folder = state_folder()
        if folder is None:
            LOG.warning("no folder for state: attempts are counted in this process only; name one by state_path=")
            return cls(None)
        agent = "\n".join((configuration.get_full_url(), configuration.organization_id or "", agent_id))
        return cls(folder / f"worker-{hashlib.sha256(agent.encode()).hexdigest()[:16]}.db")

    def begin(self, task_id: str) -> int:
        """Count a beginning, on disk before this returns; return the number of this one, 1 for the first."""

        def count(connection: sqlite3.Connection) -> int:
            connection.execute("DELETE FROM attempts WHERE at < ?", (time.time() - _FORGET_AFTER,))
            row = connection.execute(
                "INSERT INTO attempts VALUES (?, 1, ?)"
                " ON CONFLICT (task) DO UPDATE SET begun = begun + 1, at = excluded.at RETURNING begun",
                (task_id, time.time()),
            ).fetchone()
            return int(row[0])

        counted = self._write(count)
        if counted is None:
            self._own[task_id] = self._own.get(task_id, 0) + 1
        return (counted or 0) + self._own.get(task_id, 0)

    def retract(self, task_id: str) -> None:
        """Take the last beginning back: the worker gave the task up in order, so its handler did no harm."""
        if task_id in self._own:
            self._own[task_id] -= 1
            return
        self._write(
            lambda connection: connection.execute("UPDATE attempts SET begun = begun - 1 WHERE task = ?", (task_id,))
        )

    def forget(self, task_id: str) -> None:
        """Delete the count of a task that has ended."""
        self._own.pop(task_id, None)
        self._write(lambda connection: connection.execute("DELETE FROM attempts WHERE task = ?", (task_id,)))

    def _write(self, change: Callable[[sqlite3.Connection], int | sqlite3.Cursor]) -> int | None:
        """Make a change in a transaction; return what it returns if that is a number, and None where it failed."""
        path = self._path
        if path is None:
            return None
        with self._turn:
            if time.monotonic() < self._retry_at:
                return None
            try:
                outcome = _write(path, change)
            except (OSError, sqlite3.Error) as error:
                self._retry_at = time.monotonic() + _RETRY_AFTER
                if not self._is_failing:
                    LOG.warning("attempts are counted in this process only while %s can't be written: %s", path, error)
                self._is_failing = True
                return None
            self._is_failing = False
        return outcome if isinstance(outcome, int) else None


def _write(path: Path, change: Callable[[sqlite3.Connection], int | sqlite3.Cursor]) -> int | sqlite3.Cursor:
    _make_ready(path)
    with contextlib.closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None)) as connection:
        # The end of a process loses no count with this; a power failure may lose the last one, which costs one
        # attempt more.
        connection.execute("PRAGMA synchronous = NORMAL")
        # A transaction that begins with reading is refused at once, without a wait, where another one writes
        # meanwhile.
        connection.execute("BEGIN IMMEDIATE")
        # Each time, since somebody may have deleted the file.
        connection.execute(_SCHEMA)
        outcome = change(connection)
        connection.execute("COMMIT")
    return outcome


def _make_ready(path: Path) -> None:
    """Make the file where it is missing, not by SQLite, which would let others read it; refuse what is not a file."""
    with contextlib.suppress(FileExistsError):
        make_private_file(path)
    if not stat.S_ISREG(path.lstat().st_mode):
        raise OSError("it is not a regular file")
