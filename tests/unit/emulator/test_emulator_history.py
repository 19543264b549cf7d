"""The history as the page reads it: pages by any order, filters, full text, sums over time."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from xpander_facade.emulator._fields import new_task
from xpander_facade.emulator._history import PAGE_SIZE, SORTS, History, Query
from xpander_facade.emulator._store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(":memory:")
    yield store
    store.close()


@pytest.fixture
def history(store: Store) -> History:
    return History(store)


def put(store: Store, id: str, agent: str = "a", created: str = "2026-11-28T10:00:00Z", **fields: Any) -> None:
    task = new_task("org-1", agent, id) | {"created_at": created, "status": "completed"} | fields
    store.put_task(task)


def walk(history: History, query: dict[str, Any]) -> list[str]:
    """Go through all pages to the end, and back to the beginning; return the ids on the way forth."""
    page = history.page(Query(**query))
    forth, pages = [task["id"] for task in page.tasks], [page]
    while page.older is not None:
        page = history.page(Query(**query, after=page.older))
        pages.append(page)
        forth += [task["id"] for task in page.tasks]
    for earlier in reversed(pages[:-1]):
        assert page.newer is not None
        page = history.page(Query(**query, before=page.newer))
        assert [task["id"] for task in page.tasks] == [task["id"] for task in earlier.tasks]
    assert page.newer is None
    return forth


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", SORTS)
def test_every_task_is_on_one_page_by_any_order(store: Store, history: History, sort: str, descending: bool):
    choose = random.Random(4)
    for number in range(PAGE_SIZE * 3):
        tokens = {"total_tokens": choose.choice((0, 5, 10**20))}
        source = choose.choice((None, "sdk", "ui"))
        put(
            store,
            f"t{number}",
            f"agent-{number % 3}",
            duration=choose.choice((0, 1.5, 1e300)),
            tokens=tokens,
            source=source,
        )
    ids = walk(history, {"sort": sort, "descending": descending})
    assert sorted(ids) == sorted(f"t{number}" for number in range(PAGE_SIZE * 3))
    column = {"created": "n", "agent": "agent_id"}.get(sort, sort)
    order = "DESC" if descending else "ASC"
    expected = store.read(f"SELECT id FROM tasks ORDER BY {column} {order}, n {order}")
    assert ids == [id for (id,) in expected]


def test_filters_and_texts_combine_with_any_order(store: Store, history: History):
    for number in range(PAGE_SIZE * 2 + 1):
        user = {"text": f"invoice {number}", "user": {"id": f"u{number % 2}"}}
        put(store, f"t{number}", f"agent-{number % 2}", status=("failed", "completed")[number % 4 < 2], input=user)
    everything = {f"t{number}" for number in range(PAGE_SIZE * 2 + 1)}
    assert set(walk(history, {"text": "invoice"})) == everything
    assert set(walk(history, {"text": "inv", "sort": "duration"})) == everything
    wanted = {f"t{number}" for number in range(PAGE_SIZE * 2 + 1) if number % 4 == 1}
    for more in ({"agent": "agent-1"}, {"user": "u1"}, {"agent": "agent-1", "user": "u1"}):
        assert set(walk(history, {"text": "invoice", "status": "completed", **more})) == wanted
    assert history.page(Query(status="completed")).count == len([n for n in range(PAGE_SIZE * 2 + 1) if n % 4 < 2])
    assert history.page(Query(text="invoice", agent="agent-1")).count == PAGE_SIZE


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("invoice", 1), ("INVOICE", 1), ("inv", 1), ("oice", 0), ("köln", 1), ("koln", 1), ("invoice koln", 1),
        ("invoice paris", 0), ("invoice-17", 1), ("17", 1), ("task-9", 1), ("billed", 1), ("titled", 1),
        ('"invoice" OR x', 0), ("*", 0), ('"', 0), ("NEAR(", 0), ("inv*", 1), ("日本", 1), ("!!!", 0), ("''; --", 0),
    ],
)  # fmt: skip
def test_a_text_finds_words_and_their_beginnings(store: Store, history: History, text: str, found: int):
    put(store, "task-9", input={"text": "Read invoice-17 from Köln"}, result="billed 日本語", title="titled")
    put(store, "other", input={"text": "something else"})
    assert len(history.page(Query(text=text)).tasks) == found


def test_a_text_goes_on_behind_a_nul(store: Store, history: History):
    r"""SQLite's functions end a text there; a backslash before `u0000` is not one."""
    put(store, "t", result="before\0behind", input={"text": "a\0b\0" + "x" * 500}, title="\\u0000 plain")
    page = history.page(Query(text="behind"))
    assert [(task["result"], task["title"]) for task in page.tasks] == [("before\0behind", "\\u0000 plain")]
    assert len(page.tasks[0]["input"]) == 240
    assert len(history.page(Query(text="plain")).tasks) == 1


def test_a_text_is_found_as_it_is_now(store: Store, history: History):
    put(store, "t", result="first")
    assert len(history.page(Query(text="first")).tasks) == 1
    put(store, "t", result="second")
    assert len(history.page(Query(text="first")).tasks) == 0
    assert len(history.page(Query(text="second")).tasks) == 1
    store.clear()
    assert history.page(Query(text="second")).tasks == []


def test_the_text_is_an_index_of_sqlite(store: Store, history: History):
    """A search of 100,000 tasks must not read them all: the plan names the index, and no scan of `tasks`."""
    put(store, "t", result="first")
    assert history.page(Query(text="first")).tasks
    statement = "EXPLAIN QUERY PLAN SELECT t.n FROM task_text f JOIN tasks t ON t.n = f.rowid WHERE f.task_text MATCH ?"
    plan = " ".join(row[3] for row in store.read(f"{statement} ORDER BY f.rowid DESC LIMIT 51", '"first"*'))
    assert "VIRTUAL TABLE INDEX" in plan
    assert "SCAN t" not in plan.replace("SCAN f", "")


@pytest.mark.parametrize("sort", [sort for sort in SORTS if sort != "created"])
def test_each_order_is_an_index_of_sqlite(store: Store, sort: str):
    column = {"agent": "agent_id"}.get(sort, sort)
    plan = store.read(f"EXPLAIN QUERY PLAN SELECT t.n FROM tasks t ORDER BY t.{column} DESC, t.n DESC LIMIT 51")
    assert "TEMP B-TREE" not in " ".join(row[3] for row in plan)


def test_totals_are_those_of_the_tasks_whatever_happened_to_them(store: Store, history: History):
    choose = random.Random(5)
    for _ in range(500):
        minute = f"2026-11-28T10:{choose.randrange(60):02}:00Z"
        id = f"t{choose.randrange(80)}"
        old = store.task("org-1", id)
        fields = {"duration": choose.randrange(9), "tokens": {"total_tokens": choose.randrange(99)}}
        status = choose.choice(("completed", "failed", "executing"))
        put(store, id, f"agent-{choose.randrange(9)}", old["created_at"] if old else minute, status=status, **fields)
    ((runs, tokens, duration),) = store.read("SELECT COUNT(*), SUM(tokens), SUM(duration) FROM tasks")
    totals = history.totals()
    assert (totals.runs, totals.tokens, totals.duration) == (runs, tokens, duration)
    assert sum(totals.by_status.values()) == runs
    assert sum(sum(one["runs"]) for one in totals.series) == runs
    assert sum(sum(one["tokens"]) for one in totals.series) == tokens
    assert len(totals.buckets) <= 60
    assert totals.series[-1]["agent"] == "3 other agents"
    one = history.totals("agent-1")
    assert one.runs == store.read("SELECT COUNT(*) FROM tasks WHERE agent_id = 'agent-1'")[0][0]
    assert [series["agent"] for series in one.series] == ["agent-1"]


@pytest.mark.parametrize(
    ("first", "last", "unit", "buckets"),
    [
        ("2026-11-28T10:00", "2026-11-28T10:00", "minute", 1),
        ("2026-11-28T10:00", "2026-11-28T11:59", "minute", 120),
        ("2026-11-28T10:00", "2026-11-30T10:59", "hour", 49),
        ("2026-11-01T10:00", "2026-11-28T09:00", "day", 28),
        ("2024-11-01T10:00", "2026-11-28T09:00", "month", 25),
        ("0001-01-01T00:00", "9999-12-31T23:59", "month", 119_988),
        ("not a time", "2026-11-28T09:00", "minute", 2),
    ],
)
def test_time_is_divided_by_its_length(store: Store, history: History, first: str, last: str, unit: str, buckets: int):
    put(store, "a", created=f"{first}:00Z" if "T" in first else first)
    put(store, "b", created=f"{last}:00Z")
    totals = history.totals()
    assert (totals.unit, len(totals.buckets)) == (unit, buckets)
    assert sum(totals.series[0]["runs"]) == 2


def test_a_database_without_tasks_has_an_empty_page(store: Store, history: History):
    page = history.page(Query())
    assert (page.tasks, page.count, page.older, page.newer) == ([], 0, None, None)
    assert history.totals().runs == 0
    assert history.agents() == []


def test_sqlite_has_what_the_history_needs():
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        options = {row[0] for row in database.execute("PRAGMA compile_options")}
    assert "ENABLE_FTS5" in options
