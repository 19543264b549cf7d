"""Own the shapes of providers' responses: one function for each, from anything to a `Piece` or None. Pure.

A provider is told by fields that only it has together; the more particular shapes are tried first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade.usage._counts import count, counts_in, counts_of, either, field, is_list, members, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_ITEMS = 150_000
_MOST_STRANGERS = 100
"""So many items in a row that say nothing end the reading."""
_MOST_DEPTH = 8
_END: Any = object()

_ENVELOPES = ("messages", "generations", "raw_responses", "message", "data", "kwargs", "chunk")
"""Where a response can lie in something else: an agent's state, a result, a serialized message."""


@attrs.define
class Piece:
    """What one response tells, or one chunk of a stream.

    Args:
        counts: By the names that `Tokens` has.
        texts: To be joined.
        chunk: It is part of a stream.
        key: The id that all chunks of a stream have, where there is one.
        opens: A stream begins with it.
        ends: A stream ends with it.
        whole: It has all of the stream's text again.
        adds: Its counts are its own; those of other chunks are of the whole stream so far.
    """

    counts: dict[str, int] = attrs.field(factory=dict[str, int])
    model: str | None = None
    tools: list[str] = attrs.field(factory=list[str])
    texts: list[str] = attrs.field(factory=list[str])
    chunk: bool = False
    key: str | None = None
    opens: bool = False
    ends: bool = False
    whole: bool = False
    adds: bool = False

    def goes_on_with(self, piece: Piece) -> bool:
        """Tell whether the piece belongs to the same stream."""
        if not (self.chunk and piece.chunk) or piece.opens:
            return False
        if self.key and piece.key:
            return self.key == piece.key
        return not self.ends

    def take(self, piece: Piece) -> None:
        """Add the next chunk of the stream."""
        for name, value in piece.counts.items():
            before = self.counts.get(name, 0)
            self.counts[name] = before + value if piece.adds else max(before, value)
        self.model = self.model or piece.model
        self.key = self.key or piece.key
        self.ends = piece.ends
        self.tools += piece.tools
        if piece.whole and piece.texts:
            self.texts = []
        self.texts += piece.texts


class Reader:
    """Goes through what it is given, up to a number of items for all of it together."""

    def __init__(self) -> None:
        self._left = _MOST_ITEMS

    def items(self, value: object) -> Iterator[Any]:
        """Yield what a list holds as long as items are left to be read."""
        for item in members(value):
            if self._left <= 0:
                return
            self._left -= 1
            yield item

    def texts(self, content: object) -> list[str]:
        """Return the text of a message's content: a string, or a list of strings and typed parts."""
        if isinstance(content, str):
            return [content]
        texts: list[str] = []
        for part in self.items(content):
            if isinstance(part, str):
                texts.append(part)
            elif field(part, "thought") is not True and field(part, "type") in (None, "text", "output_text"):
                found = text(field(part, "text"))
                texts += [found] if found else []
        return texts

    def tools(self, parts: object) -> list[str]:
        """Return the names of the tools that parts of a message call."""
        return [name for name in map(_tool, self.items(parts)) if name]


def pieces_of(response: object) -> Iterator[Piece]:
    """Yield what the response, or what lies in it, tells; in order."""
    reader = Reader()
    strangers = 0
    above: list[Iterator[Any]] = [iter((response,))]
    while above and strangers < _MOST_STRANGERS:
        item = next(above[-1], _END)
        if item is _END:
            above.pop()
            continue
        piece, inner = _tell(item, reader)
        if piece is not None:
            strangers = 0
            yield piece
            continue
        strangers += 1
        if inner is not None and len(above) < _MOST_DEPTH:
            above.append(reader.items(inner) if is_list(inner) else iter((inner,)))


def _tell(item: object, reader: Reader) -> tuple[Piece | None, object]:
    """Return what an item tells, else what lies in it; of an item that fails neither."""
    try:
        if item is None or isinstance(item, str | bytes | int | float):
            return None, None
        if is_list(item):
            return None, item
        for shape in _SHAPES:
            piece = shape(item, reader)
            if piece is not None:
                return piece, None
        has_any = field(item, "no field has this name") is not None  # as a Mock, which is full of Mocks
        return None, None if has_any else either(item, *_ENVELOPES)
    except Exception:
        return None, None


def _tool(part: object) -> str | None:
    """Return the name of the tool that a part calls; a provider's own tool is named for the part: web_search_call."""
    kind = text(either(part, "type", "part_kind"))
    if kind is not None and kind.endswith(("tool_use", "_call", "tool-call")):
        own = kind.removesuffix("_call") if kind.endswith("_call") else None
        return text(either(part, "name", "tool_name")) or own
    called = either(part, "function", "custom", "functionCall", "function_call", "toolUse")  # OpenAI, Google, Bedrock
    return text(field(called, "name"))


def _function_tools(message: object, read: Reader) -> list[str]:
    """Return the names of the tools that a message of OpenAI's or Ollama's form calls."""
    older = text(field(field(message, "function_call"), "name"))
    return [*read.tools(field(message, "tool_calls")), *([older] if older else [])]


def _agent_result(thing: object, read: Reader) -> Piece | None:
    """Read a pydantic-ai result: the counts of its run, and what its own messages say, not those it was given."""
    if callable(field(thing, "all_messages")) and callable(field(thing, "new_messages")):
        messages = field(thing, "new_messages")()
        usage = field(thing, "usage")
        if callable(usage) and not counts_in(usage):  # a method before version 2; now to call it is deprecated
            usage = usage()
        output_tool = field(thing, "_output_tool_name")
    else:
        messages, usage, output_tool = (field(thing, name) for name in ("messages", "usage", "output_tool_name"))
        older = count(field(thing, "new_message_index"))
        if older is None or not is_list(messages):
            return None
        messages = list(read.items(messages))[older:]
    if not is_list(messages):
        return None
    responses = [piece for message in read.items(messages) if (piece := _agent_message(message, read))]
    output = text(field(thing, "output"))
    last = responses[-1] if responses else Piece()
    return Piece(
        counts=counts_in(usage),
        model=last.model,
        tools=[name for piece in responses for name in piece.tools if name != output_tool],
        texts=[output] if output else last.texts,
    )


def _agent_message(thing: object, read: Reader) -> Piece | None:
    """Read a response among the messages of pydantic-ai."""
    parts = field(thing, "parts")
    if field(thing, "kind") != "response" or not is_list(parts):
        return None
    said = [text(field(part, "content")) for part in read.items(parts) if field(part, "part_kind") == "text"]
    return Piece(
        counts=counts_of(thing),
        model=text(field(thing, "model_name")),
        tools=read.tools(parts),
        texts=[part for part in said if part],
    )


def _langchain(thing: object, read: Reader) -> Piece | None:
    """Read an AI message of LangChain. The counts of its chunks are to be added, as LangChain itself does."""
    kind = field(thing, "type")
    if kind not in ("ai", "AIMessageChunk") or field(thing, "content") is None:
        return None
    content, calls = field(thing, "content"), ("tool_calls", "tool_call_chunks", "invalid_tool_calls")
    named = [text(field(call, "name")) for name in calls for call in read.items(field(thing, name))]
    facts = field(thing, "response_metadata")
    return Piece(
        counts=counts_of(thing) or counts_of(facts, "token_usage", "usage"),
        model=text(either(facts, "model_name", "model", "model_id")),
        tools=[*(name for name in named if name), *read.tools(content)],
        texts=read.texts(content),
        chunk=kind == "AIMessageChunk",
        ends=field(thing, "chunk_position") == "last",
        adds=True,
    )


def _chat(thing: object, read: Reader) -> Piece | None:
    """Read a chat completion of OpenAI and what is compatible, whole or a chunk; a legacy completion too."""
    choices, is_chunk = field(thing, "choices"), field(thing, "object") == "chat.completion.chunk"
    if not is_list(choices) and not is_chunk:
        return None
    piece = Piece(
        counts=counts_of(thing) or counts_of(thing, "x_groq.usage"),
        model=text(field(thing, "model")),
        key=text(field(thing, "id")),
        chunk=is_chunk or not choices,
    )
    for choice in read.items(choices):
        message = field(choice, "message")
        if message is None:
            message = field(choice, "delta")
            piece.chunk = piece.chunk or message is not None
        piece.tools += _function_tools(message, read)
        if not piece.texts and not count(field(choice, "index")):
            said = field(message, "content") if message is not None else field(choice, "text")
            piece.texts = read.texts(said)
    return piece


def _converse(thing: object, read: Reader) -> Piece | None:
    """Read an answer of Bedrock Converse."""
    content = field(field(field(thing, "output"), "message"), "content")
    if not is_list(content):
        return None
    return Piece(counts=counts_of(thing), tools=read.tools(content), texts=read.texts(content))


def _items(thing: object, read: Reader) -> Piece | None:
    """Read a response of OpenAI, or an interaction of Google: items, of which some are messages and some are calls."""
    items = either(thing, "output", "steps")
    if not is_list(items):
        return None
    counts = counts_of(thing)
    kept = list(read.items(items))
    if not counts and not any(text(field(item, "type")) for item in kept):
        return None
    said = [field(item, "content") for item in kept if field(item, "type") in ("message", "model_output")]
    return Piece(
        counts=counts,
        model=text(field(thing, "model")),
        tools=read.tools(kept),
        texts=[part for content in said for part in read.texts(content)],
    )


def _google(thing: object, read: Reader) -> Piece | None:
    """Read a response of Google GenAI, whole or a chunk: they look alike."""
    candidates = field(thing, "candidates")
    counts = counts_of(thing, "usage_metadata", "usageMetadata")
    if not is_list(candidates) and not (counts and field(thing, "content") is None):
        return None
    first = next(read.items(candidates), None)
    parts = field(field(first, "content"), "parts")
    return Piece(
        counts=counts,
        model=text(either(thing, "model_version", "modelVersion")),
        tools=read.tools(parts),
        texts=read.texts(parts),
        chunk=True,
        key=text(either(thing, "response_id", "responseId")),
        ends=either(first, "finish_reason", "finishReason") is not None,
    )


def _ollama(thing: object, read: Reader) -> Piece | None:
    """Read a response of Ollama's chat or generate, whole or a chunk: the last one is done and has the counts."""
    done, message = field(thing, "done"), field(thing, "message")
    said = field(message, "content") if message is not None else field(thing, "response")
    if not isinstance(done, bool) or (message is None and not isinstance(said, str)):
        return None
    return Piece(
        counts=counts_in(thing),
        model=text(field(thing, "model")),
        tools=_function_tools(message, read),
        texts=read.texts(said),
        chunk=True,
        ends=done,
    )


def _anthropic(thing: object, read: Reader) -> Piece | None:
    """Read a message of Anthropic."""
    content, counts = field(thing, "content"), counts_of(thing)
    if field(thing, "role") != "assistant" or not is_list(content):
        return None
    if not counts and field(thing, "type") != "message":
        return None
    return Piece(counts=counts, model=text(field(thing, "model")), tools=read.tools(content), texts=read.texts(content))


def _event(thing: object, read: Reader) -> Piece | None:
    """Read an event of a stream: Anthropic, OpenAI responses, Google interactions."""
    kind = text(either(thing, "event_type", "type"))
    if kind is None:
        return None
    group = kind.partition(".")[0]
    if kind == "message_start":
        piece = _anthropic(field(thing, "message"), read) or Piece()
    elif group in ("response", "interaction") and field(thing, group) is not None:
        inner = field(thing, group)
        piece = _items(inner, read) or Piece(counts=counts_of(inner), model=text(field(inner, "model")))
        piece.whole = True
    elif kind in ("content_block_start", "response.output_item.done", "step.start"):
        piece = Piece(tools=read.tools([either(thing, "content_block", "item", "step")]))
    elif kind in ("content_block_delta", "step.delta"):
        delta = field(thing, "delta")
        said = text(field(delta, "text")) if field(delta, "type") in ("text", "text_delta") else None
        piece = Piece(texts=[said] if said else [])
    elif kind == "response.output_text.delta":
        piece = Piece(texts=read.texts(field(thing, "delta")))
    elif kind == "message_delta":
        piece = Piece(counts=counts_of(thing))
    elif kind.startswith("response."):
        piece = Piece()  # no stranger: there can be thousands of them in a row
    else:
        return None
    piece.chunk = True
    piece.opens = kind in ("message_start", "response.created", "interaction.created")
    return piece


def _converse_event(thing: object, read: Reader) -> Piece | None:
    """Read an event of Bedrock's ConverseStream: an object with one key."""
    names = ("messageStart", "contentBlockStart", "contentBlockDelta", "metadata")
    name = next((name for name in names if isinstance(field(thing, name), Mapping)), None)
    body = field(thing, name) if name else None
    counts = counts_of(body)
    if name is None or (name == "metadata" and not counts):
        return None
    said = text(field(field(body, "delta"), "text"))
    return Piece(
        counts=counts,
        tools=read.tools([field(body, "start")]),
        texts=[said] if said else [],
        chunk=True,
        opens=name == "messageStart",
    )


def _bare(thing: object, read: Reader) -> Piece | None:
    """Read what has counts and nothing else that is known: embeddings, a usage object by itself."""
    counts = counts_of(thing) or counts_in(thing)
    if not counts:
        return None
    return Piece(counts=counts, model=text(either(thing, "model", "model_name")))


_SHAPES: tuple[Callable[[object, Reader], Piece | None], ...] = (
    _agent_result,
    _agent_message,
    _langchain,
    _chat,
    _converse,
    _items,
    _google,
    _ollama,
    _anthropic,
    _event,
    _converse_event,
    _bare,
)
