"""Google GenAI: responses of generate_content, whole or chunks, which look alike; messages of Live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_in, counts_of
from xpander_facade.usage._fields import field, first_item, first_of, is_list, text
from xpander_facade.usage._fragments import UsageFragment

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader


def response(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a response."""
    candidates = field(thing, "candidates")
    counts = counts_of(thing, "usage_metadata", "usageMetadata")
    if not is_list(candidates) and not (counts and field(thing, "content") is None):
        return None
    first = first_item(candidates)
    parts = field(field(first, "content"), "parts")
    return UsageFragment(
        counts,
        model=text(first_of(thing, "model_version", "modelVersion")),
        provider="google",
        tools=[*_tools_called_before(thing, read), *read.calls(parts)],
        texts=read.texts(parts),
        chunk=True,
        key=text(first_of(thing, "response_id", "responseId")),
        ends=first_of(first, "finish_reason", "finishReason") is not None,
    )


def _tools_called_before(thing: Any, read: Reader) -> list[str]:
    """Return what the library itself called for this answer: what follows the last message of the user."""
    history = first_of(thing, "automatic_function_calling_history", "automaticFunctionCallingHistory")
    tools: list[str] = []
    for content in read.items(history):
        parts = list(read.items(field(content, "parts")))
        if any(text(field(part, "text")) for part in parts) and field(content, "role") == "user":
            tools = []
        tools += read.calls(parts)
    return tools


def live_message(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a message of a Live session. One turn is one stream."""
    content, call = first_of(thing, "server_content", "serverContent"), first_of(thing, "tool_call", "toolCall")
    calls = first_of(call, "function_calls", "functionCalls")
    usage = first_of(thing, "usage_metadata", "usageMetadata")
    # Only Live calls its output so; generate_content counts candidates.
    is_live = first_of(usage, "response_token_count", "responseTokenCount") is not None
    if content is None and not is_list(calls) and not is_live:
        return None
    parts = field(first_of(content, "model_turn", "modelTurn"), "parts")
    spoken = field(first_of(content, "output_transcription", "outputTranscription"), "text")
    names = [name for one in read.items(calls) if (name := text(field(one, "name")))]
    return UsageFragment(
        counts_in(usage),
        provider="google",
        tools=names + read.calls(parts),
        texts=read.texts(parts) + read.take_text(spoken),
        chunk=True,
        ends=first_of(content, "turn_complete", "turnComplete") is True,
    )
