"""Events of a task."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from xpander_facade.types.activity import ToolCallReasoning
from xpander_facade.types.enums import OpenEnum


class TaskUpdateEventType(OpenEnum):
    """What an event tells. A type that this version does not know arrives as a pseudo-member.

    For example:

        for event in task.events():
            if event.type is TaskUpdateEventType.TaskFinished:
                print(event.data.status)
    """

    Connected = "connected"
    TaskCreated = "task_created"
    TaskUpdated = "task_updated"
    TaskFinished = "task_finished"
    Chunk = "chunk"
    AuthEvent = "auth_event"
    ToolCallRequest = "tool_call_request"
    ToolCallResult = "tool_call_result"
    SubAgentTrigger = "sub_agent_trigger"
    Think = "think"
    Analyze = "analyze"
    PlanUpdated = "plan_updated"
    TaskCompactization = "task_compactization"
    ContextStatus = "context_status"
    AgentGatewayDecision = "agent_gateway_decision"
    ProcessStateChanged = "process_state_changed"
    ProcessUpdate = "process_update"
    GatewaySteerApplied = "gateway_steer_applied"
    AskUserQuestions = "ask_user_questions"
    SubTaskCreated = "sub_task_created"
    SubTaskUpdated = "sub_task_updated"
    SubTaskFinished = "sub_task_finished"
    InviteMember = "invite_member"
    MemberInvited = "member_invited"
    AskForSecret = "ask_for_secret"
    SecretSaved = "secret_saved"
    LiveSurfaceCreated = "live_surface_created"
    InlineCard = "inline_card"


@attrs.define(kw_only=True)
class ToolCallRequest:
    """A tool that the agent is about to call: the data of a tool_call_request event.

    For example:

        for event in task.events():
            if isinstance(event.data, ToolCallRequest):
                print(event.data.tool_name, event.data.payload)
    """

    request_id: str | None = None
    operation_id: str | None = None
    tool_call_id: str | None = None
    graph_node_id: str | None = None
    tool_name: str | None = None
    payload: Any = None
    reasoning: ToolCallReasoning | None = None
    plan_task_id: str | None = None
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class ToolCallResult(ToolCallRequest):
    """What a tool answered: the data of a tool_call_result event.

    For example:

        for event in task.events():
            if isinstance(event.data, ToolCallResult):
                print(event.data.tool_name, event.data.result)
    """

    result: Any = None
    is_error: bool = False
    approval_request_id: str | None = None


@attrs.define(kw_only=True)
class TaskUpdateEvent:
    """Something that happened to a task.

        event = TaskUpdateEvent(type=TaskUpdateEventType.Chunk, task_id=task.id, data="Nearly done. ")
        task.push_events([event])

    Args:
        type: What happened.
        data: A Task (task_created, task_updated, task_finished and the same of sub-tasks), ToolCallRequest,
            ToolCallResult, DeepPlanning (plan_updated), text (chunk); else the JSON as it came.
        time: When.
        identity: Who it comes from (`name`, `icon`), or None.
    """

    type: TaskUpdateEventType = attrs.field(converter=TaskUpdateEventType)
    task_id: str
    organization_id: str | None = None
    time: datetime | None = None
    data: Any = None
    identity: dict[str, Any] | None = None
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
