"""Reports of external runs, end to end: what was passed is what the platform's history holds afterwards."""

from __future__ import annotations

import dataclasses
import enum
import math
import re
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from calling import Caller, configured
from wire_cases import ANSWERED_TASK

from xpander_facade import AgentExecutionStatus, Agents, Backend, Configuration, Task, Tasks, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Misbehaving

    from xpander_facade.emulator import Emulator

AGENT = "agent-123"


def new_id() -> str:
    return f"run-{uuid.uuid4()}"


# --- these run against any server ---


def test_a_report_comes_back_as_a_task_and_can_be_loaded(call: Caller, backend: Backend, configuration: Configuration):
    run = new_id()
    task = call(
        backend,
        "report_external_task",
        agent_id=configuration.get_agent_id(),
        id=run,
        input="Summarize Q4 earnings",
        result="Q4 revenue grew 22% YoY",
        tokens=Tokens(prompt_tokens=2_140, completion_tokens=380),
        duration=4.7,
        used_tools=["web_search", "fetch_pdf"],
        is_success=True,
    )
    assert (task.id, task.agent_id) == (run, configuration.get_agent_id())
    assert task.status is AgentExecutionStatus.Completed
    assert task.status.value == "completed"
    assert task.input.text == "Summarize Q4 earnings"
    assert task.result == "Q4 revenue grew 22% YoY"
    assert task.tokens == Tokens(2140, 380)
    assert task.tokens.total_tokens == 2520
    assert task.duration == 4.7
    assert task.used_tools == ["web_search", "fetch_pdf"]
    assert task.created_at.tzinfo is not None
    assert call(Tasks(configuration), "get", run) == task


def test_the_same_id_again_updates_the_record(call: Caller, backend: Backend, configuration: Configuration):
    run = new_id()
    first = call(backend, "report_external_task", id=run, input="Long-running data extraction", duration=0)
    second = call(
        backend,
        "report_external_task",
        id=run,
        result="Extracted 412 rows",
        tokens=Tokens(18_400, 2_100),
        duration=37.6,
        used_tools=["s3_read"],
    )
    assert second.id == first.id
    assert second.created_at == first.created_at
    assert (second.input.text, second.result) == ("Long-running data extraction", "Extracted 412 rows")
    history = call(Tasks(configuration), "list", configuration.get_agent_id())
    assert [item.id for item in history].count(run) == 1


def test_a_failure_is_marked_as_failed(call: Caller, backend: Backend):
    task = call(backend, "report_external_task", id=new_id(), input="p", result="boom", is_success=False)
    assert (task.status, task.result) == (AgentExecutionStatus.Failed, "boom")


def test_a_pre_loaded_agent_goes_before_an_agent_id(call: Caller, backend: Backend, configuration: Configuration):
    agent = call(Agents(configuration), "get", configuration.get_agent_id())
    task = call(backend, "report_external_task", agent=agent, agent_id="another", id=new_id(), input="Daily summary")
    assert task.agent_id == agent.id


def test_without_an_id_the_client_makes_one(call: Caller, backend: Backend):
    ids = {call(backend, "report_external_task", input=f"run {n}").id for n in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r"ext-[0-9a-f-]{36}", id) for id in ids)


@pytest.mark.parametrize("text", ["ä → 漢字 🎉", "", " \t\r\n", 'quo"te\\', "\u2028\x7f", "x" * 100_000, "0", "null"])
def test_any_text_arrives_as_it_was(text: str, call: Caller, backend: Backend):
    task = call(backend, "report_external_task", id=new_id(), input=text, result=text, used_tools=[text or "-"])
    assert task.input.text == text
    assert task.result == text
    assert task.used_tools == [text or "-"]


# --- these look into the emulator ---


def test_a_run_counts_once_in_the_totals(call: Caller, backend: Backend, emulator: Emulator):
    for tokens in ({"prompt_tokens": 1}, Tokens(100, 20)):
        call(backend, "report_external_task", AGENT, id="twice", tokens=tokens, duration=1.5)
    call(backend, "report_external_task", AGENT, id="once", tokens=Tokens(10, 2), is_success=False)
    totals = emulator.totals(AGENT)
    assert (totals["tasks"], totals["by_status"]) == (2, {"completed": 1, "failed": 1})
    assert (totals["tokens"]["prompt_tokens"], totals["tokens"]["completion_tokens"]) == (110, 22)


def test_both_forms_send_the_same_bytes(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    configuration = configured(server)
    fields: dict[str, Any] = {
        "agent_id": "a/1",
        "id": "run ö",
        "input": "i",
        "llm_response": {"b": [1.5, None], "a": "ü"},
        "tokens": Tokens(1, 2),
        "is_success": False,
        "result": "r",
        "duration": 3,
        "used_tools": ("x", "y"),
    }
    for given in (fields, {"agent_id": "a", "id": "run"}):
        call(Backend(configuration), "report_external_task", **given)
        call(Backend(), "report_external_task", **given, configuration=configuration)
        call(Task, "report_external_task", configuration=configuration, **given)
    sent = [(request.method, request.target, request.headers, request.body) for request in server.requests]
    assert sent[0] == sent[1] == sent[2]
    assert sent[3] == sent[4] == sent[5]
    assert sent[0] != sent[3]


def test_sync_and_async_send_the_same_bytes(misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    for way in ("sync", "async"):
        Caller(way)(Backend(configured(server)), "report_external_task", "a", id="run", input="x", duration=0.1)
    first, second = ((request.target, request.headers, request.body) for request in server.requests)
    assert first == second


def test_the_agent_is_that_of_the_call_then_of_the_configuration_then_of_the_environment(
    call: Caller, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XPANDER_AGENT_ID", "first")
    nobody, somebody = Backend(configured(emulator)), Backend(configured(emulator, agent_id="mine"))
    assert call(nobody, "report_external_task").agent_id == "first"
    monkeypatch.setenv("XPANDER_AGENT_ID", "as-it-is-at-the-call")
    assert call(nobody, "report_external_task").agent_id == "as-it-is-at-the-call"
    assert call(somebody, "report_external_task").agent_id == "mine"
    assert call(somebody, "report_external_task", agent_id="given").agent_id == "given"


def test_the_environment_alone_is_enough(call: Caller, emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    for name, value in {"API_KEY": "k", "BASE_URL": emulator.url, "AGENT_ID": "env-agent"}.items():
        monkeypatch.setenv(f"XPANDER_{name}", value)
    assert call(Backend(), "report_external_task", id="x").agent_id == "env-agent"
    assert call(Task, "report_external_task", id="x").agent_id == "env-agent"


@pytest.mark.parametrize("place", ["agent-controller", "org in the path"])
def test_a_self_hosted_url_gets_the_organisation(place: str, call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    url = f"{server.url}/agent-controller" if place == "agent-controller" else f"{server.url}/org-1"
    call(Backend(configured(server, base_url=url)), "report_external_task", "a", id="i")
    path = "/agent-controller/org-1" if place == "agent-controller" else "/org-1"
    assert server.requests[0].target == f"{path}/agent-execution/a/report_task"


# --- ids ---

IDS = [
    "a/b",
    "a%2Fb",
    "100%",
    "ö",
    "a b",
    "漢字🎉",
    "a?b=c",
    "a#b",
    "a;b",
    "...",
    "a\\b",
    ".hidden",
    "a:b@c",
    "+",
    "a//b",
    "%",
]


@pytest.mark.parametrize("id", IDS)
def test_an_id_is_one_path_segment_whatever_it_holds(id: str, call: Caller, backend: Backend, emulator: Emulator):
    agent_id = id.replace(" ", "-")  # that of an agent holds no white space
    task = call(backend, "report_external_task", agent_id=agent_id, id=id)
    assert (task.agent_id, task.id) == (agent_id, id)
    tasks = Tasks(backend.configuration)
    assert call(tasks, "get", id).id == id
    assert [item.id for item in call(tasks, "list", agent_id)] == [id]
    assert call(tasks, "stop", id).id == id
    assert call(call(tasks, "get", id), "get_activity_log").id == id
    assert {request.operation_id for request in emulator.requests()} == {
        "report_external_task", "get_task", "list_tasks", "stop_task", "get_activity_log",
    }  # fmt: skip


@pytest.mark.parametrize("id", ["", " ", ".", ".."])
def test_an_id_that_a_url_would_swallow_is_refused_before_sending(
    id: str, call: Caller, backend: Backend, emulator: Emulator
):
    tasks = Tasks(backend.configuration)
    task = Task.from_dict({**ANSWERED_TASK, "id": id}, backend.configuration)
    wrong: list[tuple[Any, str, tuple[Any, ...], dict[str, Any]]] = [
        (backend, "report_external_task", (id,), {}),
        (backend, "report_external_task", (AGENT,), {"id": id}),
        (backend, "invoke_agent", (id,), {}),
        (tasks, "get", (id,), {}),
        (tasks, "list", (id,), {}),
        (tasks, "list_user_tasks", (id,), {}),
        (tasks, "stop", (id,), {}),
        (tasks, "update", (id,), {"result": "r"}),
        (tasks, "create", (AGENT,), {"existing_task_id": id}),
        (Agents(backend.configuration), "get", (id,), {}),
        (task, "reload", (), {}),
        (task, "save", (), {}),
        (task, "stop", (), {}),
        (task, "get_activity_log", (), {}),
    ]
    for target, verb, args, kwargs in wrong:
        with pytest.raises(ValueError, match="id"):
            call(target, verb, *args, **kwargs)
    with pytest.raises(ValueError, match="id"):
        call.events(task)
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"duration": -1}, ValueError),
        ({"duration": math.nan}, ValueError),
        ({"duration": math.inf}, ValueError),
        ({"duration": "1"}, TypeError),
        ({"tokens": {"prompt_tokens": -1}}, ValueError),
        ({"tokens": {"prompts": 1}}, ValueError),
        ({"tokens": 5}, TypeError),
        ({"is_success": "yes"}, TypeError),
        ({"result": {"a": 1}}, TypeError),
        ({"input": 5}, TypeError),
        ({"used_tools": "web_search"}, TypeError),
        ({"used_tools": [1]}, TypeError),
        ({"id": 5}, TypeError),
        ({"agent_id": 5}, TypeError),
    ],
)
def test_a_wrong_argument_is_an_error_before_sending(
    given: dict[str, Any], error: type[Exception], call: Caller, backend: Backend, emulator: Emulator
):
    with pytest.raises(error, match=next(iter(given))):
        call(backend, "report_external_task", **{"agent_id": AGENT, **given})
    assert emulator.requests() == []


# --- llm_response ---


class Model:
    """As pydantic's are."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        return {"mode": mode, "choices": [None]}


class Dictable:
    def to_dict(self) -> dict[str, Any]:
        return {"at": datetime(2026, 1, 2, tzinfo=UTC)}


@dataclasses.dataclass
class Data:
    usage: dict[str, int]
    model: Model


@attrs.define
class Attrs:
    text: str
    more: set[int]


class Colour(enum.Enum):
    RED = "red"


RESPONSES: dict[str, tuple[Any, Any]] = {
    "null inside": ({"a": None, "b": [None]}, {"a": None, "b": [None]}),
    "empty object": ({}, {}),
    "empty list": ([], []),
    "false": (False, False),
    "zero": (0, 0),
    "text": ("plain", "plain"),
    "not a number": ({"logprob": math.nan, "max": math.inf}, {"logprob": None, "max": None}),
    "scalars": (
        {
            "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "id": uuid.UUID(int=5),
            "cost": Decimal("1.10"),
            "colour": Colour.RED,
            "raw": b"bytes",
            "took": timedelta(seconds=90),
        },
        {
            "at": "2026-01-02T03:04:05Z",
            "id": "00000000-0000-0000-0000-000000000005",
            "cost": "1.10",
            "colour": "red",
            "raw": "bytes",
            "took": "PT1M30S",
        },
    ),
    "model": (Model(), {"mode": "json", "choices": [None]}),
    "to_dict": (Dictable(), {"at": "2026-01-02T00:00:00Z"}),
    "dataclass": (Data({"x": 1}, Model()), {"usage": {"x": 1}, "model": {"mode": "json", "choices": [None]}}),
    "attrs": (Attrs("t", {1}), {"text": "t", "more": [1]}),
    "tuple": ((1, "a"), [1, "a"]),
    "odd keys": ({2: "a", True: "b", None: "c"}, None),
    "large": ({"blob": "x" * 200_000}, {"blob": "x" * 200_000}),
}


@pytest.mark.parametrize("kind", RESPONSES)
def test_whatever_a_provider_gave_is_kept_for_debugging(kind: str, call: Caller, backend: Backend, emulator: Emulator):
    given, kept = RESPONSES[kind]
    task = call(backend, "report_external_task", AGENT, id="run", llm_response=given)
    if kept is not None:
        stored = emulator.llm_response(task.id)
        assert stored == kept
        assert type(stored) is type(kept)
    assert emulator.requests()[-1].complaints == []


def test_what_json_has_no_form_for_costs_a_warning_and_not_the_report(
    call: Caller, backend: Backend, emulator: Emulator
):
    circle: dict[str, Any] = {}
    circle["self"] = circle
    for odd in (object(), {"f": lambda: None}, circle, [complex(1, 2)]):
        with pytest.warns(UserWarning, match="llm_response"):
            task = call(backend, "report_external_task", AGENT, id="run", llm_response=odd)
        assert task.id == "run"
        assert emulator.llm_response("run") is not None
