"""The thread of a task's activity, read from the platform's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from xpander_facade._serialization import codec
from xpander_facade.types.activity import (
    AgentActivityThread,
    AgentActivityThreadAuth,
    AgentActivityThreadEntry,
    AgentActivityThreadGatewayDecision,
    AgentActivityThreadMessage,
    AgentActivityThreadOther,
    AgentActivityThreadReasoning,
    AgentActivityThreadSubAgentTrigger,
    AgentActivityThreadToolCall,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_REASONING = frozenset({"think", "analyze"})


_AUTH = frozenset({"not_supported", "login_required", "token_issue", "token_ready"})


_DECISIONS = frozenset({
    "create_execution", "ask_execution", "stop_execution", "continue_execution", "get_executions_result",
})  # fmt: skip


# The first shape that fits wins.
_SHAPES: tuple[tuple[Callable[[Mapping[str, Any]], bool], type[AgentActivityThreadEntry]], ...] = (
    (lambda entry: "role" in entry and "content" in entry, AgentActivityThreadMessage),
    (lambda entry: "tool_name" in entry, AgentActivityThreadToolCall),
    (lambda entry: entry.get("type") in _REASONING, AgentActivityThreadReasoning),
    (lambda entry: entry.get("type") in _AUTH, AgentActivityThreadAuth),
    (lambda entry: entry.get("action") in _DECISIONS, AgentActivityThreadGatewayDecision),
    (lambda entry: "agent_id" in entry and not entry.keys() & {"action", "type"}, AgentActivityThreadSubAgentTrigger),
)


def read_thread(data: Any) -> AgentActivityThread:
    """Return a thread from decoded JSON. An entry that is unknown, or that does not fit its shape, is kept as it came.

    Raises:
        DecodeError: The data is not a thread.
    """
    if not isinstance(data, dict):
        raise codec.DecodeError("expected an object for AgentActivityThread")
    fields = cast("dict[str, Any]", data)
    messages: Any = fields.get("messages") or []
    # Entries are read one by one, so that one that does not fit costs itself alone.
    thread = codec.structure(AgentActivityThread, {**fields, "messages": None})
    if isinstance(messages, list):
        thread.messages = [_read_entry(entry) for entry in cast("list[Any]", messages)]
    else:
        thread.extra["messages"] = messages
    return thread


def _read_entry(data: Any) -> AgentActivityThreadEntry:
    if not isinstance(data, dict):
        return AgentActivityThreadOther(fields={"value": data})
    entry = cast("dict[str, Any]", data)
    for fits, cls in _SHAPES:
        try:
            if fits(entry):
                return codec.structure(cls, entry)
        except (codec.DecodeError, TypeError):
            # The shape is known though a value does not fit it: no other shape would tell more.
            break
    return _other(entry)


def _other(entry: dict[str, Any]) -> AgentActivityThreadOther:
    id, created_at = entry.get("id"), entry.get("created_at")
    try:
        moment = None if created_at is None else codec.read_time(created_at)
    except codec.DecodeError:
        moment = None
    return AgentActivityThreadOther(id=id if isinstance(id, str) else None, created_at=moment, fields=entry)
