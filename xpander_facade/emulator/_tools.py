"""Tools of the emulator's agents: what an operation answers, by rule; a repeated call is answered as the first time.

A rule is any JSON, which is the answer; a function of an `OperationCall`; or what a fixtures file can say:

    {"rules": [{"when": {"body_params": {"city": "Bonn"}}, "answer": {"degrees": 21}},
               {"when": {"body_params": {"city": ""}}, "status": 400, "detail": "no city"}],
     "answer": {"degrees": 0}}

The first rule whose `when` is a part of the payload counts. Without a rule, a tool answers with what it was given.
"""

from __future__ import annotations

import collections
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ._json import Json, is_array, is_object, object_of
from ._problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._agents import Agents

_CONTAINERS: Final = ("body_params", "query_params", "path_params", "headers")
_MAX_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class OperationCall:
    """One call of a tool, as its rule sees it.

        def weather(call: OperationCall) -> dict[str, object]:
            return {"city": call.payload["body_params"]["city"], "degrees": 21}

        emulator.answer_tool("get_weather", weather)

    Args:
        agent_id: Whose tool it is.
        tool_id: The tool.
        payload: What it is given, all four parts of it: `body_params`, `query_params`, `path_params`, `headers`.
        task_id: The task in which it is called, where the request names one.
        tool_call_id: The logical call; a repetition has the same.
        agent_version: The version of the agent, as the request names it.
    """

    agent_id: str
    tool_id: str
    payload: Json
    task_id: str | None = None
    tool_call_id: str | None = None
    agent_version: str | None = None


class OperationError(Exception):
    """Raised by a rule to answer with an error status.

        def weather(call: OperationCall) -> object:
            raise OperationError(404, "there is no such city")

        emulator.answer_tool("get_weather", weather)

    Args:
        status: The HTTP status, 400 to 599.
        detail: What is said of it.
    """

    def __init__(self, status: int, detail: Any = "the operation failed") -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail


Rule: TypeAlias = "Callable[[OperationCall], Any] | Any"


class Tools:
    """The rules of all tools, and the calls that were carried out."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents
        # A call that is repeated while the first one runs waits for its answer. Reentrant, since a rule may ask for
        # calls.
        self._lock = threading.RLock()
        self._rules: dict[tuple[str | None, str], Rule] = {}
        self._answers: collections.OrderedDict[tuple[str, str, str], Any] = collections.OrderedDict()
        self._calls: list[OperationCall] = []

    def set_rule(self, tool_id: str, rule: Rule, agent_id: str | None = None) -> None:
        """Say what a tool answers from now on; of one agent, or of all that have no rule of their own for it."""
        with self._lock:
            self._rules[agent_id, tool_id] = rule

    def calls(self, tool_id: str | None = None) -> list[OperationCall]:
        """Return the calls that were carried out, oldest first; a repetition is not carried out again."""
        with self._lock:
            return [call for call in self._calls if tool_id in (None, call.tool_id)]

    def clear(self) -> None:
        """Forget all rules and calls."""
        with self._lock:
            self._rules.clear()
            self._answers.clear()
            self._calls.clear()

    def invoke(
        self, organization_id: str | None, agent_id: str, tool_id: str, body: Json, headers: Mapping[str, str]
    ) -> Any:
        """Carry a call out, and return what its tool answers.

        Raises:
            Problem: 404 when the agent has no such tool; or what the rule says.
        """
        agent = self._agents.find(organization_id, agent_id)
        if tool_id not in {tool.get("id") for tool in agent.get("tools") or () if is_object(tool)}:
            raise Problem(404, f"Tool {tool_id!r} of agent {agent_id!r} not found")
        call = OperationCall(
            agent_id,
            tool_id,
            {**body, **{name: object_of(body.get(name)) for name in _CONTAINERS}},
            headers.get("x-execution-id"),
            headers.get("x-tool-call-id"),
            headers.get("x-agent-version"),
        )
        with self._lock:
            key = None if call.tool_call_id is None else (agent_id, tool_id, call.tool_call_id)
            # A call that is repeated under its id is billed once, and must not be carried out twice.
            if key is not None and key in self._answers:
                return self._answers[key]
            self._calls.append(call)
            answer = self._answer(call)
            if key is not None:
                self._answers[key] = answer
                # A test that calls tools without end must not fill the memory.
                if len(self._answers) > _MAX_REMEMBERED:
                    self._answers.popitem(last=False)
            return answer

    def _answer(self, call: OperationCall) -> Any:
        for agent_id in (call.agent_id, None):
            if (agent_id, call.tool_id) in self._rules:
                rule = self._rules[agent_id, call.tool_id]
                try:
                    return rule(call) if callable(rule) else _by_rules(rule, call)
                except OperationError as error:
                    raise Problem(error.status, error.detail) from None
        return _echo(call)


def _echo(call: OperationCall) -> Json:
    return {"tool_id": call.tool_id, "payload": call.payload}


def _by_rules(rule: Any, call: OperationCall) -> Any:
    if not is_object(rule) or not is_array(rule.get("rules")):
        return rule
    for entry in rule["rules"]:
        if _is_part(entry.get("when", {}), call.payload):
            return _said_by(entry)
    return _said_by(rule) if "answer" in rule or "status" in rule else _echo(call)


def _said_by(entry: Json) -> Any:
    if "status" in entry:
        raise OperationError(entry["status"], entry.get("detail", "the operation failed"))
    return entry.get("answer")


def _is_part(part: Any, whole: Any) -> bool:
    """Tell whether each member of an object is a part of the same member of another; anything else has to be equal."""
    if is_object(part) and is_object(whole):
        return all(name in whole and _is_part(value, whole[name]) for name, value in part.items())
    return bool(part == whole)
