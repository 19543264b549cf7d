"""Own the wait for a task's end: by its events where it streams them, else by asking, less and less often."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from xpander_facade import _checks
from xpander_facade.errors import WaitTimeoutError
from xpander_facade.events import afollow, follow

if TYPE_CHECKING:
    from xpander_facade.task import Task


def wait_for_end(task: Task, timeout: float | None, poll_interval: float) -> None:
    """Wait until a task has ended, by its events or by asking; leaves it reloaded.

    Raises:
        WaitTimeoutError: It did not end in time.
        ModuleException: A call failed.
    """
    until = _until(timeout)
    interval = _checks.check_interval("poll_interval", poll_interval)
    task.reload()
    while not task.status.is_final:
        if until is not None and time.monotonic() >= until:
            raise WaitTimeoutError(f"task {task.id} is still {task.status.value} after {timeout} s", task=task)
        if task.events_streaming:
            for _ in follow(task, until):
                pass
        else:
            time.sleep(_nap(interval, until))
            interval = min(interval * 1.5, max(10.0, poll_interval))
        task.reload()


async def await_for_end(task: Task, timeout: float | None, poll_interval: float) -> None:
    """Wait until a task has ended, by its events or by asking; leaves it reloaded.

    Raises:
        WaitTimeoutError: It did not end in time.
        ModuleException: A call failed.
    """
    until = _until(timeout)
    interval = _checks.check_interval("poll_interval", poll_interval)
    await task.areload()
    while not task.status.is_final:
        if until is not None and time.monotonic() >= until:
            raise WaitTimeoutError(f"task {task.id} is still {task.status.value} after {timeout} s", task=task)
        if task.events_streaming:
            async for _ in afollow(task, until):
                pass
        else:
            await asyncio.sleep(_nap(interval, until))
            interval = min(interval * 1.5, max(10.0, poll_interval))
        await task.areload()


def _until(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + _checks.check_seconds("timeout", timeout)


def _nap(interval: float, until: float | None) -> float:
    return interval if until is None else max(0.0, min(interval, until - time.monotonic()))
