"""State folder: where files that outlive a process are kept when nobody names a path."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = "xpander-facade"


def state_folder() -> Path | None:
    """Return a folder of this user's that can be written to, made with mode 0700 where it is missing; None without one.

    The first that can be used: `$STATE_DIRECTORY`, which systemd sets for a service; the user's folder for state
    (`$XDG_STATE_HOME` or `~/.local/state`, on macOS `~/Library/Application Support`, on Windows `%LOCALAPPDATA%`); a
    folder of this user's among the temporary files, which a reboot may delete.
    """
    return next((folder for folder in _candidates() if _is_usable(folder)), None)


def _candidates() -> Iterator[Path]:
    # systemd separates several folders by colons; the first is as good as any.
    given = os.environ.get("STATE_DIRECTORY", "").partition(os.pathsep)[0]
    if os.path.isabs(given):
        yield Path(given)
    with contextlib.suppress(RuntimeError):  # no home
        yield _user_folder() / _NAME
    # All users share the folder for temporary files.
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    yield Path(tempfile.gettempdir()) / f"{_NAME}-{user}"


def _user_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    given = os.environ.get("XDG_STATE_HOME", "")
    return Path(given) if os.path.isabs(given) else Path.home() / ".local" / "state"


def _is_usable(folder: Path) -> bool:
    """Make a folder, and return whether it is this user's own and can be written to. A symbolic link is not."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(found.st_mode) or not os.access(folder, os.W_OK | os.X_OK):
        return False
    # Who may write into the folder could put a file or a link at the path before it is opened.
    return not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o022)
