"""Under which names providers count tokens, and what each of their counts holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade import _validation
from xpander_facade.usage._fields import access_of, field, get_path, items, names_of

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_TOKENS = 2**53
"""What is beyond is not a count: JSON numbers are exact up to here."""

_USAGE_FIELDS = ("usage", "usage_metadata", "usageMetadata")
_PROMPT, _COMPLETION, _READ, _WRITE, _TOOL_PROMPT, _THOUGHTS, _REASONING, _TOTAL, _WRITE_PART = range(9)

_NAMES: dict[int, tuple[str, ...]] = {
    _PROMPT: (
        "prompt_tokens",  # OpenAI chat and compatible, LiteLLM
        "input_tokens",  # OpenAI responses, Anthropic, LangChain, pydantic-ai
        "inputTokens",  # Bedrock Converse
        "prompt_token_count",  # Google GenAI
        "promptTokenCount",
        "total_input_tokens",  # Google interactions
        "prompt_eval_count",  # Ollama
        "promptTokens",  # OCI's JSON
        "input_token_count",  # watsonx, Replicate, Microsoft's agent framework
        "inputTokenCount",  # Bedrock's invocation metrics
        "inputTextTokenCount",  # Amazon Titan
        "prompt_tokens_count",  # LM Studio
        "promptTokensCount",
        "num_tokens_prompt_total",  # Aleph Alpha
        "total_prompt_tokens",  # browser-use
        "input_text_tokens",  # Yandex
    ),
    _COMPLETION: (
        "completion_tokens",
        "output_tokens",
        "outputTokens",
        "candidates_token_count",
        "candidatesTokenCount",
        "response_token_count",  # Google Live
        "responseTokenCount",
        "total_output_tokens",
        "eval_count",
        "completionTokens",
        "output_token_count",
        "outputTokenCount",
        "generation_token_count",  # Llama on Bedrock
        "generated_token_count",  # watsonx
        "predicted_tokens_count",
        "predictedTokensCount",
        "num_tokens_generated",
        "total_completion_tokens",
    ),
    _READ: (
        "cache_read_input_tokens",  # Anthropic, LiteLLM
        "cacheReadInputTokens",  # Bedrock Converse
        "cacheReadInputTokenCount",
        "cached_content_token_count",  # Google GenAI
        "cachedContentTokenCount",
        "total_cached_tokens",
        "cache_read_tokens",  # pydantic-ai
        "prompt_tokens_details.cached_tokens",  # OpenAI chat
        "promptTokensDetails.cachedTokens",
        "prompt_token_details.cached_tokens",  # Writer, Mistral
        "input_tokens_details.cached_tokens",  # OpenAI responses
        "input_tokens_details.cache_read_input_tokens",  # Perplexity
        "input_token_details.cache_read",  # LangChain
        "input_token_details.cached_tokens",  # OpenAI realtime
        "prompt_cache_hit_tokens",  # DeepSeek
        "cached_tokens",  # Moonshot
        "num_cached_tokens",  # Mistral
        "precached_prompt_tokens",  # GigaChat
        "cached_prompt_text_tokens",  # xAI's own library
        "cachedPromptTextTokens",
        "cached_prompt_tokens",  # crewai
        "cached_input_tokens",  # Letta
        "cache_read_input_token_count",  # Microsoft's agent framework
        "cached_input_token_count",
        "total_prompt_cached_tokens",  # browser-use
    ),
    _WRITE: (
        "cache_creation_input_tokens",
        "cacheWriteInputTokens",
        "cacheWriteInputTokenCount",
        "cache_write_input_tokens",  # AWS's newer library
        "cache_write_tokens",
        "cacheCreationInputTokens",  # Claude Code's sums by model
        "prompt_tokens_details.cache_write_tokens",
        "prompt_tokens_details.cache_creation_tokens",
        "prompt_tokens_details.cache_creation_input_tokens",
        "input_tokens_details.cache_write_tokens",
        "input_tokens_details.cache_creation_input_tokens",
        "input_token_details.cache_creation",
        "cache_creation_tokens",
        "cache_creation_input_token_count",
        "total_prompt_cache_creation_tokens",
    ),
    # What is counted apart though it is part of the prompt or of the answer.
    _TOOL_PROMPT: (
        "tool_use_prompt_token_count",  # Google
        "toolUsePromptTokenCount",
        "total_tool_use_tokens",
        "connector_tokens",  # Mistral
    ),
    _THOUGHTS: ("thoughts_token_count", "thoughtsTokenCount", "total_thought_tokens"),
    _REASONING: ("completion_tokens_details.reasoning_tokens", "reasoning_tokens", "reasoningTokens"),
    _TOTAL: ("total_tokens", "totalTokens", "total_token_count", "totalTokenCount", "totalTokensCount"),
    # By lifetime. LangChain moves Anthropic's here and leaves a 0 at cache_creation; managed agents have only these.
    _WRITE_PART: (
        "input_token_details.ephemeral_5m_input_tokens",
        "input_token_details.ephemeral_1h_input_tokens",
        "cache_creation.ephemeral_5m_input_tokens",
        "cache_creation.ephemeral_1h_input_tokens",
    ),
}

_TOP: dict[str, tuple[int, int]] = {}
_NESTED: dict[str, dict[str, tuple[int, int]]] = {}
for _kind, _paths in _NAMES.items():
    for _rank, _path in enumerate(_paths):
        _first, _, _rest = _path.partition(".")
        if _rest:
            _NESTED.setdefault(_first, {})[_rest] = (_kind, _rank)
        else:
            _TOP[_first] = (_kind, _rank)
_ALL_NAMES = frozenset(_TOP) | frozenset(_NESTED) | frozenset(name for names in _NESTED.values() for name in names)
_COUNT_NAMES = frozenset(_TOP) | frozenset(_NESTED)
_USAGE_NAMES = _COUNT_NAMES | {*_USAGE_FIELDS, "svg_usage"}
_MAX_FIELDS = 100
_SIMPLE = frozenset({str, int, float, bool, bytes, list, tuple})
_BESIDE_NAMES = frozenset({
    _TOP[name]
    for name in (
        "cache_read_input_tokens", "cacheReadInputTokens", "cacheReadInputTokenCount",
        "cache_creation_input_tokens", "cacheWriteInputTokens", "cacheWriteInputTokenCount", "cache_write_input_tokens",
    )
})  # fmt: skip
_BESIDE_PROMPTS = frozenset(_TOP[name] for name in ("input_tokens", "inputTokens", "inputTokenCount"))
_LONE_INPUT = frozenset({"input_tokens", "inputTokens"})


@attrs.define
class Counts:
    """The counts of one usage; None where one is not told.

    Args:
        prompt: What the provider calls its input, with what tools put into it.
        completion: The answer, with the thoughts of the model.
        cache_read: What came from a cache, whether or not the prompt holds it.
        cache_write: What went into a cache, likewise.
        cache_is_beside: The prompt does not hold the cache counts (Anthropic, Bedrock).
    """

    prompt: int | None = None
    completion: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_is_beside: bool = False

    def __bool__(self) -> bool:
        """Tell whether anything is counted: a cache alone is not a usage."""
        return self.prompt is not None or self.completion is not None

    @property
    def is_zero(self) -> bool:
        """Whether nothing is counted, or nothing but zeros."""
        return not (self.prompt or self.completion or self.cache_read or self.cache_write)

    def replace(self, later: Counts) -> None:
        """Take what was told later of the same: it replaces what was told before, unless it is 0."""
        self.prompt = later.prompt or (later.prompt if self.prompt is None else self.prompt)
        self.completion = later.completion or (later.completion if self.completion is None else self.completion)
        self.cache_read = later.cache_read or (later.cache_read if self.cache_read is None else self.cache_read)
        self.cache_write = later.cache_write or (later.cache_write if self.cache_write is None else self.cache_write)
        self.cache_is_beside = self.cache_is_beside or later.cache_is_beside

    def covers(self, other: Counts) -> bool:
        """Tell whether these can be the other counts at a later time: none of them is smaller."""
        return all(
            (mine or 0) >= (others or 0)
            for mine, others in (
                (self.prompt, other.prompt),
                (self.completion, other.completion),
                (self.cache_read, other.cache_read),
                (self.cache_write, other.cache_write),
            )
        )

    def may_equal(self, other: Counts) -> bool:
        """Tell whether these can be the counts of the same, one with what a cache gave in the prompt, one without."""
        if (self.completion or 0) != (other.completion or 0) or not (self.prompt or self.completion):
            return False
        mine, others = self.prompt or 0, other.prompt or 0
        whole = mine + (self.cache_read or 0) + (self.cache_write or 0)
        return mine == others or whole == others or mine == others + (other.cache_read or 0) + (other.cache_write or 0)

    def add(self, other: Counts) -> None:
        """Take what was told of something else."""
        self.prompt = _sum(self.prompt, other.prompt)
        self.completion = _sum(self.completion, other.completion)
        self.cache_read = _sum(self.cache_read, other.cache_read)
        self.cache_write = _sum(self.cache_write, other.cache_write)
        self.cache_is_beside = self.cache_is_beside or other.cache_is_beside

    def copy(self) -> Counts:
        """Return the same counts, to be changed."""
        return Counts(self.prompt, self.completion, self.cache_read, self.cache_write, self.cache_is_beside)


def _sum(one: int | None, other: int | None) -> int | None:
    if one is None:
        return other
    return one if other is None else one + other


def added(several: Iterable[Counts]) -> Counts:
    """Return the sum of counts."""
    total = Counts()
    for counts in several:
        total.add(counts)
    return total


def count(value: object) -> int | None:
    """Return a number of tokens, or None where the value is not one."""
    if type(value) is int:
        return value if 0 <= value <= MAX_TOKENS else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        # Any mock of a response is a number to Python, so that only these libraries' own are asked.
        value = _validation.real_number(value) if type(value).__module__ in {"numpy", "decimal"} else None
    return int(value) if value is not None and 0 <= value <= MAX_TOKENS else None


def counts_in(usage: object) -> Counts:
    """Return the counts of a provider's usage object; none where it counts nothing.

    The prompt is what the provider calls its input. What a cache gave or took stands beside it, neither added nor
    taken off. Thoughts are part of the answer, what a tool put into the prompt is part of the prompt.
    """
    if usage is None or type(usage) in _SIMPLE:
        return Counts()
    found: list[int | None] = [None] * 9
    # Any name that is told ranks before 99.
    ranks = [99] * 9
    parts = 0
    try:
        for name, value in _told(usage):
            own = _TOP.get(name)
            if own is not None:
                _take(found, ranks, own, value)
                continue
            inner = _NESTED.get(name)
            if inner is None:  # the name of a detail
                continue
            for below, deeper in _told(value):
                if (own := inner.get(below)) is None:
                    continue
                # Each lifetime is counted apart, so that these add up; elsewhere several names tell the same number.
                if own[0] == _WRITE_PART:
                    parts += count(deeper) or 0
                else:
                    _take(found, ranks, own, deeper)
    except Exception:
        return Counts()
    prompt, completion = found[_PROMPT], found[_COMPLETION]
    if prompt is None and completion is None:
        return Counts()
    read, write, total = found[_READ], found[_WRITE] or parts or found[_WRITE], found[_TOTAL]
    beside = found[_TOOL_PROMPT]
    if beside:
        prompt = (prompt or 0) + beside
    # Google counts thoughts beside the answer, xAI reasoning; where others count them within it, the total tells.
    within = (prompt or 0) + (completion or 0)
    thoughts, reasoning = found[_THOUGHTS], found[_REASONING]
    if thoughts and total != within:
        completion = (completion or 0) + thoughts
    elif reasoning and total == within + reasoning:
        completion = (completion or 0) + reasoning
    return Counts(prompt, completion, read, write, _is_cache_beside(found, ranks, within))


def _is_cache_beside(found: list[int | None], ranks: list[int], within: int) -> bool:
    cache = (found[_READ] or 0) + (found[_WRITE] or 0)
    if not cache:
        return False
    # The sum shows it, whatever the names; without one only Anthropic and Bedrock leave the cache out of the input.
    if found[_TOTAL] is not None:
        return found[_TOTAL] == within + cache
    named = (_READ, ranks[_READ]) in _BESIDE_NAMES or (_WRITE, ranks[_WRITE]) in _BESIDE_NAMES
    return named and (_PROMPT, ranks[_PROMPT]) in _BESIDE_PROMPTS


def _take(found: list[int | None], ranks: list[int], own: tuple[int, int], value: object) -> None:
    """Take a count where it is the first that is told, or the one under the better known name; zeros go last."""
    number = count(value)
    if number is None:
        return
    what, rank = own
    before = found[what]
    if before is None or (number and (not before or rank < ranks[what])):
        found[what], ranks[what] = number, rank


def _told(usage: object) -> Iterable[tuple[str, Any]]:
    """Return what a usage object tells under the names of known counts and their details."""
    kind = type(usage)
    if kind is dict:
        fields = cast("dict[str, Any]", usage)
        # In a large dict it is cheaper to look for the known names than to go through its own.
        if len(fields) <= _MAX_FIELDS:
            return [(name, value) for name, value in fields.items() if name in _ALL_NAMES and value is not None]
        return [(name, fields[name]) for name in _ALL_NAMES if name in fields]
    if usage is None or kind in _SIMPLE:
        return ()
    access = access_of(kind)
    own = access.names & _ALL_NAMES
    if access.is_direct and not own:
        fields = usage.__dict__
        told = [(name, value) for name, value in fields.items() if name in _ALL_NAMES and value is not None]
        if not access.has_extra or not (extra := cast("Any", usage).__pydantic_extra__):
            return told
        return told + [(name, value) for name, value in extra.items() if name in _ALL_NAMES and value is not None]
    names = names_of(usage)
    asked = _ALL_NAMES if names is None else _ALL_NAMES.intersection(names) | own
    return [(name, value) for name in asked if (value := field(usage, name)) is not None]


def counts_of(thing: object, *paths: str) -> Counts:
    """Return the counts at the first of these paths, else of the usual ones, that has some."""
    for path in paths or _USAGE_FIELDS:
        usage = get_path(thing, path) if "." in path else field(thing, path)
        if usage is not None and (counts := counts_in(usage)):
            return counts
    return Counts()


def counts_by_model(usages: object) -> tuple[Counts, str | None]:
    """Return the sum of a mapping of usages by model, or of a list of them, and the last model's name."""
    total, model = Counts(), None
    pairs: Iterable[tuple[Any, Any]] = ()
    if type(usages) is dict:
        pairs = cast("dict[Any, Any]", usages).items()
    else:
        pairs = [
            (next((name for key in ("model_id", "model", "name") if (name := field(one, key))), None), one)
            for one in items(usages)
        ]
    for number, (name, usage) in enumerate(pairs):
        if number >= _MAX_MODELS:
            break
        if counts := counts_in(usage):
            total.add(counts)
            model = name if isinstance(name, str) else model
    return total, model


_MAX_MODELS = 1_000


def can_count(names: Iterable[str], kind: type) -> bool:
    """Tell whether an object with these names can have counts."""
    return not _USAGE_NAMES.isdisjoint(names) or not _USAGE_NAMES.isdisjoint(access_of(kind).names)


def is_token_count(thing: object) -> bool:
    """Tell whether an object counts the tokens of a prompt that was not run, as the answer of a count_tokens call."""
    told = {name for name, _ in _told(thing) if name in _COUNT_NAMES}
    return len(told) == 1 and told <= _LONE_INPUT


@attrs.define
class ModelCall:
    """The counts of one call of a model, for its price.

    Args:
        model: The model's name, if it is told.
        provider: Who runs it, if that is told.
        counts: What is counted.
        is_sum: It is the sum of several calls, which the library tells only together.
    """

    model: str | None
    provider: str | None
    counts: Counts
    is_sum: bool = False
