"""OpenAI's responses, Google's interactions and what is compatible: items, of which some are messages, some calls.

Their streams, realtime sessions, transcriptions, images, batches and hosted agents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_of
from xpander_facade.usage._fields import field, first_of, get_path, is_list, text
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._openai_chat import images_usage
from xpander_facade.usage._reader import Within

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

_MESSAGES = frozenset({"message", "model_output"})
_PIECES = frozenset({"response.output_text.delta", "response.output_audio_transcript.delta", "response.text.delta"})
_ITEMS = frozenset({"response.output_item.done", "step.start"})


def response(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a response, or an interaction."""
    items = field(thing, "output")
    is_interaction = items is None
    if is_interaction:
        items = field(thing, "steps")
    if not is_list(items):
        return None
    counts = counts_of(thing)
    kept = list(read.items(items))
    has_failed = field(thing, "object") == "response" and field(thing, "status") == "failed"
    if not counts and not has_failed and not any(text(field(item, "type")) for item in kept):
        return None
    fragment = UsageFragment(
        counts,
        beside=images_usage(thing),
        model=text(field(thing, "model")),
        provider="google" if is_interaction else None,
        tools=read.calls(kept),
        key=text(first_of(thing, "id", "response_id")),
    )
    for item in kept:
        if field(item, "type") in _MESSAGES:
            fragment.texts += _said(item, read)
    _tell_failure(thing, fragment)
    return fragment


def _said(message: Any, read: Reader) -> list[str]:
    content = field(message, "content")
    said = read.texts(content)
    return said or [piece for part in read.items(content) for piece in read.take_text(field(part, "transcript"))]


def batch_line(thing: Any, read: Reader) -> Within | None:
    """Find the response in a line of a batch's output file."""
    body = get_path(thing, "response.body")
    return None if body is None else Within((body,))


def event(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | Within | None:
    """Read an event of a stream."""
    kind = text(first_of(thing, "event_type", "type"))
    if kind is None:
        return None
    group = kind.partition(".")[0]
    if group in ("response", "interaction", "step"):
        return _event(thing, kind, group, read)
    if kind.startswith("transcript."):
        return UsageFragment(
            counts_of(thing),
            texts=read.take_text(first_of(thing, "text", "delta")),
            chunk=True,
            whole=kind.endswith(".done"),
            ends=kind.endswith(".done"),
        )
    if kind.startswith("conversation.item.input_audio_transcription."):
        counts = counts_of(thing)
        return UsageFragment(counts) if counts else []  # what the user said is not an answer
    if kind.startswith("agent.session."):
        return _session_event(thing, kind, read)
    if kind == "chunk" and (chunk := field(thing, "chunk")) is not None:  # events of chat.completions.stream()
        return Within((chunk,))
    return None


def _event(thing: Any, kind: str, group: str, read: Reader) -> UsageFragment:
    inner = field(thing, group) if group != "step" else None
    if inner is not None:
        piece = response(inner, read)
        if piece is None:
            piece = UsageFragment(
                counts_of(inner), model=text(field(inner, "model")), key=text(first_of(inner, "id", "response_id"))
            )
        piece.whole = True
        piece.ends = kind.endswith((".completed", ".incomplete", ".failed", ".done"))
    else:
        piece = UsageFragment(
            counts_of(thing) or counts_of(thing, "metadata.usage", "delta.metadata.usage", "metadata.total_usage")
        )
        if kind in _ITEMS:
            piece.tools = read.calls((first_of(thing, "item", "step"),))
        elif kind in _PIECES:
            piece.texts = read.texts(field(thing, "delta"))
        elif kind == "step.delta":
            delta = field(thing, "delta")
            piece.texts = read.take_text(field(delta, "text")) if field(delta, "type") == "text" else []
    piece.chunk = True
    piece.opens = kind in ("response.created", "interaction.created")
    return piece


def _session_event(thing: Any, kind: str, read: Reader) -> UsageFragment | list[UsageFragment]:
    """Read an event of a hosted agent's session: items as they are done, and the turn with its usage at its end."""
    turn = field(thing, "turn")
    key = text(field(thing, "turn_id")) or text(field(turn, "id"))
    if turn is not None:
        fragment = UsageFragment(counts_of(thing) or counts_of(turn), key=key, chunk=True)
        _tell_failure(turn, fragment)
        return fragment
    item = field(thing, "item")
    if item is None or not kind.endswith(".done"):
        return []
    said = _said(item, read) if field(item, "type") in _MESSAGES and field(item, "role") == "assistant" else []
    return UsageFragment(tools=read.calls((item,)), texts=said, key=key, chunk=True)


def _tell_failure(thing: Any, fragment: UsageFragment) -> None:
    """Take why a response or a turn failed that has not raised it, such as one that went on in the background."""
    if field(thing, "status") == "failed":
        fragment.is_success = False
        fragment.failure = text(get_path(thing, "error.message")) or text(get_path(thing, "error.code"))
