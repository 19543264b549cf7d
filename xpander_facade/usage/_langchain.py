"""LangChain's messages and their chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_of
from xpander_facade.usage._fields import field, first_of, text
from xpander_facade.usage._fragments import UsageFragment

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

HINT = "stream_usage=True"
_CALLS = ("tool_calls", "tool_call_chunks", "invalid_tool_calls")


def message(thing: Any, read: Reader) -> UsageFragment | None:
    """Read an AI message. The counts of its chunks are to be added, as LangChain itself does."""
    kind, content = field(thing, "type"), field(thing, "content")
    if kind not in ("ai", "AIMessageChunk") or content is None:
        return None
    facts = field(thing, "response_metadata")
    tools: list[str] = []
    for name in _CALLS:
        if calls := field(thing, name):
            tools += read.names(calls, "name")
    if type(content) is not str:
        tools += read.calls(content)
    is_chunk = kind == "AIMessageChunk"
    # An integration that fills in no usage_metadata still keeps what its provider told.
    counts = counts_of(thing) or counts_of(facts, "token_usage", "usage")
    return UsageFragment(
        counts,
        model=text(first_of(facts, "model_name", "model", "model_id")),
        provider=text(field(facts, "model_provider")),
        tools=tools,
        texts=read.texts(content),
        # LangChain may give a message an id of its own; the provider's then stands in the metadata.
        key=text(field(thing, "id")),
        aliases=(alias,) if (alias := text(field(facts, "id"))) else (),
        chunk=is_chunk,
        ends=field(thing, "chunk_position") == "last",
        adds=True,
        hint=HINT if is_chunk and counts.is_zero else None,
    )
