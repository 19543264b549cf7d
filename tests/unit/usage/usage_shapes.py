"""Recorded responses and chunks, out of the samples, and what a usage of them is compared with."""

import copy
from types import SimpleNamespace

from sample_values import build, samples

from xpander_facade import Tokens
from xpander_facade.usage import Usage

_CASES = {case["name"]: case for _, _, case in samples()}
JSON_CASES = {name: case for name, case in _CASES.items() if "objects" in case["forms"] and case["expected"]}
"""Samples that are JSON and tell something."""
RESPONSES = {name: case["value"] for name, case in JSON_CASES.items() if isinstance(case["value"], dict)}
STREAMS = {name: case["value"] for name, case in JSON_CASES.items() if isinstance(case["value"], list)}


def value_of(name):
    """Return a copy of a sample's value."""
    return copy.deepcopy(build(_CASES[name]["value"], objects=False))


CHAT = value_of("OpenAI chat")
RESPONSE = value_of("OpenAI responses")
ANTHROPIC = value_of("Anthropic")
GOOGLE = value_of("Google")
INTERACTION = value_of("Google interaction")
CONVERSE = value_of("Bedrock Converse")
OLLAMA = value_of("Ollama chat")
AGENT_RESPONSE = value_of("pydantic-ai response")
AGENT_RESULT = value_of("pydantic-ai result")
RESPONSE_EVENTS = value_of("OpenAI responses, broken off, streamed")
CONVERSE_EVENTS = value_of("Bedrock Converse, streamed")
INTERACTION_EVENTS = value_of("Google interaction, streamed")


def usage(prompt=None, completion=0, read=0, write=0, *, model=None, tools=(), text=None):
    return Usage(None if prompt is None else Tokens(prompt, completion, read, write), model, list(tools), text)


def total(told):
    return 0 if told is None or told.tokens is None else told.tokens.total_tokens


def as_objects(value):
    """Return JSON as the libraries have it: objects with attributes instead of mappings."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_objects(item) for key, item in value.items()})
    return [as_objects(item) for item in value] if isinstance(value, list) else value


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


def part(content, **rest):
    return {"type": "AIMessageChunk", "content": content, "response_metadata": {}, **rest}


LAST_OF_OPENAI = {"id": "s1", "model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
