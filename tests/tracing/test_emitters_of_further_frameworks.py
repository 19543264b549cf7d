"""ag2, Haystack, LangSmith, Logfire and openai-agents by OpenTelemetry's own instrumentor."""

import pytest
from loopback import total
from readings import inside
from scenario import ANSWER, FOUND, ONE_TURN

from xpander_facade import Tokens

TOLD = {"tools": ["find_invoice"], "text": ANSWER}


def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


def uncached(counts):
    """Return what an emitter tells that leaves out what came from a cache."""
    return Tokens(counts.prompt, counts.completion)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
async def test_ag2(stub, traced, is_streamed):
    from ag2 import Agent
    from ag2.config import OpenAIConfig
    from ag2.middleware import TelemetryMiddleware

    config = OpenAIConfig(model="m", api_key="k", base_url=f"{stub.url}/v1", max_retries=0, streaming=is_streamed)
    telemetry = TelemetryMiddleware(tracer_provider=traced.provider, agent_name="finder")
    agent = Agent("finder", config=config, tools=[find_invoice], middleware=[telemetry])
    stub.script(*ONE_TURN)
    with traced.recording():
        await agent.ask("When?")
    traced.check(f"ag2-{'stream' if is_streamed else 'plain'}", inside(total(1, 2)), **TOLD)


@pytest.mark.parametrize("wire", ["responses", "chat"])
async def test_openai_agents_by_opentelemetry(stub, emitter, traced, wire):
    from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
    from openai import AsyncOpenAI
    from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    emitter(OpenAIAgentsInstrumentor())
    client = AsyncOpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
    kind = OpenAIResponsesModel if wire == "responses" else OpenAIChatCompletionsModel
    agent = Agent(name="finder", model=kind("m", client), tools=[function_tool(find_invoice)])
    stub.script(*ONE_TURN)
    with traced.recording():
        await Runner.run(agent, "When?")
    traced.check(f"openai-agents-opentelemetry-{wire}", uncached(total(1, 2)), **TOLD)


@pytest.mark.parametrize("wire", ["responses", "chat"])
async def test_openai_agents_by_logfire(stub, traced, wire):
    import logfire
    from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
    from agents.tracing import set_trace_processors
    from openai import AsyncOpenAI

    own = logfire.configure(send_to_logfire=False, console=False, local=True)
    own.config._tracer_provider.set_provider(traced.provider)
    set_trace_processors([])
    own.instrument_openai_agents()
    client = AsyncOpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
    kind = OpenAIResponsesModel if wire == "responses" else OpenAIChatCompletionsModel
    agent = Agent(name="finder", model=kind("m", client), tools=[function_tool(find_invoice)])
    stub.script(*ONE_TURN)
    with traced.recording():
        await Runner.run(agent, "When?")
    traced.check(f"openai-agents-logfire-{wire}", inside(total(1, 2)), **TOLD)


@pytest.fixture
def haystack_tracer(provider):
    from haystack import tracing
    from haystack_integrations.tracing.opentelemetry import OpenTelemetryTracer

    tracing.enable_tracing(OpenTelemetryTracer(provider.get_tracer("haystack")))
    tracing.tracer.is_content_tracing_enabled = True  # counts are part of the content
    yield
    tracing.disable_tracing()


@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
def test_haystack(stub, traced, haystack_tracer, is_streamed):
    from haystack.components.agents import Agent
    from haystack.components.generators.chat import OpenAIChatGenerator
    from haystack.dataclasses import ChatMessage
    from haystack.tools import create_tool_from_function
    from haystack.utils import Secret

    options = {"stream_options": {"include_usage": True}} if is_streamed else {}
    generator = OpenAIChatGenerator(model="m", api_base_url=f"{stub.url}/v1", api_key=Secret.from_token("k"),
                                    max_retries=0, generation_kwargs=options)  # fmt: skip
    agent = Agent(chat_generator=generator, tools=[create_tool_from_function(find_invoice)])
    stub.script(*ONE_TURN)
    with traced.recording():
        callback = (lambda chunk: None) if is_streamed else None
        agent.run(messages=[ChatMessage.from_user("When?")], streaming_callback=callback)
    traced.check(f"haystack-{'stream' if is_streamed else 'plain'}", inside(total(1, 2)), **TOLD)


# What it tells of a stream of Anthropic depends on where the server puts the counts of the prompt.
@pytest.mark.parametrize(("wire", "is_streamed"), [("openai", False), ("openai", True), ("anthropic", False)])
def test_langsmith(stub, traced, monkeypatch, wire, is_streamed):
    from langchain.agents import create_agent
    from langchain_anthropic import ChatAnthropic
    from langchain_core.tracers.langchain import LangChainTracer
    from langchain_openai import ChatOpenAI
    from langsmith import Client

    for name in ("LANGSMITH_OTEL_ENABLED", "LANGSMITH_OTEL_ONLY", "LANGSMITH_TRACING"):
        monkeypatch.setenv(name, "true")
    if wire == "openai":
        model = ChatOpenAI(model="m", base_url=f"{stub.url}/v1", api_key="k", max_retries=0, stream_usage=True)
    else:
        model = ChatAnthropic(model="m", base_url=stub.url, api_key="k", max_retries=0)
    client = Client(api_url="http://127.0.0.1:9", api_key="k", otel_enabled=True, otel_tracer_provider=traced.provider)
    agent = create_agent(model, tools=[find_invoice])
    stub.script(*ONE_TURN)
    options = {"callbacks": [LangChainTracer(client=client)]}
    with traced.recording():
        # Its spans are made later, on a thread of its own: the span around the call tells in which run they are.
        with traced.provider.get_tracer("own").start_as_current_span("ask"):
            if is_streamed:
                list(agent.stream({"messages": [("user", "When?")]}, options, stream_mode="messages"))
            else:
                agent.invoke({"messages": [("user", "When?")]}, options)
        client.flush()
    traced.check(
        f"langsmith-{wire}-{'stream' if is_streamed else 'plain'}",
        inside(total(1, 2), written=wire == "anthropic"),
        **TOLD,
    )


@pytest.mark.parametrize("has_agent", [False, True], ids=["generator", "agent"])
def test_haystacks_pipelines(stub, traced, haystack_tracer, has_agent):
    from haystack import Pipeline
    from haystack.components.agents import Agent
    from haystack.components.generators.chat import OpenAIChatGenerator
    from haystack.dataclasses import ChatMessage
    from haystack.tools import create_tool_from_function
    from haystack.utils import Secret

    generator = OpenAIChatGenerator(model="m", api_base_url=f"{stub.url}/v1", api_key=Secret.from_token("k"),
                                    max_retries=0)  # fmt: skip
    pipeline = Pipeline()
    tools = [create_tool_from_function(find_invoice)]
    pipeline.add_component("ask", Agent(chat_generator=generator, tools=tools) if has_agent else generator)
    stub.script(*(ONE_TURN if has_agent else ONE_TURN[1:]))
    with traced.recording():
        pipeline.run({"ask": {"messages": [ChatMessage.from_user("When?")]}})
    numbers = (1, 2) if has_agent else (1,)
    traced.check(f"haystack-pipeline-{has_agent}", inside(total(*numbers)),
                 tools=["find_invoice"] if has_agent else [], text=ANSWER)  # fmt: skip


@pytest.mark.parametrize("wire", ["chat", "responses", "anthropic"])
@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("is_first", [False, True], ids=["after", "before"])
async def test_pydantic_ai_by_openinference(stub, traced, wire, is_streamed, is_first):
    from openinference.instrumentation.pydantic_ai import OpenInferenceSpanProcessor
    from pydantic_ai import Agent, InstrumentationSettings
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.anthropic import AnthropicProvider
    from pydantic_ai.providers.openai import OpenAIProvider

    if wire == "anthropic":
        model = AnthropicModel("m", provider=AnthropicProvider(base_url=stub.url, api_key="k"))
    else:
        kind = OpenAIChatModel if wire == "chat" else OpenAIResponsesModel
        model = kind("m", provider=OpenAIProvider(base_url=f"{stub.url}/v1", api_key="k"))
    Agent.instrument_all(InstrumentationSettings(tracer_provider=traced.provider))
    agent = Agent(model, tools=[find_invoice])
    stub.script(*ONE_TURN)
    with traced.recording():
        # It renames the attributes of spans that have ended: before the run's processor sees them, or after.
        multi = traced.provider._active_span_processor
        others, own = multi._span_processors, (OpenInferenceSpanProcessor(),)
        multi._span_processors = own + others if is_first else others + own
        if is_streamed:
            async with agent.run_stream("When?") as result:
                async for _ in result.stream_text():
                    pass
        else:
            await agent.run("When?")
    sample = f"pydantic-ai-openinference-{wire}-{'stream' if is_streamed else 'plain'}"
    traced.check(
        f"{sample}-{'before' if is_first else 'after'}", inside(total(1, 2), written=wire == "anthropic"), **TOLD
    )
