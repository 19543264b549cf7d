"""Anthropic's messages, their streams, batches and managed agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import Counts, added, counts_in, counts_of
from xpander_facade.usage._fields import field, is_list, text
from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._reader import Within

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

_BESIDE = frozenset({"compaction", "advisor_message"})
"""Iterations whose tokens are billed and are not in the usage that they stand in (anthropic 2.14.0)."""
_SESSION = "managed agents of Anthropic"
_AGENT_CALLS = frozenset({"agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use"})
_NOTHING = frozenset({"ping", "content_block_stop", "text", "input_json", "citation", "thinking", "signature"})
"""Events of a stream that tell nothing which others do not tell."""


def message(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a message."""
    content = field(thing, "content")
    if field(thing, "role") != "assistant" or not is_list(content):
        return None
    usage = field(thing, "usage")
    counts = counts_in(usage)
    # The same role and content make up the assistant's turn in a request, which costs nothing by itself.
    if not counts and field(thing, "type") != "message":
        return None
    return UsageFragment(
        counts,
        beside=_beside(usage),
        model=text(field(thing, "model")),
        provider="anthropic" if field(thing, "type") == "message" else None,
        tools=read.calls(content),
        texts=read.texts(content),
        key=text(field(thing, "id")),
    )


def _beside(usage: Any) -> Counts | None:
    iterations = field(usage, "iterations")
    if not is_list(iterations):
        return None
    told = [counts_in(one) for one in iterations if field(one, "type") in _BESIDE]
    return added(told) if told else None


def batch_result(thing: Any, read: Reader) -> Within | list[UsageFragment] | None:
    """Find the message in one result of a batch."""
    result = field(thing, "result")
    if field(thing, "custom_id") is None or field(result, "type") is None:
        return None
    inner = field(result, "message")
    return [] if inner is None else Within((inner,))


def event(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | None:
    """Read an event of a stream, or of a managed agent's session."""
    kind = field(thing, "type")
    if kind == "content_block_delta":
        delta = field(thing, "delta")
        said = read.take_text(field(delta, "text")) if field(delta, "type") == "text_delta" else []
        return UsageFragment(texts=said, chunk=True)
    if kind == "content_block_start":
        return UsageFragment(tools=read.calls((field(thing, "content_block"),)), chunk=True)
    if kind == "message_start":
        piece = message(field(thing, "message"), read) or UsageFragment()
        piece.chunk = piece.opens = True
        return piece
    if kind == "message_delta":
        usage = field(thing, "usage")
        return UsageFragment(counts_in(usage), beside=_beside(usage), chunk=True)
    if kind == "message_stop":  # the helper's has the whole message, which was told in pieces
        whole = message(field(thing, "message"), read)
        piece = whole or UsageFragment()
        piece.chunk = piece.ends = piece.whole = True
        return piece
    # A block of content has the type "text" as well; only the helper's event has a snapshot.
    if kind in _NOTHING and (kind != "text" or field(thing, "snapshot") is not None):
        return []
    return _session_event(thing, kind, read)


def _session_event(thing: Any, kind: Any, read: Reader) -> UsageFragment | list[UsageFragment] | None:
    if kind == "span.model_request_end":
        usage = field(thing, "model_usage")
        return UsageFragment(
            counts_in(usage),
            model=text(field(usage, "model")),
            key=text(field(thing, "model_request_start_id")),
            group=_SESSION,
        )
    if kind in _AGENT_CALLS:
        name = text(field(thing, "name"))
        return UsageFragment(tools=[name] if name else [])
    if kind == "agent.message":
        return UsageFragment(texts=read.texts(field(thing, "content")))
    if type(kind) is not str or kind.startswith("agent.session."):  # OpenAI's
        return None
    if kind.startswith("session.") and (counts := counts_of(thing)):
        return UsageFragment(counts, scope=Scope.SESSION, group=_SESSION)  # of the session so far
    return [] if kind.startswith(("agent.", "session.", "user.", "span.")) else None
