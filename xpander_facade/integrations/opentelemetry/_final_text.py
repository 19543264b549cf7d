"""The text that an agent's run gave, out of the places where emitters keep it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xpander_facade._serialization.jsonable import to_text
from xpander_facade.integrations.opentelemetry._attributes import parsed
from xpander_facade.usage._fields import field, is_list, items, text
from xpander_facade.usage._usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xpander_facade.integrations.opentelemetry._attributes import Attributes

Event = tuple[str, "Attributes"]
MAX_TEXT = 100_000
_REPRESENTATION = re.compile(r"[A-Z]\w*\(\w+=")
"""How the representation of an object begins, which llama-index takes for its output."""
# `final_result` is the answer alone; the others can hold messages or a state around it.
_TEXTS = ("final_result", "gen_ai.output.messages", "output.value", "traceloop.entity.output")
_LATER_TEXTS = ("crewai.crew.result", "haystack.agent.output", "langfuse.observation.output", "gen_ai.task.output")
_EVENTS = {
    "gen_ai.choice": "message",
    "gen_ai.client.inference.operation.details": "gen_ai.output.messages",
}
_OF_A_CALL = (
    "gen_ai.output.messages",
    "llm.output_messages.0.message.content",
    "output.value",
    "gen_ai.completion.0.content",
    "gen_ai.completion",
    "traceloop.entity.output",
    "langfuse.observation.output",
    "haystack.agent.step.llm.output",
    "haystack.component.output",
    "all_messages_events",
    "events",
    "output",
)
_INPUTS = (
    "input.value",
    "gen_ai.input.messages",
    "pydantic_ai.all_messages",
    "traceloop.entity.input",
    "gen_ai.task.input",
    "gen_ai.prompt",
    "langfuse.observation.input",
    "haystack.agent.input",
)


def text_of_agent(attributes: Attributes, events: Iterable[Event]) -> str | None:
    """Return what the span of an agent gives as its output; None where it gives none, or only the state behind it."""
    for name in _TEXTS:
        if said := _said(attributes.get(name)):
            return said
    for event, told in events:
        if (attribute := _EVENTS.get(event)) and (said := _said(told.get(attribute))):
            return said
    for name in _LATER_TEXTS:
        if said := _said(attributes.get(name)):
            return said
    return None


def text_of_call(attributes: Attributes, events: Iterable[Event]) -> str | None:
    """Return what a model has said by the span of its call."""
    for name in _OF_A_CALL:
        if said := _said(attributes.get(name)):
            return said
    for event, told in events:
        if (attribute := _EVENTS.get(event)) and (said := _said(told.get(attribute))):
            return said
    return None


def input_of(attributes: Attributes) -> str | None:
    """Return what an agent was asked, where its span tells: the last that a user said, else the whole."""
    for name in _INPUTS:
        value = attributes.get(name)
        if not isinstance(value, str) or not value:
            continue
        told = parsed(value)
        if told is None:
            return value[:MAX_TEXT]
        return (_last_of_user(told) or value)[:MAX_TEXT]
    return None


def _said(value: object) -> str | None:
    """Return the text in an attribute: as it is, or out of messages, generations and results that are told as JSON."""
    if not isinstance(value, str) or not value.strip():
        return None
    told = parsed(value)
    if told is None:
        # What begins like JSON and can't be parsed was cut, or is too long: a part of a state is not an answer.
        is_part = value.startswith(('{"', "[{", "[[")) or _REPRESENTATION.match(value) is not None
        return None if is_part else value.strip()[:MAX_TEXT]
    if isinstance(told, str):
        return told[:MAX_TEXT]
    if (said := _of_messages(told)) is not None:
        return said.strip()[:MAX_TEXT] or None  # strands ends it with a new line
    usage = read_usage(told)
    if usage is not None and usage.text:
        return usage.text[:MAX_TEXT]
    return _of_fields(told)


def _of_messages(told: object) -> str | None:
    """Return the text of messages by the conventions of OpenTelemetry; "" where they say nothing; else None."""
    messages = list(items(told)) if is_list(told) else []
    if not messages or not all(isinstance(one, dict) for one in messages):
        return None
    last = messages[-1]
    if is_list(parts := field(last, "parts")):
        texts = [text(field(part, "content")) for part in items(parts) if field(part, "type") == "text"]
        return "".join(said for said in texts if said)
    content = field(last, "content")
    return (text(content) or "") if "role" in last and (content is None or isinstance(content, str)) else None


_FIELDS = ("raw", "output", "answer", "result", "response", "content", "text", "final_output", "replies")


def _of_fields(told: object) -> str | None:
    if not isinstance(told, dict) or not told:
        return None
    for name in _FIELDS:
        if (said := text(field(told, name))) and said.strip():
            return said[:MAX_TEXT]
    # Structured output is an object of values; what holds messages or outputs is a state.
    return None if any(name in told for name in _STATE) else to_text(told)[:MAX_TEXT]


_STATE = ("messages", "outputs", "kwargs", "output", "generations", "lc")
_ASKED = ("messages", "input", "inputs", "contents", "query", "question", "prompt", "user_msg")
_USERS = ("user", "human")


def _last_of_user(told: object) -> str | None:
    if isinstance(told, str):
        return told
    if isinstance(told, dict):
        return next((_last_of_user(field(told, name)) for name in _ASKED if name in told), None)
    for one in reversed(list(items(told)) if is_list(told) else []):
        pair = list(items(one)) if is_list(one) else []
        if len(pair) == 2 and pair[0] in _USERS:
            return text(pair[1])
        if (field(one, "role") or field(one, "type")) in _USERS:
            content = field(one, "content") or field(one, "parts")
            if isinstance(content, str):
                return content
            texts = [text(field(part, "content")) or text(field(part, "text")) for part in items(content)]
            return "".join(said for said in texts if said) or None
    return None
