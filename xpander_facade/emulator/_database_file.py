"""Database file: created for its owner alone, and used by one emulator at a time.

Whoever opens the file for an emulator holds a lock on a file beside it, `<name>.lock`, which is deleted at the end.
Readers of the database, such as the `sqlite3` shell, do not need the lock.
"""

from __future__ import annotations

import contextlib
import os
import stat

try:
    import fcntl
except ImportError:  # Windows, where SQLite's own locks keep writers apart
    fcntl = None  # type: ignore[assignment]

_OWNER_ONLY = 0o600


class DatabaseFile:
    """One emulator's claim to a database file.

    Args:
        path: The file; it is created when it is missing.

    Raises:
        OSError: when the file can't be used, or another emulator uses it.
    """

    def __init__(self, path: str) -> None:
        self._lock_path = f"{path}.lock"
        self._pid = os.getpid()
        self._lock = _lock(path, self._lock_path)
        try:
            _prepare(path)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let another emulator use the file; a forked child leaves its parent's claim as it is."""
        lock, self._lock = self._lock, None
        if lock is None:
            return
        if os.getpid() == self._pid and fcntl is not None:
            # The file goes while the lock is held: whoever waits for it then sees that it locked a deleted file.
            with contextlib.suppress(OSError):
                os.unlink(self._lock_path)
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


def _lock(path: str, lock_path: str) -> int | None:
    if fcntl is None:
        return None
    while True:
        lock = _open_own(lock_path)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(lock)
            raise OSError(f"another emulator (process {owner}) uses {path!r}: stop it, or name another file") from None
        except OSError:
            os.close(lock)
            raise
        # The emulator before may have deleted the file as it ended: a lock on that one keeps nobody out.
        if _is_at(lock, lock_path):
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
            return lock
        os.close(lock)


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except OSError:
        return False


def _prepare(path: str) -> None:
    descriptor = _open_own(path)
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & ~_OWNER_ONLY and hasattr(os, "fchmod"):
            # Tasks hold whatever users and providers said; SQLite gives its side files the mode of this one.
            os.fchmod(descriptor, _OWNER_ONLY)
    finally:
        os.close(descriptor)


def _open_own(path: str) -> int:
    """Open a regular file for reading and writing, creating it for its owner alone; leave anything else untouched."""
    # Opening a pipe would wait for its other end without O_NONBLOCK.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise OSError(f"cannot use {path!r} as the emulator's database: it is not a regular file")
        descriptor = os.open(path, flags, _OWNER_ONLY)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is None:
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise OSError(f"cannot use {path!r} as the emulator's database: {reason}") from error
    # Once more: the path may have been given to something else since it was looked at.
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"cannot use {path!r} as the emulator's database: it is not a regular file")
    return descriptor
