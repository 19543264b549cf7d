"""A platform of workers that is written by hand: its stream plays a script."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from misbehaving import answer, hang, stream
from serving import wait

from xpander_facade import (
    Configuration,
    Task,
    on_task,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Connection, Misbehaving, Request


def frame(event: str, data: Any) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return f"event: {event}\ndata: {text}\n\n".encode()


def task_json(id: str = "task_1", text: str = "hello") -> dict[str, Any]:
    return {
        "id": id, "agent_id": "agent-123", "organization_id": "org-1",
        "input": {"text": text}, "created_at": "2026-01-02T03:04:05Z", "status": "pending",
    }  # fmt: skip


class Vendor:
    """A platform written by hand: its stream plays a script, and it keeps the tasks that it knows."""

    def __init__(self, misbehave: Callable[..., Misbehaving], *tasks: dict[str, Any]) -> None:
        self.tasks = {task["id"]: task for task in tasks}
        self.frames: list[bytes] = []
        self.later = threading.Event()
        self.later_frames: list[bytes] = []
        self.server = misbehave(otherwise=self._answer)
        self.configuration = Configuration("key-1", "org-1", self.server.url, "agent-123")

    def _answer(self, connection: Connection, request: Request) -> bool:
        if request.is_stream:
            opening = frame("worker-registration", {"id": "worker-1"})
            return stream(opening, *self.frames, then=self._go_on)(connection, request)
        task = self.tasks.get(request.target.split("/")[2], {})
        if request.method == "PATCH":
            task.update(request.json)
        return answer(body=task)(connection, request)

    def _go_on(self, connection: Connection, request: Request) -> bool:
        if self.later_frames:
            wait(self.later)
            for one in self.later_frames:
                connection.send(one)
        return hang(connection, request)

    def serve(self, function: Any, finished: int, **options: Any) -> list[Task]:
        """Serve until so many tasks are finished, and return them."""
        tasks: list[Task] = []
        handler = on_task(configuration=self.configuration, **options)(function)

        def count(task: Task) -> None:
            tasks.append(task)
            self.later.set()
            if len(tasks) == finished:
                handler.stop()

        handler.run(on_finished=count)
        return tasks
