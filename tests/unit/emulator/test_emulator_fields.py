"""A new task has everything a task has, and shares nothing with another; a reported one is stored as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.emulator._agents import Agents
from xpander_facade.emulator._executions import Executions
from xpander_facade.emulator._fields import new_task, reported_text
from xpander_facade.emulator._json import write
from xpander_facade.emulator._store import Store
from xpander_facade.emulator._streams import Streams

if TYPE_CHECKING:
    from collections.abc import Iterator


def containers(value: Any) -> Iterator[int]:
    """Yield the identities of all objects and arrays in a value."""
    if isinstance(value, (dict, list)):
        yield id(value)
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


def test_two_new_tasks_share_nothing_that_changes():
    first, second = new_task("org-1", "a", "x"), new_task("org-1", "a", "y")
    assert set(containers(first)) & set(containers(second)) == set()
    assert len(set(containers(first))) > 8
    for name, value in first.items():
        if name not in ("id", "created_at"):
            assert second[name] == value


def test_the_text_of_a_reported_task_says_all_of_it():
    task = new_task("org-1", "a", 'x"ü', "2026-11-29T20:00:00.000000Z")
    assert reported_text(task) == write(task)
    task |= {"status": "failed", "result": "é", "used_tools": ["ocr"], "tokens": {"total_tokens": 3}, "duration": 1.5}
    task["input"]["text"] = "Read it"
    assert reported_text(task) == write(task)


def test_a_report_is_answered_with_the_task_that_is_stored():
    store = Store(":memory:")
    executions = Executions(store, Streams(None), Agents(store, "org-1", strict=False), "org-1")
    for result in ("first", "second"):
        body = {"id": "x", "input": "Read it", "result": result, "llm_response": {"id": result}, "duration": 2}
        task = executions.report(None, "agent-1", body)
        assert store.task("org-1", "x") == task
        assert store.text_of(task) == write(task)
        assert store.llm_response("org-1", "x") == {"id": result}
        assert [entry["content"]["text"] for entry in store.entries("org-1", "x")] == ["Read it", result]
    assert store.read("SELECT runs, duration FROM totals WHERE runs > 0") == [(1, 2.0)]
