"""Libraries whose streams repeat what was counted, or said, before: perplexityai, dashscope, reka-api."""

import dashscope
import perplexity
import pytest
from dashscope.aigc.generation import AioGeneration
from loopback import Say, counts_of
from readings import check, inside
from reka.client import AsyncReka, Reka
from scenario import ANSWER, LOOK_UP

from xpander_facade import Tokens

USER = [{"role": "user", "content": "When?"}]


def call(number):
    return Tokens(counts_of(number).prompt, counts_of(number).completion)


def test_perplexity(stub):
    create = perplexity.Perplexity(
        api_key="k", base_url=f"{stub.url}/perplexity", max_retries=0
    ).chat.completions.create
    asked = {"model": "sonar", "messages": USER}
    stub.script(Say(ANSWER), Say(ANSWER), Say(ANSWER))
    check("perplexityai", "chat", create(**asked), call(1), text=ANSWER, model="sonar")
    first, second = list(create(**asked, stream=True)), list(create(**asked, stream=True))
    check("perplexityai", "chunks", first, call(2), text=ANSWER, model="sonar")
    check("perplexityai", "chunks of two", [*first, *second], call(2) + call(3), text=ANSWER)


async def test_perplexity_asynchronously(stub):
    client = perplexity.AsyncPerplexity(api_key="k", base_url=f"{stub.url}/perplexity", max_retries=0)
    stub.script(Say(ANSWER))
    stream = await client.chat.completions.create(model="sonar", messages=USER, stream=True)
    check("perplexityai", "async chunks", [chunk async for chunk in stream], call(1), text=ANSWER)


@pytest.fixture
def generation(stub, monkeypatch):
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{stub.url}/api/v1")
    return {"model": "qwen-plus", "messages": USER, "result_format": "message", "api_key": "k"}


def test_dashscope(stub, generation):
    call = dashscope.Generation.call
    stub.script(Say(ANSWER), LOOK_UP, Say(ANSWER), Say(ANSWER), LOOK_UP)
    check("dashscope", "Generation", call(**generation), inside(counts_of(1)), text=ANSWER)
    check("dashscope", "Generation, a call", call(**generation), inside(counts_of(2)), tools=["find_invoice"])
    so_far = list(call(**generation, stream=True))
    check("dashscope", "stream, so far", so_far, inside(counts_of(3)), text=ANSWER)
    further = list(call(**generation, stream=True, incremental_output=True))
    check("dashscope", "stream, incremental_output", further, inside(counts_of(4)), text=ANSWER)
    check("dashscope", "stream, a call", list(call(**generation, stream=True)), inside(counts_of(5)),
          tools=["find_invoice"])  # fmt: skip


async def test_dashscope_asynchronously(stub, generation):
    stub.script(Say(ANSWER))
    check("dashscope", "AioGeneration", await AioGeneration.call(**generation), inside(counts_of(1)), text=ANSWER)


def test_reka(stub):
    client = Reka(api_key="k", base_url=f"{stub.url}/reka")
    stub.script(Say(ANSWER), Say(ANSWER))
    asked = {"messages": USER, "model": "reka-core"}
    check("reka-api", "chat.create()", client.chat.create(**asked), call(1), text=ANSWER, model="reka-core")
    check("reka-api", "chat.create_stream()", list(client.chat.create_stream(**asked)), call(2), text=ANSWER)


async def test_reka_asynchronously(stub):
    client = AsyncReka(api_key="k", base_url=f"{stub.url}/reka")
    stub.script(Say(ANSWER), Say(ANSWER))
    asked = {"messages": USER, "model": "reka-core"}
    check("reka-api", "async chat.create()", await client.chat.create(**asked), call(1), text=ANSWER)
    chunks = [chunk async for chunk in client.chat.create_stream(**asked)]
    check("reka-api", "async chat.create_stream()", chunks, call(2), text=ANSWER)
