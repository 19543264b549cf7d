"""Ollama's chat and generate: lines of JSON, of which the last one has the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopback.reply import Reply
from loopback.script import Call

if TYPE_CHECKING:
    from loopback.script import Counts, Say
    from loopback.server import Request


def _ended(counts: Counts) -> dict[str, Any]:
    durations = {"total_duration": 5, "load_duration": 1, "prompt_eval_duration": 1, "eval_duration": 3}
    return {
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": counts.prompt,
        "eval_count": counts.completion,
        **durations,
    }


def chat(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a chat; Ollama streams unless it is told not to."""
    head = {"model": request.body.get("model"), "created_at": "2026-11-28T10:00:00Z"}

    def message(content: str, **more: Any) -> dict[str, Any]:
        return {"role": "assistant", "content": content, **more}

    if isinstance(step, Call):
        said = [message("", tool_calls=[{"function": {"name": step.tool, "arguments": step.arguments}}])]
    else:
        said = [message(piece) for piece in step.pieces]
    if request.body.get("stream") is False:
        whole = message("".join(each["content"] for each in said))
        if isinstance(step, Call):
            whole = said[0]
        return Reply.json({**head, "message": whole, **_ended(counts)})
    lines = [{**head, "message": each, "done": False} for each in said]
    return Reply.lines([*lines, {**head, "message": message(""), **_ended(counts)}])


def generate(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a generation."""
    assert not isinstance(step, Call), "a generation calls no tool"
    head = {"model": request.body.get("model"), "created_at": "2026-11-28T10:00:00Z"}
    if request.body.get("stream") is False:
        return Reply.json({**head, "response": step.whole, **_ended(counts)})
    lines = [{**head, "response": piece, "done": False} for piece in step.pieces]
    return Reply.lines([*lines, {**head, "response": "", **_ended(counts)}])
