"""Tasks: create, list, load, update, stop, stream, wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade.tasks._list_item import TasksListItem
    from xpander_facade.tasks._task import Task, WaitTimeoutError
    from xpander_facade.tasks._tasks import Tasks

__all__ = [
    "Task",
    "Tasks",
    "TasksListItem",
    "WaitTimeoutError",
]

_HOMES = {
    "Task": "_task",
    "Tasks": "_tasks",
    "TasksListItem": "_list_item",
    "WaitTimeoutError": "_task",
}

if not TYPE_CHECKING:  # a type checker that saw these would believe in every name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
