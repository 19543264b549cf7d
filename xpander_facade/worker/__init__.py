"""Worker: `on_task` turns a function into a handler of an agent's tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade.worker._logging import TaskIdFilter
    from xpander_facade.worker._on_task import TaskHandler, on_boot, on_shutdown, on_task

__all__ = [
    "TaskHandler",
    "TaskIdFilter",
    "on_boot",
    "on_shutdown",
    "on_task",
]

_HOMES = {
    "TaskHandler": "_on_task",
    "TaskIdFilter": "_logging",
    "on_boot": "_on_task",
    "on_shutdown": "_on_task",
    "on_task": "_on_task",
}

if not TYPE_CHECKING:  # a type checker that saw these would believe in every name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
