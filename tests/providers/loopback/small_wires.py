"""Wires of one kind of call each: embeddings, rerankings, and providers with a form of their own."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Any

from loopback.openai_chat_wire import message_of
from loopback.reply import Reply
from loopback.script import Call

if TYPE_CHECKING:
    from loopback.script import Counts, Say
    from loopback.server import Request


def embeddings(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer embeddings in OpenAI's form; Voyage and Jina tell the total alone."""
    vector: object = [0.5, 0.25]
    if request.body.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack("<2f", 0.5, 0.25)).decode()
    usage: dict[str, Any] = {"total_tokens": counts.prompt}
    if "/voyage/" not in request.path:
        usage["prompt_tokens"] = counts.prompt
    data = [{"object": "embedding", "index": 0, "embedding": vector}]
    return Reply.json(
        {"object": "list", "id": f"e{number}", "model": request.body.get("model"), "data": data, "usage": usage}
    )


def rerank(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a reranking."""
    results = [{"index": 0, "relevance_score": 0.5}]
    usage = {"total_tokens": counts.prompt}
    return Reply.json(
        {"object": "list", "id": f"r{number}", "model": request.body.get("model"), "data": results, "results": results,
         "usage": usage}
    )  # fmt: skip


def perplexity_chat(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a chat of Perplexity: in each chunk are the counts so far, and the message so far beside the delta."""
    assert not isinstance(step, Call), "Perplexity's chat calls no tool"
    head = {"id": f"p{number}", "model": request.body.get("model"), "created": 1_760_000_000, "search_results": []}

    def usage(output: int) -> dict[str, Any]:
        cost = {"input_tokens_cost": 0.1, "output_tokens_cost": 0.1, "request_cost": 0.1, "total_cost": 0.3}
        counted = {"prompt_tokens": counts.prompt, "completion_tokens": output, "total_tokens": counts.prompt + output}
        return {**counted, "search_context_size": "low", "cost": cost}

    def choice(so_far: str, delta: str, reason: str | None) -> dict[str, Any]:
        message = {"role": "assistant", "content": so_far}
        return {
            "index": 0,
            "message": message,
            "delta": {"role": "assistant", "content": delta},
            "finish_reason": reason,
        }

    if not request.stream:
        whole = choice(step.whole, "", "stop")
        return Reply.json({**head, "object": "chat.completion", "choices": [whole], "usage": usage(counts.completion)})
    kind = "chat.completion.chunk"
    first, second = step.pieces
    chunks = [
        {**head, "object": kind, "choices": [choice(first, first, None)], "usage": usage(2)},
        {**head, "object": kind, "choices": [choice(step.whole, second, None)], "usage": usage(counts.completion - 1)},
        {**head, "object": "chat.completion.done", "choices": [choice(step.whole, "", "stop")],
         "usage": usage(counts.completion)},
    ]  # fmt: skip
    return Reply.events(chunks)


def reka_chat(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a chat of Reka, whose chunks repeat all that was said and counted before."""
    assert not isinstance(step, Call), "the stub's Reka calls no tool"
    head = {"id": f"r{number}", "model": "reka-core"}

    def answer(key: str, text: str, output: int, reason: str | None) -> dict[str, Any]:
        held = {key: {"role": "assistant", "content": text}, "finish_reason": reason}
        return {**head, "responses": [held], "usage": {"input_tokens": counts.prompt, "output_tokens": output}}

    if not request.stream:
        return Reply.json(answer("message", step.whole, counts.completion, "stop"))
    first, _ = step.pieces
    chunks = [answer("chunk", first, 2, None), answer("chunk", step.whole, counts.completion, "stop")]
    return Reply.events([{"type": "message", **each} for each in chunks], named=True)


def replicate_prediction(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a prediction of Replicate that is done."""
    assert not isinstance(step, Call), "a prediction calls no tool"
    metrics = {"input_token_count": counts.prompt, "output_token_count": counts.completion, "predict_time": 0.5}
    return Reply.json(
        {
            "id": f"p{number}",
            "model": "stub/model",
            "version": "v1",
            "status": "succeeded",
            "input": {"prompt": "When?"},
            "output": step.pieces,
            "logs": "",
            "error": None,
            "metrics": metrics,
            "created_at": "2026-11-28T10:00:00Z",
            "urls": {"get": "http://127.0.0.1/p", "cancel": "http://127.0.0.1/c"},
        },
        status=201,
    )


def mistral_conversation(request: Request, step: Say | Call, counts: Counts, number: int, tells_writes: bool) -> Reply:
    """Answer a conversation of Mistral; connectors are counted beside the prompt."""
    usage = {
        "prompt_tokens": counts.prompt - 10,
        "completion_tokens": counts.completion,
        "total_tokens": counts.total,
        "connector_tokens": 10,
        "connectors": {"web_search": 1},
    }
    if isinstance(step, Call):
        entry: dict[str, Any] = {
            "object": "entry",
            "type": "function.call",
            "id": f"fc{number}",
            "tool_call_id": f"call{number}",
            "name": step.tool,
            "arguments": step.json,
        }
    else:
        entry = {
            "object": "entry",
            "type": "message.output",
            "id": f"m{number}",
            "role": "assistant",
            "model": "mistral-stub",
            "content": message_of(step, number)["content"],
        }
    conversation = {"object": "conversation.response", "conversation_id": f"conv{number}"}
    return Reply.json({**conversation, "outputs": [entry], "usage": usage})
