"""Requests: the arguments of the methods become requests of the contract. The only importer of `xpander_api.api`.

The files import the generated client when they are loaded, so the names here load when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade._requests.agents import (
        custom_llm_endpoint_request,
        default_llm_headers_request,
        get_agent_request,
        invoke_operation_request,
        list_agents_request,
        llm_gateway_route_request,
        search_requests,
    )
    from xpander_facade._requests.events import push_request, stream_request
    from xpander_facade._requests.report import Report, attach_report, make_report, report_request
    from xpander_facade._requests.tasks import (
        activity_request,
        change_request,
        create_request,
        get_request,
        list_tasks_request,
        list_user_tasks_request,
        metrics_request,
        save_request,
        stop_request,
        summary_request,
    )
    from xpander_facade._requests.workers import message_request, worker_stream_request

__all__ = [
    "Report",
    "activity_request",
    "attach_report",
    "change_request",
    "create_request",
    "custom_llm_endpoint_request",
    "default_llm_headers_request",
    "get_agent_request",
    "get_request",
    "invoke_operation_request",
    "list_agents_request",
    "list_tasks_request",
    "list_user_tasks_request",
    "llm_gateway_route_request",
    "make_report",
    "message_request",
    "metrics_request",
    "push_request",
    "report_request",
    "save_request",
    "search_requests",
    "stop_request",
    "stream_request",
    "summary_request",
    "worker_stream_request",
]

_HOMES = {
    "Report": "report",
    "activity_request": "tasks",
    "attach_report": "report",
    "change_request": "tasks",
    "create_request": "tasks",
    "custom_llm_endpoint_request": "agents",
    "default_llm_headers_request": "agents",
    "get_agent_request": "agents",
    "get_request": "tasks",
    "invoke_operation_request": "agents",
    "list_agents_request": "agents",
    "list_tasks_request": "tasks",
    "list_user_tasks_request": "tasks",
    "llm_gateway_route_request": "agents",
    "make_report": "report",
    "message_request": "workers",
    "metrics_request": "tasks",
    "push_request": "events",
    "report_request": "report",
    "save_request": "tasks",
    "search_requests": "agents",
    "stop_request": "tasks",
    "stream_request": "events",
    "summary_request": "tasks",
    "worker_stream_request": "workers",
}

if not TYPE_CHECKING:  # a type checker that saw these would believe in every name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
