"""Store: tasks, agents, events, activity and metrics in one SQLite database.

This module has the tables and every statement. A document is stored as its JSON text, beside the few columns that are
searched.
One connection; whoever reads and then writes holds `lock` meanwhile, so that the pair is one step.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

from ._database_file import DatabaseFile
from ._json import Json, object_of, write
from ._schema import TABLES, create

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

FILTERS: Final = ("user_id", "parent_task_id", "triggering_agent_id", "status", "internal_status")

# The columns that are set by a task's document, beside the three that say which task it is.
_COLUMNS: Final = (
    "user_id", "parent_task_id", "triggering_agent_id", "status", "internal_status",
    "source", "minute", "duration", "tokens", "document",
)  # fmt: skip
_PUT_TASK: Final = (
    f"INSERT INTO tasks (organization_id, id, agent_id, {', '.join(_COLUMNS)}) VALUES (?, ?, ?{', ?' * len(_COLUMNS)})"
    " ON CONFLICT (organization_id, id) DO UPDATE SET is_indexed = 0, agent_id = excluded.agent_id, "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "minute")
)
_ADD_REPORT: Final = (
    "INSERT INTO tasks (organization_id, id, agent_id, status, minute, duration, tokens, document, llm_response)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, id) DO NOTHING"
)
_MAX_INTEGER: Final = 2**53
_PART: Final = 20
"""Tasks that are read at once: half a millisecond's work, for which other requests wait several times each."""
_WINDOW: Final = 1_000
"""Rows that are looked through at once for tasks that a filter is for."""
_MANY: Final = 500
_OPEN_TIMEOUT: Final = 5.0
_BUSY_INTERVAL: Final = 0.02


class DatabaseBusyError(Exception):
    """Another process holds the database's write lock."""


class DatabaseClosedError(Exception):
    """The emulator has stopped, and closed its database."""


class Transaction:
    """A block whose changes are one step; see `Store.transaction`."""

    def __init__(self, store: Store, timeout: float | None) -> None:
        self._store = store
        self._timeout = timeout

    def __enter__(self) -> None:
        self._store.begin(self._timeout)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.end(commit=kind is None)


class Store:
    """The database. A file survives a restart; `:memory:` does not."""

    def __init__(self, path: str) -> None:
        self.lock = threading.RLock()
        self.closed = True
        self.loop_thread: int | None = None
        self.path = path
        self._depth = 0
        self._changes = 0
        self._undone = 0
        self._last_put: tuple[Json, str] = ({}, "{}")
        self._file: DatabaseFile | None = None
        self.open()

    def open(self) -> None:
        """Open the database, also again after `close`.

        Raises:
            OSError: when the file can't be used, or another emulator uses it.
        """
        path = self.path
        file = None if path == ":memory:" else DatabaseFile(path)
        try:
            # Transactions are begun by hand: Python's own would begin with the first write, after what was read for
            # it.
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_OPEN_TIMEOUT)
            # A test may read on after the server's end; the connection is closed with the object at the latest.
            weakref.finalize(self, _close, self._db, file)
            self._db.execute("PRAGMA journal_mode = WAL")
            # A killed process loses nothing in this mode, a power cut perhaps the last moment: enough for a test.
            self._db.execute("PRAGMA synchronous = NORMAL")
            create(self._db)
            # From here on waiting is done without the lock, so that nobody else waits too.
            self._db.execute("PRAGMA busy_timeout = 0")
        except sqlite3.Error as error:
            if file is not None:
                file.release()
            raise OSError(f"cannot use {path!r} as the emulator's database: {error}") from error
        self._file = file
        self.closed = False

    def close(self) -> None:
        """Close the database."""
        with self.lock:
            self.closed = True
            _close(self._db, self._file)

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            for table in TABLES:
                self._db.execute(f"DELETE FROM {table}")
            self._changes += 1
            self._undone += 1

    @property
    def changes(self) -> int:
        """A number that grows with each change of a task."""
        return self._changes

    @property
    def undone(self) -> int:
        """A number that grows when something that was written is gone again."""
        return self._undone

    def transaction(self, timeout: float | None = 5.0) -> Transaction:
        """Hold the lock, and make a block's changes one step: all of them are written, or none.

        A transaction within another one is a part of it.

        Args:
            timeout: Seconds to wait while another process writes; None waits for ever. The server's own thread never
                waits, since every client would wait with it.

        Raises:
            DatabaseBusyError: when another process still writes.
            DatabaseClosedError: when the emulator has stopped.
        """
        return Transaction(self, 0.0 if threading.get_ident() == self.loop_thread else timeout)

    def begin(self, timeout: float | None) -> None:
        """Take the lock and begin a transaction; see `transaction`."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            self.lock.acquire()
            try:
                if self.closed:
                    raise DatabaseClosedError
                # A block within another one is a part of it.
                if self._depth == 0:
                    self._db.execute("BEGIN IMMEDIATE")
                self._depth += 1
                return
            except sqlite3.OperationalError as error:
                self.lock.release()
                if not is_busy(error):
                    raise
                if end is not None and time.monotonic() >= end:
                    raise DatabaseBusyError(f"another process writes to {self.path!r}") from error
            except BaseException:
                self.lock.release()
                raise
            time.sleep(_BUSY_INTERVAL)

    def end(self, *, commit: bool) -> None:
        """End a transaction, and release the lock."""
        try:
            if self._depth == 1 and self._db.in_transaction:
                if not commit:
                    self._undone += 1
                self._db.execute("COMMIT" if commit else "ROLLBACK")
        finally:
            self._depth -= 1
            self.lock.release()

    # --- tasks ---

    def task(self, organization_id: str, task_id: str) -> Json | None:
        """Return a task, or None."""
        row = self._one("SELECT document FROM tasks WHERE organization_id = ? AND id = ?", organization_id, task_id)
        return None if row is None else json.loads(row[0])

    def put_task(self, task: Json) -> None:
        """Write a task; an existing one keeps its position in the history."""
        user = object_of(object_of(task.get("input")).get("user")).get("id")
        text = write(task)
        self._do(
            _PUT_TASK,
            task["organization_id"],
            task["id"],
            task["agent_id"],
            _text(user),
            _text(task.get("parent_execution")),
            _text(task.get("triggering_agent_id")),
            task["status"],
            _text(task.get("internal_status")),
            _text(task.get("source")) or "",
            str(task["created_at"])[:16],
            _number(task.get("duration")),
            int(_number(object_of(task.get("tokens")).get("total_tokens"))),
            text,
        )
        self._changes += 1
        # An operation mostly answers with the task that it stored, which need not be written out twice.
        self._last_put = (task, text)

    def add_report(self, task: Json, text: str, llm_response: Any, entries: Iterable[Json]) -> bool:
        """Write a reported task, which its text says, with its activity; write nothing where it is known already.

        It belongs into a transaction.

        Returns:
            Whether the task is new.
        """
        organization_id, task_id = task["organization_id"], task["id"]
        row = self._db.execute(
            _ADD_REPORT,
            (
                organization_id,
                task_id,
                task["agent_id"],
                task["status"],
                task["created_at"][:16],
                _number(task["duration"]),
                int(_number(object_of(task["tokens"]).get("total_tokens"))),
                text,
                None if llm_response is None else write(llm_response),
            ),
        )
        if row.rowcount == 0:
            return False
        rows = [(organization_id, task_id, entry["id"], write(entry)) for entry in entries]
        self._db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", rows)
        self._changes += 1
        self._last_put = (task, text)
        return True

    def text_of(self, value: Any) -> str:
        """Return a value's JSON text, without writing the task anew that was stored last."""
        task, text = self._last_put
        return text if task is value else write(value)

    def tasks(
        self,
        organization_id: str | None,
        *,
        agent_id: str | None = None,
        task_id: str | None = None,
        filters: Mapping[str, str] | None = None,
    ) -> list[Json]:
        """Return tasks, newest first, of one organisation or (None) of all; `filters` by the names of `FILTERS`."""
        parts = self.task_parts(organization_id, agent_id=agent_id, task_id=task_id, filters=filters)
        return [task for part in parts for task in part]

    def task_parts(
        self,
        organization_id: str | None,
        *,
        agent_id: str | None = None,
        task_id: str | None = None,
        filters: Mapping[str, str] | None = None,
    ) -> Iterator[list[Json]]:
        """Yield what `tasks` returns some at a time, and hold the lock only while a part is read.

        A part may be empty: what a filter is for may be far down.
        """
        wanted: dict[str, str] = {name: value for name, value in (filters or {}).items() if name in FILTERS}
        if organization_id is not None:
            wanted["organization_id"] = organization_id
        if agent_id is not None:
            wanted["agent_id"] = agent_id
        if task_id is not None:
            wanted["id"] = task_id
        where = " AND ".join([*(f"{name} = ?" for name in wanted), "n < ?", "n >= ?"])
        statement = f"SELECT n, document FROM tasks WHERE {where} ORDER BY n DESC LIMIT {_PART}"
        newest = self._one("SELECT MAX(n) FROM tasks")
        before = 0 if newest is None or newest[0] is None else newest[0] + 1
        while before > 0:
            after = max(before - _WINDOW, 0)
            rows = self.read(statement, *wanted.values(), before, after)
            yield [json.loads(document) for _, document in rows]
            before = rows[-1][0] if len(rows) == _PART else after

    def has_many_tasks(self) -> bool:
        """Tell whether there are so many tasks that reading them all at once would hold up other requests."""
        return self._one("SELECT n FROM tasks LIMIT 1 OFFSET ?", _MANY) is not None

    def set_running(self, organization_id: str, task_id: str, running: bool) -> None:
        """Record whether a task is being executed, or waits for a worker."""
        self._do(
            "UPDATE tasks SET running = ? WHERE organization_id = ? AND id = ?", int(running), organization_id, task_id
        )

    def running(self) -> list[Json]:
        """Return the tasks that are being executed or wait for a worker."""
        return [json.loads(row[0]) for row in self.read("SELECT document FROM tasks WHERE running = 1")]

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
        """Return up to `limit` events past number n: number, whether it ends the stream, text."""
        rows = self.read(
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
        rows = self.read(
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
        rows = self.read("SELECT document FROM agents WHERE organization_id = ? ORDER BY rowid", organization_id)
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
        rows = self.read(
            "SELECT document FROM metrics WHERE organization_id = ? AND agent_id = ? ORDER BY rowid",
            organization_id,
            agent_id,
        )
        return [json.loads(row[0]) for row in rows]

    # --- statements ---

    def read(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self.lock:
            return self._db.execute(statement, values).fetchall()

    def write_many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Execute a statement for each row."""
        with self.transaction():
            self._db.executemany(statement, rows)

    def _do(self, statement: str, *values: Any) -> None:
        with self.lock:
            if self._depth:
                self._db.execute(statement, values)
                return
        with self.transaction():
            self._db.execute(statement, values)

    def _one(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        with self.lock:
            row: tuple[Any, ...] | None = self._db.execute(statement, values).fetchone()
            return row


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another process's lock made a statement fail."""
    # The lowest byte of an extended code is the code itself.
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _close(db: sqlite3.Connection, file: DatabaseFile | None) -> None:
    db.close()
    if file is not None:
        file.release()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float:
    # The columns only serve sorting and sums; the document has the number as it came.
    if not isinstance(value, (int, float)) or value != value:
        return 0.0
    return float(max(-_MAX_INTEGER, min(value, _MAX_INTEGER)))
