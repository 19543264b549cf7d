"""Own the requests of a task's verbs, and what a plan says. Checked arguments in, generated requests out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from xpander_facade import _checks, _codec
from xpander_facade._task_record import wire
from xpander_facade.models import PlanFollowingStatus, Tokens

if TYPE_CHECKING:
    from xpander_facade._http._exchange import Request
    from xpander_facade._task_record import TaskRecord
    from xpander_facade.models import DeepPlanning

_MAX_INTERNAL_STATUS = 255


def get_request(task_id: str) -> Request:
    """Return the request that loads a task."""
    from xpander_api.api.tasks import get_task

    return get_task._get_kwargs(_checks.check_id("task_id", task_id))


def stop_request(task_id: str, task: TaskRecord | None = None) -> Request:
    """Return the request that stops a task, with the task itself where the caller has it."""
    from xpander_api.api.tasks import stop_task

    request = stop_task._get_kwargs(_checks.check_id("task_id", task_id))
    return request if task is None else {**request, "state": partial(wire, task)}


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
    request = update_task._get_kwargs(_checks.check_id("id", task.id), body=UpdateTaskRequest())
    return {**request, "json": body, "state": partial(wire, task)}


def change_request(task: TaskRecord, fields: dict[str, str]) -> Request:
    """Return the request that sets some fields of a task, whatever it holds in memory."""
    from xpander_api.api.tasks import update_task
    from xpander_api.models.update_task_request import UpdateTaskRequest

    body = UpdateTaskRequest.from_dict(fields)
    return update_task._get_kwargs(_checks.check_id("id", task.id), body=body)


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
        "llm_tokens": {"inner": _codec.write(Tokens()), "worker": _codec.write(task.tokens)},
    }
    body = {name: value for name, value in body.items() if value is not None}
    return report_metrics._get_kwargs(
        _checks.check_id("agent_id", task.agent_id), body=ReportMetricsRequest.from_dict(body)
    )


def plan_following_status(plan: DeepPlanning) -> PlanFollowingStatus:
    """Return whether a plan lets its task finish: open items count where it is enabled, started and enforced."""
    uncompleted = [item for item in plan.tasks if not item.completed]
    binding = plan.enabled and plan.started and plan.enforce
    return PlanFollowingStatus(can_finish=not (binding and uncompleted), uncompleted_tasks=uncompleted)
