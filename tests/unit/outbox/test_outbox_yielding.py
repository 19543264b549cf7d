"""A long drain beside calls of the user, against platforms that allow 100 requests in a while; no thread, no socket.

The time is a clock of the tests': a drain of 2,000 reports takes half an hour by it. A slot is a second, in which
`Retry-After` counts: what a platform allows in 100 seconds is 100 requests.
"""

from __future__ import annotations

import math
import random
from collections import deque
from typing import TYPE_CHECKING, Protocol

import pytest

from xpander_facade.configuration._outbox_settings import OutboxSettings
from xpander_facade.outbox._claims import Claims, Outcome, Result
from xpander_facade.outbox._database import Database
from xpander_facade.outbox._store import Store
from xpander_facade.outbox._window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xpander_facade.outbox._claims import Claim

ALLOWED = 100
PERIOD = 100.0
SLOT = PERIOD / ALLOWED
ANSWER = 0.005
CALL_EVERY = 7.3
LEARNED_AFTER = 3 * PERIOD
"""What a platform allows is known after it was met for a few times."""


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Platform(Protocol):
    def ask(self, now: float) -> int | None:
        """Return the seconds of `Retry-After`, or None where the request is taken."""
        ...


class FixedWindows:
    """Counts anew when a period is over, as most gateways do."""

    def __init__(self) -> None:
        self._window = self._count = 0

    def ask(self, now: float) -> int | None:
        window = int(now // PERIOD)
        if window != self._window:
            self._window, self._count = window, 0
        self._count += 1
        return None if self._count <= ALLOWED else math.ceil((window + 1) * PERIOD - now)


class SlidingWindow:
    """Counts what came within the last period."""

    def __init__(self) -> None:
        self._taken: deque[float] = deque()

    def ask(self, now: float) -> int | None:
        while self._taken and self._taken[0] <= now - PERIOD:
            self._taken.popleft()
        if len(self._taken) >= ALLOWED:
            return math.ceil(self._taken[0] + PERIOD - now + 1e-6)
        self._taken.append(now)
        return None


class TokenBucket:
    """Holds a period's requests at most, and gets one more in each slot."""

    def __init__(self) -> None:
        self._tokens, self._at = float(ALLOWED), 0.0

    def ask(self, now: float) -> int | None:
        self._tokens = min(ALLOWED, self._tokens + (now - self._at) / SLOT)
        self._at = now
        if self._tokens < 1 - 1e-9:
            return math.ceil((1 - self._tokens) * SLOT)
        self._tokens -= 1
        return None


class Drain:
    """A sender's loop, and a user that calls now and then, by one clock."""

    def __init__(self, store: Store, clock: Clock, platform: Platform) -> None:
        self._clock = clock
        self._platform = platform
        self._claims = Claims(store)
        self._window = Window(store.settings.concurrency)
        self._destination = store.destination("https://x.example org-1")
        self._under_way: list[tuple[float, Claim, float, int | None]] = []
        self._call_at = clock.now + CALL_EVERY
        self._called_at = 0.0
        self._calls = 0
        self.sent = self.refused = 0
        self.waits: list[tuple[float, float]] = []
        """When a call of the user's was made, and how long it waited until the platform took it."""
        with store.database.transaction():
            for number in range(2_000):
                store.put(self._destination, f"run-{number}", "agent-1", b"{}")

    def run(self) -> None:
        while self.sent < 2_000:
            self._call()
            is_held = bool(self._called_at)
            capacity = 0 if is_held else max(self._window.size - len(self._under_way), 0)
            others, self._calls = self._calls, 0
            wanted, shared = {self._destination: capacity}, {self._destination: others}
            now = self._clock.now
            for claim in self._claims.turn(self._ended(), wanted, 40.0, shared):
                self._under_way.append((now + ANSWER, claim, now, self._platform.ask(now)))
            self._wait(can_claim=capacity > 0)

    def _call(self) -> None:
        now = self._clock.now
        if now < self._call_at:
            return
        self._called_at = self._called_at or now
        self._calls += 1
        retry_after = self._platform.ask(now)
        if retry_after is not None:
            self._call_at = now + retry_after
            return
        self.waits.append((self._called_at, now - self._called_at))
        self._call_at, self._called_at = max(self._called_at + CALL_EVERY, now), 0.0

    def _ended(self) -> Iterator[Outcome]:
        now = self._clock.now
        ended = [one for one in self._under_way if one[0] <= now]
        self._under_way = [one for one in self._under_way if one[0] > now]
        for _, claim, began, retry_after in ended:
            if retry_after is None:
                self.sent += 1
                self._window.succeeded()
                yield Outcome(claim, Result.SENT)
            else:
                self.refused += 1
                self._window.failed(began, now)
                yield Outcome(claim, Result.RETRY, "429", True, float(retry_after))

    def _wait(self, *, can_claim: bool) -> None:
        times = [self._call_at, *(one[0] for one in self._under_way)]
        due = self._claims.next_due(self._destination) if can_claim else None
        if due is not None:
            times.append(due)
        self._clock.now = max(min(times), self._clock.now + 1e-4)


@pytest.mark.parametrize("platform", [FixedWindows, SlidingWindow, TokenBucket])
def test_a_long_drain_meets_few_refusals_and_lets_calls_of_the_user_through(platform: type[Platform]):
    clock = Clock()
    settings = OutboxSettings(":memory:")
    store = Store(Database(settings.path), settings, clock, random.Random(1).random)
    began = clock.now
    try:
        drain = Drain(store, clock, platform())
        drain.run()
    finally:
        store.database.close()
    assert drain.refused <= 0.05 * (2_000 + drain.refused)
    waits = [wait for called_at, wait in drain.waits if called_at > began + LEARNED_AFTER]
    assert len(waits) > 100
    assert max(waits) <= SLOT
    # It is not much slower for that: the platform takes 2,000 reports and the user's calls in 100 slots a period.
    assert clock.now - began <= 1.25 * SLOT * (2_000 + len(drain.waits))
