"""Dispatcher: assigns each created task to a worker of its agent, or to the built-in agent when there is none.

It keeps the queue of waiting tasks, knows which worker has which task, and assigns the tasks of a lost worker again. It
is the `Executor` of created tasks; its state is guarded by the store's lock, as the tasks themselves are.

A task belongs to the worker that its `worker_id` names. An update that names a worker which no longer has the task
changes nothing, and neither does one that gives another end to a task that a worker has ended: so a task ends once,
however late a worker speaks that was thought to be gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from ._clock import now
from ._fields import FINAL
from ._json import Json, object_of, write
from ._store import DatabaseBusyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._agents import Agents
    from ._containers import Containers
    from ._executions import Executions
    from ._llm_access import LLMAccess
    from ._runs import Runs
    from ._store import Store
    from ._streams import Key, Streams
    from ._workers import Worker, Workers

_POLL_INTERVAL: Final = (0.01, 0.5)


@dataclass(slots=True)
class Dispatch:
    """One assignment of a task to a worker. `outcome` is the task's final status, or why the worker lost the task."""

    task_id: str
    worker_id: str
    given_at: str = field(default_factory=now)
    left_at: str | None = None
    outcome: str | None = None
    late_updates: int = 0

    def close(self, outcome: str) -> None:
        """Record that the worker does not have the task any more."""
        if self.left_at is None:
            self.left_at, self.outcome = now(), outcome


@dataclass(slots=True, eq=False)
class Job:
    """One run of a task that workers execute.

    Attributes:
        requested_worker: The only worker that may have it.
        worker: The worker that has it.
        assigned_at: When the worker was assigned it, by the dispatcher's clock.
        was_begun: A worker may have executed a part of it, so that the built-in agent must not start it again.
        losses: How many workers were lost while they had it; its handler may be what ends them.
    """

    key: Key
    agent_id: str
    requested_worker: Worker | None = None
    worker: Worker | None = None
    assigned_at: float = 0.0
    was_begun: bool = False
    losses: int = 0
    is_over: bool = False
    dispatches: list[Dispatch] = field(default_factory=list[Dispatch])


class Dispatcher:
    """Assigns created tasks to workers.

    Args:
        executions: The tasks.
        store: Where they are kept.
        streams: The event streams of workers.
        agents: Who may be served.
        runs: The built-in agent, for tasks of agents without workers.
        workers: The workers.
        timeout: Seconds without a message after which a worker is lost.
        max_attempts: With so many lost workers a task is marked error, and not assigned again; 0 for no limit.
        clock: Counts these seconds.
    """

    def __init__(
        self,
        executions: Executions,
        store: Store,
        streams: Streams,
        agents: Agents,
        runs: Runs,
        workers: Workers,
        timeout: float,
        max_attempts: int,
        clock: Callable[[], float],
    ) -> None:
        self.timeout = timeout
        self.max_attempts = max_attempts
        self.refusal: str | None = None
        self.containers: Containers | None = None
        self.llm_access: LLMAccess | None = None
        self._executions = executions
        self._store = store
        self._streams = streams
        self._agents = agents
        self._runs = runs
        self._workers = workers
        self._clock = clock
        self._jobs: dict[Key, Job] = {}
        self._queue: dict[Key, Job] = {}
        self._dispatches: list[Dispatch] = []
        self._dispatches_of: defaultdict[Key, list[Dispatch]] = defaultdict(list)

    # --- the executor's hooks; the store's lock is held ---

    def take(self, task: Json, *, local: bool) -> None:
        """Execute a pending task; `local`: the worker that it names has it already, and is not sent it."""
        job = Job(_key(task), task["agent_id"])
        requested_worker = self._workers.find(task.get("worker_id"))
        present = self._workers.of(job.key[0], job.agent_id)
        if not present:
            self._jobs.pop(job.key, None)
            if self.containers is None or not self.containers.take(task):
                self._runs.take(task)
            return
        self._jobs[job.key] = job
        self._store.set_running(*job.key, True)
        if requested_worker in present:
            job.requested_worker = requested_worker
        if local and job.requested_worker is not None:
            self._assign(job, job.requested_worker)
            return
        self._queue[job.key] = job
        self._assign_queued()

    def begun(self, key: Key) -> None:
        """Record that a task is not pending any more."""
        job = self._jobs.get(key)
        if job is not None and job.worker is not None:
            job.was_begun = job.worker.assigned[key] = True
            self._assign_queued()

    def resume(self, key: Key) -> None:
        """Go on with a paused task."""
        job = self._jobs.get(key)
        if job is None:
            self._runs.resume(key)
        elif job.worker is None:
            self._requeue(job)
            self._reassign_queued()
        elif job.worker.state == "listening":
            # The handler may have ended when it paused the task; if not, a worker ignores a task that it already has.
            self._send(job.worker, self._executions.find(*key))

    def end(self, key: Key) -> None:
        """Release a task: it has ended, or starts again."""
        self._runs.end(key)
        job = self._jobs.get(key)
        # A task that has ended is released again when it starts anew.
        if job is None or job.is_over:
            return
        job.is_over = True
        self._queue.pop(key, None)
        self._store.set_running(*key, False)
        status = self._executions.find(*key)["status"]
        self._unassign(job, status if status in FINAL else "replaced")
        self._assign_queued()

    def accepted_changes(self, task: Json, changes: Json) -> Json | None:
        """Return what an update may write; None when it comes from a worker that does not have the task any more."""
        job = self._jobs.get(_key(task))
        latest = job.dispatches[-1] if job is not None and job.dispatches else None
        of_speaker = [d for d in self._dispatches_of.get(_key(task), ()) if d.worker_id == changes.get("worker_id")]
        speaker = of_speaker[-1] if of_speaker else None
        late = speaker or latest
        if late is not None and _is_late(speaker, latest, task["status"], {**task, **changes}["status"]):
            late.late_updates += 1
            return None
        if job is None:
            return changes
        # The dispatcher decides which worker has a task; a result that is accepted from another one names its sender.
        made_by = task["worker_id"] if speaker is None or speaker.left_at is None else speaker.worker_id
        return {**changes, "worker_id": made_by}

    # --- what workers do ---

    def register(
        self, organization_id: str | None, agent_id: str, environment: str, *, supports_llm_gateway: bool = False
    ) -> Worker:
        """Register a worker, and assign waiting tasks to it.

        Args:
            organization_id: The worker's organisation.
            agent_id: The agent that it serves.
            environment: Where it runs.
            supports_llm_gateway: Whether its tasks come with a way to models, where there is one.

        Raises:
            Problem: 404, when agents are strict and this one is unknown.
        """
        with self._store.transaction():
            agent = self._agents.find(organization_id, agent_id)
            worker = self._workers.register(organization_id, agent["id"], environment)
            worker.supports_llm_gateway = supports_llm_gateway
            self._assign_queued()
            self._executions.changed.notify_all()
            return worker

    def next_queued(self, worker: Worker) -> str | None:
        """Remove and return the next task to send to a worker, as JSON text; None when there is none."""
        with self._store.lock:
            while worker.queued:
                key, text = worker.queued.popleft()
                if key in worker.assigned:
                    return text
            return None

    def message(self, worker_id: str, event: str, data: Any) -> None:
        """Record a worker's message; that of an unknown worker is ignored."""
        # A heartbeat needs nothing of the database, which another process may have locked.
        changes_tasks = event in ("worker-finished", "worker-capacity-update")
        with self._store.transaction() if changes_tasks else self._store.lock:
            worker = self._workers.find(worker_id)
            if worker is None:
                return
            worker.record_message(self._clock(), event)
            if event == "worker-finished":
                self._remove_worker(worker, "finished")
            elif event == "worker-capacity-update":
                self._set_busy(worker, bool(object_of(data).get("is_busy")))

    def disconnect(self, worker: Worker) -> None:
        """Record that a worker's stream has ended. It keeps its tasks as long as its heartbeats go on."""
        with self._store.transaction():
            if worker.state != "listening" or self._workers.find(worker.id) is None:
                return
            worker.state, worker.disconnected_at = "away", self._clock()
            # From the last to the first, since each goes to the head of the queue.
            for key, _ in reversed(worker.queued):
                if not worker.assigned.get(key, True):
                    self._requeue(self._jobs[key], "not sent")
            worker.queued.clear()
            self._assign_queued()
            self._executions.changed.notify_all()

    def drop_streams(self) -> int:
        """Cut the connections of all worker streams; return how many."""
        with self._store.transaction():
            listening = [worker for worker in self._workers.present() if worker.state == "listening"]
            for worker in listening:
                self._streams.end(worker.stream, cut=True)
                self.disconnect(worker)
            return len(listening)

    # --- workers without heartbeats ---

    async def watch(self) -> None:
        """Poll for lost workers until cancelled."""
        while True:
            least, most = _POLL_INTERVAL
            await asyncio.sleep(min(max(self.timeout / 10, least), most))
            # Another process's lock on the database ends some time; the next poll sees the same workers.
            with contextlib.suppress(DatabaseBusyError):
                self.poll()

    def poll(self) -> None:
        """Reassign the tasks of workers whose last message is older than the timeout."""
        if not self._workers.present():
            return
        with self._store.transaction():
            earliest = self._clock() - self.timeout
            for worker in self._workers.present():
                if worker.last_seen < earliest:
                    self._remove_worker(worker, "lost")
                else:
                    self._reclaim(worker, earliest)

    def reset_deadlines(self) -> None:
        """Start every worker's timeout now: no message could arrive before."""
        with self._store.lock:
            for worker in self._workers.present():
                worker.last_seen = worker.last_beat = self._clock()

    # --- what is known ---

    def unfinished(self) -> set[Key]:
        """Return the keys of the tasks that wait for a worker or are assigned to one."""
        with self._store.lock:
            return {key for key, job in self._jobs.items() if not job.is_over}

    def workers(self, *, all: bool) -> list[Json]:
        """Describe the workers that listen, or all since the start, oldest first."""
        with self._store.lock:
            return self._workers.listed(all=all)

    def dispatches(self, task_id: str | None) -> list[Json]:
        """Return which worker was assigned which task, oldest first."""
        with self._store.lock:
            return [asdict(d) for d in self._dispatches if task_id in (None, d.task_id)]

    def clear(self) -> None:
        """Forget all workers and their tasks."""
        with self._store.lock:
            self.refusal = None
            self._jobs.clear()
            self._queue.clear()
            self._dispatches.clear()
            self._dispatches_of.clear()
            self._workers.clear()
            self._executions.changed.notify_all()

    # --- small steps ---

    def _set_busy(self, worker: Worker, is_busy: bool) -> None:
        if worker.is_busy and not is_busy:
            self._workers.move_to_back(worker)
        worker.is_busy = is_busy
        self._executions.changed.notify_all()
        self._assign_queued()

    def _assign_queued(self) -> None:
        for job in list(self._queue.values()):
            if not any(worker.is_free for worker in self._workers.present()):
                return
            requested = job.requested_worker
            serving = self._workers.of(job.key[0], job.agent_id) if requested is None else [requested]
            free = [worker for worker in serving if worker.is_free]
            if free:
                # In turn, so that no worker is left out.
                worker = min(free, key=lambda worker: worker.round_robin)
                del self._queue[job.key]
                self._send(worker, self._assign(job, worker))

    def _assign(self, job: Job, worker: Worker) -> Json:
        task = self._executions.change(job.key, {"worker_id": worker.id}, quiet=True)
        dispatch = Dispatch(task["id"], worker.id)
        self._dispatches.append(dispatch)
        self._dispatches_of[job.key].append(dispatch)
        job.dispatches.append(dispatch)
        job.worker, job.assigned_at = worker, self._clock()
        worker.assigned[job.key] = task["status"] != "pending"
        self._workers.move_to_back(worker)
        return task

    def _send(self, worker: Worker, task: Json) -> None:
        if worker.supports_llm_gateway and self.llm_access is not None:
            task = self.llm_access.delivered(task)
        worker.queued.append((_key(task), write(task)))
        self._streams.notify(worker.stream)

    def _remove_worker(self, worker: Worker, why: Literal["finished", "lost"]) -> None:
        self._workers.remove(worker, why)
        worker.queued.clear()
        # From the last to the first, since each goes to the head of the queue.
        for key in reversed(worker.assigned.copy()):
            job = self._jobs[key]
            # A lost worker may have started a task without saying so; one that said that it has finished has not.
            job.was_begun = job.was_begun or why == "lost"
            job.losses += why == "lost"
            if self._executions.find(*key)["status"] == "paused":
                self._unassign(job, why)
            else:
                self._requeue(job, why)
        for job in self._queue.values():
            job.requested_worker = None if job.requested_worker is worker else job.requested_worker
        # A worker that is only slow learns so that it has to register again.
        self._streams.end(worker.stream)
        self._executions.changed.notify_all()
        self._reassign_queued()

    def _reclaim(self, worker: Worker, earliest: float) -> None:
        """Requeue what a connected worker has not started by now: the task was lost on the way, or ignored."""
        for key in [key for key, is_begun in worker.assigned.items() if not is_begun]:
            job = self._jobs[key]
            if worker.state == "away" and worker.disconnected_at < earliest:
                self._requeue(job, "not received")
            elif worker.state == "listening" and job.assigned_at < earliest:
                self._requeue(job, "not begun")
                self._workers.move_to_back(worker)
        self._assign_queued()

    def _unassign(self, job: Job, why: str) -> None:
        if job.worker is not None:
            job.worker.assigned.pop(job.key)
            job.worker = None
            job.dispatches[-1].close(why)

    def _requeue(self, job: Job, why: str = "") -> None:
        self._unassign(job, why)
        job.requested_worker = None
        was = self._executions.find(*job.key)["status"]
        # Its followers are told only of a change that they can see.
        self._executions.change(job.key, {"status": "pending", "worker_id": None}, quiet=was == "pending")
        self._queue = {job.key: job, **self._queue}

    def _reassign_queued(self) -> None:
        for job in list(self._queue.values()):
            if job.key not in self._queue:
                continue
            if 0 < self.max_attempts <= job.losses:
                text = f"given to {job.losses} workers, each of which went away while it had this task: not given again"
                self._executions.change(job.key, {"status": "error", "result": text})
            elif not self._workers.of(job.key[0], job.agent_id):
                self._run_without_workers(job)
        self._assign_queued()

    def _run_without_workers(self, job: Job) -> None:
        # The built-in agent must not do again what a worker may have done half of.
        if job.was_begun:
            text = (
                f"worker {job.dispatches[-1].worker_id} went away while it had this task, "
                f"and agent {job.agent_id!r} has no other worker"
            )
            self._executions.change(job.key, {"status": "error", "result": text})
            return
        del self._queue[job.key]
        del self._jobs[job.key]
        self._runs.take(self._executions.find(*job.key))


def _is_late(speaker: Dispatch | None, latest: Dispatch | None, was: str, status: str) -> bool:
    if speaker is not None and speaker is not latest:
        return True
    if latest is None:
        return False
    if was in FINAL:
        return status != was
    if speaker is None or speaker.left_at is None or was == "paused":
        return False
    # It waits for another worker: a result is accepted, since nobody else has started it; a start is not.
    return status not in FINAL


def _key(task: Json) -> Key:
    return task["organization_id"], task["id"]
