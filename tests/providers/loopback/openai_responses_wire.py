"""OpenAI's responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopback.reply import Reply
from loopback.script import Call

if TYPE_CHECKING:
    from loopback.script import Counts, Say
    from loopback.server import Request


def responses(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a response, or stream the events that end with it."""
    details: dict[str, Any] = {
        "cached_tokens": counts.read,
        "cache_write_tokens": counts.written if tells_writes else 0,
    }
    usage = {
        "input_tokens": counts.prompt,
        "input_tokens_details": details,
        "output_tokens": counts.completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counts.total,
    }
    base: dict[str, Any] = {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_760_000_000,
        "model": request.body.get("model") or "model-1",
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "metadata": {},
        "instructions": None,
        "error": None,
        "incomplete_details": None,
        "text": {"format": {"type": "text"}},
    }
    if isinstance(step, Call):
        item: dict[str, Any] = {
            "type": "function_call",
            "id": f"fc_{number}",
            "call_id": f"call_{number}",
            "name": step.tool,
            "arguments": step.json,
            "status": "completed",
        }
    else:
        part = {"type": "output_text", "text": step.whole, "annotations": [], "logprobs": []}
        item = {
            "type": "message",
            "id": f"msg_{number}",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
    whole = {**base, "status": "completed", "output": [item], "usage": usage}
    if not request.stream:
        return Reply.json(whole)
    opened = {**base, "status": "in_progress", "output": [], "usage": None}
    where = {"item_id": item["id"], "output_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": opened},
        {"type": "response.in_progress", "response": opened},
    ]
    if isinstance(step, Call):
        begun = {**item, "arguments": "", "status": "in_progress"}
        events += [
            {"type": "response.output_item.added", "output_index": 0, "item": begun},
            {"type": "response.function_call_arguments.delta", **where, "delta": step.json},
            {"type": "response.function_call_arguments.done", **where, "name": step.tool, "arguments": step.json},
        ]
    else:
        place = {**where, "content_index": 0}
        empty = {**part, "text": ""}
        events += [
            {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
            {"type": "response.content_part.added", **place, "part": empty},
            *({"type": "response.output_text.delta", **place, "delta": p, "logprobs": []} for p in step.pieces),
            {"type": "response.output_text.done", **place, "text": step.whole, "logprobs": []},
            {"type": "response.content_part.done", **place, "part": part},
        ]
    events += [
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return Reply.events([{**event, "sequence_number": at} for at, event in enumerate(events)], named=True)
