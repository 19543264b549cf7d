"""Reports that fail, and what is wrong before there is one."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, configured, run_python
from recording import AGENT, Setting, block, throw, told

from xpander_facade import (
    APIStatusError,
    Backend,
    Configuration,
    ConfigurationError,
    FlushResult,
    NotFoundError,
    OutboxError,
    ReportCounts,
    TaskUnavailableError,
)
from xpander_facade.outbox import Outbox
from xpander_facade.recorder import _reporter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xpander_facade.emulator import Emulator


def test_a_report_that_fails_changes_nothing_but_the_log_and_the_counts(
    call: Caller, emulator: Emulator, counted: Callable[[], ReportCounts], caplog: pytest.LogCaptureFixture
):
    emulator.fail(404, times=3)
    backend = Backend(configured(emulator, agent_id=AGENT, api_key="key-7d1f"))
    error = ValueError("a secret of the user")
    block(call, backend.external_task(id="run-1", input="a secret question", report_start=True), lambda run: None)
    with pytest.raises(ValueError) as caught:
        block(call, backend.external_task(id="run-2"), lambda run: throw(error))
    assert caught.value is error
    assert error.__context__ is None
    assert counted() == ReportCounts(failed=3)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3
    assert {record.name for record in caplog.records} == {"xpander_facade.recorder"}
    assert "run-1" in caplog.text
    assert "NotFoundError" in caplog.text
    assert "secret" not in caplog.text
    assert "key-7d1f" not in caplog.text


def test_a_strict_run_raises_what_its_report_raised(call: Caller, emulator: Emulator):
    backend = Backend(configured(emulator, agent_id=AGENT))
    emulator.fail(404)
    with pytest.raises(NotFoundError) as caught:
        block(call, backend.external_task(id="run-1", strict=True), lambda run: None)
    assert caught.value.task_id == "run-1"


def test_a_strict_run_that_raised_itself_raises_that(call: Caller, emulator: Emulator):
    backend = Backend(configured(emulator, agent_id=AGENT))
    emulator.fail(404)
    with pytest.raises(ValueError, match="mine"):
        block(call, backend.external_task(strict=True), lambda run: throw(ValueError("mine")))


def test_a_strict_run_whose_start_can_not_be_reported_does_not_begin(call: Caller, emulator: Emulator):
    backend = Backend(configured(emulator, agent_id=AGENT))
    emulator.fail(400, times=2)
    with pytest.raises(APIStatusError):
        block(call, backend.external_task(report_start=True, strict=True), lambda run: pytest.fail("it ran"))


def test_a_strict_decorated_function_raises_what_its_report_raised(emulator: Emulator):
    @Backend(configured(emulator, agent_id=AGENT)).external_task(strict=True)
    def work() -> str:
        return "done"

    emulator.fail(404)
    with pytest.raises(NotFoundError):
        work()


def test_reports_are_counted(setting: Setting, counted: Callable[[], ReportCounts]):
    with setting.backend.external_task(report_start=True):
        pass
    with setting.backend.external_task():
        pass
    assert counted() == (ReportCounts(reported=3) if setting.outbox is None else ReportCounts(queued=3))


def test_a_report_that_fails_goes_to_the_outbox_and_arrives_later(emulator: Emulator, tmp_path: Path):
    emulator.fail(503, times=2, headers={"Retry-After": "0"})
    setting = Setting(emulator, tmp_path / "runs.db")
    with setting.backend.external_task(input="in") as run:
        run.result = "out"
    with pytest.raises(TaskUnavailableError, match="waits in the outbox"):
        run.task  # noqa: B018
    assert told(setting.run()) == ("completed", "in", "out")
    Outbox.of(setting.configuration).close()


def test_a_run_that_the_outbox_can_not_take_is_sent_without_it(
    call: Caller, emulator: Emulator, tmp_path: Path, counted: Callable[[], ReportCounts]
):
    (tmp_path / "a file").write_text("no folder")
    backend = Backend(configured(emulator, agent_id=AGENT, outbox=tmp_path / "a file" / "runs.db"))
    block(call, backend.external_task(id="run-1", strict=True), lambda run: None)
    block(call, backend.external_task(id="run-2", report_start=True), lambda run: None)
    assert [request.body["id"] for request in emulator.requests()] == ["run-1", "run-2", "run-2"]
    assert counted() == ReportCounts(reported=3)


def test_a_run_whose_process_is_killed_is_reported_as_failed(emulator: Emulator, tmp_path: Path):
    run_python(
        """
    import os, sys
    from xpander_facade import Backend, Configuration
    backend = Backend(Configuration("k", "org-1", sys.argv[1], "agent-123", outbox=sys.argv[2]))
    if os.fork() == 0:
        with backend.external_task(id="run-1", input="in"):
            os.kill(os.getpid(), 9)
    os.wait()
    """,
        emulator.url,
        str(tmp_path / "runs.db"),
    )
    setting = Setting(emulator, tmp_path / "runs.db")
    with setting.backend.external_task(id="run-2"):
        pass
    until = time.monotonic() + 20
    while len(runs := setting.runs()) < 2 and time.monotonic() < until:
        threading.Event().wait(0.01)
    assert told(runs["run-1"]) == ("failed", "in", "process ended before the run did")
    assert runs["run-2"]["status"] == "completed"
    Outbox.of(setting.configuration).close()


def test_what_is_missing_is_an_error_before_the_block(call: Caller, setting: Setting):
    for given in ({"api_key": None}, {"agent_id": None}):
        configuration = configured(setting.emulator, **{"agent_id": AGENT, "outbox": setting.outbox, **given})
        with pytest.raises(ConfigurationError):
            block(call, Backend(configuration).external_task(), lambda run: pytest.fail("it ran"))
    assert setting.reports() == []


def test_nothing_is_sent_and_nothing_kept_where_sending_is_disabled(
    call: Caller, emulator: Emulator, tmp_path: Path, counted: Callable[[], ReportCounts]
):
    configuration = Configuration(base_url=emulator.url, agent_id=AGENT, disabled=True, outbox=tmp_path / "runs.db")
    handle = Backend(configuration).external_task(id="run-1", input="in", report_start=True)
    block(call, handle, lambda run: run.fail("why not"))
    assert handle.task is not None
    assert (handle.task.id, handle.task.status.value, handle.task.result) == ("run-1", "failed", "why not")
    assert call(Backend(configuration), "enqueue_external_task", id="run-2") == "run-2"
    assert call(Backend(configuration), "flush") == FlushResult(0, 0, 0)
    with pytest.raises(ConfigurationError):
        block(call, Backend(Configuration(disabled=True)).external_task(), lambda run: None)
    assert (emulator.requests(), list(tmp_path.iterdir()), counted()) == ([], [], ReportCounts())


def test_an_organisation_that_the_url_needs_is_an_error_before_the_block(call: Caller, tmp_path: Path):
    configuration = Configuration("k", None, "http://localhost:9016", AGENT, outbox=tmp_path / "runs.db")
    with pytest.raises(ConfigurationError, match="organisation"):
        block(call, Backend(configuration).external_task(), lambda run: pytest.fail("it ran"))
    assert list(tmp_path.iterdir()) == []


def test_a_start_that_is_refused_is_one_report(call: Caller, emulator: Emulator, counted: Callable[[], ReportCounts]):
    emulator.fail(422, operation="report_external_task")
    handle = Backend(configured(emulator, agent_id=AGENT)).external_task(report_start=True, strict=True)
    with pytest.raises(APIStatusError):
        block(call, handle, lambda run: pytest.fail("it ran"))
    assert len(emulator.requests("report_external_task")) == 1
    assert counted() == ReportCounts(failed=1)
    assert repr(handle).endswith("ended>")


def test_a_long_reason_makes_no_long_line_in_the_log(
    call: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def refused(*given: object) -> Any:
        raise OutboxError("x" * 5_000)

    monkeypatch.setattr(_reporter, "send", refused)
    monkeypatch.setattr(_reporter, "asend", refused)
    block(call, Backend(Configuration(disabled=True, agent_id=AGENT)).external_task(), lambda run: None)
    (record,) = caplog.records
    assert len(record.getMessage()) < 700
