"""Ways to models through the platform: the gateway that goes with a delivery, and the organisation's own providers.

The emulator serves no models: a test names the server to which its clients are sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ._json import Json, object_of
from ._problem import Problem

if TYPE_CHECKING:
    from ._executions import Executions
    from ._streams import Key

_EXTENSION: Final = "payload_extension"


class LLMAccess:
    """What tasks are given, so that their models can be called without a key of the worker's own."""

    def __init__(self, executions: Executions) -> None:
        self._executions = executions
        self._gateway: Json | None = None
        self._custom: Json | None = None
        self._kept: set[Key] = set()

    def set_gateway(self, base_url: str, token: str) -> None:
        """Give this way to models with every delivery from now on."""
        self._gateway = {"base_url": base_url, "token": token}

    def set_custom_provider(self, provider: str, token: str) -> None:
        """Give this access to the tasks whose payload extension names a provider of the organisation."""
        self._custom = {"provider": provider, "token": token}

    def clear(self) -> None:
        """Forget all ways."""
        self._gateway = self._custom = None
        self._kept.clear()

    def delivered(self, task: Json) -> Json:
        """Return a task as a worker gets it that can call models through the platform."""
        if self._gateway is None:
            return task
        return {**task, _EXTENSION: {**object_of(task.get(_EXTENSION)), "llm_gateway": self._gateway}}

    def keep(self, task: Json) -> None:
        """Keep a way for a task that is delivered without one."""
        if self._gateway is not None:
            self._kept.add((task["organization_id"], task["id"]))

    def take(self, organization_id: str | None, agent_id: str, task_id: str) -> Any:
        """Return the way that is kept for a task, once.

        Raises:
            Problem: 404, where there is none.
        """
        task = self._task(organization_id, agent_id, task_id)
        key = (task["organization_id"], task["id"])
        if self._gateway is None or key not in self._kept:
            raise Problem(404, f"no way to models is kept for task {task_id!r}")
        self._kept.discard(key)
        return self._gateway

    def custom_endpoint(self, organization_id: str | None, agent_id: str, task_id: str) -> Any:
        """Return the access that a task has to a provider of the organisation.

        Raises:
            Problem: 404, where it has none.
        """
        task = self._task(organization_id, agent_id, task_id)
        if self._custom is None or not object_of(task.get(_EXTENSION)).get("llm_custom_provider"):
            raise Problem(404, f"task {task_id!r} has no provider of the organisation")
        return self._custom

    def _task(self, organization_id: str | None, agent_id: str, task_id: str) -> Json:
        task = self._executions.find(organization_id, task_id)
        if task["agent_id"] != agent_id:
            raise Problem(404, f"Agent {agent_id!r} has no task {task_id!r}")
        return task
