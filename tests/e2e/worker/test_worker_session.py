"""A worker and the platform: registration, slots, heartbeats, streams that break, and the way out."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from serving import IMPATIENT, PATIENCE, Serving, until, wait

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
from xpander_facade.worker import _session

if TYPE_CHECKING:
    from xpander_facade.emulator import Emulator

from worker_messages import Gate, ended, heartbeats, messages

pytestmark = pytest.mark.usefixtures("impatience")


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
