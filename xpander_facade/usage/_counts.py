"""Own how a field of a stranger is read, and under which names providers count tokens. Pure.

Nothing is believed before its type is checked: a stranger can be a Mock, which has every attribute, or raise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

_MOST_TOKENS = 2**53
"""What is beyond is no count: JSON numbers are exact up to here."""

_PLACES = ("usage", "usage_metadata", "usageMetadata")

_NAMES = {
    "prompt_tokens": (
        "prompt_tokens",  # OpenAI chat and compatible, LiteLLM
        "input_tokens",  # OpenAI responses, Anthropic, LangChain, pydantic-ai
        "inputTokens",  # Bedrock Converse
        "prompt_token_count",  # Google GenAI
        "promptTokenCount",
        "total_input_tokens",  # Google interactions
        "prompt_eval_count",  # Ollama
    ),
    "completion_tokens": (
        "completion_tokens",
        "output_tokens",
        "outputTokens",
        "candidates_token_count",
        "candidatesTokenCount",
        "total_output_tokens",
        "eval_count",
    ),
    "cache_read_tokens": (
        "cache_read_input_tokens",  # Anthropic, LiteLLM
        "cacheReadInputTokens",  # Bedrock Converse
        "cacheReadInputTokenCount",
        "cached_content_token_count",  # Google GenAI
        "cachedContentTokenCount",
        "total_cached_tokens",
        "cache_read_tokens",  # pydantic-ai
        "prompt_tokens_details.cached_tokens",  # OpenAI chat
        "input_tokens_details.cached_tokens",  # OpenAI responses
        "input_token_details.cache_read",  # LangChain
        "input_token_details.cached_tokens",  # OpenAI realtime
        "prompt_cache_hit_tokens",  # DeepSeek
        "cached_tokens",  # Moonshot
        "cached_prompt_text_tokens",  # xAI's own library
    ),
    "cache_write_tokens": (
        "cache_creation_input_tokens",
        "cacheWriteInputTokens",
        "cacheWriteInputTokenCount",
        "cache_write_tokens",
        "prompt_tokens_details.cache_write_tokens",
        "prompt_tokens_details.cache_creation_tokens",
        "input_tokens_details.cache_write_tokens",
        "input_token_details.cache_creation",
    ),
}

_MAIN = ("prompt_tokens", "completion_tokens")
"""Without one of these there is nothing to report."""
_CACHES = ("cache_read_tokens", "cache_write_tokens")

_OUTSIDE = {
    "prompt_tokens": ("tool_use_prompt_token_count", "toolUsePromptTokenCount", "total_tool_use_tokens"),
    "completion_tokens": ("thoughts_token_count", "thoughtsTokenCount", "total_thought_tokens"),
}
"""What Google counts beside its prompt and its answer, though it is part of them."""

# LangChain moves what was written to Anthropic's cache here, by lifetime, and leaves a 0 at cache_creation.
_LIFETIMES = ("input_token_details.ephemeral_5m_input_tokens", "input_token_details.ephemeral_1h_input_tokens")


def field(thing: object, name: str) -> Any:
    """Return the item or attribute of this name, or None where there is none or reading it fails."""
    if thing is None:
        return None
    try:
        if type(thing) is dict or isinstance(thing, Mapping):
            return cast("Mapping[str, Any]", thing).get(name)
        return getattr(thing, name, None)
    except Exception:
        return None


def either(thing: object, *names: str) -> Any:
    """Return the first of these fields that is not None."""
    return next((value for value in (field(thing, name) for name in names) if value is not None), None)


def at(thing: object, path: str) -> Any:
    """Return the field at the end of a dotted path, or None."""
    first, dot, rest = path.partition(".")
    value = field(thing, first)
    return at(value, rest) if dot and value is not None else value


def text(value: object) -> str | None:
    """Return a string that is not empty as a plain one, anything else as None."""
    return str.__str__(value) if isinstance(value, str) and value else None


def count(value: object) -> int | None:
    """Return a number of tokens, or None where the value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST_TOKENS:
        return None
    return int(value)


def is_list(value: object) -> bool:
    """Tell whether the value holds others and can be gone through again, as a stream cannot."""
    return isinstance(value, Collection) and not isinstance(value, str | bytes | bytearray | memoryview | Mapping)


def members(value: object) -> Iterator[Any]:
    """Yield what a list holds; nothing for anything else, or from where on it fails."""
    if not is_list(value):
        return
    try:
        yield from cast("Collection[Any]", value)
    except Exception:
        return


def counts_in(usage: object) -> dict[str, int]:
    """Return the counts of a provider's usage object, by the names that `Tokens` has; none where it counts nothing.

    The prompt is what the provider calls its input. What a cache gave or took stands beside it, neither added nor
    taken off. Thoughts are part of the answer, what a tool put into the prompt is part of the prompt.
    """
    counts = {name: value for name in _MAIN if (value := _first(usage, _NAMES[name])) is not None}
    if not counts:
        return {}
    for name in _CACHES:
        value = _first(usage, _NAMES[name])
        if value is not None:
            counts[name] = value
    if not counts.get("cache_write_tokens"):
        counts["cache_write_tokens"] = sum(count(at(usage, path)) or 0 for path in _LIFETIMES)
    for name, paths in _OUTSIDE.items():
        beside = _first(usage, paths)
        if beside:
            counts[name] = counts.get(name, 0) + beside
    # xAI reports reasoning beside the answer, OpenAI within; only the total tells which.
    reasoning = _first(usage, ("completion_tokens_details.reasoning_tokens", "reasoning_tokens"))
    if reasoning and count(field(usage, "total_tokens")) == sum(
        (counts.get("prompt_tokens", 0), counts.get("completion_tokens", 0), reasoning)
    ):
        counts["completion_tokens"] = counts.get("completion_tokens", 0) + reasoning
    return counts


def counts_of(thing: object, *places: str) -> dict[str, int]:
    """Return the counts at the first of these places, else of the usual ones, that has some."""
    for place in places or _PLACES:
        usage = at(thing, place)
        if usage is not None and (counts := counts_in(usage)):
            return counts
    return {}


def _first(thing: object, paths: tuple[str, ...]) -> int | None:
    """Return the first count that is more than 0, else 0 where one of them is, else None."""
    best = None
    for path in paths:
        number = count(at(thing, path))
        if number:
            return number
        best = number if best is None else best
    return best
