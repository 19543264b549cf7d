"""Amazon Bedrock: Converse and its stream, native bodies of InvokeModel, agents' traces, responses not read yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from xpander_facade.usage._counts import Counts, count, counts_in, counts_of
from xpander_facade.usage._fields import field, first_item, first_of, get_path, is_list, text
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._reader import Within, called_tool

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

_HEADER = "x-amzn-bedrock-"
# An event is decoded on the caller's thread, so that its size bounds what reading can cost.
_MAX_BODY = 1_000_000
_METRICS = "amazon-bedrock-invocationMetrics"
EVENTS = ("messageStart", "contentBlockStart", "contentBlockDelta", "messageStop", "metadata")


def converse(thing: Any, read: Reader) -> UsageFragment | None:
    """Read an answer of Converse, of boto3 or of AWS's newer library, whose parts are objects with a value."""
    message = get_path(thing, "output.message") or get_path(thing, "output.value")
    content = field(message, "content")
    if not is_list(content):
        return None
    parts = [_part(part) for part in read.items(content)]
    return UsageFragment(
        counts_of(thing),
        # Only the choice of a prompt router is told: the caller has named any other model.
        model=text(get_path(thing, "trace.promptRouter.invokedModelId")),
        provider="aws",
        tools=[name for part in parts if (name := called_tool(part) or text(field(part, "name")))],
        texts=_texts(parts, read),
    )


def _part(part: Any) -> Any:
    value = field(part, "value")
    if value is None:
        return part
    return {"text": value} if isinstance(value, str) else value


def _texts(parts: list[Any], read: Reader) -> list[str]:
    texts: list[str] = []
    for part in parts:
        cited = first_of(part, "citationsContent", "citations_content")
        if cited is not None:
            texts += read.texts(field(cited, "content"))
        elif isinstance(part, str):
            texts += read.take_text(part)
        else:
            texts += read.take_text(field(part, "text"))
    return texts


def stream_event(thing: Any, read: Reader) -> UsageFragment | None:
    """Read an event of ConverseStream: an object with one key."""
    name = next((name for name in EVENTS if isinstance(field(thing, name), Mapping)), None)
    body = field(thing, name) if name else None
    counts = counts_of(body) if name == "metadata" else Counts()
    if name is None or (name == "metadata" and not counts) or not _is_event(thing):
        return None
    return UsageFragment(
        counts,
        model=text(get_path(body, "trace.promptRouter.invokedModelId")),
        provider="aws",
        tools=read.calls((field(body, "start"),)),
        texts=read.take_text(field(field(body, "delta"), "text")),
        chunk=True,
        opens=name == "messageStart",
    )


def _is_event(thing: Any) -> bool:
    # A mapping with further keys is something else that has `metadata` or the like, as a message of Semantic Kernel.
    return not isinstance(thing, Mapping) or set(cast("Mapping[str, Any]", thing)) <= {*EVENTS, _METRICS}


def value_event(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | None:
    """Read an event of AWS's newer library: an object whose value is the event's body."""
    body = field(thing, "value")
    if body is None or isinstance(body, str):
        return None
    if field(body, "content_block_index") is not None:
        start, delta = field(field(body, "start"), "value"), field(field(body, "delta"), "value")
        name = text(field(start, "name"))
        return UsageFragment(
            tools=[name] if name else [], texts=read.take_text(delta) if field(delta, "input") is None else [],
            chunk=True, provider="aws",
        )  # fmt: skip
    if counts := counts_of(body) if field(body, "metrics") is not None else Counts():
        return UsageFragment(counts, chunk=True, provider="aws")
    if field(body, "stop_reason") is not None:
        return UsageFragment(chunk=True)
    if field(body, "role") == "assistant" and field(body, "content") is None:
        return UsageFragment(chunk=True, opens=True)
    return None


def unread(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the headers of InvokeModel, whose body is a stream that can be read once."""
    headers = get_path(thing, "ResponseMetadata.HTTPHeaders")
    if headers is None or field(thing, "output") is not None:
        return None

    def told(name: str) -> int | None:
        value = field(headers, f"{_HEADER}{name}-token-count")
        return (
            # `int` raises for a text of thousands of digits; no count has sixteen.
            int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16 else None
        )

    # Bedrock's input count leaves out what its cache read and wrote.
    counts = Counts(
        told("input"), told("output"), told("cache-read-input"), told("cache-write-input"), cache_is_beside=True
    )
    return UsageFragment(counts, provider="aws") if counts else None


def chunk_bytes(thing: Any, read: Reader) -> Within | list[UsageFragment] | None:
    """Find the JSON in an event of InvokeModelWithResponseStream."""
    data = get_path(thing, "chunk.bytes")
    if not isinstance(data, bytes) or len(data) > _MAX_BODY:
        return None
    try:
        return Within((json.loads(data),))
    except ValueError:
        return []


def trace(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a trace of an agent of Bedrock: each step has the usage of its model call."""
    orchestration = get_path(thing, "trace.trace.orchestrationTrace") or get_path(thing, "trace.orchestrationTrace")
    output = first_of(orchestration, "modelInvocationOutput")
    if output is None:
        return None
    return UsageFragment(
        counts_of(output, "metadata.usage"),
        model=text(get_path(orchestration, "modelInvocationInput.foundationModel")),
        provider="aws",
    )  # fmt: skip


def body(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a native body of Llama, Titan or Mistral, whole or a piece of a stream."""
    metrics = field(thing, _METRICS)
    counts = counts_in(metrics) or counts_in(thing)
    said, titan, outputs = field(thing, "generation"), field(thing, "inputTextTokenCount"), field(thing, "outputs")
    if isinstance(said, str) and _has_item(thing, "prompt_token_count"):
        ends, texts = field(thing, "stop_reason") is not None, read.take_text(said)
    elif titan is not None or field(thing, "totalOutputTextTokenCount") is not None:
        ends, texts = True, read.take_text(field(thing, "outputText"))
        for one in read.items(field(thing, "results")):
            counts.completion = (counts.completion or 0) + (count(field(one, "tokenCount")) or 0)
            texts += read.take_text(field(one, "outputText"))
        if (written := count(field(thing, "totalOutputTextTokenCount"))) and metrics is None:
            counts.completion = written
        ends = field(thing, "outputText") is None or field(thing, "completionReason") is not None
    elif is_list(outputs) and any(field(one, "stop_reason") is not None for one in read.items(outputs)):
        ends, texts = True, [piece for one in read.items(outputs) for piece in read.take_text(field(one, "text"))]
    elif is_list(outputs) and _is_text(first_item(outputs)):
        ends, texts = False, [piece for one in read.items(outputs) for piece in read.take_text(field(one, "text"))]
    elif counts_in(metrics) and field(thing, "type") is None:  # with a type it is the last event of Claude's stream
        ends, texts = True, list[str]()
    else:
        return None
    return UsageFragment(counts, texts=texts, provider="aws", chunk=True, ends=ends)


def _is_text(thing: Any) -> bool:
    return _has_item(thing, "stop_reason") and isinstance(field(thing, "text"), str)


def _has_item(thing: Any, name: str) -> bool:
    """Tell whether a mapping has a member, which may be null."""
    return isinstance(thing, Mapping) and name in cast("Mapping[str, Any]", thing)
