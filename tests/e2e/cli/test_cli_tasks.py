"""The commands of tasks."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from xpander_facade import Tasks
from xpander_facade.cli.progress import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.emulator import Emulator, Run

from command_line import Outcome, on_a_terminal, process


@pytest.mark.usefixtures("reported")
def test_the_list_has_a_line_for_each_task(cli: Callable[..., Outcome]):
    outcome = cli("tasks", "list")
    assert (outcome.status, outcome.err) == (0, "")
    rows = {row[0]: row[1:] for row in outcome.rows()}
    assert rows.keys() == {"good", "bad"}
    assert rows["good"][0] == "completed"
    assert rows["good"][-1] == "first second"


@pytest.mark.usefixtures("reported")
def test_the_list_is_one_json_document(cli: Callable[..., Outcome]):
    items = cli("tasks", "list", "--json").json()
    assert {(item["id"], item["status"], item["result"]) for item in items} == {
        ("good", "completed", "first\nsecond"),
        ("bad", "failed", "\x1b[31mred\x07"),
    }


@pytest.mark.usefixtures("reported")
def test_an_empty_list_is_empty(cli: Callable[..., Outcome]):
    assert cli("tasks", "list", "--agent-id", "nobody") == (0, "", "")
    assert cli("tasks", "list", "--agent-id", "nobody", "--json") == (0, "[]\n", "")


@pytest.mark.usefixtures("reported")
def test_the_list_can_be_filtered(cli: Callable[..., Outcome], emulator: Emulator):
    assert [row[0] for row in cli("tasks", "list", "--status", "failed").rows()] == ["bad"]
    cli("tasks", "list", "--user-id", "user-1", "--parent-task-id", "task-1")
    assert emulator.requests()[-1].query == [("user_id", "user-1"), ("parent_task_id", "task-1")]


@pytest.mark.usefixtures("reported")
def test_a_task_is_shown_by_its_fields(cli: Callable[..., Outcome]):
    fields = dict(cli("tasks", "get", "good").rows())
    assert (fields["id"], fields["agent"], fields["status"]) == ("good", "agent-123", "completed")
    assert (fields["input"], fields["result"], fields["tools"]) == ("Read it", "first second", "ocr")


@pytest.mark.usefixtures("reported")
def test_a_task_as_json_is_the_whole_task(cli: Callable[..., Outcome]):
    assert cli("tasks", "get", "good", "--json").json() == Tasks().get("good").to_dict()


@pytest.mark.usefixtures("reported")
def test_control_characters_of_the_platform_reach_no_terminal(
    cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
):
    for command in (("tasks", "get", "bad"), ("tasks", "list"), ("tasks", "watch", "bad")):
        assert not {"\x1b", "\x07"} & set(cli(*command).out)
    on_a_terminal(monkeypatch, NO_COLOR="1", TERM="dumb")
    for command in (("tasks", "get", "bad"), ("tasks", "list"), ("tasks", "watch", "bad")):
        outcome = cli(*command)
        assert "[31mred" in outcome.out
        assert not {"\x1b", "\x07"} & set(outcome.out)


@pytest.mark.usefixtures("reported")
def test_a_terminal_gets_a_table(cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch):
    on_a_terminal(monkeypatch)
    outcome = cli("tasks", "list")
    assert re.search(r"id .*status .*created .*duration .*tokens .*result", re.sub(r"\x1b\[[0-9;]*m", "", outcome.out))
    assert "\x1b[" in outcome.out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in cli("tasks", "list").out
    assert "\x1b[" not in cli("tasks", "list", "--json").out


def test_a_task_can_be_stopped(cli: Callable[..., Outcome], emulator: Emulator):
    go_on = threading.Event()
    emulator.agent = lambda run: go_on.wait(30)
    tasks = Tasks()
    try:
        first, second = (tasks.create(prompt="x").id for _ in range(2))
        assert dict(cli("tasks", "stop", first).rows())["status"] == "stopped"
        assert cli("tasks", "stop", second, "--json").json()["status"] == "stopped"
    finally:
        go_on.set()
    assert cli("tasks", "stop", "no-such-task").status == 1


def test_a_wait_is_told_on_a_terminal_and_nowhere_else(
    cli: Callable[..., Outcome], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    Tasks().create(prompt="x")
    emulator.delay(PATIENCE + 0.3, operation="list_tasks")
    assert cli("tasks", "list").err == ""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert cli("tasks", "list").err == ""  # it is over at once
    emulator.delay(PATIENCE + 0.3, operation="list_tasks")
    outcome = cli("tasks", "list", "--json")
    assert "asking for the tasks" in outcome.err
    assert outcome.json()[0]["status"] in ("pending", "executing", "completed")


# Watching


def test_watching_prints_the_events_and_ends_with_the_status(cli: Callable[..., Outcome], emulator: Emulator):
    emulator.step = 0.05
    task = Tasks().create(prompt="Read invoice 17", events_streaming=True)
    outcome = cli("tasks", "watch", task.id)
    assert (outcome.status, outcome.err) == (0, "")
    *events, end = outcome.out.splitlines()
    assert any(re.fullmatch(r"\d\d:\d\d:\d\d  tool_call_request  echo \{.*\}", line) for line in events)
    assert any(line.endswith("think  The input can be answered by repeating it.") for line in events)
    assert end == "completed\tYou said: Read invoice 17"


def test_watching_gives_json_lines_whose_last_holds_the_whole_task(cli: Callable[..., Outcome], emulator: Emulator):
    emulator.step = 0.05
    task = Tasks().create(prompt="Read invoice 17", events_streaming=True)
    outcome = cli("tasks", "watch", task.id, "--json")
    events = [json.loads(line) for line in outcome.out.splitlines()]
    kinds = [event["type"] for event in events]
    assert kinds[-1] == "task_finished"
    assert kinds.count("task_finished") == 1
    assert {"chunk", "tool_call_request", "tool_call_result"} < set(kinds)
    assert events[-1]["data"] == task.reload().to_dict()


def test_watching_fails_where_the_task_fails(cli: Callable[..., Outcome], emulator: Emulator):
    def fails(run: Run) -> str:
        raise RuntimeError("out of paper")

    emulator.agent = fails
    task = Tasks().create(prompt="x", events_streaming=True)
    outcome = cli("tasks", "watch", task.id)
    assert outcome.status == 1
    assert outcome.out.splitlines()[-1].startswith("error\t")
    assert "out of paper" in outcome.out.splitlines()[-1]


def test_a_task_without_events_is_watched_until_its_end(cli: Callable[..., Outcome], emulator: Emulator):
    asked = threading.Event()

    def waits(run: Run) -> str:
        asked.wait(30)
        return "done"

    emulator.agent = waits
    task = Tasks().create(prompt="x")

    def set_once_it_was_asked_for() -> None:
        while not any(request.path.endswith(f"/{task.id}/status") for request in emulator.requests()):
            time.sleep(0.01)
        asked.set()

    threading.Thread(target=set_once_it_was_asked_for, daemon=True).start()
    outcome = cli("tasks", "watch", task.id, "--json")
    assert outcome.status == 0
    assert outcome.err == f"task {task.id} streams no events: waiting for its end\n"
    (event,) = [json.loads(line) for line in outcome.out.splitlines()]
    assert (event["type"], event["data"]["result"]) == ("task_finished", "done")


@pytest.mark.usefixtures("reported")
def test_a_task_that_has_ended_is_told_at_once(cli: Callable[..., Outcome]):
    assert cli("tasks", "watch", "good") == (0, "completed\tfirst second\n", "")
    assert cli("tasks", "watch", "bad").status == 1


@pytest.mark.usefixtures("variables")
def test_events_are_printed_as_they_happen_and_ctrl_c_leaves_quietly(emulator: Emulator):
    go_on = threading.Event()

    def waits(run: Run) -> str:
        run.chunk("working")
        go_on.wait(30)
        return "done"

    emulator.agent = waits
    task = Tasks().create(prompt="x", events_streaming=True)
    try:
        with process("tasks", "watch", task.id) as child:
            assert child.stdout is not None
            assert any(line.endswith("chunk  working\n") for line in iter(child.stdout.readline, ""))
            child.send_signal(signal.SIGINT)
            assert child.communicate(timeout=30) == ("", "")
            assert child.returncode == 130
    finally:
        go_on.set()
