"""Processes that end without notice as soon as their work is done, so that what waits in a file may stay there."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_log = logging.getLogger("xpander_facade")
_INTEGRATION_OF_RQ = "xpander_facade.integrations.rq"


def warn_of_abrupt_end(path: str) -> None:
    """Say that nobody may send what this process records, where that is so, with the remedy.

    Args:
        path: The outbox's file.
    """
    if _INTEGRATION_OF_RQ not in sys.modules and _is_work_horse_of_rq():
        _log.warning(
            "outbox %s: RQ ends this process as soon as its job is done, and what is not sent by then waits for "
            "another job: use a worker of xpander_facade.integrations.rq, or run `xpander-facade outbox relay`",
            path,
        )
    elif _is_worker_of_spark():
        _log.warning(
            "outbox %s: Spark ends this process without notice, and what is not sent by then stays in the file: flush "
            'at the end of each partition, pass relay="process", or run `xpander-facade outbox relay`',
            path,
        )


def _is_work_horse_of_rq() -> bool:
    # A job that RQ does in the worker's own process, as its SimpleWorker does, is sent by the threads of that.
    if "rq.worker" not in sys.modules:
        return False
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "main_work_horse":
            return True
        frame = frame.f_back
    return False


def _is_worker_of_spark() -> bool:
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return getattr(spec, "name", None) in {"pyspark.daemon", "pyspark.worker"}
