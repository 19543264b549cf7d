"""The activity log of a task: the thread and its entries, told apart by their shape."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from xpander_facade.types.models import User


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
    plan_task_id: str | None = None


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
    plan_task_id: str | None = None
    sub_execution_result: Any = None


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
