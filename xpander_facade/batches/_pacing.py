"""Pace of a batch: the rate that the user allows, and what the platform asks for. No clock, no I/O."""

from __future__ import annotations

import math
import re

from xpander_facade.errors import ConfigurationError

_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400,
          "day": 86400}  # fmt: skip
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*([a-z]+?)s?\s*", re.IGNORECASE)
MAX_HOLD = 60.0
_FIRST_HOLD = 1.0
_RECOVERY = 0.98
"""By how much the time between two reports shrinks with each report that the platform takes."""


def read_rate(rate: float | str | None) -> float | None:
    """Return reports a second of a rate: a number of them, or a text such as "90/minute" or "1000/hour".

    Raises:
        ConfigurationError: It is not a rate.
    """
    if rate is None:
        return None
    value = math.nan
    if isinstance(rate, str):
        match = _RATE.fullmatch(rate)
        if match and match[2].lower() in _UNITS:
            value = float(match[1]) / _UNITS[match[2].lower()]
    elif isinstance(rate, int | float) and not isinstance(rate, bool):
        value = float(rate)
    if not (math.isfinite(value) and value > 0):
        raise ConfigurationError(
            f"{rate!r} is not a rate: pass reports a second as a number above 0, or a text such as "
            '"90/minute", "1000/hour" or "5/second"'
        )
    return value


class Pacer:
    """When the next report may leave.

    Reports leave evenly spaced, never in bursts. Whenever the platform says that there are too many, all wait for what
    it asks, and go on at half the pace, which then grows again with each report that it takes.

    Args:
        rate: Reports a second at most; None for no limit.
    """

    def __init__(self, rate: float | None) -> None:
        self._min_interval = 0.0 if rate is None else 1 / rate
        self._interval = self._min_interval
        self._next_at = -math.inf
        self._held_until = -math.inf
        self._holds = 0

    def delay(self, now: float) -> float:
        """Return the seconds until a report may leave; 0 for at once."""
        return max(0.0, self._next_at - now, self._held_until - now)

    def take(self, now: float) -> None:
        """Note that a report leaves."""
        # What leaves a moment late does not delay those behind it; after a pause nothing is caught up.
        late = now - self._next_at
        self._next_at = (self._next_at if late < self._interval else now) + self._interval

    def succeed(self) -> None:
        """Note that the platform took a report."""
        self._holds = 0
        if self._interval > self._min_interval:
            faster = self._interval * _RECOVERY
            self._interval = faster if faster > max(self._min_interval, 0.001) else self._min_interval

    def throttle(self, retry_after: float | None, now: float, pace: float) -> None:
        """Note that the platform said that there are too many reports.

        Args:
            retry_after: Seconds that it asks to wait, or None.
            now: The time; monotonic seconds.
            pace: Reports a second that it has taken lately.
        """
        if now < self._held_until:  # others that were on their way got the same answer
            self._held_until = max(self._held_until, now + (retry_after or 0.0))
            return
        self.hold(retry_after, now)
        # Half of the pace at which the platform refused, since that one was too fast.
        self._interval = min(max(self._interval, 1 / pace if pace else 0.0, 0.01) * 2, MAX_HOLD)

    def hold(self, seconds: float | None, now: float) -> None:
        """Let nothing leave for so many seconds; for longer each time where that is None."""
        if seconds is None and now >= self._held_until:
            seconds = min(_FIRST_HOLD * 2**self._holds, MAX_HOLD)
            self._holds += 1
        self._held_until = max(self._held_until, now + (seconds or 0.0))
