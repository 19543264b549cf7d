"""Batches: many reports in one call, from iterables, tables and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade.batches._result import BatchError, BatchProgress, BatchResult, FailedRecord, RecordError

__all__ = [
    "BatchError",
    "BatchProgress",
    "BatchResult",
    "FailedRecord",
    "RecordError",
]

_HOMES = {
    "BatchError": "_result",
    "BatchProgress": "_result",
    "BatchResult": "_result",
    "FailedRecord": "_result",
    "RecordError": "_result",
}

if not TYPE_CHECKING:  # a type checker that saw these would believe in every name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
