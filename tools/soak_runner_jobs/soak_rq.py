"""The jobs of `tools/soak_runners` in RQ: a process for each, and registries that find what a lost host has left."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import rq
import rq.intermediate_queue
import rq.job
import rq.queue
import rq.utils
from redis import Redis
from soak_jobs import LIMIT, Plan, serve, work

from xpander_facade import Backend
from xpander_facade.integrations.rq import RecordsJobs, recording


class IntermediateQueue(rq.intermediate_queue.IntermediateQueue):
    """What was taken out of a queue and not begun, which is soon taken for lost."""

    def should_be_cleaned_up(self, job_id: str) -> bool:
        """Return whether a job has been there for long enough; RQ's own is a minute."""
        seen = self.get_first_seen(job_id)
        return seen is not None and rq.utils.now() - seen > timedelta(seconds=float(os.environ["REDELIVER_AFTER"]))


def acquire_maintenance_lock(queue: rq.Queue) -> bool:
    """Take the lock of a queue's maintenance, which one that is killed in it leaves for a quarter of an hour."""
    seconds = int(float(os.environ["REDELIVER_AFTER"]))
    return bool(queue.connection.set(queue.registry_cleaning_key, 1, nx=True, ex=seconds))


rq.queue.IntermediateQueue = IntermediateQueue
rq.Queue.acquire_maintenance_lock = acquire_maintenance_lock


class Worker(RecordsJobs, rq.Worker):
    """A worker that notices soon what others have lost."""

    recorded = recording(Backend(), all=True)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.maintenance_interval = 3  # seconds, instead of ten minutes

    @property
    def dequeue_timeout(self) -> int:
        """Return after how many seconds without a job a worker looks for lost ones; RQ's own is seven minutes."""
        return 2

    def get_heartbeat_ttl(self, job: rq.job.Job, working_time: float = 0.0) -> int:
        """Return after how many seconds of silence a job is taken for lost."""
        return int(float(os.environ["REDELIVER_AFTER"]))  # RQ's own is a minute and more


def run(number: int) -> str:
    """Do a job."""
    job = rq.get_current_job()
    assert job is not None
    return work(number, 3 - job.retries_left if job.retries_left is not None and number % 5 == 0 else 0)


connection = Redis.from_url(os.environ["REDIS"])
queue = rq.Queue(connection=connection)


def send(plan: Plan) -> None:
    """Give a job to RQ."""
    more: dict[str, Any] = {"job_timeout": int(LIMIT)} if plan.ends in ("soft", "hard") else {"job_timeout": 60}
    if plan.number % 5 == 0:
        more["retry"] = rq.Retry(max=3)
    queue.enqueue("soak_rq.run", plan.number, job_id=plan.id, result_ttl=3600, failure_ttl=3600, **more)


def states(ids: list[str]) -> dict[str, str]:
    """Return how jobs have ended that have."""
    names = {"finished": "completed", "failed": "failed"}
    jobs = rq.job.Job.fetch_many(ids, connection=connection)
    found = {job.id: job.get_status(refresh=False) for job in jobs if job is not None}
    return {id: names[state.value] for id, state in found.items() if state is not None and state.value in names}


if __name__ == "__main__":
    serve(send, states)
