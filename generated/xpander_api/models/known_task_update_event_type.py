# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownTaskUpdateEventType = Literal[
    "agent_gateway_decision",
    "analyze",
    "ask_for_secret",
    "ask_user_questions",
    "auth_event",
    "chunk",
    "connected",
    "context_status",
    "gateway_steer_applied",
    "inline_card",
    "invite_member",
    "live_surface_created",
    "member_invited",
    "plan_updated",
    "process_state_changed",
    "process_update",
    "secret_saved",
    "sub_agent_trigger",
    "sub_task_created",
    "sub_task_finished",
    "sub_task_updated",
    "task_compactization",
    "task_created",
    "task_finished",
    "task_updated",
    "think",
    "tool_call_request",
    "tool_call_result",
]

KNOWN_TASK_UPDATE_EVENT_TYPE_VALUES: set[KnownTaskUpdateEventType] = {
    "agent_gateway_decision",
    "analyze",
    "ask_for_secret",
    "ask_user_questions",
    "auth_event",
    "chunk",
    "connected",
    "context_status",
    "gateway_steer_applied",
    "inline_card",
    "invite_member",
    "live_surface_created",
    "member_invited",
    "plan_updated",
    "process_state_changed",
    "process_update",
    "secret_saved",
    "sub_agent_trigger",
    "sub_task_created",
    "sub_task_finished",
    "sub_task_updated",
    "task_compactization",
    "task_created",
    "task_finished",
    "task_updated",
    "think",
    "tool_call_request",
    "tool_call_result",
}


def check_known_task_update_event_type(value: str) -> KnownTaskUpdateEventType:
    if value in KNOWN_TASK_UPDATE_EVENT_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_TASK_UPDATE_EVENT_TYPE_VALUES!r}")
