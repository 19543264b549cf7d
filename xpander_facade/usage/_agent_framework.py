"""The responses and updates of Microsoft's Agent Framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import Counts, counts_in
from xpander_facade.usage._fields import field, is_list, text
from xpander_facade.usage._fragments import Scope, UsageFragment

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

_GROUP = "agent-framework"
_DONE = "response.output_text.done"


def response(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the response of an agent or of a chat client."""
    messages, usage = field(thing, "messages"), field(thing, "usage_details")
    # A list of messages alone is also what a state of LangGraph or the result of another framework has.
    if not is_list(messages) or (usage is None and field(thing, "response_id") is None):
        return None
    tools: list[str] = []
    said: list[str] = []
    for message in read.items(messages):
        contents = field(message, "contents")
        if not is_list(contents):
            return None
        tools += _tools(contents, read)
        # The answer is the last message with text; an earlier one is what the model said before it called a tool.
        said = _texts(contents, read) or said
    counts = counts_in(usage)
    own = text(field(thing, "response_id"))
    return UsageFragment(
        # No call costs nothing: zeros mean that the client was told no usage.
        Counts() if counts.is_zero else counts,
        model=text(field(thing, "model")) or text(field(thing, "model_id")),
        tools=tools,
        texts=said or read.take_text(field(thing, "text")),
        key=f"agent-framework:{own}" if own else None,
        scope=Scope.RUN,
        group=_GROUP,
        is_final=True,
    )


def update(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | None:
    """Read an update of a streamed run. The usage that comes after each of its calls is that of the run so far."""
    contents = field(thing, "contents")
    if not is_list(contents) or field(thing, "messages") is not None:
        return None
    kept = list(read.items(contents))
    kinds = {field(content, "type") for content in kept}
    if not kinds:
        return [] if field(thing, "response_id") is not None or field(thing, "role") is not None else None
    piece = UsageFragment(chunk=True, group=_GROUP)
    if "function_result" in kinds:  # what is said after it is another message
        piece.texts, piece.whole = [""], True
        return piece
    for content in kept:
        if field(content, "type") == "usage":
            piece.counts = counts_in(field(content, "usage_details"))
    piece.tools, piece.texts = _tools(kept, read), _texts(kept, read)
    # OpenAI's responses tell a text in pieces, then once more as a whole.
    piece.whole = any(field(field(content, "raw_representation"), "type") == _DONE for content in kept)
    return piece


def _tools(contents: Any, read: Reader) -> list[str]:
    calls = [content for content in read.items(contents) if field(content, "type") == "function_call"]
    return read.names(calls, "name")


def _texts(contents: Any, read: Reader) -> list[str]:
    return [
        said
        for content in read.items(contents)
        if field(content, "type") == "text"
        for said in read.take_text(field(content, "text"))
    ]
