"""cohere: both versions of its chat, streamed and not, and embeddings."""

import cohere
import pytest
from loopback import Call, Say, counts_of
from readings import check, inside
from scenario import ANSWER, LOOK_UP

from xpander_facade import Tokens

LIBRARY = "cohere"
ASKED = {"model": "stub-model", "messages": [{"role": "user", "content": "When?"}]}


@pytest.fixture
def client(stub):
    return cohere.ClientV2(api_key="k", base_url=stub.url)


@pytest.fixture
def async_client(stub):
    return cohere.AsyncClientV2(api_key="k", base_url=stub.url)


def call(number):
    return inside(counts_of(number))


def test_chats(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = client.chat(**ASKED)
    check(LIBRARY, "v2 chat()", said, call(1), text=ANSWER)
    called = client.chat(**ASKED)
    check(LIBRARY, "two v2 chats", [said, called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


def test_streamed_chats(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = list(client.chat_stream(**ASKED))
    check(LIBRARY, "v2 chat_stream()", said, call(1), text=ANSWER)
    called = list(client.chat_stream(**ASKED))
    check(LIBRARY, "two v2 streams", [*said, *called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


async def test_asynchronous_chats(stub, async_client):
    stub.script(Say(ANSWER), LOOK_UP)
    check(LIBRARY, "v2 async chat()", await async_client.chat(**ASKED), call(1), text=ANSWER)
    events = [event async for event in async_client.chat_stream(**ASKED)]
    check(LIBRARY, "v2 async chat_stream()", events, call(2), tools=["find_invoice"])


def test_version_1(stub):
    client = cohere.Client(api_key="k", base_url=stub.url)
    stub.script(Say(ANSWER), LOOK_UP, Say(ANSWER), LOOK_UP)
    check(LIBRARY, "v1 chat()", client.chat(message="When?"), call(1), text=ANSWER)
    check(LIBRARY, "v1 chat(), a call", client.chat(message="When?"), call(2), tools=["find_invoice"])
    check(LIBRARY, "v1 chat_stream()", list(client.chat_stream(message="When?")), call(3), text=ANSWER)
    check(LIBRARY, "v1 chat_stream(), a call", list(client.chat_stream(message="When?")), call(4),
          tools=["find_invoice"])  # fmt: skip


def test_embeddings(stub, client):
    stub.script(Call("none"))
    embedded = client.embed(model="m", texts=["x"], input_type="search_document", embedding_types=["float"])
    check(LIBRARY, "embed()", embedded, Tokens(counts_of(1).prompt))
