"""The results of Haystack's agents and generators, and its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import Counts, counts_in, counts_of
from xpander_facade.usage._fields import as_dict, field, first_of, is_list, text
from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._reader import Within

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

HINT = "generation_kwargs={'stream_options': {'include_usage': True}}"


def result(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the result of an agent: what this run cost, whatever messages it was given."""
    last, called = field(thing, "last_message"), as_dict(field(thing, "tool_call_counts"))
    usage = field(thing, "token_usage")
    if last is None or called is None or usage is None:
        return None
    counts = counts_in(usage)
    if counts.is_zero:
        counts = Counts()
    return UsageFragment(
        counts,
        model=text(field(_meta(last), "model")),
        tools=[name for name, times in called.items() if type(name) is str and times],
        texts=_said(last, read),
        scope=Scope.RUN,
        is_final=True,
        hint=None if counts else HINT,
    )


def replies(thing: Any, read: Reader) -> Within | None:
    """Find the messages in what a generator gives."""
    found = field(thing, "replies")
    return Within((found,)) if is_list(found) else None


def message(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | None:
    """Read a message of the assistant."""
    meta = _meta(thing)
    role = field(thing, "role")
    role = text(field(role, "value")) or text(role)
    if as_dict(meta) is None or role is None:
        return None
    if role != "assistant":
        return []
    return UsageFragment(
        counts_of(meta),
        model=text(field(meta, "model")),
        tools=read.names(field(thing, "tool_calls"), "tool_name"),
        texts=_said(thing, read),
        # Only streamed replies tell when their first chunk came, and only they can lack the usage.
        hint=HINT if "completion_start_time" in meta else None,
    )


def _meta(message: Any) -> Any:
    return first_of(message, "_meta", "meta")


def _said(message: Any, read: Reader) -> list[str]:
    return read.take_text(field(message, "text")) or read.texts(field(message, "content"))
