"""LlamaIndex: outputs and events of workflow agents, chats and completions."""

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.workflow import Context
from llama_index.llms.openai import OpenAI
from loopback import Call, Refuse, Say, total
from readings import check, inside
from scenario import ANSWER, FOUND, LOOK_UP, NESTED_ANSWER, ONE_TURN, STRUCTURED, Due

LIBRARY = "llama-index-core"
TOLD = {"tools": ["find_invoice"], "text": ANSWER}
LAST_CALL = "an AgentOutput holds the last call only: record the run's events"


def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture
def model(stub):
    # The library knows the context windows of OpenAI's models by name.
    return lambda **options: OpenAI(
        model="gpt-4o-mini", api_base=f"{stub.url}/v1", api_key="k", max_retries=0, **options
    )


@pytest.fixture
def agent(model):
    def make(streaming=False, options=None, **more):
        llm = model(additional_kwargs=options or {})
        return FunctionAgent(
            name="finder", description="Finds.", tools=[find_invoice], llm=llm, streaming=streaming, **more
        )

    return make


async def run(agent, question="When?", **options):
    handler = agent.run(question, **options)
    events = [event async for event in handler.stream_events()]
    return await handler, events


async def test_a_run(stub, agent):
    stub.script(*ONE_TURN)
    output, events = await run(agent())
    check(LIBRARY, "events, streaming=False", events, inside(total(1, 2)), **TOLD, model="gpt-4o-mini", column="plain")
    check(LIBRARY, "AgentOutput, streaming=False", output, inside(total(2)), **TOLD, reason=LAST_CALL)


async def test_a_run_streams_by_default(stub, agent):
    stub.script(*ONE_TURN)
    output, events = await run(agent(streaming=True))
    reason = "the provider sends usage on request only: stream_options={'include_usage': True} in additional_kwargs"
    check(LIBRARY, "events", events, None, **TOLD, column="streamed", reason=reason)
    check(LIBRARY, "AgentOutput", output, None, **TOLD, reason=reason)


async def test_a_streamed_run_with_usage(stub, agent):
    stub.script(*ONE_TURN)
    output, events = await run(agent(streaming=True, options={"stream_options": {"include_usage": True}}))
    check(LIBRARY, "events, include_usage", events, inside(total(1, 2)), **TOLD)
    check(LIBRARY, "AgentOutput, include_usage", output, inside(total(2)), **TOLD, reason=LAST_CALL)


async def test_a_second_turn(stub, agent):
    finder = agent()
    context = Context(finder)
    stub.script(*ONE_TURN, Say("Only this."))
    await run(finder, ctx=context)
    _, events = await run(finder, "And?", ctx=context)
    check(LIBRARY, "second events", events, inside(total(3)), text="Only this.", column="second turn")


async def test_an_agent_in_a_tool(stub, agent, model):
    async def ask_finder(question: str) -> str:
        """Ask the finder."""
        return str(await agent().run(question))

    outer = FunctionAgent(tools=[ask_finder], llm=model(), streaming=False)
    stub.script(Call("ask_finder", {"question": "When?"}), *ONE_TURN, Say(NESTED_ANSWER))
    _, events = await run(outer)
    check(LIBRARY, "events, agent in a tool", events, inside(total(1, 4)), tools=["ask_finder"], text=NESTED_ANSWER,
          column="nested", reason="an agent that is called in a tool is nowhere in the events")  # fmt: skip


async def test_agents_that_hand_off(stub, agent, model):
    office = FunctionAgent(
        name="office", description="Asks.", tools=[], llm=model(), streaming=False, can_handoff_to=["finder"]
    )
    workflow = AgentWorkflow(agents=[office, agent()], root_agent="office")
    stub.script(Call("handoff", {"to_agent": "finder", "reason": "It finds."}), *ONE_TURN)
    _, events = await run(workflow)
    check(LIBRARY, "events, AgentWorkflow", events, inside(total(1, 2, 3)), **TOLD)


async def test_structured_output(stub, agent):
    stub.script(LOOK_UP, Say(ANSWER), Say(STRUCTURED))
    output, events = await run(agent(output_cls=Due))
    assert output.structured_response == STRUCTURED
    reason = "the call that makes the output structured is in no event"
    check(LIBRARY, "events, output_cls", events, inside(total(1, 2)), tools=["find_invoice"], text=STRUCTURED,
          column="structured", reason=reason)  # fmt: skip
    check(LIBRARY, "AgentOutput, output_cls", output, inside(total(2)), tools=["find_invoice"], text=STRUCTURED,
          reason=LAST_CALL)  # fmt: skip


async def test_a_failing_run(stub, agent):
    stub.script(LOOK_UP, Refuse())
    with pytest.raises(Exception, match="the stub refuses") as caught:
        await agent().run("When?")
    check(LIBRARY, type(caught.value).__name__, caught.value, None, column="failing",
          reason="raises; the exception does not hold what the run cost")  # fmt: skip


def test_a_chat(stub, model):
    stub.script(Say(ANSWER))
    check(LIBRARY, "ChatResponse", model().chat([ChatMessage("When?")]), inside(total(1)), text=ANSWER,
          model="gpt-4o-mini")  # fmt: skip


def test_a_streamed_chat(stub, model):
    stub.script(Say(ANSWER))
    chunks = list(
        model(additional_kwargs={"stream_options": {"include_usage": True}}).stream_chat([ChatMessage("When?")])
    )
    check(LIBRARY, "stream_chat(), include_usage", chunks, inside(total(1)), text=ANSWER)
    check(LIBRARY, "stream_chat(), the last", chunks[-1], inside(total(1)), text=ANSWER)


async def test_a_completion(stub, model):
    stub.script(Say(ANSWER))
    check(LIBRARY, "CompletionResponse", await model().acomplete("When?"), inside(total(1)), text=ANSWER)
