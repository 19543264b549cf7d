"""Reports that are left to the outbox by hand."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, configured
from recording import AGENT, Setting, told

from xpander_facade import (
    Backend,
    ConfigurationError,
    FlushResult,
)
from xpander_facade._requests.report import make_report
from xpander_facade.outbox import Outbox
from xpander_facade.recorder import _external_task, _reporter
from xpander_facade.recorder._delivery import store_end

if TYPE_CHECKING:
    from pathlib import Path

    from xpander_facade.emulator import Emulator


def test_a_report_that_is_left_to_the_outbox_arrives(call: Caller, emulator: Emulator, tmp_path: Path):
    setting = Setting(emulator, tmp_path / "runs.db")
    run = call(
        setting.backend,
        "enqueue_external_task",
        "agent-9",
        input="in",
        result="out",
        tokens={"prompt_tokens": 3},
        duration=1.5,
        used_tools=["a"],
        llm_response={"raw": 1},
        is_success=False,
    )
    assert call(setting.backend, "flush", 10).waiting == 0
    task = setting.runs()[run]
    assert (task["agent_id"], *told(task), task["duration"]) == ("agent-9", "failed", "in", "out", 1.5)
    Outbox.of(setting.configuration).close()


def test_a_report_is_checked_before_the_outbox_keeps_it(call: Caller, emulator: Emulator, tmp_path: Path):
    def enqueue(given: dict[str, Any], **arguments: Any) -> None:
        values = {"agent_id": AGENT, "outbox": tmp_path / "runs.db", **given}
        call(Backend(configured(emulator, **values)), "enqueue_external_task", **arguments)

    for given, arguments, error in (
        ({"outbox": None}, {}, ConfigurationError),
        ({"agent_id": None}, {}, ConfigurationError),
        ({"api_key": None}, {}, ConfigurationError),
        ({}, {"duration": -1}, ValueError),
        ({}, {"agent": "agent-123"}, TypeError),
        ({}, {"id": " "}, ValueError),
    ):
        with pytest.raises(error):
            enqueue(given, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_without_an_outbox_there_is_nothing_to_flush(call: Caller, backend: Backend):
    assert call(backend, "flush", 1.5) == FlushResult(sent=0, waiting=0, quarantined=0)
    with pytest.raises(ValueError):
        call(backend, "flush", -1)


@pytest.mark.parametrize(
    ("response", "is_own"),
    [
        ({"id": "resp-1", "usage": {"total_tokens": 3}, "choices": [{"text": "out"}]}, True),
        (None, True),
        (SimpleNamespace(id="resp-1"), False),
        ({"choices": [SimpleNamespace(text="out")]}, False),
        ({"text": type("Text", (str,), {})("out")}, False),
        ({"text": "out " * 50_000}, False),
    ],
)
def test_only_a_report_of_plain_json_is_stored_by_the_thread_of_the_run(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, response: Any, is_own: bool
):
    # What calls code of the user's is made on a thread of its own, into which no signal handler raises.
    setting = Setting(emulator, tmp_path / "runs.db")
    used: list[int] = []

    def noted(*arguments: Any, **given: Any) -> Any:
        used.append(threading.get_ident())
        return store_end(*arguments, **given)

    monkeypatch.setattr(_reporter, "store_end", noted)
    with setting.backend.external_task(AGENT, id="run-1", input="in") as run:
        run.result = "out"
        run.llm_response = response
    assert (used == [threading.get_ident()]) is is_own
    assert told(setting.run()) == ("completed", "in", "out")
    Outbox.of(setting.configuration).close()


def test_the_report_of_a_start_is_made_once(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made: list[str] = []

    def counted(*arguments: Any, **given: Any) -> Any:
        report = make_report(*arguments, **given)
        made.append(report.id)
        return report

    monkeypatch.setattr(_external_task, "make_report", counted)
    setting = Setting(emulator, tmp_path / "runs.db")
    with setting.backend.external_task(input="in") as run:
        assert made == [run.id]
    assert made == [run.id, run.id]
    Outbox.of(setting.configuration).close()
