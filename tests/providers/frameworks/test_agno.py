"""agno: agents and teams, their events, and the failures that do not raise."""

import pytest
from agno.agent import Agent
from agno.db.in_memory import InMemoryDb
from agno.models.anthropic import Claude
from agno.models.openai import OpenAIChat
from agno.team import Team
from loopback import Call, Refuse, Say, total
from readings import beside, check, inside
from scenario import ANSWER, FOUND, LOOK_UP, NESTED_ANSWER, ONE_TURN, STRUCTURED, Due

LIBRARY = "agno"
TOLD = {"tools": ["find_invoice"], "text": ANSWER}
DELEGATION = Call("delegate_task_to_member", {"member_id": "finder", "task": "When?"})


def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture(params=["openai", "anthropic"])
def wire(request):
    return request.param


@pytest.fixture
def model(stub, wire):
    def make():
        if wire == "anthropic":
            return Claude(id="stub-model", api_key="k", client_params={"base_url": stub.url, "max_retries": 0})
        return OpenAIChat(id="stub-model", base_url=f"{stub.url}/v1", api_key="k", max_retries=0)

    return make


@pytest.fixture
def counted(wire):
    return lambda *numbers: (beside if wire == "anthropic" else inside)(total(*numbers))


@pytest.fixture
def agent(model):
    return Agent(name="finder", role="Finds.", model=model(), tools=[find_invoice], telemetry=False)


@pytest.fixture
def team(model, agent):
    return Team(name="office", model=model(), members=[agent], telemetry=False)


def test_a_run(stub, agent, counted):
    stub.script(*ONE_TURN)
    result = agent.run("When?")
    check(LIBRARY, "RunOutput", result, counted(1, 2), **TOLD, model="stub-model", column="plain", row="agno agent")
    check(LIBRARY, "RunOutput.to_dict()", result.to_dict(), counted(1, 2), **TOLD, model="stub-model")
    check(LIBRARY, "RunOutput.metrics", result.metrics, counted(1, 2))


async def test_an_asynchronous_run(stub, agent, counted):
    stub.script(*ONE_TURN)
    check(LIBRARY, "arun()", await agent.arun("When?"), counted(1, 2), **TOLD)


def test_a_stream_by_default(stub, agent):
    stub.script(*ONE_TURN)
    events = list(agent.run("When?", stream=True))
    check(LIBRARY, "run(stream=True)", events, None, text=ANSWER, column="streamed", row="agno agent",
          reason="content events only: stream_events=True or yield_run_output=True")  # fmt: skip


def test_a_stream_of_events(stub, agent, counted):
    stub.script(*ONE_TURN)
    events = list(agent.run("When?", stream=True, stream_events=True))
    check(LIBRARY, "run(stream=True, stream_events=True)", events, counted(1, 2), **TOLD)
    check(LIBRARY, "RunCompletedEvent", events[-1], counted(1, 2), text=ANSWER)


def test_a_stream_that_ends_with_the_output(stub, agent, counted):
    stub.script(*ONE_TURN)
    events = list(agent.run("When?", stream=True, yield_run_output=True))
    check(LIBRARY, "run(stream=True, yield_run_output=True)", events, counted(1, 2), **TOLD)


def test_a_second_turn(stub, model, counted):
    agent = Agent(
        model=model(),
        tools=[find_invoice],
        db=InMemoryDb(),
        session_id="s",
        add_history_to_context=True,
        telemetry=False,
    )
    stub.script(*ONE_TURN, *ONE_TURN)
    agent.run("When?")
    check(LIBRARY, "second RunOutput", agent.run("And?"), counted(3, 4), **TOLD, column="second turn", row="agno agent")


def test_an_agent_in_a_tool(stub, agent, model, counted):
    def ask_finder(question: str) -> str:
        """Ask the finder."""
        return str(agent.run(question).content)

    outer = Agent(model=model(), tools=[ask_finder], telemetry=False)
    stub.script(Call("ask_finder", {"question": "When?"}), *ONE_TURN, Say(NESTED_ANSWER))
    check(LIBRARY, "RunOutput, agent in a tool", outer.run("When?"), counted(1, 4), tools=["ask_finder"],
          text=NESTED_ANSWER, column="nested", row="agno agent",
          reason="an agent that is called in a tool is nowhere in the output; a Team's members are")  # fmt: skip


def test_structured_output(stub, model, counted):
    agent = Agent(model=model(), tools=[find_invoice], output_schema=Due, telemetry=False)
    stub.script(LOOK_UP, Say(STRUCTURED))
    check(LIBRARY, "RunOutput, output_schema", agent.run("When?"), counted(1, 2), tools=["find_invoice"],
          text=STRUCTURED, column="structured", row="agno agent")  # fmt: skip


def test_a_failing_run(stub, agent, counted, record):
    stub.script(LOOK_UP, Refuse())
    result = agent.run("When?")
    run = record(result)
    assert run.is_success is False
    assert "the stub refuses" in run.usage.text
    check(LIBRARY, "RunOutput, status ERROR", result, counted(1), tools=["find_invoice"], text=result.content,
          column="failing", row="agno agent")  # fmt: skip


def test_a_team(stub, team, counted):
    stub.script(DELEGATION, *ONE_TURN, Say(NESTED_ANSWER))
    told = {"tools": ["delegate_task_to_member", "find_invoice"], "text": NESTED_ANSWER}
    result = team.run("When?")
    check(LIBRARY, "TeamRunOutput", result, counted(1, 2, 3, 4), **told, column="plain", row="agno team")
    check(LIBRARY, "TeamRunOutput", result, counted(1, 2, 3, 4), **told, column="nested", row="agno team")
    check(LIBRARY, "TeamRunOutput.to_dict()", result.to_dict(), counted(1, 2, 3, 4), **told)


def test_a_team_streams_by_default(stub, team):
    stub.script(DELEGATION, *ONE_TURN, Say(NESTED_ANSWER))
    events = list(team.run("When?", stream=True))
    check(LIBRARY, "Team.run(stream=True)", events, None, tools=["find_invoice"], text=NESTED_ANSWER,
          column="streamed", row="agno team",
          reason="content events only: stream_events=True or yield_run_output=True")  # fmt: skip


def test_a_team_streams_its_events(stub, team, counted):
    stub.script(DELEGATION, *ONE_TURN, Say(NESTED_ANSWER))
    told = {"tools": ["delegate_task_to_member", "find_invoice"], "text": NESTED_ANSWER}
    events = list(team.run("When?", stream=True, stream_events=True))
    check(LIBRARY, "Team.run(stream=True, stream_events=True)", events, counted(1, 2, 3, 4), **told)


def test_a_second_turn_of_a_team(stub, model, counted):
    member = Agent(name="finder", role="Finds.", model=model(), tools=[find_invoice], telemetry=False)
    team = Team(
        name="office", model=model(), members=[member], db=InMemoryDb(), session_id="s", add_history_to_context=True,
        telemetry=False,
    )  # fmt: skip
    stub.script(*[DELEGATION, *ONE_TURN, Say(NESTED_ANSWER)] * 2)
    team.run("When?")
    told = {"tools": ["delegate_task_to_member", "find_invoice"], "text": NESTED_ANSWER}
    check(LIBRARY, "second TeamRunOutput", team.run("And?"), counted(5, 6, 7, 8), **told, column="second turn",
          row="agno team")  # fmt: skip


def test_structured_output_of_a_team(stub, model, agent, counted):
    team = Team(name="office", model=model(), members=[agent], output_schema=Due, telemetry=False)
    stub.script(DELEGATION, *ONE_TURN, Say(STRUCTURED))
    check(LIBRARY, "TeamRunOutput, output_schema", team.run("When?"), counted(1, 2, 3, 4),
          tools=["delegate_task_to_member", "find_invoice"], text=STRUCTURED, column="structured",
          row="agno team")  # fmt: skip


def test_a_member_that_failed_does_not_fail_the_team(stub, team, counted, record):
    stub.script(DELEGATION, Refuse(), Say(NESTED_ANSWER))
    result = team.run("When?")
    assert record(result).is_success is not False
    check(LIBRARY, "TeamRunOutput, a member failed", result, counted(1, 3), tools=["delegate_task_to_member"],
          text=NESTED_ANSWER)  # fmt: skip


def test_a_failing_team(stub, team, counted, record):
    stub.script(DELEGATION, *ONE_TURN, Refuse())
    result = team.run("When?")
    run = record(result)
    assert run.is_success is False
    assert "the stub refuses" in run.usage.text
    check(LIBRARY, "TeamRunOutput, status ERROR", result, counted(1, 2, 3),
          tools=["delegate_task_to_member", "find_invoice"], text=result.content, column="failing",
          row="agno team")  # fmt: skip
