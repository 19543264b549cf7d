"""Agent: an agent as the platform describes it, and the methods that work with it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, cast

import attrs

from xpander_facade import _requests
from xpander_facade._serialization import codec
from xpander_facade.agents._tool_calls import (
    answer_reader,
    best_results,
    find_tool,
    prepare_call,
    results_reader,
)
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.tasks._tasks import Tasks
from xpander_facade.types._bound import ConfigurationBound
from xpander_facade.types.agents import (
    AgentGraph,
    AgentInstructions,
    AgentKnowledgeBase,
    AgentTool,
    AgnoSettings,
    KnowledgeBaseSearchResult,
    LLMCredentials,
    ToolInvocationResult,
)
from xpander_facade.types.enums import AgentDeploymentType, LLMReasoningEffort, OutputFormat, ThinkMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xpander_facade._client.request import Request
    from xpander_facade.tasks._task import Task
    from xpander_facade.types.models import Attachment, MCPServerDetails, Principal, User


@attrs.define(kw_only=True, getstate_setstate=False)
class Agent(ConfigurationBound):
    """An agent as the platform describes it. `extra` holds what the platform sends beyond these attributes.

    For example:

        agent = Agent.load("agent-1")
        print(agent.name, [tool.id for tool in agent.tools])
    """

    id: str
    organization_id: str | None = None
    name: str | None = None
    unique_name: str | None = None
    description: str | None = None
    status: str | None = None
    version: int | None = None
    framework: str | None = None
    model_provider: str | None = None
    model_name: str | None = None
    llm_reasoning_effort: LLMReasoningEffort | None = None
    llm_api_base: str | None = None
    llm_extra_headers: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    llm_credentials: LLMCredentials | None = attrs.field(default=None, repr=False)
    use_oidc_pre_auth_token_for_llm: bool = False
    oidc_pre_auth_token_llm_audience: str | None = None
    instructions: AgentInstructions | None = None
    graph: AgentGraph | None = None
    tools: list[AgentTool] = attrs.field(factory=list[AgentTool])
    knowledge_bases: list[AgentKnowledgeBase] = attrs.field(factory=list[AgentKnowledgeBase])
    agno_settings: AgnoSettings | None = None
    deployment_type: AgentDeploymentType | None = None
    icon: str | None = None
    output_format: OutputFormat | None = None
    output_schema: dict[str, Any] | None = None
    expected_output: str | None = None
    deep_planning: bool = False
    enforce_deep_planning: bool = False
    created_at: datetime | None = None
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)

    @property
    def configuration(self) -> Configuration | None:
        """The configuration of this agent's calls; None means a new `Configuration()` for each. Never serialised."""
        return getattr(self, "_configuration", None)

    @classmethod
    def load(
        cls, agent_id: str, configuration: Configuration | None = None, *, version: str | int | None = None
    ) -> Self:
        """Load an agent.

            agent = Agent.load("agent-1")

        Args:
            agent_id: The id of the agent.
            configuration: What to call with; by default a new `Configuration()`.
            version: The version to load; by default the deployed one.

        Raises:
            NotFoundError: There is no such agent.
            ModuleException: The call failed otherwise.
        """
        from xpander_facade import _client

        configuration = configuration or Configuration()
        request = _requests.get_agent_request(agent_id, version)
        return _client.send(configuration, request, cls._reader(configuration))

    @classmethod
    async def aload(
        cls, agent_id: str, configuration: Configuration | None = None, *, version: str | int | None = None
    ) -> Self:
        """Load an agent.

            agent = Agent.load("agent-1")

        Args:
            agent_id: The id of the agent.
            configuration: What to call with; by default a new `Configuration()`.
            version: The version to load; by default the deployed one.

        Raises:
            NotFoundError: There is no such agent.
            ModuleException: The call failed otherwise.
        """
        from xpander_facade import _client

        configuration = configuration or Configuration()
        request = _requests.get_agent_request(agent_id, version)
        return await _client.asend(configuration, request, cls._reader(configuration))

    def create_task(
        self,
        prompt: str = "",
        *,
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
    ) -> Task:
        """Create a task of this agent, or continue one.

        Arguments as `Tasks.create`.
        """
        try:
            return Tasks(self.configuration).create(
                self.id,
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
        finally:
            # Tracebacks can show variables, and these are secret.
            del user_oidc_token, user_tokens

    async def acreate_task(
        self,
        prompt: str = "",
        *,
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
    ) -> Task:
        """Create a task of this agent, or continue one.

        Arguments as `Tasks.create`.
        """
        try:
            return await Tasks(self.configuration).acreate(
                self.id,
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
        finally:
            # Tracebacks can show variables, and these are secret.
            del user_oidc_token, user_tokens

    @property
    def mcp_servers(self) -> list[MCPServerDetails]:
        """The MCP servers in this agent's graph, in its order."""
        items = self.graph.items if self.graph is not None else []
        return [
            item.settings.mcp_settings
            for item in items
            if item.type == "mcp" and item.settings is not None and item.settings.mcp_settings is not None
        ]

    def invoke_tool(
        self,
        tool: AgentTool | str,
        payload: Mapping[str, Any] | None = None,
        payload_extension: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        tool_call_id: str | None = None,
    ) -> ToolInvocationResult:
        """Call one of this agent's tools at the platform, with the credentials that are stored there.

        What the agent's graph blocks is taken off the payload and the answer, what it makes permanent is set.

            weather = agent.invoke_tool("get_weather", {"body_params": {"city": "Bonn"}}).result

        Args:
            tool: The tool, or its id or name.
            payload: What it is given: `body_params`, `query_params`, `path_params` and `headers`, each an object that
                may be absent. Anything else belongs to the body.
            payload_extension: Fields merged into the payload, in the same four parts.
            task_id: The task in which the tool is called.
            tool_call_id: The id of the call; one is made where none is given. With the same id the platform counts a
                call once, so that it can be repeated.

        Raises:
            ApprovalRequiredError: A person has to allow the call first, or has refused it; nothing was called.
            TypeError: A part of the payload is not an object; nothing was sent.
            ValueError: The agent has no such tool, or it is a function of the worker's own; nothing was sent.
            ModuleException: The call failed; `details` is what the operation said.
        """
        from xpander_facade import _client

        tool = find_tool(self.id, self.tools, tool)
        call = prepare_call(tool, self.graph, payload, payload_extension, task_id, tool_call_id)
        configuration = self.configuration or Configuration()
        request = self._invoke_request(call)
        reader = answer_reader(tool, self.graph, call)
        return _client.send(configuration, request, reader)

    async def ainvoke_tool(
        self,
        tool: AgentTool | str,
        payload: Mapping[str, Any] | None = None,
        payload_extension: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        tool_call_id: str | None = None,
    ) -> ToolInvocationResult:
        """Call one of this agent's tools at the platform, with the credentials that are stored there.

        What the agent's graph blocks is taken off the payload and the answer, what it makes permanent is set.

            weather = agent.invoke_tool("get_weather", {"body_params": {"city": "Bonn"}}).result

        Args:
            tool: The tool, or its id or name.
            payload: What it is given: `body_params`, `query_params`, `path_params` and `headers`, each an object that
                may be absent. Anything else belongs to the body.
            payload_extension: Fields merged into the payload, in the same four parts.
            task_id: The task in which the tool is called.
            tool_call_id: The id of the call; one is made where none is given. With the same id the platform counts a
                call once, so that it can be repeated.

        Raises:
            ApprovalRequiredError: A person has to allow the call first, or has refused it; nothing was called.
            TypeError: A part of the payload is not an object; nothing was sent.
            ValueError: The agent has no such tool, or it is a function of the worker's own; nothing was sent.
            ModuleException: The call failed; `details` is what the operation said.
        """
        from xpander_facade import _client

        tool = find_tool(self.id, self.tools, tool)
        call = prepare_call(tool, self.graph, payload, payload_extension, task_id, tool_call_id)
        configuration = self.configuration or Configuration()
        request = self._invoke_request(call)
        reader = answer_reader(tool, self.graph, call)
        return await _client.asend(configuration, request, reader)

    def search_knowledge(
        self,
        query: str,
        *,
        knowledge_base_id: str | None = None,
        top_k: int = 10,
        use_bubble: bool = True,
        bubble_size: int = 1000,
    ) -> list[KnowledgeBaseSearchResult]:
        """Search this agent's knowledge bases, and return what fits best first.

            for result in agent.search_knowledge("How are invoices paid?", top_k=3):
                print(result.score, result.content)

        Args:
            query: What is looked for, in words.
            knowledge_base_id: Search this one only; by default all of the agent's.
            top_k: How many results at most.
            use_bubble: Whether the text around each hit comes with it.
            bubble_size: How many characters around a hit come with it.

        Returns:
            The results of all knowledge bases together, by score; none where the agent has no knowledge base.

        Raises:
            TypeError: An argument has another type; nothing was sent.
            ValueError: An argument makes no sense; nothing was sent.
            NotFoundError: There is no such knowledge base.
            ModuleException: A search failed otherwise.
        """
        from xpander_facade import _client

        ids = [base.id for base in self.knowledge_bases] if knowledge_base_id is None else [knowledge_base_id]
        requests = _requests.search_requests(ids, query, top_k=top_k, use_bubble=use_bubble, bubble_size=bubble_size)
        configuration = self.configuration or Configuration()
        found: list[KnowledgeBaseSearchResult] = []
        for id, request in requests:
            found += _client.send(configuration, request, results_reader(id))
        return best_results(found, top_k)

    async def asearch_knowledge(
        self,
        query: str,
        *,
        knowledge_base_id: str | None = None,
        top_k: int = 10,
        use_bubble: bool = True,
        bubble_size: int = 1000,
    ) -> list[KnowledgeBaseSearchResult]:
        """Search this agent's knowledge bases, and return what fits best first.

            for result in agent.search_knowledge("How are invoices paid?", top_k=3):
                print(result.score, result.content)

        Args:
            query: What is looked for, in words.
            knowledge_base_id: Search this one only; by default all of the agent's.
            top_k: How many results at most.
            use_bubble: Whether the text around each hit comes with it.
            bubble_size: How many characters around a hit come with it.

        Returns:
            The results of all knowledge bases together, by score; none where the agent has no knowledge base.

        Raises:
            TypeError: An argument has another type; nothing was sent.
            ValueError: An argument makes no sense; nothing was sent.
            NotFoundError: There is no such knowledge base.
            ModuleException: A search failed otherwise.
        """
        from xpander_facade import _client

        ids = [base.id for base in self.knowledge_bases] if knowledge_base_id is None else [knowledge_base_id]
        requests = _requests.search_requests(ids, query, top_k=top_k, use_bubble=use_bubble, bubble_size=bubble_size)
        configuration = self.configuration or Configuration()
        found: list[KnowledgeBaseSearchResult] = []
        for id, request in requests:
            found += await _client.asend(configuration, request, results_reader(id))
        return best_results(found, top_k)

    def _invoke_request(self, call: ToolInvocationResult) -> Request:
        return _requests.invoke_operation_request(
            self.id,
            call.tool_id,
            call.payload,
            agent_version=self.version,
            task_id=call.task_id,
            tool_call_id=call.tool_call_id,
        )

    @classmethod
    def _reader(cls, configuration: Configuration) -> Callable[[Any], Self]:
        """Return what makes an agent of an answer."""
        return lambda data: codec.structure(cls, _with_known_shapes(data))._bind(configuration)

    def _bind(self, configuration: Configuration) -> Self:
        # Not a field: it is in no comparison, dump or repr of the agent.
        object.__setattr__(self, "_configuration", configuration)
        return self


def _with_known_shapes(data: Any) -> Any:
    """Return an agent's JSON with a graph that is a list, and instructions that are a text, as the objects they are."""
    if not isinstance(data, dict):
        return data
    fields = cast("dict[str, Any]", data)
    if isinstance(fields.get("graph"), list):
        fields = {**fields, "graph": {"items": fields["graph"]}}
    if isinstance(fields.get("instructions"), str):
        fields = {**fields, "instructions": {"general": fields["instructions"]}}
    return fields
