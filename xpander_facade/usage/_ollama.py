"""Ollama's chat and generate, whole or a chunk: the last one is done and has the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_in
from xpander_facade.usage._fields import field, text
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._openai_chat import message_tools

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader


def response(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a response."""
    done, message = field(thing, "done"), field(thing, "message")
    said = field(message, "content") if message is not None else field(thing, "response")
    if not isinstance(done, bool) or (message is None and not isinstance(said, str)):
        return None
    return UsageFragment(
        counts_in(thing),
        model=text(field(thing, "model")),
        tools=message_tools(message, read),
        texts=read.texts(said),
        chunk=True,
        ends=done,
    )
