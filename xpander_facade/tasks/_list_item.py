"""List items: the short form of a task in a history."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, SupportsIndex, overload

import attrs

from xpander_facade._serialization import codec
from xpander_facade._serialization.notebook import MAX_ROWS, repr_of_changes, table_of_rows
from xpander_facade.tasks._task import Task
from xpander_facade.types._bound import ConfigurationBound
from xpander_facade.types.enums import AgentExecutionStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.configuration._configuration import Configuration


_COLUMNS = ("id", "status", "created_at", "title", "result")


@attrs.define(kw_only=True, repr=False, getstate_setstate=False)
class TasksListItem(ConfigurationBound):
    """A line of a task history. `load` gives the whole task.

    For example:

        item: TasksListItem
        for item in tasks.list():
            print(item.id, item.status)
    """

    id: str
    agent_id: str
    organization_id: str
    status: AgentExecutionStatus
    user_id: str | None = None
    parent_task_id: str | None = None
    triggering_agent_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    source_node_type: str | None = None
    result: str | None = None
    title: str | None = None
    execution_kind: str | None = None
    process: Any = None
    conversation_kind: str | None = None
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)

    @property
    def configuration(self) -> Configuration | None:
        """The configuration that `load` uses. Never serialised."""
        return getattr(self, "_configuration", None)

    def load(self, configuration: Configuration | None = None) -> Task:
        """Load the whole task.

            for item in tasks.list():
                print(item.load().result)

        Args:
            configuration: What to call with, instead of this item's.

        Raises:
            ModuleException: The call failed.
        """
        return Task.load(self.id, configuration or self.configuration)

    async def aload(self, configuration: Configuration | None = None) -> Task:
        """Load the whole task.

            for item in tasks.list():
                print(item.load().result)

        Args:
            configuration: What to call with, instead of this item's.

        Raises:
            ModuleException: The call failed.
        """
        return await Task.aload(self.id, configuration or self.configuration)

    @classmethod
    def _reader(cls, configuration: Configuration) -> Callable[[Any], list[TasksListItem]]:
        """Return what makes list items of an answer."""
        return lambda data: TaskHistory(item._bind(configuration) for item in codec.structure_list(cls, data))

    def to_dict(self) -> dict[str, Any]:
        """Return the line as JSON-ready data, without its configuration. All lines have the same keys, and `extra`'s.

        For example:

            rows = [item.to_dict() for item in tasks.list()]
        """
        data: dict[str, Any] = codec.unstructure(self)
        return data

    def __repr__(self) -> str:
        return repr_of_changes(self)

    def _bind(self, configuration: Configuration) -> Self:
        # Not an attribute, so that no dump and no comparison has it.
        object.__setattr__(self, "_configuration", configuration)
        return self


class TaskHistory(list[TasksListItem]):
    """The lines of a task history: a list, which shows as a table in a notebook."""

    def _repr_html_(self) -> str:
        """Return the first lines as a table for a notebook; every value is text there."""
        rows = [
            [item.id, item.status.value, *(getattr(item, name) for name in _COLUMNS[2:])] for item in self[:MAX_ROWS]
        ]
        return table_of_rows(f"{len(self)} tasks" if len(self) != 1 else "1 task", _COLUMNS, rows, len(self))

    def __repr__(self) -> str:
        if len(self) <= MAX_ROWS:
            return super().__repr__()
        shown = ", ".join(map(repr, self[:MAX_ROWS]))
        return f"[{shown}, ... {len(self) - MAX_ROWS} more]"

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> TasksListItem: ...
    @overload
    def __getitem__(self, index: slice, /) -> TaskHistory: ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> TasksListItem | TaskHistory:
        """Return a line, or a part of the history."""
        return TaskHistory(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)
