"""google-genai: contents at once and streamed, chats, functions that the library calls, embeddings."""

import pytest
from google import genai
from google.genai import types
from loopback import Call, Say, counts_of, total
from readings import check, inside
from scenario import ANSWER, FOUND, LOOK_UP

from xpander_facade import Tokens

LIBRARY = "google-genai"
MODEL = "gemini-stub-001"
TOLD = {"text": ANSWER, "model": MODEL}


def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture
def client(stub):
    return genai.Client(api_key="k", http_options=types.HttpOptions(base_url=stub.url))


def call(number):
    return inside(counts_of(number))


def test_contents(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = client.models.generate_content(model=MODEL, contents="When?")
    check(LIBRARY, "generate_content()", said, call(1), **TOLD)
    called = client.models.generate_content(model=MODEL, contents="When?")
    check(LIBRARY, "two contents", [said, called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


def test_streamed_contents(stub, client):
    stub.script(Say(ANSWER), Say(ANSWER))
    first = list(client.models.generate_content_stream(model=MODEL, contents="When?"))
    check(LIBRARY, "generate_content_stream()", first, call(1), **TOLD)
    chat = list(client.chats.create(model=MODEL).send_message_stream("When?"))
    check(LIBRARY, "send_message_stream()", chat, call(2), **TOLD)
    check(LIBRARY, "two streams", [*first, *chat], call(1) + call(2), text=ANSWER)


async def test_asynchronous_contents(stub, client):
    stub.script(Say(ANSWER), Say(ANSWER))
    whole = await client.aio.models.generate_content(model=MODEL, contents="When?")
    check(LIBRARY, "async generate_content()", whole, call(1), **TOLD)
    stream = await client.aio.models.generate_content_stream(model=MODEL, contents="When?")
    check(LIBRARY, "async generate_content_stream()", [chunk async for chunk in stream], call(2), **TOLD)


def test_functions_that_the_library_calls(stub, client):
    config = types.GenerateContentConfig(tools=[find_invoice])
    stub.script(LOOK_UP, Say(ANSWER), LOOK_UP, Say(ANSWER))
    whole = client.models.generate_content(model=MODEL, contents="When?", config=config)
    check(LIBRARY, "generate_content(), functions", whole, call(2), tools=["find_invoice"], **TOLD,
          reason="the library keeps the counts of the last round only")  # fmt: skip
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="When?", config=config))
    check(LIBRARY, "generate_content_stream(), functions", chunks, inside(total(3, 4)), tools=["find_invoice"], **TOLD)


def test_embeddings(stub, client):
    stub.script(Call("none"))
    embedded = client.models.embed_content(model=MODEL, contents="x")
    check(LIBRARY, "embed_content()", embedded, Tokens(counts_of(1).prompt))
