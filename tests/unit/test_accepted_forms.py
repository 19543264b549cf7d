"""Forms that code written for the platform's own client uses, and that cost nothing here: each is accepted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from xpander_facade import (
    Agent,
    AgentActivityThreadSubAgentTrigger,
    AgentExecutionInput,
    Agents,
    Backend,
    Configuration,
    LLMReasoningEffort,
    MCPServerAuthType,
    MCPServerSSOToken,
    MCPServerSSOTokenMode,
    MCPServerTransport,
    PrincipalKind,
    Task,
    Tasks,
    Tokens,
)
from xpander_facade.emulator import Emulator
from xpander_facade.tasks._activity import read_thread


@pytest.fixture(scope="module")
def emulator():
    with Emulator(validate_answers=True) as emulator:
        yield emulator


@pytest.fixture
def configuration(emulator: Emulator) -> Configuration:
    return Configuration(api_key="k", organization_id="org-1", base_url=emulator.url, agent_id="agent-1")


def a_task(**given: Any) -> Task:
    whole = {"id": "t", "agent_id": "a", "organization_id": "o", "created_at": datetime.now(UTC)}
    return Task(**{**whole, "input": AgentExecutionInput(text="hi"), **given})


def test_the_first_argument_of_a_creation_may_be_positional(emulator: Emulator, configuration: Configuration):
    agent = Agents(configuration).get("agent-1", 2)
    assert isinstance(agent, Agent)
    assert agent.version == 2
    assert agent.create_task("hello").input.text == "hello"
    assert Backend(configuration).invoke_agent("agent-1", "hello").input.text == "hello"


def test_an_update_takes_its_arguments_in_the_documented_order(emulator: Emulator, configuration: Configuration):
    tasks = Tasks(configuration)
    task = tasks.create(prompt="hi")
    emulator.wait_for_status(task.id, "completed")
    changed = tasks.update(task.id, {"a": 1}, "sdk", "failed", "node-1", "no")
    assert (changed.payload_extension, changed.source, changed.status.value) == ({"a": 1}, "sdk", "failed")
    assert (changed.last_executed_node_id, changed.result) == ("node-1", "no")


def test_a_list_item_loads_with_another_configuration(emulator: Emulator, configuration: Configuration):
    task = Tasks(configuration).create(prompt="hi")
    (item,) = [item for item in Tasks(configuration).list("agent-1") if item.id == task.id]
    other = Configuration(api_key="k2", organization_id="org-1", base_url=emulator.url)
    assert item.load(configuration=other).configuration is other
    (agent,) = Agents(configuration).list()
    assert agent.load(configuration=other).configuration is other


def test_a_total_of_tokens_is_taken_and_computed():
    assert Tokens(prompt_tokens=2, completion_tokens=3, total_tokens=5) == Tokens(2, 3)
    assert Tokens(total_tokens=7).total_tokens == 0
    with pytest.raises(ValueError, match="prompt_tokens"):
        Tokens(-1)


def test_a_task_takes_its_configuration_and_its_input_as_an_object(configuration: Configuration):
    task = a_task(configuration=configuration, input={"text": "hi", "user": {"email": "a@b.c"}, "new": 1})
    assert task.configuration is configuration
    assert isinstance(task.input, AgentExecutionInput)
    assert (task.input.text, task.input.user.email, task.input.extra) == ("hi", "a@b.c", {"new": 1})
    assert "configuration" not in task.to_dict()


@pytest.mark.parametrize(
    ("given", "error"), [("hi", TypeError), ({"text": ["hi"]}, ValueError), ({"user": {}}, ValueError)]
)
def test_an_input_that_does_not_fit_is_refused_at_once(given: Any, error: type[Exception]):
    with pytest.raises(error, match="input"):
        a_task(input=given)


def test_enumerations_have_the_platforms_names_too():
    assert MCPServerTransport.HTTP_Transport is MCPServerTransport.STREAMABLE_HTTP
    assert MCPServerAuthType._None is MCPServerAuthType.None_
    assert MCPServerSSOTokenMode.ID is MCPServerSSOToken.Id
    assert PrincipalKind.api_key == "api_key"
    assert [effort.value for effort in LLMReasoningEffort] == ["low", "medium", "high", "xhigh"]


def test_a_message_may_end_with_the_present_time():
    task = a_task()
    plain, timed = task.to_message(), task.to_message(0, True)
    assert timed.startswith(f"{plain}\n\nCurrent time: {datetime.now(UTC):%Y-%m-%d}")
    with pytest.raises(TypeError, match="with_timestamp"):
        task.to_message(with_timestamp="yes")


async def compact(task: Task, instructions: str) -> None:
    await task.acompact_session_for_retry(custom_instructions=instructions)


def test_instructions_for_a_retry_stand_once_in_the_context(emulator: Emulator, configuration: Configuration):
    import asyncio

    task = Tasks(configuration).create(prompt="hi")
    emulator.wait_for_status(task.id, "completed")
    for _ in range(2):
        task.reload()
        asyncio.run(compact(task, "Mind the dates."))
    assert task.additional_context is not None
    assert task.additional_context.count("Mind the dates.") == 1


def test_a_sub_agent_trigger_without_a_query_is_known():
    entry = {"id": "e", "created_at": "2026-01-02T03:04:05Z", "agent_id": "a2", "plan_task_id": "p1"}
    thread = read_thread({"id": "t", "created_at": "2026-01-02T03:04:05Z", "messages": [entry]})
    (trigger,) = thread.messages
    assert isinstance(trigger, AgentActivityThreadSubAgentTrigger)
    assert (trigger.agent_id, trigger.query, trigger.plan_task_id) == ("a2", None, "p1")
