"""An agent's tools as functions of Agno: the platform's operations, and the caller's own tools."""

from __future__ import annotations

import copy
import inspect
import json
import logging
import re
from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade._agno.tool_events import ToolCall, tool_call
from xpander_facade._serialization.jsonable import to_jsonable
from xpander_facade.agents._tool_payload import build_payload, overlays_of, visible_schema
from xpander_facade.errors import ApprovalRequiredError, ModuleException, XpanderError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agno.tools.function import Function

    from xpander_facade.agents._agent import Agent  # noqa: TC004 (nobody evaluates the annotations)
    from xpander_facade.tasks._task import Task  # noqa: TC004 (nobody evaluates the annotations)
    from xpander_facade.types.agents import AgentTool, ToolInvocationResult  # noqa: TC004 (nobody evaluates the annotations)

_log = logging.getLogger(__name__)

# The longest name of a function that all providers take.
_MAX_NAME = 64
_PLANNING = re.compile(r"xp.*plan", re.IGNORECASE)


@attrs.define
class AgentTools:
    """The functions of an agent, and lines for the model on those that there are not."""

    functions: list[Any] = attrs.field(factory=list[Any])
    notes: list[str] = attrs.field(factory=list[str])


def agent_tools(agent: Agent, task: Task | None, *, is_async: bool) -> AgentTools:
    """Return the platform's tools of an agent, ready for Agno.

    Args:
        agent: Whose tools.
        task: The task that calls them; None outside of any.
        is_async: Whether the functions are coroutines, for `arun`. Else they block, for `run`; `arun` gives them a
            thread.
    """
    found = AgentTools()
    names: set[str] = set()
    plans = agent.deep_planning or (task is not None and (task.deep_planning.enabled or task.must_deep_plan))
    for tool in agent.tools:
        if tool.is_local:
            _log.info("agent %s: the tool %s is a local function: pass it with tools=", agent.id, tool.id)
            continue
        if _PLANNING.match(tool.id) and not plans:
            continue
        try:
            found.functions.append(_function(agent, tool, task, names, is_async))
        except ValueError as error:
            _log.warning("agent %s: the tool %s is left out: %s", agent.id, tool.id, error)
            found.notes.append(f"The tool {tool.id} is not available: {error}.")
    return found


def _function(agent: Agent, tool: AgentTool, task: Task | None, names: set[str], is_async: bool) -> Function:
    from agno.tools.function import Function

    overlays = overlays_of(agent.graph, tool)
    schema = visible_schema(tool.parameters, overlays.input if overlays is not None else None)
    name = _unused_name(tool.id, names)
    call = _Operation(agent, tool, task, name)
    entrypoint = _aentrypoint(call, schema) if is_async else _entrypoint(call, schema)
    entrypoint.__name__ = name
    return Function(
        name=name,
        description=tool.function_description or tool.description or tool.name or tool.id,
        parameters=schema,
        entrypoint=entrypoint,
        # The schema is the platform's; Agno would read another one off the function.
        skip_entrypoint_processing=True,
    )


def _entrypoint(call: _Operation, schema: dict[str, Any]) -> Callable[..., Any]:
    def invoke(**arguments: Any) -> str:
        return call.invoke(arguments, None)

    def invoke_as(fc: Any = None, **arguments: Any) -> str:
        return call.invoke(arguments, getattr(fc, "call_id", None))

    # Agno hands the call itself over under this name; a tool with such a parameter of its own goes without.
    return invoke if "fc" in schema["properties"] else invoke_as


def _aentrypoint(call: _Operation, schema: dict[str, Any]) -> Callable[..., Any]:
    async def invoke(**arguments: Any) -> str:
        return await call.ainvoke(arguments, None)

    async def invoke_as(fc: Any = None, **arguments: Any) -> str:
        return await call.ainvoke(arguments, getattr(fc, "call_id", None))

    return invoke if "fc" in schema["properties"] else invoke_as


def _unused_name(tool_id: str, names: set[str]) -> str:
    """Return a name that every provider takes for a function, and that no other has."""
    base = re.sub(r"[^A-Za-z0-9_-]", "_", tool_id)[:_MAX_NAME]
    name, number = base, 1
    while name in names:
        number += 1
        name = f"{base[: _MAX_NAME - len(str(number)) - 1]}_{number}"
    names.add(name)
    return name


@attrs.frozen
class _Operation:
    """A tool of the platform, as it is called by a model. What goes wrong becomes a line for the model."""

    agent: Agent
    tool: AgentTool
    task: Task | None
    name: str

    def invoke(self, arguments: dict[str, Any], call_id: str | None) -> str:
        call, refusal = self._prepared(arguments, call_id)
        call.start()
        if refusal is not None:
            call.finish(refusal, is_error=True)
            return refusal
        try:
            outcome = self.agent.invoke_tool(self.tool, arguments, task_id=self._task_id)
        except XpanderError as error:
            message = _message_for(self.name, error)
            call.finish(message, is_error=True, approval_request_id=_approval_of(error))
            return message
        call.finish(outcome.result)
        return _text_of(outcome)

    async def ainvoke(self, arguments: dict[str, Any], call_id: str | None) -> str:
        call, refusal = self._prepared(arguments, call_id)
        await call.astart()
        if refusal is not None:
            await call.afinish(refusal, is_error=True)
            return refusal
        try:
            outcome = await self.agent.ainvoke_tool(self.tool, arguments, task_id=self._task_id)
        except XpanderError as error:
            message = _message_for(self.name, error)
            await call.afinish(message, is_error=True, approval_request_id=_approval_of(error))
            return message
        await call.afinish(outcome.result)
        return _text_of(outcome)

    @property
    def _task_id(self) -> str | None:
        return None if self.task is None else self.task.id

    def _prepared(self, arguments: dict[str, Any], call_id: str | None) -> tuple[ToolCall, str | None]:
        overlays = overlays_of(self.agent.graph, self.tool)
        payload, refusal = arguments, None
        try:
            payload = build_payload(self.tool.parameters, overlays.input if overlays is not None else None, arguments)
        except TypeError as error:
            refusal = f"The tool {self.name} was not called: {error}."
        call = tool_call(self.task, self.name, payload, operation_id=self.tool.id, tool_call_id=call_id)
        return call, refusal


def _text_of(outcome: ToolInvocationResult) -> str:
    result = outcome.result
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)


def _message_for(name: str, error: XpanderError) -> str:
    return str(error) if isinstance(error, ApprovalRequiredError) else f"The tool {name} failed: {reason_of(error)}"


def reason_of(error: XpanderError) -> str:
    """Return what a model is told of a call that failed: the status, and what the platform said."""
    if not isinstance(error, ModuleException) or error.details is None:
        return getattr(error, "description", None) or str(error)
    said = error.details if isinstance(error.details, str) else json.dumps(error.details, ensure_ascii=False)
    return said if error.status_code is None else f"{error.status_code}: {said}"


def _approval_of(error: XpanderError) -> str | None:
    return error.request_id if isinstance(error, ApprovalRequiredError) else None


# --- the caller's own tools ---


def observed_tools(tools: Sequence[Any], task: Task | None) -> list[Any]:
    """Return the caller's tools so that a task is told of their calls; the objects that were given stay as they are.

    A toolkit that connects somewhere, as those of MCP do, is handed over untouched, and so is what is not known.
    """
    return [_observed(tool, task) for tool in tools] if task is not None else list(tools)


def _observed(tool: Any, task: Task) -> Any:
    from agno.tools import Toolkit
    from agno.tools.function import Function

    if isinstance(tool, Toolkit):
        if not tool.functions or getattr(tool, "requires_connect", False) or _is_mcp(tool):
            return tool
        toolkit = copy.copy(tool)
        toolkit.functions = type(tool.functions)((n, observed(f, task)) for n, f in tool.functions.items())
        if getattr(tool, "async_functions", None):
            pairs = tool.async_functions.items()
            toolkit.async_functions = type(tool.async_functions)((n, observed(f, task)) for n, f in pairs)
        return toolkit
    if isinstance(tool, Function):
        return observed(tool, task)
    if inspect.isroutine(tool):
        make: Callable[[Any], Function] = cast("Any", Function).from_callable
        return observed(make(tool), task)
    return tool


def _is_mcp(toolkit: object) -> bool:
    # By name, as Agno tells them: importing the class needs packages that a toolkit of another kind does without.
    return any(cls.__name__ in {"MCPTools", "MultiMCPTools"} for cls in type(toolkit).__mro__)


def observed(function: Function, task: Task | None) -> Function:
    """Return a copy of a function whose calls a task is told of. One that streams its result stays as it is."""
    entrypoint: Any = cast("Any", function).entrypoint
    if task is None or entrypoint is None:
        return function
    inner = inspect.unwrap(entrypoint)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        return function
    hook: Callable[..., Any] = _async_hook(task) if inspect.iscoroutinefunction(entrypoint) else _hook(task)
    seen = function.model_copy()
    seen.tool_hooks = [hook, *(cast("Any", function).tool_hooks or ())]
    return seen


def _hook(task: Task) -> Callable[..., Any]:
    def tell(function_name: str, function_call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        call = tool_call(task, function_name, arguments)
        call.start()
        try:
            result = function_call(**arguments)
        except Exception as error:
            call.finish(str(error) or type(error).__name__, is_error=True)
            raise
        call.finish(_result_data(result))
        return result

    return tell


def _async_hook(task: Task) -> Callable[..., Any]:
    async def tell(function_name: str, function_call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        call = tool_call(task, function_name, arguments)
        await call.astart()
        try:
            result = await function_call(**arguments)
        except Exception as error:
            await call.afinish(str(error) or type(error).__name__, is_error=True)
            raise
        await call.afinish(_result_data(result))
        return result

    return tell


def _result_data(result: Any) -> Any:
    from agno.tools.function import ToolResult

    return result.content if isinstance(result, ToolResult) else to_jsonable(result)
