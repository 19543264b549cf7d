"""Own Backend: the front desk for people who run agents elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from xpander_facade import _validation
from xpander_facade._backend_runs import Recording
from xpander_facade.tasks._task import Task
from xpander_facade.tasks._tasks import Tasks
from xpander_facade.types.enums import OutputFormat, ThinkMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from xpander_facade.agents._agent import Agent
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.types.models import Attachment, MCPServerDetails, Principal, User
    from xpander_facade.usage._usage import Tokens


class Backend(Recording):
    """Report runs that were executed elsewhere, and start runs of agents.

    Args:
        configuration: What to call with; by default a new `Configuration()`, made from the environment now.
    """

    def report_external_task(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: Tokens | Mapping[str, int] | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
        configuration: Configuration | None = None,
    ) -> Task:
        """Record a run that was executed outside the platform. The same `id` again updates the record.

        Args:
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            id: The run's id; one is made where none is given, so that the report can be repeated. The returned task's
                id is what counts.
            input: What the run was asked.
            llm_response: What the provider answered, any object; kept for debugging.
            tokens: Token usage, as `Tokens` or a mapping of its attributes.
            is_success: Whether the run succeeded; sets the task's status.
            result: The run's result.
            duration: Wall-clock seconds.
            used_tools: Names of the tools that the run called.
            configuration: What to call with, instead of this object's configuration.

        Returns:
            The platform's record of the run.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            TypeError: An argument has another type; nothing was sent.
            ValueError: An id is empty, or a number negative or not finite; nothing was sent.
            ModuleException: The call failed; `error.report` is what was to be sent.
        """
        return Task.report_external_task(
            configuration=self._using(configuration),
            agent_id=agent_id if agent is None else agent.id,
            id=id,
            input=input,
            llm_response=llm_response,
            tokens=tokens,
            is_success=is_success,
            result=result,
            duration=duration,
            used_tools=used_tools,
        )

    async def areport_external_task(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: Tokens | Mapping[str, int] | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
        configuration: Configuration | None = None,
    ) -> Task:
        """Record a run that was executed outside the platform. The same `id` again updates the record.

        Args:
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            id: The run's id; one is made where none is given, so that the report can be repeated. The returned task's
                id is what counts.
            input: What the run was asked.
            llm_response: What the provider answered, any object; kept for debugging.
            tokens: Token usage, as `Tokens` or a mapping of its attributes.
            is_success: Whether the run succeeded; sets the task's status.
            result: The run's result.
            duration: Wall-clock seconds.
            used_tools: Names of the tools that the run called.
            configuration: What to call with, instead of this object's configuration.

        Returns:
            The platform's record of the run.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            TypeError: An argument has another type; nothing was sent.
            ValueError: An id is empty, or a number negative or not finite; nothing was sent.
            ModuleException: The call failed; `error.report` is what was to be sent.
        """
        return await Task.areport_external_task(
            configuration=self._using(configuration),
            agent_id=agent_id if agent is None else agent.id,
            id=id,
            input=input,
            llm_response=llm_response,
            tokens=tokens,
            is_success=is_success,
            result=result,
            duration=duration,
            used_tools=used_tools,
        )

    def get_args(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        agent_version: str | int | None = None,
        task: Task | None = None,
        override: dict[str, Any] | None = None,
        tools: Sequence[Any] | None = None,
        auth_events_callback: Callable[..., Any] | None = None,
    ) -> dict[str, Any]:
        """Return what `agno.agent.Agent(**args)` takes to be an agent of the platform. Needs the extra `[agno]`.

        The agent's tools call the platform, and a task is told of each call; its knowledge bases become a retriever,
        its MCP servers toolkits, its model one of Agno's. What can't be used from here is left out, with a line for
        the model and one in the log. `get_args` is for `Agent.run`, `aget_args` for `Agent.arun`;
        the latter takes `is_async` for compatibility, and ignores it.

            arguments = await backend.aget_args(agent_id=task.agent_id, task=task)
            result = await agno.agent.Agent(**arguments).arun(input=task.to_message())

        Args:
            agent_id: The agent; by default the task's, else the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            agent_version: The version of the agent that is loaded; by default the task's, else the deployed one.
            task: The task that the run is for: what it says of the model, the output and the instructions goes before
                what the agent says. Its `used_tools` grow as tools are called.
            override: Laid over the result. With `model` no model is made; with `db` the conversation is kept there.
            tools: Tools of your own, as Agno takes them.
            auth_events_callback: Never called, since an MCP server that needs a login is left out.

        Raises:
            ConfigurationError: There is no agent, no key, no such provider, or a package is missing; the text names the
                remedy.
            TypeError: An argument has another type; nothing was sent.
            NotFoundError: There is no such agent.
            ModuleException: A call failed otherwise.
        """
        from xpander_facade._agno import arguments

        inputs = arguments.check_inputs(
            self._using(),
            agent_id=agent_id,
            agent=agent,
            agent_version=agent_version,
            task=task,
            override=override,
            tools=tools,
            auth_events_callback=auth_events_callback,
        )
        return arguments.get_args(inputs)

    async def aget_args(  # noqa: D417 (`is_async` is explained where both are)
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        agent_version: str | int | None = None,
        task: Task | None = None,
        override: dict[str, Any] | None = None,
        tools: Sequence[Any] | None = None,
        is_async: bool = True,
        auth_events_callback: Callable[..., Any] | None = None,
    ) -> dict[str, Any]:
        """Return what `agno.agent.Agent(**args)` takes to be an agent of the platform. Needs the extra `[agno]`.

        The agent's tools call the platform, and a task is told of each call; its knowledge bases become a retriever,
        its MCP servers toolkits, its model one of Agno's. What can't be used from here is left out, with a line for
        the model and one in the log. `get_args` is for `Agent.run`, `aget_args` for `Agent.arun`;
        the latter takes `is_async` for compatibility, and ignores it.

            arguments = await backend.aget_args(agent_id=task.agent_id, task=task)
            result = await agno.agent.Agent(**arguments).arun(input=task.to_message())

        Args:
            agent_id: The agent; by default the task's, else the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            agent_version: The version of the agent that is loaded; by default the task's, else the deployed one.
            task: The task that the run is for: what it says of the model, the output and the instructions goes before
                what the agent says. Its `used_tools` grow as tools are called.
            override: Laid over the result. With `model` no model is made; with `db` the conversation is kept there.
            tools: Tools of your own, as Agno takes them.
            auth_events_callback: Never called, since an MCP server that needs a login is left out.

        Raises:
            ConfigurationError: There is no agent, no key, no such provider, or a package is missing; the text names the
                remedy.
            TypeError: An argument has another type; nothing was sent.
            NotFoundError: There is no such agent.
            ModuleException: A call failed otherwise.
        """
        from xpander_facade._agno import arguments

        inputs = arguments.check_inputs(
            self._using(),
            agent_id=agent_id,
            agent=agent,
            agent_version=agent_version,
            task=task,
            override=override,
            tools=tools,
            auth_events_callback=auth_events_callback,
        )
        return await arguments.aget_args(inputs)

    def invoke_agent(
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
        source: str | None = "sdk",
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
        configuration: Configuration | None = None,
    ) -> Task:
        """Create a task of an agent without loading the agent.

        A prompt that is a JSON object with `xpander_task_id` loads that task instead.

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
            source: Where the task comes from. Default "sdk".
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
            configuration: What to call with, instead of this object's configuration.

        Returns:
            The task, usually pending.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            TypeError: An argument has another type; nothing was sent.
            ValueError: An id is empty; nothing was sent.
            ModuleException: The call failed. Creating is not repeated where the platform might have taken it.
        """
        existing = _task_named_by(prompt)
        if existing is not None:
            return Task.load(existing, self._using(configuration))
        return Tasks(self._using(configuration)).create(
            agent_id,
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

    async def ainvoke_agent(
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
        source: str | None = "sdk",
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
        configuration: Configuration | None = None,
    ) -> Task:
        """Create a task of an agent without loading the agent.

        A prompt that is a JSON object with `xpander_task_id` loads that task instead.

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
            source: Where the task comes from. Default "sdk".
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
            configuration: What to call with, instead of this object's configuration.

        Returns:
            The task, usually pending.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            TypeError: An argument has another type; nothing was sent.
            ValueError: An id is empty; nothing was sent.
            ModuleException: The call failed. Creating is not repeated where the platform might have taken it.
        """
        existing = _task_named_by(prompt)
        if existing is not None:
            return await Task.aload(existing, self._using(configuration))
        return await Tasks(self._using(configuration)).acreate(
            agent_id,
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


def _task_named_by(prompt: str) -> str | None:
    """Return the id of the task that a prompt stands for: a JSON object with `xpander_task_id`; else None."""
    if not (_validation.check_text("prompt", prompt) or "").lstrip().startswith("{"):
        return None
    try:
        data = json.loads(prompt)
    except (ValueError, RecursionError):
        return None
    task_id = data.get("xpander_task_id")
    return task_id if isinstance(task_id, str) and task_id else None
