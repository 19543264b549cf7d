"""Clients of models that make spans, or are instrumented: without a framework a run has their calls."""

import pytest
from loopback import Call, Say, total
from readings import inside
from scenario import ANSWER, ONE_TURN

USER = [{"role": "user", "content": "When?"}]
TOLD = {"tools": [], "text": ANSWER, "is_agent": False}


def test_the_spans_of_anthropics_client(stub, traced):
    import anthropic

    client = anthropic.Anthropic(base_url=stub.url, api_key="k", max_retries=0)
    stub.script(*ONE_TURN)
    with traced.recording():
        for _ in range(2):
            client.messages.create(model="m", max_tokens=99, messages=USER)
    traced.check("anthropic", inside(total(1, 2), written=True), is_agent=False)


@pytest.mark.parametrize("by", ["openinference", "traceloop"])
@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
def test_an_instrumented_client_of_anthropic(stub, emitter, traced, by, is_streamed):
    import anthropic

    if by == "openinference":
        from openinference.instrumentation.anthropic import AnthropicInstrumentor
    else:
        from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
    emitter(AnthropicInstrumentor())
    client = anthropic.Anthropic(base_url=stub.url, api_key="k", max_retries=0)
    stub.script(*ONE_TURN)
    with traced.recording():
        for _ in range(2):
            answer = client.messages.create(model="m", max_tokens=99, messages=USER, stream=is_streamed)
            if is_streamed:
                for _ in answer:
                    pass
    traced.check(f"anthropic-{by}-{'stream' if is_streamed else 'plain'}", inside(total(1, 2), written=True), **TOLD)


@pytest.mark.parametrize("wire", ["chat", "responses"])
@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
def test_an_instrumented_client_of_openai(stub, emitter, traced, wire, is_streamed):
    import openai
    from openinference.instrumentation.openai import OpenAIInstrumentor

    emitter(OpenAIInstrumentor())
    client = openai.OpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
    stub.script(*ONE_TURN)
    with traced.recording():
        for _ in range(2):
            if wire == "chat":
                options = {"stream_options": {"include_usage": True}} if is_streamed else {}
                answer = client.chat.completions.create(model="m", messages=USER, stream=is_streamed, **options)
            else:
                answer = client.responses.create(model="m", input="When?", stream=is_streamed)
            if is_streamed:
                for _ in answer:
                    pass
    traced.check(f"openai-{wire}-{'stream' if is_streamed else 'plain'}", inside(total(1, 2)), **TOLD)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
def test_an_instrumented_client_of_google(stub, emitter, traced, is_streamed):
    from google import genai
    from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor

    emitter(GoogleGenAIInstrumentor())
    client = genai.Client(api_key="k", http_options={"base_url": stub.url})
    stub.script(*ONE_TURN)
    with traced.recording():
        for _ in range(2):
            if is_streamed:
                for _ in client.models.generate_content_stream(model="m", contents="When?"):
                    pass
            else:
                client.models.generate_content(model="m", contents="When?")
    traced.check(f"google-genai-{'stream' if is_streamed else 'plain'}", inside(total(1, 2)), **TOLD)


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
def test_an_instrumented_litellm(stub, emitter, traced, wire):
    import litellm
    from openinference.instrumentation.litellm import LiteLLMInstrumentor

    emitter(LiteLLMInstrumentor())
    base = stub.url if wire == "anthropic" else f"{stub.url}/v1"
    stub.script(*ONE_TURN)
    with traced.recording():
        for _ in range(2):
            litellm.completion(model=f"{wire}/m", api_base=base, api_key="k", messages=USER, num_retries=0)
    traced.check(f"litellm-{wire}", inside(total(1, 2), written=wire == "anthropic"), **TOLD)


def test_a_tool_that_calls_a_client_by_itself(stub, emitter, traced):
    import openai
    from openinference.instrumentation.openai import OpenAIInstrumentor
    from pydantic_ai import Agent, InstrumentationSettings
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    emitter(OpenAIInstrumentor())
    client = openai.OpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
    Agent.instrument_all(InstrumentationSettings(tracer_provider=traced.provider))
    agent = Agent(AnthropicModel("m", provider=AnthropicProvider(base_url=stub.url, api_key="k")))

    @agent.tool_plain
    def ask(question: str) -> str:
        return client.chat.completions.create(model="m", messages=USER).choices[0].message.content

    stub.script(Call("ask", {"question": "When?"}), Say("May"), Say(ANSWER))
    with traced.recording():
        agent.run_sync("When?")
    Agent.instrument_all(False)
    tokens = inside(total(1, 3), written=True) + inside(total(2))
    traced.check("tool-with-client", tokens, tools=["ask"], text=ANSWER)
