"""Tasks, frames and hooks that must not take the worker down, and a task that takes it down each time."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from calling import ROOT
from serving import PATIENCE, until
from worker_platform import Vendor, frame, task_json

from xpander_facade import Task, on_boot, on_task
from xpander_facade.worker._attempts import AttemptLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from misbehaving import Misbehaving

pytestmark = pytest.mark.usefixtures("impatience")

KILLED = 139
PROGRAM = """
import os, sys
from xpander_facade import Configuration, on_task

@on_task(configuration=Configuration("key-1", "org-1", sys.argv[1], "agent-123"), state_path=sys.argv[2])
def handler(task):
    os._exit(139)

handler.run(on_finished=lambda task: handler.stop())
"""


def kill(platform: Vendor, path: Path) -> int:
    """Serve in a process whose handler kills it; return its exit status."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "generated"), str(ROOT)])}
    command = [sys.executable, "-c", PROGRAM, platform.server.url, str(path)]
    return subprocess.run(command, env=environment, timeout=PATIENCE, capture_output=True, check=False).returncode


def test_a_task_that_kills_its_process_is_begun_three_times_and_then_an_error(
    misbehave: Callable[..., Misbehaving], tmp_path: Path
):
    path = tmp_path / "attempts.db"
    platform = Vendor(misbehave, task_json())
    platform.frames = [frame("agent-execution", task_json())]
    assert [kill(platform, path) for _ in range(4)] == [KILLED, KILLED, KILLED, 0]
    assert platform.tasks["task_1"]["status"] == "error"
    assert "begun 3 times and its process ended each time" in platform.tasks["task_1"]["result"]
    assert AttemptLog(path).begin("task_1") == 1, "the count of a task that has ended is forgotten"


def test_without_a_limit_a_task_is_begun_any_number_of_times(misbehave: Callable[..., Misbehaving], tmp_path: Path):
    path = tmp_path / "attempts.db"
    for _ in range(9):
        AttemptLog(path).begin("task_1")
    platform = Vendor(misbehave, task_json())
    platform.frames = [frame("agent-execution", task_json())]
    (task,) = platform.serve(lambda task: task, 1, max_attempts=0, state_path=path)
    assert task.status == "completed"


def test_a_start_that_was_stopped_does_not_count(misbehave: Callable[..., Misbehaving], tmp_path: Path):
    path = tmp_path / "attempts.db"
    platform = Vendor(misbehave, task_json())
    platform.frames = [frame("agent-execution", task_json())]
    begun, counts = threading.Event(), []

    def work(task: Task) -> Task:
        begun.set()
        until(lambda: count(path) == 0)
        counts.append(count(path))
        return task

    handler = on_task(configuration=platform.configuration, state_path=path)(work)
    stopper = threading.Thread(target=lambda: (begun.wait(PATIENCE), handler.stop()))
    stopper.start()
    handler.run()
    stopper.join()
    assert counts == [0]


def count(path: Path) -> int | None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as database:
        row = database.execute("SELECT begun FROM attempts WHERE task = 'task_1'").fetchone()
    return None if row is None else row[0]


@pytest.mark.parametrize("depth", [200, 1000, 100_000])
@pytest.mark.parametrize("event", ["agent-execution", "worker-registration", "something-new"])
def test_a_frame_of_any_depth_costs_that_frame_only(
    misbehave: Callable[..., Misbehaving], caplog: pytest.LogCaptureFixture, depth: int, event: str
):
    caplog.set_level(logging.ERROR, "xpander_facade.worker")
    platform = Vendor(misbehave, task_json(), task_json("task_2"))
    deep = json.dumps(task_json())[:-1] + ', "more": ' + "[" * depth + "]" * depth + "}"
    platform.frames = [frame(event, deep), frame("agent-execution", task_json("task_2"))]
    ran: list[str] = []

    async def work(task: Task) -> Task:
        ran.append(task.id)
        return task

    handler = on_task(configuration=platform.configuration)(work)
    threading.Thread(target=lambda: (until(lambda: "task_2" in ran), handler.stop())).start()
    handler.run()
    assert "task_2" in ran


@pytest.mark.parametrize("id", ["", ".", ".."])
def test_a_registration_that_no_url_can_hold_is_skipped(
    misbehave: Callable[..., Misbehaving], caplog: pytest.LogCaptureFixture, id: str
):
    platform = Vendor(misbehave, task_json())
    platform.frames = [frame("worker-registration", {"id": id}), frame("agent-execution", task_json())]

    async def work(task: Task) -> Task:
        return task

    with caplog.at_level(logging.INFO):
        (task,) = platform.serve(work, 1)
    assert task.worker_id != id
    assert "a frame (worker-registration) can't be read and is skipped" in caplog.text
    assert "never retrieved" not in caplog.text


@pytest.mark.parametrize("id", ["", " ", ".", "..", "a\ud800", None, [], {"a": 1}])
def test_a_task_that_no_url_can_hold_is_skipped(
    misbehave: Callable[..., Misbehaving], caplog: pytest.LogCaptureFixture, id: object
):
    platform = Vendor(misbehave, task_json())
    platform.frames = [
        frame("agent-execution", json.dumps({**task_json(), "id": id})),
        frame("agent-execution", task_json()),
    ]
    ran: list[str] = []

    async def work(task: Task) -> Task:
        ran.append(task.id)
        return task

    with caplog.at_level(logging.INFO):
        platform.serve(work, 1)
    assert ran == ["task_1"]
    assert "a frame (agent-execution) can't be read and is skipped" in caplog.text
    assert "never retrieved" not in caplog.text


@pytest.mark.usefixtures("hooks")
@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
def test_a_worker_that_is_stopped_while_it_boots_ends_within_the_grace_period(
    misbehave: Callable[..., Misbehaving], caplog: pytest.LogCaptureFixture, is_async: bool
):
    platform = Vendor(misbehave, task_json())
    booting, never = threading.Event(), threading.Event()

    def plain() -> None:
        booting.set()
        never.wait(PATIENCE)

    async def asynchronous() -> None:
        import asyncio

        booting.set()
        await asyncio.sleep(PATIENCE)

    on_boot(asynchronous if is_async else plain)
    handler = on_task(configuration=platform.configuration, grace_period=0.05)(lambda task: task)
    stopper = threading.Thread(target=lambda: (booting.wait(PATIENCE), handler.stop()))
    stopper.start()
    handler.run()
    stopper.join()
    never.set()
    assert "on_boot does not end within the grace period" in caplog.text
    assert not platform.server.requests, "a worker that is stopped while it boots registers nowhere"
