"""pydantic-ai's results and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_in, counts_of
from xpander_facade.usage._fields import field, is_list, text
from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._output import output_texts
from xpander_facade.usage._reader import Within

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader


def result(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a result: the counts of its run, and what its own messages say, not those it was given."""
    if callable(field(thing, "all_messages")) and callable(field(thing, "new_messages")):
        messages = field(thing, "new_messages")()
        usage = field(thing, "usage")
        if callable(usage) and not counts_in(usage):  # a method before version 2; now to call it is deprecated
            usage = usage()
        output_tool = field(thing, "_output_tool_name")
    else:
        messages, usage, output_tool = (field(thing, name) for name in ("messages", "usage", "output_tool_name"))
        older = field(thing, "new_message_index")
        if type(older) is not int or not is_list(messages):
            return None
        messages = list(read.items(messages))[older:]
    if not is_list(messages):
        return None
    responses = [piece for message in read.items(messages) if (piece := response(message, read))]
    output = output_texts(field(thing, "output"), read)
    last = responses[-1] if responses else UsageFragment()
    return UsageFragment(
        counts_in(usage),
        model=last.model,
        provider=last.provider,
        # Structured output is asked for as a call of this tool, which is no tool of the user's.
        tools=[name for piece in responses for name in piece.tools if name != output_tool],
        texts=output or last.texts,
        scope=Scope.RUN,
        is_final=True,
        holds=tuple(id for piece in responses for id in piece.aliases),
    )


def response(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a response among the messages."""
    parts = field(thing, "parts")
    if field(thing, "kind") != "response" or not is_list(parts):
        return None
    texts = [
        said
        for part in read.items(parts)
        if field(part, "part_kind") == "text"
        for said in read.take_text(field(part, "content"))
    ]
    return UsageFragment(
        counts_of(thing),
        model=text(field(thing, "model_name")),
        provider=text(field(thing, "provider_name")),
        tools=read.calls(parts),
        texts=texts,
        aliases=(of_provider,) if (of_provider := text(field(thing, "provider_response_id"))) else (),
    )


def summary(thing: Any) -> dict[str, Any] | None:
    """Return what a result tells of its run: its output, its own messages and its usage."""
    messages = field(thing, "new_messages")
    if not callable(messages) or not callable(field(thing, "all_messages")):
        return None
    usage = field(thing, "usage")
    told = {
        "output": field(thing, "output"),
        "new_messages": messages(),
        "usage": usage() if callable(usage) and not counts_in(usage) else usage,
        "run_id": field(thing, "run_id"),
    }
    return {"_shortened": type(thing).__name__, **{name: item for name, item in told.items() if item is not None}}


def event(thing: Any, read: Reader) -> Within | list[UsageFragment] | None:
    """Find the result in the last event of a run; what the others tell is in it."""
    kind = text(field(thing, "event_kind"))
    if kind is None:
        return None
    return Within((field(thing, "result"),)) if kind == "agent_run_result" else []
