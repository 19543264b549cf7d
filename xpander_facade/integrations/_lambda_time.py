"""The time that a function of AWS Lambda has: its end is reported shortly before, and what waits is sent within it."""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.backend import Backend
    from xpander_facade.recorder._external_task import ExternalTask

MARGIN = 0.5
"""Seconds before the time limit at which it is reported, and which no flush takes."""
_log = logging.getLogger("xpander_facade.integrations.lambda_")


def watch_time(backend: Backend, run: ExternalTask, context: Any) -> Callable[[], None]:
    """Report the time limit shortly before it; return what ends the watch.

    Where the run ends after all, that is reported, too.
    """
    began, left = time.monotonic(), seconds_left(context)
    if left == float("inf"):
        return _nothing

    def report() -> None:
        taken = time.monotonic() - began
        text = f"time limit: the function was to be stopped after {taken + MARGIN:.1f} s"
        _log.warning("run %s comes to the time limit of its function and is reported as failed", run.id)
        run._reporter.report_unfinished(run._report(text, is_success=False, duration=taken))
        if backend.configuration.outbox is not None:
            backend.flush(MARGIN)

    try:
        return _alarms_of_process().set(began + max(0.0, left - MARGIN), report)
    except RuntimeError as error:  # an environment has a thousand threads, and the function may have them all
        _log.warning("the time limit of run %s is not reported, should it come to that: %s", run.id, error)
        return _nothing


class Alarms:
    """Calls that are due at some time, unless they are cancelled before; one thread waits for all of them.

    Each invocation has the same time, so that its alarm mostly is a later one than that for which the thread waits
    already. It need not be woken then.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._calls: dict[int, tuple[float, Callable[[], None]]] = {}
        self._changed = threading.Condition()
        self._wakes_at = 0.0
        self._is_running = False

    def set(self, at: float, call: Callable[[], None]) -> Callable[[], None]:
        """Have something called on a thread of its own; return what cancels it.

        Args:
            at: When, in monotonic seconds.
            call: What is called.

        Raises:
            RuntimeError: No thread could be started that waits for it.
        """
        number = next(self._numbers)
        with self._changed:
            if not self._is_running:
                self._wakes_at = at
                # A function that returns in time must not wait for it.
                threading.Thread(target=self._watch, name="xpander-lambda-time", daemon=True).start()
                self._is_running = True
            self._calls[number] = at, call
            if at < self._wakes_at:
                self._wakes_at = at
                self._changed.notify()
        return lambda: self._cancel(number)

    def _cancel(self, number: int) -> None:
        self._calls.pop(number, None)

    def _watch(self) -> None:
        while True:
            with self._changed:
                while (seconds := self._wakes_at - time.monotonic()) > 0:
                    self._changed.wait(seconds)
                passed = [number for number, (at, _) in self._calls.copy().items() if at <= self._wakes_at]
                due = [self._calls.pop(number, None) for number in passed]
                left = [at for at, _ in self._calls.copy().values()]
                self._is_running = bool(left)
                self._wakes_at = min(left, default=0.0)
            for found in due:
                if found is not None:  # else it was cancelled just now
                    _call_beside(found[1])
            if not left:
                return


def _call_beside(call: Callable[[], None]) -> None:
    """Call something on a thread of its own: where it takes its time, it must not hold up the next one."""
    try:
        threading.Thread(target=call, name="xpander-lambda-limit", daemon=True).start()
    except RuntimeError:
        try:
            call()  # late is better than never
        except Exception:
            _log.exception("the time limit of a function was not reported")


_alarms: dict[int, Alarms] = {}
"""By process id: a thread is not there after a fork."""


def _alarms_of_process() -> Alarms:
    pid = os.getpid()
    return _alarms.get(pid) or _alarms.setdefault(pid, Alarms())


def _nothing() -> None:
    """Do nothing."""


def seconds_left(context: Any) -> float:
    """Return the seconds that an invocation still has."""
    if not hasattr(context, "get_remaining_time_in_millis"):
        return float("inf")
    remaining: int = context.get_remaining_time_in_millis()
    return remaining / 1_000


def flush(backend: Backend, context: Any, flush_timeout: float) -> None:
    """Send what waits in the outbox before an invocation ends, and say what is left."""
    # Without one each run was reported as it ended.
    if backend.configuration.outbox is None:
        return
    remaining = seconds_left(context)
    try:
        # A run that ends in the last moments has been reported as out of time: what it was goes out, too.
        left = backend.flush(max(0.0, min(flush_timeout, max(remaining - MARGIN, remaining / 2)))).waiting
    except Exception as error:
        _log.warning("what is recorded was not sent before the invocation ended: %s", error)
        return
    if left:
        _log.warning("%d reports are left in the outbox when the invocation ends; the next one sends them", left)
