"""A notice for a program that defines a handler, serves it nowhere, and ends: decorating alone starts nothing."""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_unserved: dict[int, str] = {}
_process: list[int] = []


def watch(function: Callable[..., object]) -> None:
    """Remember a handler that the program itself defines; one of a module is served by whoever imports it."""
    # In an interactive session the handler may be served by the next input.
    if getattr(function, "__module__", None) != "__main__" or hasattr(sys, "ps1") or sys.flags.interactive:
        return
    if not _process:
        atexit.register(_warn)
    _process[:] = [os.getpid()]
    _unserved[id(function)] = getattr(function, "__name__", repr(function))


def mark_used(function: Callable[..., object]) -> None:
    """Forget all handlers once one of them is served or called: a program may keep several, and choose one."""
    if id(function) in _unserved:
        _unserved.clear()


def _warn() -> None:
    failed = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    # A program that fails says why itself; a forked child has the handlers of its parent, and is no program of its
    # own.
    if not _unserved or failed is not None or _process != [os.getpid()]:
        return
    names = ", ".join(_unserved.values())
    first = next(iter(_unserved.values()))
    print(
        f"xpander_facade: {names} was decorated with @on_task and never served, so no task was taken: "
        f"call {first}.run(), or `xpander-facade worker module:{first}`",
        file=sys.stderr,
    )
