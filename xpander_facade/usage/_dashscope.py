"""DashScope, Qwen's own library: the answer under `output`, the usage of the stream so far in each item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_by_model, counts_of
from xpander_facade.usage._fields import field, first_item, get_path, is_list, text
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._openai_chat import message_tools

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader


def response(thing: Any, read: Reader) -> UsageFragment | None:
    """Read an answer or an item of a stream, which look alike; texts are the further part, or all of it so far."""
    output = field(thing, "output")
    if output is None or type(output) is str or is_list(output) or field(thing, "request_id") is None:
        return None
    choices, said = field(output, "choices"), field(output, "text")
    if not is_list(choices) and not isinstance(said, str):
        return None
    counts, model = counts_of(thing), text(field(thing, "model"))
    if not counts:
        counts, model = counts_by_model(get_path(thing, "usage.models"))  # of an application
    first = first_item(choices)
    message = field(first, "message")
    reason = field(first, "finish_reason") or field(output, "finish_reason")
    return UsageFragment(
        counts,
        model=model,
        tools=message_tools(message, read) if message is not None else [],
        texts=_texts(field(message, "content"), read) or read.take_text(said),
        key=text(field(thing, "request_id")),
        chunk=True,
        # `incremental_output` in the request decides whether a piece repeats the text before it, and no item says
        # which.
        may_be_whole=True,
        # The service sends the text "null" until the answer is complete.
        ends=reason not in (None, "null"),
    )


def _texts(content: Any, read: Reader) -> list[str]:
    if not is_list(content):
        return read.texts(content)
    return [piece for part in read.items(content) for piece in read.take_text(field(part, "text"))]
