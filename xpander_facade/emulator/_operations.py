"""Operations of the contract: operation id -> what it does with tasks, agents and workers.

Each JSON operation is one short function, which knows neither HTTP nor the contract's document. `_app` answers the two
event streams.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ._problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ._agents import Agents
    from ._dispatcher import Dispatcher
    from ._executions import Executions
    from ._json import Json
    from ._knowledge import KnowledgeBases
    from ._llm_access import LLMAccess
    from ._tools import Tools

_SUMMARY: Final = 160


@dataclass(frozen=True, slots=True)
class Call:
    """One valid request: `ids` are the path's parameters in their order."""

    organization_id: str | None
    ids: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


class Operations:
    """The JSON operations, by operation id."""

    def __init__(
        self,
        executions: Executions,
        agents: Agents,
        dispatcher: Dispatcher,
        tools: Tools,
        knowledge_bases: KnowledgeBases,
        llm_access: LLMAccess,
    ) -> None:
        self.executions = executions
        self.agents = agents
        self.dispatcher = dispatcher
        self.api_key: str | None = None
        self.default_llm_headers: Mapping[str, Any] = {}
        self._by_id: dict[str, Callable[[Call], Any]] = {
            "report_external_task": lambda c: executions.report(c.organization_id, c.ids[0], c.body),
            "create_task": lambda c: executions.create(
                c.organization_id, c.ids[0], c.body or {}, c.headers.get("x-agent-version")
            ),
            "get_task": lambda c: executions.shown(c.organization_id, c.ids[0]),
            "update_task": lambda c: executions.update(c.organization_id, c.ids[0], c.body or {}),
            "stop_task": lambda c: executions.stop(c.organization_id, c.ids[0]),
            "list_tasks": lambda c: [item for part in self.history("list_tasks", c) for item in part],
            "list_user_tasks": lambda c: [item for part in self.history("list_user_tasks", c) for item in part],
            "push_task_events": lambda c: {"pushed": executions.push(c.organization_id, c.ids[0], c.body)},
            "get_activity_log": lambda c: executions.activity(c.organization_id, c.ids[0], c.ids[1]),
            "report_metrics": lambda c: agents.put_metrics(c.organization_id, c.ids[0], c.body),
            "list_agents": lambda c: agents.listed(c.organization_id),
            "get_agent": lambda c: agents.version(c.organization_id, c.ids[0], c.headers.get("x-agent-version")),
            "invoke_operation": lambda c: tools.invoke(c.organization_id, c.ids[0], c.ids[1], c.body, c.headers),
            "search_knowledge_base": lambda c: knowledge_bases.search(c.ids[0], c.query),
            "get_default_llm_headers": lambda _: dict(self.default_llm_headers) or None,
            "take_llm_gateway_route": lambda c: llm_access.take(c.organization_id, c.ids[0], c.ids[1]),
            "get_custom_llm_endpoint": lambda c: llm_access.custom_endpoint(c.organization_id, c.ids[0], c.ids[1]),
            "send_worker_message": self._send_worker_message,
            "get_api_key_allowance": self._get_api_key_allowance,
            "summarize_tool_call": _summarize_tool_call,
        }

    def run(self, operation_id: str, call: Call) -> Any:
        """Execute an operation and return its JSON answer.

        Raises:
            Problem: when it is to be answered with an error status.
        """
        operation = self._by_id.get(operation_id)
        if operation is None:
            raise Problem(501, f"the emulator does not know the operation {operation_id!r}")
        return operation(call)

    def history(self, operation_id: str, call: Call) -> Iterator[list[Json]]:
        """Yield the answer of `list_tasks` or `list_user_tasks` in parts, each of which is read in a moment.

        Raises:
            Problem: when it is to be answered with an error status.
        """
        if operation_id == "list_tasks":
            return self.executions.history(call.organization_id, call.ids[0], call.query)
        return self.executions.history(call.organization_id, None, {**call.query, "user_id": call.ids[0]})

    def _send_worker_message(self, call: Call) -> Json:
        self.dispatcher.message(call.ids[0], str(call.body.get("event")), call.body.get("data"))
        return {"success": True}

    def _get_api_key_allowance(self, call: Call) -> Json:
        asked = call.body["api_key"]
        known = self.api_key is None or asked == self.api_key
        agents = self.agents.listed(call.organization_id) if known else []
        return {"api_key": asked, "agent_ids": [agent["id"] for agent in agents]}


def _summarize_tool_call(call: Call) -> Json:
    if call.body["preset"] != "tool_call_analysis":
        return {"result": {}}  # `tool_call_analysis` is the only known preset; either summary may be absent
    payload = call.body["payload"]
    name = payload["tool_name"]
    return {
        "result": {
            "request_summary": f"{name} was asked: {_in_short(payload.get('request'))}",
            "response_summary": f"{name} answered: {_in_short(payload.get('response'))}",
        }
    }


def _in_short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _SUMMARY else text[: _SUMMARY - 3] + "..."
