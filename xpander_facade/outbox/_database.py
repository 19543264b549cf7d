"""The outbox's file and this process's connection to it: opening, turns, transactions, forks, clear errors.

A process has one connection, and its threads take turns at it. SQLite lets one writer write at a time anyway; but where
it sleeps for milliseconds until the other one is done, a lock is passed on at once. While another process has the file,
the turn is given up again and again, so that each thread waits as long as its own caller has time, and no longer.

The connection is closed before a fork and opened again when it is next used, in the parent as in the child. An open one
must not cross: SQLite would believe that the child has the parent's locks on the file, the next process to close the
file would then throw away the log that the child writes to, and what the child stored would be lost.

WAL with `synchronous = NORMAL`: what was stored survives a killed process. A power cut can take the last moment, but
does not damage the file.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from xpander_facade.errors import ConfigurationError, OutboxError
from xpander_facade.outbox import _schema

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

BUSY_SECONDS = 10.0
"""How long to wait for a file that another process has, unless the caller has less time."""
_BUSY_SLICE = 0.05
_BUSY_PAUSE = 0.001
CHECKPOINT_BYTES = 4_000_000
# The maintenance thread moves the log into the file, so that nobody who stores a report waits for that. Where it is not
# there, SQLite does it itself once the log has so many pages.
_LATE_CHECKPOINT_PAGES = 10_000

Row = tuple[Any, ...]


class DatabaseBusyError(OutboxError):
    """Another process had the file for too long."""


class _BusyTimeout(threading.local):
    """Until when this thread's caller can wait for the file; monotonic seconds."""

    until = math.inf


class Database:
    """One file, as one process sees it.

    Args:
        path: The file's absolute path; made, for its owner only, where it does not exist.
        on_fork: Called in a child process after a fork.
    """

    def __init__(self, path: str, on_fork: Callable[[], None] = lambda: None) -> None:
        self.path = path
        self._on_fork = on_fork
        self.destinations: dict[int, str] = {}
        """What this process knows of destinations; a file that has to be made anew gets the same numbers."""
        self.losses = 0
        """Grows whenever something that was written may be gone: taken back, or with the file."""
        self._is_short = False
        self._connection: sqlite3.Connection | None = None
        self._busy_timeout = _BusyTimeout()
        self._reset()
        _files.add(self)

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._turn = threading.RLock()
        self._is_writing = False
        self._checkpointing = threading.Lock()

    # --- statements ---

    def execute(self, statement: str, *values: Any) -> int:
        """Run one statement as a transaction of its own; return how many rows it changed.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be read or written.
        """
        return self._execute(statement, values)[0]

    def query(self, statement: str, *values: Any) -> list[Row]:
        """Return the rows that a statement gives; within `transaction` it sees what was changed.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be read or written.
        """
        return self._execute(statement, values)[1]

    def _execute(self, statement: str, values: tuple[Any, ...]) -> tuple[int, list[Row]]:
        self._check_process()
        until = 0.0
        while True:
            try:
                with self._turn:
                    cursor = self._ready().execute(statement, values)
                    return cursor.rowcount, cursor.fetchall()
            except sqlite3.Error as error:
                until = self._wait_or_raise(error, until)

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """Make one transaction of the statements in a block; an exception takes all of them back.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be read or written.
        """
        self._check_process()
        until = 0.0
        has_begun = False
        while True:
            try:
                with self._turn:
                    if self._is_writing:
                        yield  # a signal handler came in between, or a block in a block: it belongs to the outer one
                        return
                    connection = self._ready()
                    try:
                        connection.execute("BEGIN IMMEDIATE")
                        self._is_writing = has_begun = True
                        yield
                        connection.execute("COMMIT")
                        return
                    finally:
                        self._is_writing = False
                        self._take_back(connection)
            except sqlite3.Error as error:
                if has_begun:
                    raise self._error_for(error) from error
                until = self._wait_or_raise(error, until)

    @contextlib.contextmanager
    def busy_timeout(self, seconds: float) -> Generator[None]:
        """Let this thread wait for the file, in all of a block together, no longer than so many seconds."""
        before = self._busy_timeout.until
        self._busy_timeout.until = time.monotonic() + seconds
        try:
            yield
        finally:
            self._busy_timeout.until = before

    def _ready(self) -> sqlite3.Connection:
        """Return the connection, without the rest of a transaction whose end an exception has prevented."""
        if self._connection is None:
            self._connection = self._prepare()
        elif not self._is_writing and self._connection.in_transaction:
            self._take_back(self._connection)
        return self._connection

    def _take_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            self.losses += 1
            connection.execute("ROLLBACK")

    def _wait_or_raise(self, error: sqlite3.Error, until: float) -> float:
        """Give other threads a turn where another process has the file; return until when to try, given 0 for unknown.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The time is over, or something else is wrong.
        """
        now = time.monotonic()
        until = until or min(now - _BUSY_SLICE + BUSY_SECONDS, self._busy_timeout.until)
        if not _is_busy(error) or now >= until:
            raise self._error_for(error) from error
        time.sleep(_BUSY_PAUSE)
        return until

    # --- life ---

    def checkpoint(self) -> None:
        """Move what was written from the log into the file, once the log has grown; nobody has to wait for it.

        Where the disk is full, that is done at any size: the log's room can be used again then.
        """
        with self._checkpointing, contextlib.suppress(OSError, sqlite3.Error):
            if os.path.getsize(f"{self.path}-wal") < CHECKPOINT_BYTES and not self._is_short:
                return
            with contextlib.closing(self._connect()) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._is_short = False

    def close(self) -> None:
        """Close this process's connection; it opens again when the file is next used."""
        with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _prepare(self) -> sqlite3.Connection:
        self._create()
        connection = self._connect()
        try:
            # Nothing is changed before it is known whose database it is.
            _schema.is_made(connection, self.path)
            self._keep_private()
            # Whole pages are written: small ones suit reports of a few kB. It counts for a new file alone.
            connection.execute("PRAGMA page_size = 1024")
            connection.execute("PRAGMA journal_mode = WAL")
            _schema.fill(connection, self.path, self.destinations)
        except BaseException:
            connection.close()
            raise
        self.losses += 1
        return connection

    def _create(self) -> None:
        # SQLite gives its log and its index the rights of the file that they belong to. A file that is there is not
        # opened here: closing it would take this process's locks off it.
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            pass
        except FileNotFoundError:
            folder = os.path.dirname(self.path)
            raise ConfigurationError(f"there is no folder {folder} for the outbox's file: make it first") from None
        except OSError as error:
            raise ConfigurationError(
                f"the outbox's file {self.path} can't be made ({error.strerror}): name one that this user can write"
            ) from None

    def _keep_private(self) -> None:
        """Let nobody but the owner read the file.

        Raises:
            ConfigurationError: It is somebody else's, who reads what is stored.
        """
        if os.name != "posix":
            return
        with contextlib.suppress(FileNotFoundError):
            found = os.stat(self.path)
            if os.geteuid() not in (found.st_uid, 0) and found.st_uid != 0:
                raise ConfigurationError(
                    f"the outbox's file {self.path} belongs to another user, who would read what is stored: "
                    "name another file"
                )
            if found.st_mode & 0o077:
                with contextlib.suppress(PermissionError):
                    os.chmod(self.path, 0o600)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SLICE, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_LATE_CHECKPOINT_PAGES}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _error_for(self, error: sqlite3.Error) -> OutboxError | ConfigurationError:
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
        if _is_busy(error):
            return DatabaseBusyError(
                f"other processes have the outbox's file {self.path}, and do not give it up: try again"
            )
        if kind == sqlite3.SQLITE_FULL:
            self._is_short = True
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


_files: weakref.WeakSet[Database] = weakref.WeakSet()
_held: list[Database] = []
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


if hasattr(os, "register_at_fork"):  # there is none on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
