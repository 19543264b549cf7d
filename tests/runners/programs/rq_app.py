"""Jobs of RQ as users write them, recorded by the integration."""

from __future__ import annotations

import os
import time

import rq
import rq.worker

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.rq import RecordsJobs, record, recording

backend = Backend()


class Worker(RecordsJobs, rq.Worker):
    recorded = recording(backend, jobs=[f"rq_app.{name}" for name in ("named", "flaky", "killed", "slow")])


class SpawnWorker(RecordsJobs, rq.worker.SpawnWorker):
    recorded = Worker.recorded


class SimpleWorker(RecordsJobs, rq.SimpleWorker):
    recorded = Worker.recorded


def named(text: str) -> str:
    return text.upper()


def quiet(text: str) -> str:
    return text


@record(input=lambda text: f"asked {text}", result=False)
def marked(text: str) -> str:
    return text


def used(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=5)
    return "used"


def parts(text: str) -> None:
    with backend.external_task(input="part one") as one:
        one.tokens = Tokens(prompt_tokens=3)
    with backend.external_task(id="own", input="of its own") as own:
        own.result = "apart"


def flaky(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=1000)
    if rq.get_current_job().retries_left:
        raise ValueError("not yet")
    return "done"


@record
def asking(text: str) -> object:
    current_run().tokens = Tokens(prompt_tokens=10)
    asked = rq.get_current_job().number_of_retries or 0
    return rq.Retry(max=2) if asked < 2 else "done"


@record
def insisting(text: str) -> object:
    return rq.Retry(max=1)


def killed(text: str) -> None:
    os.kill(os.getpid(), 9)


def slow(text: str) -> None:
    time.sleep(20)


@record
def stopped(text: str) -> None:
    with open(f"{os.environ['FOLDER']}/stopped", "w"):
        time.sleep(60)
