"""The circuit breaker of direct reports."""

from __future__ import annotations

import pytest

from xpander_facade import APIConnectionError, AuthenticationError, NotFoundError, RateLimitError, ServerError
from xpander_facade.recorder import _circuit
from xpander_facade.recorder._circuit import MAX_FAILURES, MAX_IN_BACKGROUND, MAX_PAUSE, Circuit


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Circuit:
    circuit = Circuit(clock)
    for _ in range(MAX_FAILURES):
        circuit.note_failure(APIConnectionError("away"))
    return circuit


def test_a_circuit_opens_after_failures_in_a_row_and_says_so_once():
    circuit = Circuit(Clock())
    assert [circuit.note_failure(APIConnectionError("away")) for _ in range(MAX_FAILURES + 2)] == [
        *[False] * (MAX_FAILURES - 1),
        True,
        False,
        False,
    ]
    assert circuit.is_open


def test_a_success_closes_a_circuit_and_what_came_before_does_not_count():
    circuit = opened(Clock())
    assert circuit.note_success()
    assert not circuit.is_open
    assert not circuit.note_failure(APIConnectionError("away"))
    assert not circuit.note_success()


@pytest.mark.parametrize("kind", [NotFoundError, AuthenticationError])
def test_a_refusal_says_nothing_of_the_platforms_health(kind: type):
    circuit = Circuit(Clock())
    for _ in range(10):
        circuit.note_failure(kind("no", status_code=404))
    assert not circuit.is_open


@pytest.mark.parametrize("kind", [ServerError, RateLimitError])
def test_a_platform_that_is_down_or_asks_for_patience_opens_a_circuit(kind: type):
    circuit = Circuit(Clock())
    for _ in range(MAX_FAILURES):
        circuit.note_failure(kind("no", status_code=503))
    assert circuit.is_open


def test_one_run_at_a_time_tries_again_and_less_and_less_often():
    clock = Clock()
    circuit = opened(clock)
    assert not circuit.take_probe()
    clock.now += 1.0
    assert circuit.take_probe()
    assert not circuit.take_probe()
    for _ in range(20):
        circuit.note_failure(APIConnectionError("away"))
    clock.now += MAX_PAUSE - 1
    assert not circuit.take_probe()
    clock.now += 1
    assert circuit.take_probe()


def test_drops_are_logged_once_a_minute_with_their_number():
    clock = Clock()
    circuit = opened(clock)
    assert [circuit.note_drop() for _ in range(3)] == [1, 0, 0]
    clock.now += 60
    assert circuit.note_drop() == 3


def test_slow_answers_in_a_row_open_a_circuit_whether_they_take_or_refuse(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_circuit, "SLOW_ANSWER", 0.75)
    for note in (
        lambda circuit: circuit.note_success(1.1),
        lambda circuit: circuit.note_failure(AuthenticationError("no", status_code=401), 1.1),
    ):
        circuit = Circuit(Clock())
        assert [note(circuit) for _ in range(MAX_FAILURES + 1)] == [False, False, True, False]
        assert circuit.is_slow
        assert circuit.note_success(0.7)
        assert not circuit.is_open
        assert not circuit.is_slow


def test_failures_and_slow_answers_count_together_and_the_last_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_circuit, "SLOW_ANSWER", 0.75)
    circuit = Circuit(Clock())
    assert not circuit.note_success(1.1)
    assert not circuit.note_failure(APIConnectionError("away"), 5.0)
    assert circuit.note_success(1.1)
    assert circuit.is_slow
    circuit.note_failure(APIConnectionError("away"), 5.0)
    assert circuit.is_open
    assert not circuit.is_slow


def test_so_many_reports_are_on_their_way_at_once_to_a_slow_platform_and_none_to_another():
    assert not opened(Clock()).acquire()
    circuit = Circuit(Clock())
    assert not circuit.acquire()
    for _ in range(MAX_FAILURES):
        circuit.note_success(1e9)
    assert [circuit.acquire() for _ in range(MAX_IN_BACKGROUND + 1)] == [*[True] * MAX_IN_BACKGROUND, False]
    circuit.release()
    assert circuit.acquire()
