"""A platform newer than this client: what each kind of change does to a client that stays as it is.

Each row of the table changes the contract in one way and an answer to match. It states what the user sees, and how
`make spec-diff` rates the change, so that the rating can't promise what the client does not do. The answers are canned:
they take the place of the connection, and everything above it is the real thing.
"""

from __future__ import annotations

import asyncio
import copy
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from xpander_facade import (
    AgentExecutionStatus,
    APIResponseParseError,
    Backend,
    Configuration,
    NotFoundError,
    Task,
    Tasks,
    UnprocessableEntityError,
)
from xpander_facade._client import sending
from xpander_facade._transport.response import Response
from xpander_facade.emulator._contract import Contract, load
from xpander_facade.emulator._undeclared import undeclared_members
from xpander_facade.tasks._stream import read_event

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from spec_rating import rate  # noqa: E402 (a tool, not a package)
from spec_rules import Level  # noqa: E402

SPEC: dict[str, Any] = yaml.load(
    (ROOT / "openapi.yaml").read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
)
TASK: dict[str, Any] = {
    "id": "task-1",
    "agent_id": "agent-1",
    "organization_id": "org-1",
    "input": {"text": "hello"},
    "created_at": "2026-01-02T03:04:05Z",
    "status": "completed",
    "result": "done",
    "tokens": {"prompt_tokens": 10, "completion_tokens": 5},
    "used_tools": ["search"],
    "duration": 4.7,
}
CONFIGURATION = Configuration(api_key="key-1", organization_id="org-1", base_url="https://platform.test", max_retries=0)
Document = dict[str, Any]


@attrs.frozen
class Row:
    """One change of the platform.

    Args:
        change: What it does to the contract's components.
        answer: What the platform answers from then on: a status and a body made of the usual task.
        sees: What the user of today's client sees of that: a value that the test reads off the task, or an exception.
        look: How the user looks at the task.
        rating: What `make spec-diff` says of the change.
        loses: Whether the value itself, and nothing else, can't be read any more: it stands in `extra` as it came.
    """

    change: Callable[[Document], object]
    sees: Any
    rating: Level
    answer: Callable[[dict[str, Any]], Any] = lambda task: task
    look: Callable[[Task], Any] = lambda task: task.result
    status: int = 200
    loses: bool = False


def kept(name: str) -> Callable[[Task], Any]:
    """Look at an attribute that can't hold what came, at what came, and at the rest of the task."""
    return lambda task: (getattr(task, name), task.extra[name], task.result)


def schema(document: Document, name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def members(document: Document, name: str) -> dict[str, Any]:
    node = schema(document, name)
    found: dict[str, Any] = node["properties"] if "properties" in node else node["allOf"][1]["properties"]
    return found


def required(document: Document, name: str) -> list[str]:
    node = schema(document, name)
    found: list[str] = node["required"] if "required" in node else node["allOf"][1]["required"]
    return found


def operation(document: Document, method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][method]
    return found


ROWS: dict[str, Row] = {
    # --- goes on working ---
    "a new value of an enumeration": Row(
        change=lambda d: schema(d, "AgentExecutionStatus")["anyOf"][0]["enum"].append("queued"),
        answer=lambda task: {**task, "status": "queued"},
        look=lambda task: (task.status.value, task.status == "queued", task.status.is_final),
        sees=("queued", True, False),
        rating=Level.NOTICE,
    ),
    "a new field of a task": Row(
        change=lambda d: members(d, "TaskFields").update(cost={"type": "number"}),
        answer=lambda task: {**task, "cost": 0.25},
        look=lambda task: (task.result, task.extra),
        sees=("done", {"cost": 0.25}),
        rating=Level.FINE,
    ),
    "a new field deep inside": Row(
        change=lambda d: members(d, "Tokens").update(reasoning_tokens={"type": "integer"}),
        answer=lambda task: {**task, "tokens": {**task["tokens"], "reasoning_tokens": 7}},
        look=lambda task: task.tokens and (task.tokens.total_tokens, task.tokens.extra.get("reasoning_tokens")),
        sees=(15, 7),
        rating=Level.FINE,
    ),
    "a new optional parameter": Row(
        change=lambda d: operation(d, "get", "/agent-execution/{task_id}/status")["parameters"].append(
            {"name": "verbose", "in": "query", "required": False, "schema": {"type": "boolean"}}
        ),
        sees="done",
        rating=Level.FINE,
    ),
    "a new optional field of a request": Row(
        change=lambda d: members(d, "CreateTaskRequest").update(priority={"type": "integer"}),
        sees="done",
        rating=Level.FINE,
    ),
    "a new operation": Row(
        change=lambda d: d["paths"].update(
            {"/agents/{agent_id}/pause": {"post": {"operationId": "pause_agent", "responses": {}}}}
        ),
        sees="done",
        rating=Level.FINE,
    ),
    "a null where a field is optional": Row(
        change=lambda d: None,
        answer=lambda task: {**task, "used_tools": None, "duration": None, "status": None},
        look=lambda task: (task.used_tools, task.duration, task.status),
        sees=([], 0.0, AgentExecutionStatus.Pending),
        rating=Level.FINE,
    ),
    "a text that can be a number": Row(
        change=lambda d: members(d, "TaskFields")["result"].update(type=["string", "number", "null"]),
        answer=lambda task: {**task, "result": 4.5},
        sees="4.5",
        rating=Level.NOTICE,
    ),
    "a whole number that comes as 10.0": Row(
        change=lambda d: None,
        answer=lambda task: {**task, "tokens": {"prompt_tokens": 10.0}},
        look=lambda task: task.tokens and task.tokens.prompt_tokens,
        sees=10,
        rating=Level.FINE,
    ),
    "a time in another form": Row(
        change=lambda d: None,
        answer=lambda task: {**task, "created_at": "Fri, 02 Jan 2026 03:04:05 GMT"},
        look=lambda task: task.created_at,
        sees=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        rating=Level.FINE,
    ),
    "a new kind of error answer": Row(
        change=lambda d: operation(d, "get", "/agent-execution/{task_id}/status")["responses"].update(
            {"410": {"description": "The task was archived."}}
        ),
        sees="done",
        rating=Level.FINE,
    ),
    "a limit that is loosened": Row(
        change=lambda d: members(d, "Tokens")["prompt_tokens"].pop("maximum"),
        answer=lambda task: {**task, "tokens": {"prompt_tokens": 2**60}},
        look=lambda task: task.tokens and task.tokens.prompt_tokens,
        sees=2**60,
        rating=Level.FINE,
    ),
    # --- breaks, and how ---
    "a field that was always there is gone": Row(
        change=lambda d: (required(d, "Task").remove("created_at"), members(d, "Task").pop("created_at")),
        answer=lambda task: {key: value for key, value in task.items() if key != "created_at"},
        sees=(APIResponseParseError, "created_at"),
        rating=Level.BREAKS,
    ),
    "a field that was always there can be null": Row(
        change=lambda d: members(d, "Task")["organization_id"].update(type=["string", "null"]),
        answer=lambda task: {**task, "organization_id": None},
        sees=(APIResponseParseError, "organization_id"),
        rating=Level.BREAKS,
    ),
    "a number that can be a text": Row(
        change=lambda d: members(d, "TaskFields")["duration"].update(type=["number", "string", "null"]),
        answer=lambda task: {**task, "duration": "4.7 s"},
        look=kept("duration"),
        sees=(0.0, "4.7 s", "done"),
        loses=True,
        rating=Level.BREAKS,
    ),
    "a whole number that can be a fraction": Row(
        change=lambda d: members(d, "Tokens")["prompt_tokens"].update(type=["number", "null"]),
        answer=lambda task: {**task, "tokens": {"prompt_tokens": 10.5}},
        look=lambda task: task.tokens and (task.tokens.prompt_tokens, task.tokens.extra),
        sees=(0, {"prompt_tokens": 10.5}),
        loses=True,
        rating=Level.BREAKS,
    ),
    "a time that can be a number": Row(
        change=lambda d: members(d, "TaskFields").update(finished_at={"type": ["string", "number", "null"]}),
        answer=lambda task: {**task, "finished_at": 1767323045},
        look=kept("finished_at"),
        sees=(None, 1767323045, "done"),
        loses=True,
        rating=Level.BREAKS,
    ),
    "a time that can be any text": Row(
        change=lambda d: members(d, "Task").update(created_at={"type": "string"}),
        answer=lambda task: {**task, "created_at": "a while ago"},
        look=kept("created_at"),
        sees=(None, "a while ago", "done"),
        loses=True,
        rating=Level.BREAKS,
    ),
    "a list that became an object": Row(
        change=lambda d: members(d, "TaskFields")["used_tools"].update(type="object"),
        answer=lambda task: {**task, "used_tools": {"search": 1}},
        look=kept("used_tools"),
        sees=([], {"search": 1}, "done"),
        loses=True,
        rating=Level.BREAKS,
    ),
    "an answer wrapped in an envelope": Row(
        change=lambda d: operation(d, "get", "/agent-execution/{task_id}/status")["responses"]["200"]["content"][
            "application/json"
        ].update(schema={"type": "object", "required": ["data"], "properties": {"data": {}}}),
        answer=lambda task: {"data": task},
        sees=(APIResponseParseError, "id"),
        rating=Level.BREAKS,
    ),
    "an operation that moved": Row(
        change=lambda d: d["paths"].update(
            {"/v2/tasks/{task_id}": d["paths"].pop("/agent-execution/{task_id}/status")}
        ),
        answer=lambda task: {"detail": "Not Found"},
        status=404,
        sees=(NotFoundError, "404"),
        rating=Level.BREAKS,
    ),
    "a new required field of a request": Row(
        change=lambda d: (
            required(d, "CreateTaskRequest").append("budget"),
            members(d, "CreateTaskRequest").update(budget={"type": "number"}),
        ),
        answer=lambda task: {"detail": [{"loc": ["body", "budget"], "msg": "Field required", "type": "missing"}]},
        status=422,
        sees=(UnprocessableEntityError, "body.budget: Field required"),
        rating=Level.BREAKS,
    ),
    "a new required parameter": Row(
        change=lambda d: operation(d, "get", "/agent-execution/{task_id}/status")["parameters"].append(
            {"name": "tenant", "in": "query", "required": True, "schema": {"type": "string"}}
        ),
        answer=lambda task: {"detail": [{"loc": ["query", "tenant"], "msg": "Field required", "type": "missing"}]},
        status=422,
        sees=(UnprocessableEntityError, "query.tenant: Field required"),
        rating=Level.BREAKS,
    ),
}  # fmt: skip


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Any], None]:
    """Make the platform answer every request with this status and JSON."""

    def answers(status: int, value: Any) -> None:
        answer = Response(status, {"content-type": "application/json"}, json.dumps(value).encode())

        async def aanswer(configuration: Configuration, step: Any) -> Response:
            return answer

        monkeypatch.setattr(sending, "_attempt", lambda configuration, step: answer)
        monkeypatch.setattr(sending, "_aattempt", aanswer)

    return answers


def seen(row: Row, is_async: bool) -> Any:
    try:
        task = asyncio.run(Task.aload("task-1", CONFIGURATION)) if is_async else Task.load("task-1", CONFIGURATION)
    except Exception as error:
        return error
    return row.look(task)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_client_of_today_meets_a_change(platform: Callable[[int, Any], None], row: Row, is_async: bool):
    platform(row.status, row.answer(copy.deepcopy(TASK)))
    outcome = seen(row, is_async)
    if isinstance(row.sees, tuple) and isinstance(row.sees[0], type):
        kind, told = row.sees
        assert type(outcome) is kind
        assert told in str(outcome)
    else:
        assert outcome == row.sees


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_change_is_rated_by_what_the_client_does(row: Row):
    newer = copy.deepcopy(SPEC)
    row.change(newer)
    assert max((change.level for change in rate(SPEC, newer)), default=Level.FINE) == row.rating
    breaks = isinstance(row.sees, tuple) and isinstance(row.sees[0], type)
    assert (breaks or row.loses) == (row.rating == Level.BREAKS)


BEFORE = {
    "a new value of an enumeration": "the contract's enumerations are open",
    "a time that can be any text": "the contract allows any text for a time, and says in words that it is a time",
}
"""The rows whose answer the contract allowed before the change too, each with its reason."""


def off_contract(document: Document, row: Row) -> list[Any]:
    """Say how the answer of a row breaks a contract of `get_task`, or goes beyond it."""
    contract = Contract(document)
    schema = (contract.operations["get_task"].answer(row.status) or {})["application/json"]
    assert schema is not None
    answer = row.answer(copy.deepcopy(TASK))
    return contract.complaints(schema, answer) or undeclared_members(contract, schema, answer)


@pytest.mark.parametrize("name", ROWS)
def test_an_answer_is_what_the_changed_contract_allows_and_the_old_one_did_not(name: str):
    row, newer = ROWS[name], copy.deepcopy(load().document)
    row.change(newer)
    assert off_contract(newer, row) == []
    news = newer != load().document and row.status == 200 and row.answer(copy.deepcopy(TASK)) != TASK
    assert bool(off_contract(load().document, row)) == (news and name not in BEFORE)


def test_an_optional_field_of_an_answer_that_is_gone_has_its_default(platform: Callable[[int, Any], None]):
    newer = copy.deepcopy(SPEC)
    members(newer, "TasksListItem").pop("title")
    assert {(change.where, change.level) for change in rate(SPEC, newer)} == {("TasksListItem.title", Level.NOTICE)}
    platform(200, [{"id": "t", "agent_id": "a", "organization_id": "o", "status": "completed"}])
    (item,) = Tasks(CONFIGURATION).list("a")
    assert (item.id, item.title) == ("t", None)


def test_what_is_new_in_a_task_is_sent_back_when_it_is_saved(
    platform: Callable[[int, Any], None], monkeypatch: pytest.MonkeyPatch
):
    platform(200, {**TASK, "status": "queued", "cost": 0.25})
    task = Task.load("task-1", CONFIGURATION)
    sent: list[dict[str, Any]] = []
    answer = Response(200, {}, json.dumps(TASK).encode())
    monkeypatch.setattr(sending, "_attempt", lambda _, step: sent.append(json.loads(step.content)) or answer)
    task.save()
    assert (sent[0]["status"], sent[0]["cost"]) == ("queued", 0.25)


def test_a_new_field_in_a_list_and_a_new_status_cost_nothing(platform: Callable[[int, Any], None]):
    item = {"id": "t", "agent_id": "a", "organization_id": "o", "status": "queued", "rank": 3}
    platform(200, [item, {**item, "status": "completed"}])
    found = Tasks(CONFIGURATION).list("a")
    assert [(one.status.value, one.id) for one in found] == [("queued", "t"), ("completed", "t")]


def test_an_event_of_a_new_type_reaches_the_user_with_its_data():
    event = read_event({
        "type": "teleported", "task_id": "t", "organization_id": "o", "time": "2026-01-02T03:04:05Z",
        "data": {"to": ["Mars"]}, "priority": 3,
    }, Task._reader(None))  # fmt: skip
    assert (event.type.value, event.type == "teleported", event.data, event.extra) == (
        "teleported", True, {"to": ["Mars"]}, {"priority": 3},
    )  # fmt: skip


def test_a_new_event_type_is_no_break():
    newer = copy.deepcopy(SPEC)
    schema(newer, "TaskUpdateEventType")["anyOf"][0]["enum"].append("teleported")
    assert {change.level for change in rate(SPEC, newer)} == {Level.NOTICE}


def test_a_report_goes_out_as_ever_and_reads_a_newer_answer(platform: Callable[[int, Any], None]):
    platform(200, {**TASK, "status": "archived", "result": None, "billing": {"usd": 0.1}})
    task = Backend(CONFIGURATION).report_external_task("agent-1", id="task-1")
    assert (task.status.value, task.result, task.extra) == ("archived", None, {"billing": {"usd": 0.1}})
