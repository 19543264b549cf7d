"""How long a recorded run waits for the platform, and what is known of its report."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING

import pytest
from calling import Caller, configured
from recording import AGENT, Setting, block

from xpander_facade import (
    Backend,
    DeliveryStatus,
    OutboxSettings,
    ReportCounts,
    ServerError,
    TaskUnavailableError,
    XpanderError,
)
from xpander_facade._process import threads
from xpander_facade.outbox import Outbox
from xpander_facade.recorder import _circuit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from xpander_facade.emulator import Emulator


@pytest.fixture(autouse=True)
def circuits() -> Iterator[None]:
    """Let every test begin with circuits that are closed."""
    _circuit._circuits.clear()
    yield
    _circuit._circuits.clear()


def test_a_run_waits_for_a_platform_that_hangs_as_long_as_its_deadline(call: Caller, emulator: Emulator):
    hold = emulator.hold("report_external_task")
    backend = Backend(configured(emulator, agent_id=AGENT, timeout=30, deadline=60, record_deadline=0.4))
    began = time.monotonic()
    handle = backend.external_task()
    block(call, handle, lambda run: None)
    assert 0.3 < time.monotonic() - began < 3
    assert handle.wait(20) is DeliveryStatus.FAILED
    hold.release()


def stop_clock(backend: Backend) -> list[float]:
    """Let the circuit of a backend's platform take the last one of these numbers for the time, in seconds."""
    clock = [1_000.0]
    _circuit.circuit_of(backend.configuration)._clock = lambda: clock[-1]
    return clock


def test_runs_do_not_wait_for_a_platform_that_failed_again_and_again_until_it_answers(
    call: Caller,
    emulator: Emulator,
    counted: Callable[[], ReportCounts],
    caplog: pytest.LogCaptureFixture,
):
    backend = Backend(configured(emulator, agent_id=AGENT))
    clock = stop_clock(backend)
    emulator.fail(503, times=3)
    for _ in range(3):
        block(call, backend.external_task(), lambda run: None)
    assert "outbox=True" in caplog.text
    assert "3 times in a row" in caplog.text
    hold = emulator.hold("report_external_task")
    took = []
    for _ in range(5):
        began = time.monotonic()
        handle = backend.external_task()
        block(call, handle, lambda run: None)
        took.append(time.monotonic() - began)
        assert handle.delivery is DeliveryStatus.FAILED
    assert sorted(took)[2] < 0.05
    assert counted() == ReportCounts(failed=3, dropped=5)
    assert caplog.text.count("does not answer") == 1
    hold.release()
    clock.append(clock[-1] + _circuit.MIN_PAUSE)
    block(call, probe := backend.external_task(), lambda run: None)
    assert probe.wait(20) is DeliveryStatus.REPORTED
    block(call, after := backend.external_task(), lambda run: None)
    assert after.delivery is DeliveryStatus.REPORTED
    assert threads.join(10)


def test_runs_do_not_wait_for_a_platform_that_is_slow_and_their_reports_are_sent_all_the_same(
    call: Caller,
    emulator: Emulator,
    counted: Callable[[], ReportCounts],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    backend = Backend(configured(emulator, agent_id=AGENT, record_deadline=20))
    monkeypatch.setattr(_circuit, "SLOW_ANSWER", 0.0)
    for number in range(3):
        block(call, first := backend.external_task(id=f"first-{number}"), lambda run: None)
        assert first.task.id == f"first-{number}"
    assert caplog.text.count("is slow, 3 times in a row") == 1
    hold = emulator.hold("report_external_task")
    handles = [backend.external_task(id=f"run-{number}", report_start=number == 0) for number in range(5)]
    for handle in handles:
        block(call, handle, lambda run: None)  # goes on although the platform does not
        assert handle.delivery is None
        with pytest.raises(TaskUnavailableError, match=r"on its way.*run\.wait\(\)"):
            handle.task  # noqa: B018
    assert hold.arrived(5)  # the start of the first run, and the ends of the others
    hold.release()
    for handle in handles:
        assert handle.wait(20) is DeliveryStatus.REPORTED
        assert handle.task.status == "completed"
    monkeypatch.setattr(_circuit, "SLOW_ANSWER", 60.0)
    block(call, last := backend.external_task(), lambda run: None)
    assert last.wait(20) is DeliveryStatus.REPORTED
    assert "answers again" in caplog.text
    block(call, after := backend.external_task(), lambda run: None)
    assert after.delivery is DeliveryStatus.REPORTED
    assert counted() == ReportCounts(reported=3 + 1 + 5 + 2)
    assert len(emulator.requests("report_external_task")) == 3 + 1 + 5 + 2
    assert threads.join(10)


def test_a_slow_platform_has_so_many_reports_to_answer_at_once_and_further_ones_are_dropped(
    call: Caller,
    emulator: Emulator,
    counted: Callable[[], ReportCounts],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(_circuit, "MAX_IN_BACKGROUND", 2)
    monkeypatch.setattr(_circuit, "SLOW_ANSWER", 0.0)
    backend = Backend(configured(emulator, agent_id=AGENT, record_deadline=20))
    for _ in range(3):
        block(call, backend.external_task(), lambda run: None)
    with emulator.hold("report_external_task"):
        for _ in range(5):
            block(call, backend.external_task(), lambda run: None)
    assert threads.join(20)
    assert counted() == ReportCounts(reported=5, dropped=3)
    assert "is slow and has" in caplog.text
    block(call, handle := backend.external_task(), lambda run: None)
    assert handle.wait(20) is DeliveryStatus.REPORTED


def test_a_strict_run_always_waits_for_what_becomes_of_its_report(
    call: Caller, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    backend = Backend(configured(emulator, agent_id=AGENT, record_deadline=20))
    emulator.fail(503, times=4)
    for _ in range(3):
        block(call, backend.external_task(), lambda run: None)
    with pytest.raises(ServerError):
        block(call, backend.external_task(strict=True), lambda run: None)
    block(call, handle := backend.external_task(strict=True), lambda run: None)
    assert handle.delivery is DeliveryStatus.REPORTED
    monkeypatch.setattr(_circuit, "SLOW_ANSWER", 0.0)
    for _ in range(4):
        block(call, handle := backend.external_task(strict=True), lambda run: None)
        assert handle.delivery is DeliveryStatus.REPORTED


def test_a_run_without_a_task_says_why(call: Caller, emulator: Emulator, tmp_path: Path):
    handle = Backend(configured(emulator, agent_id=AGENT)).external_task(id="run-1")
    with pytest.raises(TaskUnavailableError, match="has not begun"):
        handle.task  # noqa: B018
    with pytest.raises(RuntimeError, match="has not ended"):
        handle.wait(1)

    def work(run: object) -> None:
        with pytest.raises(TaskUnavailableError, match=r"reported when its block ends\. Use run\.id"):
            handle.task  # noqa: B018
        assert handle.delivery is None

    block(call, handle, work)
    assert (handle.task.id, handle.delivery) == ("run-1", DeliveryStatus.REPORTED)
    emulator.fail(404)
    handle = Backend(configured(emulator, agent_id=AGENT)).external_task(id="run-2")
    block(call, handle, lambda run: None)
    with pytest.raises(TaskUnavailableError, match="its report failed"):
        handle.task  # noqa: B018
    assert issubclass(TaskUnavailableError, AttributeError)
    assert issubclass(TaskUnavailableError, XpanderError)
    assert getattr(handle, "task", "a default") == "a default"


def test_a_queued_run_is_waited_for(call: Caller, emulator: Emulator, tmp_path: Path):
    setting = Setting(emulator, tmp_path / "runs.db")
    hold = emulator.hold("report_external_task")
    handle = setting.backend.external_task(id="run-1")
    block(call, handle, lambda run: None)
    assert handle.wait(0.1) is DeliveryStatus.QUEUED
    with pytest.raises(TaskUnavailableError, match=r"waits in the outbox"):
        handle.task  # noqa: B018
    hold.release()
    ended = handle.wait(10) if call.way == "sync" else asyncio.run(handle.await_delivery(10))
    assert ended is DeliveryStatus.REPORTED
    Outbox.of(setting.configuration).close()


def test_a_block_of_sync_code_in_a_loop_is_told_of_once(emulator: Emulator, caplog: pytest.LogCaptureFixture):

    from xpander_facade.recorder import _reporter

    _reporter._warned_of_loops.clear()
    backend = Backend(configured(emulator, agent_id=AGENT))

    async def main() -> None:
        for _ in range(2):
            with backend.external_task():
                pass

    asyncio.run(main())
    assert caplog.text.count("use `async with`") == 1


def test_a_logging_handler_that_records_does_not_nest(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for outbox in (None, tmp_path / "runs.db"):
        backend = Backend(configured(emulator, agent_id=AGENT, outbox=outbox))
        recorded: list[str] = []

        class Recording(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if len(recorded) > 200 or "emulator" in threading.current_thread().name:  # noqa: B023
                    return
                recorded.append(record.name)  # noqa: B023
                with backend.external_task(input=record.getMessage()):  # noqa: B023
                    pass

        handler, root = Recording(), logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            emulator.fail(404, operation="report_external_task", times=1)
            with backend.external_task(id=f"run-{outbox is None}"):
                pass
            backend.flush(30)
            logging.getLogger("the program").info("one line")
            assert threads.join(30)
            backend.flush(30)
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
        assert "the program" in recorded
        assert len(recorded) < 100, recorded
        if outbox is not None:
            Outbox.of(backend.configuration).close()
    assert "one line" in [task["input"]["text"] for task in emulator.tasks() if task.get("input")]


def test_runs_that_neither_a_full_outbox_nor_its_platform_takes_are_dropped_at_once_and_counted(
    call: Caller,
    emulator: Emulator,
    counted: Callable[[], ReportCounts],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
):
    settings = OutboxSettings(tmp_path / "runs.db", max_reports=3, exit_timeout=0)
    backend = Backend(configured(emulator, agent_id=AGENT, outbox=settings))
    outbox = Outbox.of(backend.configuration)
    stop_clock(backend)
    emulator.fail(503, times=3)
    for _ in range(3):
        block(call, backend.external_task(), lambda run: None)
    until = time.monotonic() + 10
    while not outbox.is_known_to_be_down():
        assert time.monotonic() < until
        time.sleep(0.01)
    # The platform hangs from now on: what the file's breaker knows need not be found out again, run by run.
    with emulator.hold("report_external_task"):
        runs = [backend.external_task() for _ in range(5)]
        began = time.monotonic()
        for run in runs:
            block(call, run, lambda run: None)
        assert time.monotonic() - began < 8
        assert [run.delivery for run in runs[1:]] == [DeliveryStatus.FAILED] * 4, "a thread tries the first one"
        assert counted().dropped == 4
        assert caplog.text.count("the outbox can't take the report") == 1
        assert caplog.text.count("does not answer. Its outbox can't take them either") == 1
    assert outbox.flush(20).waiting == 0
    assert threads.join(10)
    assert outbox.status().running == 0, "what was dropped is not reported as dead later"
    outbox.close()
