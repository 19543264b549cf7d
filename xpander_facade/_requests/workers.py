"""Requests of a worker."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from xpander_facade import _validation

if TYPE_CHECKING:
    from xpander_facade._client.request import Request
    from xpander_facade.configuration._configuration import Configuration


def stream_request(agent_id: str, environment: str) -> Request:
    """Return the request that registers a worker and opens its stream."""
    from xpander_api.api.workers import stream_worker_events

    return stream_worker_events._get_kwargs(_validation.check_id("agent_id", agent_id), environment=environment)


def message_request(
    configuration: Configuration, agent_id: str, worker_id: str, event: str, data: dict[str, Any] | str | None = None
) -> Request:
    """Return the request of a message; it goes where the streams are, with an id of its own."""
    from xpander_api.api.workers import send_worker_message
    from xpander_api.models.worker_message import WorkerMessage

    body = WorkerMessage.from_dict({"id": str(uuid.uuid4()), "event": event, "data": data or {}})
    request = send_worker_message._get_kwargs(
        _validation.check_id("worker_id", worker_id), body=body, type_="worker", agent_id=agent_id
    )
    return {**request, "base": configuration.get_events_url()}
