"""Own when the next report may leave a file: the pause while the platform is down, its patience, the rate. Pure.

The state lives in the file, one for each platform, so that all processes that drain the file keep to it together. One
failure is the trouble of one report, which alone waits. Several in a row are the platform's: then all wait, and when
the pause is over one report goes out as a probe; its success opens the way, its failure doubles the pause.
"""

from __future__ import annotations

import attrs

FAILURES_BEFORE_PAUSE = 3
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
FIRST_DELAY = 0.5
LONGEST_DELAY = 300.0
LONGEST_PATIENCE = 3_600.0
FIRST_REST = 1.0
LONGEST_REST = 60.0


@attrs.frozen
class Pace:
    """What the drainers of a file know together of one platform. Times are seconds since the epoch.

    Args:
        failures: Failures in a row.
        paused_until: Nobody sends before, since the platform is down or being probed.
        held_until: Nobody sends before, since the platform asked for patience or the rate wants it.
    """

    failures: int = 0
    paused_until: float = 0.0
    held_until: float = 0.0

    @property
    def is_down(self) -> bool:
        """Whether the platform counts as down, so that one probe at a time is all it gets."""
        return self.failures >= FAILURES_BEFORE_PAUSE

    @property
    def opens_at(self) -> float:
        """The time from which the next report may leave."""
        return max(self.paused_until, self.held_until)


def started(pace: Pace, now: float, *, spacing: float, longest_send: float) -> Pace:
    """Return the pace after a report was taken out to be sent.

    Args:
        pace: What was known.
        now: The time.
        spacing: Seconds between two reports at the wanted rate; 0 for no rate.
        longest_send: Seconds that sending may take; while a probe is under way nobody else sends.
    """
    held_until = max(pace.held_until, now + spacing) if spacing else pace.held_until
    paused_until = now + longest_send if pace.is_down else pace.paused_until
    return attrs.evolve(pace, held_until=held_until, paused_until=paused_until)


def succeeded(pace: Pace) -> Pace:
    """Return the pace after a report got through."""
    return attrs.evolve(pace, failures=0, paused_until=0.0)


def failed(
    pace: Pace, now: float, *, was_probe: bool, throttled: bool, retry_after: float | None, chance: float
) -> Pace:
    """Return the pace after a report did not get through.

    Args:
        pace: What was known.
        now: The time.
        was_probe: Whether the report went out as a probe.
        throttled: Whether the platform said that there are too many requests.
        retry_after: Seconds that the platform asked to wait, or None.
        chance: A random number from 0 to 1, so that several files do not come back at the same moment.
    """
    held_until = pace.held_until
    if retry_after is not None:
        held_until = max(held_until, now + min(retry_after, LONGEST_PATIENCE))
    if now < pace.paused_until and not was_probe:
        # It left before the pause began; the pause knows already.
        return attrs.evolve(pace, held_until=held_until)
    failures = pace.failures + 1
    if throttled and retry_after is None:
        failures = max(failures, FAILURES_BEFORE_PAUSE)
    paused_until = pace.paused_until
    if failures >= FAILURES_BEFORE_PAUSE:
        paused_until = now + _growing(FIRST_PAUSE, LONGEST_PAUSE, failures - FAILURES_BEFORE_PAUSE, chance)
    return Pace(failures, paused_until, held_until)


def delay(attempts: int, chance: float) -> float:
    """Return the seconds for which a report that failed so many times waits by itself."""
    return _growing(FIRST_DELAY, LONGEST_DELAY, attempts - 1, chance)


def rest(times: int, chance: float) -> float:
    """Return the seconds for which a process does not try, after its key was refused so many times in a row."""
    return _growing(FIRST_REST, LONGEST_REST, times - 1, chance)


def _growing(first: float, longest: float, doublings: int, chance: float) -> float:
    return min(longest, first * 2.0 ** min(max(doublings, 0), 32)) * (0.5 + chance / 2)
