"""From the request half of a generated operation to a request."""

from __future__ import annotations

from typing import Any

from xpander_facade._client.request import Request, Server


def make_request(
    operation: str,
    parts: dict[str, Any],
    *,
    idempotent: bool,
    resource_id: str | None = None,
    server: Server = Server.API,
) -> Request:
    """Return the request of an operation.

    Args:
        operation: The contract's `operationId`.
        parts: The keywords for httpx that the generated request half gives.
        idempotent: Whether the platform takes it twice as once.
        resource_id: The id of the agent or the task that the path is about.
        server: Where the path begins.
    """
    return Request(
        operation=operation,
        # The generated half has it in small letters, which servers need not know.
        method=parts["method"].upper(),
        path=parts["url"],
        params=parts.get("params", {}),
        headers=parts.get("headers", {}),
        body=parts.get("json"),
        idempotent=idempotent,
        server=server,
        resource_id=resource_id,
    )
