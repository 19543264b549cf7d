"""Values that users hold: enumerations, models, events, activity, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade.types.activity import (
        AgentActivityThread,
        AgentActivityThreadAuth,
        AgentActivityThreadEntry,
        AgentActivityThreadGatewayDecision,
        AgentActivityThreadMessage,
        AgentActivityThreadMessageContent,
        AgentActivityThreadOther,
        AgentActivityThreadReasoning,
        AgentActivityThreadSubAgentTrigger,
        AgentActivityThreadToolCall,
        ToolCallReasoning,
    )
    from xpander_facade.types.enums import (
        AgentExecutionStatus,
        MCPServerAuthType,
        MCPServerSSOToken,
        MCPServerTransport,
        MCPServerType,
        OpenEnum,
        OutputFormat,
        ThinkMode,
    )
    from xpander_facade.types.events import TaskUpdateEvent, TaskUpdateEventType, ToolCallRequest, ToolCallResult
    from xpander_facade.types.file_limits import FileLimits
    from xpander_facade.types.models import (
        AgentExecutionInput,
        Attachment,
        CompactRetryResult,
        DeepPlanning,
        DeepPlanningItem,
        HumanInTheLoopRequest,
        MCPServerDetails,
        PendingECARequest,
        PlanFollowingStatus,
        Principal,
        User,
    )

__all__ = [
    "AgentActivityThread",
    "AgentActivityThreadAuth",
    "AgentActivityThreadEntry",
    "AgentActivityThreadGatewayDecision",
    "AgentActivityThreadMessage",
    "AgentActivityThreadMessageContent",
    "AgentActivityThreadOther",
    "AgentActivityThreadReasoning",
    "AgentActivityThreadSubAgentTrigger",
    "AgentActivityThreadToolCall",
    "AgentExecutionInput",
    "AgentExecutionStatus",
    "Attachment",
    "CompactRetryResult",
    "DeepPlanning",
    "DeepPlanningItem",
    "FileLimits",
    "HumanInTheLoopRequest",
    "MCPServerAuthType",
    "MCPServerDetails",
    "MCPServerSSOToken",
    "MCPServerTransport",
    "MCPServerType",
    "OpenEnum",
    "OutputFormat",
    "PendingECARequest",
    "PlanFollowingStatus",
    "Principal",
    "TaskUpdateEvent",
    "TaskUpdateEventType",
    "ThinkMode",
    "ToolCallReasoning",
    "ToolCallRequest",
    "ToolCallResult",
    "User",
]

_HOMES = {
    "AgentActivityThread": "activity",
    "AgentActivityThreadAuth": "activity",
    "AgentActivityThreadEntry": "activity",
    "AgentActivityThreadGatewayDecision": "activity",
    "AgentActivityThreadMessage": "activity",
    "AgentActivityThreadMessageContent": "activity",
    "AgentActivityThreadOther": "activity",
    "AgentActivityThreadReasoning": "activity",
    "AgentActivityThreadSubAgentTrigger": "activity",
    "AgentActivityThreadToolCall": "activity",
    "AgentExecutionInput": "models",
    "AgentExecutionStatus": "enums",
    "Attachment": "models",
    "CompactRetryResult": "models",
    "DeepPlanning": "models",
    "DeepPlanningItem": "models",
    "FileLimits": "file_limits",
    "HumanInTheLoopRequest": "models",
    "MCPServerAuthType": "enums",
    "MCPServerDetails": "models",
    "MCPServerSSOToken": "enums",
    "MCPServerTransport": "enums",
    "MCPServerType": "enums",
    "OpenEnum": "enums",
    "OutputFormat": "enums",
    "PendingECARequest": "models",
    "PlanFollowingStatus": "models",
    "Principal": "models",
    "TaskUpdateEvent": "events",
    "TaskUpdateEventType": "events",
    "ThinkMode": "enums",
    "ToolCallReasoning": "activity",
    "ToolCallRequest": "events",
    "ToolCallResult": "events",
    "User": "models",
}

if not TYPE_CHECKING:  # a type checker that saw these would believe in every name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
