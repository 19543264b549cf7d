"""When a worker opens its stream again: after the time that the stream has asked for by `retry:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from misbehaving import hang, stream
from worker_platform import Vendor, frame, task_json

from xpander_facade.worker import _session

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Connection, Misbehaving, Request

    from xpander_facade import Task

pytestmark = pytest.mark.usefixtures("impatience")


@pytest.mark.parametrize(("asked", "waited"), [(b"retry: 1500\n\n", 1.5), (b"retry: soon\n\n", 0.01), (b"", 0.01)])
def test_a_workers_stream_is_opened_again_after_the_time_that_it_asks_for(
    misbehave: Callable[..., Misbehaving], monkeypatch: pytest.MonkeyPatch, asked: bytes, waited: float
):
    waits: list[float] = []
    computed = _session.reconnect_wait
    monkeypatch.setattr(_session, "reconnect_wait", lambda *given: waits.append(computed(*given)) or 0.0)

    class Breaking(Vendor):
        def _go_on(self, connection: Connection, request: Request) -> bool:
            return hang(connection, request) if waits else False

    platform = Breaking(misbehave, task_json(), task_json("task_2"))
    registration = frame("worker-registration", {"id": "worker-1"})
    execution = [frame("agent-execution", task_json(id)) for id in ("task_1", "task_2")]
    answered = platform._answer

    def answer(connection: Connection, request: Request) -> bool:
        if not request.is_stream:
            return answered(connection, request)
        frames = [registration, execution[1]] if waits else [registration, asked, execution[0]]
        return stream(*frames, then=platform._go_on)(connection, request)

    platform.server._otherwise = answer

    async def handle(task: Task) -> Task:
        task.result = "done"
        return task

    assert sorted(task.id for task in platform.serve(handle, 2)) == ["task_1", "task_2"]
    assert waits[0] == waited
