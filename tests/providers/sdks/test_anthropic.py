"""anthropic: messages, raw streams, the streaming helper, counting."""

import anthropic
import pytest
from loopback import Call, Say, counts_of
from readings import beside, check
from scenario import ANSWER, LOOK_UP

LIBRARY = "anthropic"
ASKED = {"model": "stub-model", "max_tokens": 100, "messages": [{"role": "user", "content": "When?"}]}
TOLD = {"text": ANSWER, "model": "stub-model"}


@pytest.fixture
def client(stub):
    return anthropic.Anthropic(base_url=stub.url, api_key="k", max_retries=0)


@pytest.fixture
def async_client(stub):
    return anthropic.AsyncAnthropic(base_url=stub.url, api_key="k", max_retries=0)


def call(number):
    return beside(counts_of(number))


def test_messages(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = client.messages.create(**ASKED)
    check(LIBRARY, "Message", said, call(1), **TOLD)
    called = client.messages.create(**ASKED)
    check(LIBRARY, "two Messages", [said, called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)
    check(LIBRARY, "Message as JSON", called.model_dump(), call(2), tools=["find_invoice"])


def test_a_raw_stream(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = list(client.messages.create(**ASKED, stream=True))
    check(LIBRARY, "raw events", said, call(1), **TOLD)
    called = list(client.messages.create(**ASKED, stream=True))
    check(LIBRARY, "raw events of two", [*said, *called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


@pytest.mark.parametrize("beta", [False, True], ids=["messages", "beta"])
def test_the_streaming_helper_is_counted_once(stub, client, beta):
    stub.script(Say(ANSWER), LOOK_UP)
    messages = client.beta.messages if beta else client.messages
    with messages.stream(**ASKED) as stream:
        said = list(stream)
    check(LIBRARY, f"stream() events{', beta' * beta}", said, call(1), **TOLD)
    check(LIBRARY, "get_final_message()", stream.get_final_message(), call(1), **TOLD)
    with messages.stream(**ASKED) as stream:
        called = list(stream)
    check(LIBRARY, "stream() events of two", [*said, *called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


async def test_asynchronous_messages(stub, async_client):
    stub.script(Say(ANSWER), LOOK_UP, Say(ANSWER))
    check(LIBRARY, "async Message", await async_client.messages.create(**ASKED), call(1), **TOLD)
    async with async_client.messages.stream(**ASKED) as stream:
        events = [event async for event in stream]
    check(LIBRARY, "async stream() events", events, call(2), tools=["find_invoice"])
    raw = await async_client.messages.create(**ASKED, stream=True)
    check(LIBRARY, "async raw events", [event async for event in raw], call(3), **TOLD)


def test_counting_tokens_is_no_run(stub, client):
    stub.script(Call("none"))
    counted = client.messages.count_tokens(model="stub-model", messages=ASKED["messages"])
    check(LIBRARY, "count_tokens()", counted, None, reason="nothing was run")
