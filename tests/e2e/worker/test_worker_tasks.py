"""A worker over real sockets: what becomes of its tasks, however they are handled and however they end."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from agno.agent import Agent as AgnoAgent
from serving import IMPATIENT, PATIENCE, Serving, wait
from stub_model import StubModel

from xpander_facade import (
    AgentExecutionStatus,
    ConfigurationError,
    DeepPlanning,
    DeepPlanningItem,
    Task,
    Tasks,
    TaskUpdateEvent,
    TaskUpdateEventType,
    Tokens,
    on_task,
)
from xpander_facade.worker import _session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xpander_facade import Configuration
    from xpander_facade.emulator import Emulator

FINAL = ("completed", "error", "failed", "stopped")


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_session, "TIMEOUTS", IMPATIENT)


@pytest.fixture
def tasks(configuration: Configuration) -> Tasks:
    return Tasks(configuration)


def ended(emulator: Emulator, task: Task) -> dict[str, Any]:
    return emulator.wait_for_status(task.id, *FINAL, timeout=PATIENCE)


def changes(emulator: Emulator, task: Task) -> list[dict[str, Any]]:
    """Return what was sent to change a task, in order."""
    return [r.body for r in emulator.requests("update_task") if f"/{task.id}/" in r.path]


def chunk(text: str) -> TaskUpdateEvent:
    return TaskUpdateEvent(type=TaskUpdateEventType.Chunk, task_id="", data=text)


async def of_async(task: Task) -> Task:
    task.result = f"async: {task.input.text}"
    return task


def of_sync(task: Task) -> Task:
    task.result = f"sync: {task.input.text}"
    return task


async def of_events(task: Task) -> AsyncIterator[TaskUpdateEvent]:
    yield chunk("ev")
    yield chunk("ents")
    task.result = f"events: {task.input.text}"


# --- handlers of all kinds ---


@pytest.mark.parametrize("function", [of_async, of_sync, of_events], ids=["async", "sync", "events"])
def test_a_task_is_executed_by_its_handler_and_completed(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, function: Any
):
    handler = on_task(function)
    with Serving(handler, emulator, configuration) as serving:
        task = tasks.create(prompt="hello")
        stored = ended(emulator, task)
    kind = function.__name__.removeprefix("of_")
    assert (stored["status"], stored["result"]) == ("completed", f"{kind}: hello")
    assert stored["duration"] > 0
    (worker,) = emulator.workers(all=True)
    told = [(change["status"], change["worker_id"]) for change in changes(emulator, task)]
    assert told == [("executing", worker["id"]), ("completed", worker["id"])]
    assert [one.id for one in serving.finished] == [task.id]
    assert emulator.metrics("agent-123") == []


def passing_on(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **keywords: Any) -> Any:
        return function(*args, **keywords)

    return wrapper


@pytest.mark.parametrize(
    ("function", "result"),
    [
        (passing_on(of_async), "async: hello"),
        (passing_on(of_sync), "sync: hello"),
        (passing_on(of_events), "events: hello"),
        (staticmethod(of_async), "async: hello"),
    ],
    ids=["async", "sync", "events", "static"],
)
def test_a_handler_that_another_decorator_has_wrapped_is_called_as_what_it_is(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, function: Any, result: str
):
    with Serving(on_task(function), emulator, configuration):
        stored = ended(emulator, tasks.create(prompt="hello"))
    assert (stored["status"], stored["result"]) == ("completed", result)


def test_the_creator_sees_an_event_while_its_handler_still_runs(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    seen = threading.Event()

    @on_task
    async def handler(task: Task) -> AsyncIterator[TaskUpdateEvent]:
        yield chunk("first")
        assert await asyncio.to_thread(seen.wait, PATIENCE)
        yield chunk("second")
        task.result = "done"

    told: list[Any] = []
    with Serving(handler, emulator, configuration):
        task = tasks.create(prompt="hello", events_streaming=True)
        for event in task.events():
            if event.type is TaskUpdateEventType.Chunk:
                told.append(event.data)
                seen.set()
    assert told == ["first", "second"]
    assert task.reload().result == "done"


def test_the_documented_handler_runs_with_a_real_agent_and_its_creator_sees_the_events(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    model = StubModel()

    @on_task
    async def handler(task: Task) -> Task:
        agno_agent = AgnoAgent(model=model, instructions="Be brief.", telemetry=False)
        result = await agno_agent.arun(
            input=task.to_message(),
            files=task.get_files(),
            images=task.get_images(),
        )
        task.result = result.content
        return task

    with Serving(handler, emulator, configuration):
        task = tasks.create(prompt="How is it going?", events_streaming=True)
        told = [(event.type.value, getattr(event.data, "status", None)) for event in task.events()]
    assert told == [
        ("connected", None),
        ("task_created", "pending"),
        ("task_updated", "executing"),
        ("task_finished", "completed"),
    ]
    assert task.reload().result == "All is well."
    assert model.question().content == "How is it going?"


def test_an_event_that_can_not_be_pushed_costs_the_event_alone(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, caplog: pytest.LogCaptureFixture
):
    emulator.fail(503, 1, "push_task_events")
    with Serving(on_task(of_events), emulator, configuration):
        task = tasks.create(prompt="hello")
        assert ended(emulator, task)["status"] == "completed"
    chunks = [json.loads(event)["data"] for event in emulator.events(task.id) if '"chunk"' in event]
    assert chunks == ["ents"]
    assert "an event could not be pushed" in caplog.text


def test_a_function_for_finished_tasks_that_fails_costs_nothing(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    with Serving(on_task(of_sync), emulator, configuration) as serving:
        serving.finished = None
        assert ended(emulator, tasks.create(prompt="hello"))["status"] == "completed"
        assert ended(emulator, tasks.create(prompt="hello"))["status"] == "completed"


# --- failures ---


def failing(task: Task) -> Task:
    raise LookupError("the invoice is not there")


def silent(task: Task) -> Task:
    raise LookupError


def leaving(task: Task) -> Task:
    raise SystemExit(3)


async def interrupting(task: Task) -> Task:
    raise KeyboardInterrupt


async def returning_nothing(task: Task) -> Task:
    return None


async def returning_a_coroutine(task: Task) -> Task:
    return of_async(task)


async def returning_another(task: Task) -> Task:
    return attrs.evolve(task, id="other")


async def yielding_text(task: Task) -> AsyncIterator[TaskUpdateEvent]:
    yield "hello"


async def cancelled(task: Task) -> Task:
    raise asyncio.CancelledError


async def unsayable(task: Task) -> Task:
    task.title = {1, 2}
    return task


async def refused(task: Task) -> Task:
    task.duration = -5.0
    return task


class PanicError(BaseException):
    """What the libraries raise that are written in another language."""


async def panicking(task: Task) -> Task:
    raise PanicError("index out of bounds")


def panicking_in_a_thread(task: Task) -> Task:
    raise PanicError("index out of bounds")


async def closing(task: Task) -> Task:
    raise GeneratorExit


async def failing_in_a_group(task: Task) -> Task:
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0))
        raise LookupError("the invoice is not there")


async def panicking_in_a_group(task: Task) -> Task:
    raise BaseExceptionGroup("all of it", [PanicError("one"), ExceptionGroup("more", [ValueError("two"), KeyError()])])


async def misspelling(task: Task) -> Task:
    task.status = AgentExecutionStatus("complete")
    return task


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (failing, "the invoice is not there"),
        (silent, "LookupError"),
        (leaving, "the handler raised SystemExit(3): return the task, or fail"),
        (interrupting, "the handler raised KeyboardInterrupt(): return the task, or fail"),
        (returning_nothing, "the handler returned NoneType, not a Task: end it with `return task`"),
        (returning_a_coroutine, "the handler returned coroutine, not a Task: end it with `return task`"),
        (returning_another, "the handler returned another task (other): end it with `return task`"),
        (yielding_text, "the handler yielded str, not a TaskUpdateEvent"),
        (cancelled, "the handler was cancelled"),
        (unsayable, "the outcome can't be saved: this can't be sent as JSON: "),
        (panicking, "index out of bounds"),
        (panicking_in_a_thread, "index out of bounds"),
        (closing, "GeneratorExit"),
        (failing_in_a_group, "unhandled errors in a TaskGroup: the invoice is not there"),
        (panicking_in_a_group, "all of it: one; more: two; KeyError"),
        (misspelling, "the handler set the status 'complete', which is not a status"),
    ],
)
def test_a_handler_that_fails_makes_its_task_an_error_and_the_worker_goes_on(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, function: Any, text: str
):
    with Serving(on_task(function), emulator, configuration):
        stored = [ended(emulator, tasks.create(prompt="hello")) for _ in range(2)]
    assert [task["status"] for task in stored] == ["error", "error"]
    assert all(task["result"].startswith(text) for task in stored)


@pytest.mark.off_contract("the handler makes what no contract allows")
def test_an_outcome_that_the_platform_refuses_makes_the_task_an_error(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    with Serving(on_task(refused), emulator, configuration):
        stored = ended(emulator, tasks.create(prompt="hello"))
    assert stored["status"] == "error"
    assert stored["result"].startswith("the outcome can't be saved: PATCH ")


@pytest.mark.parametrize("status", ["failed", "paused", "completed"])
def test_a_status_that_the_handler_sets_is_kept(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, status: str
):
    @on_task
    async def handler(task: Task) -> Task:
        task.status, task.result = AgentExecutionStatus(status), "so it is"
        return task

    with Serving(handler, emulator, configuration):
        task = tasks.create(prompt="hello")
        assert emulator.wait_for_status(task.id, status, timeout=PATIENCE)["result"] == "so it is"


def test_a_task_that_the_handler_saves_itself_is_not_disturbed(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    @on_task
    async def handler(task: Task) -> Task:
        return await task.aset_status(AgentExecutionStatus.Completed, "mine")

    with Serving(handler, emulator, configuration) as serving:
        task = tasks.create(prompt="hello")
        ended(emulator, task)
    assert serving.finished[0].result == emulator.task(task.id)["result"] == "mine"


def test_tokens_are_reported_once_as_metrics(emulator: Emulator, configuration: Configuration, tasks: Tasks):
    @on_task
    def handler(task: Task) -> Task:
        task.tokens = Tokens(prompt_tokens=5, completion_tokens=2)
        return task

    emulator.fail(503, 1, "report_metrics", after=True)
    with Serving(handler, emulator, configuration):
        task = tasks.create(prompt="hello")
        ended(emulator, task)
    (metrics,) = emulator.metrics("agent-123")
    assert metrics["llm_tokens"]["worker"]["total_tokens"] == 7
    assert metrics["duration"] == emulator.task(task.id)["duration"] > 0


@pytest.mark.parametrize("status", [503, 429, 520])
def test_a_platform_that_fails_for_a_while_costs_no_outcome(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, status: int
):
    runs: list[str] = []

    @on_task
    async def handler(task: Task) -> Task:
        runs.append(task.id)
        emulator.fail(status, 3, "get_task")
        emulator.fail(status, 3, "update_task")
        task.result = "done"
        return task

    emulator.fail(status, 3, "update_task")
    with Serving(handler, emulator, attrs.evolve(configuration, max_retries=0), poll_interval=PATIENCE):
        task = tasks.create(prompt="hello")
        assert ended(emulator, task)["result"] == "done"
    assert runs == [task.id]


def test_a_task_that_may_not_be_executed_becomes_an_error_and_the_next_is_taken(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    emulator.fail(403, 1, "update_task")
    with Serving(on_task(of_async), emulator, configuration, concurrency=1):
        first, second = (ended(emulator, tasks.create(prompt="hello")) for _ in range(2))
    assert (first["status"], second["status"]) == ("error", "completed")
    assert first["result"].startswith("the platform refused: PATCH ")


def test_a_task_of_which_the_platform_knows_nothing_is_abandoned(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, caplog: pytest.LogCaptureFixture
):
    emulator.fail(404, 2, "update_task")
    with Serving(on_task(of_async), emulator, configuration) as serving:
        task = tasks.create(prompt="hello")
        while len(emulator.requests("update_task")) < 2:
            assert emulator.task(task.id)["status"] == "pending"
        serving.end()
    assert serving.finished == []
    assert "the platform refused the error too; the outcome is not saved" in caplog.text


# --- plans ---


def plan(*completed: bool) -> DeepPlanning:
    items = [DeepPlanningItem(id=f"i{n}", title=f"step {n}", completed=done) for n, done in enumerate(completed)]
    return DeepPlanning(enabled=True, enforce=True, started=True, tasks=items)


def test_an_enforced_plan_is_followed_with_a_continuation_prompt_and_a_compacted_session(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    asked: list[str] = []
    contexts: list[str] = []

    @on_task
    async def handler(task: Task) -> Task:
        asked.append(task.to_message())
        contexts.append(task.additional_context or "")
        thought = TaskUpdateEvent(type=TaskUpdateEventType.Think, task_id="", data={"thought": "hm"})
        await task.apush_events([thought] * 3)
        task.deep_planning = plan(True, len(asked) > 1)
        await task.asave(with_deep_plan_update=True)
        task.tokens = Tokens(prompt_tokens=10)
        task.result = f"attempt {len(asked)}"
        if len(asked) == 1:
            task.status = AgentExecutionStatus.Completed
        return task

    with Serving(handler, emulator, configuration):
        task = tasks.create(prompt="Do both")
        stored = ended(emulator, task)
    assert asked[0] == "Do both"
    assert asked[1].startswith("Do both\n\nThis is retry 1 of this task")
    assert "[x] step 0 (id: i0)\n[ ] step 1 (id: i1)  <-- next" in asked[1]
    assert len(asked) == 2
    assert ["<compacted_context>" in context for context in contexts] == [False, True]
    assert (stored["result"], stored["execution_attempts"]) == ("attempt 2", 2)
    assert stored["tokens"]["prompt_tokens"] == 20
    assert [event for event in emulator.events(task.id) if '"task_finished"' in event] == [emulator.events(task.id)[-1]]
    assert len(emulator.metrics("agent-123")) == 1


def test_a_plan_that_is_never_done_is_tried_five_times_more_and_saved_as_it_is(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, caplog: pytest.LogCaptureFixture
):
    attempts: list[int] = []

    @on_task
    def handler(task: Task) -> Task:
        attempts.append(task.execution_attempts)
        task.deep_planning = plan(False)
        task.save(with_deep_plan_update=True)
        return task

    with Serving(handler, emulator, configuration):
        stored = ended(emulator, tasks.create(prompt="Do it"))
    assert attempts == [1, 2, 3, 4, 5, 6]
    assert stored["status"] == "completed"
    assert "the plan has 1 open items after 5 retries; the task is saved as it is" in caplog.text


def test_a_plan_is_not_followed_after_a_failure(emulator: Emulator, configuration: Configuration, tasks: Tasks):
    attempts: list[int] = []

    @on_task
    def handler(task: Task) -> Task:
        attempts.append(1)
        task.deep_planning = plan(False)
        task.save(with_deep_plan_update=True)
        raise LookupError("no")

    with Serving(handler, emulator, configuration):
        stored = ended(emulator, tasks.create(prompt="Do it"))
    assert (stored["status"], len(attempts)) == ("error", 1)


def test_a_plan_is_not_followed_when_the_handler_has_ended_its_task(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    attempts: list[int] = []

    @on_task
    def handler(task: Task) -> Task:
        attempts.append(1)
        task.deep_planning, task.status = plan(False), AgentExecutionStatus.Completed
        return task.save(with_deep_plan_update=True)

    with Serving(handler, emulator, configuration) as serving:
        ended(emulator, tasks.create(prompt="Do it"))
    assert (len(attempts), len(serving.finished)) == (1, 1)


def test_a_compaction_that_fails_does_not_keep_a_plan_from_being_followed(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, caplog: pytest.LogCaptureFixture
):
    asked: list[str] = []

    @on_task
    def handler(task: Task) -> Task:
        asked.append(task.to_message())
        task.deep_planning = plan(len(asked) > 1)
        return task.save(with_deep_plan_update=True)

    emulator.fail(403, 1, "get_activity_log")
    with Serving(handler, emulator, configuration):
        assert ended(emulator, tasks.create(prompt="Do it"))["status"] == "completed"
    assert len(asked) == 2
    assert "This is retry 1" in asked[1]
    assert "the session could not be compacted" in caplog.text


# --- stopping a task ---


@pytest.mark.parametrize("kind", ["async", "events"])
def test_a_stop_elsewhere_cancels_an_async_handler(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, kind: str
):
    began, unwound = threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.sleep(10 * PATIENCE)
        finally:
            unwound.set()

    async def awaiting(task: Task) -> Task:
        await work()
        return task

    async def yielding(task: Task) -> AsyncIterator[TaskUpdateEvent]:
        await work()
        yield chunk("never")

    handler: Any = on_task(awaiting if kind == "async" else yielding)
    with Serving(handler, emulator, configuration) as serving:
        task = tasks.create(prompt="hello")
        wait(began)
        tasks.get(task.id).stop()
        wait(unwound)
    assert emulator.task(task.id)["status"] == "stopped"
    assert serving.finished == []
    assert [change.get("status") for change in changes(emulator, task)] == ["executing"]


def test_a_sync_handler_sees_that_its_task_was_stopped(emulator: Emulator, configuration: Configuration, tasks: Tasks):
    began, saw = threading.Event(), threading.Event()

    @on_task
    def handler(task: Task) -> Task:
        began.set()
        while not task.reload().is_manually_stopped:
            pass
        saw.set()
        task.result = "too late"
        return task

    with Serving(handler, emulator, configuration) as serving:
        task = tasks.create(prompt="hello")
        wait(began)
        tasks.stop(task.id)
        wait(saw)
    assert (emulator.task(task.id)["status"], emulator.task(task.id)["result"]) == ("stopped", None)
    assert serving.finished == []


# --- one task at a prompt ---


def test_a_prompt_is_worked_on_here_and_nothing_else(emulator: Emulator, configuration: Configuration, tasks: Tasks):
    ran: list[str | None] = []

    @on_task(configuration=configuration)
    async def handler(task: Task) -> Task:
        ran.append(task.input.text)
        task.result = "fine"
        return task

    task = handler.run_prompt("How are you?")
    assert task is not None
    assert (task.status, task.result, ran) == (AgentExecutionStatus.Completed, "fine", ["How are you?"])
    assert emulator.task(task.id)["result"] == "fine"
    (worker,) = emulator.workers(all=True)
    assert worker["state"] == "finished"


# --- what a worker needs ---


def test_all_that_a_worker_lacks_is_named_at_once_and_nothing_is_sent(emulator: Emulator, environment: dict[str, str]):
    handler = on_task(of_async)
    with pytest.raises(ConfigurationError) as raised:
        handler.run()
    for remedy in ("pass agent_id=", "set XPANDER_API_KEY", "set XPANDER_ORGANIZATION_ID"):
        assert remedy in str(raised.value)
    assert emulator.requests() == []


def test_a_worker_that_lacks_one_thing_names_that_alone(emulator: Emulator, configuration: Configuration):
    handler = on_task(configuration=attrs.evolve(configuration, organization_id=None))(of_async)
    with pytest.raises(ConfigurationError, match=r"^no organisation[^;]*$"):
        asyncio.run(handler.arun())


def test_a_disabled_worker_says_so(configuration: Configuration):
    handler = on_task(configuration=attrs.evolve(configuration, disabled=True))(of_async)
    with pytest.raises(ConfigurationError, match="XPANDER_DISABLED"):
        handler.run()
