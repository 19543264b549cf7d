"""Tasks of Celery as users write them, recorded by the integration."""

from __future__ import annotations

import os
import time

from celery import Celery, Task, signals
from celery.exceptions import Ignore

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.errors import NotFoundError
from xpander_facade.integrations.celery import instrument, record

# Celery looks for what a lost host had as it starts, and else each 100 s: too early, and too late for a test.
LOOKING = {"unacked_restore_interval": 1, "unacked_restore_throttle": 1} if "TAKES_OVER" in os.environ else {}
app = Celery("celery_app", broker=os.environ["REDIS"], backend=os.environ["REDIS"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": 3, **LOOKING},
)
backend = Backend()
instrument(app, backend, tasks=[f"celery_app.{name}" for name in ("named", "hard", "soft", "flaky", "lost", "twice")])


@app.task
def named(text: str) -> str:
    return text.upper()


@app.task
def quiet(text: str) -> str:
    return text


@app.task
@record(input=lambda text: f"asked {text}", result=lambda value: f"answered {value}")
def marked(text: str) -> str:
    return text


@app.task
def used(text: str) -> str:
    run = current_run()
    run.tokens = Tokens(prompt_tokens=5)
    run.used_tools = ["search"]
    return "used"


@app.task
def parts(text: str) -> None:
    with backend.external_task(input="part one") as one:
        one.tokens = Tokens(prompt_tokens=3)
    with backend.external_task(input="part two") as two:
        two.tokens = Tokens(prompt_tokens=4)
        two.result = "both"
    with backend.external_task(id="own", input="of its own") as own:
        own.result = "apart"


@app.task(bind=True, max_retries=3)
def flaky(self, text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=1000)
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return "done"


@app.task(bind=True, autoretry_for=(ValueError,), max_retries=2, default_retry_delay=0)
@record
def failing(self, text: str) -> None:
    current_run().tokens = Tokens(prompt_tokens=10)
    raise ValueError(f"no {self.request.retries}")


@app.task(time_limit=1)
def hard(text: str) -> None:
    current_run().tokens = Tokens(prompt_tokens=7)
    time.sleep(30)


@app.task(soft_time_limit=1, time_limit=20)
def soft(text: str) -> None:
    time.sleep(10)


@app.task
@record
def ignored(text: str) -> None:
    raise Ignore


@app.task
@record(input=lambda *given: 1 / 0)
def misdescribed(text: str) -> str:
    return "done"


@app.task
def refused(text: str) -> None:
    raise NotFoundError("no such task", status_code=404, request_id="r-1")


@app.task(acks_late=True, reject_on_worker_lost=True)
def lost(text: str) -> str:
    if not os.path.exists(text):
        open(text, "w").close()
        os.kill(os.getpid(), 9)
    return "done"


@app.task
@record
def lost_late(text: str) -> str:
    return "done"


@signals.task_success.connect(sender=lost_late)
def lose(**_: object) -> None:
    os.kill(os.getpid(), 9)


@app.task
@record
def lost_for_good(text: str) -> None:
    os.kill(os.getpid(), 9)


class Base(Task):
    """A base class as users write it, which is not the app's."""


@app.task(base=Base)
@record
def lost_with_base(text: str) -> None:
    os.kill(os.getpid(), 9)


@app.task(acks_late=True)
def twice(text: str) -> str:
    if os.environ["HOST"] == "A":
        with open(f"{os.environ['FOLDER']}/twice-has-begun", "w"):
            time.sleep(60)
    return f"by {os.environ['HOST']}"
