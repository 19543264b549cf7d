"""`tasks create`, `agents list`, `worker` elsewhere, and JSON: each document is the one that the page describes."""

from __future__ import annotations

import json
import re
import textwrap
import threading
from typing import TYPE_CHECKING

import pytest
from command_line import PAGE, Outcome, leave, on_a_terminal, process

from xpander_facade import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xpander_facade.emulator import Emulator, Run

# Creating


def test_creating_prints_the_id(cli: Callable[..., Outcome], emulator: Emulator):
    outcome = cli("tasks", "create", "--prompt", "Read invoice 17", "--title", "Invoice 17")
    assert (outcome.status, outcome.err) == (0, "")
    task = emulator.task(outcome.out.strip())
    assert (task["input"]["text"], task["title"], task["events_streaming"]) == ("Read invoice 17", "Invoice 17", True)


def test_all_that_is_said_of_a_task_is_sent(cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path):
    (tmp_path / "prompt.txt").write_text("Grüße\nan alle", encoding="utf-8")
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    outcome = cli(
        *("tasks", "create", "--prompt", f"@{tmp_path}/prompt.txt", "--output-schema", f"{tmp_path}/schema.json"),
        *("--file-url", "https://x.example/a", "--file-url", "https://x.example/b", "--user-email", "ada@example.com"),
        *("--instructions", "@@home", "--agent-version", "3", "--no-events", "--agent-id", "other", "--json"),
    )
    task = outcome.json()
    assert task == Tasks().get(task["id"]).to_dict() or task["status"] == "pending"
    assert (task["agent_id"], task["input"]["text"]) == ("other", "Grüße\nan alle")
    assert task["input"]["files"] == ["https://x.example/a", "https://x.example/b"]
    assert task["input"]["user"]["email"] == "ada@example.com"
    assert (task["instructions_override"], task["output_schema"]) == ("@home", {"type": "object"})
    assert (task["agent_version"], task["events_streaming"]) == ("3", False)


def test_waiting_prints_the_result(cli: Callable[..., Outcome], emulator: Emulator):
    outcome = cli("tasks", "create", "--prompt", "hi", "--wait")
    assert (outcome.status, outcome.out) == (0, "You said: hi\n")
    assert re.fullmatch(r"task \S+: waiting for its end\n", outcome.err)
    assert cli("tasks", "create", "--prompt", "hi", "--wait", "--json").json()["status"] == "completed"


def test_waiting_fails_where_the_task_fails_or_takes_too_long(cli: Callable[..., Outcome], emulator: Emulator):
    go_on = threading.Event()

    def fails(run: Run) -> str:
        if run.text == "wait":
            go_on.wait(30)
        raise RuntimeError("out of paper")

    emulator.agent = fails
    outcome = cli("tasks", "create", "--prompt", "x", "--wait")
    assert outcome.status == 1
    assert outcome.err.endswith(": error\n")
    try:
        outcome = cli("tasks", "create", "--prompt", "wait", "--wait", "--timeout", "0.1")
        assert (outcome.status, outcome.out) == (1, "")
        assert "after 0.1 s" in outcome.err
    finally:
        go_on.set()


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--prompt", "@no/such/file"),
        ("--prompt", "x", "--timeout", "5"),
        ("--prompt", "@-", "--output-schema", "-"),
        ("--prompt", "x", "--output-schema", "no/such/file"),
        ("--prompt", "x", "--existing-task-id", ""),
        ("--prompt", "x", "--wait", "--timeout", "nan"),
    ],
    ids=" ".join,
)
def test_a_wrong_create_sends_nothing(cli: Callable[..., Outcome], emulator: Emulator, options: tuple[str, ...]):
    outcome = cli("tasks", "create", *options)
    assert (outcome.status, outcome.out, emulator.requests()) == (2, "", [])


def test_a_schema_that_is_not_an_object_is_refused(cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path):
    for text in ("[1]", '"text"', "null", "{"):
        (tmp_path / "schema.json").write_text(text)
        assert cli("tasks", "create", "--prompt", "x", "--output-schema", f"{tmp_path}/schema.json").status == 2
    assert emulator.requests() == []


# Agents


def test_agents_are_listed(cli: Callable[..., Outcome], emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    emulator.add_agent("bookkeeper", name="The bookkeeper\x1b[31m", description="Reads\ninvoices")
    (row,) = [row for row in cli("agents", "list").rows() if row[0] == "bookkeeper"]
    assert (row[1], row[5]) == ("The bookkeeper?[31m", "Reads invoices")
    on_a_terminal(monkeypatch, NO_COLOR="1", COLUMNS="30")
    text = cli("agents", "list").out
    assert "bookkeeper\n" in re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert max(map(len, re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines())) <= 30


# A worker of another platform


@pytest.mark.usefixtures("variables")
def test_a_worker_serves_the_platform_that_is_named(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "mine.py").write_text(
        textwrap.dedent("""
        from xpander_facade import Configuration, Task, on_task

        @on_task(configuration=Configuration(base_url="http://127.0.0.1:9", organization_id="other", timeout=5))
        def handler(task: Task) -> Task:
            task.result = "done by " + task.input.text
            return task
        """)
    )
    url = emulator.url
    monkeypatch.setenv("XPANDER_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    arguments = ("worker", "mine:handler", "--base-url", url, "--organization-id", "org-1", "--prompt", "me", "--json")
    with process(*arguments) as child:
        out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    task = json.loads(out)
    assert (task["status"], task["result"]) == ("completed", "done by me")


# Documents


def documented() -> dict[str, set[str]]:
    """Return the names that the page gives for the document of each command."""
    section = PAGE.read_text(encoding="utf-8").partition("## The shape of JSON output")[2]
    found: dict[str, set[str]] = {}
    for commands, document in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|$", section, re.MULTILINE):
        document = re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", "", document)
        names = set(
            re.findall(r"(?<!`)`([a-z_]+)`(?!`)", document.partition("; the last")[0].partition("; with --")[0])
        )
        for command in re.findall(r"`([^`]+)`", commands):
            found[command] = names
    return found


@pytest.fixture
def documents(cli: Callable[..., Outcome], emulator: Emulator, path: str, tmp_path: Path) -> dict[str, object]:
    """The document that each command prints."""
    emulator.add_agent("agent-123")
    leave("run-1", "run-2")
    seen: dict[str, object] = {}

    def see(*arguments: str) -> Outcome:
        outcome = cli(*arguments, "--json")
        seen[" ".join(word for word in arguments if word.isalpha())] = outcome.json()
        return outcome

    see("outbox", "status")
    see("outbox", "list")
    see("outbox", "show", "run-1")
    see("top")
    see("outbox", "drop", "run-2", "--yes")
    see("outbox", "retry", "run-1")
    see("outbox", "flush")
    see("outbox", "vacuum")
    see("tasks", "list")
    see("agents", "list")
    see("doctor")
    see("migrate", str(PAGE.parents[1] / "examples"))
    (tmp_path / "runs.jsonl").write_text('{"id": "old-1", "input": "in", "result": "out"}\n')
    see("backfill", str(tmp_path / "runs.jsonl"), "--agent-id", "agent-123", "--dry-run")
    task = Tasks().create(prompt="x", events_streaming=True)
    seen["tasks watch"] = json.loads(cli("tasks", "watch", task.id, "--json").out.splitlines()[0])
    return seen


def test_each_document_is_the_one_that_the_page_describes(documents: dict[str, object]):
    described = documented()
    for command, document in documents.items():
        several = document if isinstance(document, list) else [document]
        assert several or command == "migrate"
        for one in several:
            assert set(one) == described[command], command
    assert set(described) - set(documents) == {
        *("report", "tasks get", "tasks stop", "tasks create", "worker", "emulator"),
    }
    assert (documents["outbox drop"], documents["outbox retry"]) == (
        {"ids": ["run-2"], "missing": []},
        {"ids": [], "missing": ["run-1"]},
    )
    top = documents["top"]
    assert set(top["outbox"]) == described["outbox status"] - {"siblings"}
    assert top["outbox"]["waiting"] == 2
    assert all(set(check) == {"name", "status", "detail"} for check in documents["doctor"]["checks"])


def test_a_finding_of_migrate_is_json(cli: Callable[..., Outcome], tmp_path: Path):
    (tmp_path / "old.py").write_text("from xpander_sdk import Backend\n")
    outcome = cli("migrate", str(tmp_path), "--json")
    (finding,) = outcome.json()
    assert set(finding) == documented()["migrate"]
    assert (finding["path"], finding["line"]) == (str(tmp_path / "old.py"), 1)
