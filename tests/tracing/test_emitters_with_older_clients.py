"""Frameworks that hold back the clients of models they use."""

import pytest
from loopback import Say, total
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


@pytest.mark.parametrize("names", ["", "gen_ai_latest_experimental"], ids=["older", "latest"])
async def test_strands_of_anthropic(stub, traced, monkeypatch, names):
    from strands import Agent, tool
    from strands.models.anthropic import AnthropicModel
    from strands.telemetry import tracer

    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", names)
    monkeypatch.setattr(tracer, "_tracer_instance", None)  # it reads the names once
    model = AnthropicModel(client_args={"base_url": stub.url, "api_key": "k"}, model_id="m", max_tokens=99)
    agent = Agent(model=model, tools=[tool(find_invoice)], callback_handler=None, name="finder")
    stub.script(*ONE_TURN)
    with traced.recording():
        async for _ in agent.stream_async("When?"):
            pass
    traced.check(f"strands-anthropic{'-latest' * bool(names)}", inside(total(1, 2), written=True), **TOLD)


def test_strands_by_the_latest_names(stub, traced, monkeypatch):
    from strands import Agent, tool
    from strands.models.openai import OpenAIModel
    from strands.telemetry import tracer

    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
    monkeypatch.setattr(tracer, "_tracer_instance", None)
    model = OpenAIModel(client_args={"base_url": f"{stub.url}/v1", "api_key": "k", "max_retries": 0}, model_id="m")
    agent = Agent(model=model, tools=[tool(find_invoice)], callback_handler=None, name="finder")
    stub.script(*ONE_TURN)
    with traced.recording():
        agent("When?")
    traced.check("strands-latest", inside(total(1, 2)), **TOLD)


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


def dspy_says(**fields):
    """Return an answer as dspy asks for it."""
    return Say("\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in fields.items()))


def test_dspy(stub, emitter, traced):
    import dspy
    from openinference.instrumentation.dspy import DSPyInstrumentor

    emitter(DSPyInstrumentor())
    model = dspy.LM("openai/m", api_base=f"{stub.url}/v1", api_key="k", cache=False, num_retries=0)
    agent = dspy.ReAct("question -> answer", tools=[find_invoice])
    stub.script(
        dspy_says(next_thought="Look.", next_tool_name="find_invoice", next_tool_args='{"number": "A1"}'),
        dspy_says(next_thought="Found.", next_tool_name="finish", next_tool_args="{}"),
        dspy_says(reasoning="It was found.", answer=ANSWER),
    )
    with traced.recording(), dspy.context(lm=model):
        agent(question="When?")
    traced.check("dspy", None, text=ANSWER)  # its spans have no counts, and those of tools no names


class TestLlamaIndexByTraceloop:
    """It stays on once it was switched on, and tells all twice when it is switched on again."""

    @pytest.fixture(scope="class", autouse=True)
    def instrumented(self, provider):
        from opentelemetry.instrumentation.llamaindex import LlamaIndexInstrumentor
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor

        LlamaIndexInstrumentor().instrument(tracer_provider=provider)
        OpenAIInstrumentor().instrument(tracer_provider=provider)

    @pytest.mark.parametrize("by", ["itself", "openai"])
    @pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
    async def test_a_run(self, stub, traced, by, is_streamed):
        from llama_index.core.agent.workflow import FunctionAgent
        from llama_index.llms.openai import OpenAI
        from llama_index.llms.openai_like import OpenAILike

        options = {"stream_options": {"include_usage": True}} if is_streamed else {}
        client = {"api_base": f"{stub.url}/v1", "api_key": "k", "max_retries": 0, "additional_kwargs": options}
        if by == "openai":  # it leaves the calls of this class to the instrumentor of the client
            model = OpenAI(model="gpt-4o-mini", **client)
        else:
            model = OpenAILike(model="m", is_chat_model=True, is_function_calling_model=True, **client)
        agent = FunctionAgent(name="finder", tools=[find_invoice], llm=model, streaming=is_streamed)
        stub.script(*ONE_TURN)
        with traced.recording():
            handler = agent.run("When?")
            async for _ in handler.stream_events():
                pass
            await handler
        traced.check(f"llama-index-traceloop-{by}-{'stream' if is_streamed else 'plain'}", inside(total(1, 2)), **TOLD)
