"""What a client of the platform sends for each documented call: a table of facts, transcribed from recorded traffic.

Owns the table `CASES` and the rule by which a body of ours is compared with a recorded one, `same_body`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

AGENT, TASK, ORGANIZATION, KEY = "agent-123", "task_1", "org-1", "key-1"


@dataclass(frozen=True)
class Request:
    """One request on the wire. `path` begins after the base URL; `body` is None where nothing is sent."""

    operation: str
    method: str
    path: str
    body: Any = None
    accept: str = "*/*"


@dataclass(frozen=True)
class Case:
    """One call of the public interface, told in words, and the requests that it leads to, in order."""

    name: str
    call: str
    requests: tuple[Request, ...]


def _tokens(prompt: int, completion: int) -> dict[str, int]:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return counts | {"cache_read_tokens": 0, "cache_write_tokens": 0}


_REPORT = dict.fromkeys(("id", "input", "llm_response", "tokens", "result")) | {
    "is_success": True,
    "duration": 0.0,
    "used_tools": [],
}


def _all(names: str, value: Any = None) -> dict[str, Any]:
    return dict.fromkeys(names.split(), value)


# The model and harness settings that the body of a new task and the state of a task have in common, all unset.
_UNSET_CHOICES = _all(
    """payload_extension source output_format output_schema additional_context instructions_override test_run_node_id
    user_oidc_token expected_output triggering_agent_id title tool_call_limit user_tokens llm_model_provider
    llm_model_name llm_reasoning_effort harness_cli permission_mode"""
) | {"mcp_servers": [], "think_mode": "default", "disable_attachment_injection": False, "return_metrics": False}

_CREATE = _UNSET_CHOICES | {"id": None, "worker_id": None, "run_locally": False, "events_streaming": False}

# A task that the platform ran to its end, as it is sent back when its result is set to "Done" and it is saved.
SAVED_TASK: dict[str, Any] = (
    _UNSET_CHOICES
    | _all(
        """internal_status last_executed_node_id agent_version paused_at parent_execution conversation_id
        conversation_kind execution_kind hitl_request pending_eca_request voice_id"""
    )
    | _all(
        """should_update_parent is_manually_stopped is_orchestration is_gateway is_app background_auth_eligible
        must_deep_plan""",
        False,
    )
    | {
        "id": TASK,
        "agent_id": AGENT,
        "organization_id": ORGANIZATION,
        "input": {"text": "hello", "files": [], "attachments": [], "user": None, "principal": None},
        "status": "completed",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "started_at": "2026-01-02T03:04:06Z",
        "finished_at": "2026-01-02T03:04:10Z",
        "result": "Done",
        "sub_executions": [],
        "source": "sdk",
        "events_streaming": True,
        "execution_attempts": 1,
        "tokens": _tokens(10, 5),
        "used_tools": ["web_search"],
        "duration": 4.7,
    }
)

# The task that the recorder answered every call with.
ANSWERED_TASK: dict[str, Any] = SAVED_TASK | {"result": "done"}

_METRICS = {
    "execution_id": TASK,
    "memory_thread_id": TASK,
    "source": "sdk",
    "sub_executions": [],
    "task": "hello",
    "triggered_by": "N/A",
    "skills": [],
    "status": "completed",
    "internal_status": None,
    "duration": 0.0,
    "ai_model": "xpander",
    "worker": None,
    "ai_employee_id": None,
    "api_calls_made": ["web_search", "fetch_pdf"],
    "result": "done",
    "llm_tokens": {"inner": _tokens(0, 0), "worker": _tokens(2140, 380)},
}

_GET = Request("get_task", "GET", f"/agent-execution/{TASK}/status")
_STOP = Request("stop_task", "DELETE", f"/agent-execution/{TASK}")


def _report(**given: Any) -> tuple[Request]:
    return (Request("report_external_task", "POST", f"/agent-execution/{AGENT}/report_task", _REPORT | given),)


def _create(**given: Any) -> tuple[Request]:
    return (Request("create_task", "POST", f"/agent-execution/{AGENT}", _CREATE | given),)


def _update(body: dict[str, Any]) -> Request:
    return Request("update_task", "PATCH", f"/agent-execution/{TASK}/update", body)


CASES = (
    Case(
        "report_backend_full",
        "Backend.report_external_task with every argument but llm_response",
        _report(
            id="ext-job-9921",
            input="Summarize Q4 earnings",
            result="Q4 revenue grew 22% YoY",
            tokens=_tokens(2140, 380),
            duration=4.7,
            used_tools=["web_search", "fetch_pdf"],
        ),
    ),
    Case("report_backend_minimal", "Backend.report_external_task with the agent alone", _report()),
    Case(
        "report_backend_failure",
        "Backend.report_external_task of a failed run",
        _report(id="job-failed-001", input="p", result="boom", is_success=False),
    ),
    Case(
        "report_task_classmethod",
        "Task.report_external_task with an llm_response",
        _report(id="ext-001", input="i", result="r", llm_response={"choices": [{"message": {"content": "hi"}}]}),
    ),
    Case(
        "tasks_list",
        "Tasks.list of an agent",
        (Request("list_tasks", "GET", f"/agent-execution/executions/history/{AGENT}"),),
    ),
    Case("tasks_get", "Tasks.get of task_xyz", (Request("get_task", "GET", "/agent-execution/task_xyz/status"),)),
    Case(
        "tasks_create_minimal",
        "Tasks.create with the agent and the prompt 'Hello!'",
        _create(input={"text": "Hello!", "files": [], "user": None}),
    ),
    Case(
        "tasks_update",
        "Tasks.update with status completed and result 'done'",
        (_update({"status": "completed", "result": "done"}),),
    ),
    Case("tasks_stop", "Tasks.stop", (_STOP,)),
    Case(
        "task_save",
        "Tasks.get, then result 'Done' and status completed are set, then Task.save",
        (_GET, _update(SAVED_TASK)),
    ),
    Case("task_stop", "Tasks.get, then Task.stop", (_GET, _STOP)),
    Case("task_reload", "Tasks.get, then Task.reload", (_GET, _GET)),
    Case(
        "task_events",
        "Tasks.get, then Task.events to the end",
        (
            _GET,
            Request(
                "stream_task_events",
                "GET",
                f"/{ORGANIZATION}/agent-execution/{TASK}/events",
                accept="text/event-stream",
            ),
        ),
    ),
    Case(
        "task_activity_log",
        "Tasks.get, then Task.get_activity_log",
        (_GET, Request("get_activity_log", "GET", f"/activity/{AGENT}/{TASK}")),
    ),
    Case(
        "task_report_metrics",
        "Tasks.get, then tokens 2140 + 380, two used tools and a duration are set, then Task.report_metrics",
        (_GET, Request("report_metrics", "POST", f"/agents-metrics/{AGENT}/execution", _METRICS)),
    ),
    Case("task_plan_status", "Tasks.get, then Task.get_plan_following_status", (_GET, _GET)),
    Case(
        "backend_invoke_agent",
        "Backend.invoke_agent with the agent and the prompt 'Summarize'",
        _create(source="sdk", input={"text": "Summarize", "files": None, "user": None}),
    ),
)

CASE = {case.name: case for case in CASES}

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
# Flags that are true when they are absent: for these alone, false says something.
_TRUE_WHEN_ABSENT = {"is_success", "share_user_token_across_other_agents", "use_cache"}
# Members whose content is the user's own and must arrive as it was given.
_VERBATIM = {"llm_response"}


def same_body(sent: Any, recorded: Any) -> bool:
    """Tell whether two JSON bodies mean the same.

    Members that are null, empty or false may be absent on either side (false only where absent does not mean true),
    times are compared as instants, and true is not 1. Zeros count: a duration of 0 must be there.
    """
    return _plain(sent) == _plain(recorded)


def _plain(value: Any, verbatim: bool = False) -> Any:
    if isinstance(value, dict):
        return dict(_members(value, verbatim))
    if isinstance(value, list):
        return [_plain(item, verbatim) for item in value]
    if isinstance(value, str) and not verbatim and _TIME.match(value):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return moment.replace(tzinfo=moment.tzinfo or UTC)
    return ("flag", value) if isinstance(value, bool) else value


def _members(value: dict[str, Any], verbatim: bool) -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        plain = _plain(member, verbatim or name in _VERBATIM)
        if not verbatim:
            empty = plain is None or (isinstance(plain, str | list | dict) and not plain)
            idle = plain == ("flag", False) and name not in _TRUE_WHEN_ABSENT
            if empty or idle:
                continue
        yield name, plain
