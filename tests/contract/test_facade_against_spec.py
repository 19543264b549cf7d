"""The facade against `openapi.yaml`: every operation is exercised or set aside, and a drift on either side is seen.

The contract recorder of `tests/conftest.py` judges every request of every test. Here it is tested itself, and here is
the table of who calls what.
"""

from __future__ import annotations

import ast
import asyncio
import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import httpcore
import pytest
from contract_recorder import RECORDER, judge

from xpander_facade import (
    Agent,
    Agents,
    AgentsListItem,
    Backend,
    Configuration,
    Task,
    Tasks,
    TasksListItem,
    TaskUpdateEvent,
    TaskUpdateEventType,
    Tokens,
)
from xpander_facade._client import call_flow
from xpander_facade._serialization import json_bytes
from xpander_facade.emulator import Emulator
from xpander_facade.emulator._contract import Contract, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]

UNCOVERED = {
    "get_api_key_allowance": "asking what a key may do has no documented verb; Backend.api gives it",
}
"""The operations without a verb, each with its reason. A verb that arrives takes its line away."""


COMPACTING = {"get_activity_log", "summarize_tool_call", "update_task"}
CHUNK, PUSH = TaskUpdateEventType.Chunk, "push_task_events"


class Platform:
    """What a verb of the table is called on."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.configuration = Configuration(
            api_key="key-1", organization_id="org-1", base_url=emulator.url, agent_id="agent-1", timeout=10
        )
        self.backend = Backend(self.configuration)
        self.tasks = Tasks(self.configuration)
        self.agents = Agents(self.configuration)

    def task(self, **given: Any) -> Task:
        """Make a task without leaving a trace in the contract recorder."""
        task = self.tasks.create(prompt="hello", **given)
        self.emulator.wait_for_status(task.id, "completed")
        task = task.reload()
        RECORDER.take()
        return task

    def long_task(self) -> Task:
        """Make a task with so many tool calls that not all of them fit into a compacted session."""
        task = self.task()
        for number in range(40):
            call = {"tool_call_id": f"call-{number}", "tool_name": "search", "result": "x" * 500}
            self.emulator.publish(task.id, "tool_call_result", call)
        return task

    def agent(self) -> Agent:
        self.emulator.add_agent("agent-1", tools=[{"id": "search"}], knowledge_bases=[{"id": "kb-1"}])
        self.emulator.add_knowledge_base("kb-1", ["what there is"])
        agent = self.agents.get("agent-1")
        RECORDER.take()
        return agent

    def item(self) -> TasksListItem:
        self.task()
        item = self.tasks.list("agent-1")[0]
        RECORDER.take()
        return item

    def agents_item(self) -> AgentsListItem:
        self.emulator.add_agent("agent-1")
        item = self.agents.list()[0]
        RECORDER.take()
        return item


# who is called, the verb, with what, and which operations that takes
VERBS: list[tuple[Callable[[Platform], Any], str, dict[str, Any], set[str]]] = [
    (lambda p: p.backend, "report_external_task", {"id": "job-1"}, {"report_external_task"}),
    (lambda p: p.backend, "invoke_agent", {"prompt": "hi", "agent_version": 3}, {"create_task"}),
    (lambda p: p.tasks, "create", {"prompt": "hi", "mcp_servers": []}, {"create_task"}),
    (lambda p: p.tasks, "list", {"agent_id": "agent-1", "filters": {"status": "completed"}}, {"list_tasks"}),
    (lambda p: p.tasks, "list_user_tasks", {"user_id": "u-1", "filters": {"status": "completed"}}, {"list_user_tasks"}),
    (lambda p: p.tasks, "get", {"task_id": lambda p: p.task().id}, {"get_task"}),
    (lambda p: p.tasks, "update", {"task_id": lambda p: p.task().id, "result": "r"}, {"update_task"}),
    (lambda p: p.tasks, "stop", {"task_id": lambda p: p.task().id}, {"stop_task"}),
    (lambda p: p.item(), "load", {}, {"get_task"}),
    (lambda p: p.task(), "save", {"with_deep_plan_update": True}, {"update_task"}),
    (lambda p: p.task(), "set_status", {"status": "failed", "result": "no"}, {"update_task"}),
    (lambda p: p.task(), "stop", {}, {"stop_task"}),
    (lambda p: p.task(), "reload", {}, {"get_task"}),
    (lambda p: p.task(events_streaming=True), "events", {}, {"stream_task_events"}),
    (lambda p: p.task(), "wait_until_done", {"timeout": 5}, {"get_task"}),
    (lambda p: p.task(), "push_events", {"events": [TaskUpdateEvent(type=CHUNK, task_id="", data="a")]}, {PUSH}),
    (lambda p: p.task(), "get_activity_log", {}, {"get_activity_log"}),
    (lambda p: p.task(), "report_metrics", {}, {"report_metrics"}),
    (lambda p: p.task(), "get_plan_following_status", {}, {"get_task"}),
    (lambda p: p.long_task(), "compact_session_for_retry", {"summarize": "platform"}, COMPACTING),
    (lambda p: p.agents, "list", {}, {"list_agents"}),
    (lambda p: p.agents, "get", {"agent_id": "agent-1"}, {"get_agent"}),
    (lambda p: p.agents_item(), "load", {}, {"get_agent"}),
    (lambda p: p.agent(), "invoke_tool", {"tool": "search", "payload": {"q": 1}, "task_id": "t"}, {"invoke_operation"}),
    (lambda p: p.agent(), "search_knowledge", {"query": "what", "top_k": 3}, {"search_knowledge_base"}),
    (lambda p: p.agent(), "create_task", {"prompt": "hi", "file_urls": ["https://host/a.txt"]}, {"create_task"}),
]


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Emulator(validate_answers=True, step=0.0) as emulator:
        platform = Platform(emulator)
        with platform.backend, platform.tasks, platform.agents:
            yield platform
        assert emulator.violations == []


def call(target: Any, verb: str, arguments: dict[str, Any], is_async: bool) -> None:
    if not is_async:
        outcome = getattr(target, verb)(**arguments)
        if verb == "events":
            list(outcome)
        return

    async def main() -> None:
        outcome = getattr(target, f"a{verb}")(**arguments)
        if verb == "events":
            _ = [event async for event in outcome]
        else:
            await outcome

    asyncio.run(main())


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("of", "verb", "given", "operations"), VERBS, ids=[f"{v}-{i}" for i, (_, v, *_) in enumerate(VERBS)]
)
def test_a_verb_calls_the_operations_that_it_stands_for(
    platform: Platform, of: Any, verb: str, given: dict[str, Any], operations: set[str], is_async: bool
):
    target = of(platform)
    arguments = {name: value(platform) if callable(value) else value for name, value in given.items()}
    RECORDER.take()
    call(target, verb, arguments, is_async)
    assert RECORDER.take() == operations
    assert RECORDER.breaches() == []


def used_operations() -> set[str]:
    """Read off the facade's sources which operations of the generated client they name."""
    found: set[str] = set()
    for file in (ROOT / "xpander_facade" / "_requests").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr.endswith(("_kwargs", "_route")):
                found.add(node.attr.rpartition("_")[0])
    return found


def test_every_operation_is_called_by_the_facade_or_set_aside_with_a_reason():
    operations = set(load().operations)
    used = used_operations()
    assert used | set(UNCOVERED) == operations
    assert used & set(UNCOVERED) == set(), "an operation that is covered now is still listed as uncovered"


def test_every_operation_that_the_facade_names_is_called_by_a_verb_of_the_table():
    beside = {
        "stream_worker_events": "the worker's own tests drive it: a worker is no single call",
        "send_worker_message": "the worker's own tests drive it: a worker is no single call",
        "get_default_llm_headers": "Backend.get_args asks for it where a model is made: tests/agno_runs call it",
        "take_llm_gateway_route": "Backend.get_args takes it where a model has no key: tests/agno_runs call it",
        "get_custom_llm_endpoint": "Backend.get_args asks for it where a task wants it: tests/agno_runs call it",
    }
    assert set().union(*(operations for *_, operations in VERBS)) == used_operations() - set(beside)


# --- the contract recorder sees a drift ---

REPORT = "/agent-execution/a/report_task"
HEADERS = {"x-api-key": "k", "content-type": "application/json", "user-agent": "xpander-facade/0"}


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "told"),
    [
        ("POST", REPORT, {}, b'{"id": "1", "llm_response": {"a": {"b": 1}}}', None),
        ("POST", "/org-1" + REPORT, {}, b'{"tokens": {"prompt_tokens": 1}}', None),
        ("GET", "/agents/a%2Fb", {"x-agent-version": "2"}, b"", None),
        ("POST", "/agent-execution/a/report", {}, b"{}", "no such operation"),
        ("PUT", REPORT, {}, b"{}", "no such operation"),
        ("POST", REPORT, {}, b"", "body: the body is missing"),
        ("POST", REPORT, {}, b"{", "body: the body is not valid JSON"),
        ("POST", REPORT, {"content-type": "text/plain"}, b"{}", "body: the body must be application/json"),
        ("POST", REPORT, {"x-api-key": ""}, b"{}", "header.x-api-key: the key is missing"),
        ("POST", REPORT, {"x-agent-version": "2"}, b"{}", "header.x-agent-version: the contract declares no such"),
        ("POST", REPORT, {"authorization": "Bearer k"}, b"{}", "header.authorization: the contract declares no such"),
        ("POST", REPORT, {"x-request-id": "1"}, b"{}", "header.x-request-id: the contract declares no such"),
        ("POST", REPORT + "?wait=1", {}, b"{}", "query.wait: the contract declares no such"),
        ("POST", REPORT, {}, b'{"duration": -1}', "body.duration: "),
        ("POST", REPORT, {}, b'{"cost": 1}', "body.cost: the contract declares no such"),
        ("POST", REPORT, {}, b'{"tokens": {"reasoning_tokens": 1}}', "body.tokens.reasoning_tokens: the contract"),
        ("POST", "/agent-execution/a", {}, b'{"input": {"attachments": [{"url": "u", "width": 1}]}}', "width"),
        ("GET", "/agents/list?page=2", {}, b"", "query.page: the contract declares no such"),
        ("GET", "/agents/list", {}, b"{}", "body: the operation takes none"),
        ("GET", "/events/a/", {}, b"", "query.environment: the parameter is missing"),
    ],
)  # fmt: skip
def test_a_request_off_the_contract_is_told(
    method: str, target: str, headers: dict[str, str], body: bytes, told: str | None
):
    _, breaches = judge(method, target, {**HEADERS, **headers}, body)
    if told is None:
        assert breaches == []
    else:
        assert [told in line for line in breaches] == [True]


@pytest.mark.parametrize("schema", ["ReportExternalTaskRequest", "CreateTaskRequest", "UpdateTaskRequest", "Tokens"])
def test_a_field_that_the_contract_loses_is_told(schema: str, platform: Platform):
    bodies = {
        "ReportExternalTaskRequest": ("POST", REPORT, {"result": "r"}, "result"),
        "CreateTaskRequest": ("POST", "/agent-execution/a", {"input": {"text": "t"}, "title": "t"}, "title"),
        "UpdateTaskRequest": ("PATCH", "/agent-execution/t/update", {"created_at": "2026-01-02"}, "created_at"),
        "Tokens": ("POST", REPORT, {"tokens": {"cache_read_tokens": 1}}, "cache_read_tokens"),
    }
    method, target, body, name = bodies[schema]
    document = copy.deepcopy(load().document)
    content = json_bytes.encode(body)
    assert judge(method, target, HEADERS, content, Contract(document))[1] == []
    node = document["components"]["schemas"][schema]
    del (node.get("properties") or node["allOf"][1]["properties"])[name]
    assert [name in line for line in judge(method, target, HEADERS, content, Contract(document))[1]] == [True]


@pytest.mark.off_contract("the drift is made here, to see that it is found")
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_facade_that_sends_more_than_the_contract_declares_is_caught(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, is_async: bool
):
    original = call_flow.prepare

    def drifted(configuration: Configuration, request: Any) -> Any:
        if isinstance(request, call_flow.PreparedRequest):
            return request
        return original(configuration, attrs.evolve(request, body={**request.body, "cost": 0.1}))

    monkeypatch.setattr(call_flow, "prepare", drifted)
    call(platform.backend, "report_external_task", {"id": "job-1", "tokens": Tokens(prompt_tokens=1)}, is_async)
    assert RECORDER.breaches() == [
        "POST /agent-execution/agent-1/report_task: body.cost: the contract declares no such member"
    ]


@pytest.mark.off_contract("the drift is made here, to see that it is found")
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_what_is_sent_by_the_generated_client_of_api_is_judged_too(platform: Platform, is_async: bool):
    from xpander_api.api.agents import list_agents

    async def main() -> None:
        async with platform.backend.api.with_headers({"x-trace": "1"}) as api:
            await list_agents.asyncio(client=api)

    if is_async:
        asyncio.run(main())
    else:
        with platform.backend.api.with_headers({"x-trace": "1"}) as api:
            list_agents.sync(client=api)
    assert RECORDER.take() == {"list_agents"}
    assert RECORDER.breaches() == ["GET /agents/list: header.x-trace: the contract declares no such header"]


def test_a_request_that_is_not_the_facades_is_not_judged():
    RECORDER.saw(httpcore.Request("GET", "http://host/nowhere", headers={"user-agent": "curl"}))
    RECORDER.saw(httpcore.Request("GET", "http://host/file.txt", headers={"user-agent": "xpander-facade/0"}))
    assert RECORDER.take() == set()
    assert RECORDER.breaches() == []


@pytest.mark.off_contract("the breach is made here, to see that it is found")
def test_a_request_through_a_proxy_is_judged_by_its_path():
    headers = {"user-agent": "xpander-facade/0", "x-api-key": "k"}
    url = httpcore.URL(scheme="http", host="proxy", port=3128, target="http://host/agents/list?page=1")
    RECORDER.saw(httpcore.Request("GET", url, headers=headers))
    assert RECORDER.take() == {"list_agents"}
    assert RECORDER.breaches() == ["GET /agents/list: query.page: the contract declares no such query parameter"]


@pytest.mark.off_contract("the breach is made here, to see that it is kept")
def test_a_breach_is_kept_until_it_is_told():
    headers = {"user-agent": "xpander-facade/0", "x-api-key": "k"}
    RECORDER.saw(httpcore.Request("GET", "http://host/nowhere", headers=headers))
    RECORDER.take()
    assert RECORDER.breaches() == ["GET /nowhere: the contract has no such operation"]
    assert RECORDER.breaches() == []
