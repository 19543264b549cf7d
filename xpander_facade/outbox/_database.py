"""The connection of one process to the outbox's file: opening, turns, transactions, forks, clear errors.

A process has one connection, and its threads take turns at it. SQLite lets one writer write at a time anyway; but where
it sleeps for milliseconds until the other one is done, a lock is passed on at once. While another process has the file,
the turn is given up again and again, so that each thread waits as long as its own caller has time, and no longer. Once
one of them has waited in vain, the others do not wait as well: they fail at once until the file can be written again.

The connection is closed before a fork and opened again when it is next used, in the parent as in the child. An open one
must not cross: SQLite would believe that the child has the parent's locks on the file, the next process to close the
file would then throw away the log that the child writes to, and what the child stored would be lost.

WAL with `synchronous = NORMAL`: what was stored survives a killed process. A power cut can take the last moment, but
does not damage the file. What is deleted is overwritten with zeros (`secure_delete`).
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import sqlite3
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from xpander_facade.configuration._outbox_settings import MEMORY
from xpander_facade.errors import ConfigurationError, OutboxError, XpanderError
from xpander_facade.outbox import _file_safety, _schema

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

BUSY_SECONDS = 5.0
"""How long to wait for a file that another process has, unless the caller has less time."""
_MIN_WAIT_IN_VAIN = 1.0
"""After a wait of so many seconds in vain, nobody else waits until the file can be written again."""
_BRAKE_SECONDS = 0.25
"""How often writing is tried meanwhile."""
_BUSY_SLICE = 0.05
_BUSY_PAUSE = 0.001
_FORK_TIMEOUT = 5.0
"""Seconds that a fork waits for each of the locks that other threads hold."""
CHECKPOINT_BYTES = 4_000_000
MIN_SHRINK_BYTES = 1_000_000
"""A file that is smaller stays as it is, however empty it is."""
_MAX_REBUILD_BYTES = 2_000_000
"""A file with no more than so much in it is written anew at once."""
_SHRINK_PAGES = 500
"""So many pages are given back to the file system in one transaction."""
# The maintenance thread moves the log into the file, so that nobody who stores a report waits for that. Where it is not
# there, SQLite does it itself once the log has so many pages.
_LATE_CHECKPOINT_PAGES = 2_500

_log = logging.getLogger("xpander_facade")

Row = tuple[Any, ...]


class DatabaseBusyError(OutboxError):
    """Another process had the file for too long."""


class _BusyTimeout(threading.local):
    """Until when this thread's caller can wait for the file; monotonic seconds."""

    until = math.inf


class Database:
    """One file, as one process sees it.

    Args:
        path: The file's absolute path; made, for its owner only, where it does not exist. `MEMORY` for none.
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
        self._file_id: _file_safety.FileId | None = None
        self._replacement_error: Exception | None = None
        self._connection: sqlite3.Connection | None = None
        self._busy_timeout = _BusyTimeout()
        self._reset()
        _files.add(self)

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._turn = threading.RLock()
        self._is_writing = self._is_blocked = False
        self._checkpointing = threading.RLock()
        self._try_at = 0.0
        self._is_held = self._is_checkpoint_held = False
        self._moved_at_fork: int | None = None
        self._error_at_fork: Exception | None = None

    @property
    def is_in_memory(self) -> bool:
        """Whether there is no file."""
        return self.path == MEMORY

    # --- statements ---

    def execute(self, statement: str, *values: Any) -> int:
        """Run one statement as a transaction of its own; return how many rows it changed.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be read or written.
        """
        return self._execute(statement, values, writes=True)[0]

    def query(self, statement: str, *values: Any) -> list[Row]:
        """Return the rows that a statement gives; within `transaction` it sees what was changed.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be read or written.
        """
        return self._execute(statement, values, writes=False)[1]

    def _execute(self, statement: str, values: tuple[Any, ...], *, writes: bool) -> tuple[int, list[Row]]:
        if self._pid != os.getpid():
            self._check_process()
        # Reading waits for no writer in WAL mode.
        if writes and self._is_blocked:
            self._check_brake()
        began = 0.0
        while True:
            try:
                with self._turn:
                    connection = self._connection
                    if connection is None or (not self._is_writing and connection.in_transaction):
                        connection = self._ready()
                    cursor = connection.execute(statement, values)
                    # A statement that writes is done by now.
                    done = cursor.rowcount, [] if writes else cursor.fetchall()
                if writes:
                    self._is_blocked = False
                return done
            except sqlite3.Error as error:
                began = self._wait_or_raise(error, began)

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """Make one transaction of the statements in a block; an exception takes all of them back.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be read or written.
        """
        self._check_process()
        if self._is_blocked and not self._is_writing:
            self._check_brake()
        began = 0.0
        has_begun = False
        while True:
            try:
                with self._turn:
                    if self._is_writing:
                        yield  # a signal handler came in between, or a block in a block: it belongs to the outer one
                        return
                    connection = self._ready()
                    is_done = False
                    try:
                        connection.execute("BEGIN IMMEDIATE")
                        self._is_writing = has_begun = True
                        self._is_blocked = False
                        yield
                        connection.execute("COMMIT")
                        is_done = True
                        return
                    finally:
                        self._is_writing = False
                        # SQLite itself takes a transaction back where the disk is full.
                        self.losses += has_begun and not is_done
                        self._take_back(connection)
            except sqlite3.Error as error:
                if has_begun:
                    raise self._error_for(error) from error
                began = self._wait_or_raise(error, began)

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

    def _wait_or_raise(self, error: sqlite3.Error, began: float) -> float:
        """Give other threads a turn where another process has the file; return when the wait began, given 0 for now.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The time is over, or something else is wrong.
        """
        now = time.monotonic()
        began = began or now - _BUSY_SLICE
        until = min(began + (0.0 if self._is_blocked else BUSY_SECONDS), self._busy_timeout.until)
        if not _is_busy(error) or now >= until:
            if _is_busy(error) and now - began >= _MIN_WAIT_IN_VAIN:
                self._is_blocked = True
            raise self._error_for(error) from error
        time.sleep(_BUSY_PAUSE)
        return began

    def _check_brake(self) -> None:
        """Let one writer try now and then, and the others fail at once, while another process keeps the file.

        Raises:
            DatabaseBusyError: It is not time to try.
        """
        now = time.monotonic()
        if now < self._try_at:
            raise DatabaseBusyError(self._busy_text())
        self._try_at = now + _BRAKE_SECONDS

    def _busy_text(self) -> str:
        return f"other processes have the outbox's file {self.path}, and do not give it up: try again"

    # --- opening, tidying and closing ---

    def checkpoint(self) -> None:
        """Move what was written from the log into the file, once the log has grown; nobody has to wait for it.

        Where the disk is full, that is done at any size: the log's room can be used again then.
        """
        if self.is_in_memory:
            return
        with self._checkpointing, contextlib.suppress(OSError, sqlite3.Error):
            if os.path.getsize(f"{self.path}-wal") < CHECKPOINT_BYTES and not self._is_short:
                return
            with contextlib.closing(self._connect()) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._is_short = False

    def shrink(self, until: float = math.inf) -> None:
        """Give the file system back what a file that is mostly empty does not need, in transactions of bounded size.

        Args:
            until: When to stop; monotonic seconds.
        """
        if self.is_in_memory or not self._is_mostly_empty():
            return
        if self._bytes() - self._bytes("freelist_count") <= _MAX_REBUILD_BYTES:
            self.query("VACUUM")  # what it costs is what is left, not what was there
        while time.monotonic() < until and self._number("freelist_count"):
            self.query(f"PRAGMA incremental_vacuum({_SHRINK_PAGES})")
        with self._checkpointing, contextlib.suppress(sqlite3.Error), contextlib.closing(self._connect()) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def vacuum(self) -> tuple[int, int]:
        """Rebuild the file without its empty pages; return its bytes before and after.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: Another process has the file, or there is no room for the copy that this needs.
        """
        before = self._bytes()
        self.query("VACUUM")
        self.query("PRAGMA wal_checkpoint(TRUNCATE)")
        return before, self._bytes()

    def _bytes(self, pages: str = "page_count") -> int:
        return self._number(pages) * self._number("page_size")

    def _number(self, pragma: str) -> int:
        return int(self.query(f"PRAGMA {pragma}")[0][0])

    def _is_mostly_empty(self) -> bool:
        whole = self._bytes()
        return whole >= MIN_SHRINK_BYTES and self._bytes("freelist_count") * 2 > whole

    def check_file(self) -> None:
        """Notice that the file was deleted, moved or replaced while it is open, and write what is known of it anew.

        The connection still reaches the old file, whatever became of its name. Its reports and runs go into the file
        that has the name now, which is made where there is none. Several processes may do so at once: each takes what
        the others have not taken yet.

        Raises:
            ConfigurationError: What has the name now can't be used as an outbox.
            OutboxError: It can't be written.
        """
        self._check_process()
        with self._turn:
            try:
                moved = self._follow_name()
            except Exception as error:
                self._note_lost(error)
                raise
        self._note_moved(moved)

    def _follow_name(self) -> int | None:
        """Move to the file that has the name now; return how much was moved, and None where it is the one in use."""
        if self._connection is None or self.is_in_memory or self._is_writing:
            return None
        if _file_safety.file_id(os.path.realpath(self.path)) == self._file_id:
            return None
        old, old_id, self._connection = self._connection, self._file_id, None
        try:
            moved = self._move_to_named_file(old)
        except BaseException:
            self._connection, self._file_id = old, old_id
            raise
        self._replacement_error = None
        return moved

    def _note_moved(self, moved: int | None) -> None:
        if moved is not None:
            _log.warning(
                "outbox %s was deleted, moved or replaced while in use: it was made anew, with the %d reports and runs "
                "of the old one",
                self.path,
                moved,
            )

    def _note_lost(self, error: Exception) -> None:
        if repr(error) != repr(self._replacement_error):
            _log.error("outbox %s was deleted, moved or replaced, and can't be made anew: %s", self.path, error)
        self._replacement_error = error

    @property
    def is_lost(self) -> bool:
        """Whether the file is gone and can't be made anew: what is in it is sent while this process lives."""
        return self._replacement_error is not None

    def check_named(self) -> None:
        """Check that what is stored now would outlive this process.

        Raises:
            ConfigurationError: The file is gone and can't be made anew.
        """
        if error := self._replacement_error:
            raise ConfigurationError(
                f"the outbox's file {self.path} was deleted, moved or replaced, and can't be made anew: {error}"
            )

    def _move_to_named_file(self, old: sqlite3.Connection) -> int:
        try:
            if self._file_id and _file_safety.file_id(os.path.realpath(self.path))[0] == self._file_id[0]:
                # Its log alone is gone. What was in it is brought into the file before that is opened anew.
                old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                old.close()
                self._connection = self._prepare()
                return 0
            self._connection = self._prepare()
            moved = _schema.move(old, self._connection)
            old.close()
        except sqlite3.Error as error:
            raise self._error_for(error) from error
        return moved

    def close(self) -> None:
        """Close this process's connection; it opens again when the file is next used."""
        with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _prepare(self) -> sqlite3.Connection:
        path = self.path if self.is_in_memory else _file_safety.make_ready(self.path, self._file_id)
        connection = self._connect()
        try:
            # Nothing is changed before it is known whose database it is.
            if not _schema.is_made(connection, self.path):
                # Most reports of a few kB share a page of this size, and then storing one writes that page alone.
                connection.execute("PRAGMA page_size = 4096")
                # Else pages that become free could be given back only by VACUUM, which copies the whole file.
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            if not self.is_in_memory:
                _file_safety.keep_private(path)
                connection.execute("PRAGMA journal_mode = WAL")
            _schema.fill(connection, self.path, self.destinations)
            if not self.is_in_memory:
                # Somebody may have put a log of theirs beside it since it was checked.
                _file_safety.check(path)
                self._file_id = _file_safety.file_id(path)
        except BaseException:
            connection.close()
            raise
        self.losses += 1
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=0.0 if _is_green() else _BUSY_SLICE,
            isolation_level=None,
            # Threads take turns at it, by the lock of this class.
            check_same_thread=False,
            cached_statements=64,
        )
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
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
                f"{self.path} is not an outbox, or is damaged ({error}): move it away to keep it, or name another file"
            )
        if kind in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
            return ConfigurationError(
                f"the outbox's file {self.path} can't be written ({error}): let this user write to it and its folder"
            )
        if _is_busy(error):
            return DatabaseBusyError(self._busy_text())
        if kind == sqlite3.SQLITE_FULL:
            self._is_short = True
            return OutboxError(f"there is no room on the disk of the outbox's file {self.path}")
        return OutboxError(f"the outbox's file {self.path} can't be used: {error}")

    # --- forks ---

    def before_fork(self) -> None:
        """Wait until no thread uses the file, for a while at most, keep them all away, and close the connection."""
        self._is_held = self._is_held or _acquire(self._turn)
        self._is_checkpoint_held = self._is_checkpoint_held or _acquire(self._checkpointing)
        if self._is_held and not self.is_in_memory:
            # What was written since the last look at the file's name would go with the old file.
            try:
                if (moved := self._follow_name()) is not None:
                    self._moved_at_fork = moved
            except (OSError, XpanderError, sqlite3.Error) as error:
                self._error_at_fork = error
            with contextlib.suppress(sqlite3.Error):
                self.close()

    def after_fork_in_parent(self) -> None:
        """Let the threads continue."""
        if self._is_checkpoint_held:
            with contextlib.suppress(RuntimeError):  # it was let go before an exception of a signal handler
                self._checkpointing.release()
            self._is_checkpoint_held = False
        if self._is_held:
            with contextlib.suppress(RuntimeError):
                self._turn.release()
            self._is_held = False
        # Said after the locks are free: a handler of the log may record.
        moved, self._moved_at_fork = self._moved_at_fork, None
        error, self._error_at_fork = self._error_at_fork, None
        self._note_moved(moved)
        if error is not None:
            self._note_lost(error)

    def after_fork_in_child(self) -> None:
        """Start anew: the locks were held by threads that are not here, and what waits in memory is the parent's."""
        if self._connection is not None and not self.is_in_memory:
            _abandoned.append(self._connection)
            self._connection = None
        self._reset()
        if self.is_in_memory:
            self.close()
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
_forking = threading.RLock()  # a signal handler may fork while its thread does
_forking_thread = 0
"""The thread between the hooks before and after a fork."""
_MAX_TRIES = 10


# Python takes no exception from a hook, and goes on with the fork. What a signal handler raises within one is lost in
# any case; it must not leave a lock behind. Since it can come before a hook's first line, each is registered twice.


def _before_fork() -> None:
    global _forking_thread
    _acquire(_forking)
    _forking_thread = threading.get_ident()
    for file in list(_files):
        if file not in _held:
            _held.append(file)
        _insist(file.before_fork)


def _after_fork_in_parent() -> None:
    global _forking_thread
    if _forking_thread != threading.get_ident():
        return
    while _held:
        _insist(_held[-1].after_fork_in_parent)
        _held.pop()
    while _is_owned(_forking):
        _insist(_forking.release)
    if _forking_thread == threading.get_ident():
        _forking_thread = 0


def _after_fork_in_child() -> None:
    global _forking, _forking_thread
    _forking = threading.RLock()
    _forking_thread = 0
    while _held:
        _insist(_held[-1].after_fork_in_child)
        _held.pop()


def _acquire(lock: Any) -> bool:
    """Take a lock before a fork, whatever signal handlers raise meanwhile."""
    was_owned = _is_owned(lock)
    until = time.monotonic() + _FORK_TIMEOUT
    while True:
        try:
            return bool(lock.acquire(timeout=max(until - time.monotonic(), 0.0)))
        except BaseException:
            if _is_owned(lock) and not was_owned:
                return True


def _is_owned(lock: Any) -> bool:
    return bool(lock._is_owned())


def _insist(do: Callable[[], object]) -> None:
    """Do something in spite of exceptions of signal handlers."""
    for _ in range(_MAX_TRIES):
        try:
            do()
        except BaseException:
            continue
        return


if hasattr(os, "register_at_fork"):  # there is none on Windows
    for _ in range(2):
        os.register_at_fork(
            before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
        )


def _is_green() -> bool:
    """Whether sleeping lets gevent's other greenlets run, which waiting within SQLite does not."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("time"))


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
