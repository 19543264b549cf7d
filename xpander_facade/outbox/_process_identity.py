"""The identity of processes: a name for this one, and whether the one behind a name is gone.

A name holds the machine, the process id and, where Linux tells it, when the process started, so that a process id that
was given out again is not taken for the old process.
"""

from __future__ import annotations

import functools
import hashlib
import os
import socket
import sys
from pathlib import Path

_GONE_STATES = frozenset("ZX")


@functools.cache
def _machine() -> str:
    """Return a mark of this machine, its present boot, and the namespace in which its process ids count."""
    parts = [socket.gethostname(), _read("/proc/sys/kernel/random/boot_id"), _namespace()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _life(pid: int) -> tuple[str, str] | None:
    """Return the state and the start time of a process as Linux tells them; None where it does not."""
    # The name of the program stands in parentheses and may hold anything.
    _, parenthesis, rest = _read(f"/proc/{pid}/stat").rpartition(")")
    fields = rest.split()
    return (fields[0], fields[19]) if parenthesis and len(fields) > 19 else None


def this_process() -> str:
    """Return the name of this process."""
    life = _life(os.getpid())
    return f"{_machine()} {os.getpid()} {life[1] if life else '-'}"


def is_gone(name: str) -> bool:
    """Whether the process of a name is surely gone; False where that can't be known, as of another machine."""
    machine, pid, start = name.split(" ")
    if machine != _machine():
        return False
    life = _life(int(pid))
    if life is not None:
        return life[0] in _GONE_STATES or (start != "-" and life[1] != start)
    return not _answers(int(pid))


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
