"""The emulator's agents: known or made on first use, their metrics, and the totals of their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ._clock import now
from ._json import Json, is_object, object_of
from ._problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._store import Store

_COUNTS: Final = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_write_tokens")
_LISTED: Final = (
    "id",
    "name",
    "icon",
    "instructions",
    "status",
    "organization_id",
    "created_at",
    "description",
    "access_scope",
    "created_by",
    "type",
)


class Agents:
    """The agents of all organisations. `strict`: an agent that was not added is unknown.

    For example:

        for item in Agents().list():
            print(item.id, item.name)
    """

    def __init__(self, store: Store, organization_id: str, *, strict: bool) -> None:
        self.strict = strict
        self._store = store
        self._home = organization_id
        self._known: set[tuple[str, str]] = set()
        self._known_at = -1

    def add(self, organization_id: str | None, agent_id: str, **fields: Any) -> Json:
        """Add an agent, or change the fields of a known one."""
        with self._store.transaction():
            organization_id = organization_id or self._home
            agent = self._store.agent(organization_id, agent_id) or _new_agent(organization_id, agent_id)
            agent.update(fields)
            graph = agent.get("graph")
            if is_object(graph):  # clients show it as an object, the wire has the nodes alone
                agent["graph"] = graph.get("items") or []
            self._store.put_agent(agent)
            return agent

    def find(self, organization_id: str | None, agent_id: str) -> Json:
        """Return an agent, making it on first use.

        Raises:
            Problem: 404, when agents are strict and this one is unknown.
        """
        # Calls of the cloud name no organisation, event streams do: the default one's agents are always found.
        for organization in dict.fromkeys((organization_id or self._home, self._home)):
            agent = self._store.agent(organization, agent_id)
            if agent is not None:
                return agent
        if self.strict:
            raise Problem(404, f"Agent {agent_id!r} not found")
        return self.add(organization_id, agent_id)

    def require(self, organization_id: str | None, agent_id: str) -> None:
        """Make sure that an agent exists, as `find` does, without reading it each time.

        Raises:
            Problem: 404, when agents are strict and this one is unknown.
        """
        if self._known_at != self._store.undone:
            self._known.clear()
            self._known_at = self._store.undone
        key = (organization_id or self._home, agent_id)
        if key not in self._known:
            self.find(organization_id, agent_id)
            self._known.add(key)

    def version(self, organization_id: str | None, agent_id: str, version: str | None) -> Json:
        """Return an agent as it is in one version; the emulator's versions differ in their number only."""
        agent = self.find(organization_id, agent_id)
        if version is not None:
            # `int` raises for a text of thousands of digits.
            is_number = version.isascii() and version.isdigit() and len(version) < 16
            agent["version"] = int(version) if is_number else agent["version"]
        return agent

    def listed(self, organization_id: str | None) -> list[Json]:
        """Return the agents' list items, oldest first."""
        agents = self._store.agents(organization_id or self._home)
        return [{name: agent.get(name) for name in _LISTED} for agent in agents]

    def put_metrics(self, organization_id: str | None, agent_id: str, body: Json) -> Json:
        """Keep a run's metrics; a later report of the same run replaces the earlier one."""
        agent = self.find(organization_id, agent_id)
        self._store.put_metrics(agent["organization_id"], agent["id"], body["execution_id"], body)
        return {"success": True}

    def totals(self, organization_id: str | None, agent_id: str) -> Json:
        """Sum an agent's runs; a run that was reported several times counts once, as it was reported last."""
        organization = organization_id or self._home
        with self._store.lock:
            tasks = self._store.tasks(organization, agent_id=agent_id)
            metrics = self._store.metrics(organization, agent_id)
        statuses: dict[str, int] = {}
        for task in tasks:
            statuses[task["status"]] = statuses.get(task["status"], 0) + 1
        workers = [object_of(body.get("llm_tokens")).get("worker") for body in metrics]
        return {
            "tasks": len(tasks),
            "by_status": statuses,
            "duration": sum(task.get("duration") or 0 for task in tasks),
            "tokens": _sum(task.get("tokens") for task in tasks),
            "metrics": {
                "executions": len(metrics),
                "duration": sum(body.get("duration") or 0 for body in metrics),
                "api_calls": sum(len(body.get("api_calls_made") or ()) for body in metrics),
                "tokens": _sum(workers),
            },
        }


def tokens(given: Json | None) -> Json | None:
    """Fill a token count: missing counts are 0, the total is prompt and completion, the cache is never added."""
    if given is None:
        return None
    full = {**given, **{name: given.get(name) or 0 for name in _COUNTS}}
    full["total_tokens"] = full["prompt_tokens"] + full["completion_tokens"]
    return full


def _sum(counts: Iterable[Any]) -> Json:
    total: Json = dict.fromkeys(_COUNTS, 0)
    for count in counts:
        for name in _COUNTS:
            total[name] += object_of(count).get(name) or 0
    return tokens(total) or {}


def _new_agent(organization_id: str, agent_id: str) -> Json:
    return {
        "id": agent_id,
        "organization_id": organization_id,
        "name": agent_id,
        "unique_name": agent_id,
        "description": "An agent of the local emulator.",
        "icon": "🤖",
        "status": "ACTIVE",
        "version": 1,
        "type": "regular",
        "access_scope": "organizational",
        "created_by": "emulator",
        "created_at": now(),
        "framework": "agno",
        "model_provider": "emulator",
        "model_name": "emulator",
        "instructions": {"role": [], "goal": [], "general": ""},
        "graph": [],
        "tools": [],
        "knowledge_bases": [],
        "output_format": "markdown",
        "output_schema": None,
        "expected_output": None,
        "deep_planning": False,
        "enforce_deep_planning": False,
    }
