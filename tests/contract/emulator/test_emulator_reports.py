"""The emulator's reports, histories, agents and totals, over a real socket and held against the contract."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(validate_answers=True) as running:
        yield running
        assert running.violations == []


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emulator.url, headers={"x-api-key": "key-1"}) as client:
        yield client


def report(client: httpx.Client, agent_id: str = "agent-123", **fields: Any) -> dict[str, Any]:
    answer = client.post(f"/agent-execution/{agent_id}/report_task", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def test_a_full_report_becomes_a_completed_task_with_everything_it_said(client: httpx.Client):
    task = report(
        client,
        id="ext-job-9921",
        input="Summarize Q4 earnings",
        result="Q4 revenue grew 22% YoY",
        tokens={"prompt_tokens": 2140, "completion_tokens": 380},
        duration=4.7,
        used_tools=["web_search", "fetch_pdf"],
        is_success=True,
    )
    assert task["id"] == "ext-job-9921"
    assert task["agent_id"] == "agent-123"
    assert task["organization_id"] == "org-1"
    assert task["status"] == "completed"
    assert task["input"]["text"] == "Summarize Q4 earnings"
    assert task["result"] == "Q4 revenue grew 22% YoY"
    assert task["tokens"]["total_tokens"] == 2520
    assert task["used_tools"] == ["web_search", "fetch_pdf"]
    assert task["duration"] == 4.7
    assert seconds_between(task["started_at"], task["finished_at"]) == pytest.approx(4.7)
    assert client.get("/agent-execution/ext-job-9921/status").json() == task


def test_a_failed_report_is_a_failed_task(client: httpx.Client):
    assert report(client, id="job-failed-001", input="p", result="boom", is_success=False)["status"] == "failed"


def test_token_counts_that_are_absent_are_zero_and_the_total_is_not_taken_on_trust(client: httpx.Client):
    assert report(client, tokens={"prompt_tokens": 7, "cache_read_tokens": 100, "total_tokens": 999})["tokens"] == {
        "prompt_tokens": 7,
        "completion_tokens": 0,
        "cache_read_tokens": 100,
        "cache_write_tokens": 0,
        "total_tokens": 7,
    }


def test_a_report_of_nothing_gets_an_id_and_counts_as_a_success(client: httpx.Client):
    task = report(client)
    assert task["id"]
    assert task["status"] == "completed"
    assert task["duration"] == 0
    assert report(client)["id"] != task["id"]


def test_a_later_report_replaces_what_it_gives_and_keeps_the_rest(client: httpx.Client, emulator: Emulator):
    first = report(client, id="job-7842", input="Long-running", used_tools=["s3_read"], llm_response={"raw": 1})
    second = report(
        client,
        id="job-7842",
        input=None,
        result="Extracted 412 rows",
        tokens={"prompt_tokens": 18_400, "completion_tokens": 2_100},
        duration=37.6,
        used_tools=[],
        llm_response=None,
    )
    third = report(client, id="job-7842", tokens={"prompt_tokens": 1, "completion_tokens": 2}, is_success=False)
    assert second["created_at"] == third["created_at"] == first["created_at"]
    assert second["input"]["text"] == "Long-running"
    assert second["used_tools"] == ["s3_read"]
    assert third["result"] == "Extracted 412 rows"
    assert third["tokens"]["total_tokens"] == 3, "tokens are replaced, not added"
    assert third["status"] == "failed"
    assert emulator.llm_response("job-7842") == {"raw": 1}
    assert len(client.get("/agent-execution/executions/history/agent-123").json()) == 1


def test_totals_count_each_run_once(client: httpx.Client, emulator: Emulator):
    for _ in range(3):
        report(client, id="a", tokens={"prompt_tokens": 10, "completion_tokens": 5}, duration=2)
    report(client, id="b", tokens={"prompt_tokens": 1, "completion_tokens": 1}, duration=1.5, is_success=False)
    report(client, agent_id="other", id="c", tokens={"prompt_tokens": 99})
    totals = emulator.totals("agent-123")
    assert totals["tasks"] == 2
    assert totals["by_status"] == {"completed": 1, "failed": 1}
    assert totals["duration"] == 3.5
    assert totals["tokens"]["prompt_tokens"] == 11
    assert totals["tokens"]["total_tokens"] == 17


def test_an_id_may_hold_anything_that_a_path_can_carry(client: httpx.Client):
    task = report(client, agent_id="team%2Fagent%3F%25%C3%A9", id="a/b?c#d%é 1")
    assert task["agent_id"] == "team/agent?%é"
    found = client.get("/agent-execution/a%2Fb%3Fc%23d%25%C3%A9%201/status")
    assert found.json()["id"] == "a/b?c#d%é 1"


def test_the_same_id_in_two_organisations_is_two_records(client: httpx.Client, emulator: Emulator):
    for organization, text in (("org-a", "one"), ("org-b", "two")):
        answer = client.post(f"/{organization}/agent-execution/a/report_task", json={"id": "x", "input": text})
        assert answer.json()["organization_id"] == organization
    assert client.get("/org-a/agent-execution/x/status").json()["input"]["text"] == "one"
    assert client.get("/org-b/agent-execution/x/status").json()["input"]["text"] == "two"
    assert client.get("/agent-execution/x/status").status_code == 404
    assert len(emulator.tasks()) == 2


def test_what_was_reported_without_organisation_is_found_under_any(client: httpx.Client):
    report(client, id="x")
    for path in ("/my-org/agent-execution/x/status", "/agent-controller/my-org/agent-execution/x/status"):
        assert client.get(path).json()["id"] == "x"
    assert client.get("/agent-controller/agent-execution/x/status").json()["id"] == "x"


def test_histories_are_newest_first_and_filtered(client: httpx.Client):
    for number in range(3):
        report(client, id=f"r{number}", is_success=number != 1)
    report(client, id="r0", result="again")
    history = "/agent-execution/executions/history/agent-123"
    assert [item["id"] for item in client.get(history).json()] == ["r2", "r1", "r0"], "an update is no new task"
    assert [item["id"] for item in client.get(history, params={"status": "failed"}).json()] == ["r1"]
    assert client.get(history, params={"status": "nonsense"}).json() == []
    assert client.get(history, params={"parent_task_id": "p"}).json() == []
    client.patch("/agent-execution/r2/update", json={"parent_execution": "p", "internal_status": "deep"})
    assert [item["id"] for item in client.get(history, params={"parent_task_id": "p"}).json()] == ["r2"]
    assert [item["id"] for item in client.get(history, params={"internal_status": "deep"}).json()] == ["r2"]
    assert client.get("/agent-execution/executions/history/nobody").json() == []


def test_a_user_sees_the_tasks_of_all_agents(client: httpx.Client):
    user = {"id": "u-1", "email": "u@example.com"}
    for agent in ("a", "b"):
        body = {"input": {"text": "hi", "files": [], "user": user}, "triggering_agent_id": agent}
        assert client.post(f"/agent-execution/{agent}", json=body).status_code == 200
    report(client)
    items = client.get("/agent-execution/executions/history/user/u-1").json()
    assert [item["agent_id"] for item in items] == ["b", "a"]
    assert {item["user_id"] for item in items} == {"u-1"}
    params = {"triggering_agent_id": "a"}
    assert len(client.get("/agent-execution/executions/history/user/u-1", params=params).json()) == 1
    assert len(client.get("/agent-execution/executions/history/a", params={"user_id": "u-1"}).json()) == 1
    assert client.get("/agent-execution/executions/history/a", params={"user_id": "u-2"}).json() == []


def test_an_unknown_agent_is_made_on_first_use(client: httpx.Client):
    agent = client.get("/agents/new-one").json()
    assert (agent["id"], agent["organization_id"]) == ("new-one", "org-1")
    report(client, agent_id="another")
    assert [item["id"] for item in client.get("/agents/list").json()] == ["new-one", "another"]


def test_a_strict_emulator_knows_only_the_agents_it_was_given():
    with (
        Emulator(strict_agents=True, agents=["known"], validate_answers=True) as emulator,
        httpx.Client(base_url=emulator.url, headers={"x-api-key": "k"}) as client,
    ):
        emulator.add_agent("later", name="Later", version=7)
        assert client.get("/agents/known").status_code == 200
        assert client.get("/agents/later").json()["name"] == "Later"
        assert client.get("/agents/unknown").status_code == 404
        assert client.post("/agent-execution/unknown/report_task", json={}).status_code == 404
        assert client.post("/agent-execution/unknown", json={"input": {"text": "x"}}).status_code == 404
        assert client.get("/agent-execution/executions/history/unknown").status_code == 404
        assert emulator.tasks() == []
        assert emulator.violations == []


def test_the_agent_version_of_the_header_is_honoured(client: httpx.Client):
    assert client.get("/agents/a").json()["version"] == 1
    assert client.get("/agents/a", headers={"x-agent-version": "3"}).json()["version"] == 3
    body = {"input": {"text": "hi"}}
    task = client.post("/agent-execution/a", json=body, headers={"x-agent-version": "3"}).json()
    assert task["agent_version"] == "3"


def test_metrics_are_kept_and_summed_once_for_each_run(client: httpx.Client, emulator: Emulator):
    for execution, duration in (("t1", 1.0), ("t1", 4.5), ("t2", 0.5)):
        body = {
            "execution_id": execution,
            "memory_thread_id": execution,
            "status": "completed",
            "duration": duration,
            "api_calls_made": ["web_search"],
            "llm_tokens": {"inner": {}, "worker": {"prompt_tokens": 2140, "completion_tokens": 380}},
        }
        assert client.post("/agents-metrics/agent-123/execution", json=body).status_code == 200
    metrics = emulator.totals("agent-123")["metrics"]
    assert metrics["executions"] == 2
    assert metrics["duration"] == 5.0
    assert metrics["api_calls"] == 2
    assert metrics["tokens"]["total_tokens"] == 2 * 2520
    assert [body["execution_id"] for body in emulator.metrics("agent-123")] == ["t1", "t2"]


def test_a_report_leaves_its_input_and_result_in_the_activity(client: httpx.Client):
    report(client, id="x", input="question", result="first")
    report(client, id="x", result="second")
    thread = client.get("/activity/agent-123/x").json()
    assert [(m["role"], m["content"]["text"]) for m in thread["messages"]] == [
        ("user", "question"),
        ("agent", "second"),
    ]
    assert client.get("/activity/somebody-else/x").status_code == 404
    assert client.get("/activity/agent-123/nothing").status_code == 404


def test_an_allowance_names_the_agents_of_the_key(client: httpx.Client, emulator: Emulator):
    emulator.add_agent("a")
    answer = client.post("/metadata/api_key_allowance", json={"api_key": "secret-key"}).json()
    assert answer == {"api_key": "secret-key", "agent_ids": ["a"]}
    assert "secret-key" not in repr(emulator.requests())


def test_a_tool_call_is_summarised_the_same_way_each_time(client: httpx.Client):
    body = {
        "preset": "tool_call_analysis",
        "payload": {"tool_name": "search", "request": {"q": "x" * 1000}, "response": "found"},
        "use_cache": True,
    }
    first, second = (client.post("/summarizer/run", json=body).json() for _ in range(2))
    assert first == second
    assert "search" in first["result"]["request_summary"]
    assert len(first["result"]["request_summary"]) < 300
    assert "found" in first["result"]["response_summary"]
    assert client.post("/summarizer/run", json={**body, "preset": "poem"}).json() == {"result": {}}


def test_a_duration_that_the_calendar_does_not_hold_is_no_error(client: httpx.Client):
    task = report(client, duration=1e300)
    assert task["duration"] == 1e300
    assert task["started_at"] == task["finished_at"]


def test_a_file_keeps_its_tasks_over_a_restart(tmp_path: Any):
    db = tmp_path / "runs.db"
    headers = {"x-api-key": "k"}
    with Emulator(db=db) as emulator, httpx.Client(base_url=emulator.url, headers=headers) as client:
        report(client, id="kept", input="hello", llm_response=[1])
    with Emulator(db=db) as emulator, httpx.Client(base_url=emulator.url, headers=headers) as client:
        assert client.get("/agent-execution/kept/status").json()["input"]["text"] == "hello"
        assert [agent["id"] for agent in client.get("/agents/list").json()] == ["agent-123"]
        assert emulator.llm_response("kept") == [1]


def test_a_task_in_hand_when_the_emulator_ended_is_an_error_after_the_restart(tmp_path: Any):
    db = tmp_path / "runs.db"
    headers = {"x-api-key": "k"}
    with (
        Emulator(db=db, agent=lambda run: run.sleep(60)) as emulator,
        httpx.Client(base_url=emulator.url, headers=headers) as client,
    ):
        task_id = client.post("/agent-execution/a", json={"input": {"text": "hi"}}).json()["id"]
        emulator.wait_for_status(task_id, "executing")
    with Emulator(db=db) as emulator:
        assert emulator.task(task_id)["status"] == "error"
        assert "ended before the run did" in emulator.task(task_id)["result"]


def test_a_reset_forgets_everything_but_the_given_agents():
    with (
        Emulator(agents=["given"]) as emulator,
        httpx.Client(base_url=emulator.url, headers={"x-api-key": "k"}) as client,
    ):
        report(client, id="x")
        emulator.fail(500)
        emulator.reset()
        assert emulator.tasks() == emulator.requests() == []
        assert [agent["id"] for agent in client.get("/agents/list").json()] == ["given"]
