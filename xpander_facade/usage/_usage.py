"""Own what a model's run cost and gave: tokens, model, tools and text out of any provider's response. Pure.

Providers are told by the shape of what they return. None is imported, and no response makes reading fail.
"""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from xpander_facade.usage._responses import Piece, pieces_of


def _extra() -> dict[str, Any]:
    return {}


def _count(instance: object, attribute: attrs.Attribute[int], value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{attribute.name} must be a whole number of tokens, 0 or more, not {value!r}")


@attrs.define
class Tokens:
    """Token usage of a run.

    Cache counts are never added to the total: some providers already count them in the prompt.

    Args:
        prompt_tokens: Tokens of the prompt.
        completion_tokens: Tokens of the answer.
        cache_read_tokens: Tokens read from the provider's cache.
        cache_write_tokens: Tokens written to the provider's cache.

    Raises:
        ValueError: A count is negative or no whole number.
    """

    COMPUTED: ClassVar[tuple[str, ...]] = ("total_tokens",)

    prompt_tokens: int = attrs.field(default=0, validator=_count)
    completion_tokens: int = attrs.field(default=0, validator=_count)
    cache_read_tokens: int = attrs.field(default=0, validator=_count)
    cache_write_tokens: int = attrs.field(default=0, validator=_count)
    extra: dict[str, Any] = attrs.field(factory=_extra, kw_only=True, repr=False)

    @property
    def total_tokens(self) -> int:
        """Prompt plus completion tokens."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Tokens) -> Tokens:
        if not isinstance(other, Tokens):
            return NotImplemented
        return Tokens(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
        )

    @classmethod
    def from_response(cls, response: object) -> Tokens:
        """Return the tokens of a provider's response as `read_usage` reads them, zeros where it tells none."""
        usage = read_usage(response)
        return cls() if usage is None else usage.tokens


@attrs.define
class Usage:
    """What one or several responses of a model tell.

    `a + b` adds the tokens, names each tool once, and keeps the later model and text where there is one.

    Args:
        tokens: The counts; zeros where the provider told none.
        model: The name of the model that answered.
        tools: The names of the tools that it called, each once, in the order of their first call.
        text: What it said, without its thoughts.
    """

    tokens: Tokens = attrs.field(factory=Tokens)
    model: str | None = None
    tools: list[str] = attrs.field(factory=list[str])
    text: str | None = None

    def __add__(self, other: Usage) -> Usage:
        if not isinstance(other, Usage):
            return NotImplemented
        return Usage(
            tokens=self.tokens + other.tokens,
            model=other.model or self.model,
            tools=list(dict.fromkeys([*self.tools, *other.tools])),
            text=other.text or self.text,
        )


def read_usage(response: object) -> Usage | None:
    """Return what a provider's response tells of its usage, or None where it tells nothing that is known.

    Known are, as objects of their libraries and as plain JSON: OpenAI chat completions and responses with what is
    compatible to them (Azure, LiteLLM, ...), Anthropic messages, Google GenAI, Bedrock Converse, LangChain messages,
    pydantic-ai results and messages, Ollama; and a usage object by itself.

    `prompt_tokens` is what the provider calls its input, whether or not that holds what came from a cache. Cache counts
    stand beside it and are never added: OpenAI, Google, LangChain, LiteLLM and pydantic-ai count them in the prompt,
    Anthropic and Bedrock do not. `completion_tokens` has the thoughts of the model in it.

    Args:
        response: One response, or a list of several, which are added up; or the list of all chunks of a stream. A
            stream itself, or any other iterator, is not read: that would take it from you.
    """
    try:
        return _read(response)
    except Exception:  # no response may cost its run the report
        return None


def _read(response: object) -> Usage | None:
    done: list[Piece] = []
    for piece in pieces_of(response):
        if done and done[-1].goes_on_with(piece):
            done[-1].take(piece)
        else:
            done.append(piece)
    return _sum([_usage(piece) for piece in done if piece.counts or piece.model or piece.tools or any(piece.texts)])


def _usage(piece: Piece) -> Usage:
    return Usage(
        tokens=Tokens(
            prompt_tokens=piece.counts.get("prompt_tokens", 0),
            completion_tokens=piece.counts.get("completion_tokens", 0),
            cache_read_tokens=piece.counts.get("cache_read_tokens", 0),
            cache_write_tokens=piece.counts.get("cache_write_tokens", 0),
        ),
        model=piece.model,
        tools=list(dict.fromkeys(piece.tools)),
        text="".join(piece.texts) or None,
    )


def _sum(usages: list[Usage]) -> Usage | None:
    if not usages:
        return None
    total = Usage()
    tools: dict[str, None] = {}
    for usage in usages:  # tools on the side: adding lists for each of many responses would take quadratic time
        tools.update(dict.fromkeys(usage.tools))
        usage.tools = []
        total += usage
    total.tools = list(tools)
    return total


def check_tokens(value: Any) -> Tokens | None:
    """Return Tokens for Tokens, a mapping of their attributes, or None.

    Raises:
        TypeError: It is none of these.
        ValueError: A count is no whole number or negative, or the mapping holds none of the known counts.
    """
    if value is None or isinstance(value, Tokens):
        return value
    if not hasattr(value, "keys"):
        raise TypeError(f"tokens must be Tokens or a mapping, not {type(value).__name__}")
    known = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_write_tokens")
    counts = {name: value[name] for name in known if name in value and value[name] is not None}
    if not counts:
        raise ValueError(f"tokens holds none of {', '.join(known)}")
    return Tokens(**counts)
