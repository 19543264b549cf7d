"""`tasks list`: what it tells of each task, which tasks it shows, how it goes on, and what it looks like."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from command_line import Outcome, ended, on_a_terminal, process
from pseudo_terminal import terminal
from rich.cells import cell_len

from xpander_facade import AgentExecutionStatus, Backend, Task, Tasks, Tokens, on_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.emulator import Emulator

LONG = "ext-b0098d3a-73bc-4ed1-ab60-3ea71864ea44"
RESULT = "The invoice of Müller & Söhne 請求書 was paid by bank transfer on the day on which it came, in full"
needs_a_terminal = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")


def report(*ids: str, **values: object) -> None:
    with Backend() as backend:
        for id in ids:
            backend.report_external_task(id=id, input="Read it", **values)


def gets(emulator: Emulator) -> list[str]:
    return [request.path for request in emulator.requests() if request.path.endswith("/status")]


def test_the_list_tells_tokens_and_duration(cli: Callable[..., Outcome], emulator: Emulator):
    report("run-1", result="a\nb", duration=2.5, tokens=Tokens(1200, 34))
    (row,) = cli("tasks", "list").rows()
    assert (row[0], row[1], row[3], row[4], row[6]) == ("run-1", "completed", "2.5", "1234", "a b")
    (item,) = cli("tasks", "list", "--json").json()
    assert (item["duration"], item["tokens"]["total_tokens"], item["title"]) == (2.5, 1234, None)


def test_details_are_left_out_on_demand(cli: Callable[..., Outcome], emulator: Emulator):
    report("run-1", "run-2", duration=2.5, tokens=Tokens(1, 2))
    before = len(gets(emulator))
    items = cli("tasks", "list", "--no-details", "--json").json()
    assert [(item["duration"], item["tokens"]) for item in items] == [(None, None)] * 2
    assert len(gets(emulator)) == before
    cli("tasks", "list", "--json")
    assert len(gets(emulator)) == before + 2


def test_a_task_that_can_not_be_loaded_is_listed_without(cli: Callable[..., Outcome], emulator: Emulator):
    report("run-1", duration=2.5)
    emulator.fail(404, operation="get_task")
    outcome = cli("tasks", "list")
    assert (outcome.status, [row[:2] for row in outcome.rows()]) == (0, [["run-1", "completed"]])
    assert outcome.err.startswith("tokens and duration of 1 task could not be loaded: GET ")


def test_the_newest_come_first_and_no_more_than_the_limit(cli: Callable[..., Outcome]):
    report(*(f"run-{n}" for n in range(5)))
    assert [row[0] for row in cli("tasks", "list").rows()] == [f"run-{n}" for n in (4, 3, 2, 1, 0)]
    outcome = cli("tasks", "list", "--limit", "2")
    assert [row[0] for row in outcome.rows()] == ["run-4", "run-3"]
    assert outcome.err == "these are the newest 2 of 5: --limit gives others, 0 all\n"
    assert len(cli("tasks", "list", "--limit", "0").rows()) == 5
    assert cli("tasks", "list", "--limit", "-1").status == 2


@pytest.mark.parametrize("since", ["1h", "2.5h", "90m", "3600s", "7d", "1w", "2020-01-01", "2020-01-01T10:00:00Z"])
def test_since_keeps_what_is_newer(cli: Callable[..., Outcome], since: str):
    report("run-1")
    assert len(cli("tasks", "list", "--since", since).rows()) == 1


def test_since_leaves_out_what_is_older(cli: Callable[..., Outcome]):
    report("run-1")
    assert cli("tasks", "list", "--since", "0s").rows() == []
    later = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1, day=1).isoformat()
    assert cli("tasks", "list", "--since", later).rows() == []


@pytest.mark.parametrize("since", ["yesterday", "", "h", "5x", "-1h", "2026-13-01", "99999999999w"])
def test_a_since_that_is_not_one_is_refused(cli: Callable[..., Outcome], emulator: Emulator, since: str):
    outcome = cli("tasks", "list", "--since", since)
    assert (outcome.status, outcome.out) == (2, "")
    assert "--since" in outcome.err
    assert "90m, 24h or 7d" in " ".join(outcome.err.split())
    assert emulator.requests() == []


def test_only_a_status_that_there_is_can_be_asked_for(cli: Callable[..., Outcome], emulator: Emulator):
    outcome = cli("tasks", "list", "--status", "done")
    assert (outcome.status, outcome.out, emulator.requests()) == (2, "", [])
    for status in AgentExecutionStatus:
        assert status.value in outcome.err
        assert cli("tasks", "list", "--status", status.value).status == 0
    help_text = cli("tasks", "list", "--help").out
    assert all(status.value in help_text for status in AgentExecutionStatus)


@pytest.mark.parametrize("options", [("--follow", "--watch"), ("--json", "--output", "wide"), ("--interval", "0")])
def test_options_that_contradict_are_refused(cli: Callable[..., Outcome], emulator: Emulator, options: tuple[str, ...]):
    assert cli("tasks", "list", *options).status == 2
    assert emulator.requests() == []


def test_output_json_is_json(cli: Callable[..., Outcome]):
    report("run-1")
    assert cli("tasks", "list", "-o", "json").json() == cli("tasks", "list", "--json").json()


def test_wide_has_all_columns_and_cuts_nothing(cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch):
    report(LONG, result=RESULT, used_tools=["ocr", "mail"], tokens=Tokens(1200, 34, 7), duration=2.5)
    (row,) = cli("tasks", "list", "--output", "wide").rows()
    assert len(row) == 20
    assert (row[8:11], row[17], row[19]) == (["1200", "34", "7"], "ocr, mail", RESULT)
    on_a_terminal(monkeypatch, COLUMNS="40", NO_COLOR="1", TERM="dumb")
    head, line = cli("tasks", "list", "--output", "wide").out.splitlines()
    assert head.split()[:3] == ["id", "status", "created"]
    assert RESULT in line
    assert line == line.rstrip()


def test_a_pipe_gets_the_whole_text(cli: Callable[..., Outcome]):
    report("run-1", result="word " * 200)
    assert cli("tasks", "list").rows()[0][-1].strip() == ("word " * 200).strip()


# Terminals


@needs_a_terminal
@pytest.mark.usefixtures("variables")
def test_the_list_is_as_wide_as_the_terminal():
    report(LONG, result=RESULT, duration=75, tokens=Tokens(1200, 34))
    with terminal(42, 40, "tasks", "list") as screen:
        lines = screen.read_to_end().splitlines()
    assert screen.child.returncode == 0
    assert lines[0] == LONG
    assert re.fullmatch(r"  completed  \d\d:\d\d:\d\d  1m 15s", lines[1].rstrip())
    assert lines[2].rstrip() == "  1,234 tokens"
    assert re.fullmatch("  The invoice of .*…", lines[3])
    assert "\x1b[32mcompleted" in screen.raw


@pytest.mark.parametrize("columns", [200, 120, 80, 60, 50, 30, 20])
def test_no_line_is_wider_than_the_terminal_and_no_id_is_cut(
    cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, columns: int
):
    report(LONG, result=RESULT, duration=75, tokens=Tokens(1200, 34))
    report("run-2", result="x", is_success=False)
    on_a_terminal(monkeypatch, COLUMNS=str(columns))
    text = re.sub(r"\x1b\[[0-9;]*m", "", cli("tasks", "list").out)
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= columns
    assert LONG in text.replace("\n", "")
    for part in ("completed", "failed", "1,234", "1m 15s"):
        assert part in text
    if columns >= 80:
        assert re.match(r"id +status +created +duration +tokens", text)
    else:
        assert "1,234 tokens" in text


def test_short_ids_leave_room_for_a_table_on_a_narrow_terminal(
    cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
):
    report("run-1", result=RESULT, duration=2.5, tokens=Tokens(1200, 34))
    on_a_terminal(monkeypatch, COLUMNS="50", NO_COLOR="1")
    head, line = re.sub(r"\x1b\[[0-9;]*m", "", cli("tasks", "list").out).splitlines()
    assert head.split() == ["id", "status", "created", "duration", "tokens"]
    assert line.split()[-3:] == ["2.5", "s", "1,234"]


def test_an_empty_list_is_told_on_a_terminal(cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch):
    on_a_terminal(monkeypatch)
    assert cli("tasks", "list") == (0, "", "no tasks\n")


# Going on


@pytest.mark.usefixtures("variables")
def test_following_prints_what_is_new_and_what_changes(emulator: Emulator):
    report("old-1", "old-2")
    with process("tasks", "list", "--follow", "--interval", "0.1", "--json") as child:
        assert child.stdout is not None
        rows = (json.loads(line) for line in iter(child.stdout.readline, ""))
        assert [next(rows)["id"] for _ in range(2)] == ["old-1", "old-2"]
        report("new", duration=2.5)
        row = next(rows)
        assert (row["id"], row["status"], row["duration"]) == ("new", "completed", 2.5)
        report("old-1", is_success=False)
        row = next(rows)
        assert (row["id"], row["status"]) == ("old-1", "failed")
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=30) == ("", "")
        assert child.returncode == 130


@pytest.mark.usefixtures("variables")
def test_following_outlives_a_platform_that_is_away(emulator: Emulator):
    with process("tasks", "list", "--follow", "--interval", "0.1") as child:
        assert child.stdout is not None
        assert child.stderr is not None
        report("first")
        assert child.stdout.readline().startswith("first\tcompleted\t")
        emulator.fail(503, operation="list_tasks")
        assert "503" in (told := child.stderr.readline())
        assert "trying again in 0.2 s" in told
        report("second")
        assert child.stdout.readline().startswith("second\tcompleted\t")
        emulator.fail(401, operation="list_tasks")
        outcome = ended(child)
    assert outcome.status == 1
    assert "401" in outcome.err


@needs_a_terminal
@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("columns", [80, 30])
def test_following_on_a_terminal_keeps_the_columns(columns: int):
    report("run-1", result="one", duration=1)
    with terminal(columns, 20, "tasks", "list", "--follow", "--interval", "0.1") as screen:
        screen.read_until("run-1[^|]*one|run-1[^|]*1.0 s")
        report(LONG, result="two", duration=2)
        text = screen.read_until(r"2\.0 s")
        assert LONG in text.replace("\n", "")
        assert text.count("status") == (1 if columns == 80 else 0)
        screen.type("\x03")
        screen.read_to_end()
        assert screen.child.returncode == 130


@needs_a_terminal
@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize(("command", "keys"), [("top", "q"), ("top", "\x03"), ("tasks list --watch", "q")])
def test_a_live_screen_shows_what_comes_and_leaves_the_terminal_as_it_was(command: str, keys: str):
    report("run-1", duration=1)
    with terminal(60, 20, *command.split(), "--interval", "0.1") as screen:
        assert "\x1b[?1049h" in screen.raw or screen.read_until("run-1")
        assert not screen.is_as_before or keys == "\x03"
        report("run-2", duration=2, is_success=False)
        screen.read_until("failed")
        screen.resize(30, 20)
        screen.read_until("run-2")
        screen.type(keys)
        screen.read_to_end()
        assert "\x1b[?1049l" in screen.raw
        assert screen.child.returncode == 0
        assert screen.is_as_before


@needs_a_terminal
@pytest.mark.usefixtures("variables")
def test_a_live_screen_outlives_a_platform_that_is_away_and_ends_at_a_signal(emulator: Emulator):
    report("run-1")
    with terminal(80, 20, "top", "--interval", "0.1") as screen:
        screen.read_until("run-1")
        emulator.fail(503, operation="list_tasks")
        screen.read_until(r"as of [\s\S]*503")
        report("run-2")
        screen.read_until("run-2")
        screen.child.send_signal(signal.SIGTERM)
        screen.read_to_end()
        assert (screen.child.returncode, screen.is_as_before) == (0, True)


@needs_a_terminal
@pytest.mark.usefixtures("variables")
def test_a_live_screen_ends_where_the_key_is_refused(emulator: Emulator):
    report("run-1")
    with terminal(80, 20, "top", "--interval", "0.1") as screen:
        screen.read_until("run-1")
        emulator.fail(401, operation="list_tasks")
        screen.read_to_end()
        assert screen.child.returncode == 1
        assert "401" in screen.errors
        assert screen.is_as_before


def test_top_names_the_workers_that_have_tasks(cli: Callable[..., Outcome], emulator: Emulator):
    go_on = threading.Event()

    @on_task(concurrency=1)
    def handler(task: Task) -> Task:
        go_on.wait(60)
        return task

    serving = threading.Thread(target=handler.run, kwargs={"signals": False})
    serving.start()
    try:
        while not emulator.workers():
            time.sleep(0.02)
        created = {Tasks().create(prompt="x", run_locally=True).id for _ in range(2)}
        while "executing" not in {one.status.value for one in Tasks().list()}:
            time.sleep(0.02)
        running = next(one.id for one in Tasks().list() if one.status == "executing")
        seen = cli("top", "--json").json()
        assert seen["counts"] == {"executing": 1, "pending": 1}
        assert {one["id"] for one in seen["tasks"]} == created
        (worker,) = seen["workers"]
        assert (worker["id"], worker["tasks"]) == (Tasks().get(running).worker_id, [running])
        facts = dict(row for row in cli("top").rows() if len(row) == 2)
        assert facts["tasks"] == "2: 1 executing, 1 pending"
        assert facts["workers"] == f"{worker['id']} (1)"
    finally:
        go_on.set()
        handler.stop()
        serving.join(timeout=60)
