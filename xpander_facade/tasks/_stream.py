"""The event stream of a task, which goes on where it broke off.

What to do next is decided by EventStreamState, which does no I/O; `follow` and `afollow` carry it out.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade import _requests
from xpander_facade._client.retry import reconnect_wait
from xpander_facade._serialization import codec
from xpander_facade._serialization.json_texts import loads_all
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.errors import APIStatusError, APITimeoutError, ModuleException
from xpander_facade.types.events import TaskUpdateEvent, TaskUpdateEventType, ToolCallRequest, ToolCallResult
from xpander_facade.types.models import DeepPlanning

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator

    from xpander_facade._client import Frame
    from xpander_facade._client.request import Request
    from xpander_facade.types._task_record import TaskRecord

_log = logging.getLogger("xpander_facade")


_DATA_TYPES: dict[str, type[ToolCallRequest] | type[DeepPlanning]] = {
    "tool_call_request": ToolCallRequest,
    "tool_call_result": ToolCallResult,
    "plan_updated": DeepPlanning,
}
_TASK_EVENTS = frozenset({
    "task_created", "task_updated", "task_finished", "sub_task_created", "sub_task_updated", "sub_task_finished",
})  # fmt: skip


# A member is looked up in its class each time, which a stream of many events would notice.
_CONNECTED = TaskUpdateEventType.Connected
_FINISHED = TaskUpdateEventType.TaskFinished
_QUIET_FACTOR = 1.5


@attrs.frozen
class ReconnectPolicy:
    """How patiently a stream is followed.

    Args:
        waits: Seconds before it is opened again, for the first, second, ... fruitless try; then the last one.
        tries: Fruitless tries until the last error is raised.
        idle_timeout: Seconds without a byte after which a stream counts as lost.
        drain_timeout: The same for the stream of a task that is known to have ended.
        quiet_after: Seconds without an event after which the task itself is asked for, although comments come; half as
            many again the next time, and so on up to idle_timeout.
        drain_quiet_after: The same for the stream of a task that is known to have ended.
        drain_tries: How often the stream of such a task is opened again for what it missed.
        dedup_window: How many events of an earlier connection are known again.
        dedup_bytes: How many bytes of them are kept at most.
    """

    waits: tuple[float, ...] = (1.0, 2.0, 3.0)
    tries: int = 10
    idle_timeout: float = 60.0
    drain_timeout: float = 5.0
    quiet_after: float = 4.0
    drain_quiet_after: float = 1.0
    drain_tries: int = 3
    dedup_window: int = 1000
    dedup_bytes: int = 4_000_000


RECONNECT_POLICY = ReconnectPolicy()


class EventStreamState:
    """What is known of a stream that is being followed: the last event, what was seen, how often it broke.

    Args:
        task_id: The task.
        read: Makes a task of the JSON in an event.
        policy: How patiently the stream is followed.
    """

    def __init__(
        self, task_id: str, read: Callable[[Any], TaskRecord], policy: ReconnectPolicy = RECONNECT_POLICY
    ) -> None:
        self._task_id = task_id
        self._read = read
        self._policy = policy
        self._tries = 0
        self._retry: int | None = None
        self._is_connected = False
        # Frames of this connection and earlier ones; they are compared only after a reconnect.
        self._recent: deque[Frame] = deque()
        self._recent_bytes = 0
        self._known: frozenset[Any] = frozenset()
        self._drained = 0
        self._quiet_after = policy.quiet_after
        self._has_ended = False
        self._is_fruitful = False
        self.last_id: str | None = None
        self.finished = False

    @property
    def idle_timeout(self) -> float:
        """Seconds without a byte after which the stream counts as lost."""
        return self._policy.drain_timeout if self._has_ended else self._policy.idle_timeout

    @property
    def quiet_after(self) -> float:
        """Seconds without an event after which the task is asked for, although comments come."""
        return self._policy.drain_quiet_after if self._has_ended else self._quiet_after

    def request(self) -> Request:
        """Return the request that opens the stream, and begin a connection."""
        self._is_fruitful = False
        # Only what an earlier connection brought can come again; two equal events on one connection are two events.
        self._known = frozenset(_fingerprint(frame.id, json.loads(frame.data)) for frame in self._recent)
        return _requests.stream_request(self._task_id, self.last_id)

    def read(self, frames: list[Frame]) -> Iterator[TaskUpdateEvent]:
        """Yield the events of a batch of frames, up to the final one; what is known already or malformed is left out.

        What was learned of the connection counts once the whole batch was read.
        """
        read, known = _event_reader(), self._known
        new: list[Frame] = []
        values = loads_all([frame.data for frame in frames])
        for number, frame in enumerate(frames):
            _, text, frame_id, retry = frame
            # As the standard has it, a frame without an id carries the one before it, of an earlier connection too; an
            # id alone marks no event, and an empty one takes back what was there.
            self.last_id = frame_id or None
            if retry is not None:
                self._retry = retry
            if not text:
                continue
            try:
                data = json.loads(text) if values is None else values[number]
                if known and _fingerprint(frame_id, data) in known:
                    continue
                event = read(data)
                if type(event.data) is dict:
                    _type_data(event, data, self._read)
            except (ValueError, TypeError, AttributeError, RecursionError) as error:
                # The text of the error could quote the event, and an event can hold anything.
                _log.warning("a malformed event of task %s was skipped (%s)", self._task_id, type(error).__name__)
                continue
            kind = event.type
            if kind is _CONNECTED:
                # Each connection begins with such an event, and the caller follows one stream.
                if not self._is_connected:
                    self._is_connected = True
                    yield event
                continue
            new.append(frame)
            if kind is _FINISHED:
                self.finished = True
                yield event
                break
            yield event
        if new:
            self._note_news(new)

    def _note_news(self, frames: list[Frame]) -> None:
        # An event alone shows that a connection is of use: a server may accept each and end it at once.
        self._tries = 0
        self._quiet_after = self._policy.quiet_after
        self._is_fruitful = True
        self._remember(frames)

    def _remember(self, frames: list[Frame]) -> None:
        """Keep frames, so that their events are known if they come again; the oldest go where there are too many."""
        recent, policy = self._recent, self._policy
        recent.extend(frames)
        kept = self._recent_bytes + sum([len(frame.data) for frame in frames])
        while len(recent) > policy.dedup_window or (kept > policy.dedup_bytes and len(recent) > 1):
            kept -= len(recent.popleft().data)
        self._recent_bytes = kept

    def backoff(self, error: ModuleException | None) -> float:
        """Return the seconds until the stream is opened again, after it broke with an error or ended without one.

        Raises:
            ModuleException: It will not be opened again.
        """
        if self._has_ended:
            # At once for what was missed; a stream that ends again and again is not asked in a busy loop.
            return self._policy.waits[min(self._drained, len(self._policy.waits)) - 1] if self._drained else 0.0
        self.check(error)
        if self._tries >= self._policy.tries:
            raise error or APITimeoutError(f"the stream of task {self._task_id} ended {self._tries} times without news")
        self._tries += 1
        return reconnect_wait(self._policy.waits, self._tries, self._retry)

    def check(self, error: ModuleException | None) -> None:
        """Raise an error that no further try can mend: the platform refused."""
        # 408 and 429 say that a later try can succeed.
        if isinstance(error, APIStatusError) and (error.status_code or 0) < 500 and error.status_code not in {408, 429}:
            raise error

    def on_quiet(self) -> None:
        """Note that the task is asked for because no event comes: the next time it takes longer."""
        self._quiet_after = min(self._quiet_after * _QUIET_FACTOR, self._policy.idle_timeout)

    @property
    def is_draining(self) -> bool:
        """Whether the task is known to have ended, and its stream is open for what it missed."""
        return self._has_ended

    def on_reload(self, task: TaskRecord) -> TaskUpdateEvent | None:
        """Take the task as a reconnect finds it; return the final event where nothing more can come."""
        if not task.status.is_final:
            return None
        may_bring_more = not self._has_ended or (self._is_fruitful and self._drained < self._policy.drain_tries)
        if may_bring_more and (self.last_id is not None or not self._recent):
            # The stream can still bring what was missed, up to the end, and nothing twice.
            self._drained += self._has_ended
            self._has_ended = True
            return None
        self.finished = True
        return TaskUpdateEvent(
            type=TaskUpdateEventType.TaskFinished,
            task_id=task.id,
            organization_id=task.organization_id,
            time=task.finished_at or datetime.now(UTC),
            data=task,
        )


def _fingerprint(frame_id: str, event: dict[str, Any]) -> str:
    # As text: the data of an event can hold lists, which have no hash.
    return json.dumps([frame_id, event.get("type"), event.get("time"), event.get("data")], sort_keys=True)


@functools.cache
def _event_reader() -> Callable[[Any], TaskUpdateEvent]:
    return codec.reader(TaskUpdateEvent)


def read_event(data: Any, read: Callable[[Any], TaskRecord]) -> TaskUpdateEvent:
    """Make an event of decoded JSON, with typed data where the type is known.

    Args:
        data: The JSON of the event.
        read: Makes a task of the JSON in it.

    Raises:
        ValueError: It is not an event.
    """
    event = _event_reader()(data)
    if type(event.data) is dict:
        _type_data(event, data, read)
    return event


def _type_data(event: TaskUpdateEvent, data: dict[str, Any], read: Callable[[Any], TaskRecord]) -> None:
    # The codec copies JSON that is kept; typed data is read from the original instead.
    raw = cast("dict[str, Any]", data["data"])
    kind = event.type.value
    cls = _DATA_TYPES.get(kind)
    if cls is not None:
        event.data = codec.structure(cls, raw)
    elif kind in _TASK_EVENTS:
        event.data = read(raw)


def follow(
    task_id: str,
    configuration: Configuration | None,
    *,
    read: Callable[[Any], TaskRecord],
    load: Callable[[Configuration], TaskRecord],
    until: float | None = None,
) -> Generator[TaskUpdateEvent]:
    """Yield a task's events as they arrive, until it has ended.

    Args:
        task_id: The task.
        configuration: What to call with; None means a new `Configuration()`.
        read: Makes a task of the JSON in an event.
        load: Loads the task.
        until: The `time.monotonic()` at which to stop looking; None never stops.

    Raises:
        ModuleException: The stream could not be opened, or not be opened again.
    """
    from xpander_facade import _client

    configuration = configuration or Configuration()
    state = EventStreamState(task_id, read, RECONNECT_POLICY)
    while True:
        problem: ModuleException | None = None
        try:
            limit = state.idle_timeout
            with _client.stream(configuration, state.request(), limit, until, state.quiet_after) as stream:
                for frames in stream:
                    for event in state.read(frames):
                        yield event
                        if state.finished:
                            return
                    if not frames:  # no event came for long, although the stream is alive
                        state.on_quiet()
                        stream.quiet_after = state.quiet_after
                        final = state.on_reload(load(bounded(configuration, until)))
                        if final is not None:
                            yield final
                            return
                        if state.is_draining:
                            break
        except ModuleException as error:
            problem = error
        wait = state.backoff(problem)
        if until is not None and time.monotonic() + wait >= until:
            return
        time.sleep(wait)
        try:
            # The task may have ended while no stream was open, and a new one would never say so.
            final = state.on_reload(load(bounded(configuration, until)))
        except ModuleException as error:
            state.check(error)
            continue
        if final is not None:
            yield final
            return


async def afollow(
    task_id: str,
    configuration: Configuration | None,
    *,
    read: Callable[[Any], TaskRecord],
    load: Callable[[Configuration], Awaitable[TaskRecord]],
    until: float | None = None,
) -> AsyncGenerator[TaskUpdateEvent]:
    """Yield a task's events as they arrive, until it has ended.

    Args:
        task_id: The task.
        configuration: What to call with; None means a new `Configuration()`.
        read: Makes a task of the JSON in an event.
        load: Loads the task.
        until: The `time.monotonic()` at which to stop looking; None never stops.

    Raises:
        ModuleException: The stream could not be opened, or not be opened again.
    """
    from xpander_facade import _client

    configuration = configuration or Configuration()
    state = EventStreamState(task_id, read, RECONNECT_POLICY)
    while True:
        problem: ModuleException | None = None
        try:
            limit = state.idle_timeout
            async with _client.astream(configuration, state.request(), limit, until, state.quiet_after) as stream:
                async for frames in stream:
                    for event in state.read(frames):
                        yield event
                        if state.finished:
                            return
                    if not frames:  # no event came for long, although the stream is alive
                        state.on_quiet()
                        stream.quiet_after = state.quiet_after
                        final = state.on_reload(await load(bounded(configuration, until)))
                        if final is not None:
                            yield final
                            return
                        if state.is_draining:
                            break
        except ModuleException as error:
            problem = error
        wait = state.backoff(problem)
        if until is not None and time.monotonic() + wait >= until:
            return
        await asyncio.sleep(wait)
        try:
            final = state.on_reload(await load(bounded(configuration, until)))
        except ModuleException as error:
            state.check(error)
            continue
        if final is not None:
            yield final
            return


def bounded(configuration: Configuration, until: float | None) -> Configuration:
    """Return a configuration whose calls end by a `time.monotonic()`, or a second later; None leaves it as it is."""
    if until is None:
        return configuration
    left = max(1.0, until - time.monotonic())  # one look needs some time, even where all of it is used up
    return attrs.evolve(configuration, deadline=min(configuration.deadline, left))
