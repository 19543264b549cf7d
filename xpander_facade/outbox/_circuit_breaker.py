"""Circuit breaker and rate limit: when the next report may leave a file. Pure.

Both live in the file, one of each for a destination, so that all processes which send from the file keep to them
together. One failure is the fault of one report, which alone waits. Several in a row are the platform's: the circuit
opens and nothing is sent; when the pause is over one report goes out as a probe (the circuit is half-open). Its success
closes the circuit, its failure doubles the pause.

Times are seconds since the epoch, by a clock that may be put back. So each pause is stored with its length, and is
never longer than that from the moment at which it is looked at.
"""

from __future__ import annotations

from typing import Literal

import attrs

Circuit = Literal["closed", "open", "half-open"]

MAX_FAILURES = 3
"""Failures in a row that open the circuit."""
MIN_PAUSE = 0.5
MAX_PAUSE = 30.0
MIN_DELAY = 0.5
MAX_DELAY = 300.0
MAX_RETRY_AFTER = 3_600.0
PACE_SECONDS = 3_600.0
"""A learned pace is forgotten so many seconds after the platform last said that there were too many requests."""
MIN_PACE = 0.005
MAX_PACE = 60.0
# A platform that asked to go slower is not tested at once: who goes faster than it allows has used up, when its minute
# ends, what a call of the user's needs then. The longer all goes well, the more is tried.
PACE_DECAY = ((400, 0.9999), (800, 0.9995))
PACE_TRIAL_DECAY = 0.999
PACE_GROWTH = 1.25
# A wait that follows upon few requests is the end of the one before, and tells little of the pace.
_FEW = 20
_MIN_GROWTH_OF_FEW = 1.05
_MAX_GROWTH_OF_FEW = 1.1
MAX_SHARED_SECONDS = 60.0
"""For so long at most requests of others keep those of a file back: a program that never stops calling starves none."""
BURST_SECONDS = 0.05
"""Requests that are due within so many seconds leave together."""
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

    def state(self, now: float) -> Circuit:
        """Return how the circuit is called in the field."""
        if not self.is_down:
            return "closed"
        return "open" if now < self.open_until else "half-open"

    def bounded(self, now: float) -> CircuitBreaker:
        """Return the breaker with a pause that is not longer than its own length, whatever the clock did."""
        latest = now + self.seconds
        return self if self.open_until <= latest else attrs.evolve(self, open_until=latest)

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

    Where the platform says that there were too many requests, and until when to wait (`Retry-After`), the pace that it
    allows is learned from how many it took since it last said so. From then on requests are spaced by that pace, which
    grows faster again with each one that is taken: hardly at first, more the longer all goes well.

    Args:
        next_at: Nothing is sent before, since the platform asked for it or the pace wants it.
        seconds: How long that wait is, from its beginning.
        pace: The learned seconds from one request to the next; 0 while nothing was learned.
        cycle_began: Since when requests are counted.
        cycle_sent: How many the platform took since then.
    """

    next_at: float = 0.0
    seconds: float = 0.0
    pace: float = 0.0
    cycle_began: float = 0.0
    cycle_sent: int = 0

    def bounded(self, now: float) -> RateLimit:
        """Return the limit with a wait that is not longer than its own length, whatever the clock did."""
        next_at = min(self.next_at, now + self.seconds)
        # What was learned is forgotten in time; a cycle that seems to begin later was begun by another clock.
        is_known = self.pace > 0 and self.cycle_began - MAX_RETRY_AFTER <= now < self.cycle_began + PACE_SECONDS
        if self.cycle_began > now + MAX_RETRY_AFTER:
            return RateLimit(next_at, self.seconds)
        pace = self.pace if is_known else 0.0
        if next_at == self.next_at and pace == self.pace:
            return self
        return attrs.evolve(self, next_at=next_at, pace=pace)

    def spacing(self, wanted: float) -> float:
        """Return the seconds from one request to the next, given what the settings want."""
        return max(wanted, self.pace)

    def available(self, now: float, spacing: float, count: int) -> int:
        """Return how many requests may leave now, of so many that could."""
        if now < self.next_at:
            return 0
        return min(count, max(1, int(BURST_SECONDS / spacing))) if spacing else count

    def taken(self, now: float, seconds: float) -> RateLimit:
        """Return the limit after requests left that use the pace up for so many seconds."""
        limit = self if self.cycle_began else attrs.evolve(self, cycle_began=now)
        return limit._held(now, seconds) if seconds else limit

    def shared(self, now: float, spacing: float, count: int) -> RateLimit:
        """Return the limit after so many requests of others left, which use up the same pace, within bounds."""
        is_waiting = now < self.next_at
        began = self.next_at - self.seconds if is_waiting else now
        until = min((self.next_at if is_waiting else now) + spacing * count, began + MAX_SHARED_SECONDS)
        counted = attrs.evolve(self, cycle_sent=self.cycle_sent + count) if self.cycle_began else self
        return attrs.evolve(counted, next_at=until, seconds=until - began) if until > self.next_at else counted

    def succeeded(self, count: int) -> RateLimit:
        """Return the limit after the platform took so many requests."""
        decay = next((decay for sent, decay in PACE_DECAY if self.cycle_sent < sent), PACE_TRIAL_DECAY)
        pace = self.pace * decay**count
        pace = pace if pace >= MIN_PACE else 0.0
        return RateLimit(self.next_at, self.seconds, pace, self.cycle_began, self.cycle_sent + count)

    def asked_to_wait(self, now: float, seconds: float | None, *, throttled: bool = False) -> RateLimit:
        """Return the limit after an answer that asks to wait for so many seconds; None where it does not ask.

        Args:
            now: The time.
            seconds: How long the platform asks to wait.
            throttled: Whether it says that there were too many requests.
        """
        if seconds is None:
            return self
        wait = min(seconds, MAX_RETRY_AFTER)
        if not throttled or (now < self.next_at and self.cycle_sent == 0):
            return self._held(now, wait)  # it left before the wait began, which knows already
        # What was counted over more than an hour, or over a step of the clock, tells how much there was to send.
        tells = self.cycle_sent and self.cycle_began and now - self.cycle_began < PACE_SECONDS
        learned = (now + wait - self.cycle_began) / self.cycle_sent if tells else 0.0
        if not self.pace and self.cycle_sent < _FEW and self.next_at != self.cycle_began:
            learned = 0.0  # this cycle began when most was used up already; the next one begins with the wait's end
        if self.pace and self.cycle_sent < _FEW:
            learned = min(max(learned, self.pace * _MIN_GROWTH_OF_FEW), self.pace * _MAX_GROWTH_OF_FEW)
        elif self.pace:
            learned = min(max(learned, self.pace * PACE_GROWTH), self.pace * 2)
        return attrs.evolve(self._held(now, wait), pace=min(learned, MAX_PACE), cycle_began=now + wait, cycle_sent=0)

    def _held(self, now: float, seconds: float) -> RateLimit:
        if now + seconds <= self.next_at:
            return self
        return attrs.evolve(self, next_at=now + seconds, seconds=seconds)


def delay(attempts: int, jitter: float) -> float:
    """Return the seconds for which a report that failed so many times waits by itself."""
    return _growing(MIN_DELAY, MAX_DELAY, attempts - 1, jitter)


def rest(times: int, jitter: float) -> float:
    """Return the seconds for which a process does not try, after its key was refused so many times in a row."""
    return _growing(MIN_REST, MAX_REST, times - 1, jitter)


def _growing(first: float, longest: float, doublings: int, jitter: float) -> float:
    # At least half of it, so that nobody comes back at once, and the rest by chance, so that not all come back
    # together.
    return min(longest, first * 2.0 ** min(max(doublings, 0), 32)) * (0.5 + jitter / 2)
