"""Test `read_usage` against the providers' own libraries, and against genai-prices, which counts independently of us.

The types are the libraries' own, the values recorded: what a library returns over a connection is read in `sdks` and
`frameworks`.
"""

import asyncio
import functools
import json
import operator

import anthropic.types
import genai_prices
import ollama
import openai.types
import openai.types.chat
import openai.types.responses
import pydantic
import pydantic_ai
import pytest
from google.genai import interactions as google_interactions
from google.genai import types as google_types
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, message_to_dict, messages_to_dict
from langchain_core.outputs import ChatGeneration, LLMResult
from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.usage import RequestUsage
from usage_shapes import ANTHROPIC, CHAT, CONVERSE, GOOGLE, INTERACTION, OLLAMA, RESPONSE, usage

from xpander_facade import Tokens, read_usage

CREATED = {"created": 1_760_000_000}
WHOLE_RESPONSE = {
    **RESPONSE,
    "created_at": 1_760_000_000,
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "output": [
        {"id": f"item{number}", "status": "completed", **item} for number, item in enumerate(RESPONSE["output"])
    ],
}


def strictly(model, value):
    """Return the library's object of a JSON value that its own type takes without any lenience."""
    return pydantic.TypeAdapter(model).validate_python(value)


CHAT_OBJECT = strictly(openai.types.chat.ChatCompletion, {**CHAT, **CREATED, "choices": [
    {"logprobs": None, **choice, "message": {"refusal": None, **choice["message"]}} for choice in CHAT["choices"]
]})  # fmt: skip
RESPONSE_OBJECT = strictly(openai.types.responses.Response, WHOLE_RESPONSE)
ANTHROPIC_OBJECT = strictly(
    anthropic.types.Message,
    {
        "container": None,
        "stop_sequence": None,
        "stop_details": None,
        **ANTHROPIC,
        "content": [
            {**block, "citations": None} if block["type"] == "text" else {**block, "caller": {"type": "direct"}}
            for block in ANTHROPIC["content"]
        ],
    },
)
GOOGLE_OBJECT = google_types.GenerateContentResponse.model_validate(GOOGLE)
OLLAMA_OBJECT = ollama.ChatResponse.model_validate(OLLAMA)

OBJECTS = {
    "openai chat": (CHAT_OBJECT, CHAT),
    "openai responses": (RESPONSE_OBJECT, RESPONSE),
    "anthropic": (ANTHROPIC_OBJECT, ANTHROPIC),
    "google-genai": (GOOGLE_OBJECT, GOOGLE),
    "ollama": (OLLAMA_OBJECT, OLLAMA),
}


@pytest.mark.parametrize(("response", "recorded"), OBJECTS.values(), ids=OBJECTS)
def test_an_object_of_the_library_tells_what_its_json_tells(response, recorded):
    told = read_usage(recorded)
    assert told is not None
    assert told.tools
    assert told.text
    assert told.tokens.total_tokens
    assert read_usage(response) == told
    assert read_usage(response.model_dump()) == told
    assert read_usage(json.loads(response.model_dump_json())) == told
    assert read_usage(json.loads(response.model_dump_json(by_alias=True))) == told


def test_embeddings_and_completions_of_openai_tell_their_tokens():
    embeddings = strictly(
        openai.types.CreateEmbeddingResponse,
        {"object": "list", "model": "embed", "data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}},
    )
    assert read_usage(embeddings) == usage(8, model="embed")
    choice = {"index": 0, "text": "Yes.", "finish_reason": "stop", "logprobs": None}
    counts = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    completion = {"id": "c", "object": "text_completion", "model": "m", "choices": [choice], "usage": counts}
    assert read_usage(strictly(openai.types.Completion, {**completion, **CREATED})) == usage(
        3, 1, model="m", text="Yes."
    )


def test_the_chunks_of_an_openai_chat_add_up():
    def chunk(delta, **rest):
        choices = [{"index": 0, "delta": delta, "finish_reason": None}] if delta is not None else []
        value = {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": choices, **CREATED, **rest}
        return strictly(openai.types.chat.ChatCompletionChunk, value)

    call = {"index": 0, "id": "t", "type": "function", "function": {"name": "look", "arguments": ""}}
    chunks = [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "He"}),
        chunk({"content": "llo"}),
        chunk({"tool_calls": [call]}),
        chunk(None, usage=CHAT["usage"]),
    ]
    assert read_usage(chunks) == usage(1_200, 80, 1_024, 100, model="m", tools=["look"], text="Hello")


def test_the_events_of_an_openai_response_tell_what_the_response_tells():
    events = [
        {"type": "response.created", "response": {**WHOLE_RESPONSE, "output": [], "usage": None}},
        {"type": "response.output_text.delta", "delta": "Boo", "content_index": 0, "item_id": "i", "output_index": 0,
         "logprobs": []},
        {"type": "response.completed", "response": WHOLE_RESPONSE},
    ]  # fmt: skip
    typed = [
        strictly(openai.types.responses.ResponseStreamEvent, {**event, "sequence_number": number})
        for number, event in enumerate(events)
    ]
    assert read_usage(typed) == read_usage(RESPONSE)
    assert read_usage(typed[:2]) == usage(model="gpt-5", text="Boo")


def test_the_events_of_an_anthropic_stream_add_up():
    message = {**ANTHROPIC_OBJECT.model_dump(), "content": [], "stop_reason": None}
    message["usage"] = {**message["usage"], "output_tokens": 1}
    changed = {"stop_reason": "tool_use", "stop_sequence": None, "container": None, "stop_details": None}
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "", "citations": None}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "One "}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "moment."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": ANTHROPIC_OBJECT.content[-1].model_dump()},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": changed, "usage": {"output_tokens": 50}},
        {"type": "message_stop"},
    ]
    typed = [strictly(anthropic.types.RawMessageStreamEvent, event) for event in events]
    assert read_usage(typed) == usage(
        10, 50, 90, 30, model="claude-sonnet-4-5", tools=["weather"], text="One moment."
    )  # fmt: skip


def test_the_chunks_of_google_add_up():
    def chunk(text, candidates, finish=None):
        content = {"role": "model", "parts": [{"text": text}]}
        counts = {"promptTokenCount": 8, "candidatesTokenCount": candidates, "totalTokenCount": 8 + (candidates or 0)}
        value = {"candidates": [{"content": content, "finishReason": finish}], "usageMetadata": counts}
        return google_types.GenerateContentResponse.model_validate(value | {"modelVersion": "g", "responseId": "r"})

    chunks = [chunk("It ", None), chunk("is ", 4), chunk("so.", 6, "STOP")]
    assert read_usage(chunks) == usage(8, 6, model="g", text="It is so.")


def test_an_interaction_of_google_tells_its_usage():
    interaction = pydantic.TypeAdapter(google_interactions.Interaction).validate_python(INTERACTION)
    assert read_usage(interaction) == read_usage(INTERACTION)
    assert read_usage(interaction.model_dump()) == read_usage(INTERACTION)


def test_the_chunks_of_ollama_add_up():
    chunks = [ollama.ChatResponse(model="q", message=ollama.Message(role="assistant", content=word)) for word in "Hi"]
    for each in chunks:
        each.done = False
    last = ollama.ChatResponse(model="q", message=ollama.Message(role="assistant", content=""), done=True)
    last.prompt_eval_count, last.eval_count = 26, 2
    assert read_usage([*chunks, last]) == usage(26, 2, model="q", text="Hi")
    generated = ollama.GenerateResponse(model="q", response="Hi", done=True, prompt_eval_count=4, eval_count=2)
    assert read_usage(generated) == usage(4, 2, model="q", text="Hi")


LANGCHAIN_MESSAGE = AIMessage(
    content=[{"type": "text", "text": "Let me see."}, {"type": "tool_use", "id": "t", "name": "weather", "input": {}}],
    tool_calls=[{"name": "weather", "args": {}, "id": "t"}],
    response_metadata={"model_name": "claude"},
    usage_metadata={
        "input_tokens": 130,
        "output_tokens": 50,
        "total_tokens": 180,
        "input_token_details": {"cache_read": 90, "cache_creation": 30},
    },
)


@pytest.mark.parametrize(
    "form",
    [
        LANGCHAIN_MESSAGE,
        LANGCHAIN_MESSAGE.model_dump(),
        dumpd(LANGCHAIN_MESSAGE),
        message_to_dict(LANGCHAIN_MESSAGE),
        messages_to_dict([HumanMessage("Hi."), LANGCHAIN_MESSAGE]),
        {"messages": [HumanMessage("Hi."), LANGCHAIN_MESSAGE]},
        ChatGeneration(message=LANGCHAIN_MESSAGE),
        LLMResult(generations=[[ChatGeneration(message=LANGCHAIN_MESSAGE)]]),
    ],
    ids=["message", "dump", "serialized", "dict", "dicts", "state", "generation", "result"],
)
def test_a_langchain_message_tells_its_usage_in_every_form(form):
    assert read_usage(form) == usage(130, 50, 90, 30, model="claude", tools=["weather"], text="Let me see.")


def test_chunks_of_langchain_tell_what_langchain_makes_of_them():
    def chunk(content, given, made, **rest):
        counts = {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}
        details = {"input_token_details": {"cache_read": given // 2}}
        return AIMessageChunk(content=content, usage_metadata={**counts, **details}, **rest)

    call = {"name": "look", "args": "", "id": "t", "index": 0}
    chunks = [
        chunk("", 20, 1, tool_call_chunks=[call]),
        chunk("He", 0, 1),
        AIMessageChunk(content="llo"),
        chunk("", 0, 5, response_metadata={"model_name": "m"}, chunk_position="last"),
    ]
    told = usage(20, 7, 10, model="m", tools=["look"], text="Hello")
    assert read_usage(chunks) == told
    assert read_usage(functools.reduce(operator.add, chunks)) == told
    assert read_usage([(chunk, {"langgraph_node": "agent"}) for chunk in chunks]) == told


class City(pydantic.BaseModel):
    name: str


def weather(city: str) -> str:
    return f"sunny in {city}"


COUNTED = RequestUsage(input_tokens=40, output_tokens=6, cache_read_tokens=30, cache_write_tokens=3)


def answer(messages, info):
    """Call a tool first, then answer in the way that the agent asks for."""
    if not any(getattr(part, "tool_name", None) == "weather" for part in messages[-1].parts):
        return ModelResponse(parts=[ToolCallPart("weather", {"city": "Bonn"})], usage=COUNTED, model_name="m")
    text, tools = TextPart("It is sunny."), info.output_tools
    return ModelResponse(
        parts=[ToolCallPart(tools[0].name, {"name": "Bonn"}) if tools else text], usage=COUNTED, model_name="m"
    )


@pytest.mark.parametrize("output_type", [str, City])
def test_a_result_of_pydantic_ai_tells_its_own_run(output_type):
    agent = pydantic_ai.Agent(FunctionModel(answer), output_type=output_type, tools=[weather])
    with asyncio.Runner() as runner:
        first = runner.run(agent.run("How is it?"))
        second = runner.run(agent.run("And now?", message_history=first.all_messages()))
    text = "It is sunny." if output_type is str else '{"name": "Bonn"}'
    for result in (first, second):
        told = usage(80, 12, 60, 6, model=result.response.model_name, tools=["weather"], text=text)
        assert told.model
        assert read_usage(result) == told
        assert Tokens.from_response(result.usage) == told.tokens
        assert Tokens.from_response(result.new_messages()) == told.tokens
        assert Tokens.from_response(ModelMessagesTypeAdapter.dump_python(result.new_messages())) == told.tokens
        stored = pydantic.TypeAdapter(pydantic_ai.AgentRunResult[output_type]).dump_python(result, mode="json")
        assert read_usage(stored) == told
        assert Tokens.from_response(result.response) == Tokens(40, 6, 30, 3)
    assert len(second.all_messages()) > len(second.new_messages())


INSIDE, OUTSIDE = "the prompt holds the cache", "the prompt holds no cache"
ORACLE = {
    "openai chat": ("openai", "chat", CHAT, INSIDE),
    "openai responses": ("openai", "responses", RESPONSE, INSIDE),
    "azure": ("azure", "chat", CHAT, INSIDE),
    "anthropic": ("anthropic", "default", ANTHROPIC, OUTSIDE),
    "google": ("google", "default", GOOGLE, INSIDE),
    "bedrock": ("aws", "default", CONVERSE, OUTSIDE),
}


def assert_agree(tokens, oracle, where):
    cache = tokens.cache_read_tokens + tokens.cache_write_tokens
    assert oracle.input_tokens == tokens.prompt_tokens + (cache if where == OUTSIDE else 0)
    assert oracle.output_tokens == tokens.completion_tokens
    assert (oracle.cache_read_tokens or 0) == tokens.cache_read_tokens
    assert (oracle.cache_write_tokens or 0) == tokens.cache_write_tokens


@pytest.mark.parametrize(("provider", "flavour", "response", "where"), ORACLE.values(), ids=ORACLE)
def test_genai_prices_counts_the_same(provider, flavour, response, where):
    oracle = genai_prices.extract_usage(response, provider_id=provider, api_flavor=flavour).usage
    assert oracle.input_tokens > 0
    assert_agree(Tokens.from_response(response), oracle, where)


COUNT = st.integers(0, 2_000_000)


@given(prompt=COUNT, completion=COUNT, read=COUNT, write=COUNT, thoughts=COUNT)
def test_genai_prices_counts_the_same_whatever_the_numbers(prompt, completion, read, write, thoughts):
    chat = {
        "prompt_tokens": prompt + read + write,
        "completion_tokens": completion + thoughts,
        "total_tokens": prompt + read + write + completion + thoughts,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": write},
        "completion_tokens_details": {"reasoning_tokens": thoughts},
    }
    beside = {**chat, "completion_tokens": completion, "prompt_tokens_details": {"cached_tokens": read}}
    responses = {
        "input_tokens": prompt + read + write,
        "output_tokens": completion + thoughts,
        "input_tokens_details": {"cached_tokens": read, "cache_write_tokens": write},
        "output_tokens_details": {"reasoning_tokens": thoughts},
    }
    anthropic = {
        "input_tokens": prompt,
        "output_tokens": completion,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write,
    }
    google = {
        "promptTokenCount": prompt + read,
        "candidatesTokenCount": completion,
        "thoughtsTokenCount": thoughts,
        "toolUsePromptTokenCount": write,
        "cachedContentTokenCount": read,
    }
    bedrock = {
        "inputTokens": prompt,
        "outputTokens": completion,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": write,
    }
    for provider, flavour, place, counts, where in (
        ("openai", "chat", "usage", chat, INSIDE),
        ("openrouter", "chat", "usage", chat, INSIDE),
        ("x-ai", "chat", "usage", beside, INSIDE),
        ("openai", "responses", "usage", responses, INSIDE),
        ("anthropic", "default", "usage", anthropic, OUTSIDE),
        ("google", "default", "usageMetadata", google, INSIDE),
        ("aws", "default", "usage", bedrock, OUTSIDE),
    ):
        response = {place: counts}
        oracle = genai_prices.extract_usage(response, provider_id=provider, api_flavor=flavour).usage
        assert_agree(Tokens.from_response(response), oracle, where)
