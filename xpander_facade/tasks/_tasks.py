"""Own Tasks: create, list, load, update and stop tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade import _validation
from xpander_facade._requests.tasks import (
    list_tasks_request,
    list_user_tasks_request,
    stop_request,
    update_task_request,
)
from xpander_facade.tasks._creation import TaskCreation
from xpander_facade.tasks._list_item import TasksListItem
from xpander_facade.tasks._task import Task

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping

    from xpander_facade.types.enums import AgentExecutionStatus


class Tasks(TaskCreation):
    """The tasks of the platform: create, list, load, update and stop them.

    Args:
        configuration: What to call with; by default a new `Configuration()`, made from the environment now.
    """

    def list(
        self, agent_id: str | None = None, filters: Mapping[str, str] | None = None
    ) -> builtins.list[TasksListItem]:
        """List the tasks of an agent, in the platform's order.

        Args:
            agent_id: The agent; by default the configuration's, else XPANDER_AGENT_ID.
            filters: Any of user_id, parent_task_id, triggering_agent_id, status (enum or string), internal_status.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            ValueError: A filter is unknown, or the id is empty; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._using()
        request = list_tasks_request(configuration.get_agent_id() if agent_id is None else agent_id, filters)
        return _client.send(configuration, request, TasksListItem._reader(configuration))

    async def alist(
        self, agent_id: str | None = None, filters: Mapping[str, str] | None = None
    ) -> builtins.list[TasksListItem]:
        """List the tasks of an agent, in the platform's order.

        Args:
            agent_id: The agent; by default the configuration's, else XPANDER_AGENT_ID.
            filters: Any of user_id, parent_task_id, triggering_agent_id, status (enum or string), internal_status.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            ValueError: A filter is unknown, or the id is empty; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._using()
        request = list_tasks_request(configuration.get_agent_id() if agent_id is None else agent_id, filters)
        return await _client.asend(configuration, request, TasksListItem._reader(configuration))

    def list_user_tasks(self, user_id: str, filters: Mapping[str, str] | None = None) -> builtins.list[TasksListItem]:
        """List the tasks of an end user across all agents, in the platform's order.

        Args:
            user_id: The end user.
            filters: Any of parent_task_id, triggering_agent_id, status (enum or string), internal_status.

        Raises:
            ConfigurationError: The key is missing; nothing was sent.
            ValueError: A filter is unknown, or the id is empty; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._using()
        request = list_user_tasks_request(user_id, filters)
        return _client.send(configuration, request, TasksListItem._reader(configuration))

    async def alist_user_tasks(
        self, user_id: str, filters: Mapping[str, str] | None = None
    ) -> builtins.list[TasksListItem]:
        """List the tasks of an end user across all agents, in the platform's order.

        Args:
            user_id: The end user.
            filters: Any of parent_task_id, triggering_agent_id, status (enum or string), internal_status.

        Raises:
            ConfigurationError: The key is missing; nothing was sent.
            ValueError: A filter is unknown, or the id is empty; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._using()
        request = list_user_tasks_request(user_id, filters)
        return await _client.asend(configuration, request, TasksListItem._reader(configuration))

    def get(self, task_id: str) -> Task:
        """Load a task.

        Args:
            task_id: The id of the task.

        Raises:
            NotFoundError: There is no such task.
            ModuleException: The call failed otherwise.
        """
        return Task.load(task_id, self._using())

    async def aget(self, task_id: str) -> Task:
        """Load a task.

        Args:
            task_id: The id of the task.

        Raises:
            NotFoundError: There is no such task.
            ModuleException: The call failed otherwise.
        """
        return await Task.aload(task_id, self._using())

    def update(
        self,
        task_id: str,
        *,
        status: AgentExecutionStatus | str | None = None,
        result: str | None = None,
        tool_call_payload_extension: dict[str, Any] | None = None,
        last_executed_node_id: str | None = None,
        source: str | None = None,
    ) -> Task:
        """Change fields of a task. None leaves a field as it is.

        Args:
            task_id: The id of the task.
            status: Where it stands.
            result: Its result.
            tool_call_payload_extension: Fields merged into the payload of every tool call.
            last_executed_node_id: Cursor in the graph of a workflow agent.
            source: Where the task comes from.

        Raises:
            ValueError: There is nothing to change, or the id is empty; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._using()
        request = update_task_request(
            task_id,
            {
                "status": status,
                "result": _validation.check_text("result", result),
                "tool_call_payload_extension": tool_call_payload_extension,
                "last_executed_node_id": last_executed_node_id,
                "source": source,
            },
        )
        return _client.send(configuration, request, Task._reader(configuration))

    async def aupdate(
        self,
        task_id: str,
        *,
        status: AgentExecutionStatus | str | None = None,
        result: str | None = None,
        tool_call_payload_extension: dict[str, Any] | None = None,
        last_executed_node_id: str | None = None,
        source: str | None = None,
    ) -> Task:
        """Change fields of a task. None leaves a field as it is.

        Args:
            task_id: The id of the task.
            status: Where it stands.
            result: Its result.
            tool_call_payload_extension: Fields merged into the payload of every tool call.
            last_executed_node_id: Cursor in the graph of a workflow agent.
            source: Where the task comes from.

        Raises:
            ValueError: There is nothing to change, or the id is empty; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._using()
        request = update_task_request(
            task_id,
            {
                "status": status,
                "result": _validation.check_text("result", result),
                "tool_call_payload_extension": tool_call_payload_extension,
                "last_executed_node_id": last_executed_node_id,
                "source": source,
            },
        )
        return await _client.asend(configuration, request, Task._reader(configuration))

    def stop(self, task_id: str) -> Task:
        """Stop a task.

        Args:
            task_id: The id of the task.

        Raises:
            NotFoundError: There is no such task.
            ModuleException: The call failed otherwise.
        """
        from xpander_facade import _client

        configuration = self._using()
        return _client.send(configuration, stop_request(task_id), Task._reader(configuration))

    async def astop(self, task_id: str) -> Task:
        """Stop a task.

        Args:
            task_id: The id of the task.

        Raises:
            NotFoundError: There is no such task.
            ModuleException: The call failed otherwise.
        """
        from xpander_facade import _client

        configuration = self._using()
        return await _client.asend(configuration, stop_request(task_id), Task._reader(configuration))
