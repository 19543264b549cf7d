"""Own the wait for a task's end: by its events where it streams them, else by asking, less and less often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade.errors import XpanderError

if TYPE_CHECKING:
    from xpander_facade.tasks._task import Task

import asyncio
import time
from typing import TYPE_CHECKING

from xpander_facade import _validation
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.errors import APIConnectionError
from xpander_facade.tasks._stream import afollow, bounded, follow

if TYPE_CHECKING:
    from xpander_facade.tasks._task import Task


def wait_for_end(task: Task, timeout: float | None, poll_interval: float) -> None:
    """Wait until a task has ended, by its events or by asking; leaves it reloaded.

    Raises:
        WaitTimeoutError: It did not end in time.
        ModuleException: A call failed.
    """
    until = _until(timeout)
    interval = _validation.check_interval("poll_interval", poll_interval)
    _reload(task, until, timeout)
    while not task.status.is_final:
        _check(task, until, timeout)
        if task.events_streaming:
            for _ in follow(task, until):
                pass
        else:
            time.sleep(_nap(interval, until))
            interval = min(interval * 1.5, max(10.0, poll_interval))
        _reload(task, until, timeout)


async def await_for_end(task: Task, timeout: float | None, poll_interval: float) -> None:
    """Wait until a task has ended, by its events or by asking; leaves it reloaded.

    Raises:
        WaitTimeoutError: It did not end in time.
        ModuleException: A call failed.
    """
    until = _until(timeout)
    interval = _validation.check_interval("poll_interval", poll_interval)
    await _areload(task, until, timeout)
    while not task.status.is_final:
        _check(task, until, timeout)
        if task.events_streaming:
            async for _ in afollow(task, until):
                pass
        else:
            await asyncio.sleep(_nap(interval, until))
            interval = min(interval * 1.5, max(10.0, poll_interval))
        await _areload(task, until, timeout)


def _until(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + _validation.check_seconds("timeout", timeout)


def _nap(interval: float, until: float | None) -> float:
    return interval if until is None else max(0.0, min(interval, until - time.monotonic()))


def _reload(task: Task, until: float | None, timeout: float | None) -> None:
    try:
        task._adopt(type(task).load(task.id, bounded(task.configuration or Configuration(), until)))
    except APIConnectionError:
        _check(task, until, timeout)
        raise


async def _areload(task: Task, until: float | None, timeout: float | None) -> None:
    try:
        task._adopt(await type(task).aload(task.id, bounded(task.configuration or Configuration(), until)))
    except APIConnectionError:
        _check(task, until, timeout)
        raise


def _check(task: Task, until: float | None, timeout: float | None) -> None:
    if until is not None and time.monotonic() >= until:
        raise WaitTimeoutError(f"task {task.id} is still {task.status.value} after {timeout} s", task=task)


class WaitTimeoutError(XpanderError, TimeoutError):
    """A task did not reach an end in the time it was given.

    Attributes:
        task: The task as it was last seen.
    """

    task: Task

    def __init__(self, message: str, *, task: Task) -> None:
        super().__init__(message)
        self.task = task
