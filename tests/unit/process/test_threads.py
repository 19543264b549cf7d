"""Calls on threads of their own: their callers may be interrupted, and they may not."""

from __future__ import annotations

import asyncio
import contextvars
import os
import queue
import signal
import sys
import threading
import time

import pytest

from xpander_facade._process import threads
from xpander_facade._process.threads import DetachedCall, in_thread


class Interrupt(Exception):
    """As a job runner's time limit: a plain exception, raised by a signal handler."""


def test_a_call_gives_what_it_returns_and_raises_what_it_raises():
    assert DetachedCall(lambda a, b: a + b, 1, 2).call() == 3
    with pytest.raises(ZeroDivisionError):
        DetachedCall(lambda: 1 / 0).call()


def test_a_call_runs_on_another_thread_in_a_copy_of_the_context():
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")
    variable.set(1)

    def work() -> tuple[int, int]:
        variable.set(variable.get() + 1)
        return variable.get(), threading.get_ident()

    value, thread = DetachedCall(work).call()
    assert (value, variable.get()) == (2, 1)
    assert thread != threading.get_ident()


def test_a_call_is_made_once_however_often_it_is_started():
    made: list[int] = []
    call = DetachedCall(made.append, 1)
    for _ in range(5):
        call.start()
    assert call.wait(10)
    call.start()
    assert threads.join(10)
    assert made == [1]


def test_a_wait_ends_when_its_time_is_over():
    release = threading.Event()
    call = DetachedCall(release.wait, 20)
    call.start()
    assert not call.wait(0.05)
    release.set()
    assert call.wait(10)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_what_a_signal_handler_raises_comes_out_and_the_call_goes_on():
    release = threading.Event()
    done: list[bool] = []

    def interrupt(number: int, frame: object) -> None:
        raise Interrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        call = DetachedCall(lambda: done.append(release.wait(20)))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Interrupt):
            call.call()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert done == []
    release.set()
    assert call.wait(10)
    assert done == [True]


class SlowQueue(queue.SimpleQueue):
    """A queue whose reader has taken a call and has not yet said so, until `said`."""

    def __init__(self) -> None:
        self.taken = threading.Event()
        self.said = threading.Event()

    def get(self, block: bool = True, timeout: float | None = None):
        call = super().get(block, timeout)
        self.taken.set()
        self.said.wait(10)
        return call


def test_a_call_does_not_wait_for_one_that_a_thread_is_just_taking():
    pool = threads._Pool(None)
    pool._calls = calls = SlowQueue()
    first_ends, second_is_made = threading.Event(), threading.Event()
    pool.submit(lambda: first_ends.wait(10))
    assert calls.taken.wait(10)
    pool.submit(second_is_made.set)  # the thread still counts as idle
    calls.said.set()
    assert second_is_made.wait(5)
    first_ends.set()


def test_async_calls_share_a_bounded_number_of_threads():
    used: set[int] = set()

    def work() -> None:
        used.add(threading.get_ident())
        time.sleep(0.001)

    async def main() -> None:
        await asyncio.gather(*(in_thread(work) for _ in range(300)))

    asyncio.run(main())
    assert 0 < len(used) <= 32


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    assert DetachedCall(os.getpid).call() == os.getpid()
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if DetachedCall(os.getpid).call() == os.getpid() else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0


def test_threads_that_are_told_to_end_while_they_work_end_after_it_whichever_is_first():
    pool = threads._Pool(None)
    gates = [threading.Event(), threading.Event()]
    begun: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number, gate in enumerate(gates):
        pool.submit(lambda number=number, gate=gate: begun.put(number) or gate.wait(20))
        assert begun.get(timeout=20) == number
    pool.end_idle_threads(0)
    for left, gate in zip((1, 0), gates, strict=True):
        gate.set()
        until = time.monotonic() + 5  # one that was left out would wait ten seconds for another call
        while pool._threads > left and time.monotonic() < until:
            time.sleep(0.005)
        assert pool._threads == left


@pytest.mark.parametrize("most", [1, 3, None])
def test_no_call_is_lost_where_idle_threads_are_told_to_end(most: int | None):
    pool = threads._Pool(most)
    made: queue.SimpleQueue[int] = queue.SimpleQueue()
    is_over = threading.Event()

    def end() -> None:
        while not is_over.is_set():
            pool.end_idle_threads(0)
            time.sleep(0)

    ending = threading.Thread(target=end)
    ending.start()
    try:
        for number in range(300):
            pool.submit(lambda number=number: made.put(number))
            assert made.get(timeout=20) == number
    finally:
        is_over.set()
        ending.join()
    pool.end_idle_threads(20)
    until = time.monotonic() + 20
    while pool._threads and time.monotonic() < until:
        time.sleep(0.005)
    assert pool._threads == 0
    pool.submit(is_over.clear)
    while is_over.is_set() and time.monotonic() < until:
        time.sleep(0.005)
    assert not is_over.is_set()
