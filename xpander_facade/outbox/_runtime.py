"""Own what a process has of one outbox file: store, journal and drainer, their two threads, and the end of the process.

There is one desk per file and process, however many configurations name the file. After a fork it goes on in the child
without threads, which start when they are needed, and without the parent's runs.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import random
import sys
import time
from typing import TYPE_CHECKING

from xpander_facade.errors import XpanderError
from xpander_facade.outbox._database import FileTakenError, OutboxFile
from xpander_facade.outbox._in_flight import Journal
from xpander_facade.outbox._process_identity import this_process
from xpander_facade.outbox._sender import POLL, Drainer
from xpander_facade.outbox._store import Store
from xpander_facade.outbox._threads import Background

if TYPE_CHECKING:
    from xpander_facade.configuration._outbox_settings import OutboxSettings

_FLUSH_CHECK = 0.1
_LONGEST_STOP = 2.0
_SHORTEST_STOP = 0.1
_log = logging.getLogger("xpander_facade")


class Desk:
    """One outbox file in one process.

    Args:
        settings: Where the file is, and its bounds.
    """

    def __init__(self, settings: OutboxSettings) -> None:
        self.file = OutboxFile(settings.path, self._after_fork)
        self.store = Store(self.file, settings)
        self.journal = Journal(self.store)
        self.drainer = Drainer(self.store, random.random)
        self._sender = Background("xpander-outbox-drainer", self.drainer.round)
        self._keeper = Background("xpander-outbox-keeper", self._keep_house)
        self._renewed_at = 0.0
        self._counted: dict[int, tuple[int, int]] = {}

    # --- threads ---

    def start(self) -> bool:
        """Make sure that both threads run; False where they can't, at the end of the interpreter."""
        _leave_with_multiprocessing()
        return self._sender.start() and self._keeper.start()

    def wake(self) -> None:
        """Let the drainer look for work now, unless it knows that it has to wait."""
        if not self._keeper.is_alive:
            self.start()
        if self.drainer.is_idle:
            self._sender.wake()

    def _keep_house(self) -> float:
        self._sender.start()
        self.file.checkpoint()  # first of all: where the disk is full, it may make room
        now = time.monotonic()
        often = self.store.settings.lease / 3
        if now - self._renewed_at >= often:
            self.journal.renew()
            self._renewed_at = now
        self.journal.catch_up()
        self.journal.report_dead()
        self.store.free_abandoned()
        self.store.drop_expired()
        return min(POLL, often)

    # --- flushing ---

    def count_from_here(self, place: int) -> None:
        """Let the first flush count what is sent and refused from now on: the drainer does not wait for it."""
        if place not in self._counted:
            self._counted[place] = self.store.sent_and_refused(place)

    def flush(self, place: int, timeout: float, *, leaving: bool = False) -> tuple[int, int, int]:
        """Send what waits; return how many reports were sent since the last flush, still wait, and were refused since.

        Args:
            place: The place whose reports count.
            timeout: Seconds to wait at most.
            leaving: Whether to give up as soon as the platform proves to be down.
        """
        until = time.monotonic() + timeout
        # Another process may have the file for longer than there is time. What waits can be counted all the same.
        with contextlib.suppress(FileTakenError), self.file.patience(timeout):
            self.journal.catch_up()
            self.journal.report_dead()
            self.drainer.hurry(place)
        stored_until = self.store.stored_until(place)
        self.count_from_here(place)
        self.start()
        if self.store.has_unsent(place, stored_until):
            self._await(place, stored_until, until, leaving=leaving)
        waiting = self.store.unsent(place, stored_until)
        before, now = self._counted[place], self.store.sent_and_refused(place)
        self._counted[place] = now
        return max(now[0] - before[0], 0), waiting, max(now[1] - before[1], 0)

    def _await(self, place: int, stored_until: float, until: float, *, leaving: bool) -> None:
        while (seconds := until - time.monotonic()) > 0 and self.store.has_unsent(place, stored_until):
            if not self._is_worth_waiting(place, seconds, leaving=leaving):
                return
            if self.start():
                self._sender.wake()
                self.drainer.wait_for_turn(min(_FLUSH_CHECK, seconds))
            else:
                # At the end of the interpreter there are no new threads.
                time.sleep(min(self.drainer.round(), _FLUSH_CHECK, seconds))

    def _is_worth_waiting(self, place: int, seconds: float, *, leaving: bool) -> bool:
        """Whether anything could still be sent in so many seconds."""
        if self.drainer.is_unable(place):
            return False
        now = self.store.clock()
        pace = self.store.pace(place)
        if pace.held_until > now + seconds:
            return False
        return not (leaving and pace.is_down and pace.paused_until > now and not self.store.is_sending(place))

    # --- life ---

    def close(self, timeout: float = _LONGEST_STOP) -> None:
        """End the threads and close the file; the next use opens it again.

        Args:
            timeout: Seconds to wait for the threads. A send that hangs is left to itself then: its thread ends with
                the process, and its report is still in the file.
        """
        until = time.monotonic() + timeout
        # The keeper first: it would start the sender again.
        for thread in (self._keeper, self._sender):
            thread.stop(max(until - time.monotonic(), 0.0))
        self.file.close()

    def leave(self) -> None:
        """Send for a last time at the end of the process, as long as the settings allow, and close."""
        if not self._sender.was_started:
            return
        until = time.monotonic() + self.store.settings.exit_timeout
        with contextlib.suppress(KeyboardInterrupt):
            for place in self.drainer.places:
                _, waiting, _ = self.flush(place, max(until - time.monotonic(), 0.0), leaving=True)
                if waiting:
                    _log.warning(
                        "outbox %s: %d reports wait on disk at exit, until the next process sends them",
                        self.file.path,
                        waiting,
                    )
        self.close(max(until - time.monotonic(), _SHORTEST_STOP))

    def _after_fork(self) -> None:
        self.store.owner = this_process()
        self.journal.reset()
        self.drainer.reset()
        self._counted.clear()
        self._sender.reset()
        self._keeper.reset()


_desks: dict[str, Desk] = {}


def desk_of(settings: OutboxSettings) -> Desk:
    """Return this process's desk for a file; the newest settings count."""
    desk = _desks.get(settings.path) or _desks.setdefault(settings.path, Desk(settings))
    if desk.store.settings != settings:
        _log.warning(
            "outbox %s: two settings for one file in this process: the newer count, %r", settings.path, settings
        )
        desk.store.settings = settings
    return desk


def _leave() -> None:
    for desk in list(_desks.values()):
        try:
            desk.leave()
        except XpanderError as error:
            _log.error("outbox %s: %s", desk.file.path, error)


def _leave_with_multiprocessing() -> None:
    """Let a child of `multiprocessing` send for a last time too: it ends without `atexit`."""
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is None or _left_by.get(os.getpid()):
        return
    from multiprocessing import parent_process

    _left_by[os.getpid()] = True
    if parent_process() is not None:
        multiprocessing.Finalize(None, _leave, exitpriority=0)


_left_by: dict[int, bool] = {}


# What is registered for the end of the process runs in reverse. The network room has registered before, since the
# drainer above has loaded it, so its connections are still open when this runs.
atexit.register(_leave)
