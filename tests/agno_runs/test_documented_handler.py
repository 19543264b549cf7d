"""The handler of the platform's documentation, word for word but for the package's name, under `@on_task`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from agno.agent import Agent as AgnoAgent
from platform_agents import add_agent, backend_of, events_of
from scripted_model import StubModel, calls

from xpander_facade import AgentExecutionStatus, Backend, Configuration, Task, Tasks, on_task
from xpander_facade._agno import arguments
from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(validate_answers=True) as emulator:
        add_agent(emulator, knowledge_bases=[])
        yield emulator
        assert emulator.violations == []


def test_the_documented_handler_calls_a_tool_and_answers(emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XPANDER_API_KEY", "key-1")
    monkeypatch.setenv("XPANDER_ORGANIZATION_ID", "org-1")
    monkeypatch.setenv("XPANDER_BASE_URL", emulator.url)
    monkeypatch.setenv("XPANDER_AGENT_ID", "agent-1")
    emulator.answer_tool("send_message", {"ok": True})
    model = StubModel(
        script=[calls(("send_message", {"body_params": {"text": "Good morning"}})), "The team is greeted."]
    )
    # Where a model is made, the stub takes the place of the one that would call a provider.
    monkeypatch.setattr(arguments, "make_model", lambda wanted: model)
    backend = Backend()

    @on_task
    async def handler(task: Task) -> Task:
        args = await backend.aget_args(agent_id=task.agent_id, task=task)
        agno_agent = AgnoAgent(**args)
        result = await agno_agent.arun(
            input=task.to_message(),  # text + files + readable contents
            files=task.get_files(),  # PDFs as Agno File
            images=task.get_images(),  # images as Agno Image
        )
        task.result = result.content
        return task

    task = serve_one(handler, emulator)
    assert (task.status, task.result) == (AgentExecutionStatus.Completed, "The team is greeted.")
    assert task.used_tools == ["send_message"]
    assert ("user", "Greet the team") in model.seen[0]["messages"]
    (call,) = emulator.tool_calls("send_message")
    assert (call.task_id, call.payload["body_params"]) == (task.id, {"text": "Good morning", "channel": "C1"})
    told = events_of(emulator, task.id, ["tool_call_request", "tool_call_result"])
    assert [event["tool_name"] for event in told] == ["send_message", "send_message"]


def test_a_structured_result_is_saved_as_json(emulator: Emulator):
    schema = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}
    add_agent(emulator, output_format="json", output_schema=schema, knowledge_bases=[], tools=[], graph=None)
    backend = backend_of(emulator)
    model = StubModel(script=['{"sum": 3}'])

    @on_task(configuration=backend.configuration, agent_id="agent-1")
    async def handler(task: Task) -> Task:
        args = await backend.aget_args(task=task, override={"model": model})
        result = await AgnoAgent(**args).arun(input=task.to_message())
        task.result = result.content
        return task

    task = serve_one(handler, emulator)
    assert (task.status.value, task.result) == ("completed", '{"sum": 3}')


def serve_one(handler: Any, emulator: Emulator) -> Task:
    """Serve a handler until a task of it has ended, and return that task."""
    serving = threading.Thread(target=handler.run, kwargs={"signals": False})
    serving.start()
    try:
        emulator.wait_for_workers(1)
        configuration = Configuration(api_key="k", organization_id="org-1", base_url=emulator.url)
        task = Tasks(configuration).create("agent-1", prompt="Greet the team", events_streaming=True)
        emulator.wait_for_status(task.id, "completed", "error", timeout=20)
        return task.reload()
    finally:
        handler.stop()
        serving.join(20)
