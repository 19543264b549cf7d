"""Who executes a created task: a worker of its agent, or the built-in agent when there is none.

Owns the line of waiting tasks, who has which task, and what becomes of the tasks of a worker that is gone. It is the
`Executor` of created tasks; its state is guarded by the store's lock, as the tasks themselves are.

A task belongs to the worker that its `worker_id` names. An update that names a worker which no longer has the task
changes nothing, and neither does one that gives another end to a task that a worker has ended: so a task ends once,
however late a worker speaks that was thought to be gone.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from ._clock import now
from ._fields import FINAL
from ._json import Json, object_of, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._agents import Agents
    from ._executions import Executions
    from ._runs import Runs
    from ._store import Store
    from ._streams import Key, Streams
    from ._workers import Worker, Workers

_LOOK_EVERY: Final = (0.01, 0.5)


@dataclass(slots=True)
class Dispatch:
    """That a worker was given a task. `outcome` is the task's final status, or why the worker has it no longer."""

    task_id: str
    worker_id: str
    given_at: str = field(default_factory=now)
    left_at: str | None = None
    outcome: str | None = None
    late_updates: int = 0

    def close(self, outcome: str) -> None:
        """Note that the worker has the task no longer."""
        if self.left_at is None:
            self.left_at, self.outcome = now(), outcome


@dataclass(slots=True, eq=False)
class Job:
    """One run of a task that is left to workers.

    Attributes:
        wanted: The only worker that may have it.
        holder: The worker that has it.
        given: When the holder was given it, by the dispatcher's clock.
        was_begun: A worker may have executed a part of it, so that the built-in agent must not begin it again.
    """

    key: Key
    agent_id: str
    wanted: Worker | None = None
    holder: Worker | None = None
    given: float = 0.0
    was_begun: bool = False
    is_over: bool = False
    dispatches: list[Dispatch] = field(default_factory=list[Dispatch])


class Dispatcher:
    """The way of created tasks to workers. `limit`: seconds without a word after which a worker is lost."""

    def __init__(
        self,
        executions: Executions,
        store: Store,
        streams: Streams,
        agents: Agents,
        runs: Runs,
        workers: Workers,
        limit: float,
        clock: Callable[[], float],
    ) -> None:
        self.limit = limit
        self.refusal: str | None = None
        self._executions = executions
        self._store = store
        self._streams = streams
        self._agents = agents
        self._runs = runs
        self._workers = workers
        self._clock = clock
        self._jobs: dict[Key, Job] = {}
        self._line: dict[Key, Job] = {}
        self._dispatches: list[Dispatch] = []
        self._dispatches_of: defaultdict[Key, list[Dispatch]] = defaultdict(list)

    # --- what becomes of tasks: the executor's part; the store's lock is held ---

    def take(self, task: Json, *, local: bool) -> None:
        """Execute a pending task; `local`: the worker that it names has it already, and must not be sent it."""
        job = Job(_key(task), task["agent_id"])
        wanted = self._workers.find(task.get("worker_id"))
        present = self._workers.of(job.key[0], job.agent_id)
        if not present:
            self._jobs.pop(job.key, None)
            self._runs.take(task)
            return
        self._jobs[job.key] = job
        self._store.set_running(*job.key, True)
        if wanted in present:
            job.wanted = wanted
        if local and job.wanted is not None:
            self._give(job, job.wanted)
            return
        self._line[job.key] = job
        self._deal()

    def begun(self, key: Key) -> None:
        """Note that a task is no longer pending."""
        job = self._jobs.get(key)
        if job is not None and job.holder is not None:
            job.was_begun = job.holder.hand[key] = True
            self._deal()

    def resume(self, key: Key) -> None:
        """Go on with a paused task."""
        job = self._jobs.get(key)
        if job is None:
            self._runs.resume(key)
        elif job.holder is None:
            self._put_back(job)
            self._settle()
        elif job.holder.state == "listening":
            # its handler may have ended when it paused the task; if not, the worker knows a task that comes twice
            self._send(job.holder, self._executions.find(*key))

    def end(self, key: Key) -> None:
        """Let go of a task: it has ended, or begins anew."""
        self._runs.end(key)
        job = self._jobs.get(key)
        if job is None or job.is_over:
            return
        job.is_over = True
        self._line.pop(key, None)
        self._store.set_running(*key, False)
        status = self._executions.find(*key)["status"]
        self._withdraw(job, status if status in FINAL else "replaced")
        self._deal()

    def admitted(self, task: Json, changes: Json) -> Json | None:
        """Return what an update may write; None when it comes from a worker that has the task no longer."""
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
        # who has a task is for the dispatcher to say; a result that was welcome without that names its maker
        made_by = task["worker_id"] if speaker is None or speaker.left_at is None else speaker.worker_id
        return {**changes, "worker_id": made_by}

    # --- what workers do ---

    def register(self, organization_id: str | None, agent_id: str, environment: str) -> Worker:
        """Take on a worker, and give it what waits.

        Raises:
            Problem: 404, when agents are strict and this one is unknown.
        """
        with self._store.lock:
            agent = self._agents.find(organization_id, agent_id)
            worker = self._workers.register(organization_id, agent["id"], environment)
            self._deal()
            self._executions.changed.notify_all()
            return worker

    def next_parcel(self, worker: Worker) -> str | None:
        """Take the next task that is to be sent to a worker, as JSON text; None when there is none."""
        with self._store.lock:
            while worker.parcels:
                key, text = worker.parcels.popleft()
                if key in worker.hand:
                    return text
            return None

    def message(self, worker_id: str, event: str, data: Any) -> None:
        """Take note of a worker's message; one of an unknown worker is as good as none."""
        with self._store.lock:
            worker = self._workers.find(worker_id)
            if worker is None:
                return
            worker.hear(self._clock(), event)
            if event == "worker-finished":
                self._dismiss(worker, "finished")
            elif event == "worker-capacity-update":
                self._set_busy(worker, bool(object_of(data).get("is_busy")))

    def leave(self, worker: Worker) -> None:
        """Note that a worker's stream has ended. It may go on with what it has, for as long as it is heard of."""
        with self._store.lock:
            if worker.state != "listening" or self._workers.find(worker.id) is None:
                return
            worker.state, worker.left = "away", self._clock()
            for key, _ in reversed(worker.parcels):
                if not worker.hand.get(key, True):
                    self._put_back(self._jobs[key], "not sent")
            worker.parcels.clear()
            self._deal()
            self._executions.changed.notify_all()

    def drop_streams(self) -> int:
        """Cut the connections of all worker streams; return how many."""
        with self._store.lock:
            listening = [worker for worker in self._workers.present() if worker.state == "listening"]
            for worker in listening:
                self._streams.end(worker.stream, cut=True)
                self.leave(worker)
            return len(listening)

    # --- workers that are silent ---

    async def watch(self) -> None:
        """Look for silent workers until cancelled."""
        while True:
            least, most = _LOOK_EVERY
            await asyncio.sleep(min(max(self.limit / 10, least), most))
            self.look()

    def look(self) -> None:
        """Take the tasks of those workers that were silent for too long."""
        with self._store.lock:
            earliest = self._clock() - self.limit
            for worker in self._workers.present():
                if worker.heard < earliest:
                    self._dismiss(worker, "lost")
                else:
                    self._take_back(worker, earliest)

    def forgive(self) -> None:
        """Let every worker's silence begin now: nobody could be heard before."""
        with self._store.lock:
            for worker in self._workers.present():
                worker.heard = worker.beaten = self._clock()

    # --- what is known ---

    def in_hand(self) -> set[Key]:
        """Return the tasks that wait for a worker or are with one."""
        with self._store.lock:
            return {key for key, job in self._jobs.items() if not job.is_over}

    def workers(self, *, all: bool) -> list[Json]:
        """Describe the workers that listen, or all since the start, oldest first."""
        with self._store.lock:
            return self._workers.listed(all=all)

    def dispatches(self, task_id: str | None) -> list[Json]:
        """Return which worker was given which task, oldest first."""
        with self._store.lock:
            return [asdict(d) for d in self._dispatches if task_id in (None, d.task_id)]

    def clear(self) -> None:
        """Forget all workers and what they have."""
        with self._store.lock:
            self.refusal = None
            self._jobs.clear()
            self._line.clear()
            self._dispatches.clear()
            self._dispatches_of.clear()
            self._workers.clear()
            self._executions.changed.notify_all()

    # --- small steps ---

    def _set_busy(self, worker: Worker, is_busy: bool) -> None:
        if worker.is_busy and not is_busy:
            self._workers.to_the_end_of_the_line(worker)
        worker.is_busy = is_busy
        self._executions.changed.notify_all()
        self._deal()

    def _deal(self) -> None:
        for job in list(self._line.values()):
            if not any(worker.is_free for worker in self._workers.present()):
                return
            serving = self._workers.of(job.key[0], job.agent_id) if job.wanted is None else [job.wanted]
            free = [worker for worker in serving if worker.is_free]
            if free:
                worker = min(free, key=lambda worker: worker.turn)
                del self._line[job.key]
                self._send(worker, self._give(job, worker))

    def _give(self, job: Job, worker: Worker) -> Json:
        task = self._executions.change(job.key, {"worker_id": worker.id}, quiet=True)
        dispatch = Dispatch(task["id"], worker.id)
        self._dispatches.append(dispatch)
        self._dispatches_of[job.key].append(dispatch)
        job.dispatches.append(dispatch)
        job.holder, job.given = worker, self._clock()
        worker.hand[job.key] = task["status"] != "pending"
        self._workers.to_the_end_of_the_line(worker)
        return task

    def _send(self, worker: Worker, task: Json) -> None:
        worker.parcels.append((_key(task), write(task)))
        self._streams.notify(worker.stream)

    def _dismiss(self, worker: Worker, why: Literal["finished", "lost"]) -> None:
        self._workers.gone(worker, why)
        worker.parcels.clear()
        for key in reversed(worker.hand.copy()):
            job = self._jobs[key]
            # one that went silent may have begun what it never said; one that finished in good order has not
            job.was_begun = job.was_begun or why == "lost"
            if self._executions.find(*key)["status"] == "paused":
                self._withdraw(job, why)
            else:
                self._put_back(job, why)
        for job in self._line.values():
            job.wanted = None if job.wanted is worker else job.wanted
        self._streams.end(worker.stream)
        self._executions.changed.notify_all()
        self._settle()

    def _take_back(self, worker: Worker, earliest: float) -> None:
        """Take what a living worker has not begun by now: it was lost on the way, or the worker ignores it."""
        for key in [key for key, is_begun in worker.hand.items() if not is_begun]:
            job = self._jobs[key]
            if worker.state == "away" and worker.left < earliest:
                self._put_back(job, "not received")
            elif worker.state == "listening" and job.given < earliest:
                self._put_back(job, "not begun")
                self._workers.to_the_end_of_the_line(worker)
        self._deal()

    def _withdraw(self, job: Job, why: str) -> None:
        if job.holder is not None:
            job.holder.hand.pop(job.key)
            job.holder = None
            job.dispatches[-1].close(why)

    def _put_back(self, job: Job, why: str = "") -> None:
        self._withdraw(job, why)
        job.wanted = None
        was = self._executions.find(*job.key)["status"]
        self._executions.change(job.key, {"status": "pending", "worker_id": None}, quiet=was == "pending")
        self._line = {job.key: job, **self._line}

    def _settle(self) -> None:
        for job in list(self._line.values()):
            if job.key in self._line and not self._workers.of(job.key[0], job.agent_id):
                self._do_without_workers(job)
        self._deal()

    def _do_without_workers(self, job: Job) -> None:
        if job.was_begun:
            text = (
                f"worker {job.dispatches[-1].worker_id} went away while it had this task, "
                f"and agent {job.agent_id!r} has no other worker"
            )
            self._executions.change(job.key, {"status": "error", "result": text})
            return
        del self._line[job.key]
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
    # it waits for another worker: a result is welcome, since nobody else has begun; going on with it is not
    return status not in FINAL


def _key(task: Json) -> Key:
    return task["organization_id"], task["id"]
