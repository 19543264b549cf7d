"""The outbox's background threads: started when needed, woken when there is work, started again when they die."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING

from xpander_facade._process.reporting import mark_reporting
from xpander_facade._process.signals import leave_signals_to_program

if TYPE_CHECKING:
    from collections.abc import Callable

ERROR_PAUSE = 1.0
QUIET_SECONDS = 0.01
GATHER_SECONDS = 0.05
_log = logging.getLogger("xpander_facade")


class PeriodicThread:
    """A daemon thread that works in rounds.

    Args:
        name: The thread's name.
        work: One round; returns the seconds until the next one is due. What it raises is logged, and the next round
            comes a second later.
    """

    def __init__(self, name: str, work: Callable[[], float]) -> None:
        self._name = name
        self._work = work
        self.reset()

    def reset(self) -> None:
        """Forget the thread; after a fork it is not here."""
        # A signal handler may store a report whenever it comes in between: it must find no lock that its own thread
        # has, and so waking is a queue's work, which allows for that; an event does not.
        self._lock = threading.RLock()
        self._is_starting = False
        self._thread: threading.Thread | None = None
        self._running: threading.Thread | None = None
        """The thread while it works in rounds: known without asking it, which each report that is stored would do."""
        self._wakes: queue.SimpleQueue[bool] = queue.SimpleQueue()
        """Each item says whether the round that it wakes may wait for more to do."""
        self._is_gathering = self._is_urgent = False
        self._soon = 0
        self._stopping = threading.Event()
        self._last_error = ""

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        thread = self._thread
        return thread is not None and (thread is self._running or thread.is_alive())

    @property
    def was_started(self) -> bool:
        """Whether the thread was started in this process, and not stopped since."""
        return self._thread is not None

    def start(self, *, after: float = 0.0) -> bool:
        """Make sure that the thread runs; False where it can't, since the interpreter is ending.

        Args:
            after: Seconds that its first round waits, unless it is woken.
        """
        if self.is_alive:
            return True
        with self._lock:
            if self.is_alive or self._is_starting:
                return True
            if self._thread is not None and self._thread.ident is not None and not self._stopping.is_set():
                _log.error("the thread %r of the outbox had died and is started again", self._name)
            self._stopping.clear()
            thread = threading.Thread(target=self._run, args=(after,), name=self._name, daemon=True)
            self._is_starting = True
            # Known before it runs: an exception of a signal handler can come in between.
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:
                self._thread = None
                return False
            except KeyError as error:
                # `Thread.start` makes this of an exception that comes while the thread already runs.
                if error.__context__ is None:
                    raise
                raise error.__context__ from None
            finally:
                self._is_starting = False
        return True

    def wake(self) -> None:
        """Let the next round begin now."""
        self._is_urgent = True
        if self._wakes.empty():
            self._wakes.put(False)

    def wake_soon(self) -> None:
        """Let the next round begin once this was not called for 10 ms, and at the latest after 50 ms.

        Whoever leaves several things to do, one after the other, is not held up by the thread that begins with the
        first of them.
        """
        self._soon += 1
        if not self._is_gathering and self._wakes.empty():
            self._wakes.put(True)

    def stop(self, timeout: float) -> bool:
        """End the thread after its present round; False where that takes longer than so many seconds."""
        thread = self._thread
        if thread is None or not thread.is_alive():
            self._thread = None
            return True
        self._stopping.set()
        self._is_urgent = True
        self._wakes.put(False)
        thread.join(timeout)
        if thread.is_alive():
            return False
        self._thread = None
        return True

    def _run(self, after: float) -> None:
        leave_signals_to_program()
        mark_reporting()
        self._running = threading.current_thread()
        try:
            is_due = bool(after) and self._await(after)
            while is_due or not self._stopping.is_set():
                self._is_urgent = False
                wait = self._round()
                # What stops the thread may have been taken out of the queue before the round.
                is_due = self._await(0.0 if self._stopping.is_set() else wait)
        finally:
            self._running = None

    def _await(self, seconds: float) -> bool:
        """Wait until the next round; return whether it is due even if the thread is stopped meanwhile."""
        try:
            may_wait = self._wakes.get(timeout=seconds)
        except queue.Empty:
            return False
        if may_wait:
            self._gather()
        return may_wait

    def _gather(self) -> None:
        """Wait until nobody has more to do; less where somebody wants the round now."""
        until = time.monotonic() + GATHER_SECONDS
        self._is_gathering = True
        try:
            while not self._is_urgent and time.monotonic() < until:
                soon = self._soon
                try:
                    self._wakes.get(timeout=QUIET_SECONDS)
                except queue.Empty:
                    if self._soon == soon:
                        return
        finally:
            self._is_gathering = False

    def _round(self) -> float:
        try:
            wait = self._work()
        except Exception as error:
            # A disk that is full fails in each round, and one line of it is enough.
            if repr(error) != self._last_error:
                _log.exception("the thread %r of the outbox goes on after an error", self._name)
            self._last_error = repr(error)
            self._stopping.wait(ERROR_PAUSE)
            return 0.0
        self._last_error = ""
        return wait
