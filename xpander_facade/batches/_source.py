"""A source of records: what it is called, how many it gives, and its entries. Pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from xpander_facade.batches._result import BatchError, RecordError

Entry = tuple[int, "Mapping[Any, Any] | RecordError | object"]
"""The position of a record, and the record or why it can't be read."""


@attrs.frozen
class Source:
    """Records, one after another.

    Args:
        name: What stands before a position: "runs.csv, line"; for iterables "record".
        entries: Gives the records; called once. An iterator, or an async one.
        total: How many there are, where that is known or can be estimated.
        batch_id: What tells this source from others: the path of a file; None where nothing does.
        is_text: Whether all values are texts, as those of a CSV file are.
        is_strict: Whether all values must have a form in JSON; else `llm_response` may be any object.
        is_async: Whether the entries are those of an async iterator.
        is_blocking: Whether reading waits for a disk, so that an event loop lets a thread do it.
    """

    name: str
    entries: Callable[[], Iterator[Entry] | AsyncIterator[Entry]]
    total: int | None = None
    batch_id: str | None = None
    is_text: bool = False
    is_strict: bool = False
    is_async: bool = False
    is_blocking: bool = False

    def location(self, position: int) -> str:
        """Return where a record stands, for people."""
        return f"{self.name} {position}"


def check_columns(name: str, known: Iterable[str] | None, columns: Mapping[str, str]) -> None:
    """Check that the columns that are mapped exist.

    Raises:
        BatchError: One does not; the text lists those that do.
    """
    if known is None:
        return
    known = list(known)
    for key, column in columns.items():
        if column not in known:
            listed = ", ".join(map(repr, sorted(known)[:30])) or "none"
            raise BatchError(f"{name} has no column {column!r}, which is mapped to {key}: it has {listed}")
