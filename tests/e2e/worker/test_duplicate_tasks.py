"""Tasks that arrive twice, are requested again, or were given to another worker."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from misbehaving import answer, hang, stream
from serving import PATIENCE, Serving, until, wait
from worker_by_hand import Clock
from worker_by_hand import Worker as ByHand

from xpander_facade import (
    Configuration,
    Task,
    Tasks,
    on_task,
)
from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Connection, Misbehaving, Request

from worker_messages import Gate, ended, heartbeats
from worker_platform import Vendor, frame, task_json

pytestmark = pytest.mark.usefixtures("impatience")


class Remember:
    """A handler that remembers what it ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    async def work(self, task: Task) -> Task:
        self.ran.append(task.id)
        task.result = f"answer to {task.input.text}"
        return task


def test_a_task_that_arrives_twice_runs_once(misbehave: Callable[..., Misbehaving]):
    platform = Vendor(misbehave, task_json(), task_json("task_2"))
    execution = frame("agent-execution", task_json())
    platform.frames = [execution, execution, frame("agent-execution", task_json("task_2"))]
    handler = Remember()
    platform.serve(handler.work, 2)
    assert sorted(handler.ran) == ["task_1", "task_2"]


def test_a_late_copy_of_a_task_that_has_ended_does_not_run(misbehave: Callable[..., Misbehaving]):
    platform = Vendor(misbehave, task_json(), task_json("task_2"))
    platform.frames = [frame("agent-execution", task_json())]
    platform.later_frames = [*platform.frames, frame("agent-execution", task_json("task_2"))]
    handler = Remember()
    platform.serve(handler.work, 2)
    assert handler.ran == ["task_1", "task_2"]


def test_a_task_that_arrives_again_after_its_end_runs_only_where_the_platform_wants_it(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    gate = Gate()
    gate.open.set()
    with Serving(gate.handler, emulator, configuration) as serving:
        task = tasks.create(prompt="hello")
        ended(emulator, task)
        until(lambda: len(serving.finished) == 1)
        again = tasks.create(prompt="and now?", existing_task_id=task.id)
        until(lambda: len(serving.finished) == 2)
    assert gate.began == [task.id, again.id]
    assert task.id == again.id


def test_a_task_that_is_asked_anew_while_it_runs_runs_anew(misbehave: Callable[..., Misbehaving]):
    anew = task_json(text="two")
    platform = Vendor(misbehave, task_json(text="one"))
    platform.frames = [frame("agent-execution", task_json(text="one"))]
    platform.later_frames = [frame("agent-execution", anew)]
    ran: list[str | None] = []

    async def handler(task: Task) -> Task:
        ran.append(task.input.text)
        if task.input.text == "one":
            platform.tasks["task_1"] = anew
            platform.later.set()
            await asyncio.sleep(10 * PATIENCE)
        task.result = f"answer to {task.input.text}"
        return task

    (task,) = platform.serve(handler, 1)
    assert ran == ["one", "two"]
    assert (task.result, platform.tasks["task_1"]["result"]) == ("answer to two", "answer to two")


def test_what_a_thread_returns_for_a_task_that_was_asked_anew_is_not_saved(misbehave: Callable[..., Misbehaving]):
    anew = task_json(text="two")
    platform = Vendor(misbehave, task_json(text="one"), task_json("task_2"))
    platform.frames = [frame("agent-execution", task_json(text="one"))]
    platform.later_frames = [frame("agent-execution", anew), frame("agent-execution", task_json("task_2"))]
    came = threading.Event()

    def handler(task: Task) -> Task:
        task.result = f"answer to {task.input.text}"
        if task.id == "task_2":
            came.set()
        elif task.input.text == "one":
            platform.tasks["task_1"] = anew
            platform.later.set()
            wait(came)
        return task

    finished = platform.serve(handler, 2)
    assert sorted(str(task.result) for task in finished) == ["answer to hello", "answer to two"]
    assert platform.tasks["task_1"]["result"] == "answer to two"


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_a_task_that_is_requested_again_with_the_same_input_while_it_runs_runs_again(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, kind: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "xpander_facade.worker")
    began: list[str] = []
    answered = threading.Event()

    def work(task: Task) -> Task:
        began.append(task.id)
        if len(began) == 1:
            wait(answered)
        task.result = f"run {len(began)}"
        return task

    async def work_on_the_loop(task: Task) -> Task:
        began.append(task.id)
        if len(began) == 1:
            await asyncio.sleep(10 * PATIENCE)
        task.result = f"run {len(began)}"
        return task

    with Serving(on_task(work if kind == "sync" else work_on_the_loop), emulator, configuration) as serving:
        task = tasks.create(prompt="hello")
        until(lambda: len(began) == 1)
        tasks.create(prompt="hello", existing_task_id=task.id)
        until(lambda: "the task was requested again" in caplog.messages)
        answered.set()
        until(lambda: len(serving.finished) == 1)
    assert emulator.task(task.id)["result"] == "run 2"
    assert len(began) == 2


class GivingBack(Vendor):
    """A platform that loses its worker, and gives the task to the one that registers next: the same process."""

    def __init__(self, misbehave: Callable[..., Misbehaving], *, sends: bool) -> None:
        super().__init__(misbehave, {**task_json(), "worker_id": "worker-1"})
        self.given_back = threading.Event()
        self._sends = sends
        self._streams = 0

    def _answer(self, connection: Connection, request: Request) -> bool:
        if request.is_stream:
            self._streams += 1
            opening = frame("worker-registration", {"id": f"worker-{self._streams}"})
            return stream(opening, *self._frames(), then=hang if self._streams > 1 else self._lose)(connection, request)
        task = self.tasks["task_1"]
        if request.method == "PATCH" and request.json.get("worker_id") == task["worker_id"]:
            task.update(request.json)
        if request.method == "POST" and self._streams > 1 and "heartbeat" in str(request.json):
            self.given_back.set()
        return answer(body=task)(connection, request)

    def _frames(self) -> list[bytes]:
        if self._streams == 1:
            return [frame("agent-execution", self.tasks["task_1"])]
        self.tasks["task_1"].update(worker_id="worker-2", status="pending")
        return [frame("agent-execution", self.tasks["task_1"])] if self._sends else []

    def _lose(self, connection: Connection, request: Request) -> bool:
        wait(self.later)
        return False


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_a_task_that_is_given_back_to_its_worker_goes_on_under_the_new_id(
    misbehave: Callable[..., Misbehaving], kind: str
):
    platform = GivingBack(misbehave, sends=True)
    ran: list[str] = []

    def work(task: Task) -> Task:
        ran.append(task.id)
        platform.later.set()
        until(lambda: platform.tasks["task_1"]["worker_id"] == "worker-2")
        until(lambda: platform.tasks["task_1"]["status"] == "executing")
        task.result = "done"
        return task

    async def work_in_a_thread(task: Task) -> Task:
        return await asyncio.to_thread(work, task)

    (task,) = platform.serve(work if kind == "sync" else work_in_a_thread, 1)
    stored = platform.tasks["task_1"]
    assert (ran, task.result) == (["task_1"], "done")
    assert (stored["status"], stored["result"], stored["worker_id"]) == ("completed", "done", "worker-2")


def test_a_worker_that_was_cut_off_gets_back_what_nobody_else_began_and_goes_on():
    clock = Clock()
    with (
        Emulator(clock=clock) as emulator,
        httpx.Client(base_url=emulator.url, headers={"x-api-key": "key-1"}, timeout=PATIENCE) as client,
    ):
        configuration = Configuration("key-1", "org-1", emulator.url, "agent-123")
        gate = Gate()
        with (
            Serving(gate.handler, emulator, configuration, poll_interval=PATIENCE) as serving,
            Tasks(configuration) as tasks,
        ):
            task = tasks.create(prompt="hello")
            until(lambda: len(gate.began) == 1)
            with emulator.hold("send_worker_message") as silence:
                assert silence.arrived(1)
                clock.seconds += 11
                other = ByHand(client).__enter__()
                emulator.check_workers()
            assert other.task()["id"] == task.id
            emulator.wait_for_workers(2, timeout=PATIENCE)
            for _ in range(11):
                clock.seconds += 1
                other.beat()
                before = heartbeats(emulator)
                until(lambda before=before: heartbeats(emulator) >= before + 2)  # one of them came after the turn
            emulator.check_workers()
            emulator.wait_for_status(task.id, "executing", timeout=PATIENCE)
            gate.open.set()
            assert ended(emulator, task)["result"] == "done"
            until(lambda: len(serving.finished) == 1)
            other.__exit__()
    assert gate.began == [task.id]
    assert [row["outcome"] for row in emulator.dispatches(task.id)] == ["lost", "not begun", "completed"]


def test_an_outcome_is_said_again_under_the_id_to_which_the_task_was_given_back(misbehave: Callable[..., Misbehaving]):
    platform = GivingBack(misbehave, sends=False)

    def work(task: Task) -> Task:
        platform.later.set()
        wait(platform.given_back)
        task.result = "done"
        return task

    platform.serve(work, 1)
    stored = platform.tasks["task_1"]
    assert (stored["status"], stored["result"], stored["worker_id"]) == ("completed", "done", "worker-2")


def test_a_task_that_was_given_to_another_before_it_was_begun_is_not_begun(misbehave: Callable[..., Misbehaving]):
    platform = Vendor(misbehave, task_json(), task_json("task_2"))
    platform.frames = [frame("agent-execution", task_json()), frame("agent-execution", task_json("task_2"))]
    platform.tasks["task_1"] = Waiting(task_json())
    handler = Remember()
    platform.serve(handler.work, 1)
    assert handler.ran == ["task_2"]


class Waiting(dict[str, Any]):
    """A task that waits for another worker, whatever is said of it."""

    def update(self, *told: Any, **more: Any) -> None:
        pass


def test_frames_that_make_no_sense_are_skipped(misbehave: Callable[..., Misbehaving], caplog: pytest.LogCaptureFixture):
    platform = Vendor(misbehave, task_json())
    platform.frames = [
        frame("agent-execution", "{"),
        frame("agent-execution", "[]"),
        frame("agent-execution", {"id": "task_0"}),
        frame("worker-registration", {}),
        frame("something-new", {"a": 1}),
        b": a comment\n\n",
        frame("agent-execution", task_json()),
    ]
    handler = Remember()
    platform.serve(handler.work, 1)
    assert handler.ran == ["task_1"]
    assert caplog.text.count("can't be read") == 4


def test_a_task_that_the_platform_gave_to_another_worker_is_let_go(misbehave: Callable[..., Misbehaving]):
    platform = Vendor(misbehave, task_json(), task_json("task_2"))
    platform.frames = [frame("agent-execution", task_json()), frame("agent-execution", task_json("task_2"))]
    platform.tasks["task_1"] = Owned(task_json(), worker_id="worker-2")
    handler = Remember()
    platform.serve(handler.work, 1)
    assert handler.ran == ["task_2"]


class Owned(dict[str, Any]):
    """A task that stays another worker's, whatever is said of it."""

    def update(self, *told: Any, **more: Any) -> None:
        super().update(status="executing")
