"""The runtime of one outbox file in one process: store, runs in flight, sender, their threads, the end of the process.

There is one runtime per file and process, however many configurations name the file. After a fork it goes on in the
child without threads, which start when they are needed, and without the parent's runs.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from typing import TYPE_CHECKING

from xpander_facade._process.ending import Step, at_end
from xpander_facade._process.termination import watch_ends
from xpander_facade.configuration._environment import is_lambda
from xpander_facade.errors import XpanderError
from xpander_facade.outbox import _metrics
from xpander_facade.outbox._claims import Claims
from xpander_facade.outbox._database import Database, DatabaseBusyError
from xpander_facade.outbox._file_safety import log_bytes
from xpander_facade.outbox._in_flight import HEARTBEAT, InFlightRuns
from xpander_facade.outbox._process_identity import this_process
from xpander_facade.outbox._sender import Sender
from xpander_facade.outbox._store import Store
from xpander_facade.outbox._threads import PeriodicThread

if TYPE_CHECKING:
    from xpander_facade.configuration._outbox_settings import OutboxSettings

_FLUSH_CHECK = 0.1
_WAKE_EVERY = 0.02
_MAX_LEAVING = 0.02
"""Seconds to wait for what leaves as it is stored, before a flush looks for more."""
_MAINTENANCE_POLL = 0.5
_FIRST_ROUND = 0.05
_MAX_PROBE = 2.0
_SHRINK_EVERY = 10.0
_MAX_SHRINK = 1.0
_MAX_LEFT_LOG = 256_000
"""Bytes of a log that may be left to the next process, which reads all of it as it opens the file."""
_MAX_STOP = 2.0
_MIN_STOP = 0.1
_log = logging.getLogger("xpander_facade")


class OutboxRuntime:
    """One outbox file in one process.

    Args:
        settings: Where the file is, and its bounds.
    """

    def __init__(self, settings: OutboxSettings) -> None:
        self.database = Database(settings.path, self._after_fork)
        self.store = Store(self.database, settings)
        self.in_flight = InFlightRuns(self.store)
        self.claims = Claims(self.store)
        self.sender = Sender(self.store, self.claims, lambda: self._sender_thread.wake())
        self._sender_thread = PeriodicThread("xpander-outbox-sender", self.sender.round)
        self._maintenance_thread = PeriodicThread("xpander-outbox-maintenance", self._maintain)
        self._renewed_at = 0.0
        self._shrunk_at = 0.0
        self._counted: dict[int, tuple[int, int]] = {}
        if self.database.is_in_memory:
            _warn_of_memory()

    @property
    def was_used(self) -> bool:
        """Whether this process sends reports of the file."""
        return self._sender_thread.was_started or self._maintenance_thread.was_started

    # --- threads ---

    def start(self) -> bool:
        """Make sure that both threads run; False where they can't, at the end of the interpreter."""
        watch_ends()
        return self._sender_thread.start() and self._maintenance_thread.start()

    def start_later(self) -> None:
        """Make sure that the threads run soon: a run has begun, and they must not hold up its first moment.

        A job that has a process of its own may be over by then.
        """
        if not self._maintenance_thread.is_alive:
            watch_ends()
            self._maintenance_thread.start(after=_FIRST_ROUND)  # its first round starts the other one

    def wake(self, *, at_once: bool = False) -> None:
        """Let the sender look for work, unless it knows that it has to wait.

        Args:
            at_once: Now, and not only when nobody stores more for a moment.
        """
        if not (self._maintenance_thread.is_alive and self._sender_thread.is_alive):
            # Should the relay go, the next round of the maintenance thread starts the sender.
            if self._maintenance_thread.is_alive and self.sender.leaves_to_relay():
                return
            self.start()
        if self.sender.is_idle:
            if at_once:
                self._sender_thread.wake()
            else:
                self._sender_thread.wake_soon()

    def _maintain(self) -> float:
        self._sender_thread.start()
        self._check_file()
        self.database.checkpoint()  # early: where the disk is full, it may make room
        now = time.monotonic()
        often = min(HEARTBEAT, self.store.settings.lease / 3)
        if now - self._renewed_at >= often:
            self.in_flight.renew()
            self._renewed_at = now
        self.in_flight.remove_pending()
        self.in_flight.report_dead()
        self.claims.free_abandoned()
        self.store.drop_expired()
        self.store.hooks.log_dropped()
        _metrics.register(_stores)
        if now - self._shrunk_at >= _SHRINK_EVERY:
            self.database.shrink(now + _MAX_SHRINK)
            self._shrunk_at = now
        return min(_MAINTENANCE_POLL, often)

    def _check_file(self) -> None:
        """Notice that the file was deleted, moved or replaced, and write what is known of it anew."""
        self.database.check_file()
        self.in_flight.remove_ended()

    # --- flushing ---

    def flush(self, destination: int, timeout: float) -> tuple[int, int, int]:
        """Send what waits; return how many reports this process sent since its last flush, still wait, were refused.

        Gives up as soon as the platform proves to be down: where that is known before, one report is tried.

        Args:
            destination: The destination whose reports count.
            timeout: Seconds to wait at most.
        """
        until = time.monotonic() + timeout
        with self.sender.flushing():
            # What leaves as it is stored mostly is all there is, and to look for more would hold it up.
            has_sent = self.sender.wait_for_claimed(min(_MAX_LEAVING, timeout))
            # Another process may have the file for longer than there is time. What waits can be counted all the same.
            with contextlib.suppress(DatabaseBusyError), self.database.busy_timeout(max(until - time.monotonic(), 0.0)):
                if not has_sent:
                    self._check_file()
                self.in_flight.remove_pending()
                self.in_flight.report_dead()
            waiting = 0
            # Where what was sent is all there is, a process that ends next needs no threads.
            if any(self.store.unsent_states(destination)):
                waiting = self._send_waiting(destination, until)
            else:
                self._retry_comparisons(destination, until)
                if not has_sent:
                    self.start()
        before, now = self._counted.get(destination, (0, 0)), self.sender.counts(destination)
        self._counted[destination] = now
        return now[0] - before[0], waiting, now[1] - before[1]

    def _retry_comparisons(self, destination: int, until: float) -> None:
        """Let what was sent, and is only compared with the platform's record, be tried at once, without waiting for it.

        Args:
            destination: The destination of the reports.
            until: Until when to wait for the file at most; monotonic seconds.
        """
        with contextlib.suppress(DatabaseBusyError), self.database.busy_timeout(max(until - time.monotonic(), 0.0)):
            if self.store.is_confirming(destination):  # costs less to ask than to retry nothing
                self.sender.retry_now(destination)

    def _send_waiting(self, destination: int, until: float) -> int:
        """Send what waits by now; return how many reports still wait.

        Args:
            destination: The destination whose reports count.
            until: Until when to wait at most; monotonic seconds.
        """
        with contextlib.suppress(DatabaseBusyError), self.database.busy_timeout(max(until - time.monotonic(), 0.0)):
            self.store.take_in()
            self.sender.retry_now(destination)
        stored_until = self.store.stored_until(destination)
        self._await(destination, stored_until, until)
        return self.store.unsent(destination, stored_until)

    def _await(self, destination: int, stored_until: float, until: float) -> None:
        begun = self.sender.begun
        probe_until = woken_at = 0.0
        has_threads = self.start()
        while (seconds := until - time.monotonic()) > 0:
            outcomes = self.sender.outcomes
            is_waiting, is_sending = self.store.unsent_states(destination, stored_until)
            if not (is_waiting or is_sending):
                return
            if not probe_until and self.sender.begun > begun:
                # A probe may hang for as long as a call may take; nobody waits that long for a platform that is down.
                probe_until = time.monotonic() + _MAX_PROBE
            if not self._is_worth_waiting(destination, seconds, probe_until):
                return
            if has_threads:
                # Now and then: each send that ends wakes the sender, and another process's can only be waited for.
                if is_waiting and time.monotonic() - woken_at >= _WAKE_EVERY:
                    self._sender_thread.wake()
                    woken_at = time.monotonic()
                self.sender.wait_for_outcomes(min(_WAKE_EVERY, seconds), outcomes)
            else:
                # At the end of the interpreter there are no new threads.
                time.sleep(min(self.sender.round(), _FLUSH_CHECK, seconds))
            has_threads = self.start()

    def _is_worth_waiting(self, destination: int, seconds: float, probe_until: float) -> bool:
        """Whether anything could still be sent in so many seconds.

        Args:
            destination: Where to.
            seconds: How much time there is.
            probe_until: How long a platform that is down may take to answer; 0 while nothing was sent.
        """
        now = self.store.clock()
        limits = self.store.limits(destination)
        if self.sender.is_unable(destination) or limits.rate.next_at > now + seconds:
            return False
        if not limits.breaker.is_down:
            return True
        if limits.breaker.state(now) == "open" and not self.store.is_sending(destination):
            if self.store.limits(destination) != limits:
                return True  # the probe has ended between the two looks
            if probe_until:
                return False
            # What was under way when the flush began has failed since.
            self.sender.retry_now(destination)
        return not probe_until or time.monotonic() < probe_until

    # --- the end ---

    def close(self, timeout: float = _MAX_STOP, *, process_ends: bool = False) -> None:
        """End the threads and close the file; the next use opens it again.

        Args:
            timeout: Seconds to wait for the threads. A send that hangs is left to itself then: its thread ends with
                the process, and its report is still in the file.
            process_ends: Whether the process ends next, so that the file need not be closed: whoever closes it last
                moves its log into it, and waits for the disk.
        """
        until = time.monotonic() + timeout
        # The maintenance thread first: it would start the sender again.
        is_harmless = process_ends and not self._sender_thread.was_started
        self._maintenance_thread.stop(0.0 if is_harmless else max(until - time.monotonic(), 0.0))
        self._sender_thread.stop(max(until - time.monotonic(), 0.0))
        self.sender.close()
        with contextlib.suppress(XpanderError):
            self._check_file()  # else what was written since the last look would go with the old file
            self.sender.settle(max(until - time.monotonic(), 0.0))
            if process_ends and log_bytes(self.database.path) < _MAX_LEFT_LOG:
                return
            self.database.shrink(time.monotonic() + _MAX_SHRINK)
        self.database.close()

    def leave(self) -> None:
        """Send for a last time at the end of the process, as long as the settings allow, and close."""
        if not self.was_used:
            return
        until = time.monotonic() + self.store.settings.exit_timeout
        with contextlib.suppress(KeyboardInterrupt):
            for destination in self.sender.destinations:
                _, waiting, _ = self.flush(destination, max(until - time.monotonic(), 0.0))
                if waiting and self.database.is_in_memory:
                    _log.error("outbox in memory: %d reports are lost with this process: name a file", waiting)
                elif waiting and self.database.is_lost:
                    _log.error(
                        "outbox %s: %d reports are lost with this process: the file was deleted, moved or replaced, "
                        "and can't be made anew",
                        self.database.path,
                        waiting,
                    )
                elif waiting:
                    _log.warning(
                        "outbox %s: %d reports wait on disk at exit, until the next process sends them",
                        self.database.path,
                        waiting,
                    )
        self.close(max(until - time.monotonic(), _MIN_STOP))

    def _after_fork(self) -> None:
        if self.database.is_in_memory:
            _log.warning("outbox in memory: what waits there stays with the parent process; outbox=True is shared")
        self.store.owner = this_process()
        self.in_flight.reset()
        self.claims.reset()
        self.sender.reset()
        self._counted.clear()
        self._sender_thread.reset()
        self._maintenance_thread.reset()


def _warn_of_memory() -> None:
    if is_lambda():
        _log.warning(
            "outbox in memory: a Lambda that is frozen or ends loses what waits there; flush before you return"
        )
    elif "multiprocessing.util" in sys.modules:
        from multiprocessing import parent_process

        if parent_process() is not None:
            _log.warning(
                "outbox in memory: a child process that is killed loses what waits there; outbox=True keeps it"
            )


_runtimes: dict[str, OutboxRuntime] = {}


def runtime_of(settings: OutboxSettings) -> OutboxRuntime:
    """Return this process's runtime for a file; the newest settings count."""
    runtime = _runtimes.get(settings.path) or _runtimes.setdefault(settings.path, OutboxRuntime(settings))
    if runtime.store.settings != settings:
        _log.warning(
            "outbox %s: two settings for one file in this process: the newer count, %r", settings.path, settings
        )
        runtime.store.settings = settings
    return runtime


def _stores() -> list[Store]:
    return [runtime.store for runtime in list(_runtimes.values()) if runtime.was_used]


def _leave() -> None:
    for runtime in list(_runtimes.values()):
        try:
            runtime.leave()
        except XpanderError as error:
            _log.error("outbox %s: %s", runtime.database.path, error)


at_end(Step.OUTBOXES, _leave)
