"""How a task's events become its activity thread: pure functions from an event to an entry.

The thread is derived, never written by hand, so that a pushed event and one of the built-in agent
become the same entries.
"""

from __future__ import annotations

from typing import Any, Final

from ._json import Json, object_of

_REASONING: Final = ("title", "confidence", "thought", "action", "result", "analysis", "plan_task_id")
_TOOL_CALL: Final = ("tool_name", "payload", "result", "is_error", "reasoning", "plan_task_id")
_TRIGGER: Final = ("agent_id", "query", "files", "reasoning", "plan_task_id")


def message(entry_id: str, at: str, role: str, text: str, files: list[Any] | None = None) -> Json:
    """Make a message entry, of the role `user` or `agent`."""
    return {"id": entry_id, "created_at": at, "role": role, "content": {"text": text, "files": list(files or [])}}


def entry(event: Json, number: int) -> Json | None:
    """Make the entry of an event, or None for an event that the thread does not show.

    A tool call's result has the same entry id as its request, and so completes that entry.
    """
    kind, data, at = event.get("type"), event.get("data"), event.get("time")
    entry_id = f"{event.get('task_id')}-{number}"
    base: Json = {"id": entry_id, "created_at": at}
    data = {"thought": data} if kind in ("think", "analyze") and isinstance(data, str) else object_of(data)
    if kind in ("tool_call_request", "tool_call_result"):
        call = data.get("request_id") or data.get("tool_call_id") or entry_id
        fields = {name: data[name] for name in _TOOL_CALL if name in data}
        # A call and its result have this id in common, so that the result completes the entry of its call.
        return {"tool_name": "", **base, **fields, "id": str(call)}
    if kind in ("think", "analyze"):
        return {**base, "type": kind, "title": "", "confidence": 1.0, **{n: data[n] for n in _REASONING if n in data}}
    if kind == "sub_agent_trigger" and "agent_id" in data:
        return {**base, **{name: data[name] for name in _TRIGGER if name in data}}
    if kind == "auth_event" and "type" in data:
        return {**base, "type": data["type"], "data": data.get("data")}
    if kind == "agent_gateway_decision" and "action" in data:
        return {**data, **base}
    return None
