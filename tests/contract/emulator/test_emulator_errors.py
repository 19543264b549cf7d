"""What the emulator answers to wrong requests: the right status, always JSON in FastAPI's form, never a 500."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT = "/agent-execution/agent-123/report_task"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(validate_answers=True, max_body=1_000_000) as running:
        yield running
        assert running.violations == []


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emulator.url, headers={"x-api-key": "key-1"}) as client:
        yield client


def assert_complaint(answer: httpx.Response, *loc: str | int) -> None:
    assert answer.status_code == 422, answer.text
    detail = answer.json()["detail"]
    assert detail, "a refusal without a reason"
    for entry in detail:
        assert isinstance(entry["msg"], str)
        assert isinstance(entry["type"], str)
    assert list(loc) in [entry["loc"] for entry in detail], detail


def test_a_missing_key_is_401(emulator: Emulator):
    for headers in ({}, {"x-api-key": ""}):
        answer = httpx.get(f"{emulator.url}/agents/list", headers=headers)
        assert answer.status_code == 401
        assert "x-api-key" in answer.json()["detail"]


def test_any_key_passes_without_a_key_of_its_own(client: httpx.Client):
    assert client.get("/agents/list", headers={"x-api-key": "whatever"}).status_code == 200


def test_a_wrong_key_is_refused_and_the_right_one_passes():
    with Emulator(api_key="right", validate_answers=True) as emulator:
        url = f"{emulator.url}/agents/list"
        wrong = httpx.get(url, headers={"x-api-key": "wrong"})
        assert wrong.status_code == 401
        assert "not valid" in wrong.json()["detail"]
        assert httpx.get(url, headers={"x-api-key": "right"}).status_code == 200
        assert emulator.violations == []


def test_a_key_is_never_noted(emulator: Emulator):
    headers = {
        "x-api-key": "very-secret",
        "Authorization": "Bearer very-secret",
        "Cookie": "very-secret",
        "x-other": "1",
    }
    httpx.get(f"{emulator.url}/agents/list", headers=headers)
    (record,) = emulator.requests()
    assert "very-secret" not in repr(record)
    assert record.headers["x-other"] == "1"


def test_an_unknown_task_is_404(client: httpx.Client):
    for method, path in (
        ("GET", "/agent-execution/nothing/status"),
        ("DELETE", "/agent-execution/nothing"),
        ("GET", "/agent-execution/nothing/events"),
        ("GET", "/activity/agent-123/nothing"),
    ):
        answer = client.request(method, path)
        assert answer.status_code == 404, (method, path)
        assert "nothing" in answer.json()["detail"]
    assert client.patch("/agent-execution/nothing/update", json={"result": "x"}).status_code == 404
    assert client.post("/agent-execution/nothing/events/push", json=[]).status_code == 404
    assert client.post("/agent-execution/a", json={"id": "nothing", "input": {"text": "x"}}).status_code == 404


@pytest.mark.parametrize("path", ["/nowhere", "/agent-execution", "/a/b/c/d/e/f", "/agents/list/more", "//agents/list"])
def test_an_unknown_route_is_404(client: httpx.Client, path: str):
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", REPORT, "POST"),
        ("GET", "/agent-execution/x", "DELETE, POST"),
        ("POST", "/agents/list", "GET"),
        ("HEAD", "/agents/list", "GET"),
        ("OPTIONS", "/org-1/agent-execution/x/status", "GET"),
    ],
)
def test_a_wrong_method_is_405_and_says_what_is_allowed(client: httpx.Client, method: str, path: str, allow: str):
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"input": NaN}',
        b'{"duration": Infinity}',
        b'{"duration": 1e999}',
        b'{"llm_response": [NaN]}',
        b'{"llm_response": -Infinity}',
        b'{"llm_response": 1e999}',
        b'{"input": "\\ud800"}',
        b'{"duration": ' + b"9" * 5000 + b"}",
        b'{"llm_response": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"llm_response": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"null",
        b"[]",
        b'"text"',
    ],
)
def test_a_body_that_is_no_report_is_422(client: httpx.Client, emulator: Emulator, body: bytes):
    answer = client.post(REPORT, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert isinstance(answer.json()["detail"], list)
    assert emulator.tasks() == []


@pytest.mark.parametrize(("depth", "status"), [(10, 200), (190, 200), (210, 422), (900, 422), (2000, 422)])
def test_nesting_is_either_kept_or_refused(client: httpx.Client, emulator: Emulator, depth: int, status: int):
    body = b'{"id": "deep", "llm_response": ' + b"[" * depth + b"]" * depth + b"}"
    answer = client.post(REPORT, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert bool(emulator.tasks()) == (status == 200), "a refused report leaves nothing"


def test_a_wide_body_is_not_a_deep_one(client: httpx.Client, emulator: Emulator):
    wide = [{"a": [1]}] * 5000
    assert client.post(REPORT, json={"id": "wide", "llm_response": wide}).status_code == 200
    assert emulator.llm_response("wide") == wide


@pytest.mark.parametrize("number", [2**63, 2**64, 10**30, -(2**70)])
def test_integers_of_any_size_are_kept_as_they_are(client: httpx.Client, emulator: Emulator, number: int):
    answer = client.post(REPORT, json={"id": "big", "llm_response": {"n": number}})
    assert answer.status_code == 200, answer.text
    assert emulator.llm_response("big") == {"n": number}


def test_a_field_of_the_wrong_type_is_named(client: httpx.Client):
    assert_complaint(client.post(REPORT, json={"id": 7}), "body", "id")
    assert_complaint(client.post(REPORT, json={"used_tools": ["a", 1]}), "body", "used_tools", 1)
    assert_complaint(client.post(REPORT, json={"duration": "long"}), "body", "duration")


def test_a_missing_body_is_named(client: httpx.Client):
    assert_complaint(client.post(REPORT), "body")
    assert_complaint(client.post(REPORT, content=b"{}", headers={"content-type": "text/plain"}), "body")


def test_missing_query_parameters_are_named(client: httpx.Client):
    body: dict[str, Any] = {"id": "m", "event": "worker-heartbeat", "data": {}}
    assert_complaint(client.post("/events/worker-1", json=body, params={"agent_id": "a"}), "query", "type")
    assert client.post("/events/worker-1", json=body, params={"type": "worker", "agent_id": "a"}).status_code < 300


def test_a_path_and_a_query_that_are_no_text_are_400(client: httpx.Client):
    for path in ("/agent-execution/%FF/status", "/agents/list?x=%FF"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["detail"]) == (400, "the path and the query must be UTF-8")


def test_an_event_that_its_stream_could_not_carry_is_refused(client: httpx.Client):
    task = client.post("/agent-execution/a", json={"input": {"text": "x"}}).json()
    event = {"type": "task_finished", "task_id": task["id"], "organization_id": "org-1", "time": "2026-01-02T03:04:05Z"}
    path = f"/agent-execution/{task['id']}/events/push"
    assert_complaint(client.post(path, json=[event, {**event, "data": {"result": 7}}]), "body", 1, "data", "result")
    assert client.post(path, json=[{**event, "data": None}]).status_code == 200


def test_a_body_past_the_bound_is_413_and_the_connection_goes_on(client: httpx.Client, emulator: Emulator):
    emulator.max_body = 1000
    answer = client.post(REPORT, json={"input": "x" * 5_000_000})
    assert answer.status_code == 413
    assert "1000 bytes" in answer.json()["detail"]

    def pieces() -> Iterator[bytes]:
        yield from (b"x" * 500 for _ in range(10))

    assert client.post(REPORT, content=pieces(), headers={"content-type": "application/json"}).status_code == 413
    assert client.post(REPORT, json={}).status_code == 200


def test_what_is_no_http_gets_json_too(emulator: Emulator, capfd: pytest.CaptureFixture[str]):
    with socket.create_connection(("127.0.0.1", emulator.port)) as raw:
        raw.sendall(b"nonsense\r\n\r\n")
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["detail"]
    assert capfd.readouterr().err == ""


def test_an_answer_does_not_wait_for_the_clients_acknowledgement(client: httpx.Client):
    # Nagle's algorithm and a delayed ACK together cost 40 ms, once a connection is past its first few answers. A slow
    # machine makes some answers late, but not nearly all.
    times = sorted(client.get("/agents/list").elapsed.total_seconds() for _ in range(100))
    assert times[20] < 0.03


def test_the_journal_says_what_was_asked_and_answered(client: httpx.Client, emulator: Emulator):
    client.post("/org-9/agent-execution/a%2Fb/report_task?x=1&x=2", json={"id": 7})
    client.get("/nowhere")
    refused, unknown = emulator.requests()
    assert refused.operation_id == "report_external_task"
    assert refused.method == "POST"
    assert refused.path == "/org-9/agent-execution/a%2Fb/report_task"
    assert refused.organization_id == "org-9"
    assert refused.values == {"agent_id": "a/b"}
    assert refused.query == [("x", "1"), ("x", "2")]
    assert refused.body == {"id": 7}
    assert refused.status == 422
    assert refused.complaints
    assert (unknown.operation_id, unknown.status) == (None, 404)
    assert emulator.requests("get_task") == []


def test_every_answer_carries_a_request_id(client: httpx.Client, emulator: Emulator):
    own = client.get("/agents/list", headers={"x-request-id": "mine"})
    assert own.headers["x-request-id"] == "mine"
    ids = [
        client.get(path).headers["x-request-id"] for path in ("/agents/list", "/nowhere", "/agent-execution/x/status")
    ]
    assert ["mine", *ids] == [record.request_id for record in emulator.requests()]
    assert len(set(ids)) == 3
