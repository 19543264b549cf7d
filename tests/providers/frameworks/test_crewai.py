"""crewAI: outputs of crews and agents."""

import pytest
from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool
from loopback import Call, Refuse, Say, total
from readings import check, inside
from scenario import ANSWER, FOUND, LOOK_UP, NESTED_ANSWER, ONE_TURN, STRUCTURED, Due

LIBRARY = "crewai"
TOLD = {"tools": ["find_invoice"], "text": ANSWER}


@tool("find_invoice")
def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture
def model(stub):
    return lambda: LLM(model="openai/gpt-4o-mini", base_url=f"{stub.url}/v1", api_key="k", max_retries=0)


@pytest.fixture
def agent(model):
    return lambda **options: Agent(role="finder", goal="Find.", backstory="A clerk.", llm=model(), tools=[find_invoice],
                                   max_retry_limit=0, **options)  # fmt: skip


@pytest.fixture
def crew(agent):
    def make(**options):
        finder = agent()
        task = Task(description="When?", expected_output="A date.", agent=finder, **options)
        return Crew(agents=[finder], tasks=[task])

    return make


def test_a_run(stub, crew, record):
    stub.script(*ONE_TURN)
    output = crew().kickoff()
    assert not record(output).warnings
    check(LIBRARY, "CrewOutput", output, inside(total(1, 2)), **TOLD, column="plain")
    check(LIBRARY, "CrewOutput.token_usage", output.token_usage, inside(total(1, 2)))


async def test_an_asynchronous_run(stub, crew):
    stub.script(*ONE_TURN)
    check(LIBRARY, "akickoff()", await crew().akickoff(), inside(total(1, 2)), **TOLD)


def test_a_streamed_run(stub, crew):
    streaming = crew()
    streaming.stream = True
    stub.script(*ONE_TURN)
    stream = streaming.kickoff()
    for _ in stream:
        pass
    check(LIBRARY, "CrewStreamingOutput.result", stream.result, inside(total(1, 2)), **TOLD, column="streamed")
    check(LIBRARY, "CrewStreamingOutput", stream, inside(total(1, 2)), **TOLD)


def test_a_second_turn(stub, crew, record):
    again = crew()
    stub.script(*ONE_TURN, *ONE_TURN)
    again.kickoff()
    second = again.kickoff()
    (warning,) = record(second).warnings
    assert "can hold earlier runs: the crew's models" in warning
    check(LIBRARY, "second CrewOutput", second, inside(total(1, 2, 3, 4)), **TOLD, column="second turn",
          reason="the counts of the crew's models since they were made; run.record warns")  # fmt: skip


def test_two_agents_that_share_a_model(stub, agent, model, record):
    shared = model()
    first = Agent(role="finder", goal="Find.", backstory="A clerk.", llm=shared, tools=[find_invoice])
    second = Agent(role="writer", goal="Write.", backstory="A clerk.", llm=shared)
    tasks = [Task(description=f"{each.role}?", expected_output="A date.", agent=each) for each in (first, second)]
    stub.script(*ONE_TURN, Say(NESTED_ANSWER))
    output = Crew(agents=[first, second], tasks=tasks).kickoff()
    (warning,) = record(output).warnings
    assert "the crew's models" in warning
    twice = inside(total(1, 2, 3)) + inside(total(1, 2, 3))
    check(LIBRARY, "CrewOutput, a shared model", output, twice, tools=["find_invoice"], text=NESTED_ANSWER,
          reason="the library counts a model once for each agent that has it; run.record warns")  # fmt: skip


def test_a_coworker(stub, agent, model):
    office = Agent(
        role="office", goal="Answer.", backstory="A clerk.", llm=model(), allow_delegation=True, max_retry_limit=0
    )
    crew = Crew(agents=[office, agent()], tasks=[Task(description="When?", expected_output="A date.", agent=office)])
    asked = Call("delegate_work_to_coworker", {"task": "When?", "context": "None.", "coworker": "finder"})
    stub.script(asked, *ONE_TURN, Say(NESTED_ANSWER))
    check(LIBRARY, "CrewOutput, delegation", crew.kickoff(), inside(total(1, 2, 3, 4)),
          tools=["delegate_work_to_coworker"], text=NESTED_ANSWER, column="nested")  # fmt: skip


def test_structured_output(stub, crew):
    stub.script(*ONE_TURN, Say(STRUCTURED))
    check(LIBRARY, "CrewOutput, output_pydantic", crew(output_pydantic=Due).kickoff(), inside(total(1, 2, 3)),
          tools=["find_invoice"], text=STRUCTURED, column="structured")  # fmt: skip


def test_an_agent_by_itself(stub, agent):
    stub.script(*ONE_TURN)
    check(LIBRARY, "LiteAgentOutput", agent().kickoff("When?"), inside(total(1, 2)), **TOLD)


def test_a_failing_run(stub, crew):
    stub.script(LOOK_UP, Refuse())
    with pytest.raises(Exception, match="the stub refuses") as caught:
        crew().kickoff()
    check(LIBRARY, type(caught.value).__name__, caught.value, None, column="failing",
          reason="raises; the exception does not hold what the run cost")  # fmt: skip
