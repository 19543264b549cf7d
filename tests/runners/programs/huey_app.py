"""Tasks of huey as users write them, recorded by the integration."""

from __future__ import annotations

import os
import time

from huey import CancelExecution, RedisHuey
from huey.exceptions import RetryTask

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.huey import instrument, record

backend = Backend()
huey = RedisHuey("app", url=os.environ["REDIS"])
instrument(huey, backend, tasks=[f"huey_app.{name}" for name in ("named", "flaky", "failing", "slow", "stopped")])


def tried(name: str) -> int:
    """Count how often a task was tried."""
    path = f"{os.environ['FOLDER']}/{name}"
    with open(path, "a") as file:
        file.write("x")
    return os.path.getsize(path)


@huey.task()
def named(text: str) -> str:
    return text.upper()


@huey.task()
def quiet(text: str) -> None:
    pass


@huey.task()
@record(input=lambda text: f"asked {text}", result=False)
def marked(text: str) -> str:
    return text


@record
@huey.task()
def outside(text: str) -> str:
    return text


@huey.task()
def used(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=5)
    return "used"


@huey.task()
def parts(text: str) -> None:
    with backend.external_task(input="part one") as one:
        one.tokens = Tokens(prompt_tokens=3)
    with backend.external_task(id="own", input="of its own") as own:
        own.result = "apart"


@huey.task(retries=2)
def flaky(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=1000)
    count = tried("flaky")
    if count == 1:
        raise ValueError("not yet")
    if count == 2:
        raise RetryTask()
    return "done"


@huey.task()
@record
def asking(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=10)
    if tried("asking") < 3:
        raise RetryTask()
    return "done"


@huey.task()
@record
def cancelled(text: str) -> None:
    raise CancelExecution()


@huey.task()
def failing(text: str) -> None:
    raise ValueError("no such invoice")


@huey.task(timeout=1)
def slow(text: str) -> None:
    time.sleep(20)


@huey.task()
def stopped(text: str) -> None:
    for _ in range(600):
        time.sleep(0.05)
