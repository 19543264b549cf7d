"""Frameworks that hold back the clients of models they use."""

import pytest
from loopback import total
from readings import inside
from scenario import ANSWER, FOUND, ONE_TURN

TOLD = {"tools": ["find_invoice"], "text": ANSWER}


def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture
def strands_agent(stub):
    from strands import Agent, tool
    from strands.models.openai import OpenAIModel

    model = OpenAIModel(client_args={"base_url": f"{stub.url}/v1", "api_key": "k", "max_retries": 0}, model_id="m")
    return Agent(model=model, tools=[tool(find_invoice)], callback_handler=None, name="finder")


def test_strands(stub, strands_agent, traced):
    stub.script(*ONE_TURN)
    with traced.recording():
        strands_agent("When?")
    traced.check("strands", inside(total(1, 2)), **TOLD)


def test_strands_again(stub, strands_agent, traced):
    stub.script(*ONE_TURN, *ONE_TURN)
    strands_agent("When?")
    with traced.recording():
        strands_agent("And?")
    traced.check("strands-second", inside(total(3, 4)), **TOLD)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
async def test_llama_index(stub, emitter, traced, is_streamed):
    from llama_index.core.agent.workflow import FunctionAgent
    from llama_index.llms.openai import OpenAI
    from openinference.instrumentation.llama_index import LlamaIndexInstrumentor

    emitter(LlamaIndexInstrumentor())
    options = {"stream_options": {"include_usage": True}} if is_streamed else {}
    client = {"api_base": f"{stub.url}/v1", "api_key": "k", "max_retries": 0}
    model = OpenAI(model="gpt-4o-mini", additional_kwargs=options, **client)
    agent = FunctionAgent(name="finder", description="Finds.", tools=[find_invoice], llm=model, streaming=is_streamed)
    stub.script(*ONE_TURN)
    with traced.recording():
        handler = agent.run("When?")
        async for _ in handler.stream_events():
            pass
        await handler
    traced.check(f"llama-index-{'stream' if is_streamed else 'plain'}", inside(total(1, 2)), **TOLD)
