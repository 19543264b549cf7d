"""The examples as a user runs them: programs of their own, told by the environment where the platform is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from inherited import inherited_environment

from xpander_facade.emulator import Emulator

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(example: str, environment: dict[str, str], errors: str = "") -> str:
    """Run an example to its end and return what it printed."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / example)],
        env=inherited_environment() | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, errors)
    return done.stdout


def run_against(emulator: Emulator, example: str) -> str:
    return run(
        example,
        {
            "XPANDER_API_KEY": "k",
            "XPANDER_BASE_URL": emulator.url,
            "XPANDER_ORGANIZATION_ID": "org-1",
            "XPANDER_AGENT_ID": "example-agent",
        },
    )


def test_reports_are_in_the_history_as_the_example_says():
    with Emulator(api_key="k", validate_answers=True) as emulator:
        out = run_against(emulator, "report_external_task.py")
        tasks = {task["id"]: task for task in emulator.tasks(agent_id="example-agent")}
        assert emulator.violations == []
        assert len(emulator.requests("report_external_task")) == 8
    assert {id: task["status"] for id, task in tasks.items()} == {
        "invoice-17": "completed",
        "export-17": "completed",
        "overdue-17": "failed",
        "invoice-18": "completed",
        "export-18": "completed",
        "twice-18": "failed",
    }
    assert tasks["export-17"]["input"]["text"] == "Export the invoices of May"
    assert tasks["export-18"]["duration"] == 28.9
    assert tasks["invoice-17"]["tokens"]["total_tokens"] == 1406
    assert tasks["twice-18"]["result"].startswith("the model gave no answer")
    for task in tasks.values():
        assert re.search(rf"{task['id']} +{task['status']} +{re.escape(task['result'])}$", out, re.MULTILINE)


def test_reporting_twice_updates_the_same_records():
    with Emulator() as emulator:
        run_against(emulator, "report_external_task.py")
        run_against(emulator, "report_external_task.py")
        assert emulator.totals("example-agent")["tasks"] == 6


def test_a_task_is_streamed_and_another_one_stopped():
    with Emulator(step=0.05, validate_answers=True) as emulator:
        out = run_against(emulator, "drive_tasks.py").splitlines()
        statuses = sorted(task["status"] for task in emulator.tasks(agent_id="example-agent"))
        assert emulator.violations == []
    assert statuses == ["completed", "stopped"]
    *events, streamed, stopped = out
    assert [line.split()[2] for line in events][:3] == ["connected", "task_created", "task_updated"]
    assert events[-1].split()[2:] == ["task_finished", "completed"]
    assert streamed == "streamed: completed: You said: Greet the new colleague"
    assert stopped == "stopped: stopped, by hand: True"


def test_the_demo_shows_history_and_totals_and_leaves_nothing_running():
    out = run("demo.py", {})
    assert re.search(r"^export-18 +completed +28\.9 +9100 +1020 +10120 +Exported 198 invoices$", out, re.MULTILINE)
    assert re.search(r"^total tokens +23864$", out, re.MULTILINE)
    assert "streamed: completed" in out
    assert "stopped: stopped" in out
    assert "chunk              '1,240 '" in out
    assert "answered by the worker: Invoice 17 is about 1,240 EUR." in out
    assert re.search(
        r"^xpander_facade: serving the tasks of agent \S+ at http://\S+, 6 at once, until Ctrl-C", out, re.MULTILINE
    )
    assert "the worker ended with 0" in out
    url = re.search(r"http://\S+", out)
    assert url is not None
    assert urlsplit(url[0]).hostname == "127.0.0.1"
    with pytest.raises(httpx.ConnectError):
        httpx.get(url[0])


def recorded(out: str) -> set[str]:
    return {line for line in out.splitlines() if line.endswith("tokens")}


def test_the_spans_of_a_framework_become_runs_with_and_without_a_block():
    assert recorded(run("opentelemetry_spans.py", {})) == {
        "completed ticket 7: the printer is on fire 2000 tokens",
        "completed ticket 8: the printer is on fire 2000 tokens",
    }


def test_invocations_of_a_lambda_and_messages_of_its_queue_are_runs():
    said = "message message-9 has failed, and SQS delivers it again: ValueError('the ticket has no text')\n"
    out = run("lambda_handler.py", {}, said)
    assert "{'batchItemFailures': [{'itemIdentifier': 'message-9'}]}" in out.splitlines()
    assert recorded(out) == {
        "completed ticket 7: the printer is on fire 990 tokens",
        "completed ticket 8: the printer is on fire 990 tokens",
        "failed the ticket has no text 990 tokens",
    }


def test_a_server_that_is_told_to_end_sends_what_its_requests_recorded():
    assert recorded(run("asgi_app.py", {})) == {
        "completed ticket-7: the printer is on fire 990 tokens",
        "completed ticket-8: the printer is on fire 990 tokens",
    }
