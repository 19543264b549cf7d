"""AutoGen's agentchat: results of agents and teams."""

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_agentchat.tools import AgentTool
from autogen_core.tools import FunctionTool
from autogen_ext.models.openai import OpenAIChatCompletionClient
from loopback import Call, Refuse, Say, total
from readings import check
from scenario import ANSWER, FOUND, LOOK_UP, NESTED_ANSWER, ONE_TURN, STRUCTURED, Due

from xpander_facade import Tokens

LIBRARY = "autogen-agentchat"
TOLD = {"tools": ["find_invoice"], "text": ANSWER}
FEATURES = {"vision": False, "function_calling": True, "json_output": True, "family": "any", "structured_output": True}


def uncached(counts):
    """The library does not keep what came from a cache."""
    return Tokens(counts.prompt, counts.completion)


async def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture
def client(stub):
    def make(**options):
        return OpenAIChatCompletionClient(
            model="stub-model", base_url=f"{stub.url}/v1", api_key="k", max_retries=0, model_info=FEATURES, **options
        )

    return make


@pytest.fixture
def agent(client):
    def make(**options):
        tools = [FunctionTool(find_invoice, "Find an invoice.", strict=True)]
        return AssistantAgent("finder", client(), tools=tools, reflect_on_tool_use=True, **options)

    return make


async def test_a_run(stub, agent):
    stub.script(*ONE_TURN)
    check(LIBRARY, "TaskResult", await agent().run(task="When?"), uncached(total(1, 2)), **TOLD, column="plain")


async def test_a_streamed_run(stub, agent):
    stub.script(*ONE_TURN)
    events = [event async for event in agent().run_stream(task="When?")]
    check(LIBRARY, "run_stream()", events, uncached(total(1, 2)), **TOLD, column="streamed")
    check(LIBRARY, "run_stream(), the last", events[-1], uncached(total(1, 2)), **TOLD)


async def test_a_streamed_client(stub, agent):
    stub.script(*ONE_TURN)
    events = [event async for event in agent(model_client_stream=True).run_stream(task="When?")]
    check(LIBRARY, "TaskResult, model_client_stream=True", events[-1], None, **TOLD,
          reason="zeros stand for 'not told': stream_options={'include_usage': True}")  # fmt: skip


async def test_a_streamed_client_with_usage(stub, client):
    tools = [FunctionTool(find_invoice, "Find an invoice.", strict=True)]
    agent = AssistantAgent(
        "finder",
        client(stream_options={"include_usage": True}),
        tools=tools,
        reflect_on_tool_use=True,
        model_client_stream=True,
    )
    stub.script(*ONE_TURN)
    result = await agent.run(task="When?")
    check(LIBRARY, "TaskResult, model_client_stream=True, include_usage", result, uncached(total(1, 2)), **TOLD)


async def test_a_second_turn(stub, agent):
    finder = agent()
    stub.script(*ONE_TURN, *ONE_TURN)
    await finder.run(task="When?")
    check(LIBRARY, "second TaskResult", await finder.run(task="And?"), uncached(total(3, 4)), **TOLD,
          column="second turn")  # fmt: skip


async def test_an_agent_as_a_tool(stub, agent, client):
    outer = AssistantAgent(
        "office", client(parallel_tool_calls=False), tools=[AgentTool(agent())], reflect_on_tool_use=True
    )
    stub.script(Call("finder", {"task": "When?"}), *ONE_TURN, Say(NESTED_ANSWER))
    result = await outer.run(task="When?")
    check(LIBRARY, "TaskResult, AgentTool", result, uncached(total(1, 2, 3, 4)), tools=["finder", "find_invoice"],
          text=NESTED_ANSWER, column="nested")  # fmt: skip


async def test_a_team(stub, agent, client):
    writer = AssistantAgent("writer", client())
    team = RoundRobinGroupChat([agent(), writer], termination_condition=MaxMessageTermination(3))
    stub.script(*ONE_TURN, Say(NESTED_ANSWER))
    result = await team.run(task="When?")
    check(LIBRARY, "TaskResult of a team", result, uncached(total(1, 2, 3)), tools=["find_invoice"], text=NESTED_ANSWER)


async def test_a_handoff_is_not_a_tool(stub, client):
    agent = AssistantAgent("office", client(), handoffs=["finder"])
    stub.script(Call("transfer_to_finder"))
    result = await agent.run(task="When?")
    check(LIBRARY, "TaskResult, handoff", result, uncached(total(1)), text=result.messages[-1].content)


async def test_structured_output(stub, agent):
    stub.script(LOOK_UP, Say(STRUCTURED))
    check(LIBRARY, "TaskResult, output_content_type", await agent(output_content_type=Due).run(task="When?"),
          uncached(total(1, 2)), tools=["find_invoice"], text=STRUCTURED, column="structured")  # fmt: skip


async def test_a_failing_run(stub, agent):
    stub.script(LOOK_UP, Refuse())
    with pytest.raises(Exception, match="the stub refuses") as caught:
        await agent().run(task="When?")
    check(LIBRARY, type(caught.value).__name__, caught.value, None, column="failing",
          reason="raises; the exception does not hold what the run cost")  # fmt: skip
