"""Logging of a worker: the logger `xpander_facade.worker`, whose records carry the id of their task."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import LogRecord

LOG = logging.getLogger("xpander_facade.worker")
current_task_id: ContextVar[str | None] = ContextVar("xpander_facade_worker_task_id", default=None)
"""The task that the running code works on; a handler's thread and the tasks that it starts see it too."""


def announce(text: str) -> None:
    """Say what a program waits for from now on: in the log, or on stderr where nobody has set up logging."""
    if LOG.hasHandlers():
        LOG.info("%s", text)
    elif sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison] (None without a console on Windows)
        print(f"xpander_facade: {text}", file=sys.stderr, flush=True)


class TaskIdFilter(logging.Filter):
    """Give each record the id of the task that is being worked on, as `task_id`; None outside a handler.

    The worker's own records have it always. For those of a handler, add this filter to a logging handler:

        logging.getLogger().handlers[0].addFilter(TaskIdFilter())
    """

    def filter(self, record: LogRecord) -> bool:
        """Let every record pass, with `task_id`.

        For example:

            record = logging.makeLogRecord({"msg": "working"})
            assert TaskIdFilter().filter(record)
        """
        if not hasattr(record, "task_id"):
            record.task_id = current_task_id.get()
        return True


LOG.addFilter(TaskIdFilter())
