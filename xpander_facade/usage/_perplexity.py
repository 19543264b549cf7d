"""Perplexity's streams: each chunk has the message so far beside what is new, and the usage so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_of
from xpander_facade.usage._fields import field, first_item, text
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._openai_chat import message_tools

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader


def chunk(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a chunk that has both; a whole answer has no delta, or one that is the whole message."""
    choices = field(thing, "choices")
    first = first_item(choices)
    if first is None or field(first, "delta") is None or (message := field(first, "message")) is None:
        return None
    return UsageFragment(
        counts_of(thing),
        model=text(field(thing, "model")),
        tools=message_tools(message, read),
        texts=read.texts(field(message, "content")),
        key=text(field(thing, "id")),
        chunk=True,
        whole=True,
    )
