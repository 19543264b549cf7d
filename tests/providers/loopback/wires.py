"""Which wire a path speaks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loopback import (
    anthropic_wire,
    bedrock_wire,
    cohere_wire,
    dashscope_wire,
    gemini_wire,
    ollama_wire,
    openai_chat_wire,
    openai_responses_wire,
    small_wires,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback.reply import Reply
    from loopback.script import Call, Counts, Say
    from loopback.server import Request

    Wire = Callable[["Request", "Say | Call", Counts, int, bool], Reply]

# The first that matches speaks.
_WIRES: tuple[tuple[str, Wire], ...] = (
    (r"/api/v1/services/aigc/", dashscope_wire.generation),
    (r"/mistral/v1/conversations", small_wires.mistral_conversation),
    (r"/perplexity/", small_wires.perplexity_chat),
    (r"/reka/", small_wires.reka_chat),
    (r"/v1/predictions", small_wires.replicate_prediction),
    (r"/models/.+/predictions", small_wires.replicate_prediction),
    (r"/chat/completions|/writer/.*/chat", openai_chat_wire.chat),
    (r"/v2/chat", cohere_wire.chat),
    (r"/v2/embed", cohere_wire.embed),
    (r"/v1/chat$", cohere_wire.chat_v1),
    (r"/v1/embeddings|/embeddings", small_wires.embeddings),
    (r"/v1/rerank|/rerank", small_wires.rerank),
    (r"/responses", openai_responses_wire.responses),
    (r"/completions", openai_chat_wire.completion),
    (r"/v1/messages", anthropic_wire.messages),
    (r":generateContent", gemini_wire.generate),
    (r":streamGenerateContent", gemini_wire.stream),
    (r":embedContent|:batchEmbedContents", gemini_wire.embed),
    (r"/model/[^/]+/converse$", bedrock_wire.converse),
    (r"/model/[^/]+/converse-stream$", bedrock_wire.converse_stream),
    (r"/model/[^/]+/invoke$", bedrock_wire.invoke),
    (r"/model/[^/]+/invoke-with-response-stream$", bedrock_wire.invoke_stream),
    (r"/api/chat", ollama_wire.chat),
    (r"/api/generate", ollama_wire.generate),
    (r"/serving-endpoints/[^/]+/invocations", openai_chat_wire.chat),
)


def wire_of(path: str) -> Wire | None:
    """Return what speaks on this path, or None."""
    bare = path.partition("?")[0]
    return next((wire for pattern, wire in _WIRES if re.search(pattern, bare)), None)
