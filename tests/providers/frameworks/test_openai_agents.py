"""openai-agents: results of Runner.run and Runner.run_streamed."""

import pytest
from agents import (
    Agent,
    MaxTurnsExceeded,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from loopback import Call, Say, total
from openai import AsyncOpenAI
from readings import check, inside
from scenario import FOUND, NESTED_ANSWER, ONE_TURN, STRUCTURED, Due

LIBRARY = "openai-agents"
set_tracing_disabled(True)


@function_tool
def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture(params=["responses", "chat"])
def wire(request):
    return request.param


@pytest.fixture
def model(stub, wire):
    client = AsyncOpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
    kind = OpenAIResponsesModel if wire == "responses" else OpenAIChatCompletionsModel
    return kind("stub-model", client)


@pytest.fixture
def agent(model):
    return Agent(name="finder", model=model, tools=[find_invoice])


async def streamed(agent, question="When?"):
    result = Runner.run_streamed(agent, question)
    return result, [event async for event in result.stream_events()]


async def test_a_run(stub, agent):
    stub.script(*ONE_TURN)
    result = await Runner.run(agent, "When?")
    check(LIBRARY, "RunResult", result, inside(total(1, 2)), tools=["find_invoice"], text="Due in May.",
          model="stub-model", column="plain")  # fmt: skip
    check(LIBRARY, "raw_responses", result.raw_responses, inside(total(1, 2)), tools=["find_invoice"],
          text="Due in May.")  # fmt: skip
    check(LIBRARY, "context_wrapper.usage", result.context_wrapper.usage, inside(total(1, 2)))


async def test_a_streamed_run(stub, agent, wire):
    stub.script(*ONE_TURN)
    result, events = await streamed(agent)
    asked = wire == "responses"
    tokens = inside(total(1, 2)) if asked else None
    reason = None if asked else "chat completions: the library asks for usage with include_usage=True only"
    check(LIBRARY, "RunResultStreaming", result, tokens, tools=["find_invoice"], text="Due in May.",
          column="streamed", reason=reason)  # fmt: skip
    check(LIBRARY, "stream_events()", events, tokens, tools=["find_invoice"], text="Due in May.")


async def test_a_streamed_chat_with_include_usage(stub, model):
    agent = Agent(name="finder", model=model, tools=[find_invoice], model_settings=ModelSettings(include_usage=True))
    stub.script(*ONE_TURN)
    result, events = await streamed(agent)
    check(LIBRARY, "RunResultStreaming, include_usage=True", result, inside(total(1, 2)), tools=["find_invoice"],
          text="Due in May.")  # fmt: skip
    check(LIBRARY, "stream_events(), include_usage=True", events, inside(total(1, 2)), tools=["find_invoice"],
          text="Due in May.")  # fmt: skip


async def test_a_second_turn(stub, agent):
    stub.script(*ONE_TURN, *ONE_TURN)
    first = await Runner.run(agent, "When?")
    second = await Runner.run(agent, [*first.to_input_list(), {"role": "user", "content": "And?"}])
    check(LIBRARY, "second RunResult", second, inside(total(3, 4)), tools=["find_invoice"], text="Due in May.",
          column="second turn")  # fmt: skip


async def test_an_agent_as_a_tool(stub, agent, model):
    outer = Agent(name="office", model=model, tools=[agent.as_tool("ask_finder", "Ask.")])
    stub.script(Call("ask_finder", {"input": "When?"}), *ONE_TURN, Say(NESTED_ANSWER))
    result = await Runner.run(outer, "When?")
    check(LIBRARY, "RunResult, agent as a tool", result, inside(total(1, 2, 3, 4)), tools=["ask_finder"],
          text=NESTED_ANSWER, column="nested")  # fmt: skip


async def test_a_handoff_is_not_a_tool(stub, agent, model):
    outer = Agent(name="office", model=model, handoffs=[agent])
    stub.script(Call("transfer_to_finder"), *ONE_TURN)
    result = await Runner.run(outer, "When?")
    check(LIBRARY, "RunResult, handoff", result, inside(total(1, 2, 3)), tools=["find_invoice"], text="Due in May.")


async def test_structured_output(stub, model):
    agent = Agent(name="finder", model=model, tools=[find_invoice], output_type=Due)
    stub.script(ONE_TURN[0], Say(STRUCTURED))
    result = await Runner.run(agent, "When?")
    check(LIBRARY, "RunResult, output_type", result, inside(total(1, 2)), tools=["find_invoice"], text=STRUCTURED,
          column="structured")  # fmt: skip


async def test_a_failing_run(stub, agent):
    stub.script(ONE_TURN[0])
    with pytest.raises(MaxTurnsExceeded) as caught:
        await Runner.run(agent, "When?", max_turns=1)
    check(LIBRARY, "MaxTurnsExceeded.run_data", caught.value.run_data, inside(total(1)), tools=["find_invoice"],
          column="failing", reason="raises MaxTurnsExceeded; its run_data tells what the run cost")  # fmt: skip
