"""Types that an agent is made of: its tools, graph, knowledge bases, instructions and settings.

They hold data; none of them does I/O. Names, attributes and defaults are those of the platform. `extra` holds what the
platform sends beyond them.
"""

from __future__ import annotations

from typing import Any

import attrs

from xpander_facade.types.models import MCPServerDetails


@attrs.define(kw_only=True)
class AgentInstructions:
    """What an agent is told to be and do.

        instructions = AgentInstructions(role=["A careful clerk"], general="Answer in one sentence.")

    Args:
        role: What the agent is, one sentence each.
        goal: What it shall reach, one sentence each.
        general: What it is for, in one text.
    """

    role: list[str] = attrs.field(factory=list[str])
    goal: list[str] = attrs.field(factory=list[str])
    general: str | None = None
    dynamic_prompt_enabled: bool = False
    dynamic_prompt_code: str | None = None
    dynamic_prompt_position: str | None = None
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class AgentTool:
    """Something that an agent can call.

        tools: list[AgentTool] = agent.tools
        print([tool.id for tool in tools])

    Args:
        id: The tool's id, also the function's name for the model.
        function_description: What the tool does, in the words meant for the model; goes before `description`.
        parameters: JSON Schema of what the tool is given.
        is_local: The tool is a function of the worker's own process; the platform can't call it.
    """

    id: str
    name: str | None = None
    method: str | None = None
    path: str | None = None
    description: str | None = None
    function_description: str | None = None
    parameters: dict[str, Any] | None = None
    connector_id: str | None = None
    operation_id: str | None = None
    is_local: bool = False
    is_synced: bool = False
    should_add_to_graph: bool = False
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class AgentKnowledgeBase:
    """A knowledge base that an agent uses.

        bases: list[AgentKnowledgeBase] = agent.knowledge_bases
        print([base.id for base in bases])

    Args:
        id: Its id.
        rw: Whether the agent may write to it.
    """

    id: str
    rw: bool = False
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class AgentGraphItemSchemas:
    """JSON Schemas laid over those of a tool.

    A property with `isBlocked` true is hidden, one with a `permanentValue` is hidden and always has that value, and a
    `description` replaces the tool's own.

        schemas = AgentGraphItemSchemas(input={"properties": {"city": {"permanentValue": "Bonn"}}})

    Args:
        input: Laid over what the tool is given.
        output: Laid over what it answers.
    """

    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class AgentGraphItemSettings:
    """How a node of a graph is set up.

        settings = AgentGraphItemSettings()
        print(settings.schemas)

    Args:
        schemas: What is set over the schemas of the node's tool.
        mcp_settings: The MCP server that a node of type `mcp` stands for.
        hitl_options: Whom the node asks before it acts.
    """

    schemas: AgentGraphItemSchemas | None = None
    mcp_settings: MCPServerDetails | None = None
    hitl_options: Any = None
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class AgentGraphItem:
    """A node of an agent's graph.

        graph = agent.graph
        items: list[AgentGraphItem] = graph.items if graph else []

    Args:
        id: The node's id.
        item_id: The id of what it stands for, such as a tool or another agent.
        type: source_node, agent, workflow, tool, human_in_the_loop, mcp and the like.
        targets: The ids of the nodes that follow.
        is_first: Whether the graph begins here.
    """

    id: str | None = None
    item_id: str | None = None
    name: str | None = None
    type: str | None = None
    sub_type: str | None = None
    targets: list[str] = attrs.field(factory=list[str])
    settings: AgentGraphItemSettings | None = None
    is_first: bool = False
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class AgentGraph:
    """What an agent is put together from, and what follows what.

        graph: AgentGraph | None = agent.graph
        print(graph)

    Args:
        items: The nodes.
    """

    items: list[AgentGraphItem] = attrs.field(factory=list[AgentGraphItem])
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class LLMCredentials:
    """The agent's own key for its model. The key shows in no `repr`.

        credentials: LLMCredentials | None = agent.llm_credentials

    Args:
        value: The key.
    """

    name: str | None = None
    description: str | None = None
    value: str | None = attrs.field(default=None, repr=False)
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class AgnoSettings:
    """How an agent is run by Agno.

        settings: AgnoSettings | None = agent.agno_settings

    Args:
        session_storage: Conversations are kept.
        num_history_runs: How many earlier runs of the conversation the model sees.
        max_tool_calls_from_history: How many earlier tool calls it sees; None and 0 mean no limit.
        tool_call_limit: How many tool calls a run may make; None and 0 leave it to the caller.
        pii_detection_mask: Personal data is masked rather than refused.
        openai_moderation_categories: What OpenAI's moderation refuses; an empty list means all.
    """

    session_storage: bool = True
    learning: bool = False
    session_summaries: bool = False
    num_history_runs: int = 50
    max_tool_calls_from_history: int | None = None
    tool_call_limit: int | None = None
    coordinate_mode: bool = True
    pii_detection_enabled: bool = False
    pii_detection_mask: bool = True
    prompt_injection_detection_enabled: bool = False
    openai_moderation_enabled: bool = False
    openai_moderation_categories: list[str] = attrs.field(factory=list[str])
    reasoning_tools_enabled: bool = True
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.define(kw_only=True)
class ToolInvocationResult:
    """What became of a call of a tool.

        outcome: ToolInvocationResult = agent.invoke_tool("get_weather", {"body_params": {"city": "Bonn"}})
        print(outcome.result)

    Args:
        tool_id: The tool.
        tool_call_id: The id of the logical call; pass it again to repeat the call without running it twice.
        payload: What was sent: `body_params`, `query_params`, `path_params` and `headers`.
        result: What the operation answered, any JSON.
        task_id: The task in which the tool was called.
    """

    tool_id: str
    tool_call_id: str
    payload: dict[str, Any]
    result: Any = None
    task_id: str | None = None


@attrs.define(kw_only=True)
class KnowledgeBaseSearchResult:
    """A piece of a document that fits a question.

        found: list[KnowledgeBaseSearchResult] = agent.search_knowledge("Invoices")
        print([piece.score for piece in found])

    Args:
        content: The text.
        score: How well it fits; more is better.
        knowledge_base_id: Where it was found.
    """

    content: str
    score: float | None = None
    document_name: str | None = None
    document_id: str | None = None
    knowledge_base_id: str | None = None
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
