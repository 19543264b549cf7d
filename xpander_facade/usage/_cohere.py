"""Cohere: version 2 and 1, whole and streamed, embeddings and rankings.

`tokens` is what the model took and gave, `billed_units` what is charged; the cache is counted beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import Counts, count, counts_in
from xpander_facade.usage._fields import field, first_of, text
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._openai_chat import message_tools

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader


def _counts(usage: Any) -> Counts:
    tokens, billed = field(usage, "tokens"), field(usage, "billed_units")
    if tokens is None and billed is None:
        return Counts()
    counts = counts_in(tokens) or counts_in(billed)
    cached = count(field(usage, "cached_tokens"))
    if counts and cached is not None:
        counts.cache_read = cached
    return counts


def response(thing: Any, read: Reader) -> UsageFragment | None:
    """Read an answer, embeddings or a ranking."""
    counts = _counts(field(thing, "usage")) or _counts(field(thing, "meta"))
    message = field(thing, "message")
    has_answer = message is not None or field(thing, "generation_id") is not None
    if not counts and not (has_answer and field(thing, "finish_reason") is not None and field(thing, "chat_history")):
        return None
    tools = message_tools(message, read) if message is not None else read.names(field(thing, "tool_calls"), "name")
    texts = read.texts(field(message, "content")) if message is not None else read.take_text(field(thing, "text"))
    return UsageFragment(
        counts, model=text(field(thing, "model")), provider="cohere", tools=tools, texts=texts,
        key=text(first_of(thing, "generation_id", "id", "response_id")),
    )  # fmt: skip


def event(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | None:
    """Read an event of a stream."""
    kind = text(first_of(thing, "event_type", "type"))
    if kind is None:
        return None
    if kind in ("stream-start", "text-generation", "tool-calls-generation", "stream-end"):
        return _older_event(thing, kind, read)
    if kind not in _KINDS:
        return None
    delta = field(thing, "delta")
    message = field(delta, "message")
    piece = UsageFragment(chunk=True, provider="cohere")
    if kind == "content-delta":
        piece.texts = read.take_text(field(field(message, "content"), "text"))
    elif kind == "tool-call-start":
        piece.tools = read.calls((field(message, "tool_calls"),))
    elif kind == "message-start":
        piece.opens, piece.key = True, text(field(thing, "id"))
    elif kind == "message-end":
        piece.counts, piece.ends = _counts(field(delta, "usage")), True
    return piece


_KINDS = frozenset({
    "message-start", "message-end", "content-start", "content-delta", "content-end", "tool-plan-delta",
    "tool-call-start", "tool-call-delta", "tool-call-end", "citation-start", "citation-end",
})  # fmt: skip


def _older_event(thing: Any, kind: str, read: Reader) -> UsageFragment:
    if kind == "stream-end":
        piece = response(field(thing, "response"), read) or UsageFragment()
        piece.whole = piece.ends = True
        piece.key = None
    elif kind == "tool-calls-generation":
        piece = UsageFragment(tools=read.names(field(thing, "tool_calls"), "name"))
    else:
        piece = UsageFragment(texts=read.take_text(field(thing, "text")), opens=kind == "stream-start")
    piece.chunk = True
    return piece
