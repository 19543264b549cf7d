"""What libraries return, and what nobody should: responses to be read, hostile objects, graphs to be written."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

SAMPLES = Path(__file__).parents[1] / "tests" / "unit" / "usage" / "samples"
KNOWN = (
    "OpenAI chat", "OpenAI responses", "OpenAI embeddings", "DeepSeek", "xAI", "Anthropic", "Google",
    "Google interaction",
    "Bedrock Converse", "LiteLLM", "LangChain", "LangGraph state", "pydantic-ai response", "pydantic-ai result",
    "Ollama chat", "a usage object",
)  # fmt: skip
"""Samples that every build so far has read right."""


def as_objects(value: Any) -> Any:
    """Return JSON as libraries have it: objects instead of mappings."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_objects(item) for key, item in value.items()})
    return [as_objects(item) for item in value] if isinstance(value, list) else value


def known() -> list[Any]:
    """Return known responses, as JSON and as objects."""
    cases = [case for path in SAMPLES.glob("*.json") for case in json.loads(path.read_text(encoding="utf-8"))["cases"]]
    values = {case["name"]: case["value"] for case in cases}
    return [form for name in KNOWN for form in (values[name], as_objects(values[name]))]


class Endless:
    """Has every attribute, and each is one more of its kind."""

    def __getattr__(self, name: str) -> Any:
        return Endless()


def nested(width: int, depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value] * width
    return value


def recursive() -> dict[str, Any]:
    value: dict[str, Any] = {"type": "message", "role": "assistant"}
    value["message"] = value["messages"] = value["output"] = value["data"] = value
    value["content"] = value["choices"] = [value]
    return value


def hostile() -> dict[str, Any]:
    """Return objects that tell nothing and could be asked without end."""
    return {
        "a million objects": [object()] * 1_000_000,
        "lists in lists": nested(10, 40),
        "an object of itself": recursive(),
        "mocks": [MagicMock() for _ in range(100)],
        "endless objects": [Endless()] * 100_000,
        "unknown mappings": [{f"field {number}": number} for number in range(100_000)],
        "a wide mapping": {f"field {number}": {"n": number} for number in range(100_000)},
        "deep messages": [{"data": {"data": {"data": {"messages": [{"x": 1}] * 10}}}}] * 10_000,
    }


@dataclasses.dataclass
class Node:
    name: str
    near: list[Any] = dataclasses.field(default_factory=list)


def graphs() -> dict[str, Any]:
    """Return objects that know each other, long chains, and objects that are shared on many levels."""
    found: dict[str, Any] = {}
    for count in (3, 7, 8, 20, 60, 200):
        nodes = [Node(f"node {number}") for number in range(count)]
        for node in nodes:
            node.near = [*nodes]
        found[f"{count} that know each other"] = nodes[0]
    chain = level = Node("last")
    for number in range(200):
        chain = Node(f"message {number}", [chain])
    for number in range(40):
        level = Node(f"level {number}", [level, level])
    return {**found, "a chain of 200": chain, "40 shared levels": level, "40 levels of lists": nested(2, 40)}
