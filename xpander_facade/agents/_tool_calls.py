"""Calls of an agent's tools and searches of its knowledge bases: arguments checked, answers read. No I/O."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade import _validation
from xpander_facade._serialization import codec
from xpander_facade._serialization.jsonable import to_jsonable
from xpander_facade.agents._tool_payload import apply_marks, as_object, build_payload, overlays_of
from xpander_facade.errors import ApprovalRequiredError
from xpander_facade.types.agents import AgentTool, KnowledgeBaseSearchResult, ToolInvocationResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.types.agents import AgentGraph


def find_tool(agent_id: str, tools: list[AgentTool], tool: AgentTool | str) -> AgentTool:
    """Return the tool that is meant by itself, its id or its name.

    Raises:
        TypeError: It is neither a tool nor a text.
        ValueError: The agent has no such tool, or it is a function of the worker's own.
    """
    if isinstance(tool, str):
        # An id goes before a name, which may be another tool's id.
        found = next((known for known in tools if known.id == tool), None)
        found = found or next((known for known in tools if known.name == tool), None)
        if found is None:
            known = ", ".join(sorted(known.id for known in tools)) or "none"
            raise ValueError(f"agent {agent_id} has no tool {tool!r}; it has {known}")
        tool = found
    elif not isinstance(tool, AgentTool):
        raise TypeError(f"tool must be an AgentTool or its id, not {type(tool).__name__}")
    if tool.is_local:
        raise ValueError(f"the tool {tool.id!r} is a function of the worker's own: call that function")
    return tool


def prepare_call(
    tool: AgentTool,
    graph: AgentGraph | None,
    payload: Mapping[str, Any] | None,
    extension: Mapping[str, Any] | None,
    task_id: str | None,
    tool_call_id: str | None,
) -> ToolInvocationResult:
    """Return the call that is to be made; its result comes later.

    Raises:
        TypeError: A part of the payload is not an object, or an id is not a text.
        ValueError: An id is empty.
    """
    for name, value in (("payload", payload), ("payload_extension", extension)):
        if value is not None and not isinstance(value, Mapping):
            raise TypeError(f"{name} must be an object, not {type(value).__name__}")
    overlays = overlays_of(graph, tool)
    body = build_payload(tool.parameters, overlays.input if overlays is not None else None, payload or {}, extension)
    return ToolInvocationResult(
        tool_id=tool.id,
        # The platform bills by this id: a call that is tried again keeps it.
        tool_call_id=str(uuid.uuid4()) if tool_call_id is None else _validation.check_id("tool_call_id", tool_call_id),
        # The tool needs its arguments whole, however large.
        payload=to_jsonable(body, shorten=False),
        task_id=None if task_id is None else _validation.check_id("task_id", task_id),
    )


def answer_reader(
    tool: AgentTool, graph: AgentGraph | None, call: ToolInvocationResult
) -> Callable[[Any], ToolInvocationResult]:
    """Return what makes a result of an answer.

    It raises `ApprovalRequiredError` where a person has to allow the call.
    """
    overlays = overlays_of(graph, tool)
    output = overlays.output if overlays is not None else None

    def read(data: Any) -> ToolInvocationResult:
        answer = as_object(data)
        if answer.get("type") == "approval_required":
            raise _approval_error(call, answer)
        return attrs.evolve(call, result=apply_marks(data, output) if output else data)

    return read


def _approval_error(call: ToolInvocationResult, answer: dict[str, Any]) -> ApprovalRequiredError:
    denied = answer.get("denied") is True
    request_id, wait_seconds = answer.get("request_id"), answer.get("wait_seconds")
    said = answer.get("message") or ("a person has refused it" if denied else "a person has to allow it first")
    named = f" (request {request_id})" if request_id else ""
    return ApprovalRequiredError(
        f"the tool {call.tool_id} was not called: {said}{named}",
        tool_id=call.tool_id,
        tool_call_id=call.tool_call_id,
        request_id=request_id if isinstance(request_id, str) else None,
        denied=denied,
        self_approve=answer.get("self_approve") is True,
        wait_seconds=wait_seconds if isinstance(wait_seconds, int | float) else None,
    )


def results_reader(knowledge_base_id: str) -> Callable[[Any], list[KnowledgeBaseSearchResult]]:
    """Return what makes search results of an answer, each with the knowledge base that it comes from."""

    def read(data: Any) -> list[KnowledgeBaseSearchResult]:
        found = codec.structure_list(KnowledgeBaseSearchResult, data)
        for result in found:
            result.knowledge_base_id = knowledge_base_id
        return found

    return read


def best_results(found: list[KnowledgeBaseSearchResult], top_k: int) -> list[KnowledgeBaseSearchResult]:
    """Return so many results, those with the highest score first."""
    # What has no score is no worse than nothing, and comes last.
    return sorted(found, key=lambda result: -(result.score or 0.0))[:top_k]
