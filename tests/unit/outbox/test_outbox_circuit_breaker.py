"""Test when reports may leave an outbox: the circuit breaker, what the platform asks for, the rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade.outbox import _circuit_breaker
from xpander_facade.outbox._circuit_breaker import (
    MAX_FAILURES,
    MAX_PAUSE,
    MAX_RETRY_AFTER,
    MAX_SHARED_SECONDS,
    CircuitBreaker,
    RateLimit,
)

NOW = 1_000_000.0
DAY = 86_400.0


def after_failure(breaker, now=NOW, **changes):
    return breaker.failed(now, **{"was_probe": False, "is_open": False, "jitter": 1.0, **changes})


def test_one_failure_is_the_fault_of_one_report_and_pauses_nothing():
    assert after_failure(CircuitBreaker()) == CircuitBreaker(failures=1)


def test_failures_in_a_row_open_the_circuit():
    breaker = CircuitBreaker()
    for _ in range(MAX_FAILURES):
        breaker = after_failure(breaker)
    assert breaker.is_down
    assert breaker.open_until > NOW


def test_an_open_circuit_lets_one_probe_out_and_keeps_the_others_back():
    down = CircuitBreaker(failures=MAX_FAILURES, open_until=NOW)
    assert down.started(NOW, longest_send=40).open_until == NOW + 40


def test_a_probe_that_fails_doubles_the_pause():
    pauses = []
    breaker = CircuitBreaker(failures=MAX_FAILURES - 1)
    for _ in range(12):
        breaker = after_failure(breaker, was_probe=True)
        pauses.append(breaker.open_until - NOW)
    assert pauses[:4] == [0.5, 1, 2, 4]
    assert pauses[-1] == MAX_PAUSE


def test_a_report_that_left_before_the_pause_and_fails_in_it_does_not_prolong_it():
    paused = CircuitBreaker(failures=MAX_FAILURES, open_until=NOW + 5, seconds=5)
    assert after_failure(paused) == paused


def test_a_success_closes_the_circuit():
    assert CircuitBreaker(failures=9, open_until=NOW + 30, seconds=30).succeeded() == CircuitBreaker()


def test_too_many_requests_open_the_circuit_at_once():
    assert after_failure(CircuitBreaker(), is_open=True).is_down


def test_what_the_platform_asks_for_is_not_shortened():
    held = RateLimit(NOW + 90, 90)
    assert held.asked_to_wait(NOW, 60.0) == held
    assert RateLimit().asked_to_wait(NOW, 60.0).next_at == NOW + 60
    assert held.asked_to_wait(NOW, None) == held


def test_a_wait_without_end_is_not_believed():
    assert RateLimit().asked_to_wait(NOW, 1e9).next_at == NOW + MAX_RETRY_AFTER


def test_a_rate_spaces_requests_evenly_without_a_burst():
    limit = RateLimit()
    times = []
    now = NOW
    for _ in range(4):
        now = max(now, limit.next_at)
        times.append(now - NOW)
        limit = limit.taken(now, 0.5)
    assert times == [0, 0.5, 1, 1.5]
    # An hour of silence saves nothing up.
    assert limit.taken(now + 3600, 0.5).next_at == now + 3600.5


def test_no_pace_is_learned_from_a_day_in_which_little_was_sent():
    busy = RateLimit(cycle_began=NOW - 60, cycle_sent=100).asked_to_wait(NOW, 5.0, throttled=True)
    assert busy.pace == pytest.approx(0.65)
    idle = RateLimit(cycle_began=NOW - DAY, cycle_sent=100).asked_to_wait(NOW, 5.0, throttled=True)
    assert (idle.pace, idle.next_at) == (0, NOW + 5)


@pytest.mark.parametrize("spacing", [1.0, 60.0])
def test_calls_that_never_stop_keep_a_file_back_for_a_bounded_time(spacing: float):
    limit = RateLimit(pace=spacing, cycle_began=NOW)
    left = []
    for second in range(600):
        now = NOW + second
        limit = limit.bounded(now)
        if limit.available(now, spacing, 1):
            left.append(second)
            limit = limit.taken(now, spacing)
        limit = limit.shared(now, spacing, 3)
    waits = [after - before for before, after in zip([0, *left], left, strict=False)]
    assert max(waits) <= max(MAX_SHARED_SECONDS, spacing) + 1
    assert len(left) >= 600 // (max(MAX_SHARED_SECONDS, spacing) + 1) - 1


def test_calls_use_up_the_pace_that_a_file_keeps():
    limit = RateLimit().taken(NOW, 1.0).shared(NOW, 1.0, 4)
    assert limit.next_at == NOW + 5
    assert limit.bounded(NOW).next_at == NOW + 5
    held = RateLimit(NOW + 90, 90)
    assert held.shared(NOW, 1.0, 4) == held


@given(st.floats(0, 3600), st.floats(-30 * DAY, 30 * DAY))
def test_no_pause_is_longer_than_its_own_length_whatever_the_clock_does(seconds, step):
    now = NOW * 1000 + step
    breaker = CircuitBreaker(MAX_FAILURES, NOW * 1000 + seconds, seconds).bounded(now)
    limit = RateLimit(NOW * 1000 + seconds, seconds).bounded(now)
    assert breaker.open_until - now <= seconds + 1e-3
    assert limit.next_at - now <= seconds + 1e-3
    if step == 0:
        assert (breaker.open_until, limit.next_at) == (NOW * 1000 + seconds, NOW * 1000 + seconds)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_report_waits_longer_after_each_failure_up_to_a_bound(attempts, jitter):
    wait = _circuit_breaker.delay(attempts, jitter)
    assert 0 < wait <= _circuit_breaker.MAX_DELAY
    assert wait <= _circuit_breaker.delay(attempts + 1, jitter)


@pytest.mark.parametrize("of", [_circuit_breaker.delay, _circuit_breaker.rest])
def test_waits_are_spread_by_jitter(of):
    assert of(3, 0.0) == of(3, 1.0) / 2
