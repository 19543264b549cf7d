"""The job in RQ, which forks a process for each."""

from __future__ import annotations

import os

import rq
from jobs import CANDIDATE, REPORT, flush, work
from redis import Redis

if CANDIDATE == "ours":
    from xpander_facade.integrations.rq import RecordsJobs, recording

    class Worker(RecordsJobs, rq.Worker):
        """A worker whose jobs are recorded."""

        recorded = recording(all=True)

else:

    class Worker(rq.Worker):  # type: ignore[no-redef]
        """RQ's own worker."""


def job(question: str) -> str:
    """Do the job."""
    result = work(question)
    flush()  # else nothing would be sent: RQ ends the process without ceremony
    return result


def send(count: int) -> None:
    """Give RQ so many jobs."""
    queue = rq.Queue(CANDIDATE, connection=Redis.from_url(os.environ["REDIS"]))
    for _ in range(count):
        queue.enqueue("rq_jobs.job", REPORT["input"], result_ttl=0)
