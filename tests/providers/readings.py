"""What was read of each library's objects, kept for the tables at the end of a run."""

from __future__ import annotations

import importlib.metadata
import json
import warnings
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from xpander_facade import Tokens, Usage, read_usage

if TYPE_CHECKING:
    from loopback import Counts

COLUMNS = ("plain", "streamed", "second turn", "nested", "structured", "failing")


@dataclass
class Reading:
    """One object that was read.

    Args:
        library: The distribution's name and version.
        what: What the object is.
        told: What was read of it.
        column: Of the table of frameworks; None for a provider's object.
        row: The framework's name in that table.
        reason: Why the object tells less than the run cost, where it does.
    """

    library: str
    what: str
    told: str
    column: str | None = None
    row: str | None = None
    reason: str | None = None


@dataclass
class Readings:
    """All that was read in this run."""

    kept: list[Reading] = field(default_factory=list)

    def dump(self) -> str:
        """Return them as JSON, for the tool that puts the tables of all environments together."""
        return json.dumps([asdict(reading) for reading in self.kept])


READINGS = Readings()


@dataclass
class Run:
    """What a run reports after it has recorded something.

    Args:
        usage: Its tokens, tools and text.
        is_success: How it ended.
        warnings: What was logged of it.
    """

    usage: Usage
    is_success: bool
    warnings: list[str]


def inside(counts: Counts, *, written: bool = False) -> Tokens:
    """Return what a wire tells that counts the cache within the prompt."""
    return Tokens(counts.prompt, counts.completion, counts.read, counts.written if written else 0)


def beside(counts: Counts) -> Tokens:
    """Return what a wire tells that counts the cache beside the prompt."""
    return Tokens(counts.uncached, counts.completion, counts.read, counts.written)


def version_of(distribution: str) -> str:
    """Return the distribution's name with the version that is installed."""
    return f"{distribution} {importlib.metadata.version(distribution)}"


def read(value: object) -> Any:
    """Return what is read of an object, and fail where reading warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_usage(value)


def check(
    distribution: str,
    what: str,
    value: object,
    tokens: Tokens | None,
    *,
    tools: list[str] | None = None,
    text: str | dict[str, Any] | None = None,
    model: str | None = None,
    column: str | None = None,
    row: str | None = None,
    reason: str | None = None,
    run: Run | None = None,
) -> None:
    """Compare what is read of an object with what its run had, and keep it for the tables.

    Args:
        distribution: The library.
        what: What the object is.
        value: The object.
        tokens: What the calls cost; None where the object does not tell.
        tools: The names of the tools that were called.
        text: What was said; a dict is compared as JSON.
        model: The model's name, where it is told.
        column: Of the table of frameworks.
        row: The framework's name in that table, where it is not the distribution's.
        reason: Why the object tells less than the run cost.
        run: What `run.record(value)` told, where the object alone tells more than this run.
    """
    usage = read(value) if run is None else run.usage
    told = "nothing"
    if usage is not None:
        counts = usage.tokens
        numbers = "no counts"
        if counts is not None:
            parts = (
                counts.prompt_tokens,
                counts.completion_tokens,
                counts.cache_read_tokens,
                counts.cache_write_tokens,
            )
            numbers = "/".join(map(str, parts))
        told = f"{numbers} {','.join(usage.tools) or '-'} {usage.text or '-'}"
    READINGS.kept.append(Reading(version_of(distribution), what, told, column, row or distribution, reason))
    if tokens is None and tools is None and text is None and model is None:
        assert usage is None, told
        return
    assert usage is not None, "nothing was read"
    assert usage.tokens == tokens
    assert usage.tools == (tools or [])
    if isinstance(text, dict):
        assert json.loads(usage.text or "null") == text
    else:
        assert (usage.text or "").strip() == (text or "")
    if model is not None:
        assert usage.model == model
