"""A line on the terminal for tests that take their time, so that nobody takes a long one for a hang."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

INTERVAL = 15.0
"""Seconds without the end of a test after which the tests that go on are named."""


class SilenceWatch:
    """Plugin that names the tests that go on, whenever none has ended for a while.

    Args:
        output: The descriptor of a file that it writes to, and closes at the end. Tests may redirect the standard ones.
        interval: Seconds.
    """

    def __init__(self, output: int, interval: float = INTERVAL) -> None:
        self._output = output
        self._interval = interval
        self._running: dict[str, float] = {}
        self._otherwise = "collecting the tests"
        self._is_over = threading.Event()
        self._heard_at = time.monotonic()
        self._thread = threading.Thread(target=self._watch, name="silence-watch", daemon=True)

    def pytest_sessionstart(self) -> None:
        self._thread.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._running[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._running.pop(nodeid, None)
        self._otherwise = "cleaning up"
        self._heard_at = time.monotonic()

    def pytest_unconfigure(self) -> None:
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()
        os.close(self._output)

    def _watch(self) -> None:
        while not self._is_over.wait(self._interval / 5):
            now = time.monotonic()
            if now - self._heard_at >= self._interval:
                self._heard_at = now
                names = "; ".join(f"{name} ({now - since:.0f} s)" for name, since in self._running.copy().items())
                os.write(self._output, f"\n  still at {names or self._otherwise}\n".encode())


def watch(config: pytest.Config) -> None:
    """Watch the tests of a session, unless another process does."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SilenceWatch(os.dup(2)), "silence-watch")
