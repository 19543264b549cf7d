"""Requests of a worker."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from xpander_api import models
from xpander_api.api import workers as operations

from xpander_facade import _validation
from xpander_facade._client.request import Server
from xpander_facade._process.imports import WORKERS, load
from xpander_facade._requests.generated import make_request

if TYPE_CHECKING:
    from xpander_facade._client.request import Request


def worker_stream_request(agent_id: str, environment: str) -> Request:
    """Return the request that registers a worker and opens its stream, on which tasks come with a way to models."""
    parts = operations.stream_worker_events_kwargs(
        _validation.check_id("agent_id", agent_id), environment=environment, supports_llm_gateway=True
    )
    return make_request("stream_worker_events", parts, idempotent=True, resource_id=agent_id, server=Server.EVENTS)


def message_request(
    agent_id: str, worker_id: str, event: str, data: dict[str, Any] | str | None = None, *, idempotent: bool
) -> Request:
    """Return the request of a message; it goes where the streams are, with an id of its own.

    Args:
        agent_id: The worker's agent.
        worker_id: The id that the platform gave the worker.
        event: What the worker tells.
        data: More about it.
        idempotent: Whether the message is worth to be sent again after a failure; a heartbeat is not, since the next
            one tells more.
    """
    load(WORKERS)
    parts = operations.send_worker_message_kwargs(
        _validation.check_id("worker_id", worker_id),
        body=models.WorkerMessage(id=str(uuid.uuid4()), event=event, data=data or {}),
        type_="worker",
        agent_id=agent_id,
    )
    return make_request("send_worker_message", parts, idempotent=idempotent, server=Server.EVENTS)
