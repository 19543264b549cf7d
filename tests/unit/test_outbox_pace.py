"""Hold when reports may leave an outbox: the pause while the platform is down, its patience, the rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade.outbox import _circuit_breaker
from xpander_facade.outbox._circuit_breaker import (
    FAILURES_BEFORE_PAUSE,
    LONGEST_PATIENCE,
    LONGEST_PAUSE,
    Pace,
    failed,
    started,
)

NOW = 1_000_000.0


def after_failure(pace, now=NOW, **changes):
    given_ = {"was_probe": False, "throttled": False, "retry_after": None, "chance": 1.0}
    return failed(pace, now, **{**given_, **changes})


def test_one_failure_is_the_trouble_of_one_report_and_pauses_nobody():
    assert after_failure(Pace()) == Pace(failures=1)


def test_failures_in_a_row_pause_all():
    pace = Pace()
    for _ in range(FAILURES_BEFORE_PAUSE):
        pace = after_failure(pace)
    assert pace.is_down
    assert pace.opens_at > NOW


def test_a_pause_lets_one_probe_out_and_keeps_the_others_back():
    down = Pace(failures=FAILURES_BEFORE_PAUSE, paused_until=NOW)
    probing = started(down, NOW, spacing=0, longest_send=40)
    assert probing.opens_at == NOW + 40


def test_a_probe_that_fails_doubles_the_pause():
    pauses = []
    pace = Pace(failures=FAILURES_BEFORE_PAUSE - 1)
    for _ in range(12):
        pace = after_failure(pace, was_probe=True)
        pauses.append(pace.paused_until - NOW)
    assert pauses[:4] == [0.5, 1, 2, 4]
    assert pauses[-1] == LONGEST_PAUSE


def test_a_report_that_left_before_the_pause_and_fails_in_it_does_not_prolong_it():
    paused = Pace(failures=FAILURES_BEFORE_PAUSE, paused_until=NOW + 5)
    assert after_failure(paused) == paused


def test_a_success_opens_the_way_but_keeps_the_rate():
    pace = Pace(failures=9, paused_until=NOW + 30, held_until=NOW + 1)
    assert _circuit_breaker.succeeded(pace) == Pace(held_until=NOW + 1)


def test_the_platforms_patience_holds_all_and_is_not_shortened():
    pace = after_failure(Pace(held_until=NOW + 90), throttled=True, retry_after=60.0)
    assert pace.opens_at == NOW + 90
    assert after_failure(Pace(), throttled=True, retry_after=60.0).opens_at == NOW + 60


def test_patience_without_end_is_not_believed():
    assert after_failure(Pace(), retry_after=1e9).opens_at == NOW + LONGEST_PATIENCE


def test_too_many_requests_without_a_time_pause_at_once():
    assert after_failure(Pace(), throttled=True).is_down


def test_a_rate_spaces_reports_evenly_without_a_burst():
    pace = Pace()
    times = []
    now = NOW
    for _ in range(4):
        now = max(now, pace.opens_at)
        times.append(now - NOW)
        pace = started(pace, now, spacing=0.5, longest_send=40)
    assert times == [0, 0.5, 1, 1.5]
    # An hour of silence saves nothing up.
    pace = started(pace, now + 3600, spacing=0.5, longest_send=40)
    assert pace.opens_at == now + 3600.5


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_report_waits_longer_after_each_failure_up_to_a_bound(attempts, chance):
    wait = _circuit_breaker.delay(attempts, chance)
    assert 0 < wait <= _circuit_breaker.LONGEST_DELAY
    assert wait <= _circuit_breaker.delay(attempts + 1, chance)


@pytest.mark.parametrize("of", [_circuit_breaker.delay, _circuit_breaker.rest])
def test_waits_are_spread_by_chance(of):
    assert of(3, 0.0) == of(3, 1.0) / 2
