"""Bedrock's Converse and InvokeModel, with AWS's binary event streams."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

from loopback import anthropic_wire
from loopback.reply import Reply
from loopback.script import Call

if TYPE_CHECKING:
    from loopback.script import Counts, Say
    from loopback.server import Request


def _usage(counts: Counts) -> dict[str, Any]:
    return {
        "inputTokens": counts.uncached,
        "outputTokens": counts.completion,
        "totalTokens": counts.total,
        "cacheReadInputTokens": counts.read,
        "cacheWriteInputTokens": counts.written,
    }


def encode_event(kind: str, body: dict[str, Any]) -> bytes:
    """Return one event in AWS's binary form: a prelude with its sum, headers, the payload, a sum over all."""
    headers = b""
    for name, value in ((":event-type", kind), (":content-type", "application/json"), (":message-type", "event")):
        headers += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
    payload = json.dumps(body).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack("!I", zlib.crc32(message))


def _stream(events: list[tuple[str, dict[str, Any]]]) -> Reply:
    pieces = [encode_event(kind, body) for kind, body in events]
    return Reply(pieces, content_type="application/vnd.amazon.eventstream", is_stream=True)


def converse(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a Converse."""
    if isinstance(step, Call):
        use = {"toolUseId": f"tooluse_{number}", "name": step.tool, "input": step.arguments}
        content: list[dict[str, Any]] = [{"toolUse": use}]
    else:
        content = [{"text": step.whole}]
    return Reply.json(
        {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": "tool_use" if isinstance(step, Call) else "end_turn",
            "usage": _usage(counts),
            "metrics": {"latencyMs": 5},
        }
    )


def converse_stream(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a ConverseStream."""
    events: list[tuple[str, dict[str, Any]]] = [("messageStart", {"role": "assistant"})]
    if isinstance(step, Call):
        use = {"toolUse": {"toolUseId": f"tooluse_{number}", "name": step.tool}}
        events.append(("contentBlockStart", {"contentBlockIndex": 0, "start": use}))
        deltas = [{"toolUse": {"input": step.json}}]
    else:
        deltas = [{"text": piece} for piece in step.pieces]
    events += [("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}) for delta in deltas]
    events += [
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "tool_use" if isinstance(step, Call) else "end_turn"}),
        ("metadata", {"usage": _usage(counts), "metrics": {"latencyMs": 5}}),
    ]
    return _stream(events)


def invoke(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer an InvokeModel of Claude: the body is Anthropic's, and headers count too."""
    headers = {
        "x-amzn-bedrock-input-token-count": str(counts.uncached),
        "x-amzn-bedrock-output-token-count": str(counts.completion),
        "x-amzn-bedrock-cache-read-input-token-count": str(counts.read),
        "x-amzn-bedrock-cache-write-input-token-count": str(counts.written),
    }
    return Reply.json(anthropic_wire.body_of(step, counts, number, "claude-stub"), headers=headers)


def invoke_stream(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer with Anthropic's events, wrapped; the last has the counts of the invocation."""
    events = anthropic_wire.events_of(step, counts, number, "claude-stub")
    events[-1]["amazon-bedrock-invocationMetrics"] = {
        "inputTokenCount": counts.uncached,
        "outputTokenCount": counts.completion,
        "cacheReadInputTokenCount": counts.read,
        "cacheWriteInputTokenCount": counts.written,
        "invocationLatency": 5,
        "firstByteLatency": 1,
    }
    return _stream([("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()}) for event in events])
