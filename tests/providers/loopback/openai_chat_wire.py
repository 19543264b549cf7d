"""OpenAI's chat completions and legacy completions, which most providers speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopback.reply import Reply
from loopback.script import Call

if TYPE_CHECKING:
    from loopback.script import Counts, Say
    from loopback.server import Request


def usage_of(counts: Counts, tells_writes: bool) -> dict[str, Any]:
    """Return OpenAI's usage of a chat."""
    details: dict[str, Any] = {"cached_tokens": counts.read, "audio_tokens": 0}
    if tells_writes:
        details["cache_write_tokens"] = counts.written
    return {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.total,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def message_of(step: Say | Call, number: int) -> dict[str, Any]:
    """Return the assistant's message."""
    if isinstance(step, Call):
        called = {"name": step.tool, "arguments": step.json}
        calls = [{"index": 0, "id": f"call_{number}", "type": "function", "function": called}]
        return {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls}
    return {"role": "assistant", "content": step.whole, "refusal": None}


def _usage_as_named(request: Request, counts: Counts, tells_writes: bool) -> dict[str, Any]:
    """Return the usage with the cache under the provider's own name; the first part of the path says whose."""
    usage = usage_of(counts, tells_writes)
    provider = request.path.split("/")[1]
    if provider == "writer":
        usage["prompt_token_details"] = usage.pop("prompt_tokens_details")
    elif provider == "gigachat":
        del usage["prompt_tokens_details"]
        usage["precached_prompt_tokens"] = counts.read
    elif provider == "mistral":
        del usage["prompt_tokens_details"]
        usage["num_cached_tokens"] = counts.read
    return usage


def _tells_usage(request: Request) -> bool:
    return request.usage_unasked or bool((request.body.get("stream_options") or {}).get("include_usage"))


def chat(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a chat completion; the usage of a stream is told on request only, as OpenAI does."""
    model = request.body.get("model") or "model-1"
    head = {"id": f"chatcmpl-{number}", "created": 1_760_000_000, "model": model, "system_fingerprint": "fp"}
    message, usage = message_of(step, number), _usage_as_named(request, counts, tells_writes)
    finish = "tool_calls" if isinstance(step, Call) else "stop"
    if not request.stream:
        if request.path.startswith("/gigachat/") and isinstance(step, Call):  # OpenAI's older form of a call
            called = {"name": step.tool, "arguments": step.arguments}
            message, finish = {"role": "assistant", "content": "", "function_call": called}, "function_call"
        choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
        return Reply.json({**head, "object": "chat.completion", "choices": [choice], "usage": usage})

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return {**head, "object": "chat.completion.chunk", "choices": [choice], "usage": None}

    chunks = [chunk({"role": "assistant", "content": ""})]
    if isinstance(step, Call):
        call = message["tool_calls"][0]
        named = {**call, "function": {"name": step.tool, "arguments": ""}}
        rest = {"index": 0, "function": {"arguments": step.json}}
        if request.path.startswith("/gigachat/"):
            chunks.append(chunk({"function_call": {"name": step.tool, "arguments": step.arguments}}))
        elif request.path.startswith("/mistral/"):  # it sends calls whole
            chunks.append(chunk({"tool_calls": [call]}))
        else:
            chunks += [chunk({"tool_calls": [named]}), chunk({"tool_calls": [rest]})]
    else:
        chunks += [chunk({"content": piece}) for piece in step.pieces]
    chunks.append(chunk({}, finish))
    if request.path.startswith("/openai/v1/"):  # Groq
        chunks[-1]["x_groq"] = {"id": f"req_{number}", "usage": usage}
    elif _tells_usage(request):
        chunks.append({**head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
    return Reply.events(chunks, done=True)


def completion(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a legacy completion."""
    assert not isinstance(step, Call), "a legacy completion calls no tool"
    head = {
        "id": f"cmpl-{number}",
        "object": "text_completion",
        "created": 1_760_000_000,
        "model": request.body.get("model"),
    }
    usage = usage_of(counts, tells_writes)

    def choice(text: str, reason: str | None) -> dict[str, Any]:
        return {"index": 0, "text": text, "finish_reason": reason, "logprobs": None}

    if not request.stream:
        return Reply.json({**head, "choices": [choice(step.whole, "stop")], "usage": usage})
    chunks: list[dict[str, Any]] = [{**head, "choices": [choice(piece, None)], "usage": None} for piece in step.pieces]
    chunks.append({**head, "choices": [choice("", "stop")], "usage": None})
    if _tells_usage(request):
        chunks.append({**head, "choices": [], "usage": usage})
    return Reply.events(chunks, done=True)
