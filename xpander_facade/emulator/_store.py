"""Store: tasks, agents, events, activity and metrics in one SQLite database.

This module has the tables and every statement. A document is stored as its JSON text, beside the few columns that are
searched.
One connection; whoever reads and then writes holds `lock` meanwhile, so that the pair is one step.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final

from ._json import Json, object_of, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILTERS: Final = ("user_id", "parent_task_id", "triggering_agent_id", "status", "internal_status")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tasks (
    organization_id TEXT NOT NULL, id TEXT NOT NULL, agent_id TEXT NOT NULL,
    user_id TEXT, parent_task_id TEXT, triggering_agent_id TEXT, status TEXT, internal_status TEXT,
    running INTEGER NOT NULL DEFAULT 0, first_event INTEGER NOT NULL DEFAULT 1, llm_response TEXT,
    document TEXT NOT NULL, PRIMARY KEY (organization_id, id));
CREATE INDEX IF NOT EXISTS tasks_by_agent ON tasks (organization_id, agent_id);
CREATE INDEX IF NOT EXISTS tasks_by_user ON tasks (organization_id, user_id);
CREATE TABLE IF NOT EXISTS agents (
    organization_id TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (organization_id, id));
CREATE TABLE IF NOT EXISTS events (
    organization_id TEXT NOT NULL, task_id TEXT NOT NULL, n INTEGER NOT NULL, last INTEGER NOT NULL,
    data TEXT NOT NULL, PRIMARY KEY (organization_id, task_id, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
    organization_id TEXT NOT NULL, task_id TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (organization_id, task_id, id));
CREATE TABLE IF NOT EXISTS metrics (
    organization_id TEXT NOT NULL, agent_id TEXT NOT NULL, execution_id TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (organization_id, agent_id, execution_id));
"""
_INDEXED: Final = ("parent_execution", "triggering_agent_id", "status", "internal_status")
_TABLES: Final = ("tasks", "agents", "events", "entries", "metrics")


class Store:
    """The database. A file survives a restart; `:memory:` does not."""

    def __init__(self, path: str) -> None:
        self.lock = threading.RLock()
        self.closed = True
        self._path = path
        self.open()

    def open(self) -> None:
        """Open the database, also again after `close`.

        Raises:
            OSError: when the file can't be used.
        """
        path = self._path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
            # a test may read on after the server's end; the connection is closed with the object at the latest
            weakref.finalize(self, self._db.close)
            self._db.execute("PRAGMA journal_mode = WAL")
            # a killed process loses nothing in this mode, a power cut perhaps the last moment: enough for a test
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise OSError(f"cannot use {path!r} as the emulator's database: {error}") from error
        self.closed = False

    def close(self) -> None:
        """Close the database."""
        with self.lock:
            self.closed = True
            self._db.close()

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            for table in _TABLES:
                self._db.execute(f"DELETE FROM {table}")

    # --- tasks ---

    def task(self, organization_id: str, task_id: str) -> Json | None:
        """Return a task, or None."""
        row = self._one("SELECT document FROM tasks WHERE organization_id = ? AND id = ?", organization_id, task_id)
        return None if row is None else json.loads(row[0])

    def put_task(self, task: Json) -> None:
        """Write a task; an existing one keeps its position in the history."""
        user = object_of(object_of(task.get("input")).get("user"))
        indexed = (user.get("id"), *(task.get(name) for name in _INDEXED))
        self._do(
            "INSERT INTO tasks (organization_id, id, agent_id, user_id, parent_task_id, triggering_agent_id, status,"
            " internal_status, document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (organization_id, id) DO UPDATE SET agent_id = excluded.agent_id,"
            " user_id = excluded.user_id, parent_task_id = excluded.parent_task_id,"
            " triggering_agent_id = excluded.triggering_agent_id, status = excluded.status,"
            " internal_status = excluded.internal_status, document = excluded.document",
            task["organization_id"],
            task["id"],
            task["agent_id"],
            *(value if isinstance(value, str) else None for value in indexed),
            write(task),
        )

    def tasks(
        self,
        organization_id: str | None,
        *,
        agent_id: str | None = None,
        task_id: str | None = None,
        filters: Mapping[str, str] | None = None,
    ) -> list[Json]:
        """Return tasks, newest first, of one organisation or (None) of all; `filters` by the names of `FILTERS`."""
        wanted: dict[str, str] = {name: value for name, value in (filters or {}).items() if name in FILTERS}
        if organization_id is not None:
            wanted["organization_id"] = organization_id
        if agent_id is not None:
            wanted["agent_id"] = agent_id
        if task_id is not None:
            wanted["id"] = task_id
        where = " AND ".join(f"{name} = ?" for name in wanted) or "1"
        rows = self._all(f"SELECT document FROM tasks WHERE {where} ORDER BY rowid DESC", *wanted.values())
        return [json.loads(row[0]) for row in rows]

    def set_running(self, organization_id: str, task_id: str, running: bool) -> None:
        """Record whether a task is being executed, or waits for a worker."""
        self._do(
            "UPDATE tasks SET running = ? WHERE organization_id = ? AND id = ?", int(running), organization_id, task_id
        )

    def running(self) -> list[Json]:
        """Return the tasks that are being executed or wait for a worker."""
        return [json.loads(row[0]) for row in self._all("SELECT document FROM tasks WHERE running = 1")]

    def put_llm_response(self, organization_id: str, task_id: str, value: Any) -> None:
        """Keep a report's raw provider response as it came."""
        self._do(
            "UPDATE tasks SET llm_response = ? WHERE organization_id = ? AND id = ?",
            write(value),
            organization_id,
            task_id,
        )

    def llm_response(self, organization_id: str, task_id: str) -> Any:
        """Return what `put_llm_response` kept, or None."""
        row = self._one("SELECT llm_response FROM tasks WHERE organization_id = ? AND id = ?", organization_id, task_id)
        return None if row is None or row[0] is None else json.loads(row[0])

    # --- events ---

    def add_event(self, organization_id: str, task_id: str, data: str, *, last: bool) -> int:
        """Append an event's text to a task's stream and return its number, from 1."""
        with self.lock:
            n = self._next_event(organization_id, task_id)
            self._do("INSERT INTO events VALUES (?, ?, ?, ?, ?)", organization_id, task_id, n, int(last), data)
            return n

    def events_after(self, organization_id: str, task_id: str, n: int, limit: int) -> list[tuple[int, bool, str]]:
        """Return up to `most` events past number n: number, whether it ends the stream, text."""
        rows = self._all(
            "SELECT n, last, data FROM events WHERE organization_id = ? AND task_id = ? AND n > ? ORDER BY n LIMIT ?",
            organization_id,
            task_id,
            n,
            limit,
        )
        return [(row[0], bool(row[1]), row[2]) for row in rows]

    def begin_events(self, organization_id: str, task_id: str) -> None:
        """Let those who connect from now on start at the next event: what came before belongs to an earlier run."""
        with self.lock:
            self._do(
                "UPDATE tasks SET first_event = ? WHERE organization_id = ? AND id = ?",
                self._next_event(organization_id, task_id),
                organization_id,
                task_id,
            )

    def event_bounds(self, organization_id: str, task_id: str) -> tuple[int, int, int | None]:
        """Return the numbers of the run's first event, of the newest event, and of the one that ended the run."""
        first = self._one(
            "SELECT first_event FROM tasks WHERE organization_id = ? AND id = ?", organization_id, task_id
        )
        start = 1 if first is None else int(first[0])
        row = self._one(
            "SELECT COALESCE(MAX(n), 0), MAX(CASE WHEN last AND n >= ? THEN n END) FROM events"
            " WHERE organization_id = ? AND task_id = ?",
            start,
            organization_id,
            task_id,
        )
        return (start, 0, None) if row is None else (start, row[0], row[1])

    def _next_event(self, organization_id: str, task_id: str) -> int:
        row = self._one(
            "SELECT COALESCE(MAX(n), 0) + 1 FROM events WHERE organization_id = ? AND task_id = ?",
            organization_id,
            task_id,
        )
        return 1 if row is None else int(row[0])

    # --- activity ---

    def put_entry(self, organization_id: str, task_id: str, entry: Json) -> None:
        """Write an entry of the activity thread; one of the same id is replaced."""
        with self.lock:
            old = self._one(
                "SELECT document FROM entries WHERE organization_id = ? AND task_id = ? AND id = ?",
                organization_id,
                task_id,
                entry["id"],
            )
            if old is not None:
                entry = {**json.loads(old[0]), **{name: value for name, value in entry.items() if name != "created_at"}}
            self._do(
                "INSERT INTO entries VALUES (?, ?, ?, ?)"
                " ON CONFLICT (organization_id, task_id, id) DO UPDATE SET document = excluded.document",
                organization_id,
                task_id,
                entry["id"],
                write(entry),
            )

    def entries(self, organization_id: str, task_id: str) -> list[Json]:
        """Return a task's activity, oldest first."""
        rows = self._all(
            "SELECT document FROM entries WHERE organization_id = ? AND task_id = ? ORDER BY rowid",
            organization_id,
            task_id,
        )
        return [json.loads(row[0]) for row in rows]

    # --- agents and metrics ---

    def agent(self, organization_id: str, agent_id: str) -> Json | None:
        """Return an agent, or None."""
        row = self._one("SELECT document FROM agents WHERE organization_id = ? AND id = ?", organization_id, agent_id)
        return None if row is None else json.loads(row[0])

    def put_agent(self, agent: Json) -> None:
        """Write an agent."""
        self._do(
            "INSERT INTO agents VALUES (?, ?, ?)"
            " ON CONFLICT (organization_id, id) DO UPDATE SET document = excluded.document",
            agent["organization_id"],
            agent["id"],
            write(agent),
        )

    def agents(self, organization_id: str) -> list[Json]:
        """Return an organisation's agents, oldest first."""
        rows = self._all("SELECT document FROM agents WHERE organization_id = ? ORDER BY rowid", organization_id)
        return [json.loads(row[0]) for row in rows]

    def put_metrics(self, organization_id: str, agent_id: str, execution_id: str, document: Json) -> None:
        """Write a run's metrics; a later report of the same run replaces the earlier one."""
        self._do(
            "INSERT INTO metrics VALUES (?, ?, ?, ?)"
            " ON CONFLICT (organization_id, agent_id, execution_id) DO UPDATE SET document = excluded.document",
            organization_id,
            agent_id,
            execution_id,
            write(document),
        )

    def metrics(self, organization_id: str, agent_id: str) -> list[Json]:
        """Return an agent's metrics, one document for each run."""
        rows = self._all(
            "SELECT document FROM metrics WHERE organization_id = ? AND agent_id = ? ORDER BY rowid",
            organization_id,
            agent_id,
        )
        return [json.loads(row[0]) for row in rows]

    # --- statements ---

    def _do(self, statement: str, *values: Any) -> None:
        with self.lock:
            self._db.execute(statement, values)

    def _all(self, statement: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        with self.lock:
            return iter(self._db.execute(statement, values).fetchall())

    def _one(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        with self.lock:
            row: tuple[Any, ...] | None = self._db.execute(statement, values).fetchone()
            return row
