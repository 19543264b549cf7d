"""The command line against the emulator: most of it called in this process, the rest as a user's own process."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from unittest.mock import Mock

import pytest
from typer.main import get_command

from xpander_facade import Backend, Configuration, Tasks
from xpander_facade.cli import outbox
from xpander_facade.cli.app import app, run
from xpander_facade.outbox import FlushResult, Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xpander_facade.emulator import Emulator, Run

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "cli.md"
SHELL: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
KEY = "key-that-nobody-may-see"


class Outcome(NamedTuple):
    status: int
    out: str
    err: str

    def json(self) -> object:
        return json.loads(self.out)

    def rows(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines()]


@pytest.fixture
def variables(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a user of the command line."""
    variables = {
        "XPANDER_API_KEY": KEY,
        "XPANDER_BASE_URL": emulator.url,
        "XPANDER_ORGANIZATION_ID": "org-1",
        "XPANDER_AGENT_ID": "agent-123",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def cli(variables: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Outcome]]:
    """Run a command line in this process."""
    outcomes: list[Outcome] = []

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        status = run(arguments)
        outcomes.append(Outcome(status, *capsys.readouterr()))
        return outcomes[-1]

    yield call
    assert not [outcome for outcome in outcomes if KEY in outcome.out or KEY in outcome.err]
    assert not [outcome for outcome in outcomes if "Traceback" in outcome.err]


def process(*arguments: str, **options: object) -> subprocess.Popen[str]:
    """Start the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "xpander_facade", *arguments],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT, **options},
    )


def ended(child: subprocess.Popen[str]) -> Outcome:
    with child:
        out, err = child.communicate(timeout=30)
    return Outcome(child.returncode, out, err)


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Make this process believe that its output is a terminal."""
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "100", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


# The program itself


def test_it_tells_its_version(cli: Callable[..., Outcome]):
    assert re.fullmatch(r"xpander-facade \d+\.\d+\.\d+\n", cli("--version").out)


def test_without_a_command_it_shows_its_help_as_wrong_use(cli: Callable[..., Outcome]):
    outcome = cli()
    assert outcome.status == 2
    assert "Usage: xpander-facade" in outcome.out + outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("tasks", "nonsense"),
        ("tasks", "get"),
        ("tasks", "list", "--nonsense"),
        ("report", "--duration", "long"),
        ("report", "--duration", "-1"),
        ("report", "--prompt-tokens", "-1"),
        ("report", "--id", ""),
        ("report", "--id", "\udcff"),
        ("report", "--duration", "nan"),
        ("report", "--agent-id", ".."),
        ("tasks", "get", ""),
        ("tasks", "stop", ".."),
        ("tasks", "list", "--user-id", "\udcff"),
        ("tasks", "list", "--organization-id", "\udcff"),
        ("report", "--input", "@no/such/file"),
        ("report", "--llm-response", "no/such/file"),
        ("tasks", "list", "--base-url", "ftp://nowhere"),
    ],
    ids=" ".join,
)
def test_wrong_use_sends_nothing_and_exits_2(
    cli: Callable[..., Outcome], emulator: Emulator, arguments: tuple[str, ...]
):
    outcome = cli(*arguments)
    assert outcome.status == 2
    assert outcome.out == ""
    assert outcome.err.strip()
    assert emulator.requests() == []


def test_a_missing_key_is_told_in_one_line_with_its_remedy(
    cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("XPANDER_API_KEY")
    assert cli("tasks", "list") == (2, "", "xpander-facade: no API key: pass api_key= or set XPANDER_API_KEY\n")


def test_no_option_takes_a_key(cli: Callable[..., Outcome]):
    assert cli("tasks", "list", "--api-key", "other").status == 2
    assert not [option for options in options_of_commands().values() for option in options if "key" in option]


def test_a_refused_call_is_one_line_on_stderr(cli: Callable[..., Outcome]):
    outcome = cli("tasks", "get", "no-such-task")
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.startswith("xpander-facade: GET ")
    assert "404" in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_platform_that_is_not_there_is_one_line_on_stderr(cli: Callable[..., Outcome]):
    outcome = cli("tasks", "list", "--base-url", "http://127.0.0.1:9")
    assert (outcome.status, outcome.out) == (1, "")
    assert "could not connect" in outcome.err
    assert outcome.err.count("\n") == 1


def test_options_go_before_the_environment(cli: Callable[..., Outcome], emulator: Emulator):
    assert cli("tasks", "list", "--agent-id", "other", "--organization-id", "org-2").status == 0
    (request,) = emulator.requests()
    assert "other" in request.path


# Reports


def test_a_report_prints_the_id_and_reaches_the_platform(cli: Callable[..., Outcome], emulator: Emulator):
    outcome = cli(
        *("report", "--agent-id", "bookkeeper", "--id", "run-1", "--input", "Read it", "--result", "1,240.00 EUR"),
        *("--duration", "2.5", "--prompt-tokens", "310", "--completion-tokens", "12", "--cache-read-tokens", "100"),
        *("--cache-write-tokens", "7", "--used-tool", "ocr", "--used-tool", "mail"),
    )
    assert outcome == (0, "run-1\n", "")
    task = emulator.task("run-1")
    assert (task["agent_id"], task["status"], task["duration"]) == ("bookkeeper", "completed", 2.5)
    assert (task["input"]["text"], task["result"], task["used_tools"]) == ("Read it", "1,240.00 EUR", ["ocr", "mail"])
    assert emulator.requests()[-1].body["tokens"] == {
        "prompt_tokens": 310, "completion_tokens": 12, "total_tokens": 322,
        "cache_read_tokens": 100, "cache_write_tokens": 7,
    }  # fmt: skip


def test_a_report_can_be_of_a_failure_and_answer_with_json(cli: Callable[..., Outcome], emulator: Emulator):
    outcome = cli("report", "--failed", "--result", "out of paper", "--json")
    assert outcome.status == 0
    task = outcome.json()
    assert (task["status"], task["result"]) == ("failed", "out of paper")
    assert emulator.task(task["id"])["status"] == "failed"


def test_what_is_not_said_is_not_sent(cli: Callable[..., Outcome], emulator: Emulator):
    cli("report", "--id", "bare")
    assert emulator.requests()[-1].body == {"id": "bare", "is_success": True, "duration": 0, "used_tools": []}


def test_texts_come_from_files_and_from_standard_input(
    cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "prompt.txt").write_text("Grüße\nan alle", encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO("an answer"))
    assert cli("report", "--id", "run-1", "--input", f"@{tmp_path}/prompt.txt", "--result", "@-").status == 0
    assert emulator.requests()[-1].body["input"] == "Grüße\nan alle"
    assert emulator.requests()[-1].body["result"] == "an answer"
    assert cli("report", "--id", "run-1", "--input", "@@home").status == 0
    assert emulator.requests()[-1].body["input"] == "@home"


@pytest.mark.parametrize("options", [("--input", "@-", "--result", "@-"), ("--result", "@-", "--llm-response", "-")])
def test_standard_input_is_read_once(
    cli: Callable[..., Outcome], options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stdin", io.StringIO("{}"))
    outcome = cli("report", *options)
    assert outcome.status == 2
    assert "standard input can be read only once" in outcome.err
    assert sys.stdin.read() == "{}"


RESPONSE = {
    "object": "chat.completion",
    "model": "gpt-5",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "It is 1,240.00 EUR."}}],
    "usage": {"prompt_tokens": 310, "completion_tokens": 12, "total_tokens": 322},
}


def test_tokens_and_result_are_read_from_the_providers_response(
    cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path
):
    (tmp_path / "answer.json").write_text(json.dumps(RESPONSE))
    assert cli("report", "--id", "run-1", "--llm-response", f"{tmp_path}/answer.json").status == 0
    assert emulator.task("run-1")["result"] == "It is 1,240.00 EUR."
    assert emulator.task("run-1")["tokens"]["prompt_tokens"] == 310
    assert emulator.llm_response("run-1") == RESPONSE


def test_what_is_said_goes_before_the_providers_response(
    cli: Callable[..., Outcome], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(RESPONSE)))
    cli("report", "--id", "run-1", "--llm-response", "-", "--result", "mine", "--completion-tokens", "1")
    assert emulator.task("run-1")["result"] == "mine"
    assert emulator.task("run-1")["tokens"]["total_tokens"] == 1


def test_a_response_that_is_no_json_is_wrong_use(cli: Callable[..., Outcome], tmp_path: Path):
    (tmp_path / "answer.json").write_text("{not json")
    outcome = cli("report", "--llm-response", f"{tmp_path}/answer.json")
    assert outcome.status == 2
    assert "no JSON" in outcome.err


def test_a_report_that_failed_tells_the_id_to_repeat_it_with(cli: Callable[..., Outcome], emulator: Emulator):
    emulator.fail(422, operation="report_external_task")
    outcome = cli("report", "--result", "x")
    assert (outcome.status, outcome.out) == (1, "")
    first, second = outcome.err.splitlines()
    assert re.fullmatch(r"to report this run again: --id ext-[0-9a-f-]+", first)
    assert second.startswith("xpander-facade: POST")


def test_a_report_that_was_not_sent_has_no_id_to_repeat_it_with(
    cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("XPANDER_AGENT_ID")
    outcome = cli("report", "--result", "x")
    assert (outcome.status, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)
    assert "no agent" in outcome.err


def test_a_response_may_begin_with_a_byte_order_mark(cli: Callable[..., Outcome], tmp_path: Path):
    (tmp_path / "answer.json").write_text('{"a": 1}', encoding="utf-8-sig")
    assert cli("report", "--llm-response", f"{tmp_path}/answer.json").status == 0


@pytest.mark.usefixtures("variables")
@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes streams")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at_the_end", "at_once"])
def test_closed_and_full_streams_cause_no_traceback(unbuffered: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)

    def shell(line: str) -> Outcome:
        return ended(subprocess.Popen(["sh", "-c", f'"$0" -m xpander_facade {line}', sys.executable], **SHELL))

    closed = shell("report --input @- <&-")
    assert (closed.status, "standard input is closed" in closed.err, "Traceback" in closed.err) == (2, True, False)
    assert shell("report --id run-1 >&-") == (0, "", "")
    assert shell("tasks list >&- 2>&-") == (0, "", "")
    if Path("/dev/full").exists():
        for line in ("tasks list", "tasks list --json", "tasks watch run-1"):
            status, _, err = shell(f"{line} >/dev/full")
            assert (status, err.splitlines()) == (1, ["xpander-facade: can't write: No space left on device"]), line


def test_an_error_that_is_no_ones_wrong_use_has_its_traceback(
    cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
):
    for error in (ValueError("ours"), OSError("ours")):
        monkeypatch.setattr(Tasks, "get", Mock(side_effect=error))
        with pytest.raises(type(error), match="ours"):
            cli("tasks", "get", "task-1")


# Tasks


@pytest.fixture
def reported(variables: dict[str, str]) -> None:
    """Two runs: one completed with a result of two lines, one failed."""
    with Backend() as backend:
        backend.report_external_task(id="good", input="Read it", result="first\nsecond", used_tools=["ocr"])
        backend.report_external_task(id="bad", is_success=False, result="\x1b[31mred\x07")


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
    assert re.search(r"id .*status .*created .*title .*result", re.sub(r"\x1b\[[0-9;]*m", "", outcome.out))
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
    threading.Timer(0.2, asked.set).start()
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


# The outbox


@pytest.fixture
def path(variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The file of an outbox, as the environment names it. It is not there yet."""
    monkeypatch.setenv("XPANDER_OUTBOX", str(tmp_path / "runs.db"))
    return str(tmp_path / "runs.db")


def leave(*ids: str, **options: str) -> None:
    """Store reports as a process does that dies before it sends any."""
    with closing(Outbox.of(Configuration(**options))) as outbox:
        for id in ids:
            body = {"id": id, "input": "Read it", "result": "first\nsecond", "is_success": True}
            assert outbox._runtime.store.put(outbox._destination, id, "agent-123", json.dumps(body).encode())


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("command", ["status", "list", "show run-1", "retry run-1", "drop run-1"])
def test_the_file_can_be_looked_at_without_any_configuration(
    cli: Callable[..., Outcome], emulator: Emulator, monkeypatch: pytest.MonkeyPatch, command: str
):
    leave("run-1")
    for name in ("XPANDER_API_KEY", "XPANDER_BASE_URL", "XPANDER_ORGANIZATION_ID", "XPANDER_AGENT_ID"):
        monkeypatch.delenv(name)
    outcome = cli("outbox", *command.split())
    assert outcome.status == (1 if command.startswith("retry") else 0)
    assert emulator.requests() == []


@pytest.mark.parametrize("command", ["status", "list", "show run-1", "flush", "retry run-1", "drop run-1"])
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
    assert "is no outbox" in outcome.err
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
    assert dict(outcome.rows()) == {"sent": "20", "waiting": "0", "quarantined": "0"}
    assert {task["id"] for task in emulator.tasks()} == set(ids)
    assert cli("outbox", "flush", "--json") == (*(0, '{\n  "sent": 0,\n  "waiting": 0,\n  "quarantined": 0\n}\n', ""),)


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
    assert dict(outcome.rows()) == {"sent": "0", "waiting": "0", "quarantined": "2"}
    assert outcome.err.splitlines()[-1] == "xpander-facade: refused: 2 (`outbox list --state quarantined` tells why)"
    assert "422" in cli("outbox", "list", "--state", "quarantined").rows()[0][-1]
    assert "422" in dict(cli("outbox", "show", "run-1").rows())["reason"]
    assert cli("outbox", "drop", "run-1") == (0, "run-1\n", "")
    outcome = cli("outbox", "retry", "run-1", "run-2")
    assert outcome == (1, "run-2\n", "xpander-facade: no report of run run-1 is in quarantine\n")
    outcome = cli("outbox", "flush")
    assert (outcome.status, dict(outcome.rows())["waiting"]) == (0, "0")
    assert [task["id"] for task in emulator.tasks()] == ["run-2"]
    assert cli("outbox", "drop", "run-2").status == 1


@pytest.mark.usefixtures("path")
def test_what_could_not_be_sent_stays_and_is_told(cli: Callable[..., Outcome]):
    nowhere = "http://127.0.0.1:9"
    leave("run-1", base_url=nowhere)
    outcome = cli("outbox", "flush", "--base-url", nowhere, "--timeout", "0.1")
    assert outcome.status == 1
    assert dict(outcome.rows()) == {"sent": "0", "waiting": "1", "quarantined": "0"}
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
    assert outcome.err.startswith("left, for another platform or organisation, or stored meanwhile: 1 ")


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
        connection.execute("UPDATE reports SET created_at = created_at - 1e8")
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


# A process of its own


@pytest.mark.usefixtures("reported")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at_the_end", "at_once"])
def test_a_reader_that_leaves_early_causes_no_words(unbuffered: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    for arguments in (("tasks", "list"), ("tasks", "list", "--json"), ("tasks", "watch", "good")):
        reading, writing = os.pipe()
        os.close(reading)
        child = process(*arguments, stdout=writing)
        os.close(writing)
        assert ended(child) == (1, None, "")


@pytest.mark.usefixtures("variables")
def test_a_character_that_the_output_lacks_does_not_end_it():
    with Backend() as backend:
        backend.report_external_task(id="sign", result="1,240.00 €")
    child = process("tasks", "get", "sign", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    outcome = ended(child)
    assert (outcome.status, outcome.err) == (0, "")
    assert dict(outcome.rows())["result"] == r"1,240.00 \u20ac"


def run_without(package: str, *arguments: str) -> Outcome:
    """Run the command on a terminal where a package can't be found."""
    code = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
sys.stdout.isatty = lambda: True
from xpander_facade.__main__ import main
sys.argv = ["xpander-facade", *{arguments!r}]
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, cwd=ROOT)
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.mark.usefixtures("reported")
@pytest.mark.parametrize("package", ["typer", "rich"])
def test_without_the_extra_the_remedy_is_told(package: str):
    outcome = run_without(package, "tasks", "get", "good")
    assert outcome == (2, "", f"the command line needs {package}: pip install 'xpander-facade[cli]'\n")


def test_another_missing_package_is_not_blamed_on_the_extra():
    outcome = run_without("httpx", "tasks", "get", "good")
    assert outcome.status == 1
    assert "No module named 'httpx'" in outcome.err
    assert "xpander-facade[cli]" not in outcome.err


def test_the_emulator_without_its_extra_tells_the_remedy():
    outcome = run_without("starlette", "emulator", "--port", "0")
    assert outcome == (2, "", "the emulator needs starlette: pip install 'xpander-facade[emulator]'\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_emulator_serves_until_a_signal(number: signal.Signals):
    with process("emulator", "--port", "0", "--agent", "bookkeeper", "--step", "0") as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        configuration = Configuration(api_key="k", base_url=url, organization_id="org-1", agent_id="bookkeeper")
        with Backend(configuration) as backend:
            assert backend.report_external_task(id="run-1").id == "run-1"
        child.send_signal(number)
        assert child.communicate(timeout=30) == ("", "")
        assert child.returncode == 0


def test_the_emulator_explains_its_options(cli: Callable[..., Outcome]):
    outcome = cli("emulator", "--help")
    assert outcome.status == 0
    assert outcome.out.startswith("usage: xpander-facade emulator ")
    assert cli("emulator", "--port", "x").status == 2
    outcome = cli("emulator", "--port", "65536")
    assert outcome.status == 2
    assert outcome.err.endswith("65536 is not a port: choose one from 0 to 65535\n")


# The document


def options_of_commands() -> dict[str, set[str]]:
    """Return the options of every command."""
    found: dict[str, set[str]] = {}

    def walk(command: object, name: str) -> None:
        if hasattr(command, "commands"):
            for below, inner in command.commands.items():
                walk(inner, f"{name} {below}".strip())
        else:
            found[name] = {option for one in command.params for option in one.opts if option.startswith("--")}

    walk(get_command(app), "")
    return found


def test_every_command_and_option_is_documented_and_no_other():
    text = PAGE.read_text(encoding="utf-8")
    had = options_of_commands()
    assert had, "there are commands"
    assert [name for name in had if f"xpander-facade {name}" not in text] == []
    program = {"--version", "--help", "--install-completion", "--show-completion"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
    of_emulator = set(re.findall(r"^\| `(--[a-z-]+)`", (ROOT / "docs/emulator.md").read_text(), re.MULTILINE))
    all_options = set().union(*had.values())
    assert all_options - named == set()
    assert named - all_options - program - of_emulator == set()
