"""Requests about agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade import _validation
from xpander_facade._requests.generated import make_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xpander_facade._client.request import Request


def list_agents_request() -> Request:
    from xpander_api.api.agents import list_agents

    return make_request("list_agents", list_agents._get_kwargs(), idempotent=True)


def get_agent_request(agent_id: str, version: str | int | None) -> Request:
    from xpander_api.api.agents import get_agent
    from xpander_api.types import UNSET

    parts = get_agent._get_kwargs(
        _validation.check_id("agent_id", agent_id), x_agent_version=_validation.check_version(version) or UNSET
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
    from xpander_api.api.tools import invoke_operation
    from xpander_api.models.operation_payload import OperationPayload
    from xpander_api.types import UNSET

    # The payload is in the wire's form already; the generated model would only copy it.
    parts = invoke_operation._get_kwargs(
        _validation.check_id("agent_id", agent_id),
        _validation.check_id("tool_id", tool_id),
        body=OperationPayload(),
        x_agent_version=UNSET if agent_version is None else str(agent_version),
        x_execution_id=task_id or UNSET,
        x_tool_call_id=tool_call_id,
    )
    parts["json"] = payload
    return make_request("invoke_operation", parts, idempotent=True, resource_id=agent_id)


def search_requests(
    knowledge_base_ids: Iterable[str], query: str, *, top_k: int, use_bubble: bool, bubble_size: int
) -> list[tuple[str, Request]]:
    """Return the requests that search knowledge bases, each with the id of its knowledge base.

    Raises:
        TypeError: An argument has another type.
        ValueError: An argument makes no sense.
    """
    from xpander_api.api.knowledge import search_knowledge_base

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
        parts = search_knowledge_base._get_kwargs(
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
    from xpander_api.api.metadata import get_default_llm_headers

    return make_request("get_default_llm_headers", get_default_llm_headers._get_kwargs(), idempotent=True)
