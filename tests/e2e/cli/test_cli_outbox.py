"""The commands of the outbox."""

from __future__ import annotations

import io
import re
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from xpander_facade.cli import outbox
from xpander_facade.outbox import FlushResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.emulator import Emulator

from command_line import Outcome, leave, on_a_terminal


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("command", ["status", "list", "show run-1", "retry run-1", "drop run-1 --yes", "vacuum"])
def test_the_file_can_be_looked_at_without_any_configuration(
    cli: Callable[..., Outcome], emulator: Emulator, monkeypatch: pytest.MonkeyPatch, command: str
):
    leave("run-1")
    for name in ("XPANDER_API_KEY", "XPANDER_BASE_URL", "XPANDER_ORGANIZATION_ID", "XPANDER_AGENT_ID"):
        monkeypatch.delenv(name)
    outcome = cli("outbox", *command.split())
    assert outcome.status == (1 if command.startswith("retry") else 0)
    assert emulator.requests() == []


@pytest.mark.parametrize(
    "command", ["status", "list", "show run-1", "flush", "retry run-1", "drop run-1 --yes", "vacuum"]
)
def test_an_outbox_that_is_not_there_is_told_and_not_made(cli: Callable[..., Outcome], tmp_path: Path, command: str):
    outcome = cli("outbox", *command.split())
    assert outcome == (2, "", "xpander-facade: there is no outbox: pass --outbox or set XPANDER_OUTBOX\n")
    missing = tmp_path / "missing.db"
    outcome = cli("outbox", *command.split(), "--outbox", str(missing))
    assert (outcome.status, outcome.out) == (2, "")
    assert f"there is no file {missing}" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_something_else_is_told(cli: Callable[..., Outcome], tmp_path: Path):
    (tmp_path / "notes.txt").write_text("notes" * 1000)
    outcome = cli("outbox", "status", "--outbox", str(tmp_path / "notes.txt"))
    assert (outcome.status, outcome.out) == (2, "")
    assert "is not an outbox" in outcome.err
    assert (tmp_path / "notes.txt").read_text() == "notes" * 1000


def test_the_status_counts(cli: Callable[..., Outcome], path: str):
    leave("run-1", "run-2")
    fields = dict(cli("outbox", "status").rows())
    assert (fields["waiting"], fields["quarantined"], fields["sent"]) == ("2", "0", "0")
    status = cli("outbox", "status", "--outbox", path, "--json").json()
    assert (status["waiting"], status["sending"], status["running"], status["dropped"]) == (2, 0, 0, 0)
    assert status["bytes"] > 0
    assert datetime.fromisoformat(status["oldest"]).tzinfo is not None
    assert status["paused_until"] is None


@pytest.mark.usefixtures("path")
def test_reports_are_listed_oldest_first(cli: Callable[..., Outcome]):
    leave("run-2", "run-1", "run-3")
    outcome = cli("outbox", "list")
    assert [row[:3] for row in outcome.rows()] == [[f"run-{n}", "agent-123", "waiting"] for n in (2, 1, 3)]
    assert outcome.err == ""
    assert [entry["id"] for entry in cli("outbox", "list", "--json").json()] == ["run-2", "run-1", "run-3"]
    assert cli("outbox", "list", "--state", "quarantined", "--json").json() == []
    outcome = cli("outbox", "list", "--limit", "2")
    assert len(outcome.rows()) == 2
    assert "--limit" in outcome.err
    assert cli("outbox", "list", "--state", "lost").status == 2


@pytest.mark.usefixtures("path")
def test_a_long_reason_is_readable_on_a_narrow_terminal(
    cli: Callable[..., Outcome], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    leave("run-1")
    emulator.fail(422, operation="report_external_task")
    cli("outbox", "flush")
    on_a_terminal(monkeypatch, COLUMNS="80", NO_COLOR="1")
    assert "Unprocessable" in cli("outbox", "list").out


@pytest.mark.usefixtures("path")
def test_a_report_is_shown_as_it_will_be_sent(cli: Callable[..., Outcome]):
    leave("run-1")
    fields = dict(cli("outbox", "show", "run-1").rows())
    assert (fields["id"], fields["state"], fields["input"], fields["result"]) == (
        *("run-1", "waiting", "Read it", "first second"),
    )
    entry = cli("outbox", "show", "run-1", "--json").json()
    assert entry["body"] == {"id": "run-1", "input": "Read it", "result": "first\nsecond", "is_success": True}
    outcome = cli("outbox", "show", "run-2")
    assert outcome == (1, "", "xpander-facade: there is no report of run run-2 in the outbox\n")


@pytest.mark.usefixtures("path")
def test_flushing_sends_what_waits(cli: Callable[..., Outcome], emulator: Emulator):
    ids = [f"run-{n}" for n in range(20)]
    leave(*ids)
    outcome = cli("outbox", "flush")
    assert (outcome.status, outcome.err) == (0, "")
    assert dict(outcome.rows()) == {"sent": "20", "waiting": "0", "quarantined": "0", "left for others": "0"}
    assert {task["id"] for task in emulator.tasks()} == set(ids)
    assert cli("outbox", "flush", "--json").json() == {
        "sent": 0,
        "waiting": 0,
        "quarantined": 0,
        "left_for_others": 0,
    }


@pytest.mark.usefixtures("path")
def test_flushing_many_shows_a_bar_on_a_terminal(cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch):
    leave(*(f"run-{n}" for n in range(20)))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    outcome = cli("outbox", "flush", "--json")
    assert (outcome.status, outcome.json()["sent"]) == (0, 20)
    assert re.search(r"sending.*/20", outcome.err)


@pytest.mark.usefixtures("path")
def test_what_the_platform_refuses_is_told_and_can_be_tried_again_or_dropped(
    cli: Callable[..., Outcome], emulator: Emulator
):
    leave("run-1", "run-2")
    emulator.fail(422, times=2, operation="report_external_task")
    outcome = cli("outbox", "flush")
    assert outcome.status == 1
    assert dict(outcome.rows()) == {"sent": "0", "waiting": "0", "quarantined": "2", "left for others": "0"}
    assert outcome.err.splitlines()[-1] == "xpander-facade: refused: 2 (`outbox list --state quarantined` tells why)"
    assert "422" in cli("outbox", "list", "--state", "quarantined").rows()[0][-1]
    assert "422" in dict(cli("outbox", "show", "run-1").rows())["reason"]
    assert cli("outbox", "drop", "run-1", "--yes") == (0, "run-1\n", "")
    outcome = cli("outbox", "retry", "run-1", "run-2")
    assert outcome == (1, "run-2\n", "xpander-facade: no report of run run-1 is in quarantine\n")
    outcome = cli("outbox", "flush")
    assert (outcome.status, dict(outcome.rows())["waiting"]) == (0, "0")
    assert [task["id"] for task in emulator.tasks()] == ["run-2"]
    assert cli("outbox", "drop", "run-2", "--yes").status == 1


@pytest.mark.usefixtures("path")
def test_what_could_not_be_sent_stays_and_is_told(cli: Callable[..., Outcome]):
    nowhere = "http://127.0.0.1:9"
    leave("run-1", base_url=nowhere)
    outcome = cli("outbox", "flush", "--base-url", nowhere, "--timeout", "0.1")
    assert outcome.status == 1
    assert dict(outcome.rows()) == {"sent": "0", "waiting": "1", "quarantined": "0", "left for others": "0"}
    assert "xpander-facade: not sent, still waiting: 1" in outcome.err
    assert dict(cli("outbox", "status").rows())["waiting"] == "1"


@pytest.mark.usefixtures("path")
def test_a_flush_without_a_timeout_ends_where_nothing_gets_through(
    cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox, "_FLUSH_TIMEOUT", 0.1)
    leave("run-1", base_url="http://127.0.0.1:9")
    assert cli("outbox", "flush", "--base-url", "http://127.0.0.1:9").status == 1


def test_a_flush_without_a_timeout_goes_on_as_long_as_reports_get_through():
    class Slow:
        results: ClassVar = [FlushResult(3, 4, 0), FlushResult(0, 2, 2), FlushResult(2, 0, 0)]

        def flush(self, timeout: float) -> FlushResult:
            return self.results.pop(0)

    assert outbox._flush(Slow(), None) == FlushResult(5, 0, 2)


@pytest.mark.usefixtures("path")
def test_reports_for_another_platform_are_not_passed_over_in_silence(cli: Callable[..., Outcome]):
    leave("run-1", base_url="http://127.0.0.1:9")
    outcome = cli("outbox", "flush")
    assert outcome.status == 0
    assert dict(outcome.rows())["left for others"] == "1"
    assert outcome.err.startswith("what is left is for another platform or organisation")


@pytest.mark.usefixtures("path")
def test_dropping_asks_on_a_terminal_and_is_refused_where_nobody_is_there(
    cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
):
    leave("run-1", "run-2")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    outcome = cli("outbox", "drop", "run-1")
    assert (outcome.status, outcome.err) == (2, "xpander-facade: nobody is there to be asked: pass --yes\n")
    for answer, status, left in (("n", 1, "2"), ("y", 0, "1")):
        terminal = io.StringIO(f"{answer}\n")
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", terminal)
        outcome = cli("outbox", "drop", "run-1")
        assert outcome.status == status
        assert "throw away what waits or is in quarantine of 1 run, for good?" in outcome.err
        assert dict(cli("outbox", "status").rows())["waiting"] == left


def test_the_status_names_the_outboxes_beside_it(cli: Callable[..., Outcome], path: str):
    leave("run-1")
    leave("run-2", outbox=str(Path(path).with_name("other.db")))
    Path(path).with_name("notes.db").write_text("no outbox")
    outcome = cli("outbox", "status")
    assert dict(outcome.rows())["circuit"] == "closed"
    assert "another outbox beside it" in outcome.err
    assert "other.db" in outcome.err
    assert "notes.db" not in outcome.err
    assert cli("outbox", "status", "--json").json()["siblings"] == [str(Path(path).with_name("other.db"))]


def test_the_file_can_be_made_small_by_hand(cli: Callable[..., Outcome], path: str):
    leave(*(f"run-{n}" for n in range(300)))
    cli("outbox", "drop", "--yes", *(f"run-{n}" for n in range(290)))
    before = Path(path).stat().st_size
    outcome = cli("outbox", "vacuum", "--json")
    assert outcome.json()["bytes_after"] < outcome.json()["bytes_before"]
    assert Path(path).stat().st_size < before


@pytest.mark.usefixtures("path")
def test_a_relay_sends_until_nothing_waits(cli: Callable[..., Outcome], emulator: Emulator):
    leave("run-1", "run-2")
    assert cli("outbox", "relay", "--until-empty").status == 0
    assert {task["id"] for task in emulator.tasks()} == {"run-1", "run-2"}


@pytest.mark.usefixtures("path")
def test_nothing_is_flushed_where_sending_is_disabled(
    cli: Callable[..., Outcome], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    leave("run-1")
    monkeypatch.setenv("XPANDER_DISABLED", "1")
    outcome = cli("outbox", "flush")
    assert (outcome.status, emulator.requests()) == (2, [])
    assert "unset XPANDER_DISABLED" in outcome.err
    assert dict(cli("outbox", "status").rows())["waiting"] == "1"


@pytest.mark.usefixtures("path")
def test_the_command_line_drops_nothing_for_its_age(cli: Callable[..., Outcome], path: str):
    nowhere = "http://127.0.0.1:9"
    leave("run-1", "run-2", base_url=nowhere)
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in ("reports", "arrivals"):
            connection.execute(f"UPDATE {table} SET created_at = created_at - 1e8")
    assert dict(cli("outbox", "status").rows())["waiting"] == "2"
    cli("outbox", "flush", "--base-url", nowhere, "--timeout", "0.5")
    assert dict(cli("outbox", "status").rows())["waiting"] == "2"


@pytest.mark.parametrize("wrong", [("--timeout", "-1"), ("--timeout", "inf"), ("--rate", "fast")])
@pytest.mark.usefixtures("path")
def test_a_wrong_flush_sends_nothing(cli: Callable[..., Outcome], emulator: Emulator, wrong: tuple[str, str]):
    leave("run-1")
    assert cli("outbox", "flush", *wrong).status == 2
    assert emulator.requests() == []


@pytest.mark.usefixtures("path")
def test_a_report_can_be_left_to_the_outbox(cli: Callable[..., Outcome], emulator: Emulator):
    assert cli("report", "--enqueue", "--id", "run-1", "--result", "done") == (0, "run-1\n", "")
    assert cli("report", "--enqueue", "--id", "run-2", "--json").json() == {"id": "run-2"}
    assert cli("outbox", "flush").status == 0
    assert {task["id"] for task in emulator.tasks()} == {"run-1", "run-2"}


def test_a_report_can_not_be_left_to_an_outbox_that_is_not_named(cli: Callable[..., Outcome], emulator: Emulator):
    outcome = cli("report", "--enqueue", "--result", "done")
    assert outcome.status == 2
    assert "XPANDER_OUTBOX" in outcome.err
    assert emulator.requests() == []
