"""The results and messages of AutoGen's agents and teams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import Counts, counts_in
from xpander_facade.usage._fields import as_dict, field, is_list, text
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._output import output_texts

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

HINT = "stream_options={'include_usage': True}"


def result(thing: Any, read: Reader) -> list[UsageFragment] | None:
    """Read the result of a task: the messages of this run, of all agents of a team."""
    messages = field(thing, "messages")
    if not is_list(messages) or not _has_field(thing, "stop_reason"):
        return None
    kept = list(read.messages(messages))
    fragments = [one for each in kept if isinstance(one := message(each, read), UsageFragment)]
    if not fragments and not any(_is_message(each) for each in kept):
        return None
    # AutoGen offers each handoff to the model as a tool of this name.
    handoffs = {f"transfer_to_{name}".lower() for each in kept if (name := text(field(each, "target")))}
    for fragment in fragments:
        fragment.tools = [name for name in fragment.tools if name not in handoffs]
    return fragments


def response(thing: Any, read: Reader) -> list[UsageFragment] | None:
    """Read the response to `on_messages`: inner messages, then the last one."""
    last = field(thing, "chat_message")
    if not _is_message(last):
        return None
    each = [*read.items(field(thing, "inner_messages")), last]
    return [one for given in each if isinstance(one := message(given, read), UsageFragment)]


def message(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | None:
    """Read a message or an event of an agent."""
    if not _is_message(thing):
        return None
    usage, kind = field(thing, "models_usage"), text(field(thing, "type")) or ""
    # The text of the chunks comes again in the message that they make up.
    if field(thing, "source") == "user" or kind == "ModelClientStreamingChunkEvent":
        return []
    content = field(thing, "content")
    calls = is_list(content) and kind.startswith("ToolCallRequest")
    counts = counts_in(usage)
    # A streaming client gives zeros unless it was told to ask for usage.
    is_untold = usage is not None and counts.is_zero
    return UsageFragment(
        Counts() if is_untold else counts,
        tools=read.names(content, "name") if calls else [],
        texts=[] if is_list(content) or kind.endswith("Event") else output_texts(content, read),
        key=text(field(thing, "id")),
        hint=HINT if is_untold else None,
    )


def _is_message(thing: Any) -> bool:
    return _has_field(thing, "models_usage") and type(field(thing, "source")) is str


def _has_field(thing: object, name: str) -> bool:
    """Tell whether there is such a field, though it may be None."""
    fields = as_dict(thing)
    if fields is not None:
        return name in fields
    try:
        return name in getattr(thing, "__dict__", ()) or hasattr(type(thing), name)
    except Exception:
        return False
