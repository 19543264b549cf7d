"""mistralai: chats, streamed chats and conversations."""

import pytest
from loopback import Say, counts_of
from mistralai.client import Mistral
from readings import check, inside
from scenario import ANSWER, LOOK_UP

from xpander_facade import Tokens

LIBRARY = "mistralai"
ASKED = {"model": "stub-model", "messages": [{"role": "user", "content": "When?"}]}


@pytest.fixture
def client(stub):
    stub.usage_unasked = True
    return Mistral(api_key="k", server_url=f"{stub.url}/mistral")


def call(number):
    return inside(counts_of(number))


def test_chats(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = client.chat.complete(**ASKED)
    check(LIBRARY, "chat.complete()", said, call(1), text=ANSWER, model="stub-model")
    called = client.chat.complete(**ASKED)
    check(LIBRARY, "two chats", [said, called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


def test_streamed_chats(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = list(client.chat.stream(**ASKED))
    check(LIBRARY, "chat.stream()", said, call(1), text=ANSWER, model="stub-model")
    called = list(client.chat.stream(**ASKED))
    check(LIBRARY, "two streams", [*said, *called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


async def test_asynchronous_chats(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    check(LIBRARY, "chat.complete_async()", await client.chat.complete_async(**ASKED), call(1), text=ANSWER)
    stream = await client.chat.stream_async(**ASKED)
    check(LIBRARY, "chat.stream_async()", [event async for event in stream], call(2), tools=["find_invoice"])


def test_conversations(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = client.beta.conversations.start(inputs="When?", model="stub-model")
    counts = Tokens(counts_of(1).prompt, counts_of(1).completion)  # with what connectors put into the prompt
    check(LIBRARY, "conversations.start()", said, counts, text=ANSWER, model="mistral-stub")
    called = client.beta.conversations.start(inputs="When?", model="stub-model")
    check(LIBRARY, "conversations.start(), a call", called, Tokens(counts_of(2).prompt, counts_of(2).completion),
          tools=["find_invoice"])  # fmt: skip
