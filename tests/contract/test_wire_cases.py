"""What goes over the wire for each documented call, held against the table of recorded requests."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import wire_cases
from wire_cases import AGENT, ANSWERED_TASK, CASE, CASES, KEY, ORGANIZATION, TASK, same_body

from xpander_facade import AgentExecutionStatus, Backend, Configuration, Task, Tasks, Tokens
from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator


class Sent(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Recorder:
    """Answers each call with a completed task (a list with an empty one, a stream with its end) and notes it."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                length = int(self.headers.get("content-length", 0))
                raw = self.rfile.read(length)
                fields = {name.lower(): value for name, value in self.headers.items()}
                recorder.sent.append(Sent(self.command, self.path, fields, json.loads(raw) if raw else None))
                kind, body = "application/json", json.dumps(ANSWERED_TASK)
                if "/history/" in self.path:
                    body = "[]"
                elif fields.get("accept") == "text/event-stream":
                    kind = "text/event-stream"
                    event = {"type": "task_finished", "task_id": TASK, "time": "2026-01-02T03:04:10Z"}
                    body = f"data: {json.dumps({**event, 'organization_id': ORGANIZATION, 'data': ANSWERED_TASK})}\n\n"
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            do_GET = do_POST = do_PATCH = do_DELETE = do

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Recorder:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as running:
        yield running


def _changed(task: Task) -> Task:
    task.tokens = Tokens(prompt_tokens=2140, completion_tokens=380)
    task.used_tools = ["web_search", "fetch_pdf"]
    task.duration = 4.7
    return task


def _done(task: Task) -> Task:
    task.result, task.status = "Done", AgentExecutionStatus.Completed
    return task


_FULL: dict[str, Any] = {
    "agent_id": AGENT,
    "id": "ext-job-9921",
    "input": "Summarize Q4 earnings",
    "result": "Q4 revenue grew 22% YoY",
    "tokens": Tokens(prompt_tokens=2140, completion_tokens=380),
    "duration": 4.7,
    "used_tools": ["web_search", "fetch_pdf"],
    "is_success": True,
}
_FAILURE: dict[str, Any] = {"agent_id": AGENT, "id": "job-failed-001", "input": "p", "result": "boom"}
_RAW = {"choices": [{"message": {"content": "hi"}}]}
_CLASSMETHOD: dict[str, Any] = {"agent_id": AGENT, "id": "ext-001", "input": "i", "result": "r", "llm_response": _RAW}
_COMPLETED = AgentExecutionStatus.Completed

SYNC: dict[str, Callable[[Configuration], object]] = {
    "report_backend_full": lambda c: Backend(c).report_external_task(**_FULL),
    "report_backend_minimal": lambda c: Backend(c).report_external_task(agent_id=AGENT),
    "report_backend_failure": lambda c: Backend(c).report_external_task(**_FAILURE, is_success=False),
    "report_task_classmethod": lambda c: Task.report_external_task(configuration=c, **_CLASSMETHOD),
    "tasks_list": lambda c: Tasks(c).list(agent_id=AGENT),
    "tasks_get": lambda c: Tasks(c).get(task_id="task_xyz"),
    "tasks_create_minimal": lambda c: Tasks(c).create(agent_id=AGENT, prompt="Hello!"),
    "tasks_update": lambda c: Tasks(c).update(task_id=TASK, status=_COMPLETED, result="done"),
    "tasks_stop": lambda c: Tasks(c).stop(task_id=TASK),
    "task_save": lambda c: _done(Tasks(c).get(task_id=TASK)).save(),
    "task_stop": lambda c: Tasks(c).get(task_id=TASK).stop(),
    "task_reload": lambda c: Tasks(c).get(task_id=TASK).reload(),
    "task_events": lambda c: list(Tasks(c).get(task_id=TASK).events()),
    "task_activity_log": lambda c: Tasks(c).get(task_id=TASK).get_activity_log(),
    "task_report_metrics": lambda c: _changed(Tasks(c).get(task_id=TASK)).report_metrics(),
    "task_plan_status": lambda c: Tasks(c).get(task_id=TASK).get_plan_following_status(),
    "backend_invoke_agent": lambda c: Backend(c).invoke_agent(agent_id=AGENT, prompt="Summarize"),
}


async def _then(task: Awaitable[Task], step: Callable[[Task], Awaitable[object]]) -> None:
    await step(await task)


async def _drain(events: AsyncIterator[object]) -> None:
    async for _ in events:
        pass


ASYNC: dict[str, Callable[[Configuration], Awaitable[object]]] = {
    "report_backend_full": lambda c: Backend(c).areport_external_task(**_FULL),
    "report_backend_minimal": lambda c: Backend(c).areport_external_task(agent_id=AGENT),
    "report_backend_failure": lambda c: Backend(c).areport_external_task(**_FAILURE, is_success=False),
    "report_task_classmethod": lambda c: Task.areport_external_task(configuration=c, **_CLASSMETHOD),
    "tasks_list": lambda c: Tasks(c).alist(agent_id=AGENT),
    "tasks_get": lambda c: Tasks(c).aget(task_id="task_xyz"),
    "tasks_create_minimal": lambda c: Tasks(c).acreate(agent_id=AGENT, prompt="Hello!"),
    "tasks_update": lambda c: Tasks(c).aupdate(task_id=TASK, status=_COMPLETED, result="done"),
    "tasks_stop": lambda c: Tasks(c).astop(task_id=TASK),
    "task_save": lambda c: _then(Tasks(c).aget(task_id=TASK), lambda task: _done(task).asave()),
    "task_stop": lambda c: _then(Tasks(c).aget(task_id=TASK), lambda task: task.astop()),
    "task_reload": lambda c: _then(Tasks(c).aget(task_id=TASK), lambda task: task.areload()),
    "task_events": lambda c: _then(Tasks(c).aget(task_id=TASK), lambda task: _drain(task.aevents())),
    "task_activity_log": lambda c: _then(Tasks(c).aget(task_id=TASK), lambda task: task.aget_activity_log()),
    "task_report_metrics": lambda c: _then(Tasks(c).aget(task_id=TASK), lambda task: _changed(task).areport_metrics()),
    "task_plan_status": lambda c: _then(Tasks(c).aget(task_id=TASK), lambda task: task.aget_plan_following_status()),
    "backend_invoke_agent": lambda c: Backend(c).ainvoke_agent(agent_id=AGENT, prompt="Summarize"),
}


def test_every_case_of_the_table_has_its_call():
    assert set(CASE) == set(SYNC) == set(ASYNC)
    assert len(CASE) == len(CASES) == 17


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("name", CASE)
def test_a_documented_call_sends_what_was_recorded(name: str, way: str, recorder: Recorder):
    configuration = Configuration(api_key=KEY, organization_id=ORGANIZATION, base_url=recorder.url)
    if way == "sync":
        SYNC[name](configuration)
    else:

        async def main() -> None:
            await ASYNC[name](configuration)

        asyncio.run(main())
    wanted = CASE[name].requests
    assert [(sent.method, sent.path) for sent in recorder.sent] == [
        (request.method, request.path) for request in wanted
    ]
    for sent, request in zip(recorder.sent, wanted, strict=True):
        assert sent.headers["x-api-key"] == KEY
        assert sent.headers["accept"] == request.accept
        assert sent.headers.get("content-type") == (None if request.body is None else "application/json")
        assert "x-agent-version" not in sent.headers
        body = sent.body
        if name == "task_report_metrics" and body is not None:
            # The recorded client sends 0.0 always; ours tells the task's real duration.
            assert body.pop("duration") == 4.7
            body["duration"] = request.body["duration"]
        if name == "report_backend_minimal":
            # Ours makes the id, so that the report can be repeated.
            assert body.pop("id").startswith("ext-")
        assert same_body(body, request.body), (body, request.body)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_setting_the_status_keeps_the_result(way: str, recorder: Recorder):
    task = Task.from_dict(ANSWERED_TASK, Configuration(api_key=KEY, base_url=recorder.url))
    if way == "sync":
        task.set_status(AgentExecutionStatus.Executing)
    else:
        asyncio.run(task.aset_status(AgentExecutionStatus.Executing))
    wanted = {**wire_cases.SAVED_TASK, "status": "executing", "result": "done"}
    assert same_body(recorder.sent[0].body, wanted)


def test_the_emulator_takes_every_case_without_complaint():
    with Emulator(validate_answers=True) as emulator:
        configuration = Configuration(api_key=KEY, organization_id=ORGANIZATION, base_url=emulator.url)
        for task_id in (TASK, "task_xyz"):
            Backend(configuration).report_external_task(AGENT, id=task_id, input="hello")
        for name in CASE:
            if name != "task_events":  # a report streams nothing
                SYNC[name](configuration)
        assert [record.complaints for record in emulator.requests() if record.complaints] == []
        assert {record.status for record in emulator.requests()} == {200}
        assert emulator.violations == []
