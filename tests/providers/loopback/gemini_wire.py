"""Google's generateContent: the counts of a stream are so far in each chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopback.reply import Reply
from loopback.script import Call

if TYPE_CHECKING:
    from loopback.script import Counts, Say
    from loopback.server import Request

THOUGHTS = 3
"""Of the completion; Gemini counts them beside its candidates."""


def _usage(counts: Counts, candidates: int, thoughts: int | None) -> dict[str, Any]:
    usage = {
        "promptTokenCount": counts.prompt,
        "candidatesTokenCount": candidates,
        "cachedContentTokenCount": counts.read,
        "totalTokenCount": counts.prompt + candidates + (thoughts or 0),
    }
    return usage | ({"thoughtsTokenCount": thoughts} if thoughts else {})


def _response(parts: list[dict[str, Any]], usage: dict[str, Any], number: int, finish: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
    if finish:
        candidate["finishReason"] = finish
    response = {"candidates": [candidate], "usageMetadata": usage, "responseId": f"r{number}"}
    return response | {"modelVersion": "gemini-stub-001"}


def _parts(step: Say | Call, number: int) -> list[dict[str, Any]]:
    if isinstance(step, Call):
        return [{"functionCall": {"id": f"call_{number}", "name": step.tool, "args": step.arguments}}]
    return [{"text": step.whole}]


def generate(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer at once."""
    usage = _usage(counts, counts.completion - THOUGHTS, THOUGHTS)
    return Reply.json(_response(_parts(step, number), usage, number, "STOP"))


def stream(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer chunk by chunk."""
    last = _usage(counts, counts.completion - THOUGHTS, THOUGHTS)
    if isinstance(step, Call):
        return Reply.events([_response(_parts(step, number), last, number, "STOP")])
    first, second = step.pieces
    so_far = _usage(counts, 2, None)
    return Reply.events(
        [
            _response([{"text": first}], so_far, number, None),
            _response([{"text": second}], last, number, "STOP"),
        ]
    )


def embed(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer an embedding."""
    values = [0.5, 0.25]
    return Reply.json({"embeddings": [{"values": values}], "usageMetadata": {"promptTokenCount": counts.prompt}})
