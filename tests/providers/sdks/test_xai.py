"""xai-sdk: responses, chunks and the pairs that it yields, over gRPC."""

import pytest
import xai_sdk
from loopback import Say, counts_of
from loopback.xai_server import XaiServer
from readings import check, inside
from scenario import ANSWER, LOOK_UP
from xai_sdk.chat import user

LIBRARY = "xai-sdk"
TOLD = {"text": ANSWER, "model": "stub-model"}


@pytest.fixture
def server():
    server = XaiServer()
    yield server
    server.close()


def call(number):
    return inside(counts_of(number))


def test_chats(server):
    client = xai_sdk.Client(api_key="k", api_host=server.address, use_insecure_channel=True)
    server.script(Say(ANSWER), LOOK_UP)
    said = client.chat.create(model="stub-model", messages=[user("When?")]).sample()
    check(LIBRARY, "Response", said, call(1), **TOLD)
    check(LIBRARY, "Response.proto", said.proto, call(1), **TOLD)
    check(LIBRARY, "Response.usage", said.usage, call(1))
    called = client.chat.create(model="stub-model", messages=[user("When?")]).sample()
    check(LIBRARY, "two Responses", [said, called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


def test_streamed_chats(server):
    client = xai_sdk.Client(api_key="k", api_host=server.address, use_insecure_channel=True)
    server.script(Say(ANSWER), LOOK_UP)
    pairs = list(client.chat.create(model="stub-model", messages=[user("When?")]).stream())
    check(LIBRARY, "(response, chunk) pairs", pairs, call(1), **TOLD)
    check(LIBRARY, "the last response", pairs[-1][0], call(1), **TOLD)
    check(LIBRARY, "chunks", [chunk for _, chunk in pairs], call(1), **TOLD)
    check(LIBRARY, "chunk protos", [chunk.proto for _, chunk in pairs], call(1), **TOLD)
    called = list(client.chat.create(model="stub-model", messages=[user("When?")]).stream())
    check(LIBRARY, "pairs of two", [*pairs, *called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


async def test_asynchronous_chats(server):
    client = xai_sdk.AsyncClient(api_key="k", api_host=server.address, use_insecure_channel=True)
    server.script(Say(ANSWER), LOOK_UP)
    said = await client.chat.create(model="stub-model", messages=[user("When?")]).sample()
    check(LIBRARY, "async Response", said, call(1), **TOLD)
    stream = client.chat.create(model="stub-model", messages=[user("When?")]).stream()
    check(LIBRARY, "async pairs", [pair async for pair in stream], call(2), tools=["find_invoice"])
