"""The job as a handler of AWS Lambda, called as its runtime client does: one event after the other."""

from __future__ import annotations

import os
import uuid
from typing import Any

from jobs import CANDIDATE, REPORT, flush, work
from redis import Redis

redis = Redis.from_url(os.environ["REDIS"])


def handle(event: str, context: Any) -> str:
    """Do the job."""
    result = work(event)
    flush()  # the environment is frozen as soon as the handler returns
    return result


if CANDIDATE == "ours" and "XPANDER_OUTBOX" in os.environ:
    from xpander_facade import Backend
    from xpander_facade.integrations import lambda_

    handle = lambda_.handler(Backend())(handle)


class Context:
    """What Lambda passes, as far as it is used."""

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that the function may still run."""
        return 30_000


def send(count: int) -> None:
    """Give the function so many events."""
    redis.rpush(CANDIDATE, *[REPORT["input"]] * count)


if __name__ == "__main__":
    while True:
        # In short waits: Redis's client takes a long one for a connection that is lost.
        if event := redis.blpop([CANDIDATE], timeout=1):
            handle(event[1].decode(), Context())
