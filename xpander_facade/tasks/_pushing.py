"""Own the events that the one who works on a task publishes, to everybody who follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._requests.events import push_request
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.tasks._summaries import TaskFiles

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xpander_facade.types.events import TaskUpdateEvent


class TaskPushes(TaskFiles):
    """The part of Task that publishes events."""

    __slots__ = ()

    def push_events(self, events: Iterable[TaskUpdateEvent]) -> None:
        """Publish events to everybody who follows this task.

        Each is an event of this task, whatever its `task_id` and organisation say; without a time it gets the present.
        A Task in its data goes without secrets.

        Args:
            events: What happened, oldest first; without any, nothing is sent.

        Raises:
            TypeError: One of them is no TaskUpdateEvent; nothing was sent.
            ValueError: The data of one can't be sent as JSON; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have published them.
        """
        from xpander_facade import _client

        configuration = self.configuration or Configuration()
        request = push_request(self, events)
        if request is not None:
            _client.send(configuration, request, lambda _: None)

    async def apush_events(self, events: Iterable[TaskUpdateEvent]) -> None:
        """Publish events to everybody who follows this task.

        Each is an event of this task, whatever its `task_id` and organisation say; without a time it gets the present.
        A Task in its data goes without secrets.

        Args:
            events: What happened, oldest first; without any, nothing is sent.

        Raises:
            TypeError: One of them is no TaskUpdateEvent; nothing was sent.
            ValueError: The data of one can't be sent as JSON; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have published them.
        """
        from xpander_facade import _client

        configuration = self.configuration or Configuration()
        request = push_request(self, events)
        if request is not None:
            await _client.asend(configuration, request, lambda _: None)
