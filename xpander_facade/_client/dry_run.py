"""Own what a call gives while sending is disabled: the task as it would be, made from the request. Pure."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from xpander_facade._client.request import Request
    from xpander_facade.configuration._configuration import Configuration

_EXECUTION = re.compile(r"/agent-execution/(?P<id>[^/]+)(?P<verb>/report_task|/update|/events/push)?")
_METRICS = re.compile(r"/agents-metrics/[^/]+/execution")
_REMEDY = "unset XPANDER_DISABLED, or pass disabled=False"


def refuse(configuration: Configuration, what: str) -> None:
    """Refuse what can't be done without the platform, where sending is disabled.

    Raises:
        ConfigurationError: It is.
    """
    if configuration.disabled:
        raise ConfigurationError(f"{what} needs the platform, and sending is disabled: {_REMEDY}")


def unsent_answer(configuration: Configuration, request: Request) -> Any:
    """Return what the platform would answer, as far as a client can know.

    Raises:
        ConfigurationError: The call asks for something that only the platform knows.
    """
    method, url = request["method"].upper(), request["url"]
    if method == "POST" and _METRICS.fullmatch(url):
        return {}
    match = _EXECUTION.fullmatch(url)
    if match is None or method == "GET":
        refuse(configuration, f"{method} {url}")
        raise AssertionError("called while sending is not disabled")
    body: dict[str, Any] = request.get("json", {})
    id = unquote(match["id"])
    match method, match["verb"]:
        case "POST", "/report_task":
            status = "completed" if body["is_success"] else "failed"
            told = {name: body[name] for name in ("id", "result", "tokens", "duration", "used_tools") if name in body}
            ended = {"status": status, "finished_at": _now()}
            return {**_blank(configuration, id), **told, **ended, "input": {"text": body.get("input") or ""}}
        case "POST", None:
            return {**_blank(configuration, id), "id": f"task-{uuid.uuid4()}", "status": "pending", **body}
        case "PATCH", "/update":
            return {**_known(configuration, request, id), **body}
        case "DELETE", None:
            stopped = {"status": "stopped", "is_manually_stopped": True}
            return {**_known(configuration, request, id), **stopped}
        case _:
            return None


def _blank(configuration: Configuration, agent_id: str) -> dict[str, Any]:
    organization_id = configuration.organization_id or ""
    return {"agent_id": agent_id, "organization_id": organization_id, "created_at": _now(), "input": {"text": ""}}


def _known(configuration: Configuration, request: Request, task_id: str) -> dict[str, Any]:
    """Return the task as its owner has it, else what little is known."""
    state = request.get("state")
    return {**_blank(configuration, configuration.agent_id or ""), "id": task_id, **(state() if state else {})}


def _now() -> str:
    return datetime.now(UTC).isoformat()
