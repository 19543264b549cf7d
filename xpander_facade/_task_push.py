"""Own the events that the one who works on a task publishes, to everybody who follows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from xpander_facade import _checks, _codec
from xpander_facade._task_files import TaskFiles
from xpander_facade._task_record import is_secret
from xpander_facade.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xpander_facade._http._exchange import Request
    from xpander_facade._task_record import TaskRecord
    from xpander_facade.events import TaskUpdateEvent


class TaskPushes(TaskFiles):
    """The part of Task that publishes events."""

    __slots__ = ()

    def push_events(self, events: Iterable[TaskUpdateEvent]) -> None:
        """Publish events to everybody who follows this task.

        Each is an event of this task, whatever its `task_id` and organisation say; without a time it gets the present.
        A Task in its data goes without secrets.

        Args:
            events: What happened, oldest first; without any, nothing is sent.

        Raises:
            TypeError: One of them is no TaskUpdateEvent; nothing was sent.
            ValueError: The data of one can't be sent as JSON; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have published them.
        """
        from xpander_facade import _http

        configuration = self.configuration or Configuration()
        request = push_request(self, events)
        if request is not None:
            _http.send(configuration, request, _http.Repeat.UNTAKEN, lambda _: None)

    async def apush_events(self, events: Iterable[TaskUpdateEvent]) -> None:
        """Publish events to everybody who follows this task.

        Each is an event of this task, whatever its `task_id` and organisation say; without a time it gets the present.
        A Task in its data goes without secrets.

        Args:
            events: What happened, oldest first; without any, nothing is sent.

        Raises:
            TypeError: One of them is no TaskUpdateEvent; nothing was sent.
            ValueError: The data of one can't be sent as JSON; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have published them.
        """
        from xpander_facade import _http

        configuration = self.configuration or Configuration()
        request = push_request(self, events)
        if request is not None:
            await _http.asend(configuration, request, _http.Repeat.UNTAKEN, lambda _: None)


def push_request(task: TaskRecord, events: Iterable[TaskUpdateEvent]) -> Request | None:
    """Return the request that publishes events of a task, or None where there are none.

    Raises:
        TypeError: One of them is no TaskUpdateEvent.
    """
    from xpander_api.api.events import push_task_events

    from xpander_facade.events import TaskUpdateEvent

    given = _checks.check_instances("events", events, TaskUpdateEvent)
    if not given:
        return None
    # The bodies are events in the platform's own form already; the generated models would only copy them.
    request = push_task_events._get_kwargs(_checks.check_id("id", task.id), body=[])
    return {**request, "json": [_wire(task, event) for event in given]}


def _wire(task: TaskRecord, event: TaskUpdateEvent) -> dict[str, Any]:
    body: dict[str, Any] = _codec.write(event, leave_out=is_secret)
    body.update(task_id=task.id, organization_id=task.organization_id)
    body["time"] = body["time"] or _codec.write_time(datetime.now(UTC))
    return {name: value for name, value in body.items() if value is not None}
