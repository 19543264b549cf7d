"""Every verb of Tasks, Task, Agents, Agent and Backend, once sync and once async, against the emulator."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, configured
from misbehaving import Misbehaving, answer, task_answer
from wire_cases import ANSWERED_TASK

from xpander_facade import (
    Agent,
    AgentActivityThread,
    AgentActivityThreadAuth,
    AgentActivityThreadGatewayDecision,
    AgentActivityThreadMessage,
    AgentActivityThreadOther,
    AgentActivityThreadReasoning,
    AgentActivityThreadSubAgentTrigger,
    AgentActivityThreadToolCall,
    AgentExecutionStatus,
    Agents,
    Attachment,
    Backend,
    Configuration,
    DeepPlanning,
    DeepPlanningItem,
    MCPServerDetails,
    MCPServerTransport,
    MCPServerType,
    ModuleException,
    NotFoundError,
    OutputFormat,
    PlanFollowingStatus,
    Principal,
    Task,
    Tasks,
    TasksListItem,
    ThinkMode,
    Tokens,
    User,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.emulator import Emulator, Run

S = AgentExecutionStatus
A = "agent-123"


@pytest.fixture
def tasks(configuration: Configuration) -> Tasks:
    return Tasks(configuration)


@pytest.fixture
def resting(emulator: Emulator) -> None:
    """Let created tasks execute until they are stopped or changed from outside."""
    emulator.agent = lambda run: run.wait(threading.Event())


def last_body(emulator: Emulator, operation: str) -> Any:
    return emulator.requests(operation)[-1].body


# --- Tasks: these run against any server ---


def test_a_created_task_runs_to_its_end(call: Caller, tasks: Tasks, configuration: Configuration):
    task = call(tasks, "create", configuration.get_agent_id(), prompt="Hello!")
    assert task.agent_id == configuration.get_agent_id()
    assert task.status in (S.Pending, S.Executing)
    assert task.input.text == "Hello!"
    call(task, "wait_until_done", timeout=60, poll_interval=0.02)
    assert task.status is S.Completed
    assert task.result
    assert task.started_at is not None
    assert task.finished_at >= task.started_at >= task.created_at


def test_a_loaded_task_equals_the_one_at_hand(call: Caller, tasks: Tasks, backend: Backend):
    made = call(backend, "report_external_task", input="x", result="y", tokens=Tokens(1, 2), duration=0.5)
    assert call(tasks, "get", made.id) == made
    assert call(Task, "load", made.id, tasks.configuration) == made
    assert call(made, "reload") is made


def test_an_unknown_task_is_not_found(call: Caller, tasks: Tasks):
    for verb in ("get", "stop"):
        with pytest.raises(NotFoundError):
            call(tasks, verb, "no-such-task")
    with pytest.raises(NotFoundError):
        call(tasks, "update", "no-such-task", result="x")


def test_a_task_can_be_stopped_and_stays_stopped(call: Caller, tasks: Tasks):
    long = "word " * 500  # the agent says it word by word, for ten seconds
    stopped = call(tasks, "stop", call(tasks, "create", prompt=long).id)
    assert (stopped.status, stopped.is_manually_stopped) == (S.Stopped, True)
    task = call(tasks, "create", prompt=long)
    assert call(task, "stop") is task
    assert (task.status, task.is_manually_stopped) == (S.Stopped, True)
    assert call(tasks, "get", task.id).status is S.Stopped


# --- Tasks: lists ---


def test_lists_hold_items_in_the_platform_s_order(call: Caller, tasks: Tasks, backend: Backend, emulator: Emulator):
    for id in ("first", "second", "third"):
        call(backend, "report_external_task", A, id=id, result=f"of {id}")
    call(backend, "report_external_task", "another", id="elsewhere")
    items = call(tasks, "list", agent_id=A)
    assert [item.id for item in items] == [task["id"] for task in emulator.tasks(agent_id=A)]
    assert {type(item) for item in items} == {TasksListItem}
    assert {item.status for item in items} == {S.Completed}
    assert {item.result for item in items} == {"of first", "of second", "of third"}
    loaded = call(items[0], "load")
    assert isinstance(loaded, Task)
    assert loaded.id == items[0].id
    assert call(loaded, "reload").id == items[0].id
    assert call(tasks, "list", "nobody") == []


def test_lists_can_be_filtered(call: Caller, tasks: Tasks, backend: Backend, emulator: Emulator):
    call(backend, "report_external_task", A, id="good")
    call(backend, "report_external_task", A, id="bad", is_success=False)
    for status in (S.Failed, "failed"):
        assert [item.id for item in call(tasks, "list", A, filters={"status": status})] == ["bad"]
    call(
        tasks,
        "list",
        A,
        {"user_id": "u 1", "parent_task_id": "p&q", "triggering_agent_id": "ä", "internal_status": "x"},
    )
    assert dict(emulator.requests("list_tasks")[-1].query) == {
        "user_id": "u 1",
        "parent_task_id": "p&q",
        "triggering_agent_id": "ä",
        "internal_status": "x",
    }
    assert call(tasks, "list", A, filters={}) == call(tasks, "list", A, filters=None) == call(tasks, "list", A)


def test_a_user_s_tasks_are_listed_across_agents(call: Caller, tasks: Tasks, resting: None, emulator: Emulator):
    user = User(email="a@b.c", id="u-1")
    made = {call(tasks, "create", agent, prompt="x", user_details=user).id for agent in ("a", "b")}
    call(tasks, "create", "a", prompt="of another")
    items = call(tasks, "list_user_tasks", "u-1")
    assert {item.id for item in items} == made
    assert {item.user_id for item in items} == {"u-1"}
    assert call(tasks, "list_user_tasks", "u-1", {"status": S.Failed}) == []


def test_an_unknown_filter_is_an_error_that_lists_the_known_ones(call: Caller, tasks: Tasks, emulator: Emulator):
    with pytest.raises(ValueError, match=r"'state'.*user_id.*internal_status"):
        call(tasks, "list", A, {"state": "x"})
    with pytest.raises(ValueError, match="'user_id'"):
        call(tasks, "list_user_tasks", "u", {"user_id": "x"})
    assert emulator.requests() == []


# --- Tasks: create and update ---

EVERYTHING: dict[str, Any] = {
    "prompt": "p",
    "file_urls": ["https://x/a.csv"],
    "attachments": [Attachment(url="https://x/a.csv", mime="text/csv", size=5, kind="text")],
    "user_details": User(email="a@b.c", id="u", first_name="F", timezone="Europe/Berlin"),
    "principal": Principal(kind="user", id="u"),
    "tool_call_payload_extension": {"k": [None]},
    "source": "test",
    "worker_id": "w",
    "output_format": OutputFormat.Json,
    "output_schema": {"type": "object"},
    "run_locally": True,
    "events_streaming": True,
    "additional_context": "context",
    "instructions_override": "instructions",
    "test_run_node_id": "n",
    "user_oidc_token": "oidc-secret",
    "expected_output": "expected",
    "mcp_servers": [
        MCPServerDetails(name="m", type=MCPServerType.Local, transport=MCPServerTransport.STDIO, command="c")
    ],
    "triggering_agent_id": "t",
    "title": "title",
    "think_mode": ThinkMode.Harder,
    "disable_attachment_injection": True,
    "tool_call_limit": 5,
    "user_tokens": {"t": "s"},
    "return_metrics": True,
    "llm_model_provider": "p",
    "llm_model_name": "m",
    "llm_reasoning_effort": "high",
    "harness_cli": "h",
    "permission_mode": "ask",
}


@pytest.mark.parametrize("form", ["Tasks.create", "Agent.create_task", "Backend.invoke_agent"])
def test_every_argument_of_a_new_task_arrives(
    form: str, call: Caller, configuration: Configuration, emulator: Emulator, resting: None
):
    target: Any = {"Tasks": Tasks, "Backend": Backend}.get(form.partition(".")[0], lambda c: Agents(c).get(A))(
        configuration
    )
    args = () if form.startswith("Agent") else (A,)
    task = call(target, form.partition(".")[2], *args, agent_version="7", **EVERYTHING)
    request = emulator.requests("create_task")[-1]
    body = request.body
    assert request.headers["x-agent-version"] == "7"
    assert body.pop("payload_extension") == {"k": [None]}
    told = body.pop("input")
    assert (told["text"], told["files"], told["user"]["email"]) == ("p", ["https://x/a.csv"], "a@b.c")
    assert (told["principal"]["id"], told["attachments"][0]["mime"]) == ("u", "text/csv")
    server = body.pop("mcp_servers")[0]
    assert (server["type"], server["transport"], server["command"]) == ("local", "stdio", "c")
    assert server["share_user_token_across_other_agents"] is True
    renamed = {"prompt", "file_urls", "attachments", "user_details", "principal", "tool_call_payload_extension"}
    rest = {name: value for name, value in EVERYTHING.items() if name not in renamed | {"mcp_servers"}}
    assert body == rest
    assert (task.title, task.think_mode, task.output_format) == ("title", ThinkMode.Harder, OutputFormat.Json)
    assert task.input.user.timezone == "Europe/Berlin"
    assert (task.tool_call_limit, task.return_metrics, task.agent_version) == (5, True, "7")
    assert "oidc-secret" not in repr(task)


def test_the_source_is_sdk_but_for_tasks_create(
    call: Caller, configuration: Configuration, emulator: Emulator, resting: None
):
    assert call(Tasks(configuration), "create", A).source == "api"  # the platform fills it in
    assert call(Agents(configuration).get(A), "create_task").source == "sdk"
    assert call(Backend(configuration), "invoke_agent", A).source == "sdk"
    assert call(Backend(configuration), "invoke_agent", A, source="cron").source == "cron"


def test_a_task_can_be_continued(call: Caller, tasks: Tasks):
    task = call(tasks, "create", A, prompt="first")
    call(task, "wait_until_done", timeout=10, poll_interval=0.01)
    again = call(tasks, "create", A, prompt="second", existing_task_id=task.id)
    assert again.id == task.id
    call(again, "wait_until_done", timeout=10, poll_interval=0.01)
    assert again.result == "You said: second"


def test_update_changes_what_is_given_and_nothing_else(call: Caller, tasks: Tasks, resting: None, emulator: Emulator):
    task = call(tasks, "create", A, prompt="x", title="kept")
    emulator.wait_for_status(task.id, "executing")
    updated = call(
        tasks,
        "update",
        task.id,
        status=S.Paused,
        result="half",
        tool_call_payload_extension={"k": 1},
        last_executed_node_id="n-1",
        source="me",
    )
    assert (updated.status, updated.result, updated.source, updated.title) == (S.Paused, "half", "me", "kept")
    assert (updated.payload_extension, updated.last_executed_node_id) == ({"k": 1}, "n-1")
    call(tasks, "update", task.id, status="completed")
    assert last_body(emulator, "update_task") == {"status": "completed"}
    assert call(tasks, "get", task.id).result == "half"
    with pytest.raises(ValueError, match="status"):
        call(tasks, "update", task.id)


def test_arguments_after_the_first_are_keyword_only(tasks: Tasks, emulator: Emulator):
    for verb in (tasks.create, tasks.acreate):
        with pytest.raises(TypeError, match="positional"):
            verb(A, "a prompt in the wrong place")
    assert emulator.requests() == []


# --- Task: save ---


def test_save_sends_the_state_in_memory_and_takes_over_the_answer(
    call: Caller, tasks: Tasks, resting: None, emulator: Emulator
):
    task = call(tasks, "create", A, prompt="x")
    emulator.wait_for_status(task.id, "executing")
    task.result, task.status, task.used_tools = "Done", S.Completed, ["web"]
    task.tokens = Tokens(10, 5)
    assert call(task, "save") is task
    assert task.finished_at is not None, "what the platform added is taken over"
    body = last_body(emulator, "update_task")
    assert (body["result"], body["status"], body["used_tools"]) == ("Done", "completed", ["web"])
    assert "deep_planning" not in body
    assert "configuration" not in body
    assert call(tasks, "get", task.id) == task


def test_a_plan_is_saved_only_when_asked_for(call: Caller, tasks: Tasks, resting: None, emulator: Emulator):
    task = call(tasks, "create", A)
    task.deep_planning = DeepPlanning(enabled=True, tasks=[DeepPlanningItem("1", "first")])
    call(task, "save")
    assert task.deep_planning.tasks[0].title == "first", "an empty plan of the platform does not erase ours"
    assert emulator.task(task.id)["deep_planning"]["tasks"] == []
    call(task, "save", with_deep_plan_update=True)
    assert emulator.task(task.id)["deep_planning"]["tasks"][0]["title"] == "first"


def test_context_and_plan_in_memory_survive_empty_answers(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=task_answer(additional_context="", deep_planning=None, result="theirs"))
    for verb in ("save", "reload"):
        task = Task.from_dict({**ANSWERED_TASK, "additional_context": "ours"}, configured(server))
        task.deep_planning = DeepPlanning(enabled=True, tasks=[DeepPlanningItem("1", "first")])
        call(task, verb)
        assert (task.additional_context, task.result) == ("ours", "theirs")
        assert task.deep_planning.enabled
        assert [item.title for item in task.deep_planning.tasks] == ["first"]


def test_only_changed_does_not_undo_what_happened_meanwhile(
    call: Caller, tasks: Tasks, resting: None, emulator: Emulator
):
    task = call(tasks, "create", A, title="mine", prompt="x")
    emulator.wait_for_status(task.id, "executing")
    call(task, "reload")
    call(tasks, "update", task.id, status=S.Paused, result="theirs")
    task.title = "new title"
    task.input.text = "new text"
    task.mcp_servers.append(MCPServerDetails(name="m", url="https://m"))
    call(task, "save", only_changed=True)
    assert set(last_body(emulator, "update_task")) == {"title", "input", "mcp_servers"}
    assert (task.status, task.result, task.title) == (S.Paused, "theirs", "new title")
    before = len(emulator.requests())
    call(task, "save", only_changed=True)
    assert len(emulator.requests()) == before, "nothing differs, so nothing is sent"


def test_only_changed_sees_changes_deep_inside(call: Caller, tasks: Tasks, resting: None, emulator: Emulator):
    task = call(tasks, "create", A, tool_call_payload_extension={"a": {"b": [1]}}, output_schema={"x": []})
    task.payload_extension["a"]["b"].append(2)
    call(task, "save", only_changed=True)
    assert last_body(emulator, "update_task") == {"payload_extension": {"a": {"b": [1, 2]}}}


@pytest.mark.off_contract("a field that the platform invents tomorrow is sent back as it came")
def test_what_the_platform_sends_beyond_our_attributes_travels_back(
    call: Caller, misbehave: Callable[..., Misbehaving]
):
    server = misbehave(otherwise=task_answer(new_field={"deep": [1]}, _note="theirs"))
    task = call(Tasks(configured(server)), "get", "task_1")
    assert task.extra["new_field"] == {"deep": [1]}
    call(task, "save")
    body = server.requests[-1].json
    assert body["new_field"] == {"deep": [1]}
    assert "_note" not in body


def test_a_trimmed_task_is_not_saved_before_it_is_reloaded(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    task = Task.from_dict({**ANSWERED_TASK, "result": "don…", "_result_truncated": True}, configured(server))
    for changed in (True, False):
        with pytest.raises(ValueError, match=r"reload\(\)"):
            call(task, "save", only_changed=changed)
    with pytest.raises(ValueError, match=r"reload\(\)"):
        call(task, "set_status", S.Failed)
    assert server.requests == []
    call(task, "reload")
    call(task, "save")
    assert server.requests[-1].json["result"] == "done"


def test_a_status_can_be_set_and_the_result_stays(call: Caller, tasks: Tasks, resting: None, emulator: Emulator):
    task = call(tasks, "create", A)
    emulator.wait_for_status(task.id, "executing")
    assert call(task, "set_status", S.Paused, "half") is task
    assert (emulator.task(task.id)["status"], emulator.task(task.id)["result"]) == ("paused", "half")
    call(task, "set_status", "completed")
    assert (task.status, task.result) == (S.Completed, "half")
    assert emulator.task(task.id)["result"] == "half"


def test_an_internal_status_that_is_too_long_is_refused_before_sending(
    call: Caller, tasks: Tasks, resting: None, emulator: Emulator
):
    task = call(tasks, "create", A)
    task.internal_status = "x" * 255
    call(task, "save")
    task.internal_status = "x" * 256
    for verb, args in (("save", ()), ("set_status", (S.Paused,))):
        with pytest.raises(ValueError, match="255"):
            call(task, verb, *args)
    assert len(emulator.requests("update_task")) == 1


def test_a_task_paused_for_a_person_shows_why_and_goes_on(call: Caller, tasks: Tasks, emulator: Emulator):
    def script(run: Run) -> str:
        run.pause(hitl_request={"wait_node_id": "approve"})
        run.pause(pending_eca_request={"connector_name": "mail", "auth_url": "https://login"})
        return "approved"

    emulator.agent = script
    task = call(tasks, "create", A)
    emulator.wait_for_status(task.id, "paused")
    assert call(task, "reload").hitl_request.wait_node_id == "approve"
    assert task.paused_at is not None
    call(task, "set_status", S.Executing)
    emulator.wait_for_status(task.id, "paused")
    assert call(task, "reload").pending_eca_request.connector_name == "mail"
    call(tasks, "update", task.id, status=S.Executing)
    assert call(task, "wait_until_done", timeout=10, poll_interval=0.01).result == "approved"


# --- Task: plan, metrics, activity ---


@pytest.mark.parametrize("binding", [(e, s, f) for e in (0, 1) for s in (0, 1) for f in (0, 1)])
@pytest.mark.parametrize("done", [True, False])
def test_open_items_block_only_where_the_plan_binds(
    binding: tuple[int, int, int], done: bool, call: Caller, misbehave: Callable[..., Misbehaving]
):
    enabled, started, enforce = map(bool, binding)
    items = [{"id": "1", "title": "one", "completed": True}, {"id": "2", "title": "two", "completed": done}]
    plan = {"enabled": enabled, "started": started, "enforce": enforce, "tasks": items}
    server = misbehave(otherwise=task_answer(deep_planning=plan))
    task = Task.from_dict({**ANSWERED_TASK, "result": "mine", "status": "executing"}, configured(server))
    task.tokens = Tokens(1, 1)
    status = call(task, "get_plan_following_status")
    assert isinstance(status, PlanFollowingStatus)
    assert status.can_finish is (done or not (enabled and started and enforce))
    assert [item.title for item in status.uncompleted_tasks] == ([] if done else ["two"])
    assert (task.result, task.status, task.tokens) == ("mine", S.Executing, Tokens(1, 1))
    assert task.deep_planning.enabled is enabled


def test_a_plan_that_can_not_be_loaded_never_lets_the_task_finish(call: Caller, misbehave: Callable[..., Misbehaving]):
    task = Task.from_dict({**ANSWERED_TASK, "result": "mine"}, configured(misbehave(otherwise=answer(500))))
    with pytest.raises(ModuleException):
        call(task, "get_plan_following_status")
    assert task.result == "mine"


def test_metrics_tell_the_task_s_own_duration_and_tokens(call: Caller, tasks: Tasks, emulator: Emulator):
    task = call(tasks, "create", A, prompt="count me", llm_model_name="model-1", source="orchestration")
    call(task, "wait_until_done", timeout=10, poll_interval=0.01)
    task.tokens, task.used_tools, task.duration = Tokens(7, 3, 2, 1), ["a", "b"], 4.25
    assert call(task, "report_metrics") is None
    body = last_body(emulator, "report_metrics")
    assert (body["duration"], body["task"], body["status"]) == (4.25, "count me", "completed")
    assert (body["ai_model"], body["api_calls_made"]) == ("model-1", ["a", "b"])
    assert body["llm_tokens"]["worker"]["total_tokens"] == 10
    assert body["execution_id"] == body["memory_thread_id"] == task.id
    assert len(emulator.metrics(A)) == 1


@pytest.mark.parametrize(
    ("return_metrics", "source", "counted"),
    [(True, "orchestration", []), (True, "sdk", ["t"]), (False, "orchestration", ["t"]), (False, None, ["t"])],
)
def test_tools_are_counted_once(
    return_metrics: bool, source: str | None, counted: list[str], call: Caller, misbehave: Callable[..., Misbehaving]
):
    server = misbehave()
    data = {**ANSWERED_TASK, "return_metrics": return_metrics, "source": source, "used_tools": ["t"]}
    call(Task.from_dict(data, configured(server)), "report_metrics")
    assert server.requests[0].json["api_calls_made"] == counted
    assert server.requests[0].json["ai_model"] == "xpander"


def test_metrics_without_tokens_are_a_value_error(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    task = Task.from_dict({**ANSWERED_TASK, "tokens": None}, configured(server))
    with pytest.raises(ValueError, match="tokens"):
        call(task, "report_metrics")
    assert server.requests == []


@pytest.mark.parametrize("body", ["", "null", "[]", '"ok"', "5", '{"any": "json"}'])
def test_metrics_take_any_answer(body: str, call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=answer(body=body))
    call(Task.from_dict(ANSWERED_TASK, configured(server)), "report_metrics")


def test_the_activity_log_of_a_run_tells_what_happened(call: Caller, tasks: Tasks, emulator: Emulator):
    task = call(tasks, "create", A, prompt="hi", user_details=User(email="a@b.c"))
    call(task, "wait_until_done", timeout=10, poll_interval=0.01)
    log = call(task, "get_activity_log")
    assert isinstance(log, AgentActivityThread)
    assert (log.id, log.user.email) == (task.id, "a@b.c")
    first, last = log.messages[0], log.messages[-1]
    assert (first.role, first.content.text) == ("user", "hi")
    assert (last.role, last.content.text) == ("agent", "You said: hi")
    kinds = {type(entry) for entry in log.messages}
    assert kinds == {AgentActivityThreadMessage, AgentActivityThreadReasoning, AgentActivityThreadToolCall}
    tool = next(entry for entry in log.messages if isinstance(entry, AgentActivityThreadToolCall))
    assert (tool.tool_name, tool.payload) == ("echo", {"text": "hi"})


def test_each_kind_of_entry_is_told_apart_and_an_unknown_one_is_kept(
    call: Caller, misbehave: Callable[..., Misbehaving]
):
    base = {"id": "e", "created_at": "2026-01-02T03:04:05Z"}
    entries: list[tuple[Any, type]] = [
        ({**base, "role": "user", "content": {"text": "t", "files": ["f"]}}, AgentActivityThreadMessage),
        ({**base, "tool_name": "t", "payload": 1, "result": None, "is_error": True}, AgentActivityThreadToolCall),
        ({**base, "type": "think", "thought": "t", "confidence": 0.5}, AgentActivityThreadReasoning),
        ({**base, "type": "analyze", "analysis": "a"}, AgentActivityThreadReasoning),
        ({**base, "agent_id": "a", "query": "q", "files": []}, AgentActivityThreadSubAgentTrigger),
        ({**base, "type": "login_required", "data": {"url": "u"}}, AgentActivityThreadAuth),
        ({**base, "action": "create_execution", "title": "t"}, AgentActivityThreadGatewayDecision),
        ({**base, "type": "of tomorrow", "new": [1]}, AgentActivityThreadOther),
        ({"new": 1}, AgentActivityThreadOther),
        ({**base, "role": "user", "content": 5}, AgentActivityThreadOther),
        ({**base, "created_at": "never", "tool_name": "t"}, AgentActivityThreadToolCall),
        ("just text", AgentActivityThreadOther),
    ]
    thread = {"id": "task_1", "created_at": base["created_at"], "user": None, "messages": [data for data, _ in entries]}
    server = misbehave(otherwise=answer(body=thread))
    log = call(Task.from_dict(ANSWERED_TASK, configured(server)), "get_activity_log")
    assert [type(entry) for entry in log.messages] == [kind for _, kind in entries]
    assert log.messages[7].fields == entries[7][0]
    assert log.messages[7].id == "e"
    assert log.messages[3].analysis == "a"


# --- agents ---


def test_agents_are_listed_and_loaded(call: Caller, configuration: Configuration, emulator: Emulator):
    emulator.add_agent("a-1", name="First", description="d")
    emulator.add_agent("a-2", name="Second")
    agents = Agents(configuration)
    items = call(agents, "list")
    assert [(item.id, item.name) for item in items] == [("a-1", "First"), ("a-2", "Second")]
    agent = call(items[0], "load")
    assert isinstance(agent, Agent)
    assert (agent.id, agent.name, agent.description) == ("a-1", "First", "d")
    assert call(agents, "get", "a-1") == agent == call(Agent, "load", "a-1", configuration)
    assert agent.created_at.tzinfo is not None


def test_a_version_of_an_agent_can_be_asked_for(call: Caller, configuration: Configuration, emulator: Emulator):
    assert call(Agents(configuration), "get", A, version=3).version == 3
    assert emulator.requests("get_agent")[-1].headers["x-agent-version"] == "3"
    call(Agents(configuration), "get", A)
    assert "x-agent-version" not in emulator.requests("get_agent")[-1].headers


def test_an_agent_creates_its_tasks(call: Caller, configuration: Configuration, emulator: Emulator):
    agent = call(Agents(configuration), "get", A)
    task = call(agent, "create_task", prompt="hi")
    assert (task.agent_id, task.source) == (A, "sdk")
    assert call(task, "wait_until_done", timeout=10, poll_interval=0.01).result == "You said: hi"


def test_invoking_an_agent_does_not_load_it(call: Caller, backend: Backend, emulator: Emulator):
    call(backend, "invoke_agent", A, prompt="x")
    assert [request.operation_id for request in emulator.requests()] == ["create_task"]


def test_a_prompt_that_names_a_task_loads_it(call: Caller, backend: Backend, emulator: Emulator):
    call(backend, "report_external_task", A, id="known", result="r")
    task = call(backend, "invoke_agent", A, prompt=json.dumps({"xpander_task_id": "known", "more": 1}))
    assert (task.id, task.result) == ("known", "r")
    assert emulator.requests("create_task") == []
    others = [
        '{"xpander_task_id": 5}',
        '{"xpander_task_id": ""}',
        '{"other": "known"}',
        '["xpander_task_id"]',
        "{no json",
    ]
    for prompt in (*others, "{}", " {"):
        made = call(backend, "invoke_agent", A, prompt=prompt)
        assert made.input.text == prompt
    with pytest.raises(NotFoundError):
        call(backend, "invoke_agent", A, prompt='{"xpander_task_id": "unknown"}')


# --- around the verbs ---


@pytest.mark.parametrize("kind", [Backend, Tasks, Agents])
def test_the_raw_client_is_configured(kind: type, configuration: Configuration, emulator: Emulator):
    from xpander_api.api.agents import list_agents
    from xpander_api.api.tasks import get_task

    Backend(configuration).report_external_task(A, id="known")
    with kind(configuration).api as client:
        assert get_task.sync("known", client=client).id == "known"
        assert [agent.id for agent in list_agents.sync(client=client)] == [A]

    async def main() -> None:
        async with kind(configuration).api as client:
            assert (await get_task.asyncio("known", client=client)).id == "known"

    asyncio.run(main())
    assert {request.status for request in emulator.requests()} == {200}


def test_other_limits_are_a_view_that_changes_nothing(call: Caller, configuration: Configuration, emulator: Emulator):
    backend = Backend(configuration)
    view = backend.with_options(timeout=1, max_retries=0, deadline=2)
    assert (view.configuration.timeout, view.configuration.max_retries, view.configuration.deadline) == (1, 0, 2)
    assert backend.configuration is configuration
    assert view.with_options(timeout=3).configuration.deadline == 2
    assert call(view, "report_external_task", A).agent_id == A


def test_a_report_may_use_another_configuration(call: Caller, backend: Backend, misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    call(backend, "report_external_task", A, configuration=configured(server, api_key="other"))
    assert server.requests[0].headers["x-api-key"] == "other"


def test_times_of_any_form_are_aware(call: Caller, misbehave: Callable[..., Misbehaving]):
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    forms = {
        "2026-01-02T03:04:05Z": moment,
        "2026-01-02T03:04:05": moment,
        "2026-01-02 03:04:05+00:00": moment,
        "2026-01-02T05:04:05.250+02:00": moment + timedelta(milliseconds=250),
        "2026-01-02T03:04:05.123456789Z": moment + timedelta(microseconds=123456),
        "Fri, 02 Jan 2026 03:04:05 GMT": moment,
    }
    server = misbehave()
    for text, wanted in forms.items():
        server.play(task_answer(finished_at=text))
        task = call(Tasks(configured(server)), "get", "task_1")
        assert task.finished_at == wanted
        assert task.finished_at.tzinfo is not None


def test_unknown_values_and_nulls_of_the_platform_do_no_harm(call: Caller, misbehave: Callable[..., Misbehaving]):
    odd = {
        "status": "on_holiday",
        "think_mode": "hardest",
        "output_format": "smoke",
        "used_tools": None,
        "duration": None,
    }
    server = misbehave(otherwise=task_answer(**odd, events_streaming=None, execution_attempts=None, deep_planning=None))
    task = call(Tasks(configured(server)), "get", "task_1")
    assert (task.status, task.status.value) == ("on_holiday", "on_holiday")
    assert isinstance(task.status, AgentExecutionStatus)
    assert (task.used_tools, task.duration, task.events_streaming, task.execution_attempts) == ([], 0.0, False, 1)
    assert task.deep_planning == DeepPlanning()
    call(task, "save")
    assert server.requests[-1].json["status"] == "on_holiday"
