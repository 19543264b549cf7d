"""The messages of Semantic Kernel's agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_of
from xpander_facade.usage._fields import as_dict, field, get_path, is_list, text
from xpander_facade.usage._fragments import UsageFragment

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader


def message(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | None:
    """Read a message: one of the assistant has the counts of its call."""
    items = field(thing, "items")
    if not is_list(items) or as_dict(field(thing, "metadata")) is None:
        return None
    role = _role(thing)
    if role is None:
        return None
    if role != "assistant":
        return []
    kept = list(read.items(items))
    calls = [item for item in kept if field(item, "content_type") == "function_call"]
    return UsageFragment(
        counts_of(field(thing, "metadata")),
        model=text(field(thing, "ai_model_id")),
        tools=read.names(calls, "name"),
        texts=read.take_text(field(thing, "content")) or _texts(kept, read),
    )


def _texts(items: list[Any], read: Reader) -> list[str]:
    texts = [field(item, "text") for item in items if field(item, "content_type") == "text"]
    return [said for one in texts for said in read.take_text(one)]


def response(thing: Any, read: Reader) -> list[UsageFragment] | None:
    """Read what an agent returns: its message has the counts of the last call, the thread those of all.

    The run is what the thread holds after the last message of the user.
    """
    last, thread = field(thing, "message"), field(thing, "thread")
    if thread is None or not is_list(field(last, "items")):
        return None
    history = [*read.items(get_path(thread, "_chat_history.messages"))]
    for at in range(len(history) - 1, -1, -1):
        if _role(history[at]) == "user":
            own = history[at + 1 :]
            return [one for each in own if isinstance(one := message(each, read), UsageFragment)]
    told = message(last, read)
    if not isinstance(told, UsageFragment):
        return None
    told.counts = type(told.counts)()  # of the last call only
    return [told]


def _role(message: Any) -> str | None:
    role = field(message, "role")
    return text(field(role, "value")) or text(role)
