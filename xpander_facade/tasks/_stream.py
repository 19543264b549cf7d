"""Own the events of a task: their types, and the stream that goes on where it broke off.

What to do next is decided by Following, which does no I/O; `follow` and `afollow` carry it out.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade._requests.events import stream_request
from xpander_facade._serialization import codec
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.errors import APIStatusError, APITimeoutError, ModuleException
from xpander_facade.types.events import TaskUpdateEvent, TaskUpdateEventType, ToolCallRequest, ToolCallResult
from xpander_facade.types.models import DeepPlanning

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from xpander_facade._client import Frame
    from xpander_facade._client.request import Request
    from xpander_facade.tasks._task import Task

_log = logging.getLogger("xpander_facade")


_DATA_TYPES: dict[str, type[ToolCallRequest] | type[DeepPlanning]] = {
    "tool_call_request": ToolCallRequest,
    "tool_call_result": ToolCallResult,
    "plan_updated": DeepPlanning,
}
_TASK_EVENTS = frozenset({
    "task_created", "task_updated", "task_finished", "sub_task_created", "sub_task_updated", "sub_task_finished",
})  # fmt: skip


@attrs.frozen
class Pace:
    """How patiently a stream is followed.

    Args:
        waits: Seconds before it is opened again, for the first, second, ... fruitless try; then the last one.
        tries: Fruitless tries until the last error is raised.
        silence: Seconds without a byte after which a stream counts as lost.
        drain: The same for the stream of a task that is known to have ended.
        remember: How many events of an earlier connection are known again.
    """

    waits: tuple[float, ...] = (1.0, 2.0, 3.0)
    tries: int = 10
    silence: float = 60.0
    drain: float = 5.0
    remember: int = 1000


PACE = Pace()


class Following:
    """What is known of a stream that is being followed: the place in it, what was seen, how often it broke."""

    def __init__(self, task: Task, pace: Pace) -> None:
        self._task = task
        self._pace = pace
        self._tries = 0
        self._is_connected = False
        self._recent: deque[Any] = deque(maxlen=pace.remember)
        self._known: frozenset[Any] = frozenset()
        self._ended: Task | None = None
        self._is_fruitful = False
        self.last_id: str | None = None
        self.finished = False

    @property
    def silence(self) -> float:
        """Seconds without a byte after which the stream counts as lost."""
        return self._pace.silence if self._ended is None else self._pace.drain

    def request(self) -> Request:
        """Return the request that opens the stream, and begin a connection."""
        self._is_fruitful = False
        # Only what an earlier connection brought can come again; two equal events on one connection are two events.
        self._known = frozenset(_mark(*seen) for seen in self._recent)
        return stream_request(self._task.id, self.last_id)

    def take(self, frame: Frame) -> TaskUpdateEvent | None:
        """Return the event of a frame; None where it is known already or malformed."""
        if not frame.data:
            return None
        try:
            data = json.loads(frame.data)
            # As the standard has it, a frame without an id carries the one before it: an id alone marks no frame.
            seen = frame.id, data.get("type"), data.get("time"), data.get("data")
            if frame.id:
                self.last_id = frame.id
            if self._known and _mark(*seen) in self._known:
                return None
            event = read_event(data, self._task.configuration)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            # The text of the error could quote the event, and an event can hold anything.
            _log.warning("a malformed event of task %s was skipped (%s)", self._task.id, type(error).__name__)
            return None
        if event.type is TaskUpdateEventType.Connected:
            is_first, self._is_connected = not self._is_connected, True
            return event if is_first else None
        self._recent.append(seen)
        self._tries = 0
        self._is_fruitful = True
        self.finished = event.type is TaskUpdateEventType.TaskFinished
        return event

    def next_wait(self, error: ModuleException | None) -> float:
        """Return the seconds until the stream is opened again, after it broke with an error or ended without one.

        Raises:
            ModuleException: It will not be opened again.
        """
        if self._ended is not None:
            return 0.0
        self.check(error)
        if self._tries >= self._pace.tries:
            raise error or APITimeoutError(f"the stream of task {self._task.id} ended {self._tries} times without news")
        wait = self._pace.waits[min(self._tries, len(self._pace.waits) - 1)]
        self._tries += 1
        return wait

    def check(self, error: ModuleException | None) -> None:
        """Raise an error that no further try can mend: the platform refused."""
        if isinstance(error, APIStatusError) and (error.status_code or 0) < 500 and error.status_code not in {408, 429}:
            raise error

    def found(self, task: Task) -> TaskUpdateEvent | None:
        """Take the task as a reconnect finds it; return the final event where nothing more can come."""
        if not task.status.is_final:
            return None
        if (self._ended is None or self._is_fruitful) and (self.last_id is not None or not self._recent):
            # The stream can still bring what was missed, up to the end, and nothing twice.
            self._ended = task
            return None
        self.finished = True
        return TaskUpdateEvent(
            type=TaskUpdateEventType.TaskFinished,
            task_id=task.id,
            organization_id=task.organization_id,
            time=task.finished_at or datetime.now(UTC),
            data=task,
        )


def _mark(frame_id: str, kind: Any, moment: Any, data: Any) -> str:
    return json.dumps([frame_id, kind, moment, data], sort_keys=True)


def read_event(data: Any, configuration: Configuration | None = None) -> TaskUpdateEvent:
    """Make an event of decoded JSON, with typed data where the type is known.

    Args:
        data: The JSON of the event.
        configuration: What a Task in it calls with.

    Raises:
        ValueError: It is no event.
    """
    event = codec.read(TaskUpdateEvent, data)
    # The codec copies JSON that is kept; typed data is read from the original instead.
    raw = data.get("data")
    cls = _DATA_TYPES.get(event.type.value)
    if isinstance(raw, dict) and cls is not None:
        event.data = codec.read(cls, raw)
    elif isinstance(raw, dict) and event.type.value in _TASK_EVENTS:
        from xpander_facade.tasks._task import Task

        event.data = Task._reader(configuration)(cast("dict[str, Any]", raw))
    return event


def follow(task: Task, until: float | None = None) -> Iterator[TaskUpdateEvent]:
    """Yield a task's events as they arrive, until it has ended.

    Args:
        task: The task.
        until: The `time.monotonic()` at which to stop looking; None never stops.

    Raises:
        ModuleException: The stream could not be opened, or not be opened again.
    """
    from xpander_facade import _client
    from xpander_facade.tasks._task import Task

    configuration = task.configuration or Configuration()
    following = Following(task, PACE)
    while True:
        problem: ModuleException | None = None
        try:
            with _client.stream(configuration, following.request(), following.silence, until) as frames:
                for frame in frames:
                    event = following.take(frame)
                    if event is not None:
                        yield event
                        if following.finished:
                            return
        except ModuleException as error:
            problem = error
        wait = following.next_wait(problem)
        if until is not None and time.monotonic() + wait >= until:
            return
        time.sleep(wait)
        try:
            event = following.found(Task.load(task.id, bounded(configuration, until)))
        except ModuleException as error:
            following.check(error)
            continue
        if event is not None:
            yield event
            return


async def afollow(task: Task, until: float | None = None) -> AsyncIterator[TaskUpdateEvent]:
    """Yield a task's events as they arrive, until it has ended.

    Args:
        task: The task.
        until: The `time.monotonic()` at which to stop looking; None never stops.

    Raises:
        ModuleException: The stream could not be opened, or not be opened again.
    """
    from xpander_facade import _client
    from xpander_facade.tasks._task import Task

    configuration = task.configuration or Configuration()
    following = Following(task, PACE)
    while True:
        problem: ModuleException | None = None
        try:
            async with _client.astream(configuration, following.request(), following.silence, until) as frames:
                async for frame in frames:
                    event = following.take(frame)
                    if event is not None:
                        yield event
                        if following.finished:
                            return
        except ModuleException as error:
            problem = error
        wait = following.next_wait(problem)
        if until is not None and time.monotonic() + wait >= until:
            return
        await asyncio.sleep(wait)
        try:
            event = following.found(await Task.aload(task.id, bounded(configuration, until)))
        except ModuleException as error:
            following.check(error)
            continue
        if event is not None:
            yield event
            return


def bounded(configuration: Configuration, until: float | None) -> Configuration:
    """Return a configuration whose calls end by a `time.monotonic()`, or a second later; None leaves it as it is."""
    if until is None:
        return configuration
    left = max(1.0, until - time.monotonic())  # one look needs some time, even where all of it is used up
    return attrs.evolve(configuration, deadline=min(configuration.deadline, left))
