"""Requests about a task's events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from xpander_facade import _validation
from xpander_facade._client.request import Server
from xpander_facade._requests.generated import make_request
from xpander_facade._serialization import codec
from xpander_facade.tasks._record import is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xpander_facade._client.request import Request
    from xpander_facade.tasks._record import TaskRecord
    from xpander_facade.types.events import TaskUpdateEvent


def push_request(task: TaskRecord, events: Iterable[TaskUpdateEvent]) -> Request | None:
    """Return the request that publishes events of a task, or None where there are none.

    Raises:
        TypeError: One of them is no TaskUpdateEvent.
    """
    from xpander_api.api.events import push_task_events

    from xpander_facade.types.events import TaskUpdateEvent

    given = _validation.check_instances("events", events, TaskUpdateEvent)
    if not given:
        return None
    # The bodies are events in the platform's own form already; the generated models would only copy them.
    parts = push_task_events._get_kwargs(_validation.check_id("id", task.id), body=[])
    parts["json"] = [_wire(task, event) for event in given]
    return make_request("push_task_events", parts, idempotent=False, resource_id=task.id)


def stream_request(task_id: str, last_event_id: str | None) -> Request:
    """Return the request that opens a task's event stream, after the event that was seen last."""
    from xpander_api.api.events import stream_task_events
    from xpander_api.types import UNSET

    parts = stream_task_events._get_kwargs(
        _validation.check_id("id", task_id), last_event_id=UNSET if last_event_id is None else last_event_id
    )
    return make_request("stream_task_events", parts, idempotent=True, resource_id=task_id, server=Server.EVENTS)


def _wire(task: TaskRecord, event: TaskUpdateEvent) -> dict[str, Any]:
    body: dict[str, Any] = codec.write(event, leave_out=is_secret)
    body.update(task_id=task.id, organization_id=task.organization_id)
    body["time"] = body["time"] or codec.write_time(datetime.now(UTC))
    return {name: value for name, value in body.items() if value is not None}
