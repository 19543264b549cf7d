"""xpander-facade: report external runs to xpander.ai, and drive tasks. Names load when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xpander_facade._retry import RetryEvent
    from xpander_facade._version import __version__
    from xpander_facade.activity import (
        AgentActivityThread,
        AgentActivityThreadAuth,
        AgentActivityThreadGatewayDecision,
        AgentActivityThreadMessage,
        AgentActivityThreadOther,
        AgentActivityThreadReasoning,
        AgentActivityThreadSubAgentTrigger,
        AgentActivityThreadToolCall,
    )
    from xpander_facade.agent import Agent
    from xpander_facade.agents import Agents, AgentsListItem
    from xpander_facade.attachments import FileLimits
    from xpander_facade.backend import Backend
    from xpander_facade.configuration import Configuration
    from xpander_facade.enums import (
        AgentExecutionStatus,
        MCPServerAuthType,
        MCPServerSSOToken,
        MCPServerTransport,
        MCPServerType,
        OutputFormat,
        ThinkMode,
    )
    from xpander_facade.errors import (
        APIConnectionError,
        APIResponseParseError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ClientError,
        ConfigurationError,
        ConflictError,
        ModuleException,
        NotFoundError,
        PayloadTooLargeError,
        PermissionDeniedError,
        RateLimitError,
        RedirectError,
        ServerError,
        UnprocessableEntityError,
        WaitTimeoutError,
        XpanderError,
    )
    from xpander_facade.events import TaskUpdateEvent, TaskUpdateEventType, ToolCallRequest, ToolCallResult
    from xpander_facade.models import (
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
        Tokens,
        User,
    )
    from xpander_facade.outbox_settings import OutboxSettings
    from xpander_facade.task import Task
    from xpander_facade.tasks import Tasks
    from xpander_facade.tasks_list_item import TasksListItem
    from xpander_facade.usage import Usage, read_usage

_HOMES = {
    "APIConnectionError": "errors",
    "APIResponseParseError": "errors",
    "APIStatusError": "errors",
    "APITimeoutError": "errors",
    "Agent": "agent",
    "AgentActivityThread": "activity",
    "AgentActivityThreadAuth": "activity",
    "AgentActivityThreadGatewayDecision": "activity",
    "AgentActivityThreadMessage": "activity",
    "AgentActivityThreadOther": "activity",
    "AgentActivityThreadReasoning": "activity",
    "AgentActivityThreadSubAgentTrigger": "activity",
    "AgentActivityThreadToolCall": "activity",
    "AgentExecutionInput": "models",
    "AgentExecutionStatus": "enums",
    "Agents": "agents",
    "AgentsListItem": "agents",
    "Attachment": "models",
    "AuthenticationError": "errors",
    "Backend": "backend",
    "BadRequestError": "errors",
    "ClientError": "errors",
    "CompactRetryResult": "models",
    "Configuration": "configuration",
    "ConfigurationError": "errors",
    "ConflictError": "errors",
    "DeepPlanning": "models",
    "DeepPlanningItem": "models",
    "FileLimits": "attachments",
    "HumanInTheLoopRequest": "models",
    "MCPServerAuthType": "enums",
    "MCPServerDetails": "models",
    "MCPServerSSOToken": "enums",
    "MCPServerTransport": "enums",
    "MCPServerType": "enums",
    "ModuleException": "errors",
    "NotFoundError": "errors",
    "OutboxSettings": "outbox_settings",
    "OutputFormat": "enums",
    "PayloadTooLargeError": "errors",
    "PendingECARequest": "models",
    "PermissionDeniedError": "errors",
    "PlanFollowingStatus": "models",
    "Principal": "models",
    "RateLimitError": "errors",
    "RedirectError": "errors",
    "RetryEvent": "_retry",
    "ServerError": "errors",
    "Task": "task",
    "TaskUpdateEvent": "events",
    "TaskUpdateEventType": "events",
    "Tasks": "tasks",
    "TasksListItem": "tasks_list_item",
    "ThinkMode": "enums",
    "Tokens": "models",
    "ToolCallRequest": "events",
    "ToolCallResult": "events",
    "UnprocessableEntityError": "errors",
    "Usage": "usage",
    "User": "models",
    "WaitTimeoutError": "errors",
    "XpanderError": "errors",
    "__version__": "_version",
    "read_usage": "usage",
}

__all__ = [
    "APIConnectionError",
    "APIResponseParseError",
    "APIStatusError",
    "APITimeoutError",
    "Agent",
    "AgentActivityThread",
    "AgentActivityThreadAuth",
    "AgentActivityThreadGatewayDecision",
    "AgentActivityThreadMessage",
    "AgentActivityThreadOther",
    "AgentActivityThreadReasoning",
    "AgentActivityThreadSubAgentTrigger",
    "AgentActivityThreadToolCall",
    "AgentExecutionInput",
    "AgentExecutionStatus",
    "Agents",
    "AgentsListItem",
    "Attachment",
    "AuthenticationError",
    "Backend",
    "BadRequestError",
    "ClientError",
    "CompactRetryResult",
    "Configuration",
    "ConfigurationError",
    "ConflictError",
    "DeepPlanning",
    "DeepPlanningItem",
    "FileLimits",
    "HumanInTheLoopRequest",
    "MCPServerAuthType",
    "MCPServerDetails",
    "MCPServerSSOToken",
    "MCPServerTransport",
    "MCPServerType",
    "ModuleException",
    "NotFoundError",
    "OutboxSettings",
    "OutputFormat",
    "PayloadTooLargeError",
    "PendingECARequest",
    "PermissionDeniedError",
    "PlanFollowingStatus",
    "Principal",
    "RateLimitError",
    "RedirectError",
    "RetryEvent",
    "ServerError",
    "Task",
    "TaskUpdateEvent",
    "TaskUpdateEventType",
    "Tasks",
    "TasksListItem",
    "ThinkMode",
    "Tokens",
    "ToolCallRequest",
    "ToolCallResult",
    "UnprocessableEntityError",
    "Usage",
    "User",
    "WaitTimeoutError",
    "XpanderError",
    "__version__",
    "read_usage",
]


if not TYPE_CHECKING:  # a type checker that saw these would believe in every name

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
