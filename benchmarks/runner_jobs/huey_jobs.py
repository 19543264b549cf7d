"""The job in huey."""

from __future__ import annotations

import os

from huey import RedisHuey
from jobs import CANDIDATE, REPORT, work

huey = RedisHuey(CANDIDATE, url=os.environ["REDIS"], results=False)
if CANDIDATE == "ours":
    from xpander_facade.integrations.huey import instrument

    instrument(huey, all=True)


@huey.task()
def job(question: str) -> None:
    """Do the job."""
    work(question)


def send(count: int) -> None:
    """Give huey so many jobs."""
    for _ in range(count):
        job(REPORT["input"])
