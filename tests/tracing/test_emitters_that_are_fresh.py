"""Emitters whose spans had no part in making the rules."""

import pytest
from loopback import total
from readings import beside, inside
from scenario import ANSWER, ONE_TURN

from xpander_facade import Tokens

USER = [{"role": "user", "content": "When?"}]


@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
def test_opentelemetry_for_openai(stub, emitter, traced, is_streamed):
    import openai
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    emitter(OpenAIInstrumentor())
    client = openai.OpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
    options = {"stream_options": {"include_usage": True}} if is_streamed else {}
    stub.script(*ONE_TURN)
    with traced.recording():
        for _ in range(2):
            answer = client.chat.completions.create(model="m", messages=USER, stream=is_streamed, **options)
            if is_streamed:
                list(answer)
    counts = total(1, 2)  # it leaves out what came from a cache
    traced.check(f"openai-v2-{'stream' if is_streamed else 'plain'}", Tokens(counts.prompt, counts.completion),
                 is_agent=False)  # fmt: skip


@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
def test_logfire_for_openai(stub, traced, is_streamed):
    import logfire
    import openai

    client = openai.OpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
    own = logfire.configure(send_to_logfire=False, console=False, local=True)
    own.config._tracer_provider.set_provider(traced.provider)
    options = {"stream_options": {"include_usage": True}} if is_streamed else {}
    with own.instrument_openai(client):
        stub.script(*ONE_TURN)
        with traced.recording():
            for _ in range(2):
                answer = client.chat.completions.create(model="m", messages=USER, stream=is_streamed, **options)
                if is_streamed:
                    list(answer)
    sample = f"logfire-openai-{'stream' if is_streamed else 'plain'}"
    traced.check(sample, inside(total(1, 2)), text=ANSWER, is_agent=False)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
def test_langfuse_for_openai(stub, traced, is_streamed):
    from langfuse import Langfuse
    from langfuse.openai import OpenAI

    Langfuse(public_key="pk-k", secret_key="k", base_url="http://127.0.0.1:9", tracer_provider=traced.provider)
    client = OpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
    options = {"stream_options": {"include_usage": True}} if is_streamed else {}
    stub.script(*ONE_TURN)
    with traced.recording():
        for _ in range(2):
            answer = client.chat.completions.create(model="m", messages=USER, stream=is_streamed, **options)
            if is_streamed:
                list(answer)
    sample = f"langfuse-openai-{'stream' if is_streamed else 'plain'}"
    traced.check(sample, inside(total(1, 2)), text=ANSWER, is_agent=False)


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
def test_openlit(stub, traced, wire):
    import anthropic
    import openai
    import openlit

    openlit.init(disable_metrics=True)
    stub.script(*ONE_TURN)
    if wire == "openai":
        client = openai.OpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
        ask = lambda: client.chat.completions.create(model="m", messages=USER)  # noqa: E731
    else:
        client = anthropic.Anthropic(base_url=stub.url, api_key="k", max_retries=0)
        ask = lambda: client.messages.create(model="m", messages=USER, max_tokens=9)  # noqa: E731
    with traced.recording():
        ask()
        ask()
    tokens = inside(total(1, 2)) if wire == "openai" else beside(total(1, 2))
    traced.check(f"openlit-{wire}", tokens, text=ANSWER, is_agent=False)
