"""pydantic-ai: results, streamed results, events and runs."""

import pytest
from loopback import Call, Refuse, Say, total
from pydantic_ai import Agent
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from readings import check, inside
from scenario import ANSWER, FOUND, LOOK_UP, NESTED_ANSWER, ONE_TURN, STRUCTURED, Due

LIBRARY = "pydantic-ai-slim"
TOLD = {"tools": ["find_invoice"], "text": ANSWER}


def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture(params=["chat", "responses", "anthropic"])
def wire(request):
    return request.param


@pytest.fixture
def model(stub, wire):
    if wire == "anthropic":
        return AnthropicModel("stub-model", provider=AnthropicProvider(base_url=stub.url, api_key="k"))
    kind = OpenAIChatModel if wire == "chat" else OpenAIResponsesModel
    return kind("stub-model", provider=OpenAIProvider(base_url=f"{stub.url}/v1", api_key="k"))


@pytest.fixture
def counted(wire):
    """The library counts the cache within the prompt, also with Anthropic, whose wire tells what was written."""
    return lambda *numbers: inside(total(*numbers), written=wire == "anthropic")


@pytest.fixture
def agent(model):
    return Agent(model, tools=[find_invoice])


async def test_a_run(stub, agent, counted):
    stub.script(*ONE_TURN)
    result = await agent.run("When?")
    check(LIBRARY, "AgentRunResult", result, counted(1, 2), **TOLD, model="stub-model", column="plain")
    check(LIBRARY, "AgentRunResult.usage", result.usage, counted(1, 2))
    check(LIBRARY, "new_messages()", result.new_messages(), counted(1, 2), **TOLD)


def test_a_synchronous_run(stub, agent, counted):
    stub.script(*ONE_TURN)
    check(LIBRARY, "run_sync", agent.run_sync("When?"), counted(1, 2), **TOLD)


async def test_a_streamed_run(stub, agent, counted):
    stub.script(*ONE_TURN)
    async with agent.run_stream("When?") as result:
        async for _ in result.stream_text():
            pass
    check(LIBRARY, "StreamedRunResult", result, counted(1, 2), **TOLD, column="streamed")


async def test_the_events_of_a_run(stub, agent, counted):
    stub.script(*ONE_TURN)
    async with agent.run_stream_events("When?") as events:
        kept = [event async for event in events]
    check(LIBRARY, "run_stream_events(), the last", kept[-1], counted(1, 2), **TOLD)
    check(LIBRARY, "run_stream_events(), all", kept, counted(1, 2), **TOLD)


async def test_an_iterated_run(stub, agent, counted):
    stub.script(*ONE_TURN)
    async with agent.iter("When?") as run:
        async for _ in run:
            pass
    check(LIBRARY, "AgentRun", run, counted(1, 2), **TOLD)


async def test_a_second_turn(stub, agent, counted):
    stub.script(*ONE_TURN, *ONE_TURN)
    first = await agent.run("When?")
    second = await agent.run("And?", message_history=first.all_messages())
    check(LIBRARY, "second AgentRunResult", second, counted(3, 4), **TOLD, column="second turn")


async def test_an_agent_in_a_tool(stub, agent, model, counted):
    outer = Agent(model)

    @outer.tool
    async def ask_finder(context, question: str) -> str:
        return (await agent.run(question, usage=context.usage)).output

    stub.script(Call("ask_finder", {"question": "When?"}), *ONE_TURN, Say(NESTED_ANSWER))
    result = await outer.run("When?")
    check(LIBRARY, "AgentRunResult, usage=ctx.usage", result, counted(1, 2, 3, 4), tools=["ask_finder"],
          text=NESTED_ANSWER, column="nested")  # fmt: skip


async def test_structured_output(stub, model, counted):
    agent = Agent(model, tools=[find_invoice], output_type=Due)
    stub.script(LOOK_UP, Call("final_result", STRUCTURED))
    result = await agent.run("When?")
    check(LIBRARY, "AgentRunResult, output_type", result, counted(1, 2), tools=["find_invoice"], text=STRUCTURED,
          column="structured")  # fmt: skip


async def test_a_failing_run(stub, agent):
    stub.script(LOOK_UP, Refuse())
    with pytest.raises(AgentRunError) as caught:
        await agent.run("When?")
    check(LIBRARY, type(caught.value).__name__, caught.value, None, column="failing",
          reason="raises; the exception does not hold what the run cost")  # fmt: skip
