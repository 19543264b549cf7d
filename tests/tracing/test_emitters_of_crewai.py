"""crewAI, whose instrumentor tells no counts: those of its client do."""

from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool
from loopback import total
from openinference.instrumentation.crewai import CrewAIInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor
from readings import inside
from scenario import ANSWER, FOUND, ONE_TURN


@tool("find_invoice")
def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


def test_a_crew(stub, emitter, traced):
    emitter(CrewAIInstrumentor())
    emitter(OpenAIInstrumentor())
    model = LLM(model="openai/gpt-4o-mini", base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
    agent = Agent(role="finder", goal="Find.", backstory="A clerk.", llm=model, tools=[find_invoice], max_retry_limit=0)
    crew = Crew(agents=[agent], tasks=[Task(description="When?", expected_output="A date.", agent=agent)])
    stub.script(*ONE_TURN)
    with traced.recording():
        crew.kickoff()
    traced.check("crewai-openai", inside(total(1, 2)), tools=["find_invoice"], text=ANSWER)
