"""What a batch remembers on disk: the reports that the platform has, and the ids that this run has seen.

Both are kept by SQLite with a small cache, so that memory does not grow with the number of records. The checkpoint is a
file in WAL mode: what was committed survives a killed process. Ids that were seen are in a temporary database, which is
gone with the process: a batch that begins again reads its records from the first one on.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sqlite3
from typing import TYPE_CHECKING

from xpander_facade.batches._result import BatchError
from xpander_facade.configuration._private_file import make_private_file

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_APPLICATION_ID = 0x78706266
_DIGEST_BYTES = 16
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def digest(*parts: str | bytes) -> bytes:
    """Return 16 bytes that stand for some texts."""
    sum_ = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        # With the length before each part, "ab" and "c" are not "a" and "bc".
        sum_.update(len(data).to_bytes(8, "big"))
        sum_.update(data)
    return sum_.digest()


class Checkpoint:
    """The file in which a batch notes what the platform has taken.

    Args:
        path: Where it is; made where it does not exist.

    Raises:
        BatchError: It can't be opened, or is something else.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        with self._clear_errors():
            # Its owner alone may read it; one that exists keeps its mode.
            with contextlib.suppress(FileExistsError):
                make_private_file(self.path)
            self._connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=10)
        try:
            with self._clear_errors():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        execute = self._connection.execute
        found: int = execute("PRAGMA application_id").fetchone()[0]
        tables: int = execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if found != _APPLICATION_ID and (found or tables):
            raise BatchError(f"{self.path} is a database of something else: pass another checkpoint=")
        execute("PRAGMA journal_mode = WAL")
        # What a power failure takes is sent a second time, under the same ids.
        execute("PRAGMA synchronous = NORMAL")
        # A negative number is one of kilobytes.
        execute("PRAGMA cache_size = -4000")
        execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        execute("CREATE TABLE IF NOT EXISTS taken (digest BLOB PRIMARY KEY) WITHOUT ROWID")

    def known(self, digests: Sequence[bytes]) -> set[bytes]:
        """Return which of some reports the platform has."""
        with self._clear_errors():
            marks = ",".join("?" * len(digests))
            rows = self._connection.execute(f"SELECT digest FROM taken WHERE digest IN ({marks})", list(digests))
            return {row[0] for row in rows}

    def write(self, digests: Sequence[bytes]) -> None:
        """Note that the platform has taken some reports.

        Raises:
            BatchError: They can't be written.
        """
        with self._clear_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR IGNORE INTO taken VALUES (?)", [(one,) for one in digests])
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _clear_errors(self) -> contextlib.AbstractContextManager[None]:
        return _clear_errors(f"the checkpoint {self.path}", "pass another path", self.path)


class SeenIds:
    """How often a batch has come across a content, and where it has seen an id, since it began."""

    def __init__(self) -> None:
        # SQLite keeps a database without a name in a temporary file once it outgrows its cache.
        self._connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        execute = self._connection.execute
        # It is gone with the process anyhow, and need survive nothing.
        execute("PRAGMA journal_mode = OFF")
        execute("PRAGMA synchronous = OFF")
        execute("PRAGMA cache_size = -8000")
        execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, value INTEGER) WITHOUT ROWID")
        # One transaction for all of it: to commit each id would be a write each.
        execute("BEGIN")

    def count(self, content: bytes) -> int:
        """Return how often a content came before, and count it."""
        before = self._get(content) or 0
        self._put(content, before + 1)
        return before

    def first_position(self, id: bytes, position: int) -> int:
        """Return where an id was seen first, which is the position given where it is new."""
        first = self._get(id)
        if first is None:
            self._put(id, position)
            return position
        return first

    def _get(self, key: bytes) -> int | None:
        with _clear_errors("the temporary file of ids", "name another folder in SQLITE_TMPDIR"):
            row = self._connection.execute("SELECT value FROM seen WHERE digest = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def _put(self, key: bytes, value: int) -> None:
        with _clear_errors("the temporary file of ids", "name another folder in SQLITE_TMPDIR"):
            self._connection.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Delete what was seen."""
        self._connection.close()


@contextlib.contextmanager
def _clear_errors(what: str, otherwise: str, path: str | None = None) -> Generator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        remedies = [*filter(None, [_remedy(error, path)]), otherwise]
        text = f"{what} can't be used ({reason}): {', or '.join(remedies)}, and begin again"
        raise BatchError(text) from error


def _remedy(error: Exception, path: str | None) -> str | None:
    """Return what helps against an error of a file; None where nothing is known that would."""
    # The low byte is the kind of error, the rest tells more of it.
    code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) in _NO_ROOM:
        return "make room"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "wait until no other program writes to it"
    if path is not None:
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            return f"make the folder {folder}, which is missing"
        if os.path.isdir(path):
            return "name a file in that folder"
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) or isinstance(error, PermissionError):
            return f"let this user write to {folder} and the files in it"
    return None
