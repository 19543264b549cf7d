"""What the workers of a test said to the platform, and a handler that ends when it may."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from serving import PATIENCE, wait

from xpander_facade import (
    Task,
    on_task,
)

if TYPE_CHECKING:
    from xpander_facade.emulator import Emulator

FINAL = ("completed", "error", "failed", "stopped")


def ended(emulator: Emulator, task: Task) -> dict[str, Any]:
    return emulator.wait_for_status(task.id, *FINAL, timeout=PATIENCE)


def messages(emulator: Emulator, *, without: str = "worker-heartbeat") -> list[tuple[str, Any]]:
    """Return what the workers said, in order, without their heartbeats."""
    said = [r.body for r in emulator.requests("send_worker_message") if r.body]
    return [(body["event"].removeprefix("worker-"), body["data"]) for body in said if body["event"] != without]


def heartbeats(emulator: Emulator) -> int:
    said = [r.body for r in emulator.requests("send_worker_message") if r.body]
    return sum(body["event"] == "worker-heartbeat" for body in said)


class Gate:
    """A handler that says when it begins, and ends when it may."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.open = threading.Event()
        self.handler = on_task(self.work)

    def work(self, task: Task) -> Task:
        self.began.append(task.id)
        wait(self.open)
        task.result = "done"
        return task
