"""The tasks of `tools/soak_runners` in Celery: a prefork pool that does again what a lost process has left."""

from __future__ import annotations

import os

from celery import Celery, Task
from redis import Redis
from soak_jobs import LIMIT, Plan, serve, work

from xpander_facade import Backend
from xpander_facade.integrations.celery import instrument

app = Celery("soak_celery", broker=os.environ["REDIS"], backend=os.environ["REDIS"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": float(os.environ["REDELIVER_AFTER"]),
        # By itself the transport looks every hundred seconds for what a lost host has left.
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
    },
    result_expires=3600,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
)
instrument(app, Backend(), all=True)
connection = Redis.from_url(os.environ["REDIS"])


@app.task(bind=True, max_retries=3, name="soak.job")
def job(self: Task, number: int) -> str:
    """Do a job."""
    try:
        return work(number, self.request.retries)
    except ValueError as error:
        if number % 5:
            raise
        raise self.retry(exc=error, countdown=0.2) from error


def send(plan: Plan) -> None:
    """Give a job to Celery."""
    limits = {"soft": {"soft_time_limit": LIMIT}, "hard": {"time_limit": LIMIT}}.get(plan.ends, {})
    job.apply_async((plan.number,), task_id=plan.id, **limits)


def states(ids: list[str]) -> dict[str, str]:
    """Return how tasks have ended that have."""
    names = {"SUCCESS": "completed", "FAILURE": "failed", "REVOKED": "failed"}
    return {id: names[state] for id in ids if (state := app.AsyncResult(id).state) in names}


def count_held() -> int:
    """Return how many messages Celery still has, in its queue or with a worker.

    Its transport takes a message out of the queue, and then notes which worker has it: a worker that is killed in
    between takes the message with it.
    """
    return connection.llen("celery") + connection.hlen("unacked")


if __name__ == "__main__":
    serve(send, states, count_held)
