"""What a run cost and gave: tokens, model, tools and text out of any provider's or framework's object.

Libraries are told apart by the shape of what they return. None is imported, and no object makes reading fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from xpander_facade.usage._tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal
    from typing import Protocol

    from xpander_facade.usage._counts import ModelCall  # noqa: TC004 (annotations only)
    from xpander_facade.usage._fragments import UsageFragment


@attrs.define(repr=False)
class Usage:
    """What one or several responses of a model, or the result of an agent's run, tell.

    `a + b` adds the tokens, names each tool once, and keeps the later model, text and failure where there is one.

        usage: Usage | None = read_usage(response)
        if usage:
            print(usage.tokens.total_tokens, usage.text)

    Args:
        tokens: The counts; None where none are told, which is not the same as zeros.
        model: The name of the model that answered.
        tools: The names of the tools that it called, each once, in the order of their first call.
        text: What it said, without its thoughts; the final output of an agent, as JSON where it is structured.
        failure: Why the run failed, where its result says so without an exception.
        provider: Who runs the model ("openai", "anthropic", "google", "aws", ...), where that is told.
        is_success: How an agent's run ended, as its result says; None for a model's response.
        hint: What to set so that the library tells the counts, where it told none: `stream_usage=True`.

    """

    tokens: Tokens | None = None
    model: str | None = None
    tools: list[str] = attrs.field(factory=list[str])
    text: str | None = None
    failure: str | None = None
    provider: str | None = attrs.field(default=None, eq=False)
    is_success: bool | None = attrs.field(default=None, eq=False)
    hint: str | None = attrs.field(default=None, eq=False)
    _calls: tuple[ModelCall, ...] = attrs.field(default=(), eq=False, repr=False, alias="calls")

    def __repr__(self) -> str:
        from xpander_facade._serialization.notebook import repr_of_changes

        return repr_of_changes(self)

    def _repr_html_(self) -> str:
        """Return what is told as a table for a notebook; every value is text there."""
        from xpander_facade._serialization.notebook import table_of_fields

        counts = (
            {}
            if self.tokens is None
            else {
                "prompt tokens": self.tokens.prompt_tokens,
                "completion tokens": self.tokens.completion_tokens,
                "cache read tokens": self.tokens.cache_read_tokens or None,
                "cache write tokens": self.tokens.cache_write_tokens or None,
            }
        )
        return table_of_fields(
            "Usage",
            [
                *counts.items(),
                *(
                    (name.replace("_", " "), getattr(self, name))
                    for name in ("model", "provider", "tools", "text", "is_success", "failure", "hint")
                ),
            ],
        )

    def __add__(self, other: Usage) -> Usage:
        if not isinstance(other, Usage):
            return NotImplemented
        tokens = other.tokens if self.tokens is None else self.tokens + (other.tokens or Tokens())
        # Counts alone, as of a call that is told late, do not change how the run ended.
        decides = other.is_success is not None or other.text is not None
        return Usage(
            tokens=tokens,
            model=other.model or self.model,
            tools=list(dict.fromkeys([*self.tools, *other.tools])),
            text=other.text or self.text,
            failure=other.failure if decides else self.failure,
            provider=other.provider or self.provider,
            is_success=other.is_success if decides else self.is_success,
            hint=other.hint or self.hint,
            calls=self._calls + other._calls,
        )

    @property
    def cost(self) -> Decimal | None:
        """What the calls cost in US dollars by the price list of genai-prices; None where a price is not known.

        Prices are those of the installed version of genai-prices, and of today. Each call counts by itself, since some
        prices depend on the length of the prompt.

        Raises:
            ConfigurationError: genai-prices is not installed.
        """
        from xpander_facade.usage._prices import cost_of

        return cost_of(self._calls)


if TYPE_CHECKING:

    class _ByPromptTokens(Protocol):
        @property
        def prompt_tokens(self) -> object: ...

    class _ByInputTokens(Protocol):
        @property
        def input_tokens(self) -> object: ...

    class _ByPromptTokenCount(Protocol):
        @property
        def prompt_token_count(self) -> object: ...

    class _ByTotal(Protocol):
        @property
        def total_tokens(self) -> object: ...

    TokenCounts = Tokens | Mapping[str, object] | _ByPromptTokens | _ByInputTokens | _ByPromptTokenCount | _ByTotal
    """What is taken for the tokens of a run: `Tokens`, a mapping of their attributes, or a provider's usage object."""


def read_usage(response: object) -> Usage | None:
    """Return what a response, a stream's chunks or an agent's result tell, or None where they tell nothing known.

    Known are the providers' and frameworks' objects in docs/usage.md, as objects of their libraries and as plain JSON,
    and a usage object by itself.

    `prompt_tokens` is what the provider calls its input, whether or not that holds what came from a cache. Cache counts
    stand beside it and are never added: OpenAI, Google, LangChain, LiteLLM and pydantic-ai count them in the prompt,
    Anthropic and Bedrock do not. `completion_tokens` has the thoughts of the model in it.

        usage = read_usage(response)
        print(usage and usage.tokens)

    Args:
        response: One response, or a list of several, which are added up; or the list of all chunks of a stream; or the
            result or state of an agent. What comes again under one id counts once. A stream itself, or any other
            iterator, is not read: that would take it from you (`run.stream` reads it as it passes).

    Returns:
        The usage; its tokens are None where text or tools are told, but no counts.
    """
    from xpander_facade.usage import _reading  # all families: what only holds tokens does without

    try:
        return usage_of(_reading.entries_of(response))
    except Exception:  # no response may cost its run the report
        return None


def usage_of(entries: Iterable[UsageFragment]) -> Usage | None:
    """Return the sum of what a tally's entries tell; None where that is nothing."""
    # Who read the entries has imported these; who only holds tokens does without.
    from xpander_facade.usage._counts import ModelCall
    from xpander_facade.usage._fragments import Scope

    model = provider = said = failure = is_success = hint = None
    prompt = completion = cache_read = cache_write = 0
    tools: list[str] = []
    calls: list[ModelCall] = []
    is_known = is_told = is_final = False
    entries = list(entries)
    parts = {entry.part_of for entry in entries if entry.part_of is not None}
    silent = {entry.key for entry in entries if entry.key in parts and not entry.total} if parts else frozenset[str]()
    for entry in entries:
        text = entry.texts[0] if len(entry.texts) == 1 else "".join(entry.texts)
        counts = entry.total
        if not (text or counts or entry.model or entry.tools or entry.is_success is not None):
            continue
        is_known = True
        tools += entry.tools
        model, provider = entry.model or model, entry.provider or provider
        if text and (entry.is_final or not is_final):
            said, is_final = text, entry.is_final
        if text or entry.is_success is not None:
            failure, is_success = entry.failure, entry.is_success
        is_untold = counts.is_zero and (entry.chunk or entry.is_complete) and bool(text or entry.tools)
        if not counts or is_untold or entry.part_of in silent:  # who says something has not done it for nothing
            hint = hint or entry.hint
            continue
        is_told = True
        if entry.is_counted:
            prompt += counts.prompt or 0
            completion += counts.completion or 0
            cache_read += counts.cache_read or 0
            cache_write += counts.cache_write or 0
            calls.append(ModelCall(entry.model, entry.provider, counts, entry.scope is not Scope.CALL))
    if not is_known:
        return None
    return Usage(
        Tokens(prompt, completion, cache_read, cache_write) if is_told else None,
        model,
        list(dict.fromkeys(tools)),
        said,
        failure,
        provider,
        is_success,
        hint,
        tuple(calls),
    )
