"""The fields of a task: those of a new one, those that a request may set, those that the history shows."""

from __future__ import annotations

from typing import Final

from ._clock import now
from ._json import Json, is_array, object_of, write

FINAL: Final = frozenset({"completed", "failed", "error", "stopped"})
FIXED: Final = frozenset({"id", "agent_id", "organization_id", "created_at"})
# These are always there, so that a null does not empty them.
KEPT_WHEN_NULL: Final = frozenset({"input", "status"})
CREATABLE: Final = frozenset(
    [
        "payload_extension",
        "source",
        "worker_id",
        "output_format",
        "output_schema",
        "events_streaming",
        "additional_context",
        "instructions_override",
        "test_run_node_id",
        "user_oidc_token",
        "expected_output",
        "mcp_servers",
        "triggering_agent_id",
        "title",
        "think_mode",
        "disable_attachment_injection",
        "tool_call_limit",
        "user_tokens",
        "return_metrics",
        "llm_model_provider",
        "llm_model_name",
        "llm_reasoning_effort",
        "harness_cli",
        "permission_mode",
        "voice_id",
    ]
)

EMPTY_INPUT: Final[Json] = {"text": "", "files": [], "attachments": [], "user": None, "principal": None}
FRESH: Final[Json] = {
    "status": "pending",
    "result": None,
    "tokens": None,
    "used_tools": [],
    "duration": 0.0,
    "started_at": None,
    "paused_at": None,
    "finished_at": None,
    "is_manually_stopped": False,
    "worker_id": None,
    "hitl_request": None,
    "pending_eca_request": None,
}
# What neither a report nor the end of a run changes.
_SETTINGS: Final[Json] = {
    "internal_status": None,
    "last_executed_node_id": None,
    "agent_version": None,
    "parent_execution": None,
    "conversation_id": None,
    "conversation_kind": "direct",
    "sub_executions": [],
    "finished_sub_executions": [],
    "should_update_parent": False,
    "execution_kind": None,
    "is_orchestration": False,
    "is_gateway": False,
    "is_app": False,
    "background_auth_eligible": False,
    "must_deep_plan": False,
    "execution_attempts": 1,
    "is_continuous": False,
    "used_mutating_tools": False,
    "voice_id": None,
    "source": None,
    "title": None,
    "events_streaming": False,
    "think_mode": "default",
    "mcp_servers": [],
    "disable_attachment_injection": False,
    "return_metrics": False,
    "deep_planning": {"enabled": False, "enforce": False, "started": False, "question_raised": False, "tasks": []},
}
_SETTINGS_TEXT: Final = write(_SETTINGS)[1:-1]
_IDS: Final = ("id", "agent_id", "organization_id", "created_at")
_NEW_TASK: Final[Json] = {**dict.fromkeys(_IDS), **_SETTINGS, **FRESH, "input": None}
_REPORTED: Final = (*FRESH, "input")
_LISTS: Final = tuple(name for name, value in _NEW_TASK.items() if is_array(value))


def new_task(organization_id: str, agent_id: str, task_id: str, created_at: str | None = None) -> Json:
    """Make a pending task; one that is created now, where no time is given."""
    task = _NEW_TASK.copy()
    task["id"], task["agent_id"], task["organization_id"] = task_id, agent_id, organization_id
    task["created_at"] = created_at or now()
    task["input"] = {**EMPTY_INPUT, "files": [], "attachments": []}
    # Two tasks must share nothing that one of them may change; copying just these is many times as fast as deepcopy.
    for name in _LISTS:
        task[name] = []
    task["deep_planning"] = {**_NEW_TASK["deep_planning"], "tasks": []}
    return task


def reported_text(task: Json) -> str:
    """Return the JSON text of a new task whose settings nobody has changed yet, without writing these again."""
    ids = write({name: task[name] for name in _IDS})
    return f"{ids[:-1]},{_SETTINGS_TEXT},{write({name: task[name] for name in _REPORTED})[1:]}"


def list_item(task: Json) -> Json:
    """Make the item that the history shows of a task."""
    user = object_of(object_of(task.get("input")).get("user"))
    item = {name: task.get(name) for name in ("id", "agent_id", "organization_id", "status", "triggering_agent_id")}
    more = ("created_at", "result", "title", "execution_kind", "conversation_kind")
    return {
        **item,
        "user_id": user.get("id"),
        "parent_task_id": task.get("parent_execution"),
        "updated_at": task.get("finished_at") or task.get("started_at") or task["created_at"],
        "source_node_type": task.get("source"),
        **{name: task.get(name) for name in more},
    }
