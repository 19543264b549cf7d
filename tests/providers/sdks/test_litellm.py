"""litellm: chats, responses and streams over OpenAI's and Anthropic's wires."""

import litellm
import pytest
from loopback import Say, counts_of
from readings import check, inside
from scenario import ANSWER, LOOK_UP

LIBRARY = "litellm"
USER = [{"role": "user", "content": "When?"}]
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture(params=["openai", "anthropic"])
def wire(request):
    return request.param


@pytest.fixture
def asked(stub, wire):
    base = stub.url if wire == "anthropic" else f"{stub.url}/v1"
    return {"model": f"{wire}/stub-model", "api_base": base, "api_key": "k", "messages": USER, "num_retries": 0}


@pytest.fixture
def call(wire):
    """The library counts the cache within the prompt, also with Anthropic, whose wire tells what was written."""
    return lambda number: inside(counts_of(number), written=wire == "anthropic")


def test_chats(stub, asked, call):
    stub.script(Say(ANSWER), LOOK_UP)
    said = litellm.completion(**asked)
    check(LIBRARY, "completion()", said, call(1), text=ANSWER, model="stub-model")
    called = litellm.completion(**asked)
    check(LIBRARY, "two completion()", [said, called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


def test_streamed_chats(stub, asked, call):
    stub.script(Say(ANSWER), LOOK_UP)
    said = list(litellm.completion(**asked, **STREAMED))
    check(LIBRARY, "completion(stream=True)", said, call(1), text=ANSWER)
    check(LIBRARY, "stream_chunk_builder()", litellm.stream_chunk_builder(said), call(1), text=ANSWER)
    called = list(litellm.completion(**asked, **STREAMED))
    check(LIBRARY, "two streams", [*said, *called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


async def test_asynchronous_chats(stub, asked, call):
    stub.script(Say(ANSWER), LOOK_UP)
    check(LIBRARY, "acompletion()", await litellm.acompletion(**asked), call(1), text=ANSWER)
    stream = await litellm.acompletion(**asked, **STREAMED)
    check(LIBRARY, "acompletion(stream=True)", [chunk async for chunk in stream], call(2), tools=["find_invoice"])
