"""Outbox: reports that wait on disk until the platform has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade.outbox._entry import OutboxEntry, State
    from xpander_facade.outbox._flush_result import FlushResult
    from xpander_facade.outbox._inspection import OutboxStatus
    from xpander_facade.outbox._outbox import Outbox

__all__ = [
    "FlushResult",
    "Outbox",
    "OutboxEntry",
    "OutboxStatus",
    "State",
]

_HOMES = {
    "FlushResult": "_flush_result",
    "Outbox": "_outbox",
    "OutboxEntry": "_entry",
    "OutboxStatus": "_inspection",
    "State": "_entry",
}

if not TYPE_CHECKING:  # a type checker that saw these would believe in every name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
