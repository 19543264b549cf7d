"""Requests about tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade import _validation
from xpander_facade._requests.generated import make_request
from xpander_facade._serialization import codec
from xpander_facade.tasks._record import wire
from xpander_facade.types.models import Attachment, MCPServerDetails, User, check_principal
from xpander_facade.usage._usage import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xpander_facade._client.request import Request
    from xpander_facade.tasks._record import TaskRecord
    from xpander_facade.types.enums import OutputFormat, ThinkMode
    from xpander_facade.types.models import Principal


_MAX_INTERNAL_STATUS = 255


def activity_request(agent_id: str, task_id: str) -> Request:
    """Return the request that loads a task's thread."""
    from xpander_api.api.activity import get_activity_log

    parts = get_activity_log._get_kwargs(
        _validation.check_id("agent_id", agent_id), _validation.check_id("id", task_id)
    )
    return make_request("get_activity_log", parts, idempotent=True, resource_id=task_id)


def create_request(
    agent_id: str,
    *,
    prompt: str,
    existing_task_id: str | None,
    file_urls: Sequence[str] | None,
    attachments: Sequence[Attachment] | None,
    user_details: User | None,
    principal: Principal | None,
    agent_version: str | int | None,
    tool_call_payload_extension: dict[str, Any] | None,
    source: str | None,
    worker_id: str | None,
    output_format: OutputFormat | str | None,
    output_schema: dict[str, Any] | None,
    run_locally: bool,
    events_streaming: bool,
    additional_context: str | None,
    instructions_override: str | None,
    test_run_node_id: str | None,
    user_oidc_token: str | None,
    expected_output: str | None,
    mcp_servers: Sequence[MCPServerDetails] | None,
    triggering_agent_id: str | None,
    title: str | None,
    think_mode: ThinkMode | str,
    disable_attachment_injection: bool,
    tool_call_limit: int | None,
    user_tokens: dict[str, Any] | None,
    return_metrics: bool,
    llm_model_provider: str | None,
    llm_model_name: str | None,
    llm_reasoning_effort: str | None,
    harness_cli: str | None,
    permission_mode: str | None,
) -> Request:
    """Return the request that creates a task, or continues one.

    Raises:
        TypeError: An argument has another type.
        ValueError: An id is empty.
    """
    from xpander_api.api.tasks import create_task
    from xpander_api.models.create_task_request import CreateTaskRequest
    from xpander_api.types import UNSET

    task_input = {
        "text": _validation.check_text("prompt", prompt),
        "files": _validation.check_names("file_urls", file_urls),
        "user": _validation.check_instance("user_details", user_details, User),
        "attachments": _validation.check_instances("attachments", attachments, Attachment) or None,
        "principal": check_principal(principal),
    }
    body = {
        "id": None if existing_task_id is None else _validation.check_id("existing_task_id", existing_task_id),
        "input": {name: value for name, value in task_input.items() if value is not None},
        "payload_extension": _validation.check_object("tool_call_payload_extension", tool_call_payload_extension),
        "source": _validation.check_text("source", source),
        "worker_id": _validation.check_text("worker_id", worker_id),
        "output_format": _validation.check_text("output_format", output_format),
        "output_schema": _validation.check_object("output_schema", output_schema),
        "run_locally": _validation.check_flag("run_locally", run_locally),
        "events_streaming": _validation.check_flag("events_streaming", events_streaming),
        "additional_context": _validation.check_text("additional_context", additional_context),
        "instructions_override": _validation.check_text("instructions_override", instructions_override),
        "test_run_node_id": _validation.check_text("test_run_node_id", test_run_node_id),
        "user_oidc_token": _validation.check_text("user_oidc_token", user_oidc_token),
        "expected_output": _validation.check_text("expected_output", expected_output),
        "mcp_servers": _validation.check_instances("mcp_servers", mcp_servers, MCPServerDetails),
        "triggering_agent_id": _validation.check_text("triggering_agent_id", triggering_agent_id),
        "title": _validation.check_text("title", title),
        "think_mode": _validation.check_text("think_mode", think_mode),
        "disable_attachment_injection": _validation.check_flag(
            "disable_attachment_injection", disable_attachment_injection
        ),
        "tool_call_limit": _validation.check_count("tool_call_limit", tool_call_limit),
        "user_tokens": _validation.check_object("user_tokens", user_tokens),
        "return_metrics": _validation.check_flag("return_metrics", return_metrics),
        "llm_model_provider": _validation.check_text("llm_model_provider", llm_model_provider),
        "llm_model_name": _validation.check_text("llm_model_name", llm_model_name),
        "llm_reasoning_effort": _validation.check_text("llm_reasoning_effort", llm_reasoning_effort),
        "harness_cli": _lower(_validation.check_text("harness_cli", harness_cli)),
        "permission_mode": _lower(_validation.check_text("permission_mode", permission_mode)),
    }
    data = {name: codec.write(value) for name, value in body.items() if value is not None}
    parts = create_task._get_kwargs(
        _validation.check_id("agent_id", agent_id),
        body=CreateTaskRequest.from_dict(data),
        x_agent_version=_validation.check_version(agent_version) or UNSET,
    )
    # Twice the same request makes two tasks.
    return make_request("create_task", parts, idempotent=False, resource_id=agent_id)


def get_request(task_id: str) -> Request:
    """Return the request that loads a task."""
    from xpander_api.api.tasks import get_task

    parts = get_task._get_kwargs(_validation.check_id("task_id", task_id))
    return make_request("get_task", parts, idempotent=True, resource_id=task_id)


def stop_request(task_id: str) -> Request:
    """Return the request that stops a task."""
    from xpander_api.api.tasks import stop_task

    parts = stop_task._get_kwargs(_validation.check_id("task_id", task_id))
    return make_request("stop_task", parts, idempotent=True, resource_id=task_id)


def check_whole(task: TaskRecord) -> None:
    """Refuse to save a task that is not whole.

    Raises:
        ValueError: The task came trimmed in an event.
    """
    if "_result_truncated" in task.extra:
        raise ValueError("this task came trimmed in an event: call reload() before save(), or its result would be lost")


def save_request(task: TaskRecord, with_deep_plan_update: bool, only_changed: bool) -> Request | None:
    """Return the request that saves a task, or None where nothing was changed.

    Raises:
        ValueError: The task came trimmed in an event, or `internal_status` is too long.
    """
    from xpander_api.api.tasks import update_task
    from xpander_api.models.update_task_request import UpdateTaskRequest

    check_whole(task)
    if task.internal_status is not None and len(task.internal_status) > _MAX_INTERNAL_STATUS:
        raise ValueError(f"internal_status may have {_MAX_INTERNAL_STATUS} characters, not {len(task.internal_status)}")
    body = wire(task)
    said = task._said() if only_changed else None
    if said is not None:
        body = {name: value for name, value in body.items() if name not in said or said[name] != value}
    if not with_deep_plan_update:
        body.pop("deep_planning", None)
    if not body:
        return None
    # The body is a whole task in the platform's own form already; the generated model would only copy it.
    parts = update_task._get_kwargs(_validation.check_id("id", task.id), body=UpdateTaskRequest())
    parts["json"] = body
    return make_request("update_task", parts, idempotent=True, resource_id=task.id)


def change_request(task_id: str, fields: dict[str, Any]) -> Request:
    """Return the request that sets some fields of a task, whatever it holds in memory."""
    from xpander_api.api.tasks import update_task
    from xpander_api.models.update_task_request import UpdateTaskRequest

    parts = update_task._get_kwargs(_validation.check_id("id", task_id), body=UpdateTaskRequest.from_dict(fields))
    return make_request("update_task", parts, idempotent=True, resource_id=task_id)


def _lower(text: str | None) -> str | None:
    """Return a name of the platform's as it is sent: without white space around it, in small letters."""
    return None if text is None else text.strip().lower() or None


def metrics_request(task: TaskRecord) -> Request:
    """Return the request that reports a task's metrics.

    Raises:
        ValueError: The task has no tokens.
    """
    from xpander_api.api.metrics import report_metrics
    from xpander_api.models.report_metrics_request import ReportMetricsRequest

    if task.tokens is None:
        raise ValueError("the task has no tokens: set task.tokens = Tokens(...) before report_metrics()")
    counted_elsewhere = task.return_metrics and task.source == "orchestration"
    used_here = Tokens() if counted_elsewhere else task.tokens
    body: dict[str, Any] = {
        "execution_id": task.id,
        "source": task.source,
        "sub_executions": [],
        "memory_thread_id": task.id,
        "task": task.input.text,
        "triggered_by": "N/A",
        "skills": [],
        "status": task.status.value,
        "internal_status": task.internal_status,
        "duration": task.duration,
        "ai_model": task.llm_model_name or "xpander",
        "worker": None,
        "ai_employee_id": None,
        "api_calls_made": [] if counted_elsewhere else list(task.used_tools),
        "result": task.result,
        "llm_tokens": {"inner": codec.write(Tokens()), "worker": codec.write(used_here)},
    }
    body = {name: value for name, value in body.items() if value is not None}
    parts = report_metrics._get_kwargs(
        _validation.check_id("agent_id", task.agent_id), body=ReportMetricsRequest.from_dict(body)
    )
    # Metrics that are sent twice count twice.
    return make_request("report_metrics", parts, idempotent=False, resource_id=task.agent_id)


def summary_request(tool_name: str, request: Any, response: Any) -> Request:
    from xpander_api.api.summarizer import summarize_tool_call
    from xpander_api.models.summarize_tool_call_request import SummarizeToolCallRequest

    payload = {"tool_name": tool_name, "request": request, "response": response}
    body = {"preset": "tool_call_analysis", "payload": payload, "use_cache": True}
    parts = summarize_tool_call._get_kwargs(body=SummarizeToolCallRequest.from_dict(body))
    return make_request("summarize_tool_call", parts, idempotent=True)


_FILTERS = ("user_id", "parent_task_id", "triggering_agent_id", "status", "internal_status")


def list_tasks_request(agent_id: str, filters: Mapping[str, str] | None) -> Request:
    from xpander_api.api.tasks import list_tasks

    parts = list_tasks._get_kwargs(_validation.check_id("agent_id", agent_id), **_checked(filters, _FILTERS))
    return make_request("list_tasks", parts, idempotent=True, resource_id=agent_id)


def list_user_tasks_request(user_id: str, filters: Mapping[str, str] | None) -> Request:
    from xpander_api.api.tasks import list_user_tasks

    parts = list_user_tasks._get_kwargs(_validation.check_id("user_id", user_id), **_checked(filters, _FILTERS[1:]))
    return make_request("list_user_tasks", parts, idempotent=True)


def _checked(filters: Mapping[str, str] | None, known: Sequence[str]) -> dict[str, str]:
    for name in filters or {}:
        if name not in known:
            raise ValueError(f"unknown filter {name!r}: the filters are {', '.join(known)}")
    return {name: str(value) for name, value in (filters or {}).items() if value is not None}


def update_task_request(task_id: str, changes: dict[str, Any]) -> Request:
    from xpander_api.api.tasks import update_task
    from xpander_api.models.update_task_request import UpdateTaskRequest

    body = {name: codec.write(value) for name, value in changes.items() if value is not None}
    if not body:
        raise ValueError(f"nothing to update: pass one of {', '.join(changes)}")
    parts = update_task._get_kwargs(_validation.check_id("task_id", task_id), body=UpdateTaskRequest.from_dict(body))
    return make_request("update_task", parts, idempotent=True, resource_id=task_id)
