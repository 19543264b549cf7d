"""The orderly end of a process whose program handles SIGTERM and then ends by it all the same.

uvicorn does so: once the application is shut down, it puts the default handler back and raises the signal again, as a
parent process may want to know what ended its child. Nothing of Python runs after that, `atexit` included. It can be
seen coming, though: a handler that is replaced is released, and whoever releases it last calls its `__del__`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING

from xpander_facade._process.ending import end, watch_worker_processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

# An event loop's signals come by a file descriptor; its handlers do nothing, and the loop's program ends in order.
_LOOPS = ("asyncio", "uvloop")


def watch_ends() -> None:
    """See to it that this process ends in order, where it would skip `atexit`."""
    watch_worker_processes()
    watch_termination()


def watch_termination() -> None:
    """See to it that SIGTERM ends this process in order, if its program has a handler that may not do so.

    Without a handler the signal ends the process at once, as ever. Off the main thread nothing can be done.
    """
    signal = sys.modules.get("signal")
    if signal is None or threading.get_ident() != threading.main_thread().ident:
        return
    handler = signal.getsignal(signal.SIGTERM)
    module = getattr(handler, "__module__", None) or ""
    if isinstance(handler, _WatchedHandler):
        handler = handler.of_parent()
    if not callable(handler) or module.partition(".")[0] in _LOOPS:
        return
    with contextlib.suppress(ValueError):  # only the main interpreter may set handlers
        signal.signal(signal.SIGTERM, _WatchedHandler(handler))


class _WatchedHandler:
    """A program's handler of SIGTERM, which notices its removal.

    Args:
        handler: The program's own, which is called in its place.
    """

    def __init__(self, handler: Callable[[int, FrameType | None], object]) -> None:
        self._handler = handler
        self._process = os.getpid()
        self._was_called = False

    def __call__(self, number: int, frame: FrameType | None) -> object:
        self._was_called = True
        return self._handler(number, frame)

    def of_parent(self) -> Callable[[int, FrameType | None], object] | None:
        """Return the program's handler where a parent process watched it, which says nothing here; None if this did."""
        return None if self._process == os.getpid() else self._handler

    def __del__(self) -> None:
        # Only where the signal came before: who removes a handler for another reason goes on as if nobody watched.
        if not self._was_called or self._process != os.getpid() or sys.is_finalizing():
            return
        signal = sys.modules["signal"]
        with contextlib.suppress(ValueError):
            if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
                signal.signal(signal.SIGTERM, _end_and_raise_again)


def _end_and_raise_again(number: int, frame: FrameType | None) -> None:
    import signal

    signal.signal(number, signal.SIG_DFL)  # one more of them ends the process at once
    end()
    signal.raise_signal(number)
