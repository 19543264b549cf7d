"""The activity log of a task: the thread and its entries, told apart by their shape."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from xpander_facade.types.models import User


@attrs.define(kw_only=True)
class _Entry:
    id: str
    created_at: datetime  # None where the platform sent what is not a time: the rest is read all the same
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class AgentActivityThreadMessageContent:
    """The words and files of a message.

    For example:

        for entry in task.get_activity_log().messages:
            if isinstance(entry, AgentActivityThreadMessage):
                content: AgentActivityThreadMessageContent = entry.content
                print(content.text)
    """

    text: str | None = None
    files: list[str] = attrs.field(factory=list[str])
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class AgentActivityThreadMessage(_Entry):
    """Something that was said.

        for entry in task.get_activity_log().messages:
            if isinstance(entry, AgentActivityThreadMessage):
                print(entry.role)

    Args:
        role: user or agent.
        sub_execution_result: Whether it is what another agent's task came to.
        user: Who said it, where several users take part.
    """

    role: str
    content: AgentActivityThreadMessageContent
    sub_execution_result: bool = False
    user: User | None = None


@attrs.define(kw_only=True)
class ToolCallReasoning:
    """Why a tool is called.

    For example:

        for event in task.events():
            reasoning: ToolCallReasoning | None = getattr(event.data, "reasoning", None)
    """

    title: str | None = None
    description: str | None = None
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class AgentActivityThreadToolCall(_Entry):
    """A tool that was called, and what came of it.

    For example:

        for entry in task.get_activity_log().messages:
            if isinstance(entry, AgentActivityThreadToolCall):
                print(entry.tool_name)
    """

    tool_name: str
    payload: Any = None
    result: Any = None
    is_error: bool = False
    reasoning: Any = None
    plan_task_id: str | None = None


@attrs.define(kw_only=True)
class AgentActivityThreadReasoning(_Entry):
    """A thought. `type` is think or analyze.

    For example:

        for entry in task.get_activity_log().messages:
            if isinstance(entry, AgentActivityThreadReasoning):
                print(entry.thought)
    """

    type: str
    title: str | None = None
    confidence: float | None = None
    thought: str | None = None
    action: str | None = None
    result: Any = None
    analysis: str | None = None
    plan_task_id: str | None = None


@attrs.define(kw_only=True)
class AgentActivityThreadSubAgentTrigger(_Entry):
    """Another agent that was asked.

    For example:

        for entry in task.get_activity_log().messages:
            if isinstance(entry, AgentActivityThreadSubAgentTrigger):
                print(entry.agent_id)
    """

    agent_id: str
    query: str | None = None
    files: list[str] = attrs.field(factory=list[str])
    reasoning: Any = None
    plan_task_id: str | None = None


@attrs.define(kw_only=True)
class AgentActivityThreadAuth(_Entry):
    """A step of a login. `type` is not_supported, login_required, token_issue or token_ready.

    For example:

        for entry in task.get_activity_log().messages:
            if isinstance(entry, AgentActivityThreadAuth):
                print(entry.type)
    """

    type: str
    data: Any = None


@attrs.define(kw_only=True)
class GatewayExecution:
    """A task whose result a gateway agent fetched.

    For example:

        for entry in task.get_activity_log().messages:
            if isinstance(entry, AgentActivityThreadGatewayDecision):
                executions: list[GatewayExecution] | None = entry.executions
    """

    created_execution_id: str
    status: str | None = None
    result: str | None = None
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class AgentActivityThreadGatewayDecision(_Entry):
    """What a gateway agent decided.

        for entry in task.get_activity_log().messages:
            if isinstance(entry, AgentActivityThreadGatewayDecision):
                print(entry.action)

    Args:
        action: create_execution, ask_execution, stop_execution, continue_execution or get_executions_result.
        reasoning: Why it did.
        title: The decision in a few words.
        description: The decision in a sentence.
        agent_id: The agent that it is about.
        created_execution_id: The task that was created, asked, stopped or continued.
        query: What a created task is asked.
        is_async: Whether the gateway agent goes on without waiting for a created task.
        new_input: What a task that is asked is told.
        rejected: Why the task did not take it; None means that it did.
        executions: What the tasks came to whose results were fetched.
    """

    action: str
    reasoning: str | None = None
    title: str | None = None
    description: str | None = None
    agent_id: str | None = None
    created_execution_id: str | None = None
    query: str | None = None
    is_async: bool = False
    new_input: str | None = None
    rejected: str | None = None
    executions: list[GatewayExecution] = attrs.field(factory=list[GatewayExecution])


@attrs.define(kw_only=True)
class AgentActivityThreadOther:
    """An entry of a kind that this version does not know. `fields` holds all of it, as it came.

    For example:

        for entry in task.get_activity_log().messages:
            if isinstance(entry, AgentActivityThreadOther):
                print(entry.fields)
    """

    id: str | None = None
    created_at: datetime | None = None
    fields: dict[str, Any] = attrs.field(factory=dict[str, Any])


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
    """All that was said and done in a task, in order.

    For example:

        thread: AgentActivityThread = task.get_activity_log()
        print(len(thread.messages))
    """

    id: str
    created_at: datetime | None = None
    user: User | None = None
    messages: list[AgentActivityThreadEntry] = attrs.field(factory=list[AgentActivityThreadEntry])
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
