"""A program for the platform's own client runs here once the lines that `migrate` lists are changed, and no others."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

from xpander_facade.emulator import Emulator
from xpander_facade.migration import rewrite
from xpander_facade.worker._handlers import BOOT, SHUTDOWN

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PROGRAM = """
import asyncio
from xpander_sdk import (Agents, AgentExecutionStatus, Backend, Configuration, MCPServerAuthType, MCPServerDetails,
    MCPServerTransport, MCPServerType, ModuleException, OutputFormat, Principal, PrincipalKind, Task, Tasks, Tokens,
    TaskUpdateEventType, ToolInvocationResult, User, on_boot, on_shutdown, on_task)
from xpander_sdk import Agent
from xpander_sdk.models.activity import AgentActivityThread, AgentActivityThreadMessageContent
from xpander_sdk.models.shared import ThinkMode
from xpander_sdk.modules.tasks.sub_modules.task import AgentExecutionInput, LocalTaskTest

config = Configuration()
backend = Backend(configuration=config)
report = {"input": "i", "llm_response": {"a": 1}, "tokens": Tokens(prompt_tokens=1), "result": "r"}
backend.report_external_task(agent_id="agent-1", id="ext-1", is_success=True, duration=1.5, used_tools=["x"], **report)
Task.report_external_task(configuration=config, agent_id="agent-1", id="ext-2", **report)
backend.invoke_agent("agent-1", "hi")
backend.invoke_agent(prompt="p", user_details=User(email="a@b.c"), output_format=OutputFormat.Json, run_locally=False)
agents = Agents(configuration=config)
agents.list()[0].load(configuration=config)
agent = agents.get("agent-1", 2)
Agent.load("agent-1", configuration=config)
agent.create_task("hi")
server = MCPServerDetails(type=MCPServerType.Remote, name="m", url="https://host/mcp",
    auth_type=MCPServerAuthType._None, transport=MCPServerTransport.HTTP_Transport)
made = agent.create_task(prompt="hello", events_streaming=True, think_mode=ThinkMode.Harder, mcp_servers=[server],
    principal=Principal(kind=PrincipalKind.user, id="u"), harness_cli=" Claude ", return_metrics=True)
seen = [event.type for event in made.events()]
tasks = Tasks(configuration=config)
listed = [tasks.list("agent-1", {"status": "completed"}), tasks.list_user_tasks("u", filters={})]
tasks.update(made.id, {"x": 1}, "sdk", AgentExecutionStatus.Completed, None, "mine")
task = Task.load(made.id, configuration=config)
task.reload()
task.result = "Done"
task.save(with_deep_plan_update=True)
task.set_status(AgentExecutionStatus.Completed, result="x")
task.tokens = Tokens(prompt_tokens=1, completion_tokens=1)
task.report_metrics(configuration=config)
log = task.get_activity_log()
task.to_message(retry_count=1, with_timestamp=True)
task.get_files(), task.get_images(), task.get_human_readable_files(), task.get_plan_following_status()
called = agent.invoke_tool(agent.tools[0], {"body_params": {"city": "Bonn"}}, task_id=made.id)
tasks.stop(tasks.create(agent_id="agent-1", prompt="p").id)
try:
    tasks.get("nope")
except ModuleException as error:
    status = error.status_code

async def main():
    one = await Tasks(configuration=config).acreate(agent_id="agent-1", prompt="p", events_streaming=True)
    events = [event async for event in one.aevents()]
    await one.acompact_session_for_retry(custom_instructions="be brief")
    await one.asave()
    found = await Agents(configuration=config).aget(agent_id="agent-1")
    await found.ainvoke_tool(tool=found.tools[0], payload={"city": "Bonn"})
    await backend.areport_external_task(agent_id="agent-1", id="ext-3", input="i", result="r")
    return events

followed = asyncio.run(main())
hooks = []

@on_boot
async def boot():
    hooks.append("boot")

@on_shutdown
def shutdown():
    hooks.append("shutdown")

@on_task(configuration=config, test_task=LocalTaskTest(input=AgentExecutionInput(text="who?")))
async def handler(task: Task) -> Task:
    task.result = f"asked {task.input.text}"
    return task
"""
SERVING = "\nanswer = handler.run_prompt('who are you?')\n"


def test_a_program_runs_unchanged_but_for_the_listed_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    left = rewrite(file)
    assert [finding.message for finding in left] == [
        "decorating serves nothing here: end the program with handler.run()"
    ]
    before, after = PROGRAM.splitlines(), file.read_text().splitlines()
    assert len(before) == len(after)
    changed = [line for line, new in zip(before, after, strict=True) if line != new]
    assert all(line.startswith("from xpander_sdk") for line in changed)
    assert len(changed) == 5
    file.write_text(file.read_text() + SERVING)
    with Emulator(validate_answers=True, step=0.0) as emulator:
        emulator.add_agent("agent-1", version=2, tools=[{"id": "weather", "description": "d", "parameters": {}}])
        monkeypatch.setenv("XPANDER_API_KEY", "key-1")
        monkeypatch.setenv("XPANDER_ORGANIZATION_ID", "org-1")
        monkeypatch.setenv("XPANDER_AGENT_ID", "agent-1")
        monkeypatch.setenv("XPANDER_BASE_URL", emulator.url)
        try:
            names = runpy.run_path(str(file))
        finally:
            BOOT.clear()
            SHUTDOWN.clear()
        assert emulator.violations == []
    assert names["seen"][-1] == names["TaskUpdateEventType"].TaskFinished
    assert names["followed"][-1].type == names["TaskUpdateEventType"].TaskFinished
    assert isinstance(names["log"].messages[0].content, names["AgentActivityThreadMessageContent"])
    assert (names["status"], names["hooks"]) == (404, ["boot", "shutdown"])
    assert names["called"].payload["body_params"] == {"city": "Bonn"}
    assert names["answer"].result == "asked who are you?"
