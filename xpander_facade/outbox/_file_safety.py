"""Whether the outbox's file can be trusted: who made it, of which kind it is, and whether it is still the same.

What waits holds the texts of runs. In a folder that others can write to, such as /tmp, somebody else may have put the
file there before, or its log (`-wal`), or a link that leads elsewhere, and would then read or change what is stored. So
whatever lies there must be this user's own. Files that are missing are made here, as new ones, before SQLite would.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys

from xpander_facade.configuration._private_file import make_private_file
from xpander_facade.errors import ConfigurationError

_SUFFIXES = ("-wal", "-shm", "-journal")
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_REMEDY = "name a file in a folder that only this user can write to"

FileId = tuple[tuple[int, int] | None, tuple[int, int] | None]
"""Device and inode of the file and of its log."""


def make_ready(path: str, known: FileId | None = None) -> str:
    """Make the file where it is missing, readable by its owner only, and check it; return its path without links.

    Nothing is opened or changed before it is known that the file is a regular one that can be trusted.

    Args:
        path: The path.
        known: The file that was opened here before, by this process or by one that has forked it. It was not mounted by
            itself then, and is not asked for that again: the table of mounts can be a long one.

    Raises:
        ConfigurationError: It can't be made, is not a regular file, is somebody else's, or is mounted by itself.
    """
    if os.path.islink(path):
        if _is_shared(os.path.dirname(path)):
            raise ConfigurationError(
                f"the outbox's file {path} is a link in a folder that others can write to: {_REMEDY}"
            )
        path = os.path.realpath(path)
    if _found(path) is None:
        _make(path)
    check(path)
    if known is None or known[0] != _inode(path):
        _check_mount(path)
    if _is_shared(os.path.dirname(path)):
        # SQLite would make them itself, but also take what somebody else puts there in the meantime.
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileExistsError):
                make_private_file(path + suffix)
        check(path)
    return path


def check(path: str) -> None:
    """Check the file and what SQLite keeps beside it.

    Raises:
        ConfigurationError: One of them is not a regular file, or is somebody else's.
    """
    folder = os.path.dirname(path)
    is_shared = _is_shared(folder)
    for name in (path, *(path + suffix for suffix in _SUFFIXES)):
        found = _found(name)
        if found is None:
            continue
        if not stat.S_ISREG(found.st_mode):
            raise ConfigurationError(
                f"the outbox's file {name} is not a regular file but {_kind(found.st_mode)}: name a file"
            )
        if os.name == "posix":
            _check_owner(name, found, folder, is_shared=is_shared)


def log_bytes(path: str) -> int:
    """Return how large the log of a database is that was not moved into it yet; 0 where there is none."""
    try:
        return os.path.getsize(f"{path}-wal")
    except OSError:
        return 0


def keep_private(path: str) -> None:
    """Let nobody but the owner read the file; what SQLite keeps beside it gets the same rights."""
    if os.name == "posix" and os.stat(path).st_mode & 0o077:
        with contextlib.suppress(PermissionError):
            os.chmod(path, 0o600)


def file_id(path: str) -> FileId:
    """Return what tells whether a path still leads to the file that was opened, and to its log."""
    return _inode(path), _inode(f"{path}-wal")


def _inode(path: str) -> tuple[int, int] | None:
    found = _found(path)
    return (found.st_dev, found.st_ino) if found else None


def _found(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigurationError(
            f"the outbox's file {path} can't be looked at ({error.strerror}): name one that this user can write"
        ) from None


def _make(path: str) -> None:
    try:
        make_private_file(path)
    except FileExistsError:
        pass
    except FileNotFoundError:
        folder = os.path.dirname(path)
        raise ConfigurationError(f"there is no folder {folder} for the outbox's file: make it first") from None
    except OSError as error:
        raise ConfigurationError(
            f"the outbox's file {path} can't be made ({error.strerror}): name one that this user can write"
        ) from None


def _is_shared(folder: str) -> bool:
    """Whether somebody else, who is not root, can put files into a folder."""
    if os.name != "posix":
        return False
    try:
        found = os.stat(folder)
    except OSError:
        return False
    return bool(found.st_mode & _WRITABLE_BY_OTHERS) or found.st_uid not in (os.geteuid(), 0)


def _check_owner(path: str, found: os.stat_result, folder: str, *, is_shared: bool) -> None:
    me = os.geteuid()
    # A file of root's is no danger: root reads everything anyhow.
    if found.st_uid not in (me, 0) and not (me == 0 and _may_root_use(found, folder, is_shared=is_shared)):
        raise ConfigurationError(
            f"the outbox's file {path} belongs to another user, who would read what is stored: {_REMEDY}"
        )
    if is_shared and found.st_nlink > 1:
        raise ConfigurationError(
            f"the outbox's file {path} has another name (a hard link), by which others may reach it: {_REMEDY}"
        )


def _may_root_use(found: os.stat_result, folder: str, *, is_shared: bool) -> bool:
    """Whether a file of another user was surely made by that user, for root to look after."""
    if not is_shared:
        return True
    of_folder = os.stat(folder)
    return of_folder.st_uid == found.st_uid and not of_folder.st_mode & _WRITABLE_BY_OTHERS


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFLNK: "a link",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def _check_mount(path: str) -> None:
    """Check that a file is not mounted without its folder.

    Raises:
        ConfigurationError: It is: its log would stay behind in the container and be lost with it.
    """
    if not sys.platform.startswith("linux"):
        return
    # Its device does not tell: overlay file systems give their files other devices than their folders.
    with contextlib.suppress(OSError), open("/proc/self/mountinfo", "rb") as mounts:
        whole = os.fsencode(os.path.realpath(path))
        if any(_unescaped(fields[4]) == whole for fields in map(bytes.split, mounts) if len(fields) > 4):
            raise ConfigurationError(
                f"the outbox's file {path} is mounted by itself, so what SQLite keeps beside it (-wal) would be lost "
                "with the container: mount the folder that holds it"
            )


def _unescaped(path: bytes) -> bytes:
    for escaped, character in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        path = path.replace(escaped, character)
    return path
