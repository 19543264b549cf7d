"""The actor of `tools/soak_runners` in Dramatiq: threads of processes, and a broker that gives out what is left."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import Retry
from dramatiq.middleware import CurrentMessage, Middleware
from redis import Redis
from soak_jobs import LIMIT, Plan, serve, work

from xpander_facade import Backend
from xpander_facade.integrations.dramatiq import RecordMessages

connection = Redis.from_url(os.environ["REDIS"])
broker = RedisBroker(
    url=os.environ["REDIS"],
    heartbeat_timeout=int(float(os.environ["REDELIVER_AFTER"]) * 1000),
    maintenance_chance=200_000,
)


class Ends(Middleware):
    """Notes what becomes of messages, which Dramatiq does not keep by itself."""

    def after_process_message(
        self, broker: object, message: dramatiq.Message, *, result: object = None, exception: object = None
    ) -> None:
        """Note that a message has ended for good."""
        if exception is None:
            connection.hset("ends", message.message_id, "completed")
        elif message.options.get("retries", 0) >= message.options.get("max_retries", 0):
            connection.hset("ends", message.message_id, "failed")


broker.add_middleware(CurrentMessage())
broker.add_middleware(Ends())
broker.add_middleware(RecordMessages(Backend(), all=True))
dramatiq.set_broker(broker)


@dramatiq.actor(min_backoff=100, max_backoff=200)
def job(number: int) -> None:
    """Do a job."""
    message = CurrentMessage.get_current_message()
    assert message is not None
    try:
        work(number, message.options.get("retries", 0))
    except ValueError as error:
        if number % 5:
            raise
        raise Retry(str(error), delay=200) from error


def send(plan: Plan) -> None:
    """Give a job to Dramatiq."""
    options = {"time_limit": LIMIT * 1000} if plan.ends in ("soft", "hard") else {}
    message = job.message_with_options(args=(plan.number,), max_retries=3 if plan.number % 5 == 0 else 0, **options)
    broker.enqueue(message.copy(message_id=plan.id))


def states(ids: list[str]) -> dict[str, str]:
    """Return how messages have ended that have."""
    ends = {id.decode(): state.decode() for id, state in connection.hgetall("ends").items()}
    return {id: ends[id] for id in ids if id in ends}


if __name__ == "__main__":
    serve(send, states)
