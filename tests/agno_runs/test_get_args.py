"""`Backend.get_args` and `aget_args` with the real Agno: what the model sees, what is sent, what is stored."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from agno.agent import Agent as AgnoAgent
from agno.db.in_memory import InMemoryDb
from agno.tools import Toolkit, tool
from platform_agents import add_agent, backend_of, events_of, run
from scripted_model import StubModel, calls

from xpander_facade import Agents, Configuration, ConfigurationError, NotFoundError, OutputFormat, Task, Tasks, User
from xpander_facade.emulator import Emulator, OperationCall, OperationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xpander_facade import Backend

WAYS = ("run", "arun")
TOOL_EVENTS = ("tool_call_request", "tool_call_result")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(validate_answers=True, agent=lambda run: "") as one:
        add_agent(one)
        yield one
        assert one.violations == []


@pytest.fixture
def backend(emulator: Emulator) -> Iterator[Backend]:
    with backend_of(emulator) as backend:
        yield backend


def new_task(backend: Backend, **given: Any) -> Task:
    return Tasks(backend.configuration).create("agent-1", prompt="hello", events_streaming=True, **given)


@pytest.mark.parametrize("way", WAYS)
def test_what_the_model_sees_what_is_sent_and_what_is_stored(way: str, emulator: Emulator, backend: Backend):
    emulator.answer_tool("send_message", lambda call: {"ok": True, "token": "t0p", "at": call.payload["body_params"]})
    emulator.answer_tool("weather/today", "sunny")
    task = new_task(backend)
    given = {
        "body_params": {"text": "Good morning", "as_admin": True, "attachments": [{"url": "https://h/a"}, {}]},
        "headers": {"toolcallreasoningtitle": "Greet"},
    }
    model = StubModel(
        script=[
            calls(("send_message", given), ("weather_today", {}), ("search_knowledge_base", {"query": "invoices"})),
            "All done.",
        ]
    )
    result, arguments = run(backend, way, model, task)

    # what the model sees
    functions = model.functions()
    assert set(functions) == {"send_message", "weather_today", "search_knowledge_base"}
    assert functions["send_message"]["description"] == "Send a message to a channel."
    assert functions["send_message"]["parameters"] == {
        "type": "object",
        "properties": {
            "body_params": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "description": "What is said, in one sentence."},
                    "attachments": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"url": {"type": "string"}}},
                    },
                },
                "required": ["text"],
            },
            "query_params": {"type": "object", "properties": {}},
            "path_params": {"type": "object", "properties": {}},
            "headers": {
                "type": "object",
                "properties": {
                    "toolcallreasoningtitle": {"type": "string"},
                    "toolcallreasoningdescription": {"type": "string"},
                },
                "required": ["toolcallreasoningtitle"],
            },
        },
        "required": ["body_params", "headers"],
    }
    assert functions["weather_today"]["parameters"]["properties"] == {}
    for told in ("Helps with messages.", "You are a helper.", "Be brief."):
        assert told in model.system()
    answers = model.answers()
    sent = {"text": "Good morning", "channel": "C1"}
    sent["attachments"] = [{"url": "https://h/a", "public": False}, {"public": False}]
    assert json.loads(answers[0]) == {"ok": True, "at": sent, "source": "chat"}
    assert answers[1] == "sunny"
    (found,) = json.loads(answers[2])
    assert (found["content"], found["score"], found["document_name"], found["knowledge_base_id"]) == (
        "Invoices take thirty days.", 1.0, "Handbook", "kb-1",
    )  # fmt: skip

    # what is sent
    first, second = sorted(emulator.requests("invoke_operation"), key=lambda request: request.path)
    assert first.path.endswith("/agents/agent-1/operations/send_message")
    assert second.path.endswith("/agents/agent-1/operations/weather%2Ftoday")
    assert first.body == {
        "body_params": sent,
        "query_params": {"dry": 0},
        "path_params": {},
        "headers": {"toolcallreasoningtitle": "Greet"},
    }
    assert second.body == {"body_params": {}, "query_params": {}, "path_params": {}, "headers": {}}
    assert (first.headers["x-agent-version"], first.headers["x-execution-id"]) == ("3", task.id)
    assert first.headers["x-tool-call-id"] != second.headers["x-tool-call-id"]
    (search,) = emulator.requests("search_knowledge_base")
    assert dict(search.query) == {
        "search_query": "invoices", "use_bubble": "true", "bubble_size": "1000", "top_k": "10",
    }  # fmt: skip
    assert emulator.requests("get_default_llm_headers") == []

    # what is stored
    assert result.content == "All done."
    assert sorted(task.used_tools) == ["send_message", "weather_today"]
    events = events_of(emulator, task.id, TOOL_EVENTS)
    told = [event for event in events if event["tool_name"] == "send_message"]
    assert [event["type"] for event in told] == list(TOOL_EVENTS)
    request, answer = told
    assert request["request_id"] == answer["request_id"]
    assert request["tool_call_id"].startswith("call_")
    assert request["operation_id"] == "send_message"
    assert request["reasoning"]["title"] == "Greet"
    assert request["payload"] == first.body
    assert answer["result"] == {"ok": True, "at": sent, "source": "chat"}
    assert answer["is_error"] is False
    assert {"model", "tools", "instructions", "knowledge_retriever", "session_id"} <= arguments.keys()
    assert (arguments["session_id"], arguments["telemetry"]) == (task.id, False)


@pytest.mark.parametrize("way", WAYS)
def test_what_goes_wrong_with_a_tool_is_a_line_for_the_model(way: str, emulator: Emulator, backend: Backend):
    def refuse(call: OperationCall) -> Any:
        raise OperationError(404, f"no channel for {call.payload['body_params']['text']}")

    emulator.answer_tool("send_message", refuse)
    approval = {"type": "approval_required", "message": "Ann has to allow it", "request_id": "req-1"}
    emulator.answer_tool("weather/today", approval)
    task = new_task(backend)
    model = StubModel(
        script=[
            calls(("send_message", {"body_params": {"text": "x"}}), ("weather_today", {})),
            calls(("send_message", {"body_params": ["x"]})),
            "Sorry.",
        ]
    )
    result, _ = run(backend, way, model, task)
    assert result.content == "Sorry."
    assert model.answers(1) == [
        "The tool send_message failed: 404: no channel for x",
        "the tool weather/today was not called: Ann has to allow it (request req-1)",
    ]
    assert model.answers(2)[-1] == "The tool send_message was not called: body_params must be an object, not list."
    results = [event for event in events_of(emulator, task.id, TOOL_EVENTS) if event["type"] == "tool_call_result"]
    assert [event["is_error"] for event in results] == [True, True, True]
    assert {event["tool_name"]: event["approval_request_id"] for event in results}["weather_today"] == "req-1"
    assert len(emulator.requests("invoke_operation")) == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_tool_call_survives_a_lost_answer_and_is_carried_out_once(way: str, emulator: Emulator, backend: Backend):
    emulator.answer_tool("send_message", {"ok": 1})
    emulator.fail(503, operation="invoke_operation", after=True)
    model = StubModel(script=[calls(("send_message", {"body_params": {"text": "x"}})), "Done."])
    run(backend, way, model, agent_id="agent-1")
    first, second = emulator.requests("invoke_operation")
    assert first.headers["x-tool-call-id"] == second.headers["x-tool-call-id"]
    assert "x-execution-id" not in first.headers
    assert len(emulator.tool_calls("send_message")) == 1
    assert model.answers() == ['{"ok": 1, "source": "chat"}']


@pytest.mark.parametrize("way", WAYS)
def test_a_lost_knowledge_base_is_a_line_beside_what_the_others_have(way: str, emulator: Emulator, backend: Backend):
    add_agent(emulator, knowledge_bases=[{"id": "kb-gone"}, {"id": "kb-1"}])
    model = StubModel(script=[calls(("search_knowledge_base", {"query": "invoices"})), "Done."])
    run(backend, way, model, agent_id="agent-1")
    (answer,) = model.answers()
    assert "Invoices take thirty days." in answer
    assert "The knowledge base kb-gone could not be searched: 404" in answer


@pytest.mark.parametrize("made_by", ["get_args", "aget_args"])
@pytest.mark.parametrize("run_by", ["run", "run in a loop", "arun"])
def test_knowledge_is_found_however_the_arguments_were_made_and_the_agent_is_run(
    made_by: str, run_by: str, emulator: Emulator, backend: Backend
):
    add_agent(emulator, tools=[], graph=None)
    model = StubModel(script=[calls(("search_knowledge_base", {"query": "invoices"})), "Done."])
    made = {"agent_id": "agent-1", "override": {"model": model}}

    async def main() -> Any:
        arguments = await backend.aget_args(**made) if made_by == "aget_args" else backend.get_args(**made)
        agent = AgnoAgent(**arguments)
        try:
            if run_by == "run":
                return await asyncio.to_thread(agent.run, input="hi")
            return await agent.arun(input="hi") if run_by == "arun" else agent.run(input="hi")
        finally:
            await backend.aclose()

    assert asyncio.run(main()).content == "Done."
    assert "Invoices take thirty days." in model.answers()[0]


def double(x: int) -> int:
    """Double a number."""
    return 2 * x


async def triple(x: int) -> int:
    """Triple a number."""
    return 3 * x


@tool(description="Fail.")
def fail() -> str:
    raise LookupError("nothing there")


@pytest.mark.parametrize("way", WAYS)
def test_the_callers_own_tools_are_called_and_told_of_but_stay_as_they_are(
    way: str, emulator: Emulator, backend: Backend
):
    toolkit = Toolkit(name="sums", tools=[double])
    own: list[Any] = [toolkit, fail, *([triple] if way == "arun" else [])]
    asked = [("double", {"x": 4}), ("fail", {}), *([("triple", {"x": 4})] if way == "arun" else [])]
    task = new_task(backend)
    model = StubModel(script=[calls(*asked), "Done."])
    run(backend, way, model, task, tools=own)
    assert model.answers()[0] == "8"
    assert "nothing there" in model.answers()[1]
    assert way == "run" or model.answers()[2] == "12"
    assert sorted(task.used_tools) == sorted(name for name, _ in asked)
    told = {e["tool_name"]: e for e in events_of(emulator, task.id, TOOL_EVENTS) if e["type"] == "tool_call_result"}
    assert told["double"]["result"] == 8
    assert (told["fail"]["is_error"], told["fail"]["result"]) == (True, "nothing there")
    assert toolkit.functions["double"].tool_hooks is None
    assert fail.tool_hooks is None


@pytest.mark.parametrize("way", WAYS)
def test_a_run_goes_on_where_its_events_can_not_be_pushed(
    way: str, emulator: Emulator, backend: Backend, caplog: pytest.LogCaptureFixture
):
    task = new_task(backend)
    emulator.fail(403, times=2, operation="push_task_events")
    model = StubModel(script=[calls(("weather_today", {})), "Done."])
    with caplog.at_level(logging.WARNING, "xpander_facade"):
        result, _ = run(backend, way, model, task)
    assert result.content == "Done."
    assert caplog.text.count("could not be pushed, the run goes on") == 2
    assert "key-1" not in caplog.text


@pytest.mark.parametrize("way", WAYS)
def test_a_tool_whose_schema_is_no_object_is_left_out_with_a_line(way: str, emulator: Emulator, backend: Backend):
    add_agent(emulator, tools=[{"id": "odd", "parameters": {"type": "array"}}, {"id": "local", "is_local": True}])
    model = StubModel(script=["Done."])
    run(backend, way, model, agent_id="agent-1")
    assert set(model.functions()) == {"search_knowledge_base"}
    assert "The tool odd is not available: its parameters are not the JSON Schema of an object." in model.system()


def test_names_that_no_provider_takes_are_changed_and_stay_apart(emulator: Emulator, backend: Backend):
    ids = ["a b", "a_b", "x" * 80, "x" * 81]
    add_agent(emulator, tools=[{"id": id} for id in ids], knowledge_bases=[], graph=None)
    model = StubModel(script=[calls(("a_b_2", {"loose": 1}), ("x" * 62 + "_2", {})), "Done."])
    run(backend, "run", model, agent_id="agent-1")
    assert set(model.functions()) == {"a_b", "a_b_2", "x" * 64, "x" * 62 + "_2"}
    assert [call.tool_id for call in emulator.tool_calls()] == ["a_b", "x" * 81]
    assert emulator.tool_calls()[0].payload["body_params"] == {"loose": 1}


def test_planning_tools_are_there_only_while_the_task_plans(emulator: Emulator, backend: Backend):
    add_agent(emulator, tools=[{"id": "xpcreate-agent-plan"}, {"id": "planet"}], knowledge_bases=[])
    names = [f.name for f in backend.get_args("agent-1", override={"model": StubModel()})["tools"]]
    assert names == ["planet"]
    task = new_task(backend)
    task.deep_planning.enabled = True
    names = [f.name for f in backend.get_args(task=task, override={"model": StubModel()})["tools"]]
    assert names == ["xpcreate-agent-plan", "planet"]


# --- what an agent and a task say ---


def test_what_a_task_says_goes_before_what_its_agent_says(emulator: Emulator, backend: Backend):
    add_agent(emulator, expected_output="a poem", output_format="markdown", agno_settings={"tool_call_limit": 9})
    task = new_task(
        backend,
        expected_output="a list",
        instructions_override="Answer in Latin.",
        additional_context="It is late.",
        output_format=OutputFormat.Text,
        tool_call_limit=4,
    )
    task.input.user = User(email="ann@example.org", id="u-1")
    model = StubModel(script=["Salve."])
    _, arguments = run(backend, "run", model, task)
    assert arguments["instructions"] == ["Helps.", "You are a helper.", "Be brief.", "Answer in Latin."]
    assert (arguments["expected_output"], arguments["markdown"]) == ("a list", False)
    assert (arguments["tool_call_limit"], arguments["user_id"]) == (4, "u-1")
    assert 'User details: {"email": "ann@example.org", "id": "u-1"}' in arguments["additional_context"]
    for told in ("Answer in Latin.", "It is late.", "a list"):
        assert told in model.system()
    alone = backend.get_args("agent-1", override={"model": model})
    assert (alone["expected_output"], alone["markdown"], alone["tool_call_limit"]) == ("a poem", True, 9)
    assert "session_id" not in alone


@pytest.mark.parametrize("way", WAYS)
def test_a_schema_of_the_output_becomes_an_object_of_it(way: str, emulator: Emulator, backend: Backend):
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "array", "items": {"$ref": "#/$defs/day"}},
            "mood": {"enum": ["good", "bad"]},
            "class": {"type": ["integer", "null"]},
        },
        "required": ["city", "days"],
        "$defs": {
            "day": {"type": "object", "properties": {"degrees": {"type": "number"}, "next": {"$ref": "#/$defs/day"}}}
        },
    }
    task = new_task(backend, output_schema=schema)
    answer = '{"city": "Bonn", "days": [{"degrees": 21, "next": {"degrees": 2}}], "mood": "good", "class": 3}'
    model = StubModel(script=[answer])
    result, arguments = run(backend, way, model, task)
    assert arguments["use_json_mode"] is True
    assert (result.content.city, result.content.days[0].degrees, result.content.mood) == ("Bonn", 21, "good")
    assert result.content.model_dump(by_alias=True)["class"] == 3


def test_a_schema_of_the_output_that_is_no_object_is_refused(emulator: Emulator, backend: Backend):
    add_agent(emulator, output_format="json", output_schema={"type": "array", "items": {}})
    with pytest.raises(ConfigurationError, match="agent-1: output_schema must be the JSON Schema of an object"):
        backend.get_args("agent-1", override={"model": StubModel()})


def test_a_conversation_is_kept_where_a_database_is_given(emulator: Emulator, backend: Backend):
    add_agent(emulator, agno_settings={"num_history_runs": 2})
    task = new_task(backend)
    model = StubModel(script=["One.", "Two."])
    override = {"db": InMemoryDb()}
    _, arguments = run(backend, "run", model, task, override=override)
    assert (arguments["add_history_to_context"], arguments["num_history_runs"]) == (True, 2)
    run(backend, "run", model, task, override=override)
    assert ("assistant", "One.") in model.seen[1]["messages"]
    assert "add_history_to_context" not in backend.get_args(task=task, override={"model": model})


def test_guardrails_are_there_as_the_settings_say(emulator: Emulator, backend: Backend):
    add_agent(emulator, agno_settings={"pii_detection_enabled": True, "prompt_injection_detection_enabled": True})
    hooks = backend.get_args("agent-1", override={"model": StubModel()})["pre_hooks"]
    assert [type(hook).__name__ for hook in hooks] == ["PIIDetectionGuardrail", "PromptInjectionGuardrail"]


def test_parts_that_only_the_platform_runs_are_left_out_with_a_line(
    emulator: Emulator, backend: Backend, caplog: pytest.LogCaptureFixture
):
    add_agent(emulator, graph={"items": [{"id": "n", "item_id": "agent-2", "name": "Researcher", "type": "agent"}]})
    model = StubModel(script=["Done."])
    run(backend, "run", model, agent_id="agent-1")
    assert "The agent Researcher is not available: only the platform runs it." in model.system()
    assert "Researcher is left out" in caplog.text


# --- which agent ---


def test_an_agent_goes_before_an_id_before_the_tasks_before_the_configurations(
    emulator: Emulator, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    for agent_id in ("agent-2", "agent-3", "agent-4"):
        add_agent(emulator, agent_id)
    configuration = Configuration(api_key="k", organization_id="org-1", base_url=emulator.url, agent_id="agent-3")
    other = type(backend)(configuration)
    monkeypatch.setenv("XPANDER_AGENT_ID", "agent-4")
    override = {"model": StubModel()}
    task = new_task(backend)
    loaded = Agents(configuration).get("agent-2")
    before = len(emulator.requests("get_agent"))
    assert other.get_args("agent-1", agent=loaded, task=task, override=override)["id"] == "agent-2"
    assert len(emulator.requests("get_agent")) == before
    assert other.get_args("agent-2", task=task, override=override)["id"] == "agent-2"
    assert other.get_args(task=task, override=override)["id"] == "agent-1"
    assert other.get_args(override=override)["id"] == "agent-3"
    assert backend.get_args(override=override)["id"] == "agent-4"
    monkeypatch.delenv("XPANDER_AGENT_ID")
    with pytest.raises(ConfigurationError, match="no agent: pass agent_id= or agent=, or set XPANDER_AGENT_ID"):
        backend.get_args(override=override)


def test_a_version_is_loaded_as_it_is_asked_for(emulator: Emulator, backend: Backend):
    backend.get_args("agent-1", agent_version=7, override={"model": StubModel()})
    task = new_task(backend, agent_version="5")
    backend.get_args(task=task, override={"model": StubModel()})
    assert [request.headers["x-agent-version"] for request in emulator.requests("get_agent")] == ["7", "5"]


def test_nothing_half_built_comes_of_an_agent_that_there_is_not(backend: Backend, emulator: Emulator):
    emulator.fail(404, operation="get_agent")
    with pytest.raises(NotFoundError):
        backend.get_args("agent-x")


@pytest.mark.parametrize(
    "given",
    [
        {"agent": "agent-1"},
        {"task": {"id": "t"}},
        {"override": [("model", 1)]},
        {"tools": "search"},
        {"tools": 3},
        {"auth_events_callback": 3},
        {"agent_id": 3},
    ],
)
def test_arguments_of_another_type_are_refused_before_anything_is_sent(
    given: dict[str, Any], backend: Backend, emulator: Emulator
):
    with pytest.raises(TypeError, match=next(iter(given))):
        backend.get_args(**{"agent_id": "agent-1", **given})
    assert emulator.requests("get_agent") == []


def test_override_is_laid_over_everything(emulator: Emulator, backend: Backend):
    model = StubModel()
    arguments = backend.get_args("agent-1", override={"model": model, "name": "Other", "tools": [], "retries": 2})
    assert (arguments["model"], arguments["name"], arguments["tools"], arguments["retries"]) == (model, "Other", [], 2)
