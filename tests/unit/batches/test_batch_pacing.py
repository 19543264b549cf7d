"""Pace of a batch: rates as people write them, even spacing, waits that the platform asks for."""

from __future__ import annotations

import itertools

import pytest

from xpander_facade import ConfigurationError
from xpander_facade.batches._pacing import Pacer, read_rate


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (None, None),
        (5, 5.0),
        (0.5, 0.5),
        ("90/minute", 1.5),
        ("90 / min", 1.5),
        ("1000/hour", 1000 / 3600),
        ("5/s", 5.0),
        ("7200/hours", 2.0),
        ("86400/day", 1.0),
    ],
)
def test_a_rate_is_reports_a_second(rate: float | str | None, expected: float | None):
    assert read_rate(rate) == expected


@pytest.mark.parametrize("rate", ["", "fast", "90/fortnight", "-1/s", "0/s", 0, -1, float("nan"), float("inf"), True])
def test_what_is_not_a_rate_is_refused_with_an_example(rate: float | str):
    with pytest.raises(ConfigurationError, match="90/minute"):
        read_rate(rate)


def sent_in(pacer: Pacer, seconds: float, now: float = 0.0) -> list[float]:
    """Return when reports leave in so many seconds, where there are always more."""
    left = []
    end = now + seconds
    while True:
        delay = pacer.delay(now)
        now += delay
        if now >= end:
            return left
        pacer.take(now)
        left.append(now)


def test_reports_leave_evenly_spaced_at_the_rate():
    times = sent_in(Pacer(4.0), 10.0)
    assert len(times) == 40
    assert {round(after - before, 6) for before, after in itertools.pairwise(times)} == {0.25}


def test_a_pause_is_not_caught_up_by_a_burst():
    pacer = Pacer(4.0)
    sent_in(pacer, 1.0)
    assert len(sent_in(pacer, 1.0, now=100.0)) <= 5


def test_all_wait_for_what_the_platform_asks_and_go_on_more_slowly():
    pacer = Pacer(10.0)
    sent_in(pacer, 1.0)
    pacer.throttle(30.0, 1.0, 10.0)
    assert pacer.delay(1.0) == 30.0
    assert len(sent_in(pacer, 10.0, now=31.0)) == pytest.approx(50, abs=1)
    for _ in range(100):
        pacer.succeed()
    assert len(sent_in(pacer, 10.0, now=100.0)) == pytest.approx(100, abs=1)


def test_answers_to_what_was_on_its_way_slow_down_once_only():
    pacer = Pacer(10.0)
    for _ in range(64):
        pacer.throttle(2.0, 1.0, 10.0)
    assert len(sent_in(pacer, 10.0, now=3.0)) == pytest.approx(50, abs=1)


def test_waits_without_a_number_grow_up_to_a_minute():
    pacer = Pacer(None)
    waits, now = [], 0.0
    for _ in range(8):
        pacer.hold(None, now)
        waits.append(pacer.delay(now))
        now += waits[-1]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
