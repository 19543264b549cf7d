"""The request value: what a method asks of the platform, from the arguments' end to the wire."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any

import attrs

Snapshot = Callable[[], Any]
"""Gives what the caller knows of the task that a request is about, as JSON-ready data: where a dry run starts from."""


class Server(enum.Enum):
    """Which of the platform's two roots an operation is below, as the `servers` of the contract have it."""

    API = "api"
    EVENTS = "events"


def _none() -> dict[str, Any]:
    return {}


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Request:
    """One call of one operation of the contract, before anything is known of keys, hosts and retries.

    Args:
        operation: The contract's `operationId`. A dry run knows by it what the platform would answer.
        method: The HTTP method in capitals.
        path: The path below the server's root, with every id escaped.
        params: The query.
        headers: What the operation has of its own; no key, no user agent.
        body: JSON-ready data, not redacted yet; or the bytes of JSON that was redacted and cut before, which are sent
            as they are; or None.
        idempotent: Whether the platform takes the same request twice as once, so that it may be sent again although
            the first one might have arrived.
        server: Where the path begins.
        resource_id: The id of the agent or the task that the path is about; None where it names neither.
    """

    operation: str
    method: str
    path: str
    params: Mapping[str, Any] = attrs.field(factory=_none)
    headers: Mapping[str, str] = attrs.field(factory=_none)
    body: Any = attrs.field(default=None, repr=False)
    idempotent: bool
    server: Server = Server.API
    resource_id: str | None = None
