"""Own the activity log of a task: the thread and its entries, told apart by their shape."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade import _checks, _codec
from xpander_facade.models import User

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xpander_facade._http._exchange import Request


def _extra() -> dict[str, Any]:
    return {}


@attrs.define(kw_only=True)
class _Entry:
    id: str
    created_at: datetime
    extra: dict[str, Any] = attrs.field(factory=_extra, repr=False)


@attrs.define(kw_only=True)
class AgentActivityThreadMessageContent:
    """The words and files of a message."""

    text: str | None = None
    files: list[str] = attrs.field(factory=list[str])
    extra: dict[str, Any] = attrs.field(factory=_extra, repr=False)


@attrs.define(kw_only=True)
class AgentActivityThreadMessage(_Entry):
    """Something that was said. `role` is user or agent."""

    role: str
    content: AgentActivityThreadMessageContent


@attrs.define(kw_only=True)
class ToolCallReasoning:
    """Why a tool is called."""

    title: str | None = None
    description: str | None = None
    extra: dict[str, Any] = attrs.field(factory=_extra, repr=False)


@attrs.define(kw_only=True)
class AgentActivityThreadToolCall(_Entry):
    """A tool that was called, and what came of it."""

    tool_name: str
    payload: Any = None
    result: Any = None
    is_error: bool = False
    reasoning: Any = None


@attrs.define(kw_only=True)
class AgentActivityThreadReasoning(_Entry):
    """A thought. `type` is think or analyze."""

    type: str
    title: str | None = None
    confidence: float | None = None
    thought: str | None = None
    action: str | None = None
    result: Any = None
    analysis: str | None = None


@attrs.define(kw_only=True)
class AgentActivityThreadSubAgentTrigger(_Entry):
    """Another agent that was asked."""

    agent_id: str
    query: str | None = None
    files: list[str] = attrs.field(factory=list[str])
    reasoning: Any = None


@attrs.define(kw_only=True)
class AgentActivityThreadAuth(_Entry):
    """A step of a login. `type` is not_supported, login_required, token_issue or token_ready."""

    type: str
    data: Any = None


@attrs.define(kw_only=True)
class AgentActivityThreadGatewayDecision(_Entry):
    """What a gateway agent decided. `action` is create_execution, ask_execution, stop_execution and the like."""

    action: str
    reasoning: str | None = None
    title: str | None = None


@attrs.define(kw_only=True)
class AgentActivityThreadOther:
    """An entry of a kind that this version does not know. `fields` holds all of it, as it came."""

    id: str | None = None
    created_at: datetime | None = None
    fields: dict[str, Any] = attrs.field(factory=_extra)


AgentActivityThreadEntry = (
    AgentActivityThreadMessage
    | AgentActivityThreadToolCall
    | AgentActivityThreadReasoning
    | AgentActivityThreadSubAgentTrigger
    | AgentActivityThreadAuth
    | AgentActivityThreadGatewayDecision
    | AgentActivityThreadOther
)


@attrs.define(kw_only=True)
class AgentActivityThread:
    """All that was said and done in a task, in order."""

    id: str
    created_at: datetime | None = None
    user: User | None = None
    messages: list[AgentActivityThreadEntry] = attrs.field(factory=list[AgentActivityThreadEntry])
    extra: dict[str, Any] = attrs.field(factory=_extra, repr=False)


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
    (lambda entry: "agent_id" in entry and "query" in entry, AgentActivityThreadSubAgentTrigger),
)


def activity_request(agent_id: str, task_id: str) -> Request:
    """Return the request that loads a task's thread."""
    from xpander_api.api.activity import get_activity_log

    return get_activity_log._get_kwargs(_checks.check_id("agent_id", agent_id), _checks.check_id("id", task_id))


def read_thread(data: Any) -> AgentActivityThread:
    """Return a thread from decoded JSON. An entry that is unknown, or that does not fit its shape, is kept as it came.

    Raises:
        Mismatch: The data is no thread.
    """
    if not isinstance(data, dict):
        raise _codec.Mismatch("expected an object for AgentActivityThread")
    fields = cast("dict[str, Any]", data)
    messages: Any = fields.get("messages") or []
    if not isinstance(messages, list):
        raise _codec.Mismatch("expected an array", "messages")
    entries = cast("list[Any]", messages)
    thread = _codec.read(AgentActivityThread, {**fields, "messages": None})
    thread.messages = [_read_entry(entry) for entry in entries]
    return thread


def _read_entry(data: Any) -> AgentActivityThreadEntry:
    if not isinstance(data, dict):
        return AgentActivityThreadOther(fields={"value": data})
    entry = cast("dict[str, Any]", data)
    for fits, cls in _SHAPES:
        try:
            if fits(entry):
                return _codec.read(cls, entry)
        except (_codec.Mismatch, TypeError):
            break
    return _other(entry)


def _other(entry: dict[str, Any]) -> AgentActivityThreadOther:
    id, created_at = entry.get("id"), entry.get("created_at")
    try:
        moment = None if created_at is None else _codec.read_time(created_at)
    except _codec.Mismatch:
        moment = None
    return AgentActivityThreadOther(id=id if isinstance(id, str) else None, created_at=moment, fields=entry)
