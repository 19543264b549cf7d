"""Token usage: what a run cost, read from what a library returned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade.usage._snapshots import snapshot
    from xpander_facade.usage._tokens import Tokens
    from xpander_facade.usage._usage import Usage, read_usage

__all__ = [
    "Tokens",
    "Usage",
    "read_usage",
    "snapshot",
]

_HOMES = {
    "Tokens": "_tokens",
    "Usage": "_usage",
    "read_usage": "_usage",
    "snapshot": "_snapshots",
}

if not TYPE_CHECKING:  # a type checker that saw these would believe in every name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
