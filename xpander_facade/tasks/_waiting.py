"""The wait for a task's end: by its events where it streams them, else by asking, less and less often."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from xpander_facade import _validation
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.errors import APIConnectionError
from xpander_facade.tasks._stream import afollow, bounded, follow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from xpander_facade.types._task_record import TaskRecord

_MAX_POLL_INTERVAL = 10.0
_POLL_FACTOR = 1.5


def wait_for_end(
    task: TaskRecord,
    configuration: Configuration | None,
    *,
    read: Callable[[Any], TaskRecord],
    load: Callable[[Configuration], TaskRecord],
    timeout: float | None,
    poll_interval: float,
) -> bool:
    """Wait until a task has ended, and leave it as it was last seen.

    Args:
        task: The task.
        configuration: What to call with; None means a new `Configuration()`.
        read: Makes a task of the JSON in an event.
        load: Loads the task.
        timeout: Seconds to wait at most; None waits as long as it takes.
        poll_interval: Seconds between the first two looks, where the task is asked.

    Returns:
        Whether it has ended in time.

    Raises:
        ModuleException: A call failed.
    """
    until = _until(timeout)
    interval = _validation.check_interval("poll_interval", poll_interval)
    configuration = configuration or Configuration()
    while True:
        try:
            task._merge_from(load(bounded(configuration, until)))
        # The last look has a second at most: where that is too short, the time is up.
        except APIConnectionError:
            if _is_over(until):
                return False
            raise
        if task.status.is_final:
            return True
        if _is_over(until):
            return False
        if task.events_streaming:
            # What they say is not kept: the task is loaded once more after the last of them.
            for _ in follow(task.id, configuration, read=read, load=load, until=until):
                pass
        else:
            time.sleep(_sleep_time(interval, until))
            # Who wants to ask more seldom than the limit is not made to ask more often.
            interval = min(interval * _POLL_FACTOR, max(_MAX_POLL_INTERVAL, poll_interval))


async def await_for_end(
    task: TaskRecord,
    configuration: Configuration | None,
    *,
    read: Callable[[Any], TaskRecord],
    load: Callable[[Configuration], Awaitable[TaskRecord]],
    timeout: float | None,
    poll_interval: float,
) -> bool:
    """Wait until a task has ended, and leave it as it was last seen.

    Args:
        task: The task.
        configuration: What to call with; None means a new `Configuration()`.
        read: Makes a task of the JSON in an event.
        load: Loads the task.
        timeout: Seconds to wait at most; None waits as long as it takes.
        poll_interval: Seconds between the first two looks, where the task is asked.

    Returns:
        Whether it has ended in time.

    Raises:
        ModuleException: A call failed.
    """
    until = _until(timeout)
    interval = _validation.check_interval("poll_interval", poll_interval)
    configuration = configuration or Configuration()
    while True:
        try:
            task._merge_from(await load(bounded(configuration, until)))
        except APIConnectionError:
            if _is_over(until):
                return False
            raise
        if task.status.is_final:
            return True
        if _is_over(until):
            return False
        if task.events_streaming:
            async for _ in afollow(task.id, configuration, read=read, load=load, until=until):
                pass
        else:
            await asyncio.sleep(_sleep_time(interval, until))
            interval = min(interval * _POLL_FACTOR, max(_MAX_POLL_INTERVAL, poll_interval))


def _until(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + _validation.check_seconds("timeout", timeout)


def _is_over(until: float | None) -> bool:
    return until is not None and time.monotonic() >= until


def _sleep_time(interval: float, until: float | None) -> float:
    return interval if until is None else max(0.0, min(interval, until - time.monotonic()))
