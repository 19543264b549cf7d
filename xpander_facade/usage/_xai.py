"""xAI's own library: messages of its protocol, and the objects around them. Usage is of the stream so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from xpander_facade.usage._counts import Counts, count, counts_in
from xpander_facade.usage._fields import field, first_item, first_of, is_list, text
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._openai_chat import message_tools
from xpander_facade.usage._reader import Within

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader


def around_message(thing: Any, read: Reader) -> Within | None:
    """Find the protocol's message in the library's object around it."""
    inner = field(thing, "proto")
    return Within((inner,)) if inner is not None and is_list(field(inner, "outputs")) else None


def response(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a response or a chunk, as its protocol's message or as JSON."""
    outputs = field(thing, "outputs")
    if not is_list(outputs):
        return None
    counts = counts_in(field(thing, "usage"))
    first = first_item(outputs)
    is_chunk = _has_message(first, "delta")
    if not counts and not is_chunk and not _has_message(first, "message"):
        return None
    fragment = UsageFragment(
        Counts() if counts.is_zero and is_chunk else counts,
        model=text(field(thing, "model")),
        provider="x-ai",
        key=text(first_of(thing, "id", "response_id")),
        chunk=is_chunk,
    )
    for output in read.items(outputs):
        message = field(output, "delta" if is_chunk else "message")
        fragment.tools += message_tools(message, read)
        if not fragment.texts and not count(field(output, "index")):
            fragment.texts = read.texts(field(message, "content"))
    return fragment


def _has_message(output: Any, name: str) -> bool:
    """Tell whether an output has a message; in the protocol each has both, and one is empty."""
    message = field(output, name)
    if message is None:
        return False
    has_field = getattr(output, "HasField", None)
    if callable(has_field):
        return has_field(name) is True
    return any(field(message, part) is not None for part in ("content", "tool_calls", "role", "toolCalls"))


def proto(thing: Any) -> Any:
    """Return the message of xAI's protocol that an object of its library stands for."""
    message: Any = field(thing, "proto")
    return message if hasattr(cast("object", message).__class__, "DESCRIPTOR") else None
