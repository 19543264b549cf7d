"""Own the outbox's file and this process's connection to it: opening, turns, transactions, forks, clear errors.

A process has one connection, and its threads take turns at it. SQLite lets one writer write at a time anyway; but where
it sleeps for milliseconds until the other one is done, a lock is passed on at once.

The connection is closed before a fork and opened again when it is next used, in the parent as in the child. An open one
must not cross: SQLite would believe that the child has the parent's locks on the file, the next process to close the
file would then throw away the log that the child writes to, and what the child stored would be lost.

WAL with `synchronous = NORMAL`: what was stored survives a killed process. A power cut can take the last moment, but
does not damage the file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from xpander_facade.errors import ConfigurationError, OutboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

APPLICATION_ID = 0x78706F62  # "xpob"
VERSION = 1
BUSY_SECONDS = 10.0
CHECKPOINT_BYTES = 4_000_000
# Whoever stores a report should not have to wait for the disk as well; the keeper does that. This is for its absence.
_LATE_CHECKPOINT_PAGES = 10_000

_SCHEMA = """
CREATE TABLE places (
    place INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    failures INTEGER NOT NULL DEFAULT 0, paused_until REAL NOT NULL DEFAULT 0, held_until REAL NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0);
CREATE TABLE reports (
    n INTEGER PRIMARY KEY, place INTEGER NOT NULL, id TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0,
    agent_id TEXT NOT NULL, created_at REAL NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    owner TEXT, lease_until REAL, reason TEXT, size INTEGER NOT NULL, body BLOB NOT NULL);
CREATE UNIQUE INDEX reports_by_id ON reports (id, place, state);
CREATE INDEX waiting_reports ON reports (place, due, created_at) WHERE state = 0;
CREATE INDEX sending_reports ON reports (lease_until) WHERE state = 1;
CREATE INDEX quarantined_reports ON reports (created_at) WHERE state = 2;
CREATE TABLE runs (
    id TEXT NOT NULL, place INTEGER NOT NULL, agent_id TEXT NOT NULL, owner TEXT NOT NULL, began_at REAL NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (id, place)) WITHOUT ROWID;
CREATE TABLE processes (
    owner TEXT PRIMARY KEY, seen_at REAL NOT NULL, lease_until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE totals (reports INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT INTO totals VALUES (0, 0);
CREATE TRIGGER report_added AFTER INSERT ON reports BEGIN
    UPDATE totals SET reports = reports + 1, bytes = bytes + NEW.size; END;
CREATE TRIGGER report_removed AFTER DELETE ON reports BEGIN
    UPDATE totals SET reports = reports - 1, bytes = bytes - OLD.size; END;
CREATE TRIGGER report_changed AFTER UPDATE OF size ON reports BEGIN
    UPDATE totals SET bytes = bytes - OLD.size + NEW.size; END;
"""

Row = tuple[Any, ...]


class OutboxFile:
    """One file, as one process sees it.

    Args:
        path: The file's absolute path; made, for its owner only, where it does not exist.
        on_fork: Called in a child process after a fork.
    """

    def __init__(self, path: str, on_fork: Callable[[], None] = lambda: None) -> None:
        self.path = path
        self._on_fork = on_fork
        self._connection: sqlite3.Connection | None = None
        self._reset()
        _files.add(self)

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._turn = threading.RLock()
        self._checkpointing = threading.Lock()

    # --- statements ---

    def run(self, statement: str, *values: Any) -> int:
        """Run one statement as a transaction of its own; return how many rows it changed.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be read or written.
        """
        self._check_process()
        try:
            with self._turn:
                return self._open().execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def rows(self, statement: str, *values: Any) -> list[Row]:
        """Return the rows that a statement gives; within `writing` it sees what was changed.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be read or written.
        """
        self._check_process()
        try:
            with self._turn:
                return self._open().execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    @contextlib.contextmanager
    def writing(self) -> Generator[None]:
        """Make one transaction of the statements in a block; an exception takes all of them back.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be read or written.
        """
        self._check_process()
        try:
            with self._turn:
                connection = self._open()
                if connection.in_transaction:
                    yield  # a signal handler came in between, or a block in a block: it belongs to the outer one
                    return
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    # --- life ---

    def checkpoint(self) -> None:
        """Move what was written from the log into the file, once the log has grown; nobody has to wait for it."""
        with self._checkpointing, contextlib.suppress(OSError, sqlite3.Error):
            if os.path.getsize(f"{self.path}-wal") < CHECKPOINT_BYTES:
                return
            with contextlib.closing(self._connect()) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close this process's connection; it opens again when the file is next used."""
        with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._prepare()
        return self._connection

    def _prepare(self) -> sqlite3.Connection:
        self._create()
        connection = self._connect()
        try:
            # Whole pages are written: small ones suit reports of a few kB. It counts for a new file alone.
            connection.execute("PRAGMA page_size = 1024")
            _use_log(connection)
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if application != APPLICATION_ID and tables:
                raise ConfigurationError(f"{self.path} is another program's database: name another file for the outbox")
            if version > VERSION:
                raise ConfigurationError(
                    f"{self.path} was made by a newer version of xpander-facade: update this one, or name another file"
                )
            if not tables:
                for statement in _statements(_SCHEMA):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self) -> None:
        # SQLite gives its log and its index the rights of the file that they belong to. A file that is there is not
        # opened here: closing it would take this process's locks off it.
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            with contextlib.suppress(OSError):
                if os.stat(self.path).st_mode & 0o077:
                    os.chmod(self.path, 0o600)
        except FileNotFoundError:
            folder = os.path.dirname(self.path)
            raise ConfigurationError(f"there is no folder {folder} for the outbox's file: make it first") from None
        except OSError as error:
            raise ConfigurationError(
                f"the outbox's file {self.path} can't be made ({error.strerror}): name one that this user can write"
            ) from None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_LATE_CHECKPOINT_PAGES}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _trouble(self, error: sqlite3.Error) -> OutboxError | ConfigurationError:
        """Return what to raise for an error of SQLite; it names the remedy."""
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if kind in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            return ConfigurationError(
                f"{self.path} is no outbox, or is damaged ({error}): move it away to keep it, or name another file"
            )
        if kind in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
            return ConfigurationError(
                f"the outbox's file {self.path} can't be written ({error}): let this user write to it and its folder"
            )
        if kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return OutboxError(f"the outbox's file {self.path} was taken by others for {BUSY_SECONDS:g} s: try again")
        if kind == sqlite3.SQLITE_FULL:
            return OutboxError(f"there is no room on the disk of the outbox's file {self.path}")
        return OutboxError(f"the outbox's file {self.path} can't be used: {error}")

    # --- forks ---

    def before_fork(self) -> None:
        """Wait until no thread uses the file, keep them all away, and close the connection."""
        self._turn.acquire()
        self._checkpointing.acquire()
        with contextlib.suppress(sqlite3.Error):
            self.close()

    def after_fork_in_parent(self) -> None:
        """Let the threads go on."""
        self._checkpointing.release()
        self._turn.release()

    def after_fork_in_child(self) -> None:
        """Start anew: the locks were held by threads that are not here."""
        self._reset()
        self._on_fork()

    def _check_process(self) -> None:
        """Notice a fork that Python was not told of, as by a server that is written in C."""
        if self._pid == os.getpid():
            return
        if self._turn.acquire(blocking=False):
            # No thread was at work on the connection, so it can be closed here: SQLite forgets the parent's locks.
            with contextlib.suppress(sqlite3.Error):
                self.close()
        else:
            _abandoned.append(self._connection)
            self._connection = None
        self.after_fork_in_child()


_files: weakref.WeakSet[OutboxFile] = weakref.WeakSet()
_held: list[OutboxFile] = []
_abandoned: list[sqlite3.Connection | None] = []
_forking = threading.Lock()


def _before_fork() -> None:
    _forking.acquire()
    for file in list(_files):
        file.before_fork()
        _held.append(file)


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop().after_fork_in_parent()
    _forking.release()


def _after_fork_in_child() -> None:
    global _forking
    _forking = threading.Lock()
    while _held:
        _held.pop().after_fork_in_child()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def _use_log(connection: sqlite3.Connection) -> None:
    """Switch to WAL; SQLite does not wait by itself while another process does the same."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; `executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines():
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
