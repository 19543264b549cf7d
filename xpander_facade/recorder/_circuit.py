"""Circuit breaker of direct reports: for a platform that fails or is slow again and again, runs do not wait any more.

There is one for each platform and process. Runs of an outbox need none: they wait for a file, not for a platform.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from xpander_facade.errors import APIConnectionError, RateLimitError, ServerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.configuration._configuration import Configuration

MAX_FAILURES = 3
"""Failures in a row, slow answers among them, after which the circuit opens."""
SLOW_ANSWER = 0.75
"""Seconds for one report from which on the platform's answer counts as slow."""
MAX_IN_BACKGROUND = 16
"""Reports that are on their way at once to a platform that answers, if slowly. Further ones are dropped meanwhile."""
MIN_PAUSE = 1.0
MAX_PAUSE = 60.0
_LOG_INTERVAL = 60.0


class Circuit:
    """Whether a platform is worth waiting for.

    Args:
        clock: Gives the time in seconds; never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # A signal handler may report while the thread that it interrupts is in here.
        self._lock = threading.RLock()
        self._failures = 0
        self._is_slow = False
        self._in_background = 0
        self._probe_at = 0.0
        self._logged_at = float("-inf")
        self._dropped = 0

    @property
    def is_open(self) -> bool:
        """Whether runs do not wait for the platform."""
        return self._failures >= MAX_FAILURES

    @property
    def is_slow(self) -> bool:
        """Whether runs do not wait for the platform although it answers: its last answer was a slow one."""
        return self.is_open and self._is_slow

    def acquire(self) -> bool:
        """Whether one more report may be sent in the background to a platform that is slow; then `release` follows."""
        with self._lock:
            if not self.is_slow or self._in_background >= MAX_IN_BACKGROUND:
                return False
            self._in_background += 1
            return True

    def release(self) -> None:
        """Say that a report that was sent in the background has ended."""
        with self._lock:
            self._in_background -= 1

    def take_probe(self) -> bool:
        """Whether the caller may try in the background whether the platform answers again; the next one waits."""
        with self._lock:
            now = self._clock()
            if now < self._probe_at:
                return False
            self._probe_at = now + self._pause
            return True

    def note_success(self, seconds: float = 0.0) -> bool:
        """Count a report that was taken, after so many seconds; True where the circuit opens or closes by it."""
        if seconds > SLOW_ANSWER:
            return self._count(is_slow=True)
        with self._lock:
            was_open = self.is_open
            self._failures, self._is_slow, self._dropped, self._logged_at = 0, False, 0, float("-inf")
            return was_open

    def note_failure(self, failure: Exception, seconds: float = 0.0) -> bool:
        """Count a failure that says something of the platform, after so many seconds; True where the circuit opens."""
        if isinstance(failure, APIConnectionError | ServerError | RateLimitError):
            return self._count(is_slow=False)
        return seconds > SLOW_ANSWER and self._count(is_slow=True)

    def _count(self, *, is_slow: bool) -> bool:
        with self._lock:
            self._failures += 1
            self._is_slow = is_slow
            self._probe_at = self._clock() + self._pause
            return self._failures == MAX_FAILURES

    def note_drop(self) -> int:
        """Count a run that is not reported; return how many there were since the last time, to be logged now, or 0."""
        with self._lock:
            self._dropped += 1
            now = self._clock()
            if now - self._logged_at < _LOG_INTERVAL:
                return 0
            self._logged_at, dropped, self._dropped = now, self._dropped, 0
            return dropped

    @property
    def _pause(self) -> float:
        return min(MIN_PAUSE * 2.0 ** max(self._failures - MAX_FAILURES, 0), MAX_PAUSE)


_circuits: dict[tuple[str, str | None, str | None], Circuit] = {}


def circuit_of(configuration: Configuration) -> Circuit:
    """Return the circuit of a configuration's platform and customer."""
    key = (configuration.base_url, configuration.organization_id, configuration.api_key)
    return _circuits.get(key) or _circuits.setdefault(key, Circuit())


if hasattr(os, "register_at_fork"):  # there is none on Windows
    # A lock may have been held at the fork, and the child has connections of its own.
    os.register_at_fork(after_in_child=_circuits.clear)
