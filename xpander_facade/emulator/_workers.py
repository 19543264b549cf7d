"""Registered workers: who they are, whether they are free, and when their last message came.

The dispatcher assigns tasks to them; it holds the store's lock whenever it calls this module.
"""

from __future__ import annotations

import itertools
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from ._clock import now

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._json import Json
    from ._streams import Key

State: TypeAlias = Literal["listening", "away", "finished", "lost"]


@dataclass(slots=True, eq=False)
class Worker:
    """One registration. A client that opens its stream again is another worker.

    Attributes:
        state: `away` is a worker whose stream has ended but whose heartbeats have not; it goes on with what it has.
        assigned: The tasks that it has, and whether it has started each.
        queued: Tasks that were assigned to it and not yet sent.
        round_robin: Position among the workers; the free one with the lowest is next.
        last_seen: When its last message came, by the dispatcher's clock; `last_beat` is its last heartbeat, and
            `disconnected_at` the end of its stream.
    """

    id: str
    agent_id: str
    organization_id: str
    environment: str
    round_robin: int
    last_seen: float
    last_beat: float
    disconnected_at: float = 0.0
    state: State = "listening"
    is_busy: bool = False
    supports_llm_gateway: bool = False
    heartbeats: int = 0
    longest_gap: float = 0.0
    created_at: str = field(default_factory=now)
    last_heartbeat: str = field(default_factory=now)
    assigned: dict[Key, bool] = field(default_factory=dict["Key", bool])
    queued: deque[tuple[Key, str]] = field(default_factory=deque[tuple["Key", str]])

    @property
    def stream(self) -> Key:
        """The name of its stream."""
        return ("worker", self.id)

    @property
    def is_free(self) -> bool:
        """Whether it can be assigned a task; while it has one that it has not started, it may be busy with that one."""
        return self.state == "listening" and not self.is_busy and all(self.assigned.values())

    def record_message(self, moment: float, event: str) -> None:
        """Record a message."""
        self.last_seen = moment
        self.last_heartbeat = now()
        if event == "worker-heartbeat":
            self.heartbeats += 1
            self.longest_gap = max(self.longest_gap, moment - self.last_beat)
            self.last_beat = moment

    def registration(self) -> Json:
        """Return what the worker is told about itself."""
        return {
            "id": self.id,
            "name": f"worker of {self.agent_id}",
            "organization_id": self.organization_id,
            "type": "worker",
            "created_at": self.created_at,
            "created_by": None,
            "last_heartbeat": self.last_heartbeat,
            "dedicated_agent_id": self.agent_id,
            "parent_asset_id": None,
            "is_busy": self.is_busy,
            "metadata": {"agent_id": self.agent_id, "environment": self.environment, "is_busy": self.is_busy},
        }

    def described(self) -> Json:
        """Return what a test may want to know."""
        return {
            **self.registration(),
            "agent_id": self.agent_id,
            "state": self.state,
            "listening": self.state == "listening",
            "supports_llm_gateway": self.supports_llm_gateway,
            "tasks": [task_id for _, task_id in self.assigned],
            "task_organizations": [organization for organization, _ in self.assigned],
            "heartbeats": self.heartbeats,
            "longest_gap": self.longest_gap,
        }


class Workers:
    """The workers of all agents: those that are present, and those that were."""

    def __init__(self, organization_id: str, clock: Callable[[], float]) -> None:
        self._home = organization_id
        self._clock = clock
        self._positions = itertools.count()
        self._known: list[Worker] = []
        self._present: dict[str, Worker] = {}

    def register(self, organization_id: str | None, agent_id: str, environment: str) -> Worker:
        """Register a new worker."""
        moment = self._clock()
        organization = organization_id or self._home
        worker = Worker(str(uuid.uuid4()), agent_id, organization, environment, next(self._positions), moment, moment)
        self._known.append(worker)
        self._present[worker.id] = worker
        return worker

    def find(self, worker_id: str | None) -> Worker | None:
        """Return a worker that is present, or None."""
        return None if worker_id is None else self._present.get(worker_id)

    def of(self, organization_id: str, agent_id: str) -> list[Worker]:
        """Return the workers that are present and take the tasks of an agent in an organisation."""
        # Workers always name their organisation, a task that was created without one belongs to the default one.
        return [
            worker
            for worker in self._present.values()
            if worker.agent_id == agent_id and organization_id in (worker.organization_id, self._home)
        ]

    def present(self) -> list[Worker]:
        """Return the workers whose heartbeats go on, oldest first."""
        return list(self._present.values())

    def move_to_back(self, worker: Worker) -> None:
        """Move a worker behind all others."""
        worker.round_robin = next(self._positions)

    def remove(self, worker: Worker, state: Literal["finished", "lost"]) -> None:
        """Remove a worker that does not come back."""
        worker.state = state
        del self._present[worker.id]

    def listed(self, *, all: bool) -> list[Json]:
        """Describe the workers that listen, or all since the start, oldest first."""
        return [worker.described() for worker in self._known if all or worker.state == "listening"]

    def clear(self) -> None:
        """Forget all workers."""
        self._known.clear()
        self._present.clear()
