"""The faults that a test can ask the emulator for, each seen by a client over a real socket."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from xpander_facade.emulator import Emulator
from xpander_facade.emulator._agents import Agents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPORT = "/agent-execution/agent-123/report_task"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(validate_answers=True, step=0.001) as running:
        yield running
        assert running.violations == []


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emulator.url, headers={"x-api-key": "key-1"}) as client:
        yield client


def test_a_status_is_answered_as_often_as_asked(client: httpx.Client, emulator: Emulator):
    emulator.fail(503, times=2, headers={"Retry-After": "7"})
    for _ in range(2):
        answer = client.post(REPORT, json={"id": "x"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "7"
        assert answer.json() == {"detail": "Service Unavailable"}
    assert emulator.tasks() == [], "a failed request is not executed"
    assert client.post(REPORT, json={"id": "x"}).status_code == 200
    assert [record.status for record in emulator.requests()] == [503, 503, 200]


def test_a_fault_can_be_meant_for_one_operation(client: httpx.Client, emulator: Emulator):
    emulator.fail(500, operation="get_task")
    assert client.post(REPORT, json={"id": "x"}).status_code == 200
    assert client.get("/agent-execution/x/status").status_code == 500
    assert client.get("/agent-execution/x/status").status_code == 200


@pytest.mark.parametrize("status", [404, 429, 502, 504, 520, 526, 599])
def test_any_status_can_be_answered(client: httpx.Client, emulator: Emulator, status: int):
    emulator.fail(status, body="<html>gateway</html>", headers={"Content-Type": "text/html"})
    answer = client.get("/agents/list")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html"
    assert answer.text == "<html>gateway</html>"


def test_a_body_of_a_fault_may_be_any_json(client: httpx.Client, emulator: Emulator):
    emulator.fail(200, body=["not", "a", "task"])
    assert client.post(REPORT, json={}).json() == ["not", "a", "task"]


def test_a_request_can_be_executed_and_its_answer_lost(client: httpx.Client, emulator: Emulator):
    emulator.fail(502, after=True)
    assert client.post(REPORT, json={"id": "x"}).status_code == 502
    assert emulator.task("x")["status"] == "completed"


def test_an_impossible_fault_is_refused(emulator: Emulator):
    with pytest.raises(ValueError, match="200 to 599"):
        emulator.fail(42)
    with pytest.raises(ValueError, match="at least 1"):
        emulator.fail(500, times=0)
    with pytest.raises(ValueError, match=r"no operation 'get_tsak'; the contract has .*get_task"):
        emulator.delay(1, operation="get_tsak")


def test_a_cut_answer_promises_more_than_it_sends(client: httpx.Client, emulator: Emulator):
    for after_bytes in (0, 10, 10**9):
        emulator.cut(after_bytes=after_bytes)
        with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
            client.post(REPORT, json={"id": "x"})
    assert client.get("/agent-execution/x/status").status_code == 200, "the request was executed"


def test_an_answer_can_be_missing_altogether(client: httpx.Client, emulator: Emulator):
    emulator.cut(after_bytes=None, times=2)
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            client.post(REPORT, json={"id": "x"})
    assert [record.status for record in emulator.requests()] == [None, None]
    assert client.post(REPORT, json={"id": "x"}).status_code == 200


def test_a_delay_lets_a_client_time_out(client: httpx.Client, emulator: Emulator):
    emulator.delay(30, operation="report_external_task")
    with pytest.raises(httpx.ReadTimeout):
        client.post(REPORT, json={"id": "x"}, timeout=httpx.Timeout(10, read=0.05))
    assert client.get("/agents/list", timeout=5).status_code == 200


def test_a_short_delay_only_takes_its_time(client: httpx.Client, emulator: Emulator):
    emulator.delay(0.05)
    began = time.monotonic()
    assert client.post(REPORT, json={"id": "x"}).status_code == 200
    assert time.monotonic() - began >= 0.05


def test_held_requests_wait_until_they_are_released(client: httpx.Client, emulator: Emulator):
    answers: list[int] = []

    def ask() -> None:
        answers.append(client.post(REPORT, json={}).status_code)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    with emulator.hold("report_external_task") as held:
        for thread in threads:
            thread.start()
        assert held.arrived(3)
        assert client.get("/agents/list").status_code == 200, "other operations pass"
        assert answers == emulator.tasks() == []
    for thread in threads:
        thread.join()
    assert answers == [200, 200, 200]
    assert client.post(REPORT, json={}).status_code == 200


def test_nothing_arrives_at_a_hold_that_nobody_asks(emulator: Emulator):
    assert emulator.hold().arrived(timeout=0.01) is False


@pytest.mark.parametrize("hang", [lambda e: e.delay(60), lambda e: e.hold()], ids=["delayed", "held"])
def test_a_hanging_request_does_not_keep_the_emulator_from_stopping(hang: Callable[[Emulator], object]):
    emulator = Emulator().start()
    hang(emulator)
    outcomes: list[object] = []

    def ask() -> None:
        try:
            outcomes.append(httpx.post(emulator.url + REPORT, json={}, headers={"x-api-key": "k"}).status_code)
        except httpx.TransportError as error:
            outcomes.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    end = time.monotonic() + 20
    while not emulator.requests() and time.monotonic() < end:
        time.sleep(0.001)
    emulator.stop()
    thread.join(20)
    assert outcomes == [200], "it is let go, not given up on"


def test_an_answer_that_breaks_the_contract_is_a_loud_500():
    with (
        Emulator(validate_answers=True) as emulator,
        httpx.Client(base_url=emulator.url, headers={"x-api-key": "k"}) as client,
    ):
        emulator.add_agent("odd", name=7)
        answer = client.get("/agents/odd")
        assert answer.status_code == 500
        assert "broke the contract" in answer.json()["detail"]
        assert len(emulator.violations) == 1
        assert "get_agent" in emulator.violations[0]
    with Emulator() as emulator:
        emulator.add_agent("odd", name=7)
        assert httpx.get(f"{emulator.url}/agents/odd", headers={"x-api-key": "k"}).status_code == 200


def test_a_mistake_of_its_own_is_a_loud_500_in_the_usual_form(monkeypatch: pytest.MonkeyPatch):
    with Emulator() as emulator, httpx.Client(base_url=emulator.url, headers={"x-api-key": "k"}) as client:
        monkeypatch.setattr(Agents, "listed", lambda *_: 1 / 0)
        answer = client.get("/agents/list")
        assert answer.status_code == 500
        assert "ZeroDivisionError" in answer.json()["detail"]
        assert "ZeroDivisionError" in emulator.violations[0]


def test_an_event_that_breaks_the_contract_is_noted():
    with (
        Emulator(validate_answers=True, agent=lambda run: run.sleep(60)) as emulator,
        httpx.Client(base_url=emulator.url, headers={"x-api-key": "k"}) as client,
    ):
        task = client.post("/agent-execution/a", json={"input": {"text": "x"}, "events_streaming": True}).json()
        emulator.publish(task["id"], "chunk", "fine", time=7)
        with client.stream("GET", f"/agent-execution/{task['id']}/events") as answer:
            answer.read()
        assert "stream_task_events" in emulator.violations[0]
