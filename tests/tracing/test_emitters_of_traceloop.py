"""Instrumentors that stay on once they were switched on, so that they come after the others."""

import pytest
from loopback import total
from readings import inside
from scenario import ANSWER, FOUND, ONE_TURN

TOOLS = ["find_invoice"]
TOLD = {"tools": TOOLS, "text": ANSWER}


def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


class TestLangGraph:
    @pytest.fixture(autouse=True)
    def instrumented(self, emitter):
        from opentelemetry.instrumentation.langchain import LangchainInstrumentor

        emitter(LangchainInstrumentor())

    @pytest.fixture
    def agent(self, stub):
        from langchain.agents import create_agent
        from langchain_openai import ChatOpenAI

        model = ChatOpenAI(model="m", base_url=f"{stub.url}/v1", api_key="k", max_retries=0, stream_usage=True)
        return create_agent(model, tools=[find_invoice])

    def test_a_run(self, stub, agent, traced):
        stub.script(*ONE_TURN)
        with traced.recording():
            agent.invoke({"messages": [("user", "When?")]})
        traced.check("langgraph-traceloop", inside(total(1, 2)), **TOLD)

    async def test_a_streamed_run(self, stub, agent, traced):
        stub.script(*ONE_TURN)
        with traced.recording():
            async for _ in agent.astream({"messages": [("user", "When?")]}, stream_mode="messages"):
                pass
        traced.check("langgraph-traceloop-stream", inside(total(1, 2)), **TOLD)

    def test_a_client_that_makes_spans_of_its_own(self, stub, traced):
        from langchain.agents import create_agent
        from langchain_anthropic import ChatAnthropic

        agent = create_agent(ChatAnthropic(model="m", base_url=stub.url, api_key="k", max_retries=0), [find_invoice])
        stub.script(*ONE_TURN)
        with traced.recording():
            agent.invoke({"messages": [("user", "When?")]})
        traced.check("langgraph-traceloop-anthropic", inside(total(1, 2), written=True), **TOLD)

    def test_two_instrumentors_at_once(self, stub, emitter, agent, traced):
        from openinference.instrumentation.langchain import LangChainInstrumentor

        emitter(LangChainInstrumentor())
        stub.script(*ONE_TURN)
        with traced.recording():
            agent.invoke({"messages": [("user", "When?")]})
        traced.check("langgraph-two-instrumentors", inside(total(1, 2)), **TOLD)
