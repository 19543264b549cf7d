"""The orderly end of a process: what is done then, and in which order, whoever was loaded first.

Python calls the functions of `atexit` in reverse order of their registration, which is that of the imports. The steps
here have an order of their own: runs that have not ended, reports that threads make, the outbox, the connections.
"""

from __future__ import annotations

import atexit
import contextlib
import enum
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Step(enum.IntEnum):
    """The order in which a process ends."""

    RUNS = 1
    DETACHED_CALLS = 2
    OUTBOXES = 3
    CONNECTIONS = 4


_steps: dict[Step, Callable[[], object]] = {}
_finalized: set[int] = set()


def at_end(step: Step, function: Callable[[], object]) -> None:
    """Call a function when the process ends in order. There is one for each step."""
    _steps[step] = function


def end() -> None:
    """Do all steps; what one of them raises is logged and hinders no other."""
    for _, function in sorted(_steps.items()):
        with contextlib.suppress(KeyboardInterrupt):
            try:
                function()
            except Exception:
                from logging import getLogger

                getLogger("xpander_facade").exception("the end of the process goes on after an error")


def watch_worker_processes() -> None:
    """See to it that a child of `multiprocessing` ends in order too: it skips `atexit`."""
    util = sys.modules.get("multiprocessing.util")
    if util is None or os.getpid() in _finalized:
        return
    from multiprocessing import parent_process

    _finalized.add(os.getpid())
    if parent_process() is not None:
        # `multiprocessing` ends a child by `os._exit` once its own finalizers are done.
        util.Finalize(None, end, exitpriority=0)


atexit.register(end)
