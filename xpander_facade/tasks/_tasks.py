"""Tasks: create, list, load, update and stop tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade import _requests
from xpander_facade._resource import ApiResource
from xpander_facade.tasks._task import Task
from xpander_facade.types.enums import ThinkMode

if TYPE_CHECKING:
    import builtins  # `list` is a method in the classes below
    from collections.abc import Callable, Mapping, Sequence

    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.tasks._list_item import TasksListItem
    from xpander_facade.types.enums import AgentExecutionStatus, OutputFormat
    from xpander_facade.types.models import Attachment, MCPServerDetails, Principal, User


class Tasks(ApiResource):
    """The tasks of the platform: create, list, load, update and stop them.

        tasks = Tasks()
        task = tasks.create(prompt="Read invoice 17")
        print(tasks.get(task.id).status)

    Args:
        configuration: What to call with; by default a new `Configuration()`, made from the environment now.
    """

    def create(
        self,
        agent_id: str | None = None,
        *,
        prompt: str = "",
        existing_task_id: str | None = None,
        file_urls: Sequence[str] | None = None,
        attachments: Sequence[Attachment] | None = None,
        user_details: User | None = None,
        principal: Principal | None = None,
        agent_version: str | int | None = None,
        tool_call_payload_extension: dict[str, Any] | None = None,
        source: str | None = None,
        worker_id: str | None = None,
        output_format: OutputFormat | str | None = None,
        output_schema: dict[str, Any] | None = None,
        run_locally: bool = False,
        events_streaming: bool = False,
        additional_context: str | None = None,
        instructions_override: str | None = None,
        test_run_node_id: str | None = None,
        user_oidc_token: str | None = None,
        expected_output: str | None = None,
        mcp_servers: Sequence[MCPServerDetails] | None = None,
        triggering_agent_id: str | None = None,
        title: str | None = None,
        think_mode: ThinkMode | str = ThinkMode.Default,
        disable_attachment_injection: bool = False,
        tool_call_limit: int | None = None,
        user_tokens: dict[str, Any] | None = None,
        return_metrics: bool = False,
        llm_model_provider: str | None = None,
        llm_model_name: str | None = None,
        llm_reasoning_effort: str | None = None,
        harness_cli: str | None = None,
        permission_mode: str | None = None,
    ) -> Task:
        """Create a task of an agent, or continue one.

            task = tasks.create(prompt="Read invoice 17", file_urls=["https://files.example.com/invoice-17.pdf"])

        Args:
            agent_id: The agent; by default the configuration's, else XPANDER_AGENT_ID.
            prompt: What the agent is asked.
            existing_task_id: A task to continue, instead of making a new one.
            file_urls: URLs of files for the agent.
            attachments: Files with what is known of them.
            user_details: The end user on whose behalf the task runs.
            principal: Who caused the task.
            agent_version: The version of the agent to run; by default the deployed one.
            tool_call_payload_extension: Fields merged into the payload of every tool call.
            source: Where the task comes from. Default none (`Agent.create_task` and `Backend.invoke_agent` send "sdk").
            worker_id: The worker that is to run the task.
            output_format: The form of the result.
            output_schema: JSON schema of a structured result.
            run_locally: Leave the run to a local worker.
            events_streaming: Publish events, so that `Task.events()` can stream them.
            additional_context: Text appended to the system prompt.
            instructions_override: More instructions, for this run.
            test_run_node_id: Node of a workflow to test.
            user_oidc_token: The user's OIDC token, for connectors.
            expected_output: What the result should look like.
            mcp_servers: MCP servers for this task.
            triggering_agent_id: The agent that asks for the task.
            title: Title to show.
            think_mode: How hard the agent thinks.
            disable_attachment_injection: Do not put the content of readable files into the prompt.
            tool_call_limit: How many tool calls the run may make.
            user_tokens: The user's tokens for MCP servers.
            return_metrics: Return metrics with the task.
            llm_model_provider: Provider of the model, instead of the agent's.
            llm_model_name: The model, instead of the agent's.
            llm_reasoning_effort: How much the model reasons.
            harness_cli: The command-line harness that runs the agent.
            permission_mode: What the harness may do without asking.

        Returns:
            The task, usually pending.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            TypeError: An argument has another type; nothing was sent.
            ValueError: An id is empty; nothing was sent.
            ModuleException: The call failed. Creating is not repeated where the platform might have taken it.
        """
        from xpander_facade import _client

        try:
            configuration = self._acquire()
            request = _requests.create_request(
                configuration.get_agent_id() if agent_id is None else agent_id,
                prompt=prompt,
                existing_task_id=existing_task_id,
                file_urls=file_urls,
                attachments=attachments,
                user_details=user_details,
                principal=principal,
                agent_version=agent_version,
                tool_call_payload_extension=tool_call_payload_extension,
                source=source,
                worker_id=worker_id,
                output_format=output_format,
                output_schema=output_schema,
                run_locally=run_locally,
                events_streaming=events_streaming,
                additional_context=additional_context,
                instructions_override=instructions_override,
                test_run_node_id=test_run_node_id,
                user_oidc_token=user_oidc_token,
                expected_output=expected_output,
                mcp_servers=mcp_servers,
                triggering_agent_id=triggering_agent_id,
                title=title,
                think_mode=think_mode,
                disable_attachment_injection=disable_attachment_injection,
                tool_call_limit=tool_call_limit,
                user_tokens=user_tokens,
                return_metrics=return_metrics,
                llm_model_provider=llm_model_provider,
                llm_model_name=llm_model_name,
                llm_reasoning_effort=llm_reasoning_effort,
                harness_cli=harness_cli,
                permission_mode=permission_mode,
            )
            return _client.send(configuration, request, Task._reader(configuration))
        finally:
            # Tracebacks can show variables, and these are secret.
            del user_oidc_token, user_tokens

    async def acreate(
        self,
        agent_id: str | None = None,
        *,
        prompt: str = "",
        existing_task_id: str | None = None,
        file_urls: Sequence[str] | None = None,
        attachments: Sequence[Attachment] | None = None,
        user_details: User | None = None,
        principal: Principal | None = None,
        agent_version: str | int | None = None,
        tool_call_payload_extension: dict[str, Any] | None = None,
        source: str | None = None,
        worker_id: str | None = None,
        output_format: OutputFormat | str | None = None,
        output_schema: dict[str, Any] | None = None,
        run_locally: bool = False,
        events_streaming: bool = False,
        additional_context: str | None = None,
        instructions_override: str | None = None,
        test_run_node_id: str | None = None,
        user_oidc_token: str | None = None,
        expected_output: str | None = None,
        mcp_servers: Sequence[MCPServerDetails] | None = None,
        triggering_agent_id: str | None = None,
        title: str | None = None,
        think_mode: ThinkMode | str = ThinkMode.Default,
        disable_attachment_injection: bool = False,
        tool_call_limit: int | None = None,
        user_tokens: dict[str, Any] | None = None,
        return_metrics: bool = False,
        llm_model_provider: str | None = None,
        llm_model_name: str | None = None,
        llm_reasoning_effort: str | None = None,
        harness_cli: str | None = None,
        permission_mode: str | None = None,
    ) -> Task:
        """Create a task of an agent, or continue one.

        Arguments as `Tasks.create`.
        """
        from xpander_facade import _client

        try:
            configuration = self._acquire()
            request = _requests.create_request(
                configuration.get_agent_id() if agent_id is None else agent_id,
                prompt=prompt,
                existing_task_id=existing_task_id,
                file_urls=file_urls,
                attachments=attachments,
                user_details=user_details,
                principal=principal,
                agent_version=agent_version,
                tool_call_payload_extension=tool_call_payload_extension,
                source=source,
                worker_id=worker_id,
                output_format=output_format,
                output_schema=output_schema,
                run_locally=run_locally,
                events_streaming=events_streaming,
                additional_context=additional_context,
                instructions_override=instructions_override,
                test_run_node_id=test_run_node_id,
                user_oidc_token=user_oidc_token,
                expected_output=expected_output,
                mcp_servers=mcp_servers,
                triggering_agent_id=triggering_agent_id,
                title=title,
                think_mode=think_mode,
                disable_attachment_injection=disable_attachment_injection,
                tool_call_limit=tool_call_limit,
                user_tokens=user_tokens,
                return_metrics=return_metrics,
                llm_model_provider=llm_model_provider,
                llm_model_name=llm_model_name,
                llm_reasoning_effort=llm_reasoning_effort,
                harness_cli=harness_cli,
                permission_mode=permission_mode,
            )
            return await _client.asend(configuration, request, Task._reader(configuration))
        finally:
            # Tracebacks can show variables, and these are secret.
            del user_oidc_token, user_tokens

    def list(
        self, agent_id: str | None = None, filters: Mapping[str, str] | None = None
    ) -> builtins.list[TasksListItem]:
        """List the tasks of an agent, in the platform's order.

            for item in tasks.list("agent-1", filters={"status": "completed"}):
                print(item.id, item.title)

        Args:
            agent_id: The agent; by default the configuration's, else XPANDER_AGENT_ID.
            filters: Any of user_id, parent_task_id, triggering_agent_id, status (enum or string), internal_status.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            ValueError: A filter is unknown, or the id is empty; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._acquire()
        request = _requests.list_tasks_request(configuration.get_agent_id() if agent_id is None else agent_id, filters)
        return _client.send(configuration, request, _history_reader(configuration))

    async def alist(
        self, agent_id: str | None = None, filters: Mapping[str, str] | None = None
    ) -> builtins.list[TasksListItem]:
        """List the tasks of an agent, in the platform's order.

            for item in tasks.list("agent-1", filters={"status": "completed"}):
                print(item.id, item.title)

        Args:
            agent_id: The agent; by default the configuration's, else XPANDER_AGENT_ID.
            filters: Any of user_id, parent_task_id, triggering_agent_id, status (enum or string), internal_status.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            ValueError: A filter is unknown, or the id is empty; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._acquire()
        request = _requests.list_tasks_request(configuration.get_agent_id() if agent_id is None else agent_id, filters)
        return await _client.asend(configuration, request, _history_reader(configuration))

    def list_user_tasks(self, user_id: str, filters: Mapping[str, str] | None = None) -> builtins.list[TasksListItem]:
        """List the tasks of an end user across all agents, in the platform's order.

            for item in tasks.list_user_tasks("user-1"):
                print(item.agent_id, item.status)

        Args:
            user_id: The end user.
            filters: Any of parent_task_id, triggering_agent_id, status (enum or string), internal_status.

        Raises:
            ConfigurationError: The key is missing; nothing was sent.
            ValueError: A filter is unknown, or the id is empty; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._acquire()
        request = _requests.list_user_tasks_request(user_id, filters)
        return _client.send(configuration, request, _history_reader(configuration))

    async def alist_user_tasks(
        self, user_id: str, filters: Mapping[str, str] | None = None
    ) -> builtins.list[TasksListItem]:
        """List the tasks of an end user across all agents, in the platform's order.

            for item in tasks.list_user_tasks("user-1"):
                print(item.agent_id, item.status)

        Args:
            user_id: The end user.
            filters: Any of parent_task_id, triggering_agent_id, status (enum or string), internal_status.

        Raises:
            ConfigurationError: The key is missing; nothing was sent.
            ValueError: A filter is unknown, or the id is empty; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._acquire()
        request = _requests.list_user_tasks_request(user_id, filters)
        return await _client.asend(configuration, request, _history_reader(configuration))

    def get(self, task_id: str) -> Task:
        """Load a task.

            print(tasks.get(task.id).result)

        Args:
            task_id: The id of the task.

        Raises:
            NotFoundError: There is no such task.
            ModuleException: The call failed otherwise.
        """
        return Task.load(task_id, self._acquire())

    async def aget(self, task_id: str) -> Task:
        """Load a task.

            print(tasks.get(task.id).result)

        Args:
            task_id: The id of the task.

        Raises:
            NotFoundError: There is no such task.
            ModuleException: The call failed otherwise.
        """
        return await Task.aload(task_id, self._acquire())

    def update(
        self,
        task_id: str,
        tool_call_payload_extension: dict[str, Any] | None = None,
        source: str | None = None,
        status: AgentExecutionStatus | str | None = None,
        last_executed_node_id: str | None = None,
        result: str | None = None,
    ) -> Task:
        """Change fields of a task. None leaves a field as it is.

            tasks.update(task.id, result="1,240.00 EUR", status="completed")

        Args:
            task_id: The id of the task.
            status: Where it stands.
            result: Its result.
            tool_call_payload_extension: Fields merged into the payload of every tool call.
            last_executed_node_id: Cursor in the graph of a workflow agent.
            source: Where the task comes from.

        Raises:
            TypeError: An argument has another type; nothing was sent.
            ValueError: There is nothing to change, or the id is empty; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._acquire()
        request = _requests.change_request(
            task_id,
            status=status,
            result=result,
            tool_call_payload_extension=tool_call_payload_extension,
            last_executed_node_id=last_executed_node_id,
            source=source,
        )
        return _client.send(configuration, request, Task._reader(configuration))

    async def aupdate(
        self,
        task_id: str,
        tool_call_payload_extension: dict[str, Any] | None = None,
        source: str | None = None,
        status: AgentExecutionStatus | str | None = None,
        last_executed_node_id: str | None = None,
        result: str | None = None,
    ) -> Task:
        """Change fields of a task. None leaves a field as it is.

            tasks.update(task.id, result="1,240.00 EUR", status="completed")

        Args:
            task_id: The id of the task.
            status: Where it stands.
            result: Its result.
            tool_call_payload_extension: Fields merged into the payload of every tool call.
            last_executed_node_id: Cursor in the graph of a workflow agent.
            source: Where the task comes from.

        Raises:
            TypeError: An argument has another type; nothing was sent.
            ValueError: There is nothing to change, or the id is empty; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._acquire()
        request = _requests.change_request(
            task_id,
            status=status,
            result=result,
            tool_call_payload_extension=tool_call_payload_extension,
            last_executed_node_id=last_executed_node_id,
            source=source,
        )
        return await _client.asend(configuration, request, Task._reader(configuration))

    def stop(self, task_id: str) -> Task:
        """Stop a task.

            tasks.stop(task.id)

        Args:
            task_id: The id of the task.

        Raises:
            NotFoundError: There is no such task.
            ModuleException: The call failed otherwise.
        """
        from xpander_facade import _client

        configuration = self._acquire()
        return _client.send(configuration, _requests.stop_request(task_id), Task._reader(configuration))

    async def astop(self, task_id: str) -> Task:
        """Stop a task.

            tasks.stop(task.id)

        Args:
            task_id: The id of the task.

        Raises:
            NotFoundError: There is no such task.
            ModuleException: The call failed otherwise.
        """
        from xpander_facade import _client

        configuration = self._acquire()
        return await _client.asend(configuration, _requests.stop_request(task_id), Task._reader(configuration))


def _history_reader(configuration: Configuration) -> Callable[[Any], builtins.list[TasksListItem]]:
    from xpander_facade.tasks._list_item import TasksListItem

    return TasksListItem._reader(configuration)
