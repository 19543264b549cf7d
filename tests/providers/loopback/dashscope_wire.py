"""DashScope's generation: counts and, unless it is asked for increments, texts are so far in each event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loopback.reply import Reply
from loopback.script import Call

if TYPE_CHECKING:
    from loopback.script import Counts, Say
    from loopback.server import Request


def generation(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a generation in the message format."""

    def answer(message: dict[str, Any], output: int, finish: str) -> dict[str, Any]:
        usage = {
            "input_tokens": counts.prompt,
            "output_tokens": output,
            "total_tokens": counts.prompt + output,
            "prompt_tokens_details": {"cached_tokens": counts.read},
        }
        choice = {"finish_reason": finish, "message": message}
        return {"request_id": f"q{number}", "output": {"text": None, "choices": [choice]}, "usage": usage}

    def message(content: str, **more: Any) -> dict[str, Any]:
        return {"role": "assistant", "content": content, **more}

    parameters = request.body.get("parameters") or {}
    streams = "event-stream" in request.headers.get("accept", "") or request.headers.get("x-dashscope-sse") == "enable"
    if isinstance(step, Call):
        call = {
            "index": 0,
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": step.tool, "arguments": step.json},
        }
        whole = answer(message("", tool_calls=[call]), counts.completion, "tool_calls")
        so_far = [whole]
    else:
        first, second = step.pieces
        tail = second if parameters.get("incremental_output") else step.whole
        so_far = [
            answer(message(first), 2, "null"),
            answer(message(tail), counts.completion, "stop"),
        ]
        whole = answer(message(step.whole), counts.completion, "stop")
    if not streams:
        return Reply.json(whole)
    pieces = [
        f"id:{at}\nevent:result\n:HTTP_STATUS/200\ndata:{json.dumps(each)}\n\n".encode()
        for at, each in enumerate(so_far)
    ]
    return Reply(pieces, content_type="text/event-stream", is_stream=True)
