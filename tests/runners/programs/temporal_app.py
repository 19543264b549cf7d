"""Workflows and activities as users write them for Temporal, recorded by the integration."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence  # noqa: TC003 (Temporal reads annotations)
from pathlib import Path

from temporal_workflows import Call
from temporalio import activity
from temporalio.client import Client
from temporalio.common import RawValue  # noqa: TC002 (Temporal reads annotations)
from temporalio.exceptions import ApplicationError
from temporalio.worker import SharedStateManager, Worker

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.temporal import RecordActivities, record

backend = Backend()


def tried(name: str) -> int:
    """Count how often something was tried."""
    path = Path(os.environ["FOLDER"], name)
    with path.open("a") as file:
        file.write("x")
    return path.stat().st_size


@activity.defn
async def named(text: str) -> str:
    return text.upper()


@activity.defn
def threaded(text: str) -> str:
    run = current_run()
    if run is not None:  # a process of its own has none
        run.tokens = Tokens(prompt_tokens=2)
    return text.upper()


@activity.defn
async def quiet(text: str) -> None:
    pass


@activity.defn
@record(input=lambda text: f"asked {text}", result=False)
async def marked(text: str) -> str:
    return text


@activity.defn
async def used(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=5)
    return "used"


@activity.defn
def parts(text: str) -> None:
    with backend.external_task(input="part one") as one:
        one.tokens = Tokens(prompt_tokens=3)
    with backend.external_task(id="own", input="of its own") as own:
        own.result = "apart"


class Shop:
    @activity.defn
    @record
    def method(self, text: str) -> str:
        return text.upper()


@activity.defn
async def flaky(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=1000)
    if activity.info().attempt < 3:
        raise ApplicationError("not yet")
    return "done"


@activity.defn
def failing(text: str) -> None:
    raise ApplicationError("no such invoice", non_retryable=True)


@activity.defn
async def slow(text: str) -> None:
    tried("slow")
    await asyncio.sleep(60)


@activity.defn
async def silent(text: str) -> None:
    await asyncio.sleep(60)


@activity.defn
async def beating(text: str) -> str:
    """Tell how far the attempt before this one came."""
    found = list(activity.info().heartbeat_details)
    if not found:
        activity.heartbeat("half")
        raise ApplicationError("again")
    return found[0]


@activity.defn
async def cancelled(text: str) -> None:
    current_run().tokens = Tokens(prompt_tokens=7)
    tried("cancelled")
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.05)


@activity.defn
def cancelled_thread(text: str) -> None:
    current_run().tokens = Tokens(prompt_tokens=8)
    tried("cancelled_thread")
    while True:
        activity.heartbeat()
        time.sleep(0.05)


@activity.defn
def stopped(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=11)
    if tried("stopped") > 1:
        return "done"
    while True:
        time.sleep(0.05)


@activity.defn
def elsewhere(text: str) -> None:
    Path(os.environ["FOLDER"], "token").write_bytes(activity.info().task_token)
    current_run().tokens = Tokens(prompt_tokens=6)
    activity.raise_complete_async()


@activity.defn(dynamic=True)
async def any_other(arguments: Sequence[RawValue]) -> str:
    current_run().tokens = Tokens(prompt_tokens=1)
    return f"{len(arguments)} arguments"


ASYNC = [named, quiet, marked, used, flaky, slow, silent, beating, cancelled, any_other]
THREADED = [threaded, parts, Shop().method, failing, cancelled_thread, stopped, elsewhere]
CHOSEN = ["named", "threaded", "flaky", "failing", "slow", "silent", "beating", "cancelled", "cancelled_thread"]


async def work(how: str) -> None:
    """Run a worker until the process is asked to end."""
    recording = RecordActivities(backend, activities=[*CHOSEN, "stopped", "elsewhere"])
    once = {"plugins": [recording]} if how == "plugin" else {"interceptors": [recording]}
    if how == "twice":
        once = {"plugins": [recording, RecordActivities(backend, all=True)]}
    with contextlib.ExitStack() as stack:
        executor: concurrent.futures.Executor = concurrent.futures.ThreadPoolExecutor(8)
        shared = None
        if how == "processes":
            executor = concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
            shared = SharedStateManager.create_from_multiprocessing(multiprocessing.Manager())
        stack.enter_context(executor)
        worker = Worker(
            await Client.connect(os.environ["TEMPORAL"]),
            task_queue="shop",
            workflows=[Call],
            activities=[threaded] if how == "processes" else [*ASYNC, *THREADED],
            activity_executor=executor,
            shared_state_manager=shared,
            max_concurrent_activities=8,
            **once,
        )
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with worker:
            print("the worker works", flush=True)
            await ended.wait()


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
