"""Handlers that the tests serve in processes of their own, as a user's module has them. Not a test.

A task's prompt says what it is to do. What the process is at, it says on its standard output.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import Any

from xpander_facade import Task, TaskHandler, on_boot, on_shutdown, on_task


def say(word: str) -> None:
    print(word, flush=True)


@on_boot
def boot() -> None:
    say("boot")


@on_shutdown
async def shutdown() -> None:
    say("shutdown")


@on_task
async def handler(task: Task) -> Task:
    say(f"began {task.input.text}")
    match task.input.text:
        case "for ever":
            await asyncio.sleep(600)
        case "until told":
            while (await task.areload()).source != "told":  # noqa: ASYNC110 (the platform tells it)
                await asyncio.sleep(0.01)
        case "fail":
            raise LookupError("no such thing")
    task.result = f"did {task.input.text}"
    return task


@on_task
def blocking(task: Task) -> Task:
    say(f"began {task.input.text}")
    time.sleep(600)
    return task


@on_task
async def elsewhere(task: Task) -> Task:
    say(f"began {task.input.text}")
    await asyncio.to_thread(time.sleep, 600)
    return task


@on_task
async def stubborn(task: Task) -> Task:
    say(f"began {task.input.text}")
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(600)


def undecorated(task: Task) -> Task:
    return task


if __name__ == "__main__":
    served: TaskHandler[..., Any] = globals()[sys.argv[1]]
    served.with_options(grace_period=float(sys.argv[2])).run()
