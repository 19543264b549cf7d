"""Clients that were instrumented one by one: what they return is recorded, and they stay what they are."""

import anthropic
import litellm
import openai
import pytest
from google import genai
from loopback import Say, total
from readings import beside, inside
from scenario import ANSWER, LOOK_UP, ONE_TURN

from xpander_facade import Backend, Configuration, IntegrationError
from xpander_facade.integrations import anthropic as for_anthropic
from xpander_facade.integrations import google_genai as for_google
from xpander_facade.integrations import litellm as for_litellm
from xpander_facade.integrations import openai as for_openai

USER = [{"role": "user", "content": "When?"}]
USAGE = {"stream_options": {"include_usage": True}}


@pytest.fixture
def backend():
    return Backend(Configuration(disabled=True, agent_id="agent-1"))


@pytest.fixture
def client(stub):
    return for_openai.instrument(openai.OpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0))


@pytest.fixture
def aclient(stub):
    return for_openai.instrument(openai.AsyncOpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0))


@pytest.fixture
def claude(stub):
    return for_anthropic.instrument(anthropic.Anthropic(base_url=stub.url, api_key="k", max_retries=0))


def check(run, tokens, tools=("find_invoice",), text=ANSWER):
    assert (run.tokens, run.used_tools, run.result) == (tokens, [*tools], text)


def test_openai_stays_what_it_is(client):
    assert type(client) is openai.OpenAI
    assert type(client.with_options(timeout=3)) is openai.OpenAI


def test_openai_outside_of_a_run(stub, client, backend):
    stub.script(*ONE_TURN)
    client.chat.completions.create(model="m", messages=USER)
    with backend.external_task() as run:
        pass
    assert client.chat.completions.create(model="m", messages=USER).choices[0].message.content == ANSWER
    assert run.tokens is None


@pytest.mark.parametrize("wire", ["chat", "responses"])
def test_openai(stub, client, backend, wire):
    stub.script(*ONE_TURN)
    with backend.external_task() as run:
        for _ in range(2):
            if wire == "chat":
                client.chat.completions.create(model="m", messages=USER)
            else:
                client.responses.create(model="m", input="When?")
    check(run, inside(total(1, 2)))
    assert len(run.llm_response) == 2


@pytest.mark.parametrize("wire", ["chat", "responses"])
def test_openais_streams(stub, client, backend, wire):
    stub.script(*ONE_TURN)
    with backend.external_task() as run:
        for _ in range(2):
            if wire == "chat":
                stream = client.chat.completions.create(model="m", messages=USER, stream=True, **USAGE)
            else:
                stream = client.responses.create(model="m", input="When?", stream=True)
            assert isinstance(stream, openai.Stream)
            with stream:
                assert len(list(stream)) > 1
    check(run, inside(total(1, 2)))


async def test_openais_streams_with_async(stub, aclient, backend):
    stub.script(*ONE_TURN)
    async with backend.external_task() as run:
        stream = await aclient.chat.completions.create(model="m", messages=USER, stream=True, **USAGE)
        assert isinstance(stream, openai.AsyncStream)
        async for _ in stream:
            pass
        stream = await aclient.responses.create(model="m", input="When?", stream=True)
        while await anext(stream, None) is not None:
            pass
    check(run, inside(total(1, 2)))


def test_a_stream_that_is_left_is_recorded_when_the_run_ends(stub, client, backend):
    stub.script(Say(ANSWER))
    with backend.external_task() as run:
        stream = client.chat.completions.create(model="m", messages=USER, stream=True, **USAGE)
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                break
    assert run.result
    assert run.result in ANSWER
    stream.close()


def test_openais_copies_and_raw_responses(stub, client, backend):
    stub.script(*ONE_TURN)
    with backend.external_task() as run:
        raw = client.with_options(timeout=9).chat.completions.with_raw_response.create(model="m", messages=USER)
        assert run.tokens is None
        assert raw.parse() is raw.parse()
        copied = client.copy(timeout=3).with_options(max_retries=0)
        with copied.chat.completions.with_streaming_response.create(model="m", messages=USER) as raw:
            raw.parse()
    check(run, inside(total(1, 2)))


def test_openais_helper_for_streams(stub, client, backend):
    stub.script(*ONE_TURN)
    with backend.external_task() as run:
        with client.chat.completions.stream(model="m", messages=USER, **USAGE) as stream:
            stream.until_done()
        with client.responses.stream(model="m", input="When?") as stream:
            stream.until_done()
    check(run, inside(total(1, 2)))


def test_a_call_that_fails_raises_what_it_did(stub, client, backend):
    with backend.external_task() as run, pytest.raises(openai.APIStatusError):
        client.chat.completions.create(model="m", messages=USER)
    assert run.tokens is None


def test_uninstrumented_it_is_as_before(stub, client, backend):
    for_openai.uninstrument(client)
    assert not [name for name in vars(client) if name in {"request", "copy", "with_options"}]
    stub.script(Say(ANSWER))
    with backend.external_task() as run:
        client.chat.completions.create(model="m", messages=USER)
    assert run.tokens is None
    for_openai.instrument(client)


def test_twice_and_something_else_are_errors(client, claude):
    with pytest.raises(IntegrationError, match="already"):
        for_openai.instrument(client)
    with pytest.raises(IntegrationError, match=r"takes openai\.OpenAI or openai\.AsyncOpenAI, not Anthropic"):
        for_openai.instrument(claude)
    with pytest.raises(IntegrationError, match=r"takes google\.genai\.Client"):
        for_google.instrument(client)
    with pytest.raises(IntegrationError, match=r"takes a litellm\.Router"):
        for_litellm.instrument(client)


def test_anthropic(stub, claude, backend):
    stub.script(*ONE_TURN, *ONE_TURN)
    with backend.external_task() as run:
        claude.messages.create(model="m", max_tokens=9, messages=USER)
        list(claude.messages.create(model="m", max_tokens=9, messages=USER, stream=True))
        with claude.messages.stream(model="m", max_tokens=9, messages=USER) as stream:
            stream.until_done()
        with claude.with_options(timeout=9).messages.stream(model="m", max_tokens=9, messages=USER) as stream:
            assert "".join(stream.text_stream) == ANSWER
    check(run, beside(total(1, 2, 3, 4)))


async def test_anthropic_with_async(stub, backend):
    claude = for_anthropic.instrument(anthropic.AsyncAnthropic(base_url=stub.url, api_key="k", max_retries=0))
    stub.script(*ONE_TURN)
    async with backend.external_task() as run:
        await claude.messages.create(model="m", max_tokens=9, messages=USER)
        async with claude.messages.stream(model="m", max_tokens=9, messages=USER) as stream:
            await stream.get_final_message()
    check(run, beside(total(1, 2)))


async def test_google(stub, backend):
    client = for_google.instrument(genai.Client(api_key="k", http_options={"base_url": stub.url}))
    stub.script(LOOK_UP, Say(ANSWER), Say(ANSWER), Say(ANSWER), Say(ANSWER))
    with backend.external_task() as run:
        client.models.generate_content(model="m", contents="When?")
        list(client.models.generate_content_stream(model="m", contents="When?"))
        await client.aio.models.generate_content(model="m", contents="When?")
        async for _ in await client.aio.models.generate_content_stream(model="m", contents="When?"):
            pass
        client.chats.create(model="m").send_message("When?")
    check(run, inside(total(1, 2, 3, 4, 5)))
    for_google.uninstrument(client)


def test_google_calls_functions_by_itself(stub, backend):
    def find_invoice(number: str) -> str:
        """Find an invoice."""
        return "May"

    client = for_google.instrument(genai.Client(api_key="k", http_options={"base_url": stub.url}))
    stub.script(*ONE_TURN)
    with backend.external_task() as run:
        client.models.generate_content(model="m", contents="When?", config={"tools": [find_invoice]})
    check(run, inside(total(1, 2)))


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
async def test_litellm(stub, backend, wire):
    base = stub.url if wire == "anthropic" else f"{stub.url}/v1"
    options = {"model": f"{wire}/m", "api_base": base, "api_key": "k", "messages": USER, "num_retries": 0}
    calls = for_litellm.instrument()
    assert calls.ModelResponse is litellm.ModelResponse
    stub.script(*ONE_TURN, *ONE_TURN)
    with backend.external_task() as run:
        calls.completion(**options)
        list(calls.completion(**options, stream=True, **USAGE))
        await calls.acompletion(**options)
        async for _ in await calls.acompletion(**options, stream=True, **USAGE):
            pass
    check(run, inside(total(1, 2, 3, 4), written=wire == "anthropic"))


def test_litellms_router(stub, backend):
    model = {"model_name": "m", "litellm_params": {"model": "openai/m", "api_base": f"{stub.url}/v1", "api_key": "k"}}
    router = for_litellm.instrument(litellm.Router(model_list=[model], num_retries=0))
    assert type(router) is litellm.Router
    stub.script(*ONE_TURN)
    with backend.external_task() as run:
        for _ in range(2):
            router.completion(model="m", messages=USER)
    check(run, inside(total(1, 2)))
    with pytest.raises(IntegrationError, match="has instrumented this Router already"):
        for_litellm.instrument(router)
    for_litellm.uninstrument(router)
    stub.script(*ONE_TURN)
    with backend.external_task() as run:
        router.completion(model="m", messages=USER)
    assert run.tokens is None
    for_litellm.uninstrument(for_litellm.instrument(router))
