"""Own Task: one execution of an agent, and the verbs that drive it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from xpander_facade._requests.tasks import check_whole, get_request, metrics_request, save_request, stop_request
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.tasks._pushing import TaskPushes
from xpander_facade.tasks._record import wire
from xpander_facade.tasks._saving import plan_following_status
from xpander_facade.types.enums import AgentExecutionStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from xpander_facade.types.activity import AgentActivityThread
    from xpander_facade.types.events import TaskUpdateEvent
    from xpander_facade.types.models import PlanFollowingStatus


class Task(TaskPushes):
    """One execution of an agent: its whole state, and the methods that drive it.

    All attributes can be changed; `save` tells the platform. Times are aware, durations in seconds. `extra` holds what
    the platform sends beyond these attributes. `configuration` is used by the methods and is never serialised.
    """

    __slots__ = ()

    @classmethod
    def load(cls, task_id: str, configuration: Configuration | None = None) -> Self:
        """Load a task.

        Args:
            task_id: The id of the task.
            configuration: What to call with; by default a new `Configuration()`.

        Raises:
            NotFoundError: There is no such task.
            ModuleException: The call failed otherwise.
        """
        from xpander_facade import _client

        configuration = configuration or Configuration()
        return _client.send(configuration, get_request(task_id), cls._reader(configuration))

    @classmethod
    async def aload(cls, task_id: str, configuration: Configuration | None = None) -> Self:
        """Load a task.

        Args:
            task_id: The id of the task.
            configuration: What to call with; by default a new `Configuration()`.

        Raises:
            NotFoundError: There is no such task.
            ModuleException: The call failed otherwise.
        """
        from xpander_facade import _client

        configuration = configuration or Configuration()
        return await _client.asend(configuration, get_request(task_id), cls._reader(configuration))

    def save(self, with_deep_plan_update: bool = False, *, only_changed: bool = False) -> Self:
        """Tell the platform the state of this task, and take over its answer.

        A plan and a context that the answer leaves empty are kept from memory.

        Args:
            with_deep_plan_update: Send the plan too; else the platform's own plan counts.
            only_changed: Send only what differs from what the platform last said, so that nothing is undone that
                happened there meanwhile. Nothing is sent where nothing differs.

        Raises:
            ValueError: The task came trimmed in an event, or `internal_status` is too long; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        request = save_request(self, with_deep_plan_update, only_changed)
        if request is not None:
            configuration = self.configuration or Configuration()
            reader = self._reader(self.configuration)
            self._adopt(_client.send(configuration, request, reader, snapshot=self._state))
        return self

    async def asave(self, with_deep_plan_update: bool = False, *, only_changed: bool = False) -> Self:
        """Tell the platform the state of this task, and take over its answer.

        A plan and a context that the answer leaves empty are kept from memory.

        Args:
            with_deep_plan_update: Send the plan too; else the platform's own plan counts.
            only_changed: Send only what differs from what the platform last said, so that nothing is undone that
                happened there meanwhile. Nothing is sent where nothing differs.

        Raises:
            ValueError: The task came trimmed in an event, or `internal_status` is too long; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        request = save_request(self, with_deep_plan_update, only_changed)
        if request is not None:
            configuration = self.configuration or Configuration()
            reader = self._reader(self.configuration)
            self._adopt(await _client.asend(configuration, request, reader, snapshot=self._state))
        return self

    def set_status(self, status: AgentExecutionStatus | str, result: str | None = None) -> Self:
        """Set the status, and perhaps the result, and save.

        Args:
            status: Where the task stands now.
            result: Its result; None keeps the one it has.

        Raises:
            ValueError: The task came trimmed in an event, or `internal_status` is too long; nothing was sent.
            ModuleException: The call failed.
        """
        check_whole(self)
        self.status = AgentExecutionStatus(status)
        if result is not None:
            self.result = result
        return self.save()

    async def aset_status(self, status: AgentExecutionStatus | str, result: str | None = None) -> Self:
        """Set the status, and perhaps the result, and save.

        Args:
            status: Where the task stands now.
            result: Its result; None keeps the one it has.

        Raises:
            ValueError: The task came trimmed in an event, or `internal_status` is too long; nothing was sent.
            ModuleException: The call failed.
        """
        check_whole(self)
        self.status = AgentExecutionStatus(status)
        if result is not None:
            self.result = result
        return await self.asave()

    def stop(self) -> Self:
        """Stop this task, and take over the platform's answer.

        Raises:
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self.configuration or Configuration()
        request = stop_request(self.id)
        reader = self._reader(self.configuration)
        self._adopt(_client.send(configuration, request, reader, snapshot=self._state))
        return self

    async def astop(self) -> Self:
        """Stop this task, and take over the platform's answer.

        Raises:
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self.configuration or Configuration()
        request = stop_request(self.id)
        reader = self._reader(self.configuration)
        self._adopt(await _client.asend(configuration, request, reader, snapshot=self._state))
        return self

    def reload(self) -> Self:
        """Take over the platform's state of this task; what was changed here and not saved is gone.

        A plan and a context that the platform returns empty are kept from memory.

        Raises:
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self.configuration or Configuration()
        request = get_request(self.id)
        reader = self._reader(self.configuration)
        self._adopt(_client.send(configuration, request, reader))
        return self

    async def areload(self) -> Self:
        """Take over the platform's state of this task; what was changed here and not saved is gone.

        A plan and a context that the platform returns empty are kept from memory.

        Raises:
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self.configuration or Configuration()
        request = get_request(self.id)
        reader = self._reader(self.configuration)
        self._adopt(await _client.asend(configuration, request, reader))
        return self

    def events(self) -> Iterator[TaskUpdateEvent]:
        """Stream the task's events, each as it arrives, until the task has ended.

        A stream that breaks or falls silent is opened again where it stopped. Leaving the loop closes the connection.

        Raises:
            ValueError: The task was created without `events_streaming=True`; raised at once.
            ModuleException: The stream could not be opened, or not be opened again.
        """
        from xpander_facade.tasks._stream import follow

        self._check_streaming()
        return follow(self)

    def aevents(self) -> AsyncIterator[TaskUpdateEvent]:
        """Stream the task's events, each as it arrives, until the task has ended.

        A stream that breaks or falls silent is opened again where it stopped. Leaving the loop closes the connection.

        Raises:
            ValueError: The task was created without `events_streaming=True`; raised at once.
            ModuleException: The stream could not be opened, or not be opened again.
        """
        from xpander_facade.tasks._stream import afollow

        self._check_streaming()
        return afollow(self)

    def wait_until_done(self, timeout: float | None = None, poll_interval: float = 1.0) -> Self:
        """Wait until the task has ended, and return it reloaded.

        By its events where it streams them, else by asking, less and less often.

        Args:
            timeout: Seconds to wait at most; None waits as long as it takes.
            poll_interval: Seconds between the first two looks, where the task is asked.

        Raises:
            WaitTimeoutError: The task did not end in time; `error.task` is the task.
            ModuleException: A call failed.
        """
        from xpander_facade.tasks._waiting import wait_for_end

        wait_for_end(self, timeout, poll_interval)
        return self

    async def await_until_done(self, timeout: float | None = None, poll_interval: float = 1.0) -> Self:
        """Wait until the task has ended, and return it reloaded.

        By its events where it streams them, else by asking, less and less often.

        Args:
            timeout: Seconds to wait at most; None waits as long as it takes.
            poll_interval: Seconds between the first two looks, where the task is asked.

        Raises:
            WaitTimeoutError: The task did not end in time; `error.task` is the task.
            ModuleException: A call failed.
        """
        from xpander_facade.tasks._waiting import await_for_end

        await await_for_end(self, timeout, poll_interval)
        return self

    def get_activity_log(self) -> AgentActivityThread:
        """Load the whole thread of messages, tool calls and reasoning of this task.

        Raises:
            ModuleException: The call failed.
        """
        from xpander_facade import _client
        from xpander_facade._requests.tasks import activity_request
        from xpander_facade.tasks._activity import read_thread

        configuration = self.configuration or Configuration()
        request = activity_request(self.agent_id, self.id)
        return _client.send(configuration, request, read_thread)

    async def aget_activity_log(self) -> AgentActivityThread:
        """Load the whole thread of messages, tool calls and reasoning of this task.

        Raises:
            ModuleException: The call failed.
        """
        from xpander_facade import _client
        from xpander_facade._requests.tasks import activity_request
        from xpander_facade.tasks._activity import read_thread

        configuration = self.configuration or Configuration()
        request = activity_request(self.agent_id, self.id)
        return await _client.asend(configuration, request, read_thread)

    def report_metrics(self, configuration: Configuration | None = None) -> None:
        """Tell the platform's metrics of this task's tokens, tools and duration.

        Args:
            configuration: What to call with, instead of the task's configuration.

        Raises:
            ValueError: The task has no tokens; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have counted it.
        """
        from xpander_facade import _client

        request = metrics_request(self)
        configuration = configuration or self.configuration or Configuration()
        _client.send(configuration, request, lambda _: None)

    async def areport_metrics(self, configuration: Configuration | None = None) -> None:
        """Tell the platform's metrics of this task's tokens, tools and duration.

        Args:
            configuration: What to call with, instead of the task's configuration.

        Raises:
            ValueError: The task has no tokens; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have counted it.
        """
        from xpander_facade import _client

        request = metrics_request(self)
        configuration = configuration or self.configuration or Configuration()
        await _client.asend(configuration, request, lambda _: None)

    def get_plan_following_status(self) -> PlanFollowingStatus:
        """Load the plan and tell whether it lets the task finish.

        Open items stand in the way only where planning is enabled, started and enforced. The result, status and tokens
        in memory survive the loading.

        Raises:
            ModuleException: The plan could not be loaded.
        """
        mine = self.result, self.status, self.tokens
        self.reload()
        self.result, self.status, self.tokens = mine
        return plan_following_status(self.deep_planning)

    async def aget_plan_following_status(self) -> PlanFollowingStatus:
        """Load the plan and tell whether it lets the task finish.

        Open items stand in the way only where planning is enabled, started and enforced. The result, status and tokens
        in memory survive the loading.

        Raises:
            ModuleException: The plan could not be loaded.
        """
        mine = self.result, self.status, self.tokens
        await self.areload()
        self.result, self.status, self.tokens = mine
        return plan_following_status(self.deep_planning)

    def _state(self) -> dict[str, Any]:
        """Return what is known of this task, for a call that is not sent."""
        return wire(self)

    def _check_streaming(self) -> None:
        if not self.events_streaming:
            raise ValueError("this task does not stream events: create it with events_streaming=True")
