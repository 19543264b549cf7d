"""Cohere's chat, version 2 and 1, and its embeddings. `billed_units` is less than `tokens`, which count all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopback.reply import Reply
from loopback.script import Call

if TYPE_CHECKING:
    from loopback.script import Counts, Say
    from loopback.server import Request


def _usage(counts: Counts) -> dict[str, Any]:
    return {
        "billed_units": {"input_tokens": counts.prompt - 10, "output_tokens": counts.completion - 1},
        "tokens": {"input_tokens": counts.prompt, "output_tokens": counts.completion},
        "cached_tokens": counts.read,
    }


def chat(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer version 2."""
    finish = "TOOL_CALL" if isinstance(step, Call) else "COMPLETE"
    if isinstance(step, Call):
        call = {"id": f"call_{number}", "type": "function", "function": {"name": step.tool, "arguments": step.json}}
        message: dict[str, Any] = {"role": "assistant", "tool_plan": "I look it up.", "tool_calls": [call]}
    else:
        message = {"role": "assistant", "content": [{"type": "text", "text": step.whole}]}
    if not request.stream:
        return Reply.json({"id": f"c{number}", "finish_reason": finish, "message": message, "usage": _usage(counts)})
    opened = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    events: list[dict[str, Any]] = [{"type": "message-start", "id": f"c{number}", "delta": {"message": opened}}]
    if isinstance(step, Call):
        begun = {**call, "function": {"name": step.tool, "arguments": ""}}
        more = {"function": {"arguments": step.json}}
        events += [
            {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": begun}}},
            {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": more}}},
            {"type": "tool-call-end", "index": 0},
        ]
    else:
        block = {"type": "text", "text": ""}
        events.append({"type": "content-start", "index": 0, "delta": {"message": {"content": block}}})
        events += [
            {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": piece}}}}
            for piece in step.pieces
        ]
        events.append({"type": "content-end", "index": 0})
    ended = {"type": "message-end", "id": f"c{number}", "delta": {"finish_reason": finish, "usage": _usage(counts)}}
    return Reply.events([*events, ended], named=True)


def chat_v1(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer version 1."""
    meta = {"api_version": {"version": "1"}, **_usage(counts)}
    head = {"generation_id": f"g{number}", "response_id": f"c{number}", "finish_reason": "COMPLETE"}
    if isinstance(step, Call):
        whole: dict[str, Any] = {"text": "", "tool_calls": [{"name": step.tool, "parameters": step.arguments}]}
    else:
        whole = {"text": step.whole}
    response = {**head, **whole, "chat_history": [], "meta": meta}
    if not request.stream:
        return Reply.json(response)
    events: list[dict[str, Any]] = [{"event_type": "stream-start", "generation_id": f"g{number}"}]
    if isinstance(step, Call):
        events.append({"event_type": "tool-calls-generation", **whole})
    else:
        events += [{"event_type": "text-generation", "text": piece} for piece in step.pieces]
    events.append({"event_type": "stream-end", "finish_reason": "COMPLETE", "response": response})
    return Reply.lines(events)


def embed(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer an embedding."""
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": counts.prompt}}
    embeddings = {"float": [[0.5, 0.25]]}
    return Reply.json(
        {
            "id": f"e{number}",
            "embeddings": embeddings,
            "texts": ["x"],
            "meta": meta,
            "response_type": "embeddings_by_type",
        }
    )
