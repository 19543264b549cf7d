"""Test the background threads: rounds, waking, errors, deaths, the end."""

import logging
import queue
import threading
import time

import pytest

from xpander_facade.outbox import _threads
from xpander_facade.outbox._threads import PeriodicThread


@pytest.fixture
def background(monkeypatch):
    monkeypatch.setattr(_threads, "ERROR_PAUSE", 0.0)
    made = []

    def make(work):
        made.append(PeriodicThread("test", work))
        return made[-1]

    yield make
    for one in made:
        assert one.stop(5)


def test_a_wake_during_a_round_is_not_lost(background):
    rounds = queue.SimpleQueue()
    go_on = threading.Event()

    def work():
        rounds.put("round")
        go_on.wait(5)
        return 3600.0

    thread = background(work)
    assert thread.start()
    rounds.get(timeout=5)
    thread.wake()
    go_on.set()
    rounds.get(timeout=5)


def test_an_error_in_a_round_is_logged_once_and_the_rounds_go_on(background, caplog):
    rounds = queue.SimpleQueue()

    def work():
        rounds.put("round")
        raise OSError("the disk")

    thread = background(work)
    with caplog.at_level(logging.ERROR):
        thread.start()
        for _ in range(3):
            rounds.get(timeout=5)
    assert [record.message for record in caplog.records] == ["the thread 'test' of the outbox goes on after an error"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_started_again_and_that_is_said(background, caplog):
    dying = [True]
    rounds = queue.SimpleQueue()

    def work():
        if dying:
            dying.clear()
            raise SystemExit
        rounds.put("round")
        return 3600.0

    thread = background(work)
    thread.start()
    thread._thread.join(5)
    assert not thread.is_alive
    with caplog.at_level(logging.ERROR):
        assert thread.start()
    rounds.get(timeout=5)
    assert "had died and is started again" in caplog.text


def test_a_thread_that_was_stopped_starts_again_without_a_word(background, caplog):
    thread = background(lambda: 3600.0)
    thread.start()
    assert thread.stop(5)
    assert not thread.was_started
    with caplog.at_level(logging.DEBUG):
        assert thread.start()
    assert not caplog.records


def test_stopping_does_not_wait_longer_than_it_is_told_to(background):
    go_on = threading.Event()
    begun = threading.Event()

    def work():
        begun.set()
        go_on.wait(5)
        return 0.0

    thread = background(work)
    thread.start()
    assert begun.wait(5)
    assert not thread.stop(0.0)
    go_on.set()


def test_where_no_thread_can_be_started_it_says_so(monkeypatch):
    def start(_):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert not PeriodicThread("test", lambda: 0.0).start()


def test_a_signal_handler_that_comes_while_the_thread_starts_finds_it_started(background, monkeypatch):
    really_start = threading.Thread.start
    found = []

    def start(thread):
        really_start(thread)
        found.append(one.start())  # what a signal handler does that stores a report

    monkeypatch.setattr(threading.Thread, "start", start)
    one = background(lambda: 3600.0)
    assert one.start()
    assert found == [True]


def test_an_exception_of_a_signal_handler_that_comes_while_the_thread_starts_comes_out_as_it_is(
    background, monkeypatch
):
    really_start = threading.Thread.start
    rounds = queue.SimpleQueue()

    def start(thread):
        really_start(thread)
        try:
            raise TimeoutError("the job's time is over")
        except TimeoutError:
            raise KeyError(thread)  # noqa: B904 (as `Thread.start` itself does)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        one = background(lambda: rounds.put("round") or 3600.0)
        with pytest.raises(TimeoutError, match="the job's time"):
            one.start()
    rounds.get(timeout=5)
    assert one.start()
    assert one.is_alive
    assert rounds.empty()


@pytest.fixture
def rounds(background):
    """A thread that has done its first round, and what each of its rounds leaves."""
    done = queue.SimpleQueue()

    def work():
        done.put(None)
        return 3600.0

    thread = background(work)
    assert thread.start()
    done.get(timeout=30)
    return thread, done


def test_a_thread_that_is_woken_soon_waits_for_who_goes_on(rounds, monkeypatch):
    monkeypatch.setattr(_threads, "QUIET_SECONDS", 30.0)
    monkeypatch.setattr(_threads, "GATHER_SECONDS", 30.0)
    thread, done = rounds
    thread.wake_soon()
    with pytest.raises(queue.Empty):
        done.get(timeout=0.1)
    thread.wake_soon()
    thread.wake()
    done.get(timeout=20)
    thread.wake_soon()
    assert thread.stop(20)


def test_a_thread_that_is_woken_now_does_not_wait_though_it_was_woken_soon_before(rounds, monkeypatch):
    monkeypatch.setattr(_threads, "QUIET_SECONDS", 30.0)
    monkeypatch.setattr(_threads, "GATHER_SECONDS", 30.0)
    thread, done = rounds
    for _ in range(50):
        thread.wake_soon()
        thread.wake()
        done.get(timeout=20)


def test_a_thread_that_is_woken_soon_begins_once_it_is_quiet(rounds):
    thread, done = rounds
    for _ in range(3):
        thread.wake_soon()
        done.get(timeout=30)


def test_a_thread_that_is_stopped_while_it_waits_for_more_does_what_it_was_woken_for(rounds, monkeypatch):
    monkeypatch.setattr(_threads, "QUIET_SECONDS", 30.0)
    monkeypatch.setattr(_threads, "GATHER_SECONDS", 30.0)
    thread, done = rounds
    thread.wake_soon()
    assert thread.stop(20)
    done.get(timeout=1)


def test_a_thread_that_is_started_for_later_begins_its_first_round_when_it_is_woken(background):
    rounds = queue.SimpleQueue()

    def work():
        rounds.put("round")
        return 3600.0

    thread = background(work)
    assert thread.start(after=3600.0)
    with pytest.raises(queue.Empty):
        rounds.get(timeout=0.1)
    thread.wake()
    rounds.get(timeout=20)


def test_a_thread_that_is_started_for_later_begins_by_itself(background):
    rounds = queue.SimpleQueue()

    def work():
        rounds.put("round")
        return 3600.0

    assert background(work).start(after=0.01)
    rounds.get(timeout=20)


def test_a_thread_that_is_stopped_while_it_waits_for_more_does_not_wait_for_its_next_round(rounds, monkeypatch):
    monkeypatch.setattr(_threads, "QUIET_SECONDS", 30.0)
    monkeypatch.setattr(_threads, "GATHER_SECONDS", 30.0)
    thread, done = rounds
    thread.wake_soon()
    while not thread._is_gathering:
        time.sleep(0.001)
    assert thread.stop(20)
    done.get(timeout=20)
