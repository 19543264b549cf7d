"""Anthropic's messages. What is read from the cache and written to it stands beside the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopback.reply import Reply
from loopback.script import Call

if TYPE_CHECKING:
    from loopback.script import Counts, Say
    from loopback.server import Request


def body_of(step: Say | Call, counts: Counts, number: int, model: str) -> dict[str, Any]:
    """Return a whole message."""
    if isinstance(step, Call):
        block: dict[str, Any] = {
            "type": "tool_use",
            "id": f"toolu_{number}",
            "name": step.tool,
            "input": step.arguments,
        }
    else:
        block = {"type": "text", "text": step.whole, "citations": None}
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [block],
        "stop_reason": "tool_use" if isinstance(step, Call) else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": counts.uncached,
            "cache_read_input_tokens": counts.read,
            "cache_creation_input_tokens": counts.written,
            "output_tokens": counts.completion,
            "service_tier": "standard",
        },
    }


def events_of(step: Say | Call, counts: Counts, number: int, model: str) -> list[dict[str, Any]]:
    """Return the events of a streamed message: the first count of the output is small, the last one replaces it."""
    whole = body_of(step, counts, number, model)
    block = whole["content"][0]
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    if isinstance(step, Call):
        empty = {**block, "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": step.json}]
    else:
        empty = {**block, "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in step.pieces]
    return [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None},
            "usage": {"output_tokens": counts.completion},
        },
        {"type": "message_stop"},
    ]


def messages(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a message."""
    model = request.body.get("model") or "claude"
    if request.path.partition("?")[0].endswith("count_tokens"):
        return Reply.json({"input_tokens": counts.prompt})
    if request.stream:
        return Reply.events(events_of(step, counts, number, model), named=True)
    return Reply.json(body_of(step, counts, number, model))
