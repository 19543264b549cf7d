"""The states, updates and outputs of LangGraph, and structured output of LangChain's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._fields import as_dict, field, is_list
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._langchain import message
from xpander_facade.usage._output import output_texts
from xpander_facade.usage._reader import Within

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

_MESSAGE_TYPES = frozenset({"ai", "human", "tool", "system", "AIMessageChunk", "HumanMessageChunk", "remove"})
_ANSWERS = ("ai", "AIMessageChunk")
_STREAM_MODES = frozenset({"values", "updates", "messages", "custom", "checkpoints", "tasks", "debug"})
# A mapping with more entries is a user's data, and looking into each of its values would be for nothing.
_MAX_NODES = 100


def state(thing: Any, read: Reader) -> list[UsageFragment] | None:
    """Read a state: its messages, of which a checkpointer keeps those of earlier turns, and its structured output."""
    messages = field(thing, "messages")
    if not is_list(messages) or not _is_conversation(messages):
        return None
    structured = field(thing, "structured_response")
    fragments: list[UsageFragment] = []
    turn = -1
    latest: UsageFragment | None = None
    has_text_after_calls = False
    for one in read.messages(messages):
        kind = field(one, "type")
        if kind == "human":
            turn += 1
        piece = message(one, read)
        if piece is None:
            continue
        piece.is_kept, piece.turn = True, max(turn, 0)
        fragments.append(piece)
        latest, has_text_after_calls = piece, not piece.tools
    if structured is not None:
        if latest is not None and not has_text_after_calls:
            latest.tools = []  # the call that gave the output
        said = output_texts(structured, read)
        fragments.append(UsageFragment(texts=said, is_final=True, is_kept=True, turn=max(turn, 0)))
    return fragments


def _is_conversation(messages: Any) -> bool:
    # The first message decides: a conversation can hold thousands.
    for one in messages:
        return field(one, "type") in _MESSAGE_TYPES
    return False


def structured(thing: Any, read: Reader) -> list[UsageFragment] | None:
    """Read what `with_structured_output(include_raw=True)` gives."""
    thing = as_dict(thing)
    if thing is None or not {"raw", "parsed", "parsing_error"} <= thing.keys():
        return None
    piece = message(thing["raw"], read)
    if piece is None:
        return None
    if thing["parsed"] is not None:
        # The class of the output was offered as a tool: its call is the output.
        piece.tools = []
        piece.texts = [said for said in piece.texts if said] or output_texts(thing["parsed"], read)
    return [piece]


def part(thing: Any, read: Reader) -> Within | list[UsageFragment] | None:
    """Find what a part of a stream holds (`version="v2"`)."""
    thing = as_dict(thing)
    if thing is None or thing.get("type") not in _STREAM_MODES or "ns" not in thing:
        return None
    if thing["type"] in ("checkpoints", "tasks", "debug", "custom"):
        return []  # what the other modes tell, in other forms
    return Within((thing.get("data"),))


def updates(thing: Any, read: Reader) -> Within | None:
    """Find the states in a mapping by the names of nodes or components: LangGraph's updates, Haystack's pipelines."""
    thing = as_dict(thing)
    if thing is None or not 0 < len(thing) <= _MAX_NODES:
        return None
    states = tuple(value for value in thing.values() if _is_state(value) or _is_answer(value))
    return Within(states) if states else None


def _is_state(value: Any) -> bool:
    value = as_dict(value)
    if value is None:
        return False
    if any(is_list(value.get(name)) for name in ("messages", "replies")) or "structured_response" in value:
        return True
    return any(_is_answer(inner) or (is_list(inner) and _is_conversation(inner)) for inner in value.values())


def _is_answer(value: Any) -> bool:
    """Tell whether a node gave or a state keeps one message of the model by itself, as `{"messages": answer}`."""
    return field(value, "type") in _ANSWERS and field(value, "content") is not None
