"""The time that a function of AWS Lambda has: its end is reported shortly before, and what waits is sent within it."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xpander_facade.backend import Backend
    from xpander_facade.recorder._external_task import ExternalTask

MARGIN = 0.5
"""Seconds before the time limit at which it is reported, and which no flush takes."""
_log = logging.getLogger("xpander_facade.integrations.lambda_")


def watch_time(backend: Backend, run: ExternalTask, context: Any) -> threading.Timer:
    """Report the time limit shortly before it. Where the run ends after all, that is reported, too."""
    began, left = time.monotonic(), seconds_left(context)

    def report() -> None:
        taken = time.monotonic() - began
        text = f"time limit: the function was to be stopped after {taken + MARGIN:.1f} s"
        _log.warning("run %s comes to the time limit of its function and is reported as failed", run.id)
        run._reporter.report_unfinished(run._report(text, is_success=False, duration=taken))
        if backend.configuration.outbox is not None:
            backend.flush(MARGIN)

    timer = threading.Timer(max(0.0, left - MARGIN), report)
    # A function that returns in time must not wait for it.
    timer.daemon = True
    if left < float("inf"):
        timer.start()
    return timer


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
