"""Own what a model's run cost and gave: tokens, model, tools and text out of any provider's response. Pure.

Providers are told by the shape of what they return. None is imported, and no response makes reading fail.
"""

from __future__ import annotations

import attrs

from xpander_facade._usage_shapes import Piece, pieces_of
from xpander_facade.models import Tokens


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
