"""OpenAI's chat completions and completions, and what is compatible: whole, and the chunks of a stream.

Azure, DeepSeek, Groq, Moonshot, OpenRouter, vLLM, SGLang, llama.cpp, Together, Fireworks, Cerebras, LiteLLM, Ark, ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import Counts, count, counts_by_model, counts_in, counts_of
from xpander_facade.usage._fields import field, first_of, get_path, is_list, text
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._reader import called_tool

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

HINT = 'stream_options={"include_usage": True}'
_METRICS = "amazon-bedrock-invocationMetrics"
_CHUNKS = frozenset({
    "chat.completion.chunk", "chat.completion.done", "chat.reasoning", "chat.reasoning.done", "completion.chunk",
})  # fmt: skip


def completion(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a completion, whole or a chunk."""
    choices, form = field(thing, "choices"), field(thing, "object")
    is_chunk = type(form) is str and form in _CHUNKS
    if not is_list(choices) and not is_chunk:
        return None
    # Groq's last chunk and Bedrock's have their counts beside the place that OpenAI gives them.
    counts = counts_in(field(thing, "usage")) or counts_of(thing, "x_groq.usage", _METRICS) or _bot_counts(thing)
    fragment = UsageFragment(
        counts,
        model=text(field(thing, "model")),
        provider=_provider(thing),
        key=text(field(thing, "id")),
        # The chunk with the usage, which `include_usage` asks for, has no choices.
        chunk=is_chunk or not choices,
    )
    for choice in read.items(choices):
        message = field(choice, "message")
        if message is None:
            message = field(choice, "delta")
            if message is not None:
                fragment.chunk = True
        if not fragment.counts:
            fragment.counts = counts_of(choice, "usage")  # Moonshot's streams
        if message is not None:
            fragment.tools += message_tools(message, read)
        # Further choices are alternatives to the first one, not parts of the same answer.
        if not fragment.texts and not count(field(choice, "index")):
            fragment.texts = _said(choice, message, read)
    if form == "text_completion" and not fragment.chunk:
        # Chunks of completions look like whole ones: under one id they are one stream.
        fragment.chunk = fragment.key is not None
    if fragment.chunk and fragment.counts.is_zero:
        fragment.hint = HINT
    elif fragment.chunk and fragment.key is None:  # GigaChat's chunks have no id
        reasons = [field(choice, "finish_reason") for choice in read.items(choices)]
        fragment.ends = all(reason is not None for reason in reasons)
    return fragment


def _said(choice: Any, message: Any, read: Reader) -> list[str]:
    if message is None:
        said = field(choice, "text")
        return read.texts(field(choice, "messages") if said is None else said)  # Snowflake's COMPLETE
    said = read.texts(field(message, "content"))
    if said:
        return said
    said = read.take_text(field(field(message, "audio"), "transcript"))
    return said or (read.take_text(field(choice, "text")) if field(choice, "message") is None else [])


def message_tools(message: Any, read: Reader) -> list[str]:
    """Return the names of the tools that a message of OpenAI's or Ollama's form calls."""
    tools: list[str] = []
    if calls := first_of(message, "tool_calls", "toolCalls"):
        for call in read.items(calls):
            function = field(call, "function")
            name = field(function, "name") if function is not None else None
            name = name if type(name) is str else called_tool(call)
            if name:
                tools.append(name)
    if (older := field(message, "function_call")) is not None and (name := text(field(older, "name"))):
        tools.append(name)
    if executed := field(message, "executed_tools"):  # Groq's compound models
        tools += read.names(executed, "type", "name")
    return tools


def _bot_counts(thing: Any) -> Counts:
    """Return the sum of the models that a bot of Ark has used."""
    by_model = get_path(thing, "bot_usage.model_usage")
    return Counts() if by_model is None else counts_by_model(by_model)[0]


def _provider(thing: Any) -> str | None:
    if field(thing, "x_groq") is not None:
        return "groq"
    hidden = field(thing, "_hidden_params")  # LiteLLM
    return None if hidden is None else text(field(hidden, "custom_llm_provider"))


def images_usage(thing: Any) -> Counts | None:
    """Return what the images cost that a response's tools made, which is billed beside its usage."""
    return counts_in(get_path(thing, "tool_usage.image_gen")) or None
