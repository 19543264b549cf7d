"""The job in Celery."""

from __future__ import annotations

import os

from celery import Celery
from jobs import CANDIDATE, REPORT, work

app = Celery("celery_jobs", broker=os.environ["REDIS"])
app.conf.update(task_ignore_result=True, task_default_queue=CANDIDATE, broker_connection_retry_on_startup=True)
if CANDIDATE == "ours":
    from xpander_facade.integrations.celery import instrument

    instrument(app, all=True)


@app.task(name="job")
def job(question: str) -> str:
    """Do the job."""
    return work(question)


def send(count: int) -> None:
    """Give Celery so many jobs."""
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(count):
            job.apply_async((REPORT["input"],), producer=producer)
