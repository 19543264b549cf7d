"""Headers of a gateway and the hooks around requests: what they see, what they add, and that they cost nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from calling import KEY, Caller, configured
from misbehaving import answer, event, reset, stream, task_answer
from wire_cases import ANSWERED_TASK

from xpander_facade import APIConnectionError, Backend, Configuration, ConfigurationError, Task, Tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Misbehaving

    from xpander_facade import RequestEvent, ResponseEvent

    Start = Callable[..., Misbehaving]

pytestmark = pytest.mark.off_contract("headers of a gateway")


def test_headers_go_with_every_call(call: Caller, misbehave: Start):
    def serve(connection: Any, request: Any) -> bool:
        script = stream(event("task_finished", ANSWERED_TASK)) if request.is_stream else task_answer(status="executing")
        return script(connection, request)

    server = misbehave(otherwise=serve)
    configuration = configured(server, agent_id="a", headers={"X-Gateway": "g-1", "User-Agent": "mine/1"})
    call(Backend(configuration), "report_external_task", id="run-1")
    task = call(Tasks(configuration), "get", "task_1")
    task.events_streaming = True
    call.events(task)
    assert len(server.requests) == 3
    assert {request.headers["x-gateway"] for request in server.requests} == {"g-1"}
    assert {request.headers["user-agent"] for request in server.requests} == {"mine/1"}
    assert {request.headers["x-api-key"] for request in server.requests} == {"key-1"}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Api-Key": "other"},
        {"content-length": "3"},
        {"Host": "x"},
        {"a b": "c"},
        {"a": "b\r\nc: d"},
        {"a": "b\0"},
        {"a": 1},
        {1: "a"},
        {"": "a"},
        "a: b",
        ["a"],
    ],
)
def test_headers_that_can_not_be_sent_are_refused_when_they_are_given(headers: Any):
    with pytest.raises(ConfigurationError) as caught:
        Configuration(headers=headers)
    assert "\r" not in str(caught.value)


def test_hooks_see_each_request_and_each_response(call: Caller, misbehave: Start):
    sent: list[RequestEvent] = []
    came: list[ResponseEvent] = []
    server = misbehave(answer(503), reset, otherwise=task_answer())
    configuration = configured(server, api_key=KEY, max_retries=2, on_request=sent.append, on_response=came.append)
    call(Tasks(configuration), "get", "task_1")
    assert [(one.operation, one.method, one.url) for one in sent] == [
        ("get_task", "GET", f"{server.url}/agent-execution/task_1/status")
    ] * 3
    assert [(one.status_code, one.failure) for one in came] == [(503, None), (None, "broken"), (200, None)]
    assert all(one.elapsed >= 0 for one in came)
    assert came[2].headers["content-type"] == "application/json"
    assert KEY not in repr(sent) + repr([dict(one.headers) for one in sent]) + repr(came)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        sent[0].url = "elsewhere"
    with pytest.raises(TypeError):
        sent[0].headers["a"] = "b"


def test_a_hook_may_add_headers(call: Caller, misbehave: Start):
    server = misbehave(otherwise=task_answer())

    def sign(request: RequestEvent) -> dict[str, str]:
        return {"X-Signature": f"{request.method} {request.operation}", "x-api-key": "stolen", "bad name": "x"}

    call(Tasks(configured(server, on_request=sign)), "get", "task_1")
    (request,) = server.requests
    assert request.headers["x-signature"] == "GET get_task"
    assert request.headers["x-api-key"] == "key-1"


def test_hooks_see_event_streams(call: Caller, misbehave: Start):
    seen: list[tuple[str, int | None]] = []
    server = misbehave(otherwise=stream(event("task_finished", ANSWERED_TASK)))
    configuration = configured(server, on_response=lambda one: seen.append((one.operation, one.status_code)))
    call.events(Task.from_dict({**ANSWERED_TASK, "status": "executing"}, configuration))
    assert seen == [("stream_task_events", 200)]


@pytest.mark.parametrize("hook", ["on_request", "on_response", "on_retry"])
def test_a_hook_that_raises_is_logged_and_costs_nothing(
    call: Caller, misbehave: Start, caplog: pytest.LogCaptureFixture, hook: str
):
    def raising(*_: Any) -> None:
        raise KeyError("of the hook")

    server = misbehave(answer(503), otherwise=task_answer())
    configuration = configured(server, max_retries=1, **{hook: raising})
    with caplog.at_level(logging.WARNING, "xpander_facade"):
        assert call(Tasks(configuration), "get", "task_1").id == "task_1"
    assert hook in caplog.text
    assert "of the hook" in caplog.text


def test_a_hook_that_is_interrupted_interrupts_the_call(call: Caller, misbehave: Start):
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    server = misbehave(otherwise=task_answer())
    with pytest.raises(KeyboardInterrupt):
        call(Tasks(configured(server, on_request=interrupted)), "get", "task_1")
    assert server.requests == []


@pytest.mark.parametrize("hook", ["on_request", "on_response", "on_retry"])
def test_what_can_be_no_hook_is_refused_when_it_is_given(hook: str):
    async def later(_: Any) -> None:
        raise AssertionError("never called")

    for value in (later, "hook", 1):
        with pytest.raises(ConfigurationError, match=hook):
            Configuration(**{hook: value})


def test_what_a_hook_returns_that_is_no_mapping_is_logged(call: Caller, misbehave: Start, caplog: Any):
    server = misbehave(otherwise=task_answer())
    call(Tasks(configured(server, on_request=lambda _: ["a"])), "get", "task_1")
    assert "on_request gave no mapping" in caplog.text


def test_the_proxy_that_is_given_is_used(call: Caller, misbehave: Start, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", "*")
    proxy = misbehave(otherwise=task_answer())
    configuration = Configuration(
        api_key="key-1",
        base_url="http://platform.test",
        allow_insecure_http=True,
        proxy=f"user:pass-word@127.0.0.1:{proxy.port}",
    )
    assert call(Tasks(configuration), "get", "task_1").id == "task_1"
    (request,) = proxy.requests
    assert request.target == "http://platform.test/agent-execution/task_1/status"
    assert request.headers["proxy-authorization"].startswith("Basic ")
    assert "pass-word" not in repr(configuration)
    with pytest.raises(APIConnectionError) as caught:
        call(Tasks(attrs.evolve(configuration, proxy="http://user:pass-word@127.0.0.1:9", max_retries=0)), "get", "t")
    assert "pass-word" not in str(caught.value)
