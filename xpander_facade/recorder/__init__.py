"""Recorder: a run that is executed here is timed and reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade.recorder._counts import ReportCounts, report_counts
    from xpander_facade.recorder._delivery import DeliveryStatus
    from xpander_facade.recorder._external_task import ExternalTask, current_run

__all__ = [
    "DeliveryStatus",
    "ExternalTask",
    "ReportCounts",
    "current_run",
    "report_counts",
]

_HOMES = {
    "DeliveryStatus": "_delivery",
    "ExternalTask": "_external_task",
    "ReportCounts": "_counts",
    "current_run": "_external_task",
    "report_counts": "_counts",
}

if not TYPE_CHECKING:  # a type checker that saw these would believe in every name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
