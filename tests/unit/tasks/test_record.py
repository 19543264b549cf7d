"""Test a task's attributes: defaults, nulls, secrets that never leave, and what survives a reload, a copy, a pickle."""

import copy
import json
import pickle
from datetime import UTC, datetime

import attrs
import pytest

from xpander_facade._serialization import codec
from xpander_facade.agents._agent import Agent
from xpander_facade.agents._agents import AgentsListItem
from xpander_facade.configuration import Configuration
from xpander_facade.tasks._list_item import TasksListItem
from xpander_facade.tasks._task import Task
from xpander_facade.types._task_record import to_wire
from xpander_facade.types.enums import AgentExecutionStatus, ThinkMode
from xpander_facade.types.models import AgentExecutionInput, DeepPlanning, DeepPlanningItem, MCPServerDetails
from xpander_facade.usage._tokens import Tokens

KEY = "xp-s3cr3t-key"
SMALLEST = {
    "id": "t-1",
    "agent_id": "a-1",
    "organization_id": "o-1",
    "input": {"text": "hi"},
    "created_at": "2026-11-21T10:00:00Z",
}
CONFIGURATION = Configuration(api_key=KEY, organization_id="o-1", base_url="https://x.example")
SECRETS = {
    "user_oidc_token": "s3cr3t-oidc",
    "user_tokens": {"github": "s3cr3t-user"},
    "mcp_servers": [
        {
            "id": "m",
            "url": "https://mcp.example",
            "api_key": "s3cr3t-api",
            "client_secret": "s3cr3t-client",
            "headers": {"authorization": "s3cr3t-header"},
            "env_vars": {"TOKEN": "s3cr3t-env"},
        }
    ],
}

LISTS = ("sub_executions", "finished_sub_executions", "mcp_servers", "used_tools")
FLAGS = (
    "should_update_parent",
    "is_manually_stopped",
    "events_streaming",
    "is_orchestration",
    "is_gateway",
    "is_app",
    "is_continuous",
    "background_auth_eligible",
    "disable_attachment_injection",
    "must_deep_plan",
    "return_metrics",
    "used_mutating_tools",
)
OTHERS = {
    "status": AgentExecutionStatus.Pending,
    "duration": 0.0,
    "execution_attempts": 1,
    "think_mode": ThinkMode.Default,
    "deep_planning": DeepPlanning(enabled=False, enforce=False, started=False, question_raised=False, tasks=[]),
    "extra": {},
}
NONES = (
    "internal_status",
    "last_executed_node_id",
    "agent_version",
    "started_at",
    "paused_at",
    "finished_at",
    "result",
    "parent_execution",
    "conversation_id",
    "conversation_kind",
    "payload_extension",
    "execution_kind",
    "hitl_request",
    "pending_eca_request",
    "source",
    "worker_id",
    "voice_id",
    "output_format",
    "output_schema",
    "additional_context",
    "tool_call_limit",
    "instructions_override",
    "test_run_node_id",
    "user_oidc_token",
    "expected_output",
    "triggering_agent_id",
    "title",
    "user_tokens",
    "llm_model_provider",
    "llm_model_name",
    "llm_reasoning_effort",
    "harness_cli",
    "permission_mode",
    "tokens",
)
DEFAULTS = {**{n: [] for n in LISTS}, **dict.fromkeys(FLAGS, False), **OTHERS, **dict.fromkeys(NONES)}


def loaded(**fields):
    return Task._reader(CONFIGURATION)({**SMALLEST, **fields})


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_absent_attribute_has_its_default(name):
    value = getattr(loaded(), name)
    assert value == DEFAULTS[name]
    assert type(value) is type(DEFAULTS[name])


@pytest.mark.parametrize("name", [name for name in DEFAULTS if name != "extra"])
def test_a_null_becomes_the_default(name):
    value = getattr(loaded(**{name: None}), name)
    assert value == DEFAULTS[name]
    assert type(value) is type(DEFAULTS[name])


def test_the_defaults_of_all_attributes_are_held_here():
    assert {field.name for field in attrs.fields(Task)} == {*DEFAULTS, *SMALLEST}


@pytest.mark.parametrize("name", SMALLEST)
@pytest.mark.parametrize("null", [True, False], ids=["null", "absent"])
def test_what_is_always_there_has_no_default(name, null):
    data = {**SMALLEST, name: None}
    if not null:
        del data[name]
    with pytest.raises(ValueError, match=name):
        Task.from_dict(data)


def test_attributes_can_be_changed_and_enumerations_become_members():
    task = loaded()
    task.result = "done"
    task.status = "completed"
    task.think_mode = "harder"
    assert task.status is AgentExecutionStatus.Completed
    assert task.status.value == "completed"
    assert task.think_mode is ThinkMode.Harder
    with pytest.raises(AttributeError):
        task.reslut = "typo"


def test_an_unknown_status_still_has_a_value():
    task = loaded(status="waiting_for_mars")
    assert task.status == task.status.value == "waiting_for_mars"
    assert task.to_dict()["status"] == "waiting_for_mars"


def test_a_naive_time_means_utc():
    assert loaded(started_at="2026-11-21T10:00:00.5").started_at == datetime(2026, 11, 21, 10, 0, 0, 500000, tzinfo=UTC)


def texts_of(task):
    yield repr(task)
    yield str(task)
    yield f"{[task]}"
    yield json.dumps(task.to_dict())


def test_no_secret_is_in_a_dict_or_a_text_of_a_task():
    for text in texts_of(loaded(**SECRETS)):
        assert "s3cr3t" not in text


@pytest.mark.parametrize("secret", ["user_oidc_token", "user_tokens"])
def test_a_dict_lacks_the_tasks_secrets_whole(secret):
    assert secret not in loaded(**SECRETS).to_dict()


@pytest.mark.parametrize("secret", ["api_key", "client_secret", "headers", "env_vars"])
def test_a_dict_lacks_the_mcp_servers_secrets_whole_and_keeps_the_rest(secret):
    (server,) = loaded(**SECRETS).to_dict()["mcp_servers"]
    assert secret not in server
    assert (server["id"], server["url"]) == ("m", "https://mcp.example")


def test_a_save_sends_the_secrets_as_they_are_part_of_the_state():
    body = to_wire(loaded(**SECRETS))
    assert body["user_oidc_token"] == "s3cr3t-oidc"
    assert body["mcp_servers"][0]["headers"] == {"authorization": "s3cr3t-header"}


def test_the_configuration_is_in_no_dump_of_a_task():
    task = loaded()
    assert task.configuration is CONFIGURATION
    assert "configuration" not in {field.name for field in attrs.fields(Task)}
    for dump in (attrs.asdict(task), task.to_dict(), to_wire(task), attrs.astuple(task), repr(task)):
        assert KEY not in str(dump)
        assert "x.example" not in str(dump)
    assert KEY.encode() not in pickle.dumps(task)


def test_the_configuration_counts_for_no_equality():
    other = loaded()
    other.configuration = None
    assert other == loaded()


def test_a_dict_reads_back_as_the_same_task():
    task = loaded(
        result="r",
        status="completed",
        tokens={"prompt_tokens": 1, "completion_tokens": 2},
        deep_planning={"enabled": True, "tasks": [{"id": "1", "title": "t", "completed": True}]},
        finished_at="2026-11-21T11:00:00+01:00",
        brand_new=[{"a": None}],
    )
    again = Task.from_dict(json.loads(json.dumps(task.to_dict())), CONFIGURATION)
    assert again == task
    assert again.configuration is CONFIGURATION
    assert again.extra == {"brand_new": [{"a": None}]}


def test_from_dict_takes_what_users_have_at_hand():
    task = Task.from_dict({**SMALLEST, "created_at": "2026-01-01", "status": AgentExecutionStatus.Paused})
    assert task.created_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert task.status is AgentExecutionStatus.Paused
    assert task.configuration is None


def test_a_task_can_be_made_by_hand():
    task = Task(id="t", agent_id="a", organization_id="o", input=AgentExecutionInput("x"), created_at=datetime.now(UTC))
    assert task.status is AgentExecutionStatus.Pending
    task.configuration = CONFIGURATION
    assert task.configuration is CONFIGURATION


WAYS = {"copy": copy.copy, "deepcopy": copy.deepcopy}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("field", ["title", "payload_extension"])
def test_a_copy_of_a_task_is_equal_and_knows_what_the_platform_said(way, field):
    task = loaded(title="before", payload_extension={"a": 1})
    again = WAYS[way](task)
    assert again == task
    assert again._server_state() == task._server_state() is not None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("cls", "data"),
    [
        (Task, SMALLEST),
        (Agent, {"id": "a"}),
        (AgentsListItem, [{"id": "a"}]),
        (TasksListItem, [{"id": "t", "agent_id": "a", "organization_id": "o", "status": "paused"}]),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_copy_calls_with_the_same_configuration(way, cls, data):
    made = cls._reader(CONFIGURATION)(data)
    made = made[0] if isinstance(made, list) else made
    assert made.configuration is CONFIGURATION
    assert WAYS[way](made).configuration is CONFIGURATION


def test_a_pickled_task_knows_where_it_came_from_but_not_the_key(monkeypatch):
    data = pickle.dumps(loaded(title="t", new=1))
    assert KEY.encode() not in data
    monkeypatch.setenv("XPANDER_API_KEY", KEY)
    again = pickle.loads(data)
    assert again == loaded(title="t", new=1)
    assert again.configuration == CONFIGURATION
    assert again._server_state() == loaded(title="t", new=1)._server_state()


def plan(*titles, **flags):
    return DeepPlanning(tasks=[DeepPlanningItem(title=title) for title in titles], **flags)


@pytest.mark.parametrize(
    ("mine", "theirs", "kept"),
    [
        (plan("a", enabled=True), plan(), plan("a", enabled=True)),
        (plan("a"), plan("b"), plan("b")),
        (plan(), plan(enabled=True), plan(enabled=True)),
        (plan(), plan(), plan()),
    ],
)
def test_a_plan_that_the_platform_returns_empty_is_kept_from_memory(mine, theirs, kept):
    task, fresh = loaded(), loaded()
    task.deep_planning, fresh.deep_planning = mine, theirs
    task._merge_from(fresh)
    assert task.deep_planning == kept


@pytest.mark.parametrize(
    ("mine", "theirs", "kept"),
    [("mine", None, "mine"), ("mine", "", "mine"), ("mine", "theirs", "theirs"), (None, None, None), (None, "t", "t")],
)
def test_a_context_that_the_platform_returns_empty_is_kept_from_memory(mine, theirs, kept):
    task, fresh = loaded(), loaded()
    task.additional_context, fresh.additional_context = mine, theirs
    task._merge_from(fresh)
    assert task.additional_context == kept


def test_everything_else_is_taken_over_and_the_configuration_stays():
    task = loaded(result="old", title="gone", tokens={"prompt_tokens": 1}, new=1)
    other = Task._reader(None)({**SMALLEST, "result": "new", "status": "completed", "newer": 2})
    task._merge_from(other)
    assert task == other
    assert task.configuration is CONFIGURATION
    assert task._server_state() == other._server_state()


def test_a_task_that_the_platform_never_told_of_has_said_nothing():
    assert Task.from_dict(SMALLEST)._server_state() is None


def test_changing_a_task_does_not_change_what_the_platform_said():
    task = loaded(payload_extension={"a": [1]}, new={"b": [1]}, used_tools=["x"])
    before = task._server_state()
    task.payload_extension["a"].append(2)
    task.extra["new"]["b"].append(2)
    task.used_tools.append("y")
    task.input.text = "changed"
    assert task._server_state() == before
    assert to_wire(task) != before


def test_a_save_never_sends_the_platforms_notes():
    task = loaded(_result_truncated=True, _note=1, kept=2)
    assert task.extra == {"_result_truncated": True, "_note": 1, "kept": 2}
    body = to_wire(task)
    assert body["kept"] == 2
    assert not [name for name in body if name.startswith("_")]


def test_names_that_begin_with_an_underscore_inside_the_users_own_data_are_sent():
    assert to_wire(loaded(payload_extension={"_mine": 1}))["payload_extension"] == {"_mine": 1}


def test_nested_types_are_typed():
    task = loaded(
        tokens={"prompt_tokens": 1},
        mcp_servers=[{"id": "m"}],
        hitl_request={"wait_node_id": "n"},
        pending_eca_request={"connector_name": "c", "auth_url": "u"},
        input={"user": {"email": "e"}, "attachments": [{"url": "u"}], "principal": {"kind": "user"}},
    )
    assert task.tokens == Tokens(1)
    assert task.mcp_servers == [MCPServerDetails(id="m")]
    assert task.hitl_request.wait_node_id == "n"
    assert task.pending_eca_request.connector_name == "c"
    assert task.input.user.email == "e"
    assert task.input.attachments[0].url == "u"
    assert task.input.principal.kind == "user"
    assert codec.unstructure(task)["input"]["principal"]["kind"] == "user"


def test_a_frozen_subclass_of_a_users_is_read_with_its_configuration():
    @attrs.frozen
    class FrozenTask(Task):
        pass

    assert FrozenTask.from_dict(SMALLEST, CONFIGURATION).configuration is CONFIGURATION
    assert FrozenTask._reader(CONFIGURATION)(SMALLEST).configuration is CONFIGURATION


def test_a_list_of_texts_is_a_copy_and_a_number_in_it_becomes_a_text():
    tools = ["a", "b"]
    task = Task.from_dict({**SMALLEST, "used_tools": tools, "sub_executions": ["r", 1]})
    task.used_tools.append("c")
    assert tools == ["a", "b"]
    assert task.sub_executions == ["r", "1"]
