"""Retry policy: when a failed call is tried again, how long to wait before it, and when to stop. No clock, no network.

Which call may be repeated is a fact about the platform. Reads, stops and updates say the same thing twice; a report
carries an id, so the platform takes a second one for the same run. Creating a task twice makes two of them, and metrics
that are sent twice count twice.
"""

from __future__ import annotations

import functools
import os
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xpander_facade._process import late_attrs
from xpander_facade._process.imports import DATES, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xpander_facade.configuration._configuration import Configuration

# From 520 to 526: what Cloudflare says of a server behind it.
TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504, *range(520, 527)})
BASE_WAIT = 0.5
MAX_WAIT = 8.0
MAX_RETRY_AFTER = 60.0
MIN_RECONNECT_WAIT = 0.1
MAX_RECONNECT_WAIT = 30.0

_RANDOM_BYTES = 7


@late_attrs.frozen(eq=False, repr=False)
class RetryReason:
    """Why an attempt failed.

    Args:
        cause: For people: a status or a sentence.
        transient: Whether it could go better the next time.
        not_processed: Whether the platform surely did not act on the call.
        retry_after: Seconds that the platform asks to wait, or None.
    """

    cause: str
    transient: bool
    not_processed: bool
    retry_after: float | None = None


class RetryTokenBucket:
    """A brake on retry storms, after the AWS SDKs' standard mode: retries spend tokens, successes give some back.

    While most calls succeed it is never felt. When the platform is down, a process soon stops retrying and each call
    fails after its first attempt.
    """

    CAPACITY = 500
    COST = 5
    REFUND = 1

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._tokens = self.CAPACITY

    def spend(self) -> bool:
        """Take the price of one retry; False where the bucket can't pay."""
        with self._lock:
            if self._tokens < self.COST:
                return False
            self._tokens -= self.COST
            return True

    def refund(self, *, retried: bool) -> None:
        """Give back after a success: a retry's price, or a little after a first attempt."""
        # Nearly every success finds the bucket full, and takes no lock then.
        if self._tokens < self.CAPACITY:
            with self._lock:
                self._tokens = min(self.CAPACITY, self._tokens + (self.COST if retried else self.REFUND))


def bucket_of(configuration: Configuration) -> RetryTokenBucket:
    """Return the bucket that all configurations of one customer of one platform share, whatever their limits."""
    return _bucket(configuration.base_url, configuration.organization_id, configuration.api_key)


@functools.lru_cache(maxsize=256)
def _bucket(base_url: str, organization_id: str | None, api_key: str | None) -> RetryTokenBucket:
    return RetryTokenBucket()


# A lock that another thread held while the process forked would never come free in the child.
if hasattr(os, "register_at_fork"):  # there is none on Windows
    os.register_at_fork(after_in_child=_bucket.cache_clear)


def backoff(
    reason: RetryReason, *, idempotent: bool, retries: int, max_retries: int, elapsed: float, deadline: float
) -> float | None:
    """Return the seconds to wait before the next attempt, or None where the reason is final.

    Args:
        reason: What went wrong.
        idempotent: Whether the call may be repeated although the platform might have taken it.
        retries: Retries made so far.
        max_retries: Retries allowed.
        elapsed: Seconds since the call began.
        deadline: Seconds that the whole call may take; no wait overruns it.
    """
    if not reason.transient or retries >= max_retries or not (idempotent or reason.not_processed):
        return None
    # Whoever has to wait that long is better told so at once.
    if reason.retry_after is not None and reason.retry_after > MAX_RETRY_AFTER:
        return None
    # From zero on, so that clients that failed together do not come back together.
    wait = _random_share() * min(MAX_WAIT, BASE_WAIT * 2**retries)
    wait = max(wait, reason.retry_after or 0.0)
    return wait if elapsed + wait < deadline else None


def _random_share() -> float:
    """Return a number from 0 to 1."""
    # The system's random numbers: those of `random` belong to the program, which may have seeded them, and a generator
    # of our own would give forked processes the same waits.
    return int.from_bytes(os.urandom(_RANDOM_BYTES)) / (1 << 8 * _RANDOM_BYTES)


def reconnect_wait(waits: Sequence[float], failures: int, milliseconds: int | None) -> float:
    """Return the seconds until an event stream is opened again.

    Args:
        waits: Seconds for the first, second, ... failure in a row; then the last one.
        failures: How many there were, 1 or more.
        milliseconds: What the stream has asked for by `retry:`, or None. Within bounds it takes the place of the first
            wait, and later waits are no shorter.
    """
    wait = waits[min(failures, len(waits)) - 1]
    if milliseconds is None or milliseconds < 0:
        return wait
    # A number of any length is allowed, also one that no float holds.
    asked = max(MIN_RECONNECT_WAIT, min(milliseconds, int(MAX_RECONNECT_WAIT * 1_000)) / 1_000)
    return asked if failures == 1 else max(asked, wait)


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` header asks for: a number of seconds or an HTTP date; None if unreadable.

    Args:
        value: The header's value, or None.
        now: The time from which a date is counted; aware.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # Nine digits are thirty years already, and there may be thousands.
        return float(text[:9])
    load(DATES)
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())
