"""The results of OpenAI's Agents SDK, its events, and what its exceptions hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import Counts, added, counts_in, counts_of
from xpander_facade.usage._fields import field, first_of, get_path, is_list, items, text
from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._openai_responses import event as response_event
from xpander_facade.usage._output import output_texts
from xpander_facade.usage._reader import Within, called_tool

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

HINT = "ModelSettings(include_usage=True)"
_GROUP = "openai-agents"


def result(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a result: what the whole run cost, with the agents that were its tools."""
    responses = field(thing, "raw_responses")
    if not is_list(responses) or (field(thing, "new_items") is None and field(thing, "context_wrapper") is None):
        return None
    kept = list(read.items(responses))
    counts = counts_in(get_path(thing, "context_wrapper.usage"))
    if counts.is_zero:
        counts = added(counts_of(response) for response in kept)
    if counts.is_zero:
        counts = Counts()
    outputs = [item for response in kept for item in read.items(field(response, "output"))]
    return UsageFragment(
        counts,
        model=_model(thing, outputs),
        tools=_tools(thing, outputs, read),
        texts=output_texts(field(thing, "final_output"), read) or _last_text(outputs, read),
        # The events of a streamed run have told these calls already, each by itself.
        holds=tuple(id for response in kept if (id := text(field(response, "response_id")))),
        scope=Scope.RUN,
        group=_GROUP,
        is_final=True,
        hint=None if counts else HINT,
    )


def error(thing: Any, read: Reader) -> Within | None:
    """Find what a run had cost in the exception that ended it (MaxTurnsExceeded, guardrails)."""
    data = field(thing, "run_data")
    return None if field(data, "raw_responses") is None else Within((data,))


def event(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | Within | None:
    """Read an event of a streamed run: the model's events tell counts and text, the run's items the tools."""
    kind = field(thing, "type")
    if kind == "raw_response_event":
        piece = response_event(field(thing, "data"), read)
        if isinstance(piece, UsageFragment):
            piece.tools = []  # a handoff looks like a call there
            if piece.counts.is_zero:
                piece.counts = Counts()
                piece.hint = HINT
            piece.group = _GROUP
        return [] if piece is None else piece
    if kind == "run_item_stream_event":
        item = field(thing, "item")
        name = _called(item) if field(item, "type") == "tool_call_item" else None
        return UsageFragment(tools=[name], chunk=True, group=_GROUP) if name else []
    return [] if kind == "agent_updated_stream_event" else None


def _tools(thing: Any, outputs: list[Any], read: Reader) -> list[str]:
    items = list(read.items(field(thing, "new_items")))
    if items:
        called = [_called(item) for item in items if field(item, "type") == "tool_call_item"]
        # The run's items tell a call of a tool from a handoff; in the model's output both are calls.
        if any(field(item, "type") is not None for item in items):
            return [name for name in called if name]
    return read.calls(outputs)


def _called(item: Any) -> str | None:
    raw = field(item, "raw_item")
    return called_tool(raw) or text(field(raw, "name"))


def _last_text(outputs: list[Any], read: Reader) -> list[str]:
    for item in reversed(outputs):
        if field(item, "type") == "message" and (said := read.texts(field(item, "content"))):
            return said
    return []


def _model(thing: Any, outputs: list[Any]) -> str | None:
    for item in reversed(outputs):
        # A response does not name its model; items that were made of a chat completion do.
        if name := text(get_path(item, "provider_data.model")):
            return name
    model = field(first_of(thing, "last_agent", "_last_agent"), "model")
    return text(model) or text(field(model, "model"))


def summary(thing: Any) -> dict[str, Any] | None:
    """Return what a result tells of its run, without the agents, which each of its items holds."""
    responses = field(thing, "raw_responses")
    if not is_list(responses) or (field(thing, "new_items") is None and field(thing, "context_wrapper") is None):
        return None
    kept = items(field(thing, "new_items"))
    told = [{"type": field(item, "type"), "raw_item": field(item, "raw_item")} for item in kept]
    return {
        "_shortened": type(thing).__name__,
        "usage": get_path(thing, "context_wrapper.usage"),
        "final_output": field(thing, "final_output"),
        "last_agent": text(field(first_of(thing, "last_agent", "_last_agent"), "name")),
        "input": field(thing, "input"),
        "raw_responses": responses,
        "new_items": told,
    }
