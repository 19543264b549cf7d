"""Own the signals that end a worker: the first asks it to finish, a second ends the process at once."""

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


class _Heed:
    """What is done about signals: installed with the first worker of the main thread, gone with the last."""

    def __init__(self) -> None:
        self._stops: list[Callable[[str], None]] = []
        self._former: dict[int, Any] = {}
        self._came = False

    def begin(self, stop: Callable[[str], None]) -> None:
        if not self._stops:
            self._came = False
            # Not the event loop's own way: a handler that blocks the loop would block that too.
            self._former = {number: signal.signal(number, self._heed) for number in _SIGNALS}
        self._stops.append(stop)

    def end(self, stop: Callable[[str], None]) -> None:
        self._stops.remove(stop)
        if not self._stops:
            for number, handler in self._former.items():
                # None is a handler that Python did not install, and can't install again.
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _heed(self, number: int, frame: FrameType | None) -> None:
        if self._came:
            os._exit(128 + number)
        self._came = True
        for stop in self._stops:
            stop(signal.Signals(number).name)


_heed = _Heed()


@contextlib.contextmanager
def heeding_signals(stop: Callable[[str], None]) -> Generator[None]:
    """Call `stop` with the name of the first signal that comes within the block; a second one ends the process.

    Python gives signals to the main thread alone; in any other thread this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _heed.begin(stop)
    try:
        yield
    finally:
        _heed.end(stop)
