# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

"""The data models of the wire. Each is loaded when it is first asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .activity_gateway_execution import ActivityGatewayExecution
    from .agent import Agent
    from .agent_activity_thread import AgentActivityThread
    from .agent_activity_thread_auth import AgentActivityThreadAuth
    from .agent_activity_thread_gateway_decision import (
        AgentActivityThreadGatewayDecision,
    )
    from .agent_activity_thread_message import AgentActivityThreadMessage
    from .agent_activity_thread_message_content import AgentActivityThreadMessageContent
    from .agent_activity_thread_other import AgentActivityThreadOther
    from .agent_activity_thread_reasoning import AgentActivityThreadReasoning
    from .agent_activity_thread_sub_agent_trigger import (
        AgentActivityThreadSubAgentTrigger,
    )
    from .agent_activity_thread_tool_call import AgentActivityThreadToolCall
    from .agent_execution_input import AgentExecutionInput
    from .agent_graph_item import AgentGraphItem
    from .agent_graph_item_schemas import AgentGraphItemSchemas
    from .agent_graph_item_settings import AgentGraphItemSettings
    from .agent_instructions import AgentInstructions
    from .agent_knowledge_base import AgentKnowledgeBase
    from .agent_tool import AgentTool
    from .agents_list_item import AgentsListItem
    from .agno_settings import AgnoSettings
    from .api_key_allowance import ApiKeyAllowance
    from .api_key_allowance_request import ApiKeyAllowanceRequest
    from .approval_required import ApprovalRequired
    from .attachment import Attachment
    from .create_task_request import CreateTaskRequest
    from .custom_llm_endpoint import CustomLLMEndpoint
    from .deep_planning import DeepPlanning
    from .deep_planning_item import DeepPlanningItem
    from .error_response import ErrorResponse
    from .event_identity import EventIdentity
    from .human_in_the_loop_request import HumanInTheLoopRequest
    from .json_object import JsonObject
    from .knowledge_base_search_result import KnowledgeBaseSearchResult
    from .known_activity_auth_type import KnownActivityAuthType
    from .known_activity_gateway_action import KnownActivityGatewayAction
    from .known_activity_message_role import KnownActivityMessageRole
    from .known_activity_reasoning_type import KnownActivityReasoningType
    from .known_agent_deployment_type import KnownAgentDeploymentType
    from .known_agent_execution_status import KnownAgentExecutionStatus
    from .known_agent_graph_item_type import KnownAgentGraphItemType
    from .known_attachment_kind import KnownAttachmentKind
    from .known_conversation_kind import KnownConversationKind
    from .known_llm_reasoning_effort import KnownLLMReasoningEffort
    from .known_mcp_server_auth_type import KnownMCPServerAuthType
    from .known_mcp_server_sso_token import KnownMCPServerSsoToken
    from .known_mcp_server_transport import KnownMCPServerTransport
    from .known_mcp_server_type import KnownMCPServerType
    from .known_output_format import KnownOutputFormat
    from .known_principal_kind import KnownPrincipalKind
    from .known_summarizer_preset import KnownSummarizerPreset
    from .known_task_update_event_type import KnownTaskUpdateEventType
    from .known_think_mode import KnownThinkMode
    from .known_worker_environment import KnownWorkerEnvironment
    from .known_worker_message_event import KnownWorkerMessageEvent
    from .known_worker_message_type import KnownWorkerMessageType
    from .llm_credentials import LlmCredentials
    from .llm_gateway_route import LLMGatewayRoute
    from .mcp_server_details import MCPServerDetails
    from .metrics_tokens import MetricsTokens
    from .operation_payload import OperationPayload
    from .pending_eca_request import PendingECARequest
    from .principal import Principal
    from .report_external_task_request import ReportExternalTaskRequest
    from .report_metrics_request import ReportMetricsRequest
    from .string_map import StringMap
    from .summarize_tool_call_payload import SummarizeToolCallPayload
    from .summarize_tool_call_request import SummarizeToolCallRequest
    from .summarize_tool_call_response import SummarizeToolCallResponse
    from .summarize_tool_call_result import SummarizeToolCallResult
    from .task import Task
    from .task_event_frame import TaskEventFrame
    from .task_fields import TaskFields
    from .task_update_event import TaskUpdateEvent
    from .tasks_list_item import TasksListItem
    from .tokens import Tokens
    from .tool_call_reasoning import ToolCallReasoning
    from .tool_call_request import ToolCallRequest
    from .tool_call_result import ToolCallResult
    from .update_task_request import UpdateTaskRequest
    from .user import User
    from .validation_error_item import ValidationErrorItem
    from .worker import Worker
    from .worker_capacity_update import WorkerCapacityUpdate
    from .worker_environment_conflict import WorkerEnvironmentConflict
    from .worker_event_frame import WorkerEventFrame
    from .worker_message import WorkerMessage

__all__ = (
    "ActivityGatewayExecution",
    "Agent",
    "AgentActivityThread",
    "AgentActivityThreadAuth",
    "AgentActivityThreadGatewayDecision",
    "AgentActivityThreadMessage",
    "AgentActivityThreadMessageContent",
    "AgentActivityThreadOther",
    "AgentActivityThreadReasoning",
    "AgentActivityThreadSubAgentTrigger",
    "AgentActivityThreadToolCall",
    "AgentExecutionInput",
    "AgentGraphItem",
    "AgentGraphItemSchemas",
    "AgentGraphItemSettings",
    "AgentInstructions",
    "AgentKnowledgeBase",
    "AgentTool",
    "AgentsListItem",
    "AgnoSettings",
    "ApiKeyAllowance",
    "ApiKeyAllowanceRequest",
    "ApprovalRequired",
    "Attachment",
    "CreateTaskRequest",
    "CustomLLMEndpoint",
    "DeepPlanning",
    "DeepPlanningItem",
    "ErrorResponse",
    "EventIdentity",
    "HumanInTheLoopRequest",
    "JsonObject",
    "KnowledgeBaseSearchResult",
    "KnownActivityAuthType",
    "KnownActivityGatewayAction",
    "KnownActivityMessageRole",
    "KnownActivityReasoningType",
    "KnownAgentDeploymentType",
    "KnownAgentExecutionStatus",
    "KnownAgentGraphItemType",
    "KnownAttachmentKind",
    "KnownConversationKind",
    "KnownLLMReasoningEffort",
    "KnownMCPServerAuthType",
    "KnownMCPServerSsoToken",
    "KnownMCPServerTransport",
    "KnownMCPServerType",
    "KnownOutputFormat",
    "KnownPrincipalKind",
    "KnownSummarizerPreset",
    "KnownTaskUpdateEventType",
    "KnownThinkMode",
    "KnownWorkerEnvironment",
    "KnownWorkerMessageEvent",
    "KnownWorkerMessageType",
    "LLMGatewayRoute",
    "LlmCredentials",
    "MCPServerDetails",
    "MetricsTokens",
    "OperationPayload",
    "PendingECARequest",
    "Principal",
    "ReportExternalTaskRequest",
    "ReportMetricsRequest",
    "StringMap",
    "SummarizeToolCallPayload",
    "SummarizeToolCallRequest",
    "SummarizeToolCallResponse",
    "SummarizeToolCallResult",
    "Task",
    "TaskEventFrame",
    "TaskFields",
    "TaskUpdateEvent",
    "TasksListItem",
    "Tokens",
    "ToolCallReasoning",
    "ToolCallRequest",
    "ToolCallResult",
    "UpdateTaskRequest",
    "User",
    "ValidationErrorItem",
    "Worker",
    "WorkerCapacityUpdate",
    "WorkerEnvironmentConflict",
    "WorkerEventFrame",
    "WorkerMessage",
)

_MODULES = {
    "ActivityGatewayExecution": ".activity_gateway_execution",
    "Agent": ".agent",
    "AgentActivityThread": ".agent_activity_thread",
    "AgentActivityThreadAuth": ".agent_activity_thread_auth",
    "AgentActivityThreadGatewayDecision": ".agent_activity_thread_gateway_decision",
    "AgentActivityThreadMessage": ".agent_activity_thread_message",
    "AgentActivityThreadMessageContent": ".agent_activity_thread_message_content",
    "AgentActivityThreadOther": ".agent_activity_thread_other",
    "AgentActivityThreadReasoning": ".agent_activity_thread_reasoning",
    "AgentActivityThreadSubAgentTrigger": ".agent_activity_thread_sub_agent_trigger",
    "AgentActivityThreadToolCall": ".agent_activity_thread_tool_call",
    "AgentExecutionInput": ".agent_execution_input",
    "AgentGraphItem": ".agent_graph_item",
    "AgentGraphItemSchemas": ".agent_graph_item_schemas",
    "AgentGraphItemSettings": ".agent_graph_item_settings",
    "AgentInstructions": ".agent_instructions",
    "AgentKnowledgeBase": ".agent_knowledge_base",
    "AgentTool": ".agent_tool",
    "AgentsListItem": ".agents_list_item",
    "AgnoSettings": ".agno_settings",
    "ApiKeyAllowance": ".api_key_allowance",
    "ApiKeyAllowanceRequest": ".api_key_allowance_request",
    "ApprovalRequired": ".approval_required",
    "Attachment": ".attachment",
    "CreateTaskRequest": ".create_task_request",
    "CustomLLMEndpoint": ".custom_llm_endpoint",
    "DeepPlanning": ".deep_planning",
    "DeepPlanningItem": ".deep_planning_item",
    "ErrorResponse": ".error_response",
    "EventIdentity": ".event_identity",
    "HumanInTheLoopRequest": ".human_in_the_loop_request",
    "JsonObject": ".json_object",
    "KnowledgeBaseSearchResult": ".knowledge_base_search_result",
    "KnownActivityAuthType": ".known_activity_auth_type",
    "KnownActivityGatewayAction": ".known_activity_gateway_action",
    "KnownActivityMessageRole": ".known_activity_message_role",
    "KnownActivityReasoningType": ".known_activity_reasoning_type",
    "KnownAgentDeploymentType": ".known_agent_deployment_type",
    "KnownAgentExecutionStatus": ".known_agent_execution_status",
    "KnownAgentGraphItemType": ".known_agent_graph_item_type",
    "KnownAttachmentKind": ".known_attachment_kind",
    "KnownConversationKind": ".known_conversation_kind",
    "KnownLLMReasoningEffort": ".known_llm_reasoning_effort",
    "KnownMCPServerAuthType": ".known_mcp_server_auth_type",
    "KnownMCPServerSsoToken": ".known_mcp_server_sso_token",
    "KnownMCPServerTransport": ".known_mcp_server_transport",
    "KnownMCPServerType": ".known_mcp_server_type",
    "KnownOutputFormat": ".known_output_format",
    "KnownPrincipalKind": ".known_principal_kind",
    "KnownSummarizerPreset": ".known_summarizer_preset",
    "KnownTaskUpdateEventType": ".known_task_update_event_type",
    "KnownThinkMode": ".known_think_mode",
    "KnownWorkerEnvironment": ".known_worker_environment",
    "KnownWorkerMessageEvent": ".known_worker_message_event",
    "KnownWorkerMessageType": ".known_worker_message_type",
    "LlmCredentials": ".llm_credentials",
    "LLMGatewayRoute": ".llm_gateway_route",
    "MCPServerDetails": ".mcp_server_details",
    "MetricsTokens": ".metrics_tokens",
    "OperationPayload": ".operation_payload",
    "PendingECARequest": ".pending_eca_request",
    "Principal": ".principal",
    "ReportExternalTaskRequest": ".report_external_task_request",
    "ReportMetricsRequest": ".report_metrics_request",
    "StringMap": ".string_map",
    "SummarizeToolCallPayload": ".summarize_tool_call_payload",
    "SummarizeToolCallRequest": ".summarize_tool_call_request",
    "SummarizeToolCallResponse": ".summarize_tool_call_response",
    "SummarizeToolCallResult": ".summarize_tool_call_result",
    "Task": ".task",
    "TaskEventFrame": ".task_event_frame",
    "TaskFields": ".task_fields",
    "TaskUpdateEvent": ".task_update_event",
    "TasksListItem": ".tasks_list_item",
    "Tokens": ".tokens",
    "ToolCallReasoning": ".tool_call_reasoning",
    "ToolCallRequest": ".tool_call_request",
    "ToolCallResult": ".tool_call_result",
    "UpdateTaskRequest": ".update_task_request",
    "User": ".user",
    "ValidationErrorItem": ".validation_error_item",
    "Worker": ".worker",
    "WorkerCapacityUpdate": ".worker_capacity_update",
    "WorkerEnvironmentConflict": ".worker_environment_conflict",
    "WorkerEventFrame": ".worker_event_frame",
    "WorkerMessage": ".worker_message",
}


if not TYPE_CHECKING:  # a type checker that saw this would believe in every name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_MODULES[name], __name__), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
