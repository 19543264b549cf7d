"""The identity of processes: a name for this one, and whether the one behind a name is gone.

A name holds the machine, the process id and when the process started, so that a process id that was given out again is
not taken for the old process. Where the system does not tell when a process started, a random mark stands in its stead.
"""

from __future__ import annotations

import functools
import hashlib
import os
import socket
import sys
from typing import NamedTuple

_GONE_STATES = frozenset("ZX")
_STOPPED_STATES = frozenset("Tt")
_MARK = "?"
"""What the start of a process begins with where it is a random mark."""
_MAX_READ = 4096
"""Bytes; what Linux tells of a process is at most a tenth of that."""


class _Stat(NamedTuple):
    """What Linux tells of a process: its state as a letter, and when it started."""

    state: str
    start: str


@functools.cache
def _machine() -> str:
    """Return a mark of this machine, its present boot, and the namespace in which its process ids count."""
    parts = [socket.gethostname(), _read("/proc/sys/kernel/random/boot_id"), _namespace()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _read(path: str) -> str:
    """Return the text of a small file; an empty one where it can't be read."""
    # Each process that is forked for a job comes through here, and a file object touches many more of the pages that
    # it shares with its parent.
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return os.read(file, _MAX_READ).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(file)


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _stat(pid: int) -> _Stat | None:
    """Return what Linux tells of a process; None where nothing is told."""
    # The name of the program stands in parentheses and may hold anything.
    _, parenthesis, rest = _read(f"/proc/{pid}/stat").rpartition(")")
    # The state is the third field of the line, and the time of the start the 22nd; two come before the parenthesis.
    fields = rest.split()
    return _Stat(fields[0], fields[19]) if parenthesis and len(fields) > 19 else None


_marks: dict[int, str] = {}
"""By process id: a child after a fork is another process."""


def this_process() -> str:
    """Return the name of this process."""
    pid = os.getpid()
    stat = _stat(pid)
    start = stat.start if stat else _marks.setdefault(pid, _MARK + os.urandom(8).hex())
    return f"{_machine()} {pid} {start}"


def is_gone(name: str) -> bool:
    """Whether the process of a name is surely gone; False where that can't be known, as of another machine."""
    machine, pid, start = name.split(" ")
    if machine != _machine():
        return False
    stat = _stat(int(pid))
    if stat is not None:
        return stat.state in _GONE_STATES or (not start.startswith(_MARK) and stat.start != start)
    if int(pid) == os.getpid():
        return name != this_process()
    return not _answers(int(pid))


def is_running(name: str) -> bool:
    """Whether the process of a name surely runs, and is not stopped; False where that can't be known."""
    machine, pid, start = name.split(" ")
    if machine != _machine():
        return False
    stat = _stat(int(pid))
    return stat is not None and stat.start == start and stat.state not in _GONE_STATES | _STOPPED_STATES


def _answers(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # asking there would end the process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
