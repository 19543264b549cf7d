"""The job in Dramatiq."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from jobs import CANDIDATE, REPORT, work

broker = RedisBroker(url=os.environ["REDIS"], namespace=CANDIDATE)
if CANDIDATE == "ours":
    from xpander_facade.integrations.dramatiq import RecordMessages

    broker.add_middleware(RecordMessages(all=True))
dramatiq.set_broker(broker)


@dramatiq.actor
def job(question: str) -> None:
    """Do the job."""
    work(question)


def send(count: int) -> None:
    """Give Dramatiq so many jobs."""
    for _ in range(count):
        job.send(REPORT["input"])
