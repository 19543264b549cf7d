"""Requests about agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_api import models
from xpander_api.api import agents as operations
from xpander_api.api import knowledge, metadata, tools
from xpander_api.types import UNSET

from xpander_facade import _validation
from xpander_facade._process.imports import TOOL_CALLS, load
from xpander_facade._requests.bodies import given, json_object
from xpander_facade._requests.generated import make_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xpander_facade._client.request import Request

_PAYLOAD_PARTS = frozenset({"body_params", "query_params", "path_params", "headers"})


def list_agents_request() -> Request:
    """Return the request that lists the agents of the organisation."""
    return make_request("list_agents", operations.list_agents_kwargs(), idempotent=True)


def get_agent_request(agent_id: str, version: str | int | None) -> Request:
    """Return the request that loads an agent, by default in its deployed version.

    Raises:
        TypeError: The version is neither a string nor a whole number.
        ValueError: The id is empty, or a header can't hold the version.
    """
    parts = operations.get_agent_kwargs(
        _validation.check_agent_id(agent_id), x_agent_version=given(_validation.check_version(version))
    )
    return make_request("get_agent", parts, idempotent=True, resource_id=agent_id)


def invoke_operation_request(
    agent_id: str,
    tool_id: str,
    payload: dict[str, Any],
    *,
    agent_version: int | None,
    task_id: str | None,
    tool_call_id: str,
) -> Request:
    """Return the request that calls a tool. With its call id it may be repeated."""
    load(TOOL_CALLS)
    body = models.OperationPayload(
        body_params=given(json_object("body_params", payload.get("body_params"))),
        query_params=given(json_object("query_params", payload.get("query_params"))),
        path_params=given(json_object("path_params", payload.get("path_params"))),
        headers=given(json_object("headers", payload.get("headers"))),
    )
    # The platform takes members beside the four parts as they are.
    body.additional_properties = {name: value for name, value in payload.items() if name not in _PAYLOAD_PARTS}
    parts = tools.invoke_operation_kwargs(
        _validation.check_id("agent_id", agent_id),
        _validation.check_id("tool_id", tool_id),
        body=body,
        x_agent_version=UNSET if agent_version is None else str(agent_version),
        x_execution_id=task_id or UNSET,
        x_tool_call_id=tool_call_id,
    )
    return make_request("invoke_operation", parts, idempotent=True, resource_id=agent_id)


def search_requests(
    knowledge_base_ids: Iterable[str], query: str, *, top_k: int, use_bubble: bool, bubble_size: int
) -> list[tuple[str, Request]]:
    """Return the requests that search knowledge bases, each with the id of its knowledge base.

    Raises:
        TypeError: An argument has another type.
        ValueError: An argument makes no sense.
    """
    if not isinstance(query, str):
        raise TypeError(f"query must be a string, not {type(query).__name__}")
    if not query.strip():
        raise ValueError("query is empty: say what is looked for")
    if not _validation.check_count("top_k", top_k):
        raise ValueError(f"top_k must be 1 or more, not {top_k}")
    bubble = _validation.check_flag("use_bubble", use_bubble)
    size = _validation.check_count("bubble_size", bubble_size) or 0
    found: list[tuple[str, Request]] = []
    for knowledge_base_id in knowledge_base_ids:
        parts = knowledge.search_knowledge_base_kwargs(
            _validation.check_id("knowledge_base_id", knowledge_base_id),
            search_query=query,
            use_bubble=bubble,
            bubble_size=size,
            top_k=top_k,
        )
        request = make_request("search_knowledge_base", parts, idempotent=True, resource_id=knowledge_base_id)
        found.append((knowledge_base_id, request))
    return found


def default_llm_headers_request() -> Request:
    """Return the request for the headers that go with every call of a model."""
    return make_request("get_default_llm_headers", metadata.get_default_llm_headers_kwargs(), idempotent=True)


def llm_gateway_route_request(agent_id: str, task_id: str) -> Request:
    """Return the request that takes the way to models which the platform keeps for a task; it is given once."""
    parts = operations.take_llm_gateway_route_kwargs(
        _validation.check_id("agent_id", agent_id), _validation.check_id("task_id", task_id)
    )
    return make_request("take_llm_gateway_route", parts, idempotent=False, resource_id=task_id)


def custom_llm_endpoint_request(agent_id: str, task_id: str) -> Request:
    """Return the request for access to the provider of models that the organisation has set up for a task."""
    parts = operations.get_custom_llm_endpoint_kwargs(
        _validation.check_id("agent_id", agent_id), _validation.check_id("task_id", task_id)
    )
    return make_request("get_custom_llm_endpoint", parts, idempotent=True, resource_id=task_id)
