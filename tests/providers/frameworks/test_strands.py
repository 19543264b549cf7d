"""strands: results of agents, graphs and swarms."""

import boto3
import pytest
from botocore.config import Config
from loopback import Call, Refuse, Say, total
from readings import beside, check, inside
from scenario import ANSWER, FOUND, LOOK_UP, NESTED_ANSWER, ONE_TURN, STRUCTURED, Due
from strands import Agent, tool
from strands.models.bedrock import BedrockModel
from strands.models.openai import OpenAIModel
from strands.multiagent import GraphBuilder, Swarm
from strands.types.exceptions import EventLoopException

LIBRARY = "strands-agents"
TOLD = {"tools": ["find_invoice"], "text": ANSWER}


@tool
def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture(params=["openai", "bedrock"])
def wire(request):
    return request.param


@pytest.fixture
def model(stub, wire):
    def make():
        if wire == "openai":
            options = {"base_url": f"{stub.url}/v1", "api_key": "k", "max_retries": 0}
            return OpenAIModel(client_args=options, model_id="stub-model")
        session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
        config = Config(retries={"max_attempts": 0})
        return BedrockModel(
            boto_session=session, model_id="stub-model", endpoint_url=stub.url, boto_client_config=config
        )

    return make


@pytest.fixture
def counted(wire):
    return lambda *numbers: (beside if wire == "bedrock" else inside)(total(*numbers))


@pytest.fixture
def agent(model):
    return Agent(name="finder", model=model(), tools=[find_invoice], callback_handler=None)


def test_a_run(stub, agent, counted):
    stub.script(*ONE_TURN)
    check(LIBRARY, "AgentResult", agent("When?"), counted(1, 2), **TOLD, column="plain")


async def test_an_asynchronous_run(stub, agent, counted):
    stub.script(*ONE_TURN)
    check(LIBRARY, "invoke_async()", await agent.invoke_async("When?"), counted(1, 2), **TOLD)


async def test_a_streamed_run(stub, agent, counted):
    stub.script(*ONE_TURN)
    events = [event async for event in agent.stream_async("When?")]
    check(LIBRARY, "stream_async()", events, counted(1, 2), **TOLD, column="streamed")
    check(LIBRARY, "stream_async(), the last", events[-1], counted(1, 2), **TOLD)


def test_a_second_turn(stub, agent, counted):
    stub.script(*ONE_TURN, Say("Only this."))
    agent("When?")
    check(LIBRARY, "second AgentResult", agent("And?"), counted(3), text="Only this.", column="second turn")


def test_an_agent_in_a_tool(stub, agent, model, counted):
    @tool
    def ask_finder(question: str) -> str:
        """Ask the finder."""
        return str(agent(question))

    outer = Agent(model=model(), tools=[ask_finder], callback_handler=None)
    stub.script(Call("ask_finder", {"question": "When?"}), *ONE_TURN, Say(NESTED_ANSWER))
    check(LIBRARY, "AgentResult, agent in a tool", outer("When?"), counted(1, 4), tools=["ask_finder"],
          text=NESTED_ANSWER, column="nested", reason="an agent that is called in a tool is nowhere in the result; a "
          "Graph's and a Swarm's are")  # fmt: skip


def test_structured_output(stub, agent, counted):
    stub.script(LOOK_UP, Call("Due", STRUCTURED))
    result = agent("When?", structured_output_model=Due)
    check(LIBRARY, "AgentResult, structured_output_model", result, counted(1, 2), tools=["find_invoice"],
          text=STRUCTURED, column="structured")  # fmt: skip


def test_a_graph(stub, agent, model, counted):
    builder = GraphBuilder()
    builder.add_node(agent, "finder")
    builder.add_node(Agent(name="writer", model=model(), callback_handler=None), "writer")
    builder.add_edge("finder", "writer")
    stub.script(*ONE_TURN, Say(NESTED_ANSWER))
    check(LIBRARY, "GraphResult", builder.build()("When?"), counted(1, 2, 3), tools=["find_invoice"],
          text=NESTED_ANSWER)  # fmt: skip


def test_a_swarm(stub, agent, model, counted):
    writer = Agent(name="writer", model=model(), callback_handler=None)
    stub.script(
        LOOK_UP,
        Call("handoff_to_agent", {"agent_name": "writer", "message": "Write."}),
        Say("I hand over."),
        Say(NESTED_ANSWER),
    )
    check(LIBRARY, "SwarmResult", Swarm([agent, writer])("When?"), counted(1, 2, 3, 4), tools=["find_invoice"],
          text=NESTED_ANSWER)  # fmt: skip


def test_a_failing_run(stub, agent):
    stub.script(LOOK_UP, Refuse())
    with pytest.raises(EventLoopException) as caught:
        agent("When?")
    check(LIBRARY, "EventLoopException", caught.value, None, column="failing",
          reason="raises; the exception does not hold what the run cost")  # fmt: skip
