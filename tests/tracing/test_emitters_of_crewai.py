"""crewAI, whose instrumentor tells no counts: those of its client do."""

import pytest
from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool
from loopback import Say, total
from openinference.instrumentation.crewai import CrewAIInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor
from readings import inside
from scenario import ANSWER, FOUND, ONE_TURN


@tool("find_invoice")
def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


def crew_of(model):
    agent = Agent(role="finder", goal="Find.", backstory="A clerk.", llm=model, tools=[find_invoice], max_retry_limit=0)
    return Crew(agents=[agent], tasks=[Task(description="When?", expected_output="A date.", agent=agent)])


@pytest.fixture
def crew(stub):
    return crew_of(LLM(model="openai/gpt-4o-mini", base_url=f"{stub.url}/v1", api_key="k", max_retries=0))


def test_a_crew(stub, emitter, crew, traced):
    emitter(CrewAIInstrumentor())
    emitter(OpenAIInstrumentor())
    stub.script(*ONE_TURN)
    with traced.recording():
        crew.kickoff()
    traced.check("crewai-openai", inside(total(1, 2)), tools=["find_invoice"], text=ANSWER)


class TestByTraceloop:
    """It tells what the crew's models have counted."""

    @pytest.fixture(autouse=True)
    def instrumented(self, emitter):
        from opentelemetry.instrumentation.crewai import CrewAIInstrumentor

        emitter(CrewAIInstrumentor())

    @pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
    def test_a_crew(self, stub, crew, traced, is_streamed):
        crew.agents[0].llm.stream = is_streamed
        stub.script(*ONE_TURN)
        with traced.recording():
            crew.kickoff()
        traced.check(f"crewai-traceloop-{'stream' if is_streamed else 'plain'}", inside(total(1, 2)), text=ANSWER)

    def test_what_was_written_to_a_cache(self, stub, traced):
        model = LLM(model="anthropic/claude-sonnet-4-5", base_url=stub.url, api_key="k", max_retries=0)
        length, (look_up, answer) = Say("0"), ONE_TURN  # crewAI asks for the prompt's length before each call
        stub.script(length, look_up, length, length, answer)
        with traced.recording():
            crew_of(model).kickoff()
        traced.check("crewai-traceloop-anthropic", inside(total(2, 5), written=True), text=ANSWER)

    def test_a_second_kickoff_needs_the_client(self, stub, crew, emitter, traced):
        emitter(OpenAIInstrumentor())
        stub.script(*ONE_TURN, *ONE_TURN)
        crew.kickoff()
        with traced.recording():
            crew.kickoff()
        traced.check("crewai-traceloop-openai-second", inside(total(3, 4)), text=ANSWER)
