"""`make contract-live`, the emulator playing the platform: it agrees, and one that differs is told apart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from xpander_facade.emulator import Emulator
from xpander_facade.emulator._operations import Operations

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
KEY = "live-key-5f2a"
PRIVATE = "a private result"


@pytest.fixture
def platform() -> Iterator[Emulator]:
    """A platform with an account in use: reports, and a task with a stream."""
    with Emulator(api_key=KEY, step=0.0, agents=["agent-1"]) as emulator:
        with httpx.Client(base_url=f"{emulator.url}/agent-execution", headers={"x-api-key": KEY}) as client:
            client.post("/agent-1/report_task", json={"id": "job-1", "result": PRIVATE, "duration": 2})
            body = {"input": {"text": PRIVATE, "user": {"id": "u-1", "email": "e"}}, "events_streaming": True}
            task = client.post("/agent-1", json=body).json()
        emulator.wait_for_status(task["id"], "completed")
        emulator._journal.clear()
        yield emulator


def contract_live(emulator: Emulator, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("XPANDER_", "WRITE", "IS_"))
    }
    environment |= {
        "XPANDER_API_KEY": KEY,
        "XPANDER_BASE_URL": emulator.url,
        "XPANDER_ORGANIZATION_ID": "org-1",
        "XPANDER_AGENT_ID": "agent-1",
    }
    environment = {name: value for name, value in (environment | more).items() if value}
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "contract_live")], env=environment, capture_output=True, text=True
    )


def test_a_platform_that_keeps_to_the_contract_has_no_differences_and_is_only_read(platform: Emulator):
    done = contract_live(platform)
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 differences from openapi.yaml" in done.stdout
    assert "stream_task_events" in done.stdout
    assert {request.method for request in platform.requests()} == {"GET"}
    assert len(platform.tasks()) == 2


def test_with_write_one_run_is_reported_under_one_id_and_the_assumptions_hold(platform: Emulator):
    done = contract_live(platform, WRITE="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 differences from openapi.yaml" in done.stdout
    reports = platform.requests("report_external_task")
    assert len(reports) == 2
    assert len({request.body["id"] for request in reports}) == 1
    assert len(platform.tasks()) == 3


Drift = Callable[[Any], Any]
DRIFTS: dict[str, tuple[dict[str, Drift], list[str]]] = {
    "news": (
        {
            "get_task": lambda t: {
                **t,
                "billing": {"usd": 1},
                PRIVATE: 1,
                "status": "queued",
                "output_format": PRIVATE,
                "input": {**t["input"], "user": {"email": "e", PRIVATE: 1}},
            },
            "list_agents": lambda items: [{**i, "rank": 1} for i in items],
        },
        [
            "get_task 200: billing is not in the contract",
            "get_task 200: {} is not in the contract",
            "get_task 200: input.user.{} is not in the contract",
            "get_task 200: status has the unknown value 'queued'",
            "get_task 200: output_format has an unknown value",
            "list_agents 200: [].rank is not in the contract",
        ],
    ),
    "other types of members": (
        {
            "get_task": lambda t: {**t, "duration": "long", "status": [PRIVATE], "tokens": [PRIVATE]},
            "list_tasks": lambda items: [{**i, "user_id": [PRIVATE]} for i in items],
            "get_activity_log": lambda thread: [thread],
        },
        [
            "get_task 200: duration breaks the rule `type`",
            "get_task 200: status breaks the rule `anyOf`",
            "get_task: the client can't read it (",
            "list_tasks 200: [].user_id breaks the rule `type`",
            "get_activity_log: the client can't read it (",
            "assumption: tokens were not replaced",
        ],
    ),
    "members that are gone": (
        {
            "get_task": lambda t: without(t, "input"),
            "list_tasks": lambda items: [without(items[0], "id"), {**items[1], "id": None}],
            "report_external_task": lambda t: without(t, "created_at"),
        },
        [
            "get_task 200: the whole breaks the rule `required`",
            "list_tasks 200: [] breaks the rule `required`",
            "list_tasks 200: [].id breaks the rule `type`",
            "list_tasks: the client can't read it (",
            "report_external_task: the client's own report failed (APIResponseParseError)",
        ],
    ),
    "envelopes": (
        {
            "list_tasks": lambda items: {"items": items},
            "list_agents": lambda items: {"agents": items},
            "report_external_task": lambda t: [t],
        },
        [
            "list_tasks 200: the whole breaks the rule `type`",
            "list_agents: the client can't read it (",
            "report_external_task 200: the whole breaks the rule `type`",
        ],
    ),
    "something else altogether": (
        {
            "list_tasks": lambda items: PRIVATE,
            "get_task": lambda t: [t],
            "list_agents": lambda items: None,
            "report_external_task": lambda t: {**t, "status": "completed"},
        },
        [
            "list_tasks 200: the whole breaks the rule `type`",
            "get_task 200: the whole breaks the rule `type`",
            "list_agents 200: the whole breaks the rule `type`",
            "assumption: status is not what was reported",
        ],
    ),
}


def without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}


@pytest.mark.parametrize(("drifts", "told"), DRIFTS.values(), ids=DRIFTS)
def test_a_difference_is_told_without_what_stands_there(
    platform: Emulator, monkeypatch: pytest.MonkeyPatch, drifts: dict[str, Drift], told: list[str]
):
    original = Operations.run

    def drifted(self: Operations, operation_id: str, call: Any) -> Any:
        value = original(self, operation_id, call)
        return drifts[operation_id](value) if operation_id in drifts else value

    monkeypatch.setattr(Operations, "run", drifted)
    done = contract_live(platform, WRITE="1")
    assert (done.returncode, done.stderr) == (1, "")
    assert [line for line in told if line not in done.stdout] == [], done.stdout
    assert PRIVATE not in done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr


def test_a_status_that_was_not_expected_is_told(platform: Emulator):
    platform.fail(418, operation="get_agent")
    done = contract_live(platform)
    assert "get_agent: answered 418, 200 was expected" in done.stdout
    assert "get_agent: status 418 is not declared" in done.stdout


def test_what_was_found_is_told_when_the_platform_falls_silent(platform: Emulator):
    platform.fail(418, operation="get_agent")
    platform.cut(operation="list_tasks")
    done = contract_live(platform)
    assert done.returncode == 2
    assert "get_agent: answered 418, 200 was expected" in done.stdout
    assert "could not be asked" in done.stderr


def test_a_run_is_reported_though_the_client_is_disabled_in_this_environment(platform: Emulator):
    assert contract_live(platform, WRITE="1", XPANDER_DISABLED="1").returncode == 0
    assert len(platform.requests("report_external_task")) == 2


@pytest.mark.parametrize("name", ["XPANDER_API_KEY", "XPANDER_ORGANIZATION_ID", "XPANDER_AGENT_ID"])
def test_what_is_missing_in_the_environment_is_named(platform: Emulator, name: str):
    done = contract_live(platform, **{name: ""})
    assert (done.returncode, done.stdout) == (2, "")
    assert name in done.stderr


def test_a_platform_out_of_reach_is_no_difference(platform: Emulator):
    done = contract_live(platform, XPANDER_BASE_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (2, "")
    assert "could not be asked" in done.stderr
