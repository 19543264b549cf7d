"""Microsoft's agent-framework: responses and updates."""

import pytest
from agent_framework import Agent
from agent_framework.openai import OpenAIChatClient, OpenAIChatCompletionClient
from loopback import Call, Refuse, Say, total
from readings import check, inside
from scenario import ANSWER, FOUND, LOOK_UP, NESTED_ANSWER, ONE_TURN, STRUCTURED, Due

LIBRARY = "agent-framework-core"
TOLD = {"tools": ["find_invoice"], "text": ANSWER}


def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture(params=[OpenAIChatClient, OpenAIChatCompletionClient], ids=["responses", "chat"])
def client(stub, request):
    return lambda: request.param(model="stub-model", api_key="k", base_url=f"{stub.url}/v1")


@pytest.fixture
def agent(client):
    return Agent(client=client(), name="finder", tools=[find_invoice])


async def test_a_run(stub, agent):
    stub.script(*ONE_TURN)
    result = await agent.run("When?")
    check(LIBRARY, "AgentResponse", result, inside(total(1, 2)), **TOLD, column="plain")
    check(LIBRARY, "usage_details", result.usage_details, inside(total(1, 2)))


async def test_a_streamed_run(stub, agent):
    stub.script(*ONE_TURN)
    stream = agent.run("When?", stream=True)
    updates = [update async for update in stream]
    check(LIBRARY, "updates", updates, inside(total(1, 2)), **TOLD, column="streamed")
    check(LIBRARY, "get_final_response()", await stream.get_final_response(), inside(total(1, 2)), **TOLD)


async def test_a_second_turn(stub, agent):
    session = agent.create_session()
    stub.script(*ONE_TURN, *ONE_TURN)
    await agent.run("When?", session=session)
    second = await agent.run("And?", session=session)
    check(LIBRARY, "second AgentResponse", second, inside(total(3, 4)), **TOLD, column="second turn")


async def test_an_agent_as_a_tool(stub, agent, client):
    outer = Agent(client=client(), name="office", tools=[agent.as_tool(name="ask_finder")])
    stub.script(Call("ask_finder", {"task": "When?"}), *ONE_TURN, Say(NESTED_ANSWER))
    check(LIBRARY, "AgentResponse, agent as a tool", await outer.run("When?"), inside(total(1, 4)),
          tools=["ask_finder"], text=NESTED_ANSWER, column="nested",
          reason="the usage of agents that are tools is left out")  # fmt: skip


async def test_structured_output(stub, agent):
    stub.script(LOOK_UP, Say(STRUCTURED))
    result = await agent.run("When?", options={"response_format": Due})
    check(LIBRARY, "AgentResponse, response_format", result, inside(total(1, 2)), tools=["find_invoice"],
          text=STRUCTURED, column="structured")  # fmt: skip


async def test_a_failing_run(stub, agent):
    stub.script(LOOK_UP, Refuse())
    with pytest.raises(Exception, match="the stub refuses") as caught:
        await agent.run("When?")
    check(LIBRARY, type(caught.value).__name__, caught.value, None, column="failing",
          reason="raises; the exception does not hold what the run cost")  # fmt: skip
