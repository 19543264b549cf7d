"""The job in taskiq."""

from __future__ import annotations

import asyncio
import os

from jobs import CANDIDATE, REPORT, work
from taskiq_redis import ListQueueBroker

broker = ListQueueBroker(os.environ["REDIS"], queue_name=CANDIDATE)
if CANDIDATE == "ours":
    from xpander_facade.integrations.taskiq import RecordTasks

    broker = broker.with_middlewares(RecordTasks(all=True))


@broker.task(task_name="job")
async def job(question: str) -> None:
    """Do the job, on a thread: it waits without awaiting."""
    await asyncio.to_thread(work, question)


def send(count: int) -> None:
    """Give taskiq so many jobs."""

    async def kick() -> None:
        await broker.startup()
        for _ in range(count):
            await job.kiq(REPORT["input"])
        await broker.shutdown()

    asyncio.run(kick())
