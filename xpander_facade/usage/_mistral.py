"""Mistral: events around chunks, conversations and their streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_of
from xpander_facade.usage._fields import field, is_list, text
from xpander_facade.usage._fragments import UsageFragment

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

_CALLS = frozenset({"tool.execution", "function.call"})


def conversation(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a conversation's answer: entries, of which some are messages and some are calls."""
    entries = field(thing, "outputs")
    if field(thing, "conversation_id") is None or not is_list(entries):
        return None
    fragment = UsageFragment(counts_of(thing), provider="mistral")
    for entry in read.items(entries):
        kind = field(entry, "type")
        if kind in _CALLS and (name := text(field(entry, "name"))):
            fragment.tools.append(name)
        elif kind == "message.output":
            fragment.texts += read.texts(field(entry, "content"))
            fragment.model = text(field(entry, "model")) or fragment.model
    return fragment


def event(thing: Any, read: Reader) -> UsageFragment | None:
    """Read an event of a conversation's stream: it is named, or has its data within."""
    data = field(thing, "data")
    kind = field(thing, "type") if data is None else field(data, "type")
    if type(kind) is not str:
        return None
    told = thing if data is None else data
    if kind.startswith(
        ("conversation.response.", "message.output.", "tool.execution.", "function.call.", "agent.handoff.")
    ):
        piece = UsageFragment(chunk=True, provider="mistral", model=text(field(told, "model")))
        if kind == "message.output.delta":
            content = field(told, "content")
            # A delta has a text, a list of parts or one part by itself.
            piece.texts = read.texts(content if is_list(content) or type(content) is str else (content,))
        elif kind in ("tool.execution.started", "function.call.delta"):
            name = text(field(told, "name"))
            piece.tools = [name] if name else []
        elif kind == "conversation.response.done":
            piece.counts, piece.ends = counts_of(told), True
        piece.opens = kind == "conversation.response.started"
        return piece
    return None
