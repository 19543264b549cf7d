"""Inspection: what a test can ask an emulator about what happened in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _contract

if TYPE_CHECKING:
    from ._agents import Agents
    from ._app import App
    from ._dispatcher import Dispatcher
    from ._executions import Executions
    from ._journal import Journal, RecordedRequest
    from ._json import Json
    from ._store import Store


class Inspection:
    """The questions that an `Emulator` answers. Every method may be called from any thread."""

    organization_id: str
    _agents: Agents
    _app: App
    _dispatcher: Dispatcher
    _executions: Executions
    _journal: Journal
    _store: Store

    def requests(self, operation: str | None = None) -> list[RecordedRequest]:
        """Return what was asked, oldest first: all of it, or one operation id.

        For example:

            print([request.path for request in emulator.requests("report_external_task")])
        """
        return self._journal.records(known_operation(operation))

    def tasks(self, **filters: str) -> list[Json]:
        """Return the tasks of all organisations, newest first; filters as those of the history, and `agent_id`.

        For example:

            print([task["id"] for task in emulator.tasks(status="completed")])
        """
        agent_id = filters.pop("agent_id", None)
        return self._store.tasks(filters.pop("organization_id", None), agent_id=agent_id, filters=filters)

    def task(self, task_id: str) -> Json:
        """Return a task.

            print(emulator.task(task.id)["status"])

        Raises:
            KeyError: when there is none.
        """
        for task in self._store.tasks(None, task_id=task_id):
            return task
        raise KeyError(task_id)

    def wait_for_status(self, task_id: str, *statuses: str, timeout: float = 5.0) -> Json:
        """Wait until a task has one of these statuses, and return it.

            done = emulator.wait_for_status(task.id, "completed")
            print(done["result"])

        Raises:
            TimeoutError: when the time (seconds) is over.
        """
        with self._executions.changed:
            if self._executions.changed.wait_for(lambda: self.task(task_id)["status"] in statuses, timeout):
                return self.task(task_id)
            raise TimeoutError(f"task {task_id!r} is {self.task(task_id)['status']}, not {' or '.join(statuses)}")

    def llm_response(self, task_id: str) -> Any:
        """Return the raw provider response that was reported with a task; None without one.

        For example:

            print(emulator.llm_response(task.id))
        """
        task = self.task(task_id)
        return self._store.llm_response(task["organization_id"], task_id)

    def events(self, task_id: str) -> list[str]:
        """Return all events of a task as their JSON text, those of earlier runs too.

        For example:

            print(len(emulator.events(task.id)))
        """
        task = self.task(task_id)
        return [data for _, _, data in self._store.events_after(task["organization_id"], task_id, 0, 1_000_000)]

    def totals(self, agent_id: str, organization_id: str | None = None) -> Json:
        """Sum an agent's runs: `tasks`, `by_status`, `duration`, `tokens`, `metrics`; each run counts once.

        For example:

            print(emulator.totals("agent-1")["tokens"])
        """
        return self._agents.totals(organization_id, agent_id)

    def metrics(self, agent_id: str, organization_id: str | None = None) -> list[Json]:
        """Return the metrics that were reported for an agent, one document for each run.

        For example:

            print(emulator.metrics("agent-1"))
        """
        return self._store.metrics(organization_id or self.organization_id, agent_id)

    def workers(self, *, all: bool = False) -> list[Json]:
        """Return the workers that have a stream open, or all that ever registered, oldest first.

        Each has `id`, `agent_id`, `is_busy`, `tasks` (ids of its tasks), `last_heartbeat`, `heartbeats` (their
        number), `longest_gap` (seconds between two of them) and `state`: listening, away, finished or lost.

            print([worker["id"] for worker in emulator.workers()])
        """
        return self._dispatcher.workers(all=all)

    def wait_for_workers(self, count: int = 1, timeout: float = 5.0) -> list[Json]:
        """Wait until so many workers have a stream open, and return them.

            workers = emulator.wait_for_workers(0)

        Raises:
            TimeoutError: when the time (seconds) is over.
        """
        with self._executions.changed:
            if self._executions.changed.wait_for(lambda: len(self.workers()) == count, timeout):
                return self.workers()
            raise TimeoutError(f"{len(self.workers())} workers have a stream open, not {count}")

    def dispatches(self, task_id: str | None = None) -> list[Json]:
        """Return which worker was assigned which task, oldest first.

        Each has `task_id`, `worker_id`, `given_at`, `left_at`, `outcome` (the task's final status, or why the worker
        does not have it any more) and `late_updates`, the number of updates that came too late to count.

            print([row["worker_id"] for row in emulator.dispatches()])
        """
        return self._dispatcher.dispatches(task_id)

    @property
    def violations(self) -> list[str]:
        """What `validate_answers` found."""
        return list(self._app.violations)


def known_operation(operation: str | None) -> str | None:
    """Return an operation id, or None for any.

    Raises:
        ValueError: when the contract has no such operation.
    """
    # A fault for a mistyped operation would never happen, and its test would pass for the wrong reason.
    known = _contract.load().operations
    if operation is not None and operation not in known:
        raise ValueError(f"no operation {operation!r}; the contract has {', '.join(sorted(known))}")
    return operation
