"""Attempts: how often each task was begun on this machine, in a small file that outlives the process.

A handler that kills its process (a crash in C code, too little memory) can't report it. Written before the handler
starts, the count tells the next process, so that such a task is begun a few times and then marked as an error, whether
the platform counts or not.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from xpander_facade.configuration._state_folder import state_folder
from xpander_facade.worker._logging import LOG

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.configuration._configuration import Configuration

_FORGET_AFTER = 7 * 24 * 3600.0
"""Seconds after which a count is deleted: the platform does not assign such an old task again."""

_BUSY_TIMEOUT = 5.0
_SCHEMA = "CREATE TABLE IF NOT EXISTS attempts (task TEXT PRIMARY KEY, begun INTEGER NOT NULL, at REAL NOT NULL)"


class AttemptLog:
    """Counts of beginnings, shared by all processes that serve an agent on this machine. Blocks: call it in a thread.

    Where the file can't be written, each process counts for itself, and the log says so once.

    Args:
        path: The file; None counts in this process only.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._own: dict[str, int] = {}

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
            self._own[task_id] = counted = self._own.get(task_id, 0) + 1
        return counted

    def retract(self, task_id: str) -> None:
        """Take the last beginning back: the worker gave the task up in order, so its handler did no harm."""
        self._own.pop(task_id, None)
        self._write(
            lambda connection: connection.execute("UPDATE attempts SET begun = begun - 1 WHERE task = ?", (task_id,))
        )

    def forget(self, task_id: str) -> None:
        """Delete the count of a task that has ended."""
        self._own.pop(task_id, None)
        self._write(lambda connection: connection.execute("DELETE FROM attempts WHERE task = ?", (task_id,)))

    def _write(self, change: Callable[[sqlite3.Connection], int | sqlite3.Cursor]) -> int | None:
        """Make a change in a transaction; return what it returns if that is a number, and None where it failed."""
        if self._path is None:
            return None
        try:
            # Not opened by SQLite itself, which would follow the umask: the ids of tasks are nobody else's business.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
            with contextlib.closing(sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT, isolation_level=None)) as db:
                db.execute(_SCHEMA)
                db.execute("BEGIN IMMEDIATE")
                outcome = change(db)
                db.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            LOG.warning("attempts are counted in this process only, %s can't be written: %s", self._path, error)
            self._path = None
            return None
        return outcome if isinstance(outcome, int) else None
