"""List items: the short form of a task in a history."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import attrs

from xpander_facade._serialization import codec
from xpander_facade.tasks._task import Task
from xpander_facade.types._bound import ConfigurationBound
from xpander_facade.types.enums import AgentExecutionStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.configuration._configuration import Configuration


@attrs.define(kw_only=True, getstate_setstate=False)
class TasksListItem(ConfigurationBound):
    """A line of a task history. `load` gives the whole task."""

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

        Args:
            configuration: What to call with, instead of this item's.

        Raises:
            ModuleException: The call failed.
        """
        return Task.load(self.id, configuration or self.configuration)

    async def aload(self, configuration: Configuration | None = None) -> Task:
        """Load the whole task.

        Args:
            configuration: What to call with, instead of this item's.

        Raises:
            ModuleException: The call failed.
        """
        return await Task.aload(self.id, configuration or self.configuration)

    @classmethod
    def _reader(cls, configuration: Configuration) -> Callable[[Any], list[Self]]:
        """Return what makes list items of an answer."""
        return lambda data: [item._bind(configuration) for item in codec.structure_list(cls, data)]

    def _bind(self, configuration: Configuration) -> Self:
        object.__setattr__(self, "_configuration", configuration)
        return self
