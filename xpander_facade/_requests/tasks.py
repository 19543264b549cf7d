"""Requests about tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
from xpander_api import models
from xpander_api.api import activity, metrics, summarizer
from xpander_api.api import tasks as operations
from xpander_api.types import UNSET

from xpander_facade import _validation
from xpander_facade._process.imports import CREATION, METRICS, SUMMARIES, UPDATES, load
from xpander_facade._requests import bodies
from xpander_facade._requests.bodies import given
from xpander_facade._requests.generated import make_request
from xpander_facade.types.enums import AgentExecutionStatus, OutputFormat, ThinkMode
from xpander_facade.types.models import Attachment, MCPServerDetails, Principal, User, check_principal
from xpander_facade.usage._tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xpander_facade._client.request import Request
    from xpander_facade.types._task_record import TaskRecord


# The platform stores no more of it.
_MAX_INTERNAL_STATUS = 255
_FILTERS = ("user_id", "parent_task_id", "triggering_agent_id", "status", "internal_status")


def activity_request(agent_id: str, task_id: str) -> Request:
    """Return the request that loads a task's thread."""
    parts = activity.get_activity_log_kwargs(
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
    # On the caller's thread, before others need it: a fork during an import on another thread would hang the child.
    load(CREATION)
    try:
        agent_id = _validation.check_agent_id(agent_id, instead="prompt")
        version = given(_validation.check_version(agent_version))
        OutputFormat.warn_of_unknown("output_format", output_format)
        ThinkMode.warn_of_unknown("think_mode", think_mode)
        task_input = models.AgentExecutionInput(
            text=given(_validation.check_text("prompt", prompt)),
            files=_validation.check_names("file_urls", file_urls),
            user=given(bodies.optional("user_details", user_details, User, bodies.user_body)),
            attachments=[
                bodies.attachment_body(attachment)
                for attachment in _validation.check_instances("attachments", attachments, Attachment)
            ]
            or UNSET,
            principal=given(bodies.optional("principal", check_principal(principal), Principal, bodies.principal_body)),
        )
        body = models.CreateTaskRequest(
            input_=task_input,
            id=UNSET if existing_task_id is None else _validation.check_id("existing_task_id", existing_task_id),
            payload_extension=given(bodies.json_object("tool_call_payload_extension", tool_call_payload_extension)),
            source=given(_validation.check_text("source", source)),
            worker_id=given(_validation.check_text("worker_id", worker_id)),
            output_format=given(_validation.check_text("output_format", output_format)),
            output_schema=given(bodies.json_object("output_schema", output_schema)),
            run_locally=_validation.check_flag("run_locally", run_locally),
            events_streaming=_validation.check_flag("events_streaming", events_streaming),
            additional_context=given(_validation.check_text("additional_context", additional_context)),
            instructions_override=given(_validation.check_text("instructions_override", instructions_override)),
            test_run_node_id=given(_validation.check_text("test_run_node_id", test_run_node_id)),
            user_oidc_token=given(_validation.check_text("user_oidc_token", user_oidc_token)),
            expected_output=given(_validation.check_text("expected_output", expected_output)),
            mcp_servers=[
                bodies.mcp_server_body(server)
                for server in _validation.check_instances("mcp_servers", mcp_servers, MCPServerDetails)
            ],
            triggering_agent_id=given(_validation.check_text("triggering_agent_id", triggering_agent_id)),
            title=given(_validation.check_text("title", title)),
            think_mode=given(_validation.check_text("think_mode", think_mode)),
            disable_attachment_injection=_validation.check_flag(
                "disable_attachment_injection", disable_attachment_injection
            ),
            tool_call_limit=given(_validation.check_count("tool_call_limit", tool_call_limit)),
            user_tokens=given(bodies.json_object("user_tokens", user_tokens)),
            return_metrics=_validation.check_flag("return_metrics", return_metrics),
            llm_model_provider=given(_validation.check_text("llm_model_provider", llm_model_provider)),
            llm_model_name=given(_validation.check_text("llm_model_name", llm_model_name)),
            llm_reasoning_effort=given(_validation.check_text("llm_reasoning_effort", llm_reasoning_effort)),
            harness_cli=given(_lower(_validation.check_text("harness_cli", harness_cli))),
            permission_mode=given(_lower(_validation.check_text("permission_mode", permission_mode))),
        )
        parts = operations.create_task_kwargs(agent_id, body=body, x_agent_version=version)
        # Twice the same request makes two tasks.
        return make_request("create_task", parts, idempotent=False, resource_id=agent_id)
    finally:
        # Tracebacks can show variables, and these are secret.
        del user_oidc_token, user_tokens


def get_request(task_id: str) -> Request:
    """Return the request that loads a task."""
    parts = operations.get_task_kwargs(_validation.check_id("task_id", task_id))
    return make_request("get_task", parts, idempotent=True, resource_id=task_id)


def stop_request(task_id: str) -> Request:
    """Return the request that stops a task."""
    parts = operations.stop_task_kwargs(_validation.check_id("task_id", task_id))
    return make_request("stop_task", parts, idempotent=True, resource_id=task_id)


def save_request(
    record: TaskRecord, said: TaskRecord | None, *, with_deep_plan_update: bool, worker_id: str | None = None
) -> Request | None:
    """Return the request that saves a task, or None where nothing was changed.

    Args:
        record: The task as it is here.
        said: The task as the platform last said it, to send only what differs from it; None sends all of it.
        with_deep_plan_update: Send the plan, too.
        worker_id: The worker that saves, instead of the task's own.

    Raises:
        TypeError: An attribute was set to what the platform can't read.
        ValueError: `internal_status` is too long.
    """
    load(CREATION, UPDATES)
    if record.internal_status is not None and len(record.internal_status) > _MAX_INTERNAL_STATUS:
        count = len(record.internal_status)
        raise ValueError(f"internal_status may have {_MAX_INTERNAL_STATUS} characters, not {count}")
    body = bodies.update_body(record)
    if said is not None:
        _leave_out_equals(body, bodies.update_body(said))
    # The platform's own plan counts: its agents may have ticked off steps since the task was loaded.
    if not with_deep_plan_update:
        body.deep_planning = UNSET
    if body == models.UpdateTaskRequest():
        return None
    # Last, for who saves is no change by itself.
    if worker_id is not None:
        body.worker_id = worker_id
    return _update_request(_validation.check_id("id", record.id), body)


def _leave_out_equals(body: models.UpdateTaskRequest, said: models.UpdateTaskRequest) -> None:
    for field in attrs.fields(models.UpdateTaskRequest):
        if field.init and getattr(body, field.name) == getattr(said, field.name):
            setattr(body, field.name, UNSET)
    # What `extra` holds is sent only where it was changed, too.
    old = said.additional_properties
    body.additional_properties = {
        name: value for name, value in body.additional_properties.items() if name not in old or old[name] != value
    }


def change_request(
    task_id: str,
    *,
    status: AgentExecutionStatus | str | None = None,
    result: str | None = None,
    tool_call_payload_extension: dict[str, Any] | None = None,
    last_executed_node_id: str | None = None,
    source: str | None = None,
    tokens: Tokens | None = None,
    duration: float | None = None,
    worker_id: str | None = None,
) -> Request:
    """Return the request that sets some fields of a task, whatever it holds in memory. None leaves a field as it is.

    Raises:
        TypeError: An argument has another type.
        ValueError: The id is empty, or there is nothing to change.
    """
    load(CREATION, UPDATES)
    AgentExecutionStatus.warn_of_unknown("status", status)
    body = models.UpdateTaskRequest(
        status=given(_validation.check_text("status", status)),
        result=given(_validation.check_text("result", result)),
        tool_call_payload_extension=given(
            bodies.json_object("tool_call_payload_extension", tool_call_payload_extension)
        ),
        last_executed_node_id=given(_validation.check_text("last_executed_node_id", last_executed_node_id)),
        source=given(_validation.check_text("source", source)),
        tokens=given(bodies.optional("tokens", tokens, Tokens, bodies.tokens_body)),
        duration=given(duration),
        worker_id=given(worker_id),
    )
    if body == models.UpdateTaskRequest():
        raise ValueError(
            "nothing to update: pass one of status, result, tool_call_payload_extension, last_executed_node_id, source"
        )
    return _update_request(_validation.check_id("task_id", task_id), body)


def _update_request(task_id: str, body: models.UpdateTaskRequest) -> Request:
    parts = operations.update_task_kwargs(task_id, body=body)
    return make_request("update_task", parts, idempotent=True, resource_id=task_id)


def _lower(text: str | None) -> str | None:
    """Return a name of the platform's as it is sent: without white space around it, in small letters."""
    return None if text is None else text.strip().lower() or None


def metrics_request(record: TaskRecord) -> Request:
    """Return the request that reports a task's metrics.

    Raises:
        ValueError: The task has no tokens.
    """
    load(METRICS)
    if record.tokens is None:
        raise ValueError("the task has no tokens: set task.tokens = Tokens(...) before report_metrics()")
    # An orchestration counts what the tasks that return their metrics to it have used.
    counted_elsewhere = record.return_metrics and record.source == "orchestration"
    used_here = Tokens() if counted_elsewhere else record.tokens
    body = models.ReportMetricsRequest(
        execution_id=record.id,
        source=given(record.source),
        sub_executions=[],
        # A task's thread goes by the task's id.
        memory_thread_id=record.id,
        task=given(record.input.text),
        triggered_by="N/A",
        skills=[],
        status=record.status.value,
        internal_status=given(record.internal_status),
        duration=record.duration,
        ai_model=record.llm_model_name or "xpander",
        api_calls_made=[] if counted_elsewhere else list(record.used_tools),
        result=given(record.result),
        llm_tokens=models.MetricsTokens(
            inner=bodies.tokens_body(Tokens()),
            worker=bodies.optional("tokens", used_here, Tokens, bodies.tokens_body),
        ),
    )
    parts = metrics.report_metrics_kwargs(_validation.check_id("agent_id", record.agent_id), body=body)
    # Metrics that are sent twice count twice.
    return make_request("report_metrics", parts, idempotent=False, resource_id=record.agent_id)


def summary_request(tool_name: str, request: Any, response: Any) -> Request:
    """Return the request that lets the platform sum up a tool's call."""
    load(SUMMARIES)
    # The platform is known to have this one preset.
    payload = models.SummarizeToolCallPayload(tool_name=tool_name, request=request, response=response)
    body = models.SummarizeToolCallRequest(preset="tool_call_analysis", payload=payload, use_cache=True)
    parts = summarizer.summarize_tool_call_kwargs(body=body)
    return make_request("summarize_tool_call", parts, idempotent=True)


def list_tasks_request(agent_id: str, filters: Mapping[str, str] | None) -> Request:
    """Return the request that lists the tasks of an agent.

    Raises:
        ValueError: A filter is unknown, or the id is empty.
    """
    checked = _checked(filters, _FILTERS)
    parts = operations.list_tasks_kwargs(
        _validation.check_agent_id(agent_id),
        user_id=given(checked.get("user_id")),
        parent_task_id=given(checked.get("parent_task_id")),
        triggering_agent_id=given(checked.get("triggering_agent_id")),
        status=given(checked.get("status")),
        internal_status=given(checked.get("internal_status")),
    )
    return make_request("list_tasks", parts, idempotent=True, resource_id=agent_id)


def list_user_tasks_request(user_id: str, filters: Mapping[str, str] | None) -> Request:
    """Return the request that lists the tasks of an end user.

    Raises:
        ValueError: A filter is unknown, or the id is empty.
    """
    # The user is in the path.
    checked = _checked(filters, _FILTERS[1:])
    parts = operations.list_user_tasks_kwargs(
        _validation.check_id("user_id", user_id),
        parent_task_id=given(checked.get("parent_task_id")),
        triggering_agent_id=given(checked.get("triggering_agent_id")),
        status=given(checked.get("status")),
        internal_status=given(checked.get("internal_status")),
    )
    return make_request("list_user_tasks", parts, idempotent=True)


def _checked(filters: Mapping[str, str] | None, known: Sequence[str]) -> dict[str, str]:
    if filters is not None and not isinstance(filters, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"filters must be a dict, not {type(filters).__name__}: pass {{'status': 'completed'}}")
    for name in filters or {}:
        if name not in known:
            raise ValueError(f"unknown filter {name!r}: the filters are {', '.join(known)}")
    AgentExecutionStatus.warn_of_unknown("status", (filters or {}).get("status"))
    return {name: str(value) for name, value in (filters or {}).items() if value is not None}
