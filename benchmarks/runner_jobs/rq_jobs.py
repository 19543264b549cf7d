"""The job in RQ, which forks a process for each, or does them in the worker's own."""

from __future__ import annotations

import os

import rq
from jobs import CANDIDATE, REPORT, flush, work
from redis import Redis

if CANDIDATE == "ours" and "XPANDER_OUTBOX" in os.environ:
    from xpander_facade import Backend, Configuration, OutboxSettings
    from xpander_facade.integrations.rq import RecordsJobs, recording

    settings = OutboxSettings(os.environ["XPANDER_OUTBOX"], relay="process" if os.environ["RELAY"] else None)
    recorded = recording(Backend(Configuration(outbox=settings)), all=True)

    class Worker(RecordsJobs, rq.Worker):
        """A worker whose jobs are recorded."""

    class SimpleWorker(RecordsJobs, rq.SimpleWorker):
        """A worker whose jobs are recorded, without a process for each."""

    Worker.recorded = SimpleWorker.recorded = recorded
else:
    from rq import SimpleWorker, Worker


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
