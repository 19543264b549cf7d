"""Workers that have a stream open: who they are and when they were last heard of.

They register and are kept alive here; giving them tasks is the part of a dispatcher.
"""

from __future__ import annotations

import threading
import uuid
from typing import Any

from ._clock import now
from ._json import Json, object_of


class Workers:
    """The workers of all agents."""

    def __init__(self, organization_id: str) -> None:
        self._home = organization_id
        self._lock = threading.Lock()
        self._workers: dict[str, Json] = {}

    def register(self, organization_id: str | None, agent_id: str, environment: str) -> Json:
        """Note a new worker and return what it is told about itself."""
        moment = now()
        worker: Json = {
            "id": str(uuid.uuid4()),
            "name": f"worker of {agent_id}",
            "organization_id": organization_id or self._home,
            "type": "worker",
            "created_at": moment,
            "last_heartbeat": moment,
            "metadata": {"agent_id": agent_id, "environment": environment, "is_busy": False},
        }
        with self._lock:
            self._workers[worker["id"]] = worker
        return worker

    def message(self, worker_id: str, event: str, data: Any) -> None:
        """Take note of a worker's message; one of an unknown worker is as good as none."""
        with self._lock:
            worker = self._workers.get(worker_id)
            if worker is None:
                return
            worker["last_heartbeat"] = now()
            if event == "worker-finished":
                del self._workers[worker_id]
            elif event == "worker-capacity-update":
                worker["metadata"]["is_busy"] = bool(object_of(data).get("is_busy"))

    def leave(self, worker_id: str) -> None:
        """Forget a worker whose stream has ended."""
        with self._lock:
            self._workers.pop(worker_id, None)

    def listed(self) -> list[Json]:
        """Return copies of the workers, oldest first."""
        with self._lock:
            return [{**worker, "metadata": dict(worker["metadata"])} for worker in self._workers.values()]

    def clear(self) -> None:
        """Forget all workers."""
        with self._lock:
            self._workers.clear()
