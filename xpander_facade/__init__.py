"""xpander-facade: report external runs to xpander.ai, and drive tasks. Names load when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xpander_facade._flush_result import FlushResult
    from xpander_facade._retry import RetryEvent
    from xpander_facade._version import __version__
    from xpander_facade._worker_log import TaskIdFilter
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
        OutboxError,
        OutboxFullError,
        PayloadTooLargeError,
        PermissionDeniedError,
        RateLimitError,
        RedirectError,
        ServerError,
        UnprocessableEntityError,
        WaitTimeoutError,
        WorkerConflictError,
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
    from xpander_facade.recorder import ExternalTask, ReportCounts, current_run, report_counts
    from xpander_facade.task import Task
    from xpander_facade.tasks import Tasks
    from xpander_facade.tasks_list_item import TasksListItem
    from xpander_facade.usage import Usage, read_usage
    from xpander_facade.worker import TaskHandler, on_boot, on_shutdown, on_task

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
    "ExternalTask": "recorder",
    "FileLimits": "attachments",
    "FlushResult": "_flush_result",
    "HumanInTheLoopRequest": "models",
    "MCPServerAuthType": "enums",
    "MCPServerDetails": "models",
    "MCPServerSSOToken": "enums",
    "MCPServerTransport": "enums",
    "MCPServerType": "enums",
    "ModuleException": "errors",
    "NotFoundError": "errors",
    "OutboxError": "errors",
    "OutboxFullError": "errors",
    "OutboxSettings": "outbox_settings",
    "OutputFormat": "enums",
    "PayloadTooLargeError": "errors",
    "PendingECARequest": "models",
    "PermissionDeniedError": "errors",
    "PlanFollowingStatus": "models",
    "Principal": "models",
    "RateLimitError": "errors",
    "RedirectError": "errors",
    "ReportCounts": "recorder",
    "RetryEvent": "_retry",
    "ServerError": "errors",
    "Task": "task",
    "TaskHandler": "worker",
    "TaskIdFilter": "_worker_log",
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
    "WorkerConflictError": "errors",
    "XpanderError": "errors",
    "__version__": "_version",
    "current_run": "recorder",
    "on_boot": "worker",
    "on_shutdown": "worker",
    "on_task": "worker",
    "read_usage": "usage",
    "report_counts": "recorder",
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
    "ExternalTask",
    "FileLimits",
    "FlushResult",
    "HumanInTheLoopRequest",
    "MCPServerAuthType",
    "MCPServerDetails",
    "MCPServerSSOToken",
    "MCPServerTransport",
    "MCPServerType",
    "ModuleException",
    "NotFoundError",
    "OutboxError",
    "OutboxFullError",
    "OutboxSettings",
    "OutputFormat",
    "PayloadTooLargeError",
    "PendingECARequest",
    "PermissionDeniedError",
    "PlanFollowingStatus",
    "Principal",
    "RateLimitError",
    "RedirectError",
    "ReportCounts",
    "RetryEvent",
    "ServerError",
    "Task",
    "TaskHandler",
    "TaskIdFilter",
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
    "WorkerConflictError",
    "XpanderError",
    "__version__",
    "current_run",
    "on_boot",
    "on_shutdown",
    "on_task",
    "read_usage",
    "report_counts",
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
