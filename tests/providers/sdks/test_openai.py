"""openai: chats, responses, completions and embeddings, at once and streamed, sync and async."""

import openai
import pytest
from loopback import Call, Say, counts_of
from readings import check, inside
from scenario import ANSWER, LOOK_UP

LIBRARY = "openai"
MODEL = "stub-model"
USER = [{"role": "user", "content": "When?"}]
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}
TOOL = {"type": "function", "function": {"name": "find_invoice", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def client(stub):
    stub.tells_writes = True
    return openai.OpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)


@pytest.fixture
def async_client(stub):
    stub.tells_writes = True
    return openai.AsyncOpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)


def call(number):
    return inside(counts_of(number), written=True)


def test_chats(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = client.chat.completions.create(model=MODEL, messages=USER)
    check(LIBRARY, "chat", said, call(1), text=ANSWER, model=MODEL)
    called = client.chat.completions.create(model=MODEL, messages=USER, tools=[TOOL])
    check(LIBRARY, "chat, a call", called, call(2), tools=["find_invoice"], model=MODEL)
    check(LIBRARY, "two chats", [said, called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)
    check(LIBRARY, "chat as JSON", called.model_dump(), call(2), tools=["find_invoice"], model=MODEL)


def test_streamed_chats(stub, client):
    stub.script(Say(ANSWER), LOOK_UP, Say(ANSWER))
    said = list(client.chat.completions.create(model=MODEL, messages=USER, **WITH_USAGE))
    check(LIBRARY, "chat chunks", said, call(1), text=ANSWER, model=MODEL)
    called = list(client.chat.completions.create(model=MODEL, messages=USER, tools=[TOOL], **WITH_USAGE))
    check(LIBRARY, "chat chunks, a call", called, call(2), tools=["find_invoice"], model=MODEL)
    check(LIBRARY, "chunks of two chats", [*said, *called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)
    silent = list(client.chat.completions.create(model=MODEL, messages=USER, stream=True))
    check(LIBRARY, "chat chunks without include_usage", silent, None, text=ANSWER, model=MODEL,
          reason="the provider sends usage on request only: stream_options={'include_usage': True}")  # fmt: skip


def test_the_chat_helper(stub, client):
    stub.script(Say(ANSWER))
    with client.chat.completions.stream(model=MODEL, messages=USER, stream_options={"include_usage": True}) as stream:
        events = list(stream)
    check(LIBRARY, "chat.completions.stream() events", events, call(1), text=ANSWER, model=MODEL)
    check(LIBRARY, "get_final_completion()", stream.get_final_completion(), call(1), text=ANSWER, model=MODEL)


async def test_asynchronous_chats(stub, async_client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = await async_client.chat.completions.create(model=MODEL, messages=USER)
    check(LIBRARY, "async chat", said, call(1), text=ANSWER, model=MODEL)
    stream = await async_client.chat.completions.create(model=MODEL, messages=USER, tools=[TOOL], **WITH_USAGE)
    check(LIBRARY, "async chat chunks", [chunk async for chunk in stream], call(2), tools=["find_invoice"])


def test_responses(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = client.responses.create(model=MODEL, input="When?")
    check(LIBRARY, "response", said, call(1), text=ANSWER, model=MODEL)
    called = client.responses.create(model=MODEL, input="When?")
    check(LIBRARY, "two responses", [said, called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


def test_streamed_responses(stub, client):
    stub.script(Say(ANSWER), LOOK_UP, Say(ANSWER))
    said = list(client.responses.create(model=MODEL, input="When?", stream=True))
    check(LIBRARY, "response events", said, call(1), text=ANSWER, model=MODEL)
    called = list(client.responses.create(model=MODEL, input="When?", stream=True))
    check(LIBRARY, "events of two responses", [*said, *called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)
    with client.responses.stream(model=MODEL, input="When?") as stream:
        events = list(stream)
    check(LIBRARY, "responses.stream() events", events, call(3), text=ANSWER, model=MODEL)
    check(LIBRARY, "get_final_response()", stream.get_final_response(), call(3), text=ANSWER, model=MODEL)


async def test_asynchronous_responses(stub, async_client):
    stub.script(Say(ANSWER), Say(ANSWER))
    check(
        LIBRARY, "async response", await async_client.responses.create(model=MODEL, input="When?"), call(1), text=ANSWER
    )
    stream = await async_client.responses.create(model=MODEL, input="When?", stream=True)
    check(LIBRARY, "async response events", [event async for event in stream], call(2), text=ANSWER)


def test_legacy_completions(stub, client):
    stub.script(Say(ANSWER), Say(ANSWER))
    whole = client.completions.create(model=MODEL, prompt="When?")
    check(LIBRARY, "completion", whole, call(1), text=ANSWER, model=MODEL)
    chunks = list(client.completions.create(model=MODEL, prompt="When?", **WITH_USAGE))
    check(LIBRARY, "completion chunks", chunks, call(2), text=ANSWER, model=MODEL)


def test_embeddings(stub, client):
    stub.script(Call("none"))
    embeddings = client.embeddings.create(model=MODEL, input="x")
    check(LIBRARY, "embeddings", embeddings, type(call(1))(call(1).prompt_tokens), model=MODEL)


def test_what_is_not_parsed_yet_is_not_read(stub, client):
    stub.script(Say(ANSWER))
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=USER)
    check(LIBRARY, "with_raw_response, unparsed", raw, None, reason="its body is not read: .parse() first")
    check(LIBRARY, "with_raw_response, parse()", raw.parse(), call(1), text=ANSWER, model=MODEL)
