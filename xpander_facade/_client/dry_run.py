"""Dry run: what a call gives while sending is disabled, made from the request and what the caller knows. Pure."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from xpander_facade._client.request import Request, Snapshot
    from xpander_facade.configuration._configuration import Configuration

_REMEDY = "unset XPANDER_DISABLED, or pass disabled=False"


def require_enabled(configuration: Configuration, what: str) -> None:
    """Refuse what can't be done without the platform, where sending is disabled.

    Raises:
        ConfigurationError: It is.
    """
    if configuration.disabled:
        raise ConfigurationError(f"{what} needs the platform, and sending is disabled: {_REMEDY}")


def dry_run_response(configuration: Configuration, request: Request, body: Any, snapshot: Snapshot | None) -> Any:
    """Return what the platform would answer, as far as a client can know.

    Args:
        configuration: Who would have asked.
        request: What would have been asked.
        body: The request's JSON as it would have been sent; None where it has none.
        snapshot: Gives the task that the request is about, where the caller holds it.

    Raises:
        ConfigurationError: The call asks for something that only the platform knows.
    """
    id = request.resource_id or ""
    match request.operation:
        case "report_external_task":
            status = "completed" if body["is_success"] else "failed"
            told = {name: body[name] for name in ("id", "result", "tokens", "duration", "used_tools") if name in body}
            ended = {"status": status, "finished_at": _now()}
            return {**_blank(configuration, id), **told, **ended, "input": {"text": body.get("input") or ""}}
        case "create_task":
            # An id as the platform would give one, so that two dry tasks can be told apart.
            return {**_blank(configuration, id), "id": f"task-{os.urandom(16).hex()}", "status": "pending", **body}
        case "update_task":
            return {**_known(configuration, id, snapshot), **body}
        case "stop_task":
            stopped = {"status": "stopped", "is_manually_stopped": True}
            return {**_known(configuration, id, snapshot), **stopped}
        case "report_metrics":
            return {}
        case "push_task_events":
            return None
        case _:
            require_enabled(configuration, f"{request.method} {request.path}")
            raise AssertionError("called while sending is not disabled")


def _blank(configuration: Configuration, agent_id: str) -> dict[str, Any]:
    organization_id = configuration.organization_id or ""
    return {"agent_id": agent_id, "organization_id": organization_id, "created_at": _now(), "input": {"text": ""}}


def _known(configuration: Configuration, task_id: str, snapshot: Snapshot | None) -> dict[str, Any]:
    """Return the task as its owner has it, else what little is known."""
    return {
        **_blank(configuration, configuration.agent_id or ""),
        "id": task_id,
        **({} if snapshot is None else snapshot()),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()
