"""Nothing leaves unredacted or too long, and nothing at all where sending is disabled; over real sockets."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from calling import Caller, configured
from misbehaving import answer, task_answer

from xpander_facade import (
    AgentExecutionStatus,
    Agents,
    Backend,
    Configuration,
    ConfigurationError,
    PayloadTooLargeError,
    Tasks,
    Tokens,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from misbehaving import Misbehaving

    from xpander_facade.emulator import Emulator

MAIL = "ann@example.com"


def masked(field: str, text: str) -> str:
    return text.replace(MAIL, "[mail]")


# --- redacting ---


def test_no_verb_lets_a_text_out_unredacted(call: Caller, emulator: Emulator, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    emulator.agent = lambda run: "done"
    configuration = configured(emulator, redact=masked)
    backend, tasks = Backend(configuration), Tasks(configuration)
    said: dict[str, Any] = {"input": MAIL, "result": MAIL, "llm_response": [MAIL], "used_tools": [MAIL]}
    call(backend, "report_external_task", "agent-1", **said)
    task = call(tasks, "create", "agent-1", prompt=MAIL, title=MAIL, additional_context=MAIL)
    emulator.wait_for_status(task.id, "completed")
    call(tasks, "update", task.id, result=MAIL)
    task.result = MAIL
    task.tokens = Tokens(prompt_tokens=1, completion_tokens=1)
    call(task, "save")
    call(task, "set_status", AgentExecutionStatus.Completed, MAIL)
    task.result = MAIL
    call(task, "report_metrics")
    assert len(emulator.requests()) == 6
    assert MAIL not in repr([request.body for request in emulator.requests()])
    assert repr([request.body for request in emulator.requests()]).count("[mail]") >= 10
    assert MAIL not in caplog.text


def test_a_redactor_that_raises_costs_the_field_and_not_the_report(call: Caller, emulator: Emulator):
    def broken(field: str, text: str) -> str:
        raise RuntimeError(text)

    backend = Backend(configured(emulator, redact=broken))
    call(backend, "report_external_task", "agent-1", id="run-1", input=MAIL)
    (request,) = emulator.requests()
    assert (request.body["id"], request.body["input"]) == ("run-1", "[redaction failed]")


# --- cutting ---


def test_a_text_beyond_the_limit_is_cut(call: Caller, emulator: Emulator):
    backend = Backend(configured(emulator, max_field_bytes=2_000))
    call(backend, "report_external_task", "agent-1", input="x" * 5_000, result="y" * 2_000)
    (request,) = emulator.requests()
    assert len(request.body["input"]) <= 2_000
    assert "cut from 5000 bytes" in request.body["input"]
    assert request.body["result"] == "y" * 2_000


def test_a_report_that_is_too_large_is_sent_once_more_with_a_quarter(
    call: Caller, misbehave: Callable[..., Misbehaving]
):
    server = misbehave(answer(413), task_answer())
    backend = Backend(configured(server, max_field_bytes=4_000))
    call(backend, "report_external_task", "agent-1", id="run-1", result="y" * 3_000)
    first, second = (request.json for request in server.requests)
    assert len(first["result"]) == 3_000
    assert len(second["result"]) <= 1_000
    assert second["id"] == "run-1"


@pytest.mark.parametrize("result", ["y" * 3_000, "short"], ids=["long", "short"])
def test_a_report_that_is_still_too_large_is_an_error(call: Caller, misbehave: Callable[..., Misbehaving], result: str):
    server = misbehave(answer(413), answer(413), answer(413))
    backend = Backend(configured(server, max_field_bytes=4_000, max_retries=2))
    with pytest.raises(PayloadTooLargeError):
        call(backend, "report_external_task", "agent-1", result=result)
    assert len(server.requests) == (1 if result == "short" else 2)


def test_a_slow_redactor_does_not_hold_a_loop_up(emulator: Emulator):
    threads: list[int] = []

    def redact(field: str, text: str) -> str:
        threads.append(threading.get_ident())
        return text

    backend = Backend(configured(emulator, redact=redact))
    backend.report_external_task("agent-1", input="in")
    assert set(threads) == {threading.get_ident()}
    threads.clear()
    asyncio.run(backend.areport_external_task("agent-1", input="in"))
    assert threads
    assert threading.get_ident() not in threads


def test_a_text_is_redacted_once_and_its_note_tells_of_the_whole(call: Caller, misbehave: Callable[..., Misbehaving]):
    shown: list[str] = []

    def redact(field: str, text: str) -> str:
        shown.append(text)
        return text.upper()

    server = misbehave(answer(413), task_answer())
    backend = Backend(configured(server, max_field_bytes=4_000, redact=redact))
    call(backend, "report_external_task", "agent-1", result="y" * 9_000)
    whole = hashlib.sha256(b"Y" * 9_000).hexdigest()
    assert [f"cut from 9000 bytes, sha256 {whole}" in request.json["result"] for request in server.requests] == [
        True
    ] * 2
    assert shown == ["y" * 9_000]


def test_the_generated_client_sends_what_it_is_given(emulator: Emulator):
    from xpander_api.api.tasks import report_external_task
    from xpander_api.models.report_external_task_request import ReportExternalTaskRequest

    with Backend(configured(emulator, redact=masked)).api as client:
        body = ReportExternalTaskRequest(id="run-1", is_success=True, result=MAIL)
        report_external_task.sync_detailed("agent-1", client=client, body=body)
    assert emulator.requests()[0].body["result"] == MAIL


# --- disabled ---


@pytest.fixture
def disabled(emulator: Emulator) -> Configuration:
    """Give a configuration that sends nothing, with no key, beside a platform that would answer."""
    return configured(emulator, api_key=None, disabled=True)


def test_a_disabled_report_is_the_task_as_it_would_be(call: Caller, disabled: Configuration, emulator: Emulator):
    told: dict[str, Any] = {"id": "run-1", "input": "in", "result": "out", "duration": 2.5, "used_tools": ["search"]}
    tokens = Tokens(prompt_tokens=3, completion_tokens=4)
    task = call(Backend(disabled), "report_external_task", "agent-1", tokens=tokens, **told)
    real = call(Backend(configured(emulator)), "report_external_task", "agent-1", tokens=tokens, **told)
    platforms_own = {"created_at", "started_at", "finished_at", "conversation_kind"}
    assert {k: v for k, v in task.to_dict().items() if k not in platforms_own} == {
        k: v for k, v in real.to_dict().items() if k not in platforms_own
    }
    failed = call(Backend(disabled), "report_external_task", "agent-1", is_success=False)
    assert failed.status is AgentExecutionStatus.Failed
    assert failed.id.startswith("ext-")
    assert len(emulator.requests()) == 1


def test_disabled_tasks_are_driven_without_a_word(call: Caller, disabled: Configuration, emulator: Emulator):
    task = call(Tasks(disabled), "create", "agent-1", prompt="go", title="a title", events_streaming=True)
    assert (task.status, task.input.text, task.title) == (AgentExecutionStatus.Pending, "go", "a title")
    call(task, "set_status", AgentExecutionStatus.Executing)
    task.result = "half"
    task.tokens = Tokens(prompt_tokens=1, completion_tokens=1)
    call(task, "save")
    call(task, "report_metrics")
    call(task, "stop")
    assert (task.status, task.result, task.input.text) == (AgentExecutionStatus.Stopped, "half", "go")
    assert task.is_manually_stopped
    assert call(Tasks(disabled), "update", "task-1", result="r").result == "r"
    assert call(Tasks(disabled), "stop", "task-1").status is AgentExecutionStatus.Stopped
    assert emulator.requests() == []


def test_a_disabled_client_checks_what_it_would_have_sent(call: Caller, disabled: Configuration):
    backend = Backend(disabled)
    with pytest.raises(ConfigurationError, match="no agent"):
        call(backend, "report_external_task")
    with pytest.raises(TypeError):
        call(backend, "report_external_task", "agent-1", tokens=17)
    with pytest.raises(ValueError, match="duration"):
        call(backend, "report_external_task", "agent-1", duration=-1)


def test_a_missing_outbox_is_found_where_sending_is_disabled(call: Caller, disabled: Configuration, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="no outbox"):
        call(Backend(disabled), "enqueue_external_task", "agent-1")
    kept = attrs.evolve(disabled, outbox=tmp_path / "runs.db")
    assert call(Backend(kept), "enqueue_external_task", "agent-1", id="run-1") == "run-1"
    assert list(tmp_path.iterdir()) == []


def test_what_only_the_platform_knows_is_an_error_where_sending_is_disabled(
    call: Caller, disabled: Configuration, emulator: Emulator
):
    task = call(Tasks(disabled), "create", "agent-1", prompt="go", events_streaming=True)
    asked = [
        (Tasks(disabled), "get", "t"),
        (Tasks(disabled), "list", "a"),
        (Agents(disabled), "list"),
        (task, "reload"),
    ]
    for target, verb, *given in asked:
        with pytest.raises(ConfigurationError, match="XPANDER_DISABLED"):
            call(target, verb, *given)
    with pytest.raises(ConfigurationError, match="XPANDER_DISABLED"):
        call.events(task)
    with pytest.raises(ConfigurationError, match="XPANDER_DISABLED"):
        _ = Backend(disabled).api
    assert emulator.requests() == []


def test_the_environment_disables(call: Caller, emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XPANDER_DISABLED", "1")
    assert call(Backend(configured(emulator)), "report_external_task", "agent-1", id="run-1").id == "run-1"
    monkeypatch.delenv("XPANDER_DISABLED")
    assert emulator.requests() == []
