"""Answers that no good platform gives, and hosts that no name can be: each ends in an error that says what it was."""

from __future__ import annotations

import gzip
import json
import pickle
import socket
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from calling import KEY, Caller, configured
from misbehaving import Connection, Misbehaving, Request, answer, event, head, only, task_answer
from wire_cases import ANSWERED_TASK

from xpander_facade import (
    APIConnectionError,
    Configuration,
    ConfigurationError,
    ModuleException,
    NotFoundError,
    ServerError,
    Task,
    Tasks,
)
from xpander_facade._client import event_frames
from xpander_facade.tasks import _stream
from xpander_facade.tasks._attachments import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Script

    Start = Callable[..., Misbehaving]


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stream, "RECONNECT_POLICY", _stream.ReconnectPolicy(tries=2, waits=(0,)))


def streaming(misbehave: Start, script: Script) -> tuple[Task, Misbehaving]:
    """Return a task whose streams are this script, and whose state never changes."""

    def serve(connection: Connection, request: Request) -> bool:
        executing = task_answer(status="executing", result=None)
        return (script if request.is_stream else executing)(connection, request)

    server = misbehave(otherwise=serve)
    return Task.from_dict({**ANSWERED_TASK, "status": "executing"}, configured(server, api_key=KEY)), server


def streams(server: Misbehaving) -> int:
    return sum(request.is_stream for request in server.requests)


# --- a refusal whose body can't be read ---


@pytest.mark.parametrize(("status", "kind"), [(404, NotFoundError), (503, ServerError)])
@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("gzip", b"no gzip"),
        ("gzip", gzip.compress(b'{"detail": "no"}', mtime=0)[:-12] + b"123456789012"),
        ("deflate", b"no deflate"),
        ("br", b"\x1b\x00"),
    ],
)
def test_a_refusal_keeps_its_status_where_its_body_can_not_be_read(
    call: Caller, misbehave: Start, status: int, kind: type[ModuleException], encoding: str, content: bytes
):
    fields = {"Content-Encoding": encoding, "X-Request-Id": "r-1"}
    server = misbehave(otherwise=answer(status, content, fields))
    with pytest.raises(kind) as caught:
        call(Tasks(configured(server)), "get", "task_1")
    assert (caught.value.status_code, caught.value.request_id) == (status, "r-1")


@pytest.mark.parametrize("status", [404, 503])
def test_a_refusal_that_is_too_large_keeps_its_status(call: Caller, misbehave: Start, status: int):
    server = misbehave(otherwise=answer(status, b"x" * 10_001))
    with pytest.raises(ModuleException) as caught:
        call(Tasks(configured(server, max_response_bytes=10_000)), "get", "task_1")
    assert caught.value.status_code == status


def test_a_stream_that_is_refused_with_an_unreadable_body_keeps_its_status(call: Caller, misbehave: Start):
    task, server = streaming(misbehave, answer(404, b"no gzip", {"Content-Encoding": "gzip"}))
    with pytest.raises(NotFoundError) as caught:
        call.events(task)
    assert caught.value.status_code == 404
    assert streams(server) == 1


# --- event streams ---


def test_a_compressed_stream_is_read_though_none_was_asked_for(call: Caller, misbehave: Start):
    packed = gzip.compress(event("task_finished", ANSWERED_TASK))
    fields = {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}
    task, server = streaming(misbehave, only(head(200, fields) + packed))
    assert [taken.type.value for taken in call.events(task)] == ["task_finished"]
    assert {request.headers["accept-encoding"] for request in server.requests if request.is_stream} == {"identity"}


def test_a_stream_that_says_that_it_is_not_compressed_is_read(call: Caller, misbehave: Start):
    fields = {"Content-Type": "text/event-stream", "Content-Encoding": "identity"}
    task, _ = streaming(misbehave, only(head(200, fields) + event("task_finished", ANSWERED_TASK)))
    assert [taken.type.value for taken in call.events(task)] == ["task_finished"]


@pytest.mark.parametrize(
    "piece", [b"data: " + b"a" * 994, b"data: " + b"a" * 993 + b"\n", b"data: " + b"a" * 993 + b"\r"]
)
def test_an_event_without_an_end_is_cut_before_it_fills_the_memory(
    call: Caller, misbehave: Start, monkeypatch: pytest.MonkeyPatch, piece: bytes
):
    monkeypatch.setattr(event_frames, "MAX_EVENT_BYTES", 100_000)

    def endless(connection: Connection, request: Request) -> bool:
        connection.send(head(200, {"Content-Type": "text/event-stream"}))
        while not connection.stop.is_set():
            connection.send(piece)
        return False

    task, server = streaming(misbehave, endless)
    with pytest.raises(APIConnectionError, match="an event is larger than 100000 bytes"):
        call.events(task)
    assert server.wait_for(lambda: server.open <= 1)  # the one that asked for the task's state may be kept


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_events_of_an_allowed_size_are_read_however_many_there_are(
    call: Caller, misbehave: Start, monkeypatch: pytest.MonkeyPatch, end: bytes
):
    monkeypatch.setattr(event_frames, "MAX_EVENT_BYTES", 10_000)
    chunk = event("chunk", "a" * 4_000) + b": still there\n\n" * 50
    frames = (chunk * 9 + event("task_finished", ANSWERED_TASK)).replace(b"\n", end)
    task, _ = streaming(misbehave, only(head(200, {"Content-Type": "text/event-stream"}) + frames))
    assert [taken.type.value for taken in call.events(task)] == ["chunk"] * 9 + ["task_finished"]


# --- hosts ---

BAD_HOSTS = ["a..example", ".example", "a" * 64 + ".example", "a" * 300, "xn--a..b", "a%00b"]


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no name be found, after it was encoded as Python's own look-up does it."""

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(host, str):
            host.encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("host", BAD_HOSTS)
def test_a_host_that_can_be_no_name_is_a_connection_error(call: Caller, host: str):
    configuration = Configuration(api_key=KEY, base_url=f"https://{host}", max_retries=0)
    with pytest.raises(APIConnectionError, match="base_url"):
        call(Tasks(configuration), "get", "task_1")


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("host", ["xn--\u00fc", "\u00ad", "\u200d.example", "256.1.1.1", "a\x7fb", "\ud800"])
def test_a_host_that_no_url_can_hold_is_a_configuration_error(call: Caller, host: str):
    with pytest.raises(ConfigurationError, match="base_url"):
        call(Tasks(Configuration(api_key=KEY, base_url=f"https://{host}")), "get", "task_1")


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("is_private_allowed", [False, True])
@pytest.mark.parametrize(
    "host", [*BAD_HOSTS, "[::1", "[v1.a]", "b\u00fccher.example", "\u2100.example", "\ud800", "x:99999"]
)
def test_a_file_whose_host_can_be_no_name_is_not_read(call: Caller, host: str, is_private_allowed: bool):
    configuration = Configuration(api_key=KEY, allow_private_file_hosts=is_private_allowed)
    files = [f"https://{host}/a.txt"]
    task = Task.from_dict({**ANSWERED_TASK, "input": {"text": "Read", "files": files}}, configuration)
    assert call(task, "get_human_readable_files") == [{"url": files[0], "content": UNREADABLE}]


# --- the key ---


def check_no_key(error: ModuleException) -> None:
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    for text in (str(error), repr(error), "".join(told.format()), repr(pickle.dumps(error)), repr(vars(error))):
        assert KEY not in text


def echo(connection: Connection, request: Request) -> bool:
    """Send the key back where the status line should be, which the engine quotes in its error."""
    connection.send(f"x-api-key: {request.headers['x-api-key']}\r\n\r\n".encode())
    return False


def test_an_engine_s_error_that_quotes_the_key_does_not_show_it(call: Caller, misbehave: Start):
    with pytest.raises(APIConnectionError, match=r"\[secret\]") as caught:
        call(Tasks(configured(misbehave(otherwise=echo), api_key=KEY)), "get", "task_1")
    check_no_key(caught.value)


def test_an_engine_s_error_in_a_stream_that_quotes_the_key_does_not_show_it(call: Caller, misbehave: Start):
    task, _ = streaming(misbehave, echo)
    with pytest.raises(APIConnectionError, match=r"\[secret\]") as caught:
        call.events(task)
    check_no_key(caught.value)


def test_a_retry_that_is_told_of_such_an_error_does_not_show_the_key(
    call: Caller, misbehave: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("xpander_facade._client.retry.BASE_WAIT", 0)
    caplog.set_level("INFO", "xpander_facade")
    told: list[Any] = []
    server = misbehave(echo, otherwise=task_answer())
    call(Tasks(configured(server, api_key=KEY, max_retries=1, on_retry=told.append)), "get", "task_1")
    assert "[secret]" in told[0].cause
    assert "[secret]" in caplog.text
    assert KEY not in repr(told) + caplog.text


# --- numbers ---


@pytest.mark.parametrize(
    ("path", "given", "read"),
    [
        ("duration", {"duration": "BIG"}, {"duration": 0.0}),
        ("llm_cost", {"llm_cost": "-BIG"}, {"llm_cost": None}),
        ("costs", {"payload_extension": {"costs": [1.5, "BIG"]}}, {"payload_extension": {"costs": [1.5, None]}}),
        ("created_at", {"created_at": "2026-06-30T23:59:60Z"}, {"created_at": "2026-06-30T23:59:60Z"}),
        ("finished_at", {"finished_at": ""}, {"finished_at": ""}),
    ],
)
def test_a_value_that_can_not_be_read_costs_itself_only(
    call: Caller, misbehave: Start, path: str, given: dict[str, Any], read: dict[str, Any]
):
    body = json.dumps({**ANSWERED_TASK, **given}).replace('"BIG"', "1e999").replace('"-BIG"', "-1e999")
    server = misbehave(otherwise=answer(200, body))
    task = call(Tasks(configured(server)), "get", "task_1")
    assert task.result == ANSWERED_TASK["result"]
    assert {name: task.to_dict()[name] for name in read} == read
    assert getattr(task, path, None) in {None, 0.0}


@pytest.mark.parametrize(("name", "odd"), [("updated_at", "24:00"), ("result", {"a": 1}), ("created_at", 7)])
def test_one_odd_value_does_not_cost_a_list(call: Caller, misbehave: Start, name: str, odd: Any):
    item = {"id": "t", "agent_id": "a", "organization_id": "o", "status": "completed", "title": "x"}
    server = misbehave(otherwise=answer(body=[item, {**item, name: odd}]))
    items = call(Tasks(configured(server)), "list", "a")
    assert [(one.id, one.title, getattr(one, name)) for one in items] == [("t", "x", None)] * 2
    assert [one.extra for one in items] == [{}, {name: odd}]
