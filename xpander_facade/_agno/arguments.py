"""What `agno.agent.Agent(**arguments)` takes, made of an agent of the platform and a task."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade import _client, _requests, _validation
from xpander_facade._agno import mcp, model_access
from xpander_facade._agno.knowledge import knowledge_retriever
from xpander_facade._agno.models import ModelRequest, make_model
from xpander_facade._agno.output import model_of_schema
from xpander_facade._agno.tools import agent_tools, observed_tools
from xpander_facade._serialization import codec
from xpander_facade.agents._agent import Agent
from xpander_facade.agents._tool_payload import as_object
from xpander_facade.errors import ConfigurationError, ModuleException, NotFoundError
from xpander_facade.tasks._task import Task
from xpander_facade.types.agents import AgentInstructions, AgnoSettings
from xpander_facade.types.enums import OutputFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xpander_facade.configuration._configuration import Configuration  # noqa: TC004 (nobody evaluates the annotations)

_log = logging.getLogger(__name__)

_TOOL_CALL_LIMIT = 800
"""The platform's own limit where neither the task nor the agent has one."""
_HOUR = "%Y-%m-%d %H:00 %Z"
"""The time that the model is told, to the hour, so that a provider's cache of the prompt lasts."""

_ELSEWHERE = {"agent": "agent", "custom_agent": "agent", "coding_agent": "agent", "workflow": "workflow"}


@attrs.frozen
class Inputs:
    """The checked arguments of `Backend.get_args`.

    Args:
        configuration: What all calls use.
        agent_id: The agent, where none was given as an object.
        agent: The agent.
        agent_version: The version that is loaded; None means the deployed one.
        task: The task that the run is for.
        override: Laid over the result.
        tools: The caller's own tools.
    """

    configuration: Configuration
    agent_id: str
    agent: Agent | None
    agent_version: str | int | None
    task: Task | None
    override: dict[str, Any]
    tools: list[Any]


def check_inputs(
    configuration: Configuration,
    *,
    agent_id: str | None,
    agent: Agent | None,
    agent_version: str | int | None,
    task: Task | None,
    override: Mapping[str, Any] | None,
    tools: Sequence[Any] | None,
    auth_events_callback: Callable[..., Any] | None,
) -> Inputs:
    """Return the arguments as they are used.

    Raises:
        ConfigurationError: There is no agent, or Agno is not installed; nothing was sent.
        TypeError: An argument has another type; nothing was sent.
    """
    _validation.check_instance("agent", agent, Agent)
    _validation.check_instance("task", task, Task)
    if override is not None and not isinstance(override, dict):
        raise TypeError(f"override must be a dict, not {type(override).__name__}")
    if tools is not None and (isinstance(tools, str | bytes | dict) or not hasattr(tools, "__iter__")):
        raise TypeError(f"tools must be a list, not {type(tools).__name__}")
    if auth_events_callback is not None and not callable(auth_events_callback):
        raise TypeError(f"auth_events_callback must be callable, not {type(auth_events_callback).__name__}")
    if agent is not None:
        agent_id = agent.id
    elif agent_id is None:
        agent_id = task.agent_id if task is not None else configuration.get_agent_id()
    agent_id = _validation.check_id("agent_id", agent_id)
    version = agent_version
    # The task's version is that of its own agent; it says nothing of another one that the caller names.
    if version is None and task is not None and task.agent_id == agent_id:
        version = task.agent_version
    try:
        # Before anything is asked of the platform, and before a tool of an MCP server is.
        importlib.import_module("agno.agent")
    except ImportError as error:
        raise ConfigurationError(
            f"get_args needs Agno, which can't be imported ({error}): "
            "pip install 'xpander-facade[agno]', or '.[agno]' in the checkout"
        ) from None
    return Inputs(configuration, agent_id, agent, version, task, dict(override or {}), list(tools or ()))


def get_args(inputs: Inputs) -> dict[str, Any]:
    """Return the arguments for an agent of Agno. See `Backend.get_args`."""
    configuration, task = inputs.configuration, inputs.task
    agent = inputs.agent or Agent.load(inputs.agent_id, configuration, version=inputs.agent_version)
    wanted: ModelRequest | None = None
    if _needs_model(inputs):
        wanted = model_access.model_request(agent, task)
        if task is not None and model_access.uses_custom_provider(task):
            request = model_access.custom_endpoint_request(agent, task)
            answer = _client.send(configuration, request, as_object)
            wanted = model_access.with_custom_endpoint(wanted, answer, task, configuration)
        headers: dict[str, str] = {}
        # An organisation that has set none is answered with a 404.
        with contextlib.suppress(NotFoundError):
            headers = _client.send(configuration, _requests.default_llm_headers_request(), _read_headers)
        wanted = model_access.with_headers(wanted, headers)
        route = model_access.route_request(wanted, agent, task)
        if task is not None and route is not None:
            try:
                wanted = model_access.with_route(wanted, _client.send(configuration, route, as_object), task)
            except ModuleException as error:
                _log_no_route(task, error)
    return _assemble(inputs, agent, wanted, mcp.make_toolkits(agent, task))


async def aget_args(inputs: Inputs) -> dict[str, Any]:
    """Return the arguments for an agent of Agno. See `Backend.get_args`."""
    configuration, task = inputs.configuration, inputs.task
    agent = inputs.agent or await Agent.aload(inputs.agent_id, configuration, version=inputs.agent_version)
    wanted: ModelRequest | None = None
    if _needs_model(inputs):
        wanted = model_access.model_request(agent, task)
        if task is not None and model_access.uses_custom_provider(task):
            request = model_access.custom_endpoint_request(agent, task)
            answer = await _client.asend(configuration, request, as_object)
            wanted = model_access.with_custom_endpoint(wanted, answer, task, configuration)
        headers: dict[str, str] = {}
        with contextlib.suppress(NotFoundError):
            headers = await _client.asend(configuration, _requests.default_llm_headers_request(), _read_headers)
        wanted = model_access.with_headers(wanted, headers)
        route = model_access.route_request(wanted, agent, task)
        if task is not None and route is not None:
            try:
                wanted = model_access.with_route(wanted, await _client.asend(configuration, route, as_object), task)
            except ModuleException as error:
                _log_no_route(task, error)
    return _assemble(inputs, agent, wanted, await mcp.amake_toolkits(agent, task))


def _log_no_route(task: Task, error: ModuleException) -> None:
    if not isinstance(error, NotFoundError):  # which says that there is none
        _log.warning("task %s: the platform does not say whether it has a way to the model: %s", task.id, error)


def _needs_model(inputs: Inputs) -> bool:
    return "model" not in inputs.override


def _read_headers(data: Any) -> dict[str, str]:
    return {name: value for name, value in as_object(data).items() if isinstance(value, str) and value}


def _assemble(inputs: Inputs, agent: Agent, wanted: ModelRequest | None, toolkits: mcp.Toolkits) -> dict[str, Any]:
    task = inputs.task
    tools = agent_tools(agent, task, is_async=toolkits.is_async)
    retriever = knowledge_retriever(agent)
    notes = [*tools.notes, *toolkits.notes, *_not_reached(agent)]
    arguments: dict[str, Any] = {
        "id": agent.id,
        "name": agent.name,
        "description": _description(agent),
        "instructions": _instructions(agent, task),
        "expected_output": (task.expected_output if task is not None else None) or agent.expected_output,
        "tools": [*tools.functions, *toolkits.tools, *observed_tools(inputs.tools, task)],
        "tool_call_limit": _tool_call_limit(agent, task),
        "knowledge_retriever": retriever,
        "search_knowledge": True if retriever is not None else None,
        "pre_hooks": _guardrails(_settings(agent)) or None,
        # This one and those below it are as in the platform's own runs.
        "store_events": True,
        # Agno would report each run to its maker.
        "telemetry": False,
        "add_datetime_to_context": True,
        "datetime_format": _HOUR,
        "timezone_identifier": "UTC",
        **_output(agent, task, notes),
        **_session(agent, task, has_db=inputs.override.get("db") is not None),
    }
    arguments["additional_context"] = _context(task, notes)
    if wanted is not None:
        arguments["model"] = make_model(wanted)
    # An argument that is left out keeps Agno's own default; a None would replace it.
    return {**{name: value for name, value in arguments.items() if value is not None}, **inputs.override}


def _settings(agent: Agent) -> AgnoSettings:
    return agent.agno_settings or AgnoSettings()


def _description(agent: Agent) -> str | None:
    return agent.description or (agent.instructions.general if agent.instructions is not None else None) or None


def _instructions(agent: Agent, task: Task | None) -> list[str] | None:
    told = agent.instructions or AgentInstructions()
    # Agno shows description and instructions both: a model should not read one text twice.
    lines = [told.general] if told.general and told.general != _description(agent) else []
    lines += [*told.role, *told.goal]
    if task is not None and task.instructions_override:
        lines.append(task.instructions_override)
    return [line for line in lines if line] or None


def _context(task: Task | None, notes: list[str]) -> str | None:
    parts: list[str] = []
    user = task.input.user if task is not None else None
    if user is not None:
        details = {name: value for name, value in codec.unstructure(user).items() if value is not None}
        parts.append(f"User details: {json.dumps(details, ensure_ascii=False)}")
    if task is not None and task.additional_context:
        parts.append(task.additional_context)
    return "\n\n".join([*parts, *notes]) or None


def _not_reached(agent: Agent) -> list[str]:
    """Return a line for each part of the agent that only the platform runs."""
    notes: list[str] = []
    for item in agent.graph.items if agent.graph is not None else ():
        kind = _ELSEWHERE.get(item.type or "")
        if kind is not None:
            name = item.name or item.item_id or "without a name"
            _log.warning("agent %s: the %s %s is left out: only the platform runs it", agent.id, kind, name)
            notes.append(f"The {kind} {name} is not available: only the platform runs it.")
    return notes


def _tool_call_limit(agent: Agent, task: Task | None) -> int:
    return (task.tool_call_limit if task is not None else None) or _settings(agent).tool_call_limit or _TOOL_CALL_LIMIT


def _output(agent: Agent, task: Task | None, notes: list[str]) -> dict[str, Any]:
    """Return how the result is written. What a task says goes before what its agent says."""
    schema = (task.output_schema if task is not None else None) or agent.output_schema
    if task is not None and task.output_format is not None:
        form = task.output_format
    elif task is not None and task.output_schema is not None:
        form = OutputFormat.Json
    else:
        form = agent.output_format or OutputFormat.Markdown
    if form is not OutputFormat.Json:
        return {"markdown": form is OutputFormat.Markdown}
    if schema is None:
        # Agno's JSON mode needs a schema.
        notes.append("Answer with one JSON value, and nothing else.")
        return {"markdown": False}
    try:
        return {"markdown": False, "use_json_mode": True, "output_schema": model_of_schema(schema)}
    except ValueError as error:
        raise ConfigurationError(f"agent {agent.id}: {error}") from None


def _session(agent: Agent, task: Task | None, *, has_db: bool) -> dict[str, Any]:
    """Return which conversation a run belongs to, and what of it the model sees where it is kept."""
    found: dict[str, Any] = {}
    if task is not None:
        # A task that belongs to no conversation is one by itself.
        found["session_id"] = task.conversation_id or task.id
        found["user_id"] = task.input.user.id if task.input.user is not None else None
    settings = _settings(agent)
    # Without a database Agno has kept nothing that could be added.
    if has_db and settings.session_storage:
        found["add_history_to_context"] = True
        found["num_history_runs"] = settings.num_history_runs
        found["enable_session_summaries"] = settings.session_summaries
        found["max_tool_calls_from_history"] = settings.max_tool_calls_from_history or None
    return found


def _guardrails(settings: AgnoSettings) -> list[Any]:
    hooks: list[Any] = []
    if not (
        settings.pii_detection_enabled
        or settings.prompt_injection_detection_enabled
        or settings.openai_moderation_enabled
    ):
        return hooks
    # Late: its import brings packages that only guardrails need.
    from agno import guardrails

    if settings.pii_detection_enabled:
        hooks.append(guardrails.PIIDetectionGuardrail(mask_pii=settings.pii_detection_mask))
    if settings.prompt_injection_detection_enabled:
        hooks.append(guardrails.PromptInjectionGuardrail())
    if settings.openai_moderation_enabled:
        categories: Any = settings.openai_moderation_categories or None
        hooks.append(guardrails.OpenAIModerationGuardrail(raise_for_categories=categories))
    return hooks
