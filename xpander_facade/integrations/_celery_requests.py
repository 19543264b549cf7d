"""Celery's requests, which the main process of a worker has: they tell of what ends a task's process by force."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from xpander_facade.integrations._celery_delivery import OLDEST
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from xpander_facade.integrations._jobs import Jobs


def request_class(base: object, jobs: Jobs, lost: set[str]) -> type:
    """Return an app's class of requests, which tells of what ends a child by force: a hard limit, a signal.

    Args:
        base: The app's class of requests, or its name.
        jobs: The app's tasks.
        lost: The ids of tasks whose child is lost, of which Celery has not said yet that they have failed.
    """
    imports = require("celery.utils.imports", distribution="celery", oldest=OLDEST, integration="integrations.celery")
    resolved: Any = imports.symbol_by_name(base)

    class RecordedRequest(resolved):  # type: ignore[misc]  # pyright: ignore
        def on_timeout(self, soft: bool, timeout: float) -> None:
            resolved.on_timeout(self, soft, timeout)
            if not soft:
                self._report_end(hard_limit(timeout), timeout)

        def on_failure(self, exc_info: Any, *arguments: Any, **keywords: Any) -> Any:
            error = getattr(exc_info.exception, "exc", exc_info.exception)
            # By its name: the class is billiard's, which is not imported for this.
            if type(error).__name__ != "WorkerLostError":
                return resolved.on_failure(self, exc_info, *arguments, **keywords)
            lost.add(self.id)
            try:
                return resolved.on_failure(self, exc_info, *arguments, **keywords)
            finally:
                if self.id not in lost:
                    self._report_end(f"the worker's process ended before the task did: {error}", 0.0)
                else:  # it is tried again, or has succeeded before
                    lost.discard(self.id)
                    with contextlib.suppress(Exception):  # where results are not kept
                        meta = self.task.backend.get_task_meta(self.id)
                        if meta["status"] == "SUCCESS":
                            self._report_end(None, 0.0, meta["result"])

        def _report_end(self, reason: str | None, at_least: float, value: object = None) -> None:
            marked = (self.task, self.task.run)
            if jobs.is_chosen(self.task.name, marked) and not delivers_reports(self.task):
                began = self.time_start
                seconds = at_least if began is None else max(time.monotonic() - began, at_least)
                with contextlib.suppress(Exception):  # arguments that can't be read
                    input = jobs.describe(marked, self.args, self.kwargs, self.id)
                    attempt = self.request_dict.get("retries") or 0
                    jobs.report_end(self.id, attempt, input, reason, seconds, value=value, marked=marked)

    return RecordedRequest


def delivers_reports(task: object) -> bool:
    """Whether a task is that of `delivery_task`: a report of a report would be sent without end."""
    return getattr(task, "delivers_reports", False) is True


def hard_limit(seconds: float) -> str:
    """Return why a task has failed that ran into its hard limit."""
    return f"hard time limit ({seconds:g} s) exceeded"
