"""Which call is tried again, after what, how often and for how long, shown by what a server saw."""

from __future__ import annotations

import random
import socket
import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, configured
from misbehaving import BROKEN, Misbehaving, answer, event, hang, stream, task_answer
from wire_cases import ANSWERED_TASK

from xpander_facade import (
    Agents,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    Backend,
    Configuration,
    RateLimitError,
    RetryEvent,
    ServerError,
    Task,
    Tasks,
    Tokens,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.emulator import Emulator

Verb = tuple[type, str, tuple[Any, ...], dict[str, Any]]

# Each verb of the platform, and what answers it.
REPEATED: dict[str, Verb] = {
    "report": (Backend, "report_external_task", ("a",), {"id": "x"}),
    "report without an id": (Backend, "report_external_task", ("a",), {}),
    "get": (Tasks, "get", ("t",), {}),
    "list": (Tasks, "list", ("a",), {}),
    "list of a user": (Tasks, "list_user_tasks", ("u",), {}),
    "update": (Tasks, "update", ("t",), {"result": "r"}),
    "stop": (Tasks, "stop", ("t",), {}),
    "agents": (Agents, "list", (), {}),
    "agent": (Agents, "get", ("a",), {}),
    "task.save": (Task, "save", (), {}),
    "task.set_status": (Task, "set_status", ("paused",), {}),
    "task.stop": (Task, "stop", (), {}),
    "task.reload": (Task, "reload", (), {}),
    "task.plan": (Task, "get_plan_following_status", (), {}),
    "task.log": (Task, "get_activity_log", (), {}),
}
ONCE: dict[str, Verb] = {
    "create": (Tasks, "create", ("a",), {}),
    "invoke": (Backend, "invoke_agent", ("a",), {}),
    "task.report_metrics": (Task, "report_metrics", (), {}),
}
PASSING = [408, 429, 500, 502, 503, 504, *range(520, 527)]
FINAL = [300, 307, 400, 401, 403, 404, 405, 409, 413, 418, 422, 499, 501, 505, 507, 519, 527, 530, 599]


def perform(call: Caller, verb: Verb, configuration: Configuration) -> Any:
    kind, name, args, kwargs = verb
    if kind is Task:
        task = Task.from_dict(ANSWERED_TASK, configuration)
        return call(task, name, *args, **kwargs)
    return call(kind(configuration), name, *args, **kwargs)


def good(verb: Verb) -> Any:
    return answer(body=[]) if "list" in verb[1] else task_answer()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xpander_facade._client.retry.BASE_WAIT", 0)


@pytest.mark.parametrize("name", REPEATED)
def test_what_can_be_repeated_is_repeated_after_every_passing_status(
    name: str, call: Caller, misbehave: Callable[..., Misbehaving]
):
    verb = REPEATED[name]
    server = misbehave(otherwise=good(verb))
    for status in PASSING:
        server.play(answer(status, "no json"))
        perform(call, verb, configured(server, max_retries=1))
    assert len(server.requests) == 2 * len(PASSING)
    for first, second in zip(server.requests[::2], server.requests[1::2], strict=True):
        assert (first.target, first.body) == (second.target, second.body), "the very same is sent again, id and all"


@pytest.mark.parametrize("name", REPEATED)
def test_what_can_be_repeated_is_repeated_after_every_broken_connection(
    name: str, call: Caller, misbehave: Callable[..., Misbehaving]
):
    verb = REPEATED[name]
    server = misbehave(otherwise=good(verb))
    for fault in BROKEN.values():
        server.play(fault)
        perform(call, verb, configured(server, max_retries=1))
    server.play(hang)
    perform(call, verb, configured(server, max_retries=1, timeout=0.6))
    assert len(server.requests) == 2 * (len(BROKEN) + 1)


@pytest.mark.parametrize("name", ONCE)
def test_creating_and_counting_are_not_repeated_after_anything_that_might_have_been_taken(
    name: str, call: Caller, misbehave: Callable[..., Misbehaving]
):
    server = misbehave()
    for status in [status for status in PASSING if status != 429]:
        server.play(answer(status))
        with pytest.raises(APIStatusError, match=str(status)):
            perform(call, ONCE[name], configured(server, max_retries=2))
    for fault in BROKEN.values():
        server.play(fault)
        with pytest.raises(APIConnectionError):
            perform(call, ONCE[name], configured(server, max_retries=2))
    server.play(hang)
    with pytest.raises(APITimeoutError):
        perform(call, ONCE[name], configured(server, max_retries=2, timeout=0.6))
    assert len(server.requests) == len(PASSING) - 1 + len(BROKEN) + 1


@pytest.mark.parametrize("name", [*REPEATED, *ONCE])
def test_everything_is_repeated_after_a_429_and_a_refused_connection(
    name: str, call: Caller, misbehave: Callable[..., Misbehaving]
):
    verb = {**REPEATED, **ONCE}[name]
    server = misbehave(answer(429), otherwise=good(verb))
    perform(call, verb, configured(server, max_retries=1))
    assert len(server.requests) == 2
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    # The first attempt finds nobody; the server comes up while the client waits for the second.
    late: list[Misbehaving] = []
    asked = Configuration(
        api_key="key-1",
        base_url=f"http://127.0.0.1:{port}",
        max_retries=1,
        on_retry=lambda _: late.append(misbehave(otherwise=good(verb), port=port)),
    )
    perform(call, verb, asked)
    assert len(late[0].requests) == 1


@pytest.mark.parametrize("name", ["report", "get", "create"])
def test_what_can_not_pass_is_not_repeated(name: str, call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    for status in FINAL:
        server.play(answer(status))
        with pytest.raises(APIStatusError, match=str(status)):
            perform(call, {**REPEATED, **ONCE}[name], configured(server, max_retries=2))
    assert len(server.requests) == len(FINAL)


@pytest.mark.parametrize("max_retries", [0, 1, 2, 5])
def test_a_call_is_repeated_as_often_as_allowed(max_retries: int, call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=answer(503))
    with pytest.raises(ServerError):
        call(Tasks(configured(server, max_retries=max_retries)), "get", "t")
    assert len(server.requests) == 1 + max_retries
    server.requests.clear()
    with pytest.raises(ServerError):
        call(Tasks(configured(server)).with_options(max_retries=max_retries), "get", "t")
    assert len(server.requests) == 1 + max_retries


def test_the_last_error_is_the_one_raised(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(answer(500), BROKEN["reset"], answer(404))
    with pytest.raises(APIStatusError, match="404"):
        call(Tasks(configured(server, max_retries=5)), "get", "t")


def test_the_hook_is_told_attempt_wait_and_cause(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(answer(503), BROKEN["closed without a word"], answer(429, headers={"Retry-After": "0"}))
    told: list[RetryEvent] = []
    server.play(answer(body=[]))
    call(Tasks(configured(server, max_retries=3, on_retry=told.append)), "list", "a", {"user_id": "private"})
    assert [event.attempt for event in told] == [1, 2, 3]
    assert [event.wait for event in told] == [0, 0, 0]
    assert "503" in told[0].cause
    assert "broke" in told[1].cause
    assert "429" in told[2].cause
    assert {(event.method, event.url) for event in told} == {
        ("GET", f"{server.url}/agent-execution/executions/history/a")
    }


def test_each_retry_is_one_line_in_the_log(
    call: Caller, misbehave: Callable[..., Misbehaving], caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "xpander_facade")
    server = misbehave(answer(503), answer(500))
    call(Tasks(configured(server, max_retries=2)), "get", "t")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("xpander_facade")]
    assert len(lines) == 2
    assert "503" in lines[0]
    assert "retry 2" in lines[1]


# --- how long ---


def test_retry_after_is_waited_for(call: Caller, misbehave: Callable[..., Misbehaving]):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    told: list[RetryEvent] = []
    server = misbehave(answer(429, headers={"Retry-After": "1"}), answer(503, headers={"Retry-After": soon}))
    began = time.monotonic()
    call(Tasks(configured(server, max_retries=2, on_retry=told.append)), "get", "t")
    assert time.monotonic() - began >= sum(event.wait for event in told)
    assert told[0].wait == 1
    assert 0 <= told[1].wait <= 2


@pytest.mark.parametrize("value", ["30", "3600", "Fri, 31 Dec 2999 23:59:59 GMT"])
def test_a_wait_beyond_the_deadline_fails_at_once(value: str, call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=answer(429, headers={"Retry-After": value}))
    began = time.monotonic()
    with pytest.raises(RateLimitError) as caught:
        call(Tasks(configured(server, max_retries=5, deadline=20)), "get", "t")
    assert time.monotonic() - began < 10
    assert len(server.requests) == 1
    assert caught.value.retry_after > 1


def test_a_wait_of_more_than_a_minute_is_left_to_the_caller(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=answer(429, headers={"Retry-After": "61"}))
    with pytest.raises(RateLimitError):
        call(Tasks(configured(server, max_retries=5, deadline=600)), "get", "t")
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e400", "9" * 5000, "Fri, 99 Foo 2026", "٣"])
def test_a_retry_after_that_says_nothing_does_no_harm(value: str, call: Caller, misbehave: Callable[..., Misbehaving]):
    header = value.encode("utf-8").decode("latin-1")
    server = misbehave(answer(503, headers={"Retry-After": header}))
    waits_for_ever = value.startswith("9")
    with pytest.raises(ServerError) if waits_for_ever else nullcontext():
        call(Tasks(configured(server, max_retries=1)), "get", "t")
    assert len(server.requests) == (1 if waits_for_ever else 2)


def test_the_deadline_holds_over_all_attempts(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=hang)
    began = time.monotonic()
    with pytest.raises(APITimeoutError):
        call(Tasks(configured(server, timeout=0.4, deadline=1, max_retries=50)), "get", "t")
    # Without it there would be fifty attempts, in twenty seconds.
    assert 0.9 < time.monotonic() - began < 10
    assert 2 <= len(server.requests) <= 3


def test_waits_between_attempts_do_not_overrun_the_deadline(
    call: Caller, misbehave: Callable[..., Misbehaving], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("xpander_facade._client.retry.BASE_WAIT", 0.3)
    server = misbehave(otherwise=answer(503))
    began = time.monotonic()
    with pytest.raises(ServerError):
        call(Tasks(configured(server, deadline=0.5, max_retries=50)), "get", "t")
    # Fifty waits of up to eight seconds; that none overruns it by a little is the unit test's matter.
    assert time.monotonic() - began < 10


# --- storms ---


def test_a_storm_of_retries_is_braked(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=answer(503))
    tasks = Tasks(configured(server, max_retries=4, api_key=f"storm-{call.way}"))
    for _ in range(30):
        with pytest.raises(ServerError):
            call(tasks, "get", "t")
    # 25 calls spend the 100 retries that a full bucket pays for; then each call is sent once.
    assert len(server.requests) == 30 + 100
    server.play(*[task_answer()] * 5)
    for _ in range(5):
        call(tasks, "get", "t")
    server.requests.clear()
    with pytest.raises(ServerError):
        call(tasks, "get", "t")
    assert len(server.requests) == 2, "five successes pay for one retry"


def test_a_storm_at_one_platform_does_not_brake_calls_to_another(call: Caller, misbehave: Callable[..., Misbehaving]):
    down, up = misbehave(otherwise=answer(503)), misbehave(answer(503))
    for _ in range(30):
        with pytest.raises(ServerError):
            call(Tasks(configured(down, max_retries=4, api_key=f"brake-{call.way}")), "get", "t")
    call(Tasks(configured(up, max_retries=4, api_key=f"brake-{call.way}")), "get", "t")
    assert len(up.requests) == 2


# --- nothing lost, nothing doubled ---


def test_200_reports_with_a_tenth_of_faults_are_there_exactly_once_each(call: Caller, emulator: Emulator):
    dice = random.Random(20261121)
    faults: list[Callable[[], None]] = [
        lambda: emulator.fail(503),
        lambda: emulator.fail(500, after=True),
        lambda: emulator.fail(429, headers={"Retry-After": "0"}),
        lambda: emulator.fail(522, body="<html>", after=True),
        lambda: emulator.cut(after_bytes=10),
        lambda: emulator.cut(after_bytes=None),
        lambda: emulator.cut(after_bytes=0),
    ]
    backend = Backend(configured(emulator, max_retries=2))
    count = 0
    for n in range(200):
        if dice.random() < 0.1:
            fault = dice.choice(faults)
            for _ in range(dice.choice([1, 1, 2])):  # at most as many in a row as a report may be repeated
                fault()
                count += 1
        given: dict[str, Any] = {"id": f"run-{n}"} if n % 2 else {}
        task = call(
            backend, "report_external_task", "a", result=f"result {n}", tokens=Tokens(1, 2), duration=1, **given
        )
        assert task.result == f"result {n}"
    assert count > 15
    tasks = emulator.tasks(agent_id="a")
    assert sorted(task["result"] for task in tasks) == sorted(f"result {n}" for n in range(200))
    assert len(emulator.requests("report_external_task")) == 200 + count
    totals = emulator.totals("a")
    assert (totals["tasks"], totals["duration"], totals["tokens"]["total_tokens"]) == (200, 200, 600)


def test_a_created_task_is_never_doubled(call: Caller, emulator: Emulator):
    tasks = Tasks(configured(emulator, max_retries=3))
    emulator.fail(503, after=True)
    with pytest.raises(ServerError):
        call(tasks, "create", "a", prompt="once")
    emulator.cut(after_bytes=None)
    with pytest.raises(APIConnectionError):
        call(tasks, "create", "a", prompt="once")
    emulator.fail(429)
    call(tasks, "create", "a", prompt="once")
    assert len(emulator.tasks()) == 3
    assert len(emulator.requests("create_task")) == 4


def test_metrics_are_never_sent_twice(call: Caller, emulator: Emulator):
    configuration = configured(emulator, max_retries=3)
    task = call(Backend(configuration), "report_external_task", "a", id="x", tokens=Tokens(1, 2))
    emulator.fail(503, after=True)
    with pytest.raises(ServerError):
        call(task, "report_metrics")
    assert len(emulator.requests("report_metrics")) == 1


def test_opening_a_stream_is_tried_again_at_its_own_pace(
    call: Caller, misbehave: Callable[..., Misbehaving], monkeypatch: pytest.MonkeyPatch
):
    from xpander_facade.tasks import _stream

    monkeypatch.setattr(_stream, "RECONNECT_POLICY", _stream.ReconnectPolicy(waits=(0,)))
    server = misbehave(answer(503), task_answer(status="executing"), stream(event("task_finished", ANSWERED_TASK)))
    task = Task.from_dict(ANSWERED_TASK, configured(server, max_retries=2))
    assert [event.type.value for event in call.events(task)] == ["task_finished"]
    assert [request.is_stream for request in server.requests] == [True, False, True]
