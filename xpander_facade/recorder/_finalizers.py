"""Finalizers: the reports of runs that end where nothing may wait, made by threads.

Garbage collection closes such a generator wherever its thread happens to be: with a lock of ours or of anybody's held,
or in an event loop. A report that waits there could wait for ever, so a thread makes it.
"""

from __future__ import annotations

import _thread  # starting a `threading.Thread` takes a lock, under which collection may have begun
import atexit
import gc
import os
import sys
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_EXIT_TIMEOUT = 5.0
"""Seconds that the end of the program waits for these reports."""


class _Collection:
    """Knows which thread is collecting garbage. `gc` calls it till the very end, when global names are unset."""

    __slots__ = ("_identify", "_thread")

    def __init__(self) -> None:
        self._identify = _thread.get_ident
        self._thread: int | None = None

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        self._thread = self._identify() if phase == "start" else None

    @property
    def is_here(self) -> bool:
        """Whether this thread is collecting."""
        return self._thread == self._identify()


_collection = _Collection()
_unfinished: list[_thread.LockType] = []
"""A lock for each report that is being made here, which comes free when it is done."""


def watch_collection() -> None:
    """See to it that `is_collecting` knows."""
    if _collection not in gc.callbacks:
        gc.callbacks.append(_collection)


def is_collecting() -> bool:
    """Whether garbage collection runs the code that asks."""
    return _collection.is_here


def has_loop() -> bool:
    """Whether this thread runs an event loop."""
    if "asyncio" not in sys.modules:
        return False
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run_detached(do: Callable[[T], None], what: T) -> None:
    """Let a thread do something, without waiting for it. The end of the program waits for it, for a while."""
    done = _thread.allocate_lock()
    done.acquire()

    def work() -> None:
        try:
            do(what)
        finally:
            _unfinished.remove(done)
            done.release()

    # Registered last, so called first: what is left to an outbox is there when that is flushed.
    atexit.unregister(join)
    atexit.register(join)
    _unfinished.append(done)
    try:
        _thread.start_new_thread(work, ())
    except RuntimeError:  # the interpreter is ending
        work()


def join(timeout: float = _EXIT_TIMEOUT) -> bool:
    """Wait until all of that is done; False where that takes longer than so many seconds."""
    until = time.monotonic() + timeout
    while waiting := list(_unfinished):
        if not waiting[0].acquire(timeout=max(0.0, until - time.monotonic())):
            return False
        waiting[0].release()
    return True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unfinished.clear)  # the threads are the parent's
