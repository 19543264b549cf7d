"""ollama: chats and generations, at once and streamed."""

import ollama
import pytest
from loopback import Say, counts_of
from readings import check
from scenario import ANSWER, LOOK_UP

from xpander_facade import Tokens

LIBRARY = "ollama"
ASKED = {"model": "stub-model", "messages": [{"role": "user", "content": "When?"}]}


@pytest.fixture
def client(stub):
    return ollama.Client(host=stub.url)


def call(number):
    return Tokens(counts_of(number).prompt, counts_of(number).completion)


def test_chats(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = client.chat(**ASKED)
    check(LIBRARY, "chat()", said, call(1), text=ANSWER, model="stub-model")
    called = client.chat(**ASKED)
    check(LIBRARY, "two chats", [said, called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


def test_streamed_chats(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = list(client.chat(**ASKED, stream=True))
    check(LIBRARY, "chat(stream=True)", said, call(1), text=ANSWER, model="stub-model")
    called = list(client.chat(**ASKED, stream=True))
    check(LIBRARY, "two streams", [*said, *called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


async def test_asynchronous_chats(stub):
    client = ollama.AsyncClient(host=stub.url)
    stub.script(Say(ANSWER), LOOK_UP)
    check(LIBRARY, "async chat()", await client.chat(**ASKED), call(1), text=ANSWER)
    chunks = [chunk async for chunk in await client.chat(**ASKED, stream=True)]
    check(LIBRARY, "async chat(stream=True)", chunks, call(2), tools=["find_invoice"])


def test_generations(stub, client):
    stub.script(Say(ANSWER), Say(ANSWER))
    check(LIBRARY, "generate()", client.generate(model="m", prompt="When?"), call(1), text=ANSWER)
    chunks = list(client.generate(model="m", prompt="When?", stream=True))
    check(LIBRARY, "generate(stream=True)", chunks, call(2), text=ANSWER)
