"""A worker and the platform: registration, slots, heartbeats, streams that break, and the way out."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import attrs
import httpx
import pytest
from misbehaving import answer, hang, stream
from serving import IMPATIENT, PATIENCE, Serving, until, wait
from worker_by_hand import Clock
from worker_by_hand import Worker as ByHand

from xpander_facade import (
    AuthenticationError,
    Configuration,
    Task,
    TaskIdFilter,
    Tasks,
    Tokens,
    WorkerConflictError,
    on_boot,
    on_shutdown,
    on_task,
)
from xpander_facade.emulator import Emulator
from xpander_facade.worker import _session
from xpander_facade.worker._handlers import BOOT, SHUTDOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from misbehaving import Connection, Misbehaving, Request

FINAL = ("completed", "error", "failed", "stopped")


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_session, "TIMEOUTS", IMPATIENT)


@pytest.fixture
def hooks() -> Iterator[None]:
    """Forget, after the test, what it wants to run before and after workers."""
    yield
    BOOT.clear()
    SHUTDOWN.clear()


@pytest.fixture
def tasks(configuration: Configuration) -> Tasks:
    return Tasks(configuration)


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


# --- slots ---


def test_the_platform_hears_of_the_last_slot_and_of_the_first_that_is_free_again(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    gate = Gate()
    with Serving(gate.handler, emulator, configuration, concurrency=2):
        made = [tasks.create(prompt="hello") for _ in range(3)]
        until(lambda: len(gate.began) == 2)
        assert messages(emulator) == [("capacity-update", {"is_busy": True})]
        gate.open.set()
        for task in made:
            ended(emulator, task)
        until(lambda: len(messages(emulator)) >= 2)
        told = messages(emulator)
    assert len(gate.began) == 3
    assert told[1] == ("capacity-update", {"is_busy": False})
    assert all(one != other for one, other in itertools.pairwise(told)), "said twice"
    assert messages(emulator)[-1] == ("finished", {})


def test_a_capacity_message_that_fails_is_said_again(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_session, "TIMEOUTS", attrs.evolve(IMPATIENT, heartbeat=PATIENCE))
    gate = Gate()
    with Serving(gate.handler, emulator, attrs.evolve(configuration, max_retries=0), concurrency=1):
        emulator.fail(503, 2, "send_worker_message")
        task = tasks.create(prompt="hello")
        until(lambda: emulator.workers()[0]["is_busy"])
        gate.open.set()
        ended(emulator, task)
        until(lambda: not emulator.workers()[0]["is_busy"])


# --- heartbeats ---


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_heartbeats_come_while_a_handler_blocks_everything(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, kind: str
):
    def block(task: Task) -> Task:
        before = heartbeats(emulator)
        until(lambda: heartbeats(emulator) >= before + 3)
        task.result = "they came"
        return task

    async def block_the_loop(task: Task) -> Task:
        return block(task)

    handler: Any = on_task(block if kind == "sync" else block_the_loop)
    with Serving(handler, emulator, configuration):
        assert ended(emulator, tasks.create(prompt="hello"))["result"] == "they came"


def test_heartbeats_that_fail_do_not_end_the_worker(emulator: Emulator, configuration: Configuration, tasks: Tasks):
    gate = Gate()
    gate.open.set()
    with Serving(gate.handler, emulator, configuration):
        emulator.fail(500, 3, "send_worker_message")
        emulator.cut(2, None, "send_worker_message")
        before = heartbeats(emulator)
        until(lambda: heartbeats(emulator) >= before + 8)
        assert ended(emulator, tasks.create(prompt="hello"))["status"] == "completed"


# --- the stream ---


def test_a_stream_that_breaks_is_opened_again_and_what_runs_goes_on(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    gate = Gate()
    with Serving(gate.handler, emulator, configuration) as serving:
        first = tasks.create(prompt="before")
        until(lambda: len(gate.began) == 1)
        for _ in range(2):
            former = {worker["id"] for worker in emulator.workers()}
            emulator.drop_worker_streams()
            until(lambda former=former: {worker["id"] for worker in emulator.workers()} - former != set())
        second = tasks.create(prompt="after")
        until(lambda: len(gate.began) == 2)
        gate.open.set()
        assert ended(emulator, first)["status"] == ended(emulator, second)["status"] == "completed"
    assert sorted(gate.began) == sorted([first.id, second.id])
    assert sorted(task.id for task in serving.finished) == sorted([first.id, second.id])
    states = [worker["state"] for worker in emulator.workers(all=True)]
    assert states == ["finished"] * 3


def test_a_task_that_comes_between_two_streams_waits_for_the_worker(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    gate = Gate()
    gate.open.set()
    with Serving(gate.handler, emulator, configuration):
        opening = emulator.hold("stream_worker_events")
        emulator.drop_worker_streams()
        assert opening.arrived(1)
        before = heartbeats(emulator)
        until(lambda: heartbeats(emulator) >= before + 2)
        task = tasks.create(prompt="hello")
        opening.release()
        assert ended(emulator, task)["status"] == "completed"
    assert gate.began == [task.id]


def test_a_busy_worker_says_so_when_it_registers_anew(emulator: Emulator, configuration: Configuration, tasks: Tasks):
    gate = Gate()
    with Serving(gate.handler, emulator, configuration, concurrency=1):
        task = tasks.create(prompt="hello")
        until(lambda: len(gate.began) == 1)
        emulator.drop_worker_streams()
        until(lambda: [worker["is_busy"] for worker in emulator.workers()] == [True])
        gate.open.set()
        ended(emulator, task)


@pytest.mark.parametrize("status", [503, 401, 520])
def test_a_stream_that_was_open_once_is_opened_again_whatever_the_platform_says(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, status: int
):
    gate = Gate()
    gate.open.set()
    with Serving(gate.handler, emulator, configuration):
        emulator.fail(status, 3, "stream_worker_events")
        emulator.drop_worker_streams()
        emulator.wait_for_workers(1, timeout=PATIENCE)
        assert ended(emulator, tasks.create(prompt="hello"))["status"] == "completed"


def test_a_wrong_key_ends_the_worker_before_it_has_begun(emulator: Emulator, configuration: Configuration):
    emulator.fail(401, 1, "stream_worker_events")
    with pytest.raises(AuthenticationError):
        on_task(configuration=configuration)(Gate().work).run()


def test_a_platform_that_is_down_at_first_is_waited_for(emulator: Emulator, configuration: Configuration, tasks: Tasks):
    emulator.fail(503, 2, "stream_worker_events")
    gate = Gate()
    gate.open.set()
    with Serving(gate.handler, emulator, configuration):
        assert ended(emulator, tasks.create(prompt="hello"))["status"] == "completed"


def test_an_environment_conflict_ends_the_worker_with_the_platforms_reason(
    emulator: Emulator, configuration: Configuration
):
    emulator.refuse_workers("served from the cloud already")
    with pytest.raises(WorkerConflictError, match=r"^served from the cloud already$"):
        on_task(configuration=configuration)(Gate().work).run()


def test_a_conflict_while_a_task_runs_lets_it_end(emulator: Emulator, configuration: Configuration, tasks: Tasks):
    gate = Gate()
    with Serving(gate.handler, emulator, configuration) as serving:
        task = tasks.create(prompt="hello")
        until(lambda: len(gate.began) == 1)
        emulator.refuse_workers("moved")
        emulator.drop_worker_streams()
        until(lambda: len(emulator.requests("stream_worker_events")) == 2)
        gate.open.set()
        assert ended(emulator, task)["result"] == "done"
        with pytest.raises(WorkerConflictError, match="moved"):
            serving.end()


# --- tasks that come twice ---


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

    def serve(self, function: Any, finished: int) -> list[Task]:
        """Serve until so many tasks are finished, and return them."""
        tasks: list[Task] = []
        handler = on_task(configuration=self.configuration)(function)

        def count(task: Task) -> None:
            tasks.append(task)
            self.later.set()
            if len(tasks) == finished:
                handler.stop()

        handler.run(on_finished=count)
        return tasks


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


# --- the way out ---


def test_what_runs_beyond_the_grace_becomes_an_error_and_the_worker_is_deregistered(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    began, unwound = threading.Event(), threading.Event()

    @on_task
    async def handler(task: Task) -> Task:
        began.set()
        try:
            await asyncio.sleep(10 * PATIENCE)
        finally:
            unwound.set()
        return task

    with Serving(handler, emulator, configuration, grace_period=0.01) as serving:
        task = tasks.create(prompt="hello")
        wait(began)
        serving.end()
    stored = emulator.task(task.id)
    assert stored["status"] == "error"
    assert stored["result"] == "the worker was stopped (stop() was called) before the task was done"
    assert unwound.is_set()
    assert messages(emulator)[-1] == ("finished", {})
    assert [one.status.value for one in serving.finished] == ["error"]


def test_a_sync_handler_that_never_returns_does_not_keep_the_worker(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    gate = Gate()
    with Serving(gate.handler, emulator, configuration, grace_period=0.01) as serving:
        task = tasks.create(prompt="hello")
        until(lambda: len(gate.began) == 1)
        serving.end()
    assert emulator.task(task.id)["status"] == "error"
    gate.open.set()
    assert [worker["state"] for worker in emulator.workers(all=True)] == ["finished"]


def test_a_stopped_worker_leaves_new_tasks_to_others(emulator: Emulator, configuration: Configuration, tasks: Tasks):
    gate, other = Gate(), Gate()
    other.open.set()
    with Serving(gate.handler, emulator, configuration) as serving:
        first = tasks.create(prompt="hello")
        until(lambda: len(gate.began) == 1)
        serving.handler.stop()
        until(lambda: emulator.workers()[0]["is_busy"])
        with Serving(other.handler, emulator, configuration):
            second = tasks.create(prompt="for the other")
            ended(emulator, second)
        gate.open.set()
        ended(emulator, first)
    assert (gate.began, other.began) == ([first.id], [second.id])


def test_an_outcome_is_saved_as_soon_as_the_platform_is_back_even_after_the_stop(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    gate = Gate()
    with Serving(gate.handler, emulator, attrs.evolve(configuration, max_retries=0), poll_interval=PATIENCE) as serving:
        task = tasks.create(prompt="hello")
        until(lambda: len(gate.began) == 1)
        emulator.fail(503, 20, "update_task")
        gate.open.set()
        until(lambda: len(emulator.requests("update_task")) >= 3)
        serving.end()
    assert emulator.task(task.id)["result"] == "done"


def test_a_cancelled_worker_marks_its_tasks_and_is_deregistered(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    async def main() -> dict[str, Any]:
        began = asyncio.Event()

        @on_task(configuration=configuration)
        async def handler(task: Task) -> Task:
            began.set()
            await asyncio.sleep(10 * PATIENCE)
            return task

        worker = asyncio.create_task(handler.arun(signals=False))
        await asyncio.to_thread(emulator.wait_for_workers, 1, PATIENCE)
        task = await tasks.acreate(prompt="hello")
        await began.wait()
        worker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker
        return emulator.task(task.id)

    assert asyncio.run(main())["status"] == "error"
    assert messages(emulator)[-1] == ("finished", {})


def test_a_worker_that_is_cancelled_twice_leaves_nothing_running(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    async def main() -> dict[str, Any]:
        began, unwinding, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

        @on_task(configuration=configuration)
        async def handler(task: Task) -> Task:
            began.set()
            try:
                await asyncio.sleep(10 * PATIENCE)
            finally:
                unwinding.set()
                await may_end.wait()
            return task

        worker = asyncio.create_task(handler.arun(signals=False))
        await asyncio.to_thread(emulator.wait_for_workers, 1, PATIENCE)
        task = await tasks.acreate(prompt="hello")
        await began.wait()
        worker.cancel()
        await unwinding.wait()
        worker.cancel()
        asyncio.get_running_loop().call_soon(may_end.set)
        with pytest.raises(asyncio.CancelledError):
            await worker
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return emulator.task(task.id)

    assert asyncio.run(main())["status"] == "error"
    assert messages(emulator)[-1] == ("finished", {})


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_what_is_cut_short_keeps_its_tokens_and_its_duration(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, kind: str
):
    began = threading.Event()
    spent = Tokens(prompt_tokens=100, completion_tokens=50)

    async def on_the_loop(task: Task) -> Task:
        task.tokens, task.result = spent, "a part"
        began.set()
        await asyncio.sleep(10 * PATIENCE)
        return task

    def in_a_thread(task: Task) -> Task:
        task.tokens, task.result = spent, "a part"
        began.set()
        threading.Event().wait(2 * PATIENCE)
        return task

    handler: Any = on_task(on_the_loop if kind == "async" else in_a_thread)
    with Serving(handler, emulator, configuration, grace_period=0.01) as serving:
        task = tasks.create(prompt="hello")
        wait(began)
        serving.end()
    stored = emulator.task(task.id)
    (finished,) = serving.finished
    (metrics,) = emulator.metrics("agent-123")
    assert (stored["status"], stored["tokens"]["prompt_tokens"], stored["tokens"]["completion_tokens"]) == (
        "error",
        100,
        50,
    )
    assert stored["duration"] == finished.duration > 0
    assert (metrics["execution_id"], metrics["status"]) == (task.id, "error")


def test_a_handler_is_served_once_at_a_time(emulator: Emulator, configuration: Configuration):
    with (
        Serving(Gate().handler, emulator, configuration) as serving,
        pytest.raises(RuntimeError, match="is being served already"),
    ):
        serving.handler.run()


def test_boot_comes_before_the_registration_and_shutdown_after_the_deregistration(
    emulator: Emulator, configuration: Configuration, hooks: None
):
    order: list[str] = []

    @on_boot
    def first() -> None:
        order.append(f"boot {len(emulator.requests())}")

    @on_boot
    async def second() -> None:
        order.append("boot again")

    @on_shutdown
    def failing() -> None:
        raise LookupError("no")

    @on_shutdown
    async def last() -> None:
        order.append(f"shutdown {messages(emulator)[-1][0]}")

    with Serving(Gate().handler, emulator, configuration):
        until(lambda: heartbeats(emulator) > 0)
        order.append("serving")
    assert order == ["boot 0", "boot again", "serving", "shutdown finished"]


def test_a_boot_that_fails_ends_the_worker(emulator: Emulator, configuration: Configuration, hooks: None):
    @on_boot
    def failing() -> None:
        raise LookupError("no database")

    with pytest.raises(LookupError, match="no database"):
        on_task(configuration=configuration)(Gate().work).run()
    assert emulator.requests() == []


def test_what_began_before_a_failing_boot_is_shut_down(emulator: Emulator, configuration: Configuration, hooks: None):
    order: list[str] = []

    @on_boot
    def opening() -> None:
        order.append("opened")

    @on_boot
    def failing() -> None:
        raise LookupError("no database")

    @on_shutdown
    async def closing() -> None:
        order.append("closed")

    with pytest.raises(LookupError, match="no database"):
        on_task(configuration=configuration)(Gate().work).run()
    assert order == ["opened", "closed"]


# --- logging ---


def test_a_poll_that_fails_is_logged_with_its_task(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG, "xpander_facade.worker")
    gate = Gate()
    with Serving(gate.handler, emulator, attrs.evolve(configuration, max_retries=0)):
        task = tasks.create(prompt="hello")
        until(lambda: len(gate.began) == 1)
        emulator.fail(503, 1, "get_task")
        until(lambda: "polling the task failed" in caplog.text)
        gate.open.set()
        ended(emulator, task)
    looks = [record for record in caplog.records if record.message.startswith("polling the task failed")]
    assert [getattr(record, "task_id", None) for record in looks] == [task.id]


def test_every_record_of_a_task_carries_its_id_and_so_can_those_of_the_handler(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    caplog.handler.addFilter(TaskIdFilter())
    log = logging.getLogger("my.handler")

    @on_task
    def handler(task: Task) -> Task:
        log.info("working")
        return task

    with Serving(handler, emulator, configuration) as serving:
        task = tasks.create(prompt="hello")
        until(lambda: len(serving.finished) == 1)
    ids = {
        (r.name, r.message.partition(":")[0].partition(" as ")[0]): getattr(r, "task_id", "none")
        for r in caplog.records
    }
    assert ids["my.handler", "working"] == task.id
    assert ids["xpander_facade.worker", "the task begins"] == ids["xpander_facade.worker", "the task ended"] == task.id
    assert ids["xpander_facade.worker", "registered"] is None
