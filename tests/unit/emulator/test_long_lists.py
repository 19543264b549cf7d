"""Long lists are read in parts, each of which takes a moment, whatever a filter is for."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from xpander_facade.emulator import _store
from xpander_facade.emulator._fields import new_task
from xpander_facade.emulator._store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 2_345
RARE = (3, 1_500, 1_501, 2_344)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = Store(":memory:")
    with store.transaction():
        for number in range(COUNT):
            task = new_task("org-1", "agent-1", f"run-{number}")
            if number in RARE:
                task["parent_execution"] = "parent-1"
            store.put_task(task)
    yield store
    store.close()


def test_a_long_list_comes_in_short_parts_newest_first(store: Store):
    parts = list(store.task_parts("org-1", agent_id="agent-1"))
    assert max(map(len, parts)) <= _store._PART
    assert [task["id"] for part in parts for task in part] == [f"run-{number}" for number in reversed(range(COUNT))]


def test_what_a_filter_is_for_is_found_wherever_it_is(store: Store):
    found = store.tasks("org-1", filters={"parent_task_id": "parent-1"})
    assert [task["id"] for task in found] == [f"run-{number}" for number in reversed(RARE)]
    assert store.tasks("org-1", filters={"parent_task_id": "parent-2"}) == []
    assert store.tasks("org-2") == []


def test_no_part_looks_through_more_rows_than_a_moment_allows(store: Store, monkeypatch: pytest.MonkeyPatch):
    steps: list[int] = []
    read = store.read

    def counting(statement: str, *values: object) -> list[tuple[object, ...]]:
        steps.append(0)
        store._db.set_progress_handler(lambda: steps.__setitem__(-1, steps[-1] + 1), 1)
        try:
            return read(statement, *values)
        finally:
            store._db.set_progress_handler(None, 1)

    monkeypatch.setattr(store, "read", counting)
    assert store.tasks("org-1", filters={"internal_status": "none has it"}) == []
    assert len(steps) >= COUNT // _store._WINDOW
    assert 0 < max(steps) < 20 * _store._WINDOW  # steps of SQLite's machine, a few for each row


def test_an_empty_store_lists_nothing():
    store = Store(":memory:")
    assert list(store.task_parts(None)) == []
    store.close()
    with pytest.raises(sqlite3.ProgrammingError):
        list(store.task_parts(None))
