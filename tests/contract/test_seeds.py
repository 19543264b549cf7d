"""Test the classes against the platform's documentation: attributes, parameters, defaults, members, pairs.

The tables are transcribed from the documentation of report_external_task, Tasks and Task, in our own form. Where the
project decided otherwise (see CONTRIBUTING), the line says so.
"""

import enum
import inspect
import typing
from datetime import datetime
from typing import Any

import attrs
import pytest

import xpander_facade
from xpander_facade import (
    Agent,
    AgentExecutionInput,
    AgentExecutionStatus,
    Agents,
    Backend,
    Configuration,
    DeepPlanning,
    DeepPlanningItem,
    HumanInTheLoopRequest,
    MCPServerDetails,
    OutputFormat,
    PendingECARequest,
    PlanFollowingStatus,
    Task,
    Tasks,
    TasksListItem,
    ThinkMode,
    Tokens,
    User,
)

REQUIRED = inspect.Parameter.empty

TASK = {
    # Identity
    "id": (str, REQUIRED),
    "agent_id": (str, REQUIRED),
    "organization_id": (str, REQUIRED),
    "agent_version": (str | None, None),
    "triggering_agent_id": (str | None, None),
    "parent_execution": (str | None, None),
    "sub_executions": (list[str], []),
    "source": (str | None, None),
    "title": (str | None, None),
    # Input
    "input": (AgentExecutionInput, REQUIRED),
    "payload_extension": (dict[str, Any] | None, None),
    "additional_context": (str | None, None),
    "instructions_override": (str | None, None),
    "expected_output": (str | None, None),
    "mcp_servers": (list[MCPServerDetails], []),
    "user_oidc_token": (str | None, None),
    "user_tokens": (dict[str, Any] | None, None),
    "disable_attachment_injection": (bool, False),
    "output_format": (OutputFormat | None, None),
    "output_schema": (dict[str, Any] | None, None),
    "voice_id": (str | None, None),
    "think_mode": (ThinkMode, ThinkMode.Default),
    # State
    "status": (AgentExecutionStatus, AgentExecutionStatus.Pending),
    "internal_status": (str | None, None),
    "last_executed_node_id": (str | None, None),
    "is_manually_stopped": (bool, False),
    "is_orchestration": (bool, False),
    "events_streaming": (bool, False),
    "hitl_request": (HumanInTheLoopRequest | None, None),
    "pending_eca_request": (PendingECARequest | None, None),
    "deep_planning": (DeepPlanning, DeepPlanning()),
    "execution_attempts": (int, 1),
    "return_metrics": (bool, False),
    # Output
    "result": (str | None, None),
    "tokens": (Tokens | None, None),
    "used_tools": (list[str], []),
    "duration": (float, 0.0),
    # Timestamps
    "created_at": (datetime, REQUIRED),
    "started_at": (datetime | None, None),
    "paused_at": (datetime | None, None),
    "finished_at": (datetime | None, None),
    # Internal; `configuration` is a property, see below
    "test_run_node_id": (str | None, None),
}
BEYOND = {
    # What the platform sends beyond the documentation.
    "conversation_id": (str | None, None),
    "conversation_kind": (str | None, None),
    "finished_sub_executions": (list[str], []),
    "should_update_parent": (bool, False),
    "execution_kind": (str | None, None),
    "is_gateway": (bool, False),
    "is_app": (bool, False),
    "background_auth_eligible": (bool, False),
    "tool_call_limit": (int | None, None),
    "must_deep_plan": (bool, False),
    "llm_model_provider": (str | None, None),
    "llm_model_name": (str | None, None),
    "llm_reasoning_effort": (str | None, None),
    "harness_cli": (str | None, None),
    "permission_mode": (str | None, None),
    "worker_id": (str | None, None),
    "is_continuous": (bool, False),
    "used_mutating_tools": (bool, False),
}


@pytest.mark.parametrize("name", [*TASK, *BEYOND])
def test_an_attribute_of_a_task_has_its_type_and_default(name):
    kind, default = {**TASK, **BEYOND}[name]
    field = attrs.fields_dict(Task)[name]
    assert typing.get_type_hints(Task)[name] == kind
    if default is REQUIRED:
        assert field.default is attrs.NOTHING
    else:
        made = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default
        assert made == default
        assert type(made) is type(default)


def test_a_task_has_no_attribute_beyond_these_tables_and_extra():
    assert {field.name for field in attrs.fields(Task)} == {*TASK, *BEYOND, "extra"}


def test_the_configuration_of_a_task_is_an_attribute_that_is_never_serialised():
    assert isinstance(Task.configuration, property)
    assert Task.configuration.fset is not None
    assert "configuration" not in attrs.fields_dict(Task)


@pytest.mark.parametrize(
    ("cls", "name", "kind"),
    [
        (AgentExecutionInput, "text", str | None),
        (AgentExecutionInput, "files", list[str]),
        (AgentExecutionInput, "user", User | None),
        (Tokens, "prompt_tokens", int),
        (Tokens, "completion_tokens", int),
        (PlanFollowingStatus, "can_finish", bool),
        (PlanFollowingStatus, "uncompleted_tasks", list[DeepPlanningItem]),
        (DeepPlanning, "tasks", list[DeepPlanningItem]),
    ],
)
def test_an_attribute_of_a_small_type_has_its_type(cls, name, kind):
    assert typing.get_type_hints(cls)[name] == kind


STATUSES = ("Pending", "Executing", "Paused", "Error", "Failed", "Completed", "Stopped")


@pytest.mark.parametrize(
    ("cls", "members"),
    [
        (AgentExecutionStatus, {name: name.lower() for name in STATUSES}),
        (OutputFormat, {"Text": "text", "Markdown": "markdown", "Json": "json", "Voice": "voice"}),
        (ThinkMode, {"Default": "default", "Harder": "harder"}),
    ],
)
def test_an_enumeration_has_the_documented_members_and_values(cls, members):
    assert {name: member.value for name, member in cls.__members__.items()} == members
    assert issubclass(cls, str)
    assert issubclass(cls, enum.Enum)


REPORT = {
    "id": None,
    "input": None,
    "llm_response": None,
    "tokens": None,
    "is_success": True,
    "result": None,
    "duration": 0,
    "used_tools": None,
}
CREATE = {
    "prompt": "",
    "existing_task_id": None,
    "file_urls": None,
    "attachments": None,
    "user_details": None,
    "principal": None,
    "agent_version": None,
    "tool_call_payload_extension": None,
    "source": None,
    "worker_id": None,
    "output_format": None,
    "output_schema": None,
    "run_locally": False,
    "events_streaming": False,
    "additional_context": None,
    "instructions_override": None,
    "test_run_node_id": None,
    "user_oidc_token": None,
    "expected_output": None,
    "mcp_servers": None,
    "triggering_agent_id": None,
    "title": None,
    "think_mode": "default",
    "disable_attachment_injection": False,
    "tool_call_limit": None,
    "user_tokens": None,
    "return_metrics": False,
    "llm_model_provider": None,
    "llm_model_name": None,
    "llm_reasoning_effort": None,
    "harness_cli": None,
    "permission_mode": None,
}
KEYWORDS = "keyword-only from here"

METHODS = [
    # The documentation's order and defaults of report_external_task; `used_tools=None` means [] in both forms, and
    # `Task.` takes its `agent_id` by default from the configuration: the documented table puts a required parameter
    # after one with a default, which Python can't say.
    (Backend, "report_external_task", {"agent_id": None, "agent": None, **REPORT, "configuration": None}),
    (Task, "report_external_task", {"configuration": None, "agent_id": None, **REPORT}),
    (Backend, "invoke_agent", {"agent_id": None, KEYWORDS: 0, **CREATE, "source": "sdk", "configuration": None}),
    (Tasks, "list", {"agent_id": None, "filters": None}),
    (Tasks, "list_user_tasks", {"user_id": REQUIRED, "filters": None}),
    (Tasks, "get", {"task_id": REQUIRED}),
    (Tasks, "create", {"agent_id": None, KEYWORDS: 0, **CREATE}),
    (
        Tasks,
        "update",
        {
            "task_id": REQUIRED,
            "tool_call_payload_extension": None,
            "source": None,
            "status": None,
            "last_executed_node_id": None,
            "result": None,
        },
    ),
    (Tasks, "stop", {"task_id": REQUIRED}),
    (Task, "load", {"task_id": REQUIRED, "configuration": None}),
    (Task, "save", {"with_deep_plan_update": False, KEYWORDS: 0, "only_changed": False}),
    (Task, "set_status", {"status": REQUIRED, "result": None}),
    (Task, "stop", {}),
    (Task, "reload", {}),
    (Task, "events", {}),
    (Task, "get_activity_log", {}),
    (Task, "report_metrics", {"configuration": None}),
    (Task, "get_plan_following_status", {}),
    (Task, "wait_until_done", {"timeout": None, "poll_interval": 1.0}),
    (TasksListItem, "load", {"configuration": None}),
    (Agents, "list", {}),
    (Agents, "get", {"agent_id": None, KEYWORDS: 0, "version": None}),
    (Agent, "load", {"agent_id": REQUIRED, "configuration": None, KEYWORDS: 0, "version": None}),
    (Agent, "create_task", {KEYWORDS: 0, **CREATE, "source": "sdk"}),
]


@pytest.mark.parametrize("prefix", ["", "a"], ids=["sync", "async"])
@pytest.mark.parametrize(("cls", "name", "expected"), METHODS, ids=lambda value: getattr(value, "__name__", None))
def test_a_method_has_its_parameters_in_order_with_their_defaults(cls, name, expected, prefix):
    method = getattr(cls, prefix + name)
    parameters = [p for p in inspect.signature(method).parameters.values() if p.name not in {"self", "cls"}]
    named = [key for key in expected if key != KEYWORDS]
    assert [p.name for p in parameters] == named
    for parameter in parameters:
        assert parameter.default == expected[parameter.name]
        assert type(parameter.default) is type(expected[parameter.name]) or isinstance(parameter.default, ThinkMode)
    keyword_only = named[list(expected).index(KEYWORDS) :] if KEYWORDS in expected else []
    # What the documentation takes by keyword may be taken by position too; nothing else is by keyword alone.
    by_keyword = [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
    assert by_keyword == keyword_only[len(keyword_only) - len(by_keyword) :]
    assert not [p for p in parameters if p.kind in {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}]


@pytest.mark.parametrize(("cls", "name", "expected"), METHODS, ids=lambda value: getattr(value, "__name__", None))
def test_a_method_and_its_twin_are_sync_and_async(cls, name, expected):
    assert not inspect.iscoroutinefunction(getattr(cls, name))
    if name != "events":
        assert inspect.iscoroutinefunction(getattr(cls, f"a{name}"))
    assert (getattr(cls, name).__doc__ or "").strip()


CLASS_METHODS = [(Task, "load"), (Task, "report_external_task"), (Agent, "load")]


@pytest.mark.parametrize(("cls", "name"), CLASS_METHODS)
@pytest.mark.parametrize("prefix", ["", "a"])
def test_a_class_method_needs_no_instance(cls, name, prefix):
    assert isinstance(inspect.getattr_static(cls, prefix + name), classmethod)


@pytest.mark.parametrize("cls", [Backend, Tasks, Agents])
def test_a_module_is_made_with_an_optional_configuration(cls):
    configuration, options = inspect.signature(cls).parameters.values()
    assert (configuration.name, configuration.default) == ("configuration", None)
    assert options.kind is options.VAR_KEYWORD, "whatever a Configuration takes"


def test_a_configuration_takes_the_documented_arguments_first():
    names = list(inspect.signature(Configuration).parameters)
    assert names[:6] == ["api_key", "organization_id", "base_url", "agent_id", "timeout", "max_retries"]


RETURNS = {
    "create": "Task",
    "get": "Task",
    "update": "Task",
    "stop": "Task",
    "list": "builtins.list[TasksListItem]",
    "list_user_tasks": "builtins.list[TasksListItem]",
}


@pytest.mark.parametrize("name", RETURNS)
def test_a_method_of_tasks_returns_the_documented_type(name):
    assert getattr(Tasks, name).__annotations__["return"] == RETURNS[name]
    assert getattr(Tasks, f"a{name}").__annotations__["return"] == RETURNS[name]


def test_the_types_of_the_tables_are_those_that_the_package_exports():
    for cls in {cls for cls, _, _ in METHODS}:
        assert getattr(xpander_facade, cls.__name__) is cls
