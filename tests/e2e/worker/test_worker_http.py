"""A worker that is called over HTTP: what comes back, what is saved, who may call, how much at once, how it ends."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest
from serving import PATIENCE, until, wait

from xpander_facade import Configuration, ConfigurationError, Task, Tasks, TaskUpdateEvent, TaskUpdateEventType, on_task
from xpander_facade.worker import _http_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from xpander_facade.emulator import Emulator
    from xpander_facade.worker import TaskHandler


class ServingHttp:
    """A worker behind a free port of loopback, reachable when the block begins and gone when it ends."""

    def __init__(self, handler: TaskHandler[Any, Any], configuration: Configuration, **options: Any) -> None:
        given = {"configuration": configuration, "agent_id": "agent-1", "poll_interval": 0.05, **options}
        self.handler = handler.with_options(**given)
        self.finished: list[Task] = []
        self.error: BaseException | None = None
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.handler.serve_http(port=0, on_finished=self.finished.append, on_listening=self._began)
        except BaseException as error:
            self.error = error
            self._listening.set()

    def _began(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._listening.set()

    def __enter__(self) -> Self:
        self._thread.start()
        wait(self._listening)
        if self.error is not None:
            raise self.error
        until(lambda: self._is_up())
        return self

    def _is_up(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def __exit__(self, *_: object) -> None:
        self.handler.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def invoke(self, body: Any, key: str | None = "key-1", **options: Any) -> httpx.Response:
        headers = {} if key is None else {b"x-api-key": key.encode()}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(f"{self.url}/invoke", content=content, headers=headers, trust_env=False, **options)


@pytest.fixture
def configuration(emulator: Emulator) -> Configuration:
    return Configuration(api_key="key-1", organization_id="org-1", base_url=emulator.url, agent_id="agent-1", timeout=5)


@pytest.fixture
def created(emulator: Emulator, configuration: Configuration) -> Iterator[dict[str, Any]]:
    """A task that the emulator's own agent leaves alone."""
    hold = threading.Event()
    emulator.agent = lambda run: hold.wait(PATIENCE) and ""
    yield Tasks(configuration).create(prompt="hello", events_streaming=True).to_dict()
    hold.set()


@on_task
async def repeating(task: Task) -> Task:
    task.result = f"You said: {task.input.text}"
    return task


@on_task
async def failing(task: Task) -> Task:
    raise LookupError("nothing there")


@on_task
async def streaming(task: Task) -> AsyncIterator[TaskUpdateEvent]:
    for word in ("a", "b"):
        yield TaskUpdateEvent(type=TaskUpdateEventType.Chunk, task_id="", data=word)
    yield TaskUpdateEvent(type=TaskUpdateEventType.TaskFinished, task_id="", data="a b")


def test_a_task_is_done_saved_and_answered(emulator: Emulator, configuration: Configuration, created: dict[str, Any]):
    with ServingHttp(repeating, configuration) as worker:
        answer = worker.invoke(created)
        assert answer.status_code == 200
        assert (answer.json()["status"], answer.json()["result"]) == ("completed", "You said: hello")
        stored = emulator.task(created["id"])
        assert (stored["status"], stored["result"]) == ("completed", "You said: hello")
        until(lambda: len(worker.finished) == 1)


def test_a_way_to_models_in_the_body_of_a_call_is_dropped(configuration: Configuration, created: dict[str, Any]):
    """Whoever has the worker's key could else have its prompts sent to a server of theirs."""
    seen: list[Any] = []

    @on_task
    def handler(task: Task) -> Task:
        seen.append((getattr(task, "_llm_gateway", None), task.payload_extension))
        return task

    with ServingHttp(handler, configuration) as worker:
        route = {"base_url": "https://elsewhere.example", "token": "t0ken"}
        answer = worker.invoke({**created, "payload_extension": {"llm_gateway": route}})
    assert (answer.status_code, seen) == (200, [(None, None)])
    assert "t0ken" not in answer.text


def test_a_handler_that_fails_is_an_error_for_the_caller_and_the_store(
    emulator: Emulator, configuration: Configuration, created: dict[str, Any]
):
    with ServingHttp(failing, configuration) as worker:
        answer = worker.invoke(created)
    assert (answer.status_code, answer.json()) == (500, {"error": "nothing there"})
    assert emulator.task(created["id"])["status"] == "error"


def test_a_streaming_handlers_events_are_the_answer_with_the_saved_task_last(
    emulator: Emulator, configuration: Configuration, created: dict[str, Any]
):
    with ServingHttp(streaming, configuration) as worker:
        answer = worker.invoke(created)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line]
    assert [event["type"] for event in events] == ["chunk", "chunk", "task_finished"]
    assert {event["task_id"] for event in events} == {created["id"]}
    assert (events[-1]["data"]["status"], events[-1]["data"]["result"]) == ("completed", "a b")
    assert emulator.task(created["id"])["result"] == "a b"
    assert emulator.requests("push_task_events") == []


@pytest.mark.parametrize("handler", [repeating, streaming], ids=["plain", "streaming"])
def test_the_platform_calls_a_worker_in_a_container(
    handler: TaskHandler[Any, Any], emulator: Emulator, configuration: Configuration
):
    with ServingHttp(handler, configuration) as worker:
        emulator.connect_container("agent-1", worker.url, api_key="key-1")
        task = Tasks(configuration).create(prompt="hello", events_streaming=True)
        told = [event.type.value for event in task.events()]
        stored = emulator.wait_for_status(task.id, "completed", timeout=PATIENCE)
    assert stored["result"] == ("You said: hello" if handler is repeating else "a b")
    assert told[-1] == "task_finished"
    until(lambda: "".join(emulator.events(task.id)).count('"chunk"') == (0 if handler is repeating else 2))


def test_a_worker_that_can_not_be_called_makes_the_task_an_error(emulator: Emulator, configuration: Configuration):
    emulator.connect_container("agent-1", "http://127.0.0.1:9", api_key="key-1")
    task = Tasks(configuration).create(prompt="hello")
    assert "could not be called" in emulator.wait_for_status(task.id, "error", timeout=PATIENCE)["result"]


@pytest.mark.parametrize("key", [None, "", "key-2", "key-1x", "schlüssel"])
def test_a_caller_without_the_key_gets_nothing_but_health(
    key: str | None, emulator: Emulator, configuration: Configuration, created: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
):  # fmt: skip
    with caplog.at_level(logging.DEBUG), ServingHttp(repeating, configuration) as worker:
        answer = worker.invoke(created, key)
        assert answer.status_code == 401
        health = httpx.get(f"{worker.url}/health", trust_env=False)
        assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert emulator.task(created["id"])["status"] != "completed"
    assert "key-" not in "".join(record.getMessage() for record in caplog.records if "xpander" in record.name)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"id": "t"}', 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b"x" * (_http_server.MAX_BODY + 1), 413),
    ],
    ids=["half", "list", "no task", "no text", "deep", "large"],
)
def test_a_body_that_is_no_task_is_refused(body: bytes, status: int, configuration: Configuration):
    with ServingHttp(repeating, configuration) as worker:
        answer = worker.invoke(body)
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)


def test_a_caller_that_goes_away_does_not_end_its_task(
    emulator: Emulator, configuration: Configuration, created: dict[str, Any]
):
    gone = threading.Event()

    @on_task
    async def talking(task: Task) -> AsyncIterator[TaskUpdateEvent]:
        yield TaskUpdateEvent(type=TaskUpdateEventType.Chunk, task_id="", data="first")
        assert await asyncio.to_thread(gone.wait, PATIENCE)
        for _ in range(100):
            yield TaskUpdateEvent(type=TaskUpdateEventType.Chunk, task_id="", data="x" * 100_000)
        task.result = "done"

    with ServingHttp(talking, configuration) as worker:
        headers = {"x-api-key": "key-1"}
        with (
            httpx.Client(trust_env=False) as client,
            client.stream("POST", f"{worker.url}/invoke", json=created, headers=headers) as answer,
        ):
            assert "first" in next(answer.iter_text())
        gone.set()
        stored = emulator.wait_for_status(created["id"], "completed", timeout=PATIENCE)
    assert stored["result"] == "done"


def test_a_task_of_another_agent_is_refused(configuration: Configuration, created: dict[str, Any]):
    with ServingHttp(repeating, configuration) as worker:
        assert worker.invoke({**created, "agent_id": "agent-2"}).status_code == 422


def test_more_than_fits_is_refused_for_now_and_the_same_twice_at_once(
    configuration: Configuration, created: dict[str, Any]
):
    go, begun = threading.Event(), threading.Event()

    @on_task
    def waiting(task: Task) -> Task:
        begun.set()
        wait(go)
        task.result = "done"
        return task

    with ServingHttp(waiting, configuration, concurrency=1) as worker:
        first: list[httpx.Response] = []
        calling = threading.Thread(target=lambda: first.append(worker.invoke(created, timeout=PATIENCE)))
        calling.start()
        wait(begun)
        again = worker.invoke(created)
        other = worker.invoke({**created, "id": "another"})
        assert (again.status_code, other.status_code) == (409, 503)
        assert other.headers["retry-after"] == "1"
        go.set()
        calling.join(PATIENCE)
    assert first[0].json()["result"] == "done"


def test_what_runs_when_the_worker_is_stopped_ends_and_is_answered(
    emulator: Emulator, configuration: Configuration, created: dict[str, Any]
):
    begun = threading.Event()

    @on_task
    async def slow(task: Task) -> Task:
        begun.set()
        await asyncio.sleep(0.3)
        task.result = "done"
        return task

    answers: list[httpx.Response] = []
    with ServingHttp(slow, configuration) as worker:
        calling = threading.Thread(target=lambda: answers.append(worker.invoke(created, timeout=PATIENCE)))
        calling.start()
        wait(begun)
        worker.handler.stop()
        calling.join(PATIENCE)
    assert answers[0].json()["result"] == "done"
    assert emulator.task(created["id"])["result"] == "done"


def test_what_outlasts_the_grace_period_is_an_error(
    emulator: Emulator, configuration: Configuration, created: dict[str, Any]
):
    begun = threading.Event()

    @on_task
    async def endless(task: Task) -> Task:
        begun.set()
        await asyncio.sleep(PATIENCE * 6)
        return task

    answers: list[httpx.Response] = []
    with ServingHttp(endless, configuration, grace_period=0.1) as worker:
        calling = threading.Thread(target=lambda: answers.append(worker.invoke(created, timeout=PATIENCE)))
        calling.start()
        wait(begun)
    calling.join(PATIENCE)
    stored = emulator.task(created["id"])
    assert (stored["status"], answers[0].status_code) == ("error", 500)
    assert "the worker was stopped" in stored["result"]


def test_a_task_that_is_stopped_meanwhile_stays_stopped(
    emulator: Emulator, configuration: Configuration, created: dict[str, Any]
):
    begun = threading.Event()

    @on_task
    async def endless(task: Task) -> Task:
        begun.set()
        await asyncio.sleep(PATIENCE * 6)
        return task

    answers: list[httpx.Response] = []
    with ServingHttp(endless, configuration) as worker:
        calling = threading.Thread(target=lambda: answers.append(worker.invoke(created, timeout=PATIENCE)))
        calling.start()
        wait(begun)
        Tasks(configuration).stop(created["id"])
        calling.join(PATIENCE)
    assert answers[0].status_code == 500
    assert emulator.task(created["id"])["status"] == "stopped"


def test_a_worker_without_a_key_does_not_start(monkeypatch: pytest.MonkeyPatch, emulator: Emulator):
    monkeypatch.delenv("XPANDER_API_KEY", raising=False)
    configuration = Configuration(organization_id="org-1", base_url=emulator.url, agent_id="agent-1")
    for host in ("127.0.0.1", "0.0.0.0"):
        with pytest.raises(ConfigurationError, match="no API key"):
            repeating.with_options(configuration=configuration).serve_http(host=host, port=0)


@pytest.mark.parametrize(
    ("given", "error"),
    [({"host": ""}, ValueError), ({"host": 3}, TypeError), ({"port": 70000}, ValueError), ({"port": "1"}, TypeError)],
)
def test_an_address_that_makes_no_sense_is_refused(
    given: dict[str, Any], error: type[Exception], configuration: Configuration
):
    with pytest.raises(error):
        repeating.with_options(configuration=configuration).serve_http(**given)


def test_the_port_is_the_environments(
    monkeypatch: pytest.MonkeyPatch, configuration: Configuration, emulator: Emulator
):
    monkeypatch.setenv("XPANDER_STREAMING_PORT", "many")
    with pytest.raises(ConfigurationError, match="XPANDER_STREAMING_PORT must be a port"):
        repeating.with_options(configuration=configuration).serve_http()
    monkeypatch.setenv("XPANDER_STREAMING_PORT", str(emulator.port))
    with pytest.raises(OSError, match=r"(?i)address already in use"):
        repeating.with_options(configuration=configuration).serve_http()
