"""What a handler gives as its outcome: a last event, an object, a text; for creator, followers and the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest
from serving import IMPATIENT, PATIENCE, Serving

from xpander_facade import Task, Tasks, TaskUpdateEvent, TaskUpdateEventType, Tokens, on_task
from xpander_facade.worker import _session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from xpander_facade import Configuration
    from xpander_facade.emulator import Emulator


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_session, "TIMEOUTS", IMPATIENT)


def event(kind: TaskUpdateEventType, data: Any) -> TaskUpdateEvent:
    return TaskUpdateEvent(type=kind, task_id="", data=data)


@attrs.frozen
class Report:
    rows: int
    notes: tuple[str, ...]


def the_task(task: Task) -> Task:
    task.result = "All done."
    task.tokens = Tokens(3, 4)
    return task


OUTCOMES: dict[str, tuple[Callable[[Task], Any], str]] = {
    "the task itself": (the_task, "All done."),
    "the task as JSON": (lambda task: {**task.to_dict(), "result": "All done.", "used_tools": ["a"]}, "All done."),
    "a text": (lambda task: "All done.", "All done."),
    "an object": (lambda task: {"rows": 3, "names": ["é"]}, '{"rows": 3, "names": ["é"]}'),
    "an object of a class": (lambda task: Report(3, ("a",)), '{"rows": 3, "notes": ["a"]}'),
    "a list": (lambda task: [1, None], "[1, null]"),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_the_last_event_of_a_handler_is_its_outcome(
    name: str, emulator: Emulator, configuration: Configuration, caplog: pytest.LogCaptureFixture
):
    make, result = OUTCOMES[name]

    @on_task
    async def handler(task: Task) -> AsyncIterator[TaskUpdateEvent]:
        yield event(TaskUpdateEventType.Chunk, "All ")
        yield event(TaskUpdateEventType.Chunk, "done.")
        yield event(TaskUpdateEventType.TaskFinished, make(task))

    with Serving(handler, emulator, configuration):
        task = Tasks(configuration).create(prompt="hello", events_streaming=True)
        told = [(e.type.value, e.data) for e in task.events()]
        stored = emulator.wait_for_status(task.id, "completed", timeout=PATIENCE)
    # followers hear of the end once, when the outcome is saved
    assert [kind for kind, _ in told] == [
        "connected",
        "task_created",
        "task_updated",
        "chunk",
        "chunk",
        "task_finished",
    ]
    assert (told[-1][1].status.value, told[-1][1].result) == ("completed", result)
    # the store and the creator have it
    assert stored["result"] == result
    assert task.reload().result == result
    if name == "the task itself":
        assert stored["tokens"]["total_tokens"] == 7
    if name == "the task as JSON":
        assert stored["used_tools"] == ["a"]
    assert [r for r in emulator.requests() if r.status == 422] == []
    assert [r.getMessage() for r in caplog.records if r.levelname == "ERROR"] == []


@pytest.mark.parametrize("kind", ["async", "plain"])
def test_a_result_that_is_an_object_is_saved_as_json(kind: str, emulator: Emulator, configuration: Configuration):
    def finish(task: Task) -> Task:
        task.result = Report(1, ())
        return task

    async def afinish(task: Task) -> Task:
        return finish(task)

    with Serving(on_task(afinish if kind == "async" else finish), emulator, configuration):
        task = Tasks(configuration).create(prompt="hello")
        stored = emulator.wait_for_status(task.id, "completed", "error", timeout=PATIENCE)
    assert (stored["status"], stored["result"]) == ("completed", '{"rows": 1, "notes": []}')


def test_another_task_is_no_outcome(emulator: Emulator, configuration: Configuration):
    @on_task
    async def handler(task: Task) -> AsyncIterator[TaskUpdateEvent]:
        yield event(TaskUpdateEventType.TaskFinished, attrs.evolve(task, id="another"))

    with Serving(handler, emulator, configuration):
        task = Tasks(configuration).create(prompt="hello")
        stored = emulator.wait_for_status(task.id, "error", timeout=PATIENCE)
    assert "the handler returned another task (another)" in stored["result"]
