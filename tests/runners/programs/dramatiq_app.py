"""Actors of Dramatiq as users write them, recorded by the integration."""

from __future__ import annotations

import os
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.dramatiq import RecordMessages, record

backend = Backend()
broker = RedisBroker(url=os.environ["REDIS"])
broker.add_middleware(RecordMessages(backend, actors=["named", "flaky", "slow", "stopped"]))
dramatiq.set_broker(broker)


@dramatiq.actor
def named(text: str) -> None:
    current_run().result = text.upper()


@dramatiq.actor
def quiet(text: str) -> None:
    pass


@dramatiq.actor
@record(input=lambda text: f"asked {text}")
def marked(text: str) -> None:
    pass


@dramatiq.actor
def used(text: str) -> None:
    current_run().tokens = Tokens(prompt_tokens=5)


@dramatiq.actor
def parts(text: str) -> None:
    with backend.external_task(input="part one") as one:
        one.tokens = Tokens(prompt_tokens=3)
    with backend.external_task(id="own", input="of its own") as own:
        own.result = "apart"


@dramatiq.actor(max_retries=3, min_backoff=10, max_backoff=20)
def flaky(text: str) -> None:
    run = current_run()
    run.tokens = Tokens(prompt_tokens=1000)
    path = f"{os.environ['FOLDER']}/tried"
    tried = os.path.getsize(path) if os.path.exists(path) else 0
    with open(path, "a") as file:
        file.write("x")
    if tried == 0:
        raise dramatiq.errors.Retry("again", delay=10)
    if tried == 1:
        raise ValueError("not yet")
    run.result = "done"


@dramatiq.actor(time_limit=1000, max_retries=0)
def slow(text: str) -> None:
    for _ in range(100):
        time.sleep(0.1)


@dramatiq.actor(notify_shutdown=True, max_retries=0)
def stopped(text: str) -> None:
    for _ in range(300):
        time.sleep(0.1)
