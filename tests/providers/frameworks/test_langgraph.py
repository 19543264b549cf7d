"""langgraph: states, streams in every mode, checkpointers, structured output."""

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from loopback import Call, Refuse, Say, total
from readings import check, inside, read
from scenario import ANSWER, FOUND, LOOK_UP, NESTED_ANSWER, ONE_TURN, STRUCTURED, Due

LIBRARY = "langgraph"
TOLD = {"tools": ["find_invoice"], "text": ANSWER}
QUESTION = {"messages": [("user", "When?")]}


@tool
def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture
def model(stub):
    return ChatOpenAI(model="stub-model", base_url=f"{stub.url}/v1", api_key="k", max_retries=0, stream_usage=True)


@pytest.fixture
def agent(model):
    return create_agent(model, tools=[find_invoice])


def test_a_run(stub, agent):
    stub.script(*ONE_TURN)
    check(LIBRARY, "invoke()", agent.invoke(QUESTION), inside(total(1, 2)), **TOLD, model="stub-model", column="plain")


async def test_an_asynchronous_run(stub, agent):
    stub.script(*ONE_TURN)
    check(LIBRARY, "ainvoke()", await agent.ainvoke(QUESTION), inside(total(1, 2)), **TOLD)


def test_a_run_whose_output_is_an_object(stub, agent):
    stub.script(*ONE_TURN)
    check(LIBRARY, "invoke(version='v2')", agent.invoke(QUESTION, version="v2"), inside(total(1, 2)), **TOLD)


def test_a_stream_in_the_default_mode(stub, agent):
    stub.script(*ONE_TURN)
    check(LIBRARY, "stream()", list(agent.stream(QUESTION)), inside(total(1, 2)), **TOLD, column="streamed")


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize(
    "mode", ["updates", "values", "messages", ["messages", "values"], ["updates", "messages", "values"]], ids=str
)
async def test_a_stream_in_every_mode(stub, agent, mode, version):
    stub.script(*ONE_TURN)
    parts = [part async for part in agent.astream(QUESTION, stream_mode=mode, version=version)]
    check(LIBRARY, f"astream({mode!r}, version={version!r})", parts, inside(total(1, 2)), **TOLD)


async def test_the_events_of_a_run(stub, agent):
    stub.script(*ONE_TURN)
    events = [event async for event in agent.astream_events(QUESTION, version="v2")]
    check(LIBRARY, "astream_events(v2)", events, inside(total(1, 2)), **TOLD)


def test_a_stream_of_messages_without_usage_is_no_zero(stub):
    model = ChatOpenAI(model="stub-model", base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
    stub.script(*ONE_TURN)
    parts = list(create_agent(model, tools=[find_invoice]).stream(QUESTION, stream_mode="messages"))
    check(LIBRARY, "stream('messages') of a chat without stream_usage", parts, None, **TOLD,
          reason="the provider sends usage on request only: stream_usage=True")  # fmt: skip
    assert "stream_usage" in (read(parts).hint or "")


def test_a_stream_of_the_responses_api(stub):
    model = ChatOpenAI(model="m", base_url=f"{stub.url}/v1", api_key="k", use_responses_api=True, max_retries=0)
    stub.script(*ONE_TURN)
    parts = list(create_agent(model, tools=[find_invoice]).stream(QUESTION, stream_mode="messages"))
    check(LIBRARY, "stream('messages') of responses", parts, inside(total(1, 2)), **TOLD)


def test_a_second_turn_on_a_checkpointer(stub, model, record):
    agent = create_agent(model, tools=[find_invoice], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "one"}}
    stub.script(*ONE_TURN, *ONE_TURN)
    before = agent.invoke(QUESTION, config)
    after = agent.invoke(QUESTION, config)
    run = record(after, after=len(before["messages"]))
    check(LIBRARY, "record(state, after=n)", after, inside(total(3, 4)), **TOLD, column="second turn", run=run)


def test_a_second_turn_is_told_apart_from_one_that_was_recorded(stub, model, record):
    agent = create_agent(model, tools=[find_invoice], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "two"}}
    stub.script(*ONE_TURN, *ONE_TURN)
    run = record(agent.invoke(QUESTION, config))
    assert run.usage.tokens == inside(total(1, 2))
    assert not run.warnings
    state = agent.invoke(QUESTION, config)
    run = record(state)
    assert not run.warnings
    check(LIBRARY, "record(state), each turn", state, inside(total(3, 4)), **TOLD, run=run)


def test_earlier_turns_that_nobody_recorded_give_a_warning(stub, model, record):
    agent = create_agent(model, tools=[find_invoice], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "three"}}
    stub.script(*ONE_TURN, *ONE_TURN)
    agent.invoke(QUESTION, config)
    (warning,) = record(agent.invoke(QUESTION, config)).warnings
    assert "after=n" in warning


def test_an_agent_in_a_tool(stub, agent, model):
    @tool
    def ask_finder(question: str) -> str:
        """Ask the finder."""
        return agent.invoke(QUESTION)["messages"][-1].content

    stub.script(Call("ask_finder", {"question": "When?"}), *ONE_TURN, Say(NESTED_ANSWER))
    state = create_agent(model, tools=[ask_finder]).invoke(QUESTION)
    check(LIBRARY, "invoke(), agent in a tool", state, inside(total(1, 4)), tools=["ask_finder"], text=NESTED_ANSWER,
          column="nested", reason="an agent that is called in a tool is nowhere in the state")  # fmt: skip


@pytest.mark.parametrize("strategy", [Due, ToolStrategy(Due)], ids=["auto", "tool"])
def test_structured_output(stub, model, strategy):
    agent = create_agent(model, tools=[find_invoice], response_format=strategy)
    stub.script(LOOK_UP, Call("Due", STRUCTURED))
    check(LIBRARY, "invoke(), response_format", agent.invoke(QUESTION), inside(total(1, 2)), tools=["find_invoice"],
          text=STRUCTURED, column="structured")  # fmt: skip


def test_structured_output_of_a_model(stub, model):
    stub.script(Say(STRUCTURED))
    value = model.with_structured_output(Due, include_raw=True).invoke("When?")
    check(LIBRARY, "with_structured_output(include_raw=True)", value, inside(total(1)), text=STRUCTURED)


def test_the_callback_that_counts(stub, agent):
    stub.script(*ONE_TURN)
    with get_usage_metadata_callback() as counted:
        agent.invoke(QUESTION)
    check(LIBRARY, "get_usage_metadata_callback()", counted.usage_metadata, inside(total(1, 2)))


def test_a_failing_run(stub, agent):
    stub.script(LOOK_UP, Refuse())
    with pytest.raises(Exception, match="the stub refuses") as caught:
        agent.invoke(QUESTION)
    check(LIBRARY, type(caught.value).__name__, caught.value, None, column="failing",
          reason="raises without the state")  # fmt: skip
