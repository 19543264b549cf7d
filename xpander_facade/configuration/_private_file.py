"""Files that hold what is nobody else's business, made for their owner only."""

from __future__ import annotations

import os

# Never what somebody else has put at the path, nor where a link of theirs leads.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def make_private_file(path: str | os.PathLike[str]) -> None:
    """Make an empty file with mode 0600 minus the umask.

    A file that is there is not opened: closing it again would take this process's locks off it, those of SQLite too.

    Raises:
        FileExistsError: There is something at the path, a link that leads nowhere included.
        OSError: It can't be made.
    """
    os.close(os.open(path, _FLAGS, 0o600))
