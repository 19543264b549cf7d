"""Haystack: results of Agent.run and of pipelines."""

from typing import Annotated

import pytest
from haystack import Pipeline
from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import tool
from haystack.utils import Secret
from loopback import Call, Refuse, Say, total
from readings import check, inside
from scenario import ANSWER, FOUND, LOOK_UP, NESTED_ANSWER, ONE_TURN, STRUCTURED

LIBRARY = "haystack-ai"
TOLD = {"tools": ["find_invoice"], "text": ANSWER}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "due", "schema": {"type": "object", "properties": {"month": {"type": "string"}}}},
}


@tool
def find_invoice(number: Annotated[str, "The number."]) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture
def generator(stub):
    def make(**options):
        return OpenAIChatGenerator(
            model="stub-model",
            api_base_url=f"{stub.url}/v1",
            api_key=Secret.from_token("k"),
            max_retries=0,
            generation_kwargs=options,
            tools_strict=True,
        )

    return make


@pytest.fixture
def agent(generator):
    return Agent(chat_generator=generator(), tools=[find_invoice])


def question(text="When?"):
    return [ChatMessage.from_user(text)]


def test_a_run(stub, agent):
    stub.script(*ONE_TURN)
    result = agent.run(messages=question())
    check(LIBRARY, "Agent.run()", result, inside(total(1, 2)), **TOLD, model="stub-model", column="plain")
    check(LIBRARY, "last_message", result["last_message"], inside(total(2)), text=ANSWER, model="stub-model")


async def test_an_asynchronous_run(stub, agent):
    stub.script(*ONE_TURN)
    check(LIBRARY, "Agent.run_async()", await agent.run_async(messages=question()), inside(total(1, 2)), **TOLD)


def test_a_streamed_run(stub, agent):
    stub.script(*ONE_TURN)
    result = agent.run(messages=question(), streaming_callback=lambda chunk: None)
    check(LIBRARY, "Agent.run(streaming_callback=)", result, None, **TOLD, column="streamed",
          reason="the provider sends usage on request only: stream_options={'include_usage': True}")  # fmt: skip


def test_a_streamed_run_with_usage(stub, generator):
    agent = Agent(chat_generator=generator(stream_options={"include_usage": True}), tools=[find_invoice])
    stub.script(*ONE_TURN)
    result = agent.run(messages=question(), streaming_callback=lambda chunk: None)
    check(LIBRARY, "Agent.run(streaming_callback=), include_usage", result, inside(total(1, 2)), **TOLD)


def test_a_second_turn(stub, agent):
    stub.script(*ONE_TURN, Say("Only this."))
    first = agent.run(messages=question())
    second = agent.run(messages=[*first["messages"], *question("And?")])
    check(LIBRARY, "second Agent.run()", second, inside(total(3)), text="Only this.", column="second turn")


def test_an_agent_in_a_tool(stub, agent, generator):
    @tool
    def ask_finder(text: Annotated[str, "The question."]) -> str:
        """Ask the finder."""
        return agent.run(messages=question(text))["last_message"].text

    outer = Agent(chat_generator=generator(), tools=[ask_finder])
    stub.script(Call("ask_finder", {"text": "When?"}), *ONE_TURN, Say(NESTED_ANSWER))
    check(LIBRARY, "Agent.run(), agent in a tool", outer.run(messages=question()), inside(total(1, 4)),
          tools=["ask_finder"], text=NESTED_ANSWER, column="nested",
          reason="an agent that is called in a tool is nowhere in the result")  # fmt: skip


def test_structured_output(stub, generator):
    agent = Agent(chat_generator=generator(response_format=SCHEMA), tools=[find_invoice])
    stub.script(LOOK_UP, Say(STRUCTURED))
    check(LIBRARY, "Agent.run(), response_format", agent.run(messages=question()), inside(total(1, 2)),
          tools=["find_invoice"], text=STRUCTURED, column="structured")  # fmt: skip


def test_a_pipeline(stub, agent):
    pipeline = Pipeline()
    pipeline.add_component("agent", agent)
    stub.script(*ONE_TURN)
    result = pipeline.run({"agent": {"messages": question()}})
    check(LIBRARY, "Pipeline.run()", result, inside(total(1, 2)), **TOLD)


def test_a_chat_generator(stub, generator):
    stub.script(Say(ANSWER))
    check(LIBRARY, "replies", generator().run(question()), inside(total(1)), text=ANSWER, model="stub-model")


def test_a_failing_run(stub, agent):
    stub.script(LOOK_UP, Refuse())
    with pytest.raises(Exception, match="the stub refuses") as caught:
        agent.run(messages=question())
    check(LIBRARY, type(caught.value).__name__, caught.value, None, column="failing",
          reason="raises; the exception does not hold what the run cost")  # fmt: skip
