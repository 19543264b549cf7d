"""Requests about a task's events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from xpander_api import models
from xpander_api.api import events as operations

from xpander_facade import _validation
from xpander_facade._client.request import Server
from xpander_facade._requests.bodies import given, time_text
from xpander_facade._requests.generated import make_request
from xpander_facade._serialization import codec
from xpander_facade.types._task_record import is_secret
from xpander_facade.types.events import TaskUpdateEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xpander_facade._client.request import Request


def push_request(task_id: str, organization_id: str, events: Iterable[TaskUpdateEvent]) -> Request | None:
    """Return the request that publishes events of a task, or None where there are none.

    Args:
        task_id: The task; each event becomes one of it, whatever its `task_id` says.
        organization_id: The task's organisation.
        events: What happened, oldest first.

    Raises:
        TypeError: One of them is not a TaskUpdateEvent.
    """
    body = [
        _event_body(task_id, organization_id, event)
        for event in _validation.check_instances("events", events, TaskUpdateEvent)
    ]
    if not body:
        return None
    parts = operations.push_task_events_kwargs(_validation.check_id("id", task_id), body=body)
    # Events that are sent twice are published twice.
    return make_request("push_task_events", parts, idempotent=False, resource_id=task_id)


def stream_request(task_id: str, last_event_id: str | None) -> Request:
    """Return the request that opens a task's event stream, after the event that was seen last."""
    parts = operations.stream_task_events_kwargs(
        _validation.check_id("id", task_id), last_event_id=given(last_event_id)
    )
    return make_request("stream_task_events", parts, idempotent=True, resource_id=task_id, server=Server.EVENTS)


def _event_body(task_id: str, organization_id: str, event: TaskUpdateEvent) -> models.TaskUpdateEvent:
    body = models.TaskUpdateEvent(
        type_=event.type.value,
        task_id=task_id,
        organization_id=organization_id,
        time=time_text(event.time) or codec.write_time(datetime.now(UTC)),
        # The data can be the task itself, and events go to whoever watches it.
        data=given(codec.unstructure(event.data, leave_out=is_secret)),
        identity=given(_identity_body(event.identity)),
    )
    body.additional_properties = codec.unstructure(event.extra, leave_out=is_secret)
    return body


def _identity_body(identity: dict[str, Any] | None) -> models.EventIdentity | None:
    if _validation.check_object("identity", identity) is None or identity is None:
        return None
    body = models.EventIdentity(name=given(identity.get("name")), icon=given(identity.get("icon")))
    body.additional_properties = {
        name: codec.unstructure(value) for name, value in identity.items() if name not in {"name", "icon"}
    }
    return body
