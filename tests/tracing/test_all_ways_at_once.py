"""One call that comes by an instrumented client, by spans and by the recorded result counts once."""

import anthropic
import openai
import pytest
from loopback import total
from readings import beside, inside
from scenario import ANSWER, FOUND, ONE_TURN

from xpander_facade.integrations import anthropic as for_anthropic
from xpander_facade.integrations import openai as for_openai

TOLD = {"tools": ["find_invoice"], "text": ANSWER}


def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture
def traced(traced):
    if traced.mode != "run":
        pytest.skip("without a run there is one way only")
    return traced


@pytest.fixture
def aclient(stub, emitter):
    from openinference.instrumentation.openai import OpenAIInstrumentor

    emitter(OpenAIInstrumentor())
    return for_openai.instrument(openai.AsyncOpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0))


@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("wire", ["chat", "responses"])
async def test_openai_agents(stub, emitter, aclient, traced, wire, is_streamed):
    from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
    from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    emitter(OpenAIAgentsInstrumentor())
    kind = OpenAIChatCompletionsModel if wire == "chat" else OpenAIResponsesModel
    settings = ModelSettings(include_usage=True)
    agent = Agent(name="f", model=kind("m", aclient), tools=[function_tool(find_invoice)], model_settings=settings)
    stub.script(*ONE_TURN)
    with traced.recording() as run:
        if is_streamed:
            result = Runner.run_streamed(agent, "When?")
            async for _ in result.stream_events():
                pass
        else:
            result = await Runner.run(agent, "When?")
        run.record(result)
    traced.check(f"all-openai-agents-{wire}-{is_streamed}", inside(total(1, 2)), **TOLD)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
async def test_langgraph(stub, emitter, aclient, traced, is_streamed):
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI
    from openinference.instrumentation.langchain import LangChainInstrumentor

    emitter(LangChainInstrumentor())
    model = ChatOpenAI(model="m", base_url=f"{stub.url}/v1", api_key="k", max_retries=0, stream_usage=True)
    for_openai.instrument(model.root_async_client)
    for_openai.instrument(model.root_client)
    agent = create_agent(model, tools=[find_invoice])
    stub.script(*ONE_TURN)
    question = {"messages": [("user", "When?")]}
    with traced.recording() as run:
        if is_streamed:
            run.record([part async for part in agent.astream(question, stream_mode="messages")])
        else:
            run.record(agent.invoke(question))
    traced.check(f"all-langgraph-{is_streamed}", inside(total(1, 2)), **TOLD)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("wire", ["chat", "responses", "anthropic"])
async def test_pydantic_ai(stub, aclient, traced, wire, is_streamed):
    from pydantic_ai import Agent, InstrumentationSettings
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.anthropic import AnthropicProvider
    from pydantic_ai.providers.openai import OpenAIProvider

    if wire == "anthropic":
        client = for_anthropic.instrument(anthropic.AsyncAnthropic(base_url=stub.url, api_key="k", max_retries=0))
        model = AnthropicModel("m", provider=AnthropicProvider(anthropic_client=client))
    else:
        kind = OpenAIChatModel if wire == "chat" else OpenAIResponsesModel
        model = kind("m", provider=OpenAIProvider(openai_client=aclient))
    Agent.instrument_all(InstrumentationSettings(tracer_provider=traced.provider))
    agent = Agent(model, tools=[find_invoice])
    stub.script(*ONE_TURN)
    try:
        with traced.recording() as run:
            if is_streamed:
                async with agent.run_stream("When?") as result:
                    async for _ in result.stream_text():
                        pass
                run.record(result)
            else:
                run.record(await agent.run("When?"))
    finally:
        Agent.instrument_all(False)
    tokens = run.tokens
    if wire == "anthropic":  # the client's count, or the framework's, which has the cache within
        assert tokens in (beside(total(1, 2)), inside(total(1, 2), written=True))
        return
    traced.check(f"all-pydantic-ai-{wire}-{is_streamed}", inside(total(1, 2)), **TOLD)
