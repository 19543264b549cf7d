"""The emulator's built-in agent: what a script can do, and what becomes of its task."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from xpander_facade.emulator import Emulator, Run

ENDS = ("completed", "failed", "error", "stopped")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(validate_answers=True, step=0.001) as running:
        yield running
        assert running.violations == []


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emulator.url, headers={"x-api-key": "key-1"}) as client:
        yield client


@pytest.fixture
def execute(emulator: Emulator, client: httpx.Client) -> Callable[..., dict[str, Any]]:
    def execute(script: Callable[[Run], Any], *until: str) -> dict[str, Any]:
        emulator.agent = script
        body = {"input": {"text": "hello there"}, "events_streaming": True}
        task_id = client.post("/agent-execution/agent-123", json=body).json()["id"]
        return emulator.wait_for_status(task_id, *(until or ENDS))

    return execute


Execute = Callable[..., dict[str, Any]]


def test_a_script_returns_the_result(execute: Execute):
    task = execute(lambda run: f"{run.text}, {run.task['status']}")
    assert (task["status"], task["result"]) == ("completed", "hello there, executing")


def test_a_task_is_pending_until_its_first_step(emulator: Emulator, client: httpx.Client):
    emulator.step = 60
    task = client.post("/agent-execution/a", json={"input": {"text": "x"}}).json()
    assert (task["status"], task["started_at"]) == ("pending", None)
    assert emulator.wait_for_status(task["id"], "pending") == task
    assert client.delete(f"/agent-execution/{task['id']}").json()["status"] == "stopped"


def test_a_script_may_be_async(execute: Execute):
    async def script(run: Run) -> str:
        await asyncio.sleep(0)
        run.chunk("a")
        return "async"

    assert execute(script)["result"] == "async"


def test_the_pieces_of_a_generator_are_chunks_and_their_sum_the_result(execute: Execute, emulator: Emulator):
    def pieces(run: Run) -> Iterator[str]:
        yield "one "
        yield "two"

    async def async_pieces(run: Run) -> AsyncIterator[str]:
        yield "three "
        yield "four"

    for script, result in ((pieces, "one two"), (async_pieces, "three four")):
        task = execute(script)
        assert task["result"] == result
        events = [json.loads(text) for text in emulator.events(task["id"])]
        assert "".join(event["data"] for event in events if event["type"] == "chunk") == result


def test_a_script_without_a_return_value_has_its_chunks_as_result(execute: Execute):
    def script(run: Run) -> None:
        run.chunk("a")
        run.chunk("b")

    assert execute(script)["result"] == "ab"


def test_a_structured_result_is_stored_as_json(execute: Execute):
    assert json.loads(execute(lambda run: {"rows": 412})["result"]) == {"rows": 412}


def test_an_exception_is_status_error_with_its_text(execute: Execute):
    def script(run: Run) -> str:
        raise ValueError("no such city")

    task = execute(script)
    assert (task["status"], task["result"]) == ("error", "no such city")
    assert task["finished_at"]


def test_an_exception_without_a_text_is_named(execute: Execute):
    def script(run: Run) -> str:
        raise SystemExit

    assert execute(script)["result"] == "SystemExit"


def test_a_script_can_fail(execute: Execute):
    task = execute(lambda run: run.fail("out of credits"))
    assert (task["status"], task["result"]) == ("failed", "out of credits")


def test_a_script_can_stop(execute: Execute):
    task = execute(lambda run: run.stop())
    assert (task["status"], task["is_manually_stopped"]) == ("stopped", True)


def test_everything_that_a_script_says_is_an_event_and_leaves_its_trace(
    execute: Execute, emulator: Emulator, client: httpx.Client
):
    def script(run: Run) -> str:
        run.think("hmm", confidence=0.9)
        run.analyze("so it is")
        assert run.tool_call("search", {"q": "x"}, "found", reasoning={"title": "t", "description": "d"}) == "found"
        run.tool_call("broken", {}, "no route", is_error=True)
        run.plan(["look", {"id": "two", "title": "tell", "completed": True}], enforce=True)
        run.event("inline_card", {"any": "thing"})
        run.use_tokens(prompt=10, completion=5, cache_read=100)
        run.use_tokens(prompt=1)
        return "done"

    task = execute(script)
    events = [json.loads(text) for text in emulator.events(task["id"])]
    assert [event["type"] for event in events[3:-1]] == [
        "think",
        "analyze",
        "tool_call_request",
        "tool_call_result",
        "tool_call_request",
        "tool_call_result",
        "plan_updated",
        "inline_card",
    ]
    assert task["used_tools"] == ["search", "broken"]
    assert task["tokens"]["total_tokens"] == 16
    assert task["tokens"]["cache_read_tokens"] == 100
    assert task["deep_planning"]["enforce"] is True
    assert [item["completed"] for item in task["deep_planning"]["tasks"]] == [False, True]
    messages = client.get(f"/activity/agent-123/{task['id']}").json()["messages"]
    assert [message.get("role") or message.get("type") or message["tool_name"] for message in messages] == [
        "user",
        "think",
        "analyze",
        "search",
        "broken",
        "agent",
    ]
    assert messages[3]["result"] == "found"
    assert messages[4]["is_error"] is True
    assert len({message["id"] for message in messages}) == 6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hitl_request", {"wait_node_id": "n1"}),
        ("pending_eca_request", {"connector_name": "gmail", "auth_url": "https://example.com/auth"}),
    ],
)
def test_a_paused_task_goes_on_after_an_update_to_executing(
    execute: Execute, client: httpx.Client, emulator: Emulator, name: str, value: dict[str, str]
):
    def script(run: Run) -> str:
        task = run.pause(**{name: value})
        return f"approved: {task['title']}"

    paused = execute(script, "paused")
    assert paused[name] == value
    assert paused["paused_at"]
    assert paused["finished_at"] is None
    body = {"status": "executing", "title": "by Ada"}
    assert client.patch(f"/agent-execution/{paused['id']}/update", json=body).status_code == 200
    task = emulator.wait_for_status(paused["id"], *ENDS)
    assert (task["status"], task["result"]) == ("completed", "approved: by Ada")
    assert task[name] is None
    assert task["paused_at"] == paused["paused_at"]


def test_a_stop_from_outside_ends_the_script(execute: Execute, client: httpx.Client, emulator: Emulator):
    ended = threading.Event()

    def script(run: Run) -> str:
        try:
            run.sleep(60)
        finally:
            ended.set()
        return "never"

    task = execute(script, "executing")
    stopped = client.delete(f"/agent-execution/{task['id']}").json()
    assert (stopped["status"], stopped["is_manually_stopped"], stopped["result"]) == ("stopped", True, None)
    assert stopped["finished_at"]
    assert ended.wait(5)
    assert emulator.task(task["id"])["status"] == "stopped"
    assert types_of(emulator, task["id"])[-1] == "task_finished"


def test_a_stop_leaves_a_task_that_has_ended_as_it_is(execute: Execute, client: httpx.Client):
    task = execute(lambda run: "done")
    assert client.delete(f"/agent-execution/{task['id']}").json() == task


def test_a_stop_ends_a_paused_script(execute: Execute, client: httpx.Client, emulator: Emulator):
    task = execute(lambda run: run.pause(), "paused")
    client.delete(f"/agent-execution/{task['id']}")
    assert emulator.task(task["id"])["status"] == "stopped"


def test_an_outcome_from_outside_is_the_outcome(execute: Execute, client: httpx.Client, emulator: Emulator):
    gate = threading.Event()

    def script(run: Run) -> str:
        try:
            run.wait(gate)
        except Exception:  # what ends a run passes a script's own handlers
            return "swallowed"
        return "mine"

    task = execute(script, "executing")
    body = {"status": "completed", "result": "theirs"}
    client.patch(f"/agent-execution/{task['id']}/update", json=body)
    gate.set()
    final = emulator.task(task["id"])
    assert (final["status"], final["result"]) == ("completed", "theirs")
    assert final["finished_at"]
    assert types_of(emulator, task["id"]).count("task_finished") == 1


def test_a_report_takes_a_running_task_over(execute: Execute, client: httpx.Client, emulator: Emulator):
    ended = threading.Event()

    def script(run: Run) -> None:
        try:
            run.sleep(60)
        finally:
            ended.set()

    task = execute(script, "executing")
    client.post("/agent-execution/agent-123/report_task", json={"id": task["id"], "result": "elsewhere"})
    assert ended.wait(5)
    final = emulator.task(task["id"])
    assert (final["status"], final["result"]) == ("completed", "elsewhere")


def test_an_update_writes_what_it_gives_and_keeps_what_it_cannot_know(execute: Execute, client: httpx.Client):
    task = execute(lambda run: "kept")
    path = f"/agent-execution/{task['id']}/update"
    patched = client.patch(
        path, json={"tool_call_payload_extension": {"a": 1}, "_result_truncated": True, "mine": 1}
    ).json()
    assert patched["payload_extension"] == {"a": 1}
    assert "_result_truncated" not in patched
    assert (patched["result"], patched["mine"]) == ("kept", 1)
    body = {"id": "x", "agent_id": "x", "organization_id": "x", "created_at": "2000-01-01T00:00:00Z", "status": None}
    unchanged = client.patch(path, json={**body, "input": None}).json()
    for name in (*body, "input"):
        assert unchanged[name] == task[name]
    emptied = client.patch(path, json={"result": None, "started_at": None}).json()
    assert (emptied["result"], emptied["started_at"]) == (None, None)


def test_a_finished_task_can_be_taken_up_again(execute: Execute, client: httpx.Client, emulator: Emulator):
    task = execute(lambda run: "done")
    path = f"/agent-execution/{task['id']}/update"
    again = client.patch(path, json={"status": "executing"}).json()
    assert (again["status"], again["finished_at"]) == ("executing", None)
    assert client.patch(path, json={"status": "failed"}).json()["finished_at"] > task["finished_at"]
    assert types_of(emulator, task["id"])[-2:] == ["task_updated", "task_finished"]


def test_the_create_body_is_kept_in_the_task(client: httpx.Client, emulator: Emulator):
    body = {
        "input": {"text": "hi", "files": ["https://example.com/a.pdf"], "user": {"id": "u", "email": "u@example.com"}},
        "payload_extension": {"a": 1},
        "source": "sdk",
        "output_format": "json",
        "output_schema": {"type": "object"},
        "additional_context": "more",
        "expected_output": "something",
        "title": "A title",
        "think_mode": "harder",
        "return_metrics": True,
        "tool_call_limit": 3,
        "llm_model_name": "m",
    }
    task = client.post("/agent-execution/a", json=body).json()
    assert {name: task[name] for name in body if name != "input"} == {n: v for n, v in body.items() if n != "input"}
    assert task["input"]["files"] == ["https://example.com/a.pdf"]
    assert task["input"]["user"]["email"] == "u@example.com"
    assert emulator.wait_for_status(task["id"], "completed")["title"] == "A title"


def test_many_tasks_run_at_once(client: httpx.Client, emulator: Emulator):
    ids = [client.post("/agent-execution/a", json={"input": {"text": str(n)}}).json()["id"] for n in range(100)]
    for number, task_id in enumerate(ids):
        assert emulator.wait_for_status(task_id, "completed", timeout=20)["result"] == f"You said: {number}"


def test_waiting_for_a_status_that_does_not_come_says_what_is(execute: Execute, emulator: Emulator):
    task = execute(lambda run: "done")
    with pytest.raises(TimeoutError, match="is completed, not paused"):
        emulator.wait_for_status(task["id"], "paused", timeout=0.01)


def types_of(emulator: Emulator, task_id: str) -> list[str]:
    return [json.loads(text)["type"] for text in emulator.events(task_id)]
