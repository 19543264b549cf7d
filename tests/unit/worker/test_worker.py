"""What a handler must look like, what decorating makes of it, and the pure parts of a worker."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from xpander_facade import (
    AgentExecutionInput,
    Configuration,
    DeepPlanning,
    DeepPlanningItem,
    Task,
    TaskHandler,
    TaskIdFilter,
    TaskUpdateEvent,
    TaskUpdateEventType,
    on_boot,
    on_shutdown,
    on_task,
)
from xpander_facade._requests.events import push_request
from xpander_facade._requests.workers import message_request, worker_stream_request
from xpander_facade._serialization.jsonable import error_text
from xpander_facade.configuration._environment import worker_environment
from xpander_facade.worker import _heartbeat
from xpander_facade.worker._handlers import BOOT, SHUTDOWN, Kind, in_thread, kind_of, run_hook
from xpander_facade.worker._heartbeat import Heartbeat
from xpander_facade.worker._logging import current_task_id
from xpander_facade.worker._signals import handle_signals
from xpander_facade.worker._timeouts import backoff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def a_task(**fields: Any) -> Task:
    given = {"input": AgentExecutionInput(text="hello"), "created_at": datetime(2026, 1, 2, tzinfo=UTC), **fields}
    return Task(id="t-1", agent_id="a-1", organization_id="o-1", **given)


async def of_async(task: Task) -> Task:
    """Say what it does."""
    task.result = "async"
    return task


def of_sync(task: Task, greeting: str = "sync") -> Task:
    task.result = greeting
    return task


async def of_events(task: Task) -> AsyncIterator[TaskUpdateEvent]:
    yield TaskUpdateEvent(type=TaskUpdateEventType.Chunk, task_id=task.id, data="a")


class Callable:
    async def __call__(self, task: Task) -> Task:
        return task


# --- decorating ---


def test_a_decorated_function_can_be_called_as_before():
    handler = on_task(of_sync)
    assert isinstance(handler, TaskHandler)
    assert handler(a_task()).result == "sync"
    assert handler(task=a_task(), greeting="hi").result == "hi"
    assert asyncio.run(on_task(of_async)(a_task())).result == "async"


def test_a_decorated_generator_can_be_iterated_as_before():
    async def main() -> list[Any]:
        return [event.data async for event in on_task(of_events)(a_task())]

    assert asyncio.run(main()) == ["a"]


def test_parentheses_and_options_give_a_handler_too():
    assert on_task()(of_sync)(a_task()).result == "sync"
    assert on_task(concurrency=2, grace_period=1, poll_interval=60, agent_id="a")(of_sync)(a_task()).result == "sync"


def test_a_handler_keeps_the_name_and_the_words_of_its_function():
    handler = on_task(of_async)
    assert (handler.__name__, handler.__doc__) == ("of_async", "Say what it does.")
    assert list(inspect.signature(handler).parameters) == ["task"]
    assert "of_async" in repr(handler)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="an object can't say so before Python 3.12")
def test_a_handler_of_an_async_function_is_known_as_one():
    assert inspect.iscoroutinefunction(on_task(of_async))
    assert not inspect.iscoroutinefunction(on_task(of_sync))


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (of_async, Kind.ASYNC),
        (of_sync, Kind.SYNC),
        (of_events, Kind.EVENTS),
        (functools.partial(of_sync, greeting="hi"), Kind.SYNC),
        (functools.partial(of_async), Kind.ASYNC),
        (Callable(), Kind.ASYNC),
        (Callable().__call__, Kind.ASYNC),
        (functools.wraps(of_async)(lambda task: of_async(task)), Kind.SYNC),
    ],
)
def test_the_kind_of_a_function_is_seen(function: Any, kind: Kind):
    assert kind_of(function) is kind


def without() -> None: ...
def positional(task: Any, /) -> None: ...
def swallowing(**task: Any) -> None: ...
def demanding(task: Any, model: str) -> None: ...
def generator(task: Any) -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("function", "remedy"),
    [
        (without, r"without has no parameter named `task`: write `def without\(task: Task\)`"),
        (positional, "no parameter named `task`"),
        (swallowing, "no parameter named `task`"),
        (demanding, "give 'model' a default, or take it away"),
        (generator, "generator is a generator: write `async def`"),
        (Configuration(), "on_task decorates a function, not Configuration: pass options by name"),
        ("agent-1", "on_task decorates a function, not str"),
        (Callable, "on_task decorates a function, not the class Callable"),
        (staticmethod(without), "without has no parameter named `task`"),
    ],
)
def test_a_function_that_can_be_no_handler_is_refused_when_it_is_decorated(function: Any, remedy: str):
    with pytest.raises(TypeError, match=remedy):
        on_task(function)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"concurrency": 0}, ValueError),
        ({"concurrency": -1}, ValueError),
        ({"concurrency": True}, TypeError),
        ({"concurrency": 1.5}, TypeError),
        ({"concurrency": None}, ValueError),
        ({"grace_period": -1}, ValueError),
        ({"grace_period": float("inf")}, ValueError),
        ({"poll_interval": 0}, ValueError),
        ({"agent_id": ""}, ValueError),
        ({"agent_id": 7}, TypeError),
        ({"configuration": {}}, TypeError),
        ({"configuration": "key"}, TypeError),
    ],
)
def test_options_that_make_no_sense_are_refused_when_the_function_is_decorated(options: Any, error: type[Exception]):
    with pytest.raises(error):
        on_task(**options)
    if None not in options.values():
        with pytest.raises(error):
            on_task(of_sync).with_options(**options)


def test_other_options_leave_the_handler_as_it_is():
    handler = on_task(concurrency=2, grace_period=3)(of_sync)
    other = handler.with_options(grace_period=4, agent_id="a-2")
    assert (handler._options.concurrency, handler._options.grace_period, handler._options.agent_id) == (2, 3, None)
    assert (other._options.concurrency, other._options.grace_period, other._options.agent_id) == (2, 4, "a-2")


def test_stopping_a_handler_that_is_not_served_does_nothing():
    on_task(of_sync).stop()


def test_decorating_loads_neither_an_event_loop_nor_an_http_library():
    script = (
        "import sys\nfrom xpander_facade import on_task\n@on_task\ndef handler(task): return task\nhandler(None)\n"
        "known = 'asyncio starlette uvicorn agno httpx httpcore xpander_api typer rich'.split()\n"
        "print(sorted({*known} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("verb", ["run", "run_prompt"])
def test_serving_from_inside_an_event_loop_names_the_async_twin(verb: str):
    configuration = Configuration("key-1", "org-1", "http://127.0.0.1:9", agent_id="a-1")
    handler = on_task(configuration=configuration)(of_sync)

    async def main() -> None:
        getattr(handler, verb)(*(["hello"] if verb == "run_prompt" else []))

    with pytest.raises(RuntimeError, match=rf"await a{verb}\(\)"):
        asyncio.run(main())


# --- hooks ---


@pytest.fixture
def hooks() -> Iterator[None]:
    former = [*BOOT], [*SHUTDOWN]
    BOOT.clear()
    SHUTDOWN.clear()
    yield
    BOOT[:], SHUTDOWN[:] = former


@pytest.mark.usefixtures("hooks")
def test_hooks_are_remembered_in_order_and_stay_what_they_are():
    ran: list[str] = []

    def plain() -> None:
        ran.append("plain")

    async def asynchronous() -> None:
        ran.append("async")

    assert [on_boot(plain), on_boot(asynchronous), on_shutdown(plain)] == [plain, asynchronous, plain]
    assert ([plain, asynchronous], [plain]) == (BOOT, SHUTDOWN)
    for hook in BOOT:
        asyncio.run(run_hook(hook))
    assert ran == ["plain", "async"]


@pytest.mark.parametrize(("decorate", "name"), [(on_boot, "on_boot"), (on_shutdown, "on_shutdown")])
def test_a_hook_that_wants_arguments_is_refused(decorate: Any, name: str):
    with pytest.raises(TypeError, match=f"{name} decorates a function that can be called without arguments"):
        decorate(of_sync)
    with pytest.raises(TypeError, match=name):
        decorate("connect")


# --- threads, signals, logging ---


def test_a_handlers_thread_sees_the_context_and_gives_back_what_it_returns_or_raises():
    async def main() -> None:
        current_task_id.set("t-1")
        assert await in_thread(current_task_id.get) == "t-1"
        assert await in_thread(threading.current_thread) is not threading.current_thread()
        for error in (LookupError("no"), KeyboardInterrupt()):
            with pytest.raises(type(error)):
                await in_thread(functools.partial(_raise, error))

    asyncio.run(main())


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "text"), [(ValueError("why"), "why"), (ValueError(), "ValueError"), (KeyError("k"), "'k'")]
)
def test_an_exception_says_its_text_or_its_name(error: Exception, text: str):
    assert error_text(error) == text


def test_the_first_signal_stops_all_workers_and_the_former_handlers_come_back():
    stopped: list[str] = []
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with handle_signals(stopped.append):
        with handle_signals(lambda name: stopped.append(f"other {name}")):
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert stopped == ["SIGTERM", "other SIGTERM"]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_signal_that_something_else_than_python_heeded_is_left_to_the_system(monkeypatch: pytest.MonkeyPatch):
    installed: list[Any] = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: installed.append(handler))
    with handle_signals(lambda name: None):
        installed.clear()
    assert installed == [signal.SIG_DFL, signal.SIG_DFL]


def test_a_heartbeat_without_an_answer_does_not_delay_that_of_another_id(monkeypatch: pytest.MonkeyPatch):
    both = threading.Barrier(2, timeout=10)
    met = threading.Event()

    def send(*_: Any) -> None:
        both.wait()
        met.set()

    monkeypatch.setattr(_heartbeat, "_client", SimpleNamespace(send=send))
    heartbeat = Heartbeat(Configuration("key-1", "org-1", "http://127.0.0.1:9"), "a-1", 0.01)
    heartbeat.worker_ids = frozenset({"w-1", "w-2"})
    with heartbeat:
        assert met.wait(10)
        heartbeat.worker_ids = frozenset()
        both.abort()


def test_what_fails_in_a_blocking_call_has_no_other_failure_before_it():
    configuration = Configuration("key-1", "org-1", "http://127.0.0.1:9", agent_id="a-1")

    @on_boot
    def failing() -> None:
        raise LookupError("no database")

    try:
        with pytest.raises(LookupError) as failed:
            on_task(configuration=configuration)(of_sync).run()
    finally:
        BOOT.remove(failing)
    assert failed.value.__context__ is None


def test_a_thread_leaves_signals_alone():
    before = signal.getsignal(signal.SIGTERM)
    seen: list[Any] = []

    def run() -> None:
        with handle_signals(lambda name: None):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]


def test_the_filter_gives_records_the_task_of_the_running_code():
    record = logging.makeLogRecord({"msg": "hello"})
    assert TaskIdFilter().filter(record) is True
    assert record.__dict__["task_id"] is None
    own = logging.makeLogRecord({"task_id": "mine"})
    TaskIdFilter().filter(own)
    assert own.__dict__["task_id"] == "mine"


# --- what is sent ---


@pytest.mark.parametrize(
    ("value", "environment"), [(None, "local"), ("true", "xpander"), ("1", "xpander"), ("0", "local")]
)
def test_a_worker_says_where_it_runs(monkeypatch: pytest.MonkeyPatch, value: str | None, environment: str):
    monkeypatch.delenv("IS_XPANDER_CLOUD", raising=False)
    if value is not None:
        monkeypatch.setenv("IS_XPANDER_CLOUD", value)
    assert worker_environment() == environment
    request = worker_stream_request("a/1", worker_environment())
    assert request.path == "/events/a%2F1/"
    assert request.params == {"environment": environment, "supports_llm_gateway": True}


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        ("https://inbound.xpander.ai", "https://agent-controller.xpander.ai/org-1"),
        ("https://agent-controller.acme.io", "https://agent-controller.acme.io/org-1"),
        ("http://localhost:8085", "http://localhost:9016/org-1"),
        ("https://platform.acme.io", "https://platform.acme.io/org-1"),
    ],
)
def test_a_message_goes_where_the_streams_are(base_url: str, root: str):
    from xpander_facade._client.call_flow import first_attempt

    configuration = Configuration("key-1", "org-1", base_url)
    request = message_request("a-1", "w/1", "worker-capacity-update", {"is_busy": True}, idempotent=True)
    attempt = first_attempt(configuration, request)
    assert (attempt.method, attempt.url) == ("POST", f"{root}/events/w%2F1?type=worker&agent_id=a-1")
    said = json.loads(attempt.content or b"")
    assert uuid.UUID(said.pop("id"))
    assert said == {"event": "worker-capacity-update", "data": {"is_busy": True}}


def test_waits_stay_at_the_last_one():
    assert [backoff((1.0, 2.0, 3.0), failures) for failures in (1, 2, 3, 4, 100)] == [1.0, 2.0, 3.0, 3.0, 3.0]


def test_a_pushed_event_is_one_of_its_task_and_has_a_time():
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    events = [
        TaskUpdateEvent(
            type=TaskUpdateEventType.Chunk, task_id="other", data="a", time=moment, identity={"name": "Ada"}
        ),
        TaskUpdateEvent(type=TaskUpdateEventType("new-kind"), task_id="", extra={"mark": 1}),
    ]
    request = push_request("t-1", "o-1", iter(events))
    assert request is not None
    first, second = request.body
    assert (request.method, request.path) == ("POST", "/agent-execution/t-1/events/push")
    assert first == {
        "type": "chunk",
        "task_id": "t-1",
        "organization_id": "o-1",
        "time": "2026-01-02T03:04:05Z",
        "data": "a",
        "identity": {"name": "Ada"},
    }
    assert second.pop("time").endswith("Z")
    assert second == {"type": "new-kind", "task_id": "t-1", "organization_id": "o-1", "mark": 1}


def test_a_pushed_task_goes_without_its_secrets():
    task = a_task(user_oidc_token="secret-1", user_tokens={"a": "secret-2"})
    event = TaskUpdateEvent(type=TaskUpdateEventType.TaskUpdated, task_id="t-1", data=task)
    request = push_request("t-1", "o-1", [event])
    assert request is not None
    assert request.body[0]["data"]["id"] == "t-1"
    assert "secret" not in str(request.body)


def test_no_events_need_no_call():
    assert push_request("t-1", "o-1", []) is None


@pytest.mark.parametrize("events", ["chunk", [{"type": "chunk"}], [None]])
def test_only_events_can_be_pushed(events: Any):
    with pytest.raises(TypeError, match="events must be a list of TaskUpdateEvent"):
        push_request("t-1", "o-1", events)


def test_in_a_retry_of_a_worker_the_message_goes_on_with_the_plan():
    task = a_task(deep_planning=DeepPlanning(enabled=True, tasks=[DeepPlanningItem(id="i", title="Read it")]))
    assert task.to_message() == "hello"
    task._retries = 2
    assert task.to_message() == task.to_message(2)
    assert "This is retry 2" in task.to_message()
    assert "This is retry 3" in task.to_message(3)
