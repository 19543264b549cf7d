"""Tasks of taskiq as users write them, recorded by the integration."""

from __future__ import annotations

import asyncio
import os
import time

from taskiq import SimpleRetryMiddleware
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.taskiq import RecordTasks, record

backend = Backend()
chosen = [f"taskiq_app:{name}" for name in ("named", "threaded", "flaky", "failing", "slow")]
broker = (
    ListQueueBroker(os.environ["REDIS"])
    .with_result_backend(RedisAsyncResultBackend(os.environ["REDIS"]))
    .with_middlewares(SimpleRetryMiddleware(default_retry_count=3), RecordTasks(backend, tasks=chosen))
)


def tried() -> int:
    """Count how often a task was tried."""
    path = f"{os.environ['FOLDER']}/tried"
    with open(path, "a") as file:
        file.write("x")
    return os.path.getsize(path)


@broker.task
async def named(text: str) -> str:
    return text.upper()


@broker.task
def threaded(text: str) -> str:
    time.sleep(0.01)
    current_run().tokens = Tokens(prompt_tokens=2)
    return text.upper()


@broker.task
async def quiet(text: str) -> None:
    pass


@broker.task
@record(input=lambda text: f"asked {text}", result=False)
async def marked(text: str) -> str:
    return text


@broker.task
async def used(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=5)
    return "used"


@broker.task
async def parts(text: str) -> None:
    async with backend.external_task(input="part one") as one:
        one.tokens = Tokens(prompt_tokens=3)
    async with backend.external_task(id="own", input="of its own") as own:
        own.result = "apart"


@broker.task(retry_on_error=True)
async def flaky(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=1000)
    if tried() < 3:
        raise ValueError("not yet")
    return "done"


@broker.task
async def failing(text: str) -> None:
    raise ValueError("no such invoice")


@broker.task(timeout=1)
async def slow(text: str) -> None:
    await asyncio.sleep(30)
