"""Circuit breaker and rate limit: when the next report may leave a file. Pure.

Both live in the file, one of each for a destination, so that all processes which send from the file keep to them
together. One failure is the fault of one report, which alone waits. Several in a row are the platform's: the circuit
opens and nothing is sent; when the pause is over one report goes out as a probe (the circuit is half-open). Its success
closes the circuit, its failure doubles the pause.

Times are seconds since the epoch, by a clock that may be put back. So each pause is stored with its length, and is
never longer than that from the moment at which it is looked at.
"""

from __future__ import annotations

import attrs

MAX_FAILURES = 3
"""Failures in a row that open the circuit."""
MIN_PAUSE = 0.5
MAX_PAUSE = 30.0
MIN_DELAY = 0.5
MAX_DELAY = 300.0
MAX_RETRY_AFTER = 3_600.0
MIN_REST = 1.0
MAX_REST = 60.0


@attrs.frozen
class CircuitBreaker:
    """What the processes of a file know together of the health of one platform.

    Args:
        failures: Failures in a row.
        open_until: Nothing is sent before, since the platform is down or is being probed.
        seconds: How long that pause is, from its beginning.
    """

    failures: int = 0
    open_until: float = 0.0
    seconds: float = 0.0

    @property
    def is_down(self) -> bool:
        """Whether the platform counts as down, so that one probe at a time is all it gets."""
        return self.failures >= MAX_FAILURES

    def bounded(self, now: float) -> CircuitBreaker:
        """Return the breaker with a pause that is not longer than its own length, whatever the clock did."""
        return attrs.evolve(self, open_until=min(self.open_until, now + self.seconds))

    def started(self, now: float, *, longest_send: float) -> CircuitBreaker:
        """Return the breaker after a report was taken out: while a probe is under way, nothing else is sent.

        Args:
            now: The time.
            longest_send: Seconds that sending may take.
        """
        return self._paused(self.failures, now, longest_send) if self.is_down else self

    def succeeded(self) -> CircuitBreaker:
        """Return the breaker after the platform took a report."""
        return CircuitBreaker()

    def failed(self, now: float, *, was_probe: bool, is_open: bool, jitter: float) -> CircuitBreaker:
        """Return the breaker after a report did not get through.

        Args:
            now: The time.
            was_probe: Whether the report went out as a probe.
            is_open: Whether the failure alone opens the circuit: the platform said that there are too many requests.
            jitter: A random number from 0 to 1, so that several files do not come back at the same moment.
        """
        if now < self.open_until and not was_probe:
            return self  # it left before the pause began, which knows already
        failures = max(self.failures + 1, MAX_FAILURES if is_open else 0)
        if failures < MAX_FAILURES:
            return attrs.evolve(self, failures=failures)
        return self._paused(failures, now, _growing(MIN_PAUSE, MAX_PAUSE, failures - MAX_FAILURES, jitter))

    def _paused(self, failures: int, now: float, seconds: float) -> CircuitBreaker:
        return CircuitBreaker(failures, now + seconds, seconds)


@attrs.frozen
class RateLimit:
    """When the next request to a platform may be sent, over all processes of a file.

    Args:
        next_at: Nothing is sent before, since the platform asked for it (`Retry-After`) or the rate wants it.
        seconds: How long that wait is, from its beginning.
    """

    next_at: float = 0.0
    seconds: float = 0.0

    def bounded(self, now: float) -> RateLimit:
        """Return the limit with a wait that is not longer than its own length, whatever the clock did."""
        return attrs.evolve(self, next_at=min(self.next_at, now + self.seconds))

    def taken(self, now: float, seconds: float) -> RateLimit:
        """Return the limit after requests were sent that use the rate up for so many seconds."""
        return self._held(now, seconds)

    def asked_to_wait(self, now: float, seconds: float | None) -> RateLimit:
        """Return the limit after the platform asked to wait for so many seconds; None where it did not."""
        return self if seconds is None else self._held(now, min(seconds, MAX_RETRY_AFTER))

    def _held(self, now: float, seconds: float) -> RateLimit:
        return RateLimit(now + seconds, seconds) if now + seconds > self.next_at else self


def delay(attempts: int, jitter: float) -> float:
    """Return the seconds for which a report that failed so many times waits by itself."""
    return _growing(MIN_DELAY, MAX_DELAY, attempts - 1, jitter)


def rest(times: int, jitter: float) -> float:
    """Return the seconds for which a process does not try, after its key was refused so many times in a row."""
    return _growing(MIN_REST, MAX_REST, times - 1, jitter)


def _growing(first: float, longest: float, doublings: int, jitter: float) -> float:
    return min(longest, first * 2.0 ** min(max(doublings, 0), 32)) * (0.5 + jitter / 2)
