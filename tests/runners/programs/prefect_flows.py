"""Flows and tasks as users write them for Prefect, recorded by the integration."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import flow, suspend_flow_run, task
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ProcessPoolTaskRunner

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.prefect import record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

backend = Backend()
recorded = record(backend=backend)


def tried(name: str) -> int:
    """Count how often something was tried."""
    path = Path(os.environ["FOLDER"], name)
    with path.open("a") as file:
        file.write("x")
    return path.stat().st_size


@task
@recorded
def named(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=5)
    return text.upper()


@task
@recorded
async def anamed(text: str) -> str:
    await asyncio.sleep(0)
    current_run().tokens = Tokens(prompt_tokens=6)
    return text.upper()


@task
@record(backend=backend, input=lambda text: f"asked {text}", result=False)
def marked(text: str) -> str:
    return text


@task
@recorded
def parts(text: str) -> None:
    with backend.external_task(input="part one") as one:
        one.tokens = Tokens(prompt_tokens=3)
    with backend.external_task(id="own", input="of its own") as own:
        own.result = "apart"


@task(retries=2, retry_delay_seconds=[0, 0.1])
@recorded
def flaky(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=1000)
    if tried("flaky") < 3:
        raise ValueError("not yet")
    return "done"


@task
@recorded
def failing(text: str) -> None:
    raise ValueError("no such invoice")


@task(timeout_seconds=0.4)
@recorded
def slow(text: str) -> None:
    time.sleep(30)


@task(timeout_seconds=0.4)
@recorded
async def aslow(text: str) -> None:
    await asyncio.sleep(30)


@task
@recorded
def skipped(text: str) -> Completed:
    return Completed(name="Skipped", message="nothing to do")


@task
@recorded
def refused(text: str) -> Failed:
    return Failed(message="no such invoice")


@task
@recorded
def given_up(text: str) -> Cancelled:
    current_run().tokens = Tokens(prompt_tokens=8)
    return Cancelled(message="not wanted any more")


@task
@recorded
def written(text: str) -> Iterator[str]:
    current_run().tokens = Tokens(prompt_tokens=4)
    yield from (text, " and ", "out")


@task
@recorded
async def awritten(text: str) -> AsyncIterator[str]:
    for word in (text, " and ", "on"):
        yield word


@flow
@recorded
def tasks(text: str) -> str:
    for one in (named, marked, parts, flaky):
        one(one.name)
    for one in (failing, slow, refused, given_up, skipped):
        one(one.name, return_state=True)
    pieces = []
    for piece in written("written"):
        with backend.external_task() as part:  # a part of the flow's run, not of the generator's
            part.tokens = Tokens(prompt_tokens=20)
        pieces.append(piece)
    assert marked.fn("called as a function") == "called as a function"
    return "".join(pieces)


@flow
@recorded
async def atasks(text: str) -> str:
    assert await anamed("anamed") == "ANAMED"
    with contextlib.suppress(TimeoutError):
        await aslow("aslow")
    return "".join([word async for word in awritten("awritten")])


@flow
@recorded
def unlucky(text: str) -> object:
    return failing.submit("of unlucky")


@flow
@recorded
def several(text: str) -> object:
    return [named.submit("one"), failing.submit("two")]


@flow
@recorded
def mapped(text: str) -> object:
    return named.map(["a", "b"])


@flow(retries=1)
@recorded
def again(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=500)
    if tried("again") < 2:
        raise ConnectionError("the model is away")
    return "done"


@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
@recorded
def in_processes(text: str) -> str:
    return named.submit("in another process").result()


@flow
@recorded
def long(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=9)
    tried("long")
    time.sleep(60)
    return "done"


@flow(persist_result=True)
@recorded
def waiting(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=30)
    if tried("waiting") < 2:
        suspend_flow_run(timeout=60)
    return "done"


def main(what: str, *names: str) -> None:
    """Run flows, or serve one."""
    if what == "serve":
        globals()[names[0]].serve(name=f"{names[0]}-served")
    for name in names:
        done = globals()[name](name, return_state=True)
        if inspect.isawaitable(done):
            asyncio.run(asyncio.wait_for(done, 60))


if __name__ == "__main__":
    main(*sys.argv[1:])
