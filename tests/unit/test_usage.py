"""Hold `read_usage`: what each provider's JSON tells, by one rule for cache counts, and that nothing makes it fail."""

import ast
import collections
import copy
import itertools
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock, Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

import xpander_facade
from xpander_facade import Tokens, Usage, read_usage
from xpander_facade.usage import _reader

PACKAGE = Path(xpander_facade.__file__).parent


def usage(prompt=None, completion=0, read=0, write=0, *, model=None, tools=(), text=None):
    return Usage(None if prompt is None else Tokens(prompt, completion, read, write), model, list(tools), text)


def total(told):
    return 0 if told is None or told.tokens is None else told.tokens.total_tokens


def as_objects(value):
    """Return JSON as the libraries have it: objects with attributes instead of mappings."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_objects(item) for key, item in value.items()})
    return [as_objects(item) for item in value] if isinstance(value, list) else value


CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-5-mini",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": "I look it up.",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "search", "arguments": "{}"}},
                    {"id": "c2", "type": "custom", "custom": {"name": "run_sql", "input": "select 1"}},
                    {"id": "c3", "type": "function", "function": {"name": "search", "arguments": "{}"}},
                ],
            },
        },
        {"index": 1, "finish_reason": "stop", "message": {"role": "assistant", "content": "The other choice."}},
    ],
    "usage": {
        "prompt_tokens": 1_200,
        "completion_tokens": 80,
        "total_tokens": 1_280,
        "prompt_tokens_details": {"cached_tokens": 1_024, "cache_write_tokens": 100, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 64},
    },
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "model": "gpt-5",
    "output": [
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "Hm."}], "content": []},
        {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search"}},
        {"type": "function_call", "name": "book", "arguments": "{}", "call_id": "c"},
        {"type": "mcp_call", "name": "fetch", "arguments": "{}", "output": "ok", "server_label": "web"},
        {"type": "function_call_output", "call_id": "c", "output": "done"},
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Booked ", "annotations": []},
                {"type": "refusal", "refusal": "no"},
                {"type": "output_text", "text": "it.", "annotations": []},
            ],
        },
    ],
    "usage": {
        "input_tokens": 300,
        "input_tokens_details": {"cached_tokens": 256, "cache_write_tokens": 9},
        "output_tokens": 90,
        "output_tokens_details": {"reasoning_tokens": 64},
        "total_tokens": 390,
    },
}
ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "stop_reason": "tool_use",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "text", "text": "Let me see."},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
        {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Bonn"}},
    ],
    "usage": {
        "input_tokens": 10,
        "output_tokens": 50,
        "cache_read_input_tokens": 90,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 0},
    },
}
GOOGLE = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "Hm.", "thought": True},
                    {"text": "It is "},
                    {"functionCall": {"name": "weather", "args": {}}},
                    {"text": "sunny."},
                ],
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 100,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 5,
        "toolUsePromptTokenCount": 7,
        "cachedContentTokenCount": 60,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}],
        "totalTokenCount": 132,
    },
    "modelVersion": "gemini-2.5-flash",
    "responseId": "g1",
}
GOOGLE_SNAKE = {
    "candidates": [
        {"content": {"parts": [{"text": "Hi."}, {"function_call": {"name": "look"}}]}, "finish_reason": "STOP"}
    ],
    "usage_metadata": {
        "prompt_token_count": 8,
        "candidates_token_count": 2,
        "thoughts_token_count": 1,
        "cached_content_token_count": 4,
        "prompt_tokens_details": [{"modality": "TEXT", "token_count": 8}],
    },
    "model_version": "gemini-2.5-pro",
}
INTERACTION = {
    "id": "i1",
    "status": "completed",
    "model": "gemini-3-pro",
    "steps": [
        {"type": "thought", "summary": []},
        {"type": "google_search_call", "id": "1", "arguments": {}},
        {"type": "function_call", "id": "2", "name": "look", "arguments": {}},
        {"type": "model_output", "content": [{"type": "text", "text": "Found."}]},
    ],
    "usage": {
        "total_input_tokens": 10,
        "total_output_tokens": 4,
        "total_thought_tokens": 3,
        "total_cached_tokens": 6,
        "total_tool_use_tokens": 2,
        "total_tokens": 19,
    },
}
CONVERSE = {
    "ResponseMetadata": {"RequestId": "r", "HTTPStatusCode": 200},
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm."}}},
                {"text": "One moment."},
                {"toolUse": {"toolUseId": "t", "name": "weather", "input": {}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 10,
        "outputTokens": 50,
        "totalTokens": 180,
        "cacheReadInputTokens": 90,
        "cacheWriteInputTokens": 30,
    },
    "metrics": {"latencyMs": 500},
}
LITELLM = {
    "id": "chatcmpl-2",
    "object": "chat.completion",
    "model": "claude-sonnet-4-5",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes.", "function_call": {"name": "old"}}}],
    "usage": {
        "prompt_tokens": 130,
        "completion_tokens": 50,
        "total_tokens": 180,
        "prompt_tokens_details": {"cached_tokens": 90, "cache_creation_tokens": 30},
        "cache_read_input_tokens": 90,
        "cache_creation_input_tokens": 30,
    },
}
LANGCHAIN = {
    "type": "ai",
    "content": [{"type": "text", "text": "Let me see."}, {"type": "tool_use", "name": "weather", "input": {}}],
    "tool_calls": [{"name": "weather", "args": {}, "id": "t1", "type": "tool_call"}],
    "invalid_tool_calls": [],
    "response_metadata": {"model_name": "claude-sonnet-4-5"},
    "usage_metadata": {
        "input_tokens": 130,
        "output_tokens": 50,
        "total_tokens": 180,
        "input_token_details": {
            "cache_read": 90,
            "cache_creation": 0,
            "ephemeral_5m_input_tokens": 10,
            "ephemeral_1h_input_tokens": 20,
        },
    },
}
LANGCHAIN_OLDER = {
    "type": "ai",
    "content": "Hello.",
    "response_metadata": {
        "model_name": "gpt-4o",
        "token_usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    },
    "usage_metadata": None,
}
AGENT_RESPONSE = {
    "kind": "response",
    "model_name": "gpt-5",
    "parts": [
        {"part_kind": "thinking", "content": "Hm."},
        {"part_kind": "text", "content": "Done."},
        {"part_kind": "builtin-tool-call", "tool_name": "web_search", "args": "{}"},
        {"part_kind": "builtin-tool-return", "tool_name": "web_search", "content": "found"},
        {"part_kind": "tool-call", "tool_name": "final_result", "args": "{}"},
    ],
    "usage": {"input_tokens": 40, "output_tokens": 6, "cache_read_tokens": 30, "cache_write_tokens": 3},
}
AGENT_RESULT = {
    "messages": [
        {**AGENT_RESPONSE, "parts": [{"part_kind": "tool-call", "tool_name": "of_an_earlier_run"}]},
        {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": "Go on."}]},
        AGENT_RESPONSE,
    ],
    "new_message_index": 1,
    "output_tool_name": "final_result",
    "output": {"name": "Bonn"},
    "usage": {"input_tokens": 41, "output_tokens": 7, "requests": 1},
}
OLLAMA = {
    "model": "qwen3",
    "message": {
        "role": "assistant",
        "content": "Hi.",
        "thinking": "Hm.",
        "tool_calls": [{"function": {"name": "weather", "arguments": {}}}],
    },
    "done": True,
    "prompt_eval_count": 26,
    "eval_count": 9,
    "eval_duration": 4_000,
}

ONE_RESPONSE = {
    "OpenAI chat": (
        CHAT,
        usage(1_200, 80, 1_024, 100, model="gpt-5-mini", tools=["search", "run_sql"], text="I look it up."),
    ),
    "OpenAI completion of old": (
        {"model": "davinci", "choices": [{"index": 0, "text": "Yes."}], "usage": {"prompt_tokens": 3}},
        usage(3, model="davinci", text="Yes."),
    ),
    "OpenAI embeddings": (
        {"object": "list", "model": "embed", "data": [{"embedding": [0.5]}], "usage": {"prompt_tokens": 8}},
        usage(8, model="embed"),
    ),
    "OpenAI responses": (
        RESPONSE,
        usage(300, 90, 256, 9, model="gpt-5", tools=["web_search", "book", "fetch"], text="Booked it."),
    ),
    "Azure": (
        {**CHAT, "prompt_filter_results": [{"prompt_index": 0}], "service_tier": None},
        usage(1_200, 80, 1_024, 100, model="gpt-5-mini", tools=["search", "run_sql"], text="I look it up."),
    ),
    "DeepSeek": (
        {
            "model": "deepseek-chat",
            "choices": [{"index": 0, "message": {"content": "Yes.", "reasoning_content": "Hm."}}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4, "prompt_cache_hit_tokens": 6},
        },
        usage(9, 4, 6, model="deepseek-chat", text="Yes."),
    ),
    "Mistral": (
        {
            "model": "magistral",
            "choices": [
                {"message": {"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Ja."}]}}
            ],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4},
        },
        usage(9, 4, model="magistral", text="Ja."),
    ),
    "xAI": (
        {
            "model": "grok-4",
            "choices": [{"message": {"content": "Yes."}}],
            "usage": {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
        },
        usage(32, 103, model="grok-4", text="Yes."),
    ),
    "Anthropic": (
        ANTHROPIC,
        usage(10, 50, 90, 30, model="claude-sonnet-4-5", tools=["web_search", "weather"], text="Let me see."),
    ),
    "Google": (GOOGLE, usage(107, 25, 60, model="gemini-2.5-flash", tools=["weather"], text="It is sunny.")),
    "Google in Python's case": (GOOGLE_SNAKE, usage(8, 3, 4, model="gemini-2.5-pro", tools=["look"], text="Hi.")),
    "Google, blocked": (
        {"candidates": None, "usage_metadata": {"prompt_token_count": 8}, "model_version": "gemini-2.5-pro"},
        usage(8, model="gemini-2.5-pro"),
    ),
    "Google interaction": (
        INTERACTION,
        usage(12, 7, 6, model="gemini-3-pro", tools=["google_search", "look"], text="Found."),
    ),
    "Bedrock Converse": (CONVERSE, usage(10, 50, 90, 30, tools=["weather"], text="One moment.")),
    "LiteLLM": (LITELLM, usage(130, 50, 90, 30, model="claude-sonnet-4-5", tools=["old"], text="Yes.")),
    "LangChain": (
        LANGCHAIN,
        usage(130, 50, 90, 30, model="claude-sonnet-4-5", tools=["weather"], text="Let me see."),
    ),
    "LangChain, older": (LANGCHAIN_OLDER, usage(5, 2, model="gpt-4o", text="Hello.")),
    "LangChain, stored": ({"type": "ai", "data": LANGCHAIN_OLDER}, usage(5, 2, model="gpt-4o", text="Hello.")),
    "LangChain, serialized": (
        {"lc": 1, "type": "constructor", "id": ["langchain", "AIMessage"], "kwargs": LANGCHAIN_OLDER},
        usage(5, 2, model="gpt-4o", text="Hello."),
    ),
    "LangChain, generated": (
        {"generations": [[{"text": "Hello.", "message": LANGCHAIN_OLDER}]], "llm_output": {}},
        usage(5, 2, model="gpt-4o", text="Hello."),
    ),
    "LangGraph state": (
        {
            "messages": [
                {"type": "human", "content": "Hi."},
                LANGCHAIN,
                {"type": "tool", "content": "20"},
                LANGCHAIN_OLDER,
            ]
        },
        usage(135, 52, 90, 30, model="gpt-4o", tools=["weather"], text="Hello."),
    ),
    "pydantic-ai response": (
        AGENT_RESPONSE,
        usage(40, 6, 30, 3, model="gpt-5", tools=["web_search", "final_result"], text="Done."),
    ),
    "pydantic-ai result": (AGENT_RESULT, usage(41, 7, model="gpt-5", tools=["web_search"], text='{"name": "Bonn"}')),
    "Ollama chat": (OLLAMA, usage(26, 9, model="qwen3", tools=["weather"], text="Hi.")),
    "Ollama generate": (
        {"model": "qwen3", "response": "Hi.", "done": True, "prompt_eval_count": 4, "eval_count": 2},
        usage(4, 2, model="qwen3", text="Hi."),
    ),
    "a usage object": (CHAT["usage"], usage(1_200, 80, 1_024, 100)),
}


def chunk(content=None, *, name=None, id="s1", **rest):
    calls = [{"index": 0, "function": {"name": name, "arguments": ""}}] if name else None
    delta = {"content": content, "tool_calls": calls}
    return {
        "id": id,
        "object": "chat.completion.chunk",
        "model": "m",
        "choices": [{"index": 0, "delta": delta}],
        **rest,
    }


def google(text, prompt, candidates, **rest):
    counts = {"promptTokenCount": prompt, "candidatesTokenCount": candidates}
    candidate = {"content": {"parts": [{"text": text}]}, "finishReason": rest.pop("finish", None)}
    return {"candidates": [candidate], "usageMetadata": counts, "modelVersion": "gemini", **rest}


def part(content, **rest):
    return {"type": "AIMessageChunk", "content": content, "response_metadata": {}, **rest}


LAST_OF_OPENAI = {"id": "s1", "model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
ANTHROPIC_EVENTS = [
    {
        "type": "message_start",
        "message": {
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": [],
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "One "}},
    {"type": "text", "text": "One ", "snapshot": "One "},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "moment."}},
    {"type": "content_block_stop", "index": 0, "content_block": {"type": "text", "text": "One moment."}},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "weather", "input": {}}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"input_tokens": 0, "output_tokens": 42}},
    {"type": "message_stop"},
]
RESPONSE_EVENTS = [
    {"type": "response.created", "response": {"object": "response", "model": "gpt-5", "output": [], "usage": None}},
    {"type": "response.output_item.added", "item": {"type": "function_call", "name": "book"}},
    {"type": "response.function_call_arguments.delta", "delta": "{}"},
    {"type": "response.output_item.done", "item": {"type": "function_call", "name": "book"}},
    {"type": "response.output_text.delta", "delta": "Booked "},
    {"type": "response.output_text.delta", "delta": "it."},
    {"type": "response.output_text.done", "text": "Booked it."},
]
CONVERSE_EVENTS = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"delta": {"text": "One "}, "contentBlockIndex": 0}},
    {"contentBlockDelta": {"delta": {"text": "moment."}, "contentBlockIndex": 0}},
    {"contentBlockStop": {"contentBlockIndex": 0}},
    {"contentBlockStart": {"start": {"toolUse": {"name": "weather"}}, "contentBlockIndex": 1}},
    {"messageStop": {"stopReason": "tool_use"}},
    {"metadata": {"usage": CONVERSE["usage"], "metrics": {"latencyMs": 1}}},
]
INTERACTION_EVENTS = [
    {"event_type": "interaction.created", "interaction": {"id": "i", "model": "gemini-3-pro"}},
    {"event_type": "step.start", "index": 0, "step": {"type": "function_call", "name": "look"}},
    {"event_type": "step.delta", "index": 1, "delta": {"type": "text", "text": "Fou"}},
    {"event_type": "step.delta", "index": 1, "delta": {"type": "thought_summary", "text": "Hm."}},
    {"event_type": "step.delta", "index": 1, "delta": {"type": "text", "text": "nd."}},
    {"event_type": "interaction.completed", "interaction": {"id": "i", "usage": INTERACTION["usage"]}},
]
STREAMS = {
    "OpenAI chat": (
        [chunk("", name="look"), chunk("He"), chunk("llo"), LAST_OF_OPENAI],
        usage(7, 3, model="m", tools=["look"], text="Hello"),
    ),
    "OpenAI chat without usage": ([chunk("He"), chunk("llo")], usage(model="m", text="Hello")),
    "OpenAI chat of two choices": (
        [chunk("A"), {"id": "s1", "choices": [{"index": 1, "delta": {"content": "B"}}]}, chunk("C")],
        usage(model="m", text="AC"),
    ),
    "Azure, whose first chunk has no id": (
        [{"id": "", "model": "", "choices": [], "prompt_filter_results": []}, chunk("Hi"), LAST_OF_OPENAI],
        usage(7, 3, model="m", text="Hi"),
    ),
    "Groq": (
        [chunk("Hi"), chunk(x_groq={"usage": {"prompt_tokens": 7, "completion_tokens": 3}})],
        usage(7, 3, model="m", text="Hi"),
    ),
    "counts of the stream so far in each chunk": (
        [chunk("a", usage={"prompt_tokens": 7, "completion_tokens": count}) for count in (1, 2, 3)],
        usage(7, 3, model="m", text="aaa"),
    ),
    "two of OpenAI": (
        [chunk("one"), LAST_OF_OPENAI, chunk("two", id="s2"), {**LAST_OF_OPENAI, "id": "s2"}],
        usage(14, 6, model="m", text="two"),
    ),
    "OpenAI's helper": (
        [
            {"type": "chunk", "chunk": chunk("Hi"), "snapshot": {}},
            {"type": "content.delta", "delta": "Hi"},
            LAST_OF_OPENAI,
        ],
        usage(7, 3, model="m", text="Hi"),
    ),
    "OpenAI responses": (
        [*RESPONSE_EVENTS, {"type": "response.completed", "response": RESPONSE}],
        usage(300, 90, 256, 9, model="gpt-5", tools=["book", "web_search", "fetch"], text="Booked it."),
    ),
    "OpenAI responses, broken off": (RESPONSE_EVENTS, usage(model="gpt-5", tools=["book"], text="Booked it.")),
    "Anthropic": (ANTHROPIC_EVENTS, usage(10, 42, 90, model="claude", tools=["weather"], text="One moment.")),
    "two of Anthropic": (
        [*ANTHROPIC_EVENTS, *ANTHROPIC_EVENTS],
        usage(20, 84, 180, model="claude", tools=["weather"], text="One moment."),
    ),
    "Google": (
        [google("It ", 8, None), google("is ", 8, 4), google("so.", 8, 6, finish="STOP")],
        usage(8, 6, model="gemini", text="It is so."),
    ),
    "two of Google without ids": (
        [google("a", 8, 1, finish="STOP"), google("b", 8, 1), google("c", 8, 6, finish="STOP")],
        usage(16, 7, model="gemini", text="bc"),
    ),
    "Google with a chunk after its end": (
        [google("a", 8, 1, finish="STOP", responseId="x"), google("", 8, 6, responseId="x")],
        usage(8, 6, model="gemini", text="a"),
    ),
    "Google interaction": (
        INTERACTION_EVENTS,
        usage(12, 7, 6, model="gemini-3-pro", tools=["look"], text="Found."),
    ),
    "Bedrock Converse": (CONVERSE_EVENTS, usage(10, 50, 90, 30, tools=["weather"], text="One moment.")),
    "Ollama": (
        [
            {"model": "qwen3", "message": {"role": "assistant", "content": "H"}, "done": False},
            {"model": "qwen3", "message": {"role": "assistant", "content": "i"}, "done": False},
            {"model": "qwen3", "message": {"content": ""}, "done": True, "prompt_eval_count": 26, "eval_count": 2},
        ],
        usage(26, 2, model="qwen3", text="Hi"),
    ),
    "LangChain, whose chunks' counts are parts": (
        [
            part("", usage_metadata={"input_tokens": 20, "output_tokens": 1, "input_token_details": {"cache_read": 9}}),
            part("He", tool_call_chunks=[{"name": "look", "args": "", "index": 0}]),
            part("llo", tool_call_chunks=[{"name": None, "args": "{}", "index": 0}]),
            part("", usage_metadata={"input_tokens": 0, "output_tokens": 5}, response_metadata={"model_name": "m"}),
        ],
        usage(20, 6, 9, model="m", tools=["look"], text="Hello"),
    ),
    "LangGraph messages": (
        [
            [part("He", usage_metadata={"input_tokens": 5, "output_tokens": 1}), {"langgraph_node": "agent"}],
            [part("llo", usage_metadata={"input_tokens": 0, "output_tokens": 1}), {"langgraph_node": "agent"}],
        ],
        usage(5, 2, text="Hello"),
    ),
}


@pytest.mark.parametrize(("response", "told"), ONE_RESPONSE.values(), ids=ONE_RESPONSE)
def test_a_response_tells_its_usage_as_json_and_as_objects(response, told):
    assert read_usage(response) == told
    assert read_usage(as_objects(response)) == told
    assert Tokens.from_response(response) == told.tokens


@pytest.mark.parametrize(("chunks", "told"), STREAMS.values(), ids=STREAMS)
def test_the_chunks_of_a_stream_tell_what_the_stream_told(chunks, told):
    assert read_usage(chunks) == told
    assert read_usage(tuple(chunks)) == told
    assert read_usage(collections.deque(chunks)) == told
    if chunks is not CONVERSE_EVENTS:  # botocore gives mappings only
        assert read_usage(as_objects(chunks)) == told


@pytest.mark.parametrize(("chunks", "told"), STREAMS.values(), ids=STREAMS)
def test_a_stream_that_is_cut_off_never_tells_more_than_the_whole(chunks, told):
    before = Tokens()
    for length in range(len(chunks) + 1):
        now = Tokens.from_response(chunks[:length])
        assert before.total_tokens <= now.total_tokens <= total(told)
        before = now


@pytest.mark.parametrize(("response", "told"), ONE_RESPONSE.values(), ids=ONE_RESPONSE)
def test_reading_changes_nothing(response, told):
    before = copy.deepcopy(response)
    read_usage(response)
    assert response == before


# The same call for all: 100 tokens of input, of which 60 came from the cache and 30 went into it, 5 of output.
SAME_CALL_WITH_THE_CACHE_INSIDE = {
    "OpenAI chat": {
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
    },
    "OpenAI responses": {
        "input_tokens": 100,
        "output_tokens": 5,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
    },
    "LiteLLM": {
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 30,
    },
    "LangChain": {
        "input_tokens": 100,
        "output_tokens": 5,
        "input_token_details": {"cache_read": 60, "cache_creation": 30},
    },
    "pydantic-ai": {"input_tokens": 100, "output_tokens": 5, "cache_read_tokens": 60, "cache_write_tokens": 30},
}
SAME_CALL_WITH_THE_CACHE_OUTSIDE = {
    "Anthropic": {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 30,
    },
    "Bedrock Converse": {
        "inputTokens": 10,
        "outputTokens": 5,
        "cacheReadInputTokens": 60,
        "cacheWriteInputTokens": 30,
    },
}


@pytest.mark.parametrize("counted", SAME_CALL_WITH_THE_CACHE_INSIDE.values(), ids=SAME_CALL_WITH_THE_CACHE_INSIDE)
def test_a_prompt_that_holds_the_cache_counts_stays_as_it_is(counted):
    tokens = Tokens.from_response({"usage": counted})
    assert tokens == Tokens(100, 5, 60, 30)
    assert tokens.total_tokens == 105


@pytest.mark.parametrize("counted", SAME_CALL_WITH_THE_CACHE_OUTSIDE.values(), ids=SAME_CALL_WITH_THE_CACHE_OUTSIDE)
def test_cache_counts_are_not_added_to_a_prompt_that_holds_none(counted):
    tokens = Tokens.from_response({"usage": counted})
    assert tokens == Tokens(10, 5, 60, 30)
    assert tokens.total_tokens == 15


ONE_NAME_EACH = {
    "prompt_tokens": (
        *("prompt_tokens", "input_tokens", "inputTokens", "prompt_token_count", "promptTokenCount"),
        *("total_input_tokens", "prompt_eval_count"),
    ),
    "completion_tokens": (
        *("completion_tokens", "output_tokens", "outputTokens", "candidates_token_count", "candidatesTokenCount"),
        *("total_output_tokens", "eval_count"),
    ),
    "cache_read_tokens": (
        *("cache_read_input_tokens", "cacheReadInputTokens", "cacheReadInputTokenCount", "cache_read_tokens"),
        *("cached_content_token_count", "cachedContentTokenCount", "total_cached_tokens", "prompt_cache_hit_tokens"),
        *("cached_tokens", "cached_prompt_text_tokens", "prompt_tokens_details.cached_tokens"),
        *("input_tokens_details.cached_tokens", "input_token_details.cache_read", "input_token_details.cached_tokens"),
    ),
    "cache_write_tokens": (
        *("cache_creation_input_tokens", "cacheWriteInputTokens", "cacheWriteInputTokenCount", "cache_write_tokens"),
        *("prompt_tokens_details.cache_write_tokens", "prompt_tokens_details.cache_creation_tokens"),
        *("input_tokens_details.cache_write_tokens", "input_token_details.cache_creation"),
        *("input_token_details.ephemeral_5m_input_tokens", "input_token_details.ephemeral_1h_input_tokens"),
    ),
}


@pytest.mark.parametrize(("count", "path"), [(count, path) for count in ONE_NAME_EACH for path in ONE_NAME_EACH[count]])
def test_a_count_is_found_under_each_of_its_names(count, path):
    first, *rest = path.split(".")
    counted = {first: {rest[0]: 7} if rest else 7}
    told = Tokens.from_response(
        {"usage": {"output_tokens" if count == "prompt_tokens" else "input_tokens": 1} | counted}
    )
    assert getattr(told, count) == 7
    if count.startswith("cache"):
        assert told.total_tokens == 1
        assert read_usage({"usage": counted}) is None  # what a cache did is no usage by itself


@pytest.mark.parametrize("place", ["usage", "usage_metadata", "usageMetadata"])
def test_counts_are_found_at_each_of_their_places(place):
    assert Tokens.from_response({place: {"input_tokens": 7}}) == Tokens(7)


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ("tool_use_prompt_token_count", Tokens(9, 1)),
        ("toolUsePromptTokenCount", Tokens(9, 1)),
        ("total_tool_use_tokens", Tokens(9, 1)),
        ("thoughts_token_count", Tokens(7, 3)),
        ("thoughtsTokenCount", Tokens(7, 3)),
        ("total_thought_tokens", Tokens(7, 3)),
    ],
)
def test_what_google_counts_apart_is_counted_in(beside, told):
    assert Tokens.from_response({"promptTokenCount": 7, "candidatesTokenCount": 1, beside: 2}) == told


@pytest.mark.parametrize("place", [{"reasoning_tokens": 5}, {"completion_tokens_details": {"reasoning_tokens": 5}}])
def test_reasoning_is_counted_in_only_where_the_total_says_that_it_is_not_yet(place):
    counted = {"prompt_tokens": 10, "completion_tokens": 6, **place}
    assert Tokens.from_response({**counted, "total_tokens": 21}) == Tokens(10, 11)
    assert Tokens.from_response({**counted, "total_tokens": 16}) == Tokens(10, 6)
    assert Tokens.from_response(counted) == Tokens(10, 6)


def test_the_responses_of_an_agent_of_openai_add_up():
    run = {"final_output": "Done.", "raw_responses": [{"output": RESPONSE["output"], "usage": RESPONSE["usage"]}] * 2}
    assert read_usage(run) == usage(600, 180, 512, 18, tools=["web_search", "book", "fetch"], text="Booked it.")
    assert read_usage(as_objects(run)) == read_usage(run)


def test_a_message_without_counts_tells_the_rest():
    assert read_usage({**ANTHROPIC, "usage": None}).tools == ["web_search", "weather"]
    assert read_usage({**RESPONSE, "usage": None}).text == "Booked it."
    assert read_usage({**CONVERSE, "usage": None}).tools == ["weather"]
    assert read_usage({**OLLAMA, "prompt_eval_count": None, "eval_count": None}).text == "Hi."


def test_what_the_user_said_is_no_answer():
    assert read_usage({**ANTHROPIC, "role": "user", "usage": None}) is None


@pytest.mark.parametrize("facts", [{"usage": {"input_tokens": 3}}, {"token_usage": {"prompt_tokens": 3}}])
@pytest.mark.parametrize("named", ["model", "model_name", "model_id"])
def test_what_langchain_has_in_its_metadata_is_read(facts, named):
    message = {"type": "ai", "content": "Hi.", "response_metadata": {**facts, named: "m"}}
    assert read_usage(message) == usage(3, model="m", text="Hi.")


def test_the_text_of_a_result_is_its_output_where_that_is_text():
    assert read_usage({**AGENT_RESULT, "output": "The end."}).text == "The end."


def test_streams_of_events_that_broke_off_stay_apart():
    for events in (RESPONSE_EVENTS, INTERACTION_EVENTS[:-1]):
        once = read_usage(events)
        assert read_usage([*events, *events]) == once  # and the text of the second is not put behind that of the first


def test_a_whole_response_between_chunks_is_a_response_of_its_own():
    assert read_usage([chunk("Hi"), CHAT, LAST_OF_OPENAI]).tokens == Tokens(1_207, 83, 1_024, 100)


def test_a_whole_response_that_tells_a_stream_again_counts_once():
    for chunks in (
        [chunk("Hi"), {**CHAT, "id": "s1"}, LAST_OF_OPENAI],
        [chunk("Hi"), LAST_OF_OPENAI, {**CHAT, "id": "s1"}],
    ):
        assert read_usage(chunks) == read_usage(CHAT), chunks


def test_what_looks_like_an_event_of_bedrock_needs_a_body_that_tells():
    assert read_usage({"metadata": {"user": "u", "delta": {"text": "no"}}}) is None
    assert read_usage({"metadata": "no", "contentBlockDelta": None}) is None


def test_a_response_is_found_within_a_few_envelopes_but_not_at_any_depth():
    shallow, deep = CHAT, CHAT
    for _ in range(4):
        shallow = {"data": shallow}
    for _ in range(50):
        deep = {"data": deep}
    assert read_usage(shallow) == read_usage(CHAT)
    assert read_usage(deep) is None


def test_only_the_parts_that_are_text_are_text():
    parts = [{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "A"}, "B", {"text": "C"}, {"text": ""}, 5]
    assert read_usage({"type": "ai", "content": parts}).text == "ABC"


def test_calls_of_langchain_are_found_where_the_content_is_text():
    for place in ("tool_calls", "invalid_tool_calls", "tool_call_chunks"):
        assert read_usage({"type": "ai", "content": "", place: [{"name": "look"}]}) == usage(tools=["look"])


def test_a_message_of_langchain_without_content_is_not_taken_for_google():
    message = {"type": "human", "content": "Hi.", "usage_metadata": {"input_tokens": 3}}
    assert read_usage([message, message]) == usage(6)  # chunks of Google would count once


def test_two_streams_of_langchain_are_told_apart_by_their_last_chunks():
    chunks = [part("one"), part("", chunk_position="last"), part("two"), part("", chunk_position="last")]
    assert read_usage(chunks).text == "two"


def test_two_streams_of_google_are_told_apart_in_pythons_case():
    def piece(said, **rest):
        candidate = {"content": {"parts": [{"text": said}]}, "finish_reason": rest.pop("finish", None)}
        return {"candidates": [candidate], "usage_metadata": {"prompt_token_count": 8}, **rest}

    assert read_usage([piece("a", finish="STOP"), piece("b")]) == usage(16, text="b")
    assert read_usage([piece("a", response_id="x"), piece("b", response_id="y")]) == usage(16, text="b")
    assert read_usage([piece("a", response_id="x"), piece("b", response_id="x")]) == usage(8, text="ab")


def test_two_streams_of_bedrock_are_told_apart():
    assert read_usage([*CONVERSE_EVENTS, *CONVERSE_EVENTS]) == usage(
        20, 100, 180, 60, tools=["weather"], text="One moment."
    )


def test_the_id_of_a_stream_can_come_late():
    late = {"id": "", "choices": [], "prompt_filter_results": []}
    chunks = [late, chunk("one"), LAST_OF_OPENAI, chunk("two", id="s2"), {**LAST_OF_OPENAI, "id": "s2"}]
    assert read_usage(chunks) == usage(14, 6, model="m", text="two")


def test_many_events_that_say_nothing_do_not_end_the_reading():
    arguments = [{"type": "response.function_call_arguments.delta", "delta": "{"}] * 1_000
    completed = {"type": "response.completed", "response": RESPONSE}
    assert read_usage([RESPONSE_EVENTS[0], *arguments, completed]).tokens == Tokens(300, 90, 256, 9)


def test_zeros_that_were_told_are_told():
    assert read_usage({"usage": {"output_tokens": 0}}) == usage(0)


def test_a_usage_that_names_its_model_tells_it():
    assert read_usage({"model_name": "m", "usage": {"input_tokens": 1}}) == usage(1, model="m")


def test_the_output_tool_of_a_result_is_none_of_its_tools():
    result = SimpleNamespace(
        all_messages=list,
        new_messages=lambda: [as_objects(AGENT_RESPONSE)],
        usage=SimpleNamespace(input_tokens=1),
        _output_tool_name="final_result",
    )
    assert read_usage(result).tools == ["web_search"]


def test_a_usage_that_can_be_called_but_tells_its_counts_is_not_called():
    class Counts(SimpleNamespace):
        def __call__(self):
            raise AssertionError("calling it is deprecated")

    result = SimpleNamespace(all_messages=list, new_messages=list, usage=Counts(input_tokens=4))
    assert read_usage(result) == usage(4)


def test_several_responses_add_up():
    both = read_usage([CHAT, ANTHROPIC])
    assert both == read_usage(CHAT) + read_usage(ANTHROPIC)
    assert both == usage(
        1_210, 130, 1_114, 130, model="claude-sonnet-4-5", tools=["search", "run_sql", "web_search", "weather"],
        text="Let me see.",
    )  # fmt: skip
    assert sum([read_usage(CHAT), read_usage(ANTHROPIC)], Usage()) == both
    assert read_usage([{**CHAT, "id": str(number)} for number in range(1_000)]).tokens.total_tokens == 1_280_000


def test_a_response_that_comes_again_counts_once():
    assert read_usage([CHAT] * 1_000) == read_usage(CHAT)
    assert read_usage([ANTHROPIC, CHAT, ANTHROPIC]).tokens == read_usage([ANTHROPIC, CHAT]).tokens


def test_two_responses_of_a_server_whose_ids_are_all_the_same_count_twice():
    other = {
        **CHAT,
        "choices": [{"index": 0, "message": {"content": "Something else."}}],
        "usage": {"prompt_tokens": 1},
    }
    assert read_usage([CHAT, other]).tokens.prompt_tokens == 1_201


def test_adding_changes_neither_side():
    left, right = read_usage(CHAT), read_usage(ANTHROPIC)
    _ = left + right
    assert left == read_usage(CHAT)
    assert right == read_usage(ANTHROPIC)


def test_adding_keeps_the_model_and_text_that_are_known():
    known = usage(1, model="m", text="said", tools=["a", "b"])
    assert known + usage(2, tools=["b", "c"]) == usage(3, model="m", text="said", tools=["a", "b", "c"])
    assert usage(2) + known == usage(3, model="m", text="said", tools=["a", "b"])


def test_only_a_usage_can_be_added():
    with pytest.raises(TypeError):
        Usage() + 1


@pytest.mark.parametrize(
    "nothing",
    [
        *(None, "", "text", b"bytes", 5, 1.5, True, (), [], {}, [[]], [None], object(), object, print, sys, Usage),
        *({"id": "x", "text": "hi"}, {"choices": []}, {"choices": "no"}, {"usage": {}}, {"usage": None}, {"usage": 5}),
        {"model": "m", "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]},
        *({"role": "user", "content": [{"type": "text", "text": "hi"}]}, {"type": "human", "content": "hi"}),
        *({"type": "tool", "content": "20"}, {"status": "ok", "message": "done"}, {"done": True}, {"parts": [1]}),
    ],
    ids=repr,
)
def test_what_is_no_response_tells_nothing(nothing):
    assert read_usage(nothing) is None
    assert Tokens.from_response(nothing) == Tokens()


@pytest.mark.parametrize("odd", [-1, True, "5", None, math.nan, math.inf, 10**400, [5], {"n": 5}, 5j, b"5"], ids=repr)
def test_a_count_that_is_no_count_is_left_out(odd):
    counted = {"prompt_tokens": odd, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": odd}}
    assert read_usage({"usage": counted}) == usage(0, 4)


def test_a_count_that_came_as_a_whole_float_is_taken():
    assert Tokens.from_response({"usage": {"prompt_tokens": 5.0, "completion_tokens": 4}}) == Tokens(5, 4)
    assert type(Tokens.from_response({"usage": {"prompt_tokens": 5.0}}).prompt_tokens) is int


def test_null_stands_for_nothing_everywhere():
    def nulled(value, path):
        if not path:
            return None
        copied = copy.copy(value)
        copied[path[0]] = nulled(value[path[0]], path[1:])
        return copied

    def paths(value):
        places = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in places:
            yield (key,)
            yield from ((key, *rest) for rest in paths(item))

    cases = [response for response, _ in [*ONE_RESPONSE.values(), *STREAMS.values()]]
    tried = 0
    for response in cases:
        whole = total(read_usage(response))
        for path in paths(response):
            broken = nulled(response, path)
            for form in (broken, as_objects(broken)):
                told = read_usage(form)
                # An id or an end that is missing can part a stream in two; nothing else makes more of it.
                assert total(told) <= whole * (2 if isinstance(response, list) else 1)
                tried += 1
    assert tried > 1_000


class Raising:
    """Fails at whatever is asked of it."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


class Lying(Raising):
    @property
    def __class__(self):
        raise RuntimeError("no class")


class Endless:
    """Has every attribute, and each is one more of its kind."""

    reads = 0

    def __getattr__(self, name):
        Endless.reads += 1
        return Endless()


class EndlessList(list):
    def __iter__(self):
        return itertools.repeat({"usage": {"prompt_tokens": 1}})


class BreakingList(list):
    def __iter__(self):
        yield chunk("Hi")
        raise RuntimeError("broken off")


class HostileInt(int):
    def __int__(self):
        raise RuntimeError("no int")


class HostileText(str):
    def __str__(self):
        raise RuntimeError("no text")

    __hash__ = None


def recursive():
    value = {"type": "message", "role": "assistant"}
    value["message"] = value["messages"] = value["output"] = value["data"] = value
    value["content"] = value["choices"] = [value]
    return value


def nested():
    value = []
    for _ in range(40):
        value = [value] * 10
    return value


def mapping_that_raises():
    class Hostile(collections.UserDict):
        def get(self, key, default=None):
            raise RuntimeError(key)

    return Hostile(CHAT)


HOSTILE = {
    "mock": Mock,
    "magic mock": MagicMock,
    "many mocks": lambda: [Mock()] * 1_000,
    "raising": Raising,
    "raising class": Lying,
    "endless": Endless,
    "many endless": lambda: [Endless()] * 100_000,
    "recursive": recursive,
    "recursive list": lambda: (lambda value: value.append(value) or value)([]),
    "nested": nested,
    "raising mapping": mapping_that_raises,
    "many strangers": lambda: [object()] * 1_000_000,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_object_tells_nothing_soon(make):
    assert read_usage(make()) is None


def test_an_object_that_has_everything_is_asked_a_bounded_number_of_times():
    Endless.reads = 0
    read_usage([Endless()] * 100_000)
    assert 0 < Endless.reads < 50_000


@pytest.mark.timeout(20)
def test_a_list_without_end_is_read_up_to_a_bound(monkeypatch):
    assert _reader.MAX_ITEMS >= 100_000
    monkeypatch.setattr(_reader, "MAX_ITEMS", 5_000)
    assert Tokens.from_response(EndlessList()) == Tokens(5_000)
    assert Tokens.from_response({"messages": EndlessList(), "new_message_index": 0, "usage": OLLAMA}) == Tokens(26, 9)


def test_what_a_broken_list_gave_is_kept():
    assert read_usage(BreakingList([1])) == usage(model="m", text="Hi")


@pytest.mark.parametrize("make", [Raising, Lying, Mock, Endless, mapping_that_raises, object])
def test_one_hostile_item_costs_only_itself(make):
    assert read_usage([chunk("He"), make(), chunk("llo"), LAST_OF_OPENAI]) == usage(7, 3, model="m", text="Hello")


def test_a_mock_that_was_given_numbers_tells_them():
    mock = Mock(model="m", choices=[Mock(index=0, message=Mock(content="Hi", tool_calls=None))])
    mock.usage = Mock(prompt_tokens=3, completion_tokens=2)
    assert read_usage(mock) == usage(3, 2, model="m", text="Hi")


@pytest.mark.parametrize("key", ["usage", "choices", "model"])
def test_an_attribute_that_raises_costs_only_itself(key):
    def fail(self):
        raise RuntimeError(key)

    fields = {name: as_objects(value) for name, value in CHAT.items() if name != key}
    told = read_usage(type("Response", (SimpleNamespace,), {key: property(fail)})(**fields))
    whole = read_usage(CHAT)
    assert told.tokens == (None if key == "usage" else whole.tokens)
    assert told.model == (None if key == "model" else whole.model)
    assert told.text == (None if key == "choices" else whole.text)


def test_odd_kinds_of_numbers_and_strings_become_plain_ones_or_nothing():
    assert read_usage({"usage": {"prompt_tokens": HostileInt(5)}}) is None
    told = read_usage({**CHAT, "model": HostileText("m")})
    assert type(told.model) is str
    assert told.model == "m"


def test_a_stream_is_not_taken_from_its_user():
    stream = (chunk(word) for word in ("a", "b"))
    assert read_usage(stream) is None
    assert read_usage({"messages": stream}) is None
    assert read_usage(list(stream)) == usage(model="m", text="ab")


def test_an_interruption_is_not_swallowed():
    class Interrupted:
        @property
        def usage(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_usage(Interrupted())


def test_a_result_of_an_agent_is_asked_for_its_own_messages_and_usage():
    class Result:
        output = "Done."

        def all_messages(self):
            raise AssertionError("those are older")

        def new_messages(self):
            return [as_objects(AGENT_RESPONSE)]

        def usage(self):
            return SimpleNamespace(input_tokens=41, output_tokens=7)

    told = usage(41, 7, model="gpt-5", tools=["web_search", "final_result"], text="Done.")
    assert read_usage(Result()) == told
    Result.usage = SimpleNamespace(input_tokens=41, output_tokens=7)
    assert read_usage(Result()) == told


def test_a_long_stream_is_read_whole():
    told = read_usage([*[chunk("ab")] * 50_000, LAST_OF_OPENAI])
    assert told.tokens == Tokens(7, 3)
    assert len(told.text) == 100_000


def test_no_library_is_imported_to_know_its_objects():
    allowed = {"attrs", "xpander_facade"}
    for path in (PACKAGE / "usage").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            foreign = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - allowed
            assert foreign <= ({"genai_prices"} if path.name == "_prices.py" else set()), path


def names_in(value):
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return (
        set().union(*map(names_in, value)) if isinstance(value, list) else {value} if isinstance(value, str) else set()
    )


EVENTS_OF_CONVERSE = set().union(*CONVERSE_EVENTS)
WORDS = sorted(names_in([response for response, _ in [*ONE_RESPONSE.values(), *STREAMS.values()]]) - EVENTS_OF_CONVERSE)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=5)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=30,
)


@st.composite
def mutated(draw):
    """Give a known response of which one place is replaced by something else."""
    response = json.loads(json.dumps(draw(st.sampled_from([*ONE_RESPONSE.values(), *STREAMS.values()]))[0]))
    place = response
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
            place[key] = draw(ANY_JSON)
            return response
        place = place[key]


def assert_sound(told):
    assert told is None or type(told) is Usage
    if told is not None:
        assert all(type(tool) is str and tool for tool in told.tools)
        assert len(set(told.tools)) == len(told.tools)
        assert told.text is None or (type(told.text) is str and told.text)
        assert total(told) >= 0


@given(ANY_JSON | mutated())
def test_any_json_is_read_without_an_error_and_alike_as_objects(value):
    told = read_usage(value)
    assert_sound(told)
    if not EVENTS_OF_CONVERSE & names_in(value):
        assert read_usage(as_objects(value)) == told


@given(st.lists(ANY_JSON | mutated() | st.builds(Endless) | st.builds(Raising) | st.builds(object), max_size=4))
def test_any_list_of_anything_is_read_without_an_error(values):
    assert_sound(read_usage(values))
