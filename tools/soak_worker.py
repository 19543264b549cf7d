"""One worker of the soak, in a process of its own: `tools/soak` starts it.

Owns what the handlers do. A task's prompt says for how many seconds it is to be worked on and how it is to end; what is
begun and what is ended goes into the worker's own file of notes, in the order in which it happens.

    python tools/soak_worker.py async|sync|generator NOTES
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "generated")]

from xpander_facade import Task, TaskUpdateEvent, TaskUpdateEventType, Tokens, on_task  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xpander_facade.worker import TaskHandler

NOTES = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def note(what: str, task: Task) -> None:
    """Write a line that outlives this process, however it ends."""
    os.write(NOTES, f"{what} {task.id}\n".encode())


def wanted_of(task: Task) -> dict[str, Any]:
    """Return what a task's prompt asks for: `seconds`, `good` and `result`."""
    wanted: dict[str, Any] = json.loads(task.input.text or "")
    return wanted


def begin(task: Task) -> float:
    """Note that a task is begun, and return the seconds that it is to take."""
    note("began", task)
    return float(wanted_of(task)["seconds"])


def end(task: Task) -> None:
    """Note that a task is ended, and end it as it wants."""
    wanted = wanted_of(task)
    note("ended", task)
    if not wanted["good"]:
        raise ValueError(wanted["result"])
    task.result = wanted["result"]
    task.tokens = Tokens(prompt_tokens=1)


@on_task
async def asynchronous(task: Task) -> Task:
    """Work on the event loop."""
    await asyncio.sleep(begin(task))
    end(task)
    return task


@on_task
def synchronous(task: Task) -> Task:
    """Work in a thread."""
    time.sleep(begin(task))
    end(task)
    return task


@on_task
async def generator(task: Task) -> AsyncIterator[TaskUpdateEvent]:
    """Work on the event loop, and tell of it."""
    seconds = begin(task)
    for text in ("one", "two"):
        await asyncio.sleep(seconds / 2)
        yield TaskUpdateEvent(type=TaskUpdateEventType.Chunk, task_id=task.id, data=text)
    end(task)


def log_to_stderr() -> None:
    """Log what the worker says, each line with its task."""
    handler = logging.StreamHandler()
    format_ = "%(asctime)s %(levelname)s [%(task_id)s] %(message)s"
    handler.setFormatter(logging.Formatter(format_, defaults={"task_id": None}))
    logging.getLogger().addHandler(handler)
    logging.getLogger("xpander_facade.worker").setLevel(logging.INFO)


def end_with_parent() -> None:
    """End this process when the one that started it is gone: nobody else would."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    log_to_stderr()
    threading.Thread(target=end_with_parent, daemon=True).start()
    handlers: dict[str, TaskHandler[Any, Any]] = {"async": asynchronous, "sync": synchronous, "generator": generator}
    handlers[sys.argv[1]].run()
