"""Signals that end a worker: the first asks it to finish, a second ends the process at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class SignalHandlers:
    """Signal handlers that are installed with the first worker of the main thread and removed with the last."""

    def __init__(self) -> None:
        self._stops: list[Callable[[str], None]] = []
        self._previous_handlers: dict[int, Any] = {}
        self._received = False

    def begin(self, stop: Callable[[str], None]) -> None:
        if not self._stops:
            self._received = False
            # Not the event loop's own way: a handler that blocks the loop would block that too.
            self._previous_handlers = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        self._stops.append(stop)

    def end(self, stop: Callable[[str], None]) -> None:
        self._stops.remove(stop)
        if not self._stops:
            for number, handler in self._previous_handlers.items():
                # None is a handler that Python did not install, and can't install again.
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._received:
            # The status by which a shell knows a process that a signal has ended.
            os._exit(128 + number)
        self._received = True
        for stop in self._stops:
            stop(signal.Signals(number).name)


_handlers = SignalHandlers()


@contextlib.contextmanager
def handle_signals(stop: Callable[[str], None]) -> Generator[None]:
    """Call `stop` with the name of the first signal that comes within the block; a second one ends the process.

    Python gives signals to the main thread alone; in any other thread this does nothing.
    """
    # Python lets no other thread install signal handlers.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _handlers.begin(stop)
    try:
        yield
    finally:
        _handlers.end(stop)
