"""What has counts and nothing else that is known: embeddings, rankings, a usage object by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from xpander_facade.usage._counts import Counts, added, count, counts_by_model, counts_in, counts_of, is_token_count
from xpander_facade.usage._fields import field, first_item, first_of, get_path, is_list, text
from xpander_facade.usage._fragments import UsageFragment

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader


def embeddings(thing: Any, read: Reader) -> UsageFragment | None:
    """Read embeddings and rankings: all of a total without parts is input."""
    data = first_of(thing, "data", "embeddings", "results")
    output = field(thing, "output")
    if data is None and output is not None:
        data = field(output, "embeddings")
    if data is None or field(thing, "svg_usage") is not None:
        return None
    model = text(first_of(thing, "model", "model_id", "modelId"))
    counts = counts_of(thing) or counts_of(thing, "meta.tokens", "meta.billed_units")
    if not counts and is_list(data):
        each = [counts_of(one) for one in read.items(data) if field(one, "embedding") is not None]
        counts = added(each)  # GigaChat counts each of them
    if not counts:
        total = count(first_of(field(thing, "usage"), "total_tokens"))
        if total is None:
            total = count(field(thing, "total_tokens"))
        if total is None or not _is_ranked_or_embedded(data, read):
            return None
        counts = Counts(prompt=total)
    elif not _is_ranked_or_embedded(data, read) and not counts_of(thing):
        return None
    return UsageFragment(counts, model=model)


def _is_ranked_or_embedded(data: Any, read: Reader) -> bool:
    if not is_list(data):
        return data is not None
    first = first_item(data)
    if is_list(first):
        return True
    return first is None or any(
        field(first, name) is not None for name in ("embedding", "relevance_score", "score", "document")
    )


def by_itself(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | None:
    """Read a usage object, or anything that has one and nothing else that is known."""
    counts = counts_of(thing)
    said: list[str] = []
    beside: Counts | None = None
    model = text(first_of(thing, "model", "model_name"))
    if counts:
        said = read.take_text(field(thing, "text"))  # a transcription
        beside = counts_in(field(thing, "svg_usage")) or None  # OpenAI's images
        model = text(get_path(thing, "svg_usage.model")) or model
    else:
        counts = counts_in(thing)
        if counts and is_token_count(thing):
            return []
    if not counts and _is_by_model(thing):
        counts, model = counts_by_model(thing)
    if not counts:
        counts = counts_in(field(thing, "svg_usage"))
        model = text(get_path(thing, "svg_usage.model")) or model
    if not counts:
        return None
    return UsageFragment(counts, beside=beside, model=model, texts=said)


def _is_by_model(thing: object) -> bool:
    """Tell whether a mapping holds usages by model and nothing else (LangChain's callback, dspy, Claude Code)."""
    if not isinstance(thing, dict):
        return False
    usages = cast("dict[Any, Any]", thing)
    return 0 < len(usages) <= 1_000 and all(map(counts_in, usages.values()))
