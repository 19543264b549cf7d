"""Reports where they are stored first: what that writes, its bounds, and what becomes of them."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from xpander_facade import OutboxSettings
from xpander_facade.outbox import _arrivals, _inspection, _schema
from xpander_facade.outbox._claims import Claims
from xpander_facade.outbox._database import Database
from xpander_facade.outbox._in_flight import DIED, InFlightRuns
from xpander_facade.outbox._store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEAD = "machine 1 1"


class File:
    """One outbox's file, as one process sees it, at a time that stands still."""

    def __init__(self, path: Path, **bounds: Any) -> None:
        self.now = 1_000_000.0
        self.database = Database(str(path))
        self.store = Store(self.database, OutboxSettings(path, **bounds), clock=lambda: self.now)
        self.in_flight = InFlightRuns(self.store)
        self.destination = self.store.destination("https://platform")

    def put(self, id: str, **said: Any) -> bool:
        return self.store.put(self.destination, id, "agent-1", json.dumps({"id": id, **said}).encode())

    def begin(self, id: str) -> None:
        self.in_flight.add(self.destination, id, "agent-1", json.dumps({"id": id, "input": "asked"}).encode())

    def end(self, id: str, **said: Any) -> bool:
        return self.in_flight.end(self.destination, id, "agent-1", json.dumps({"id": id, **said}).encode())

    def take_in(self, count: int) -> None:
        if count:
            with self.database.transaction():
                _arrivals.take_in(self.database.query, self.now, count)

    def count(self, table: str) -> int:
        return int(self.database.query(f"SELECT count(*) FROM {table}")[0][0])

    def claimed(self) -> list[dict[str, Any]]:
        return [json.loads(claim.body) for claim in Claims(self.store).claim(self.destination, 100, 30.0)]


@pytest.fixture
def make_file(tmp_path: Path) -> Iterator[Callable[..., File]]:
    made: list[File] = []

    def make(name: str = "runs.db", **bounds: Any) -> File:
        made.append(File(tmp_path / name, **bounds))
        return made[-1]

    yield make
    for file in made:
        file.database.close()


def test_storing_a_report_writes_few_pages(make_file: Callable[..., File]):
    file = make_file()
    file.put("run-0")
    log = f"{file.database.path}-wal"
    before = os.path.getsize(log)
    for number in range(1, 201):
        file.put(f"run-{number}", result="x" * 1000)
    # A page and 24 bytes that tell what it is. Two of three reports join others on a page; the third begins one, and
    # writes three more. A table with an index would write that as well.
    assert (os.path.getsize(log) - before) / (4096 + 24) / 200 < 2.1


def test_reports_of_one_run_join_in_the_order_in_which_they_came(make_file: Callable[..., File]):
    file = make_file()
    file.put("run-1", result="first", input="asked")
    file.store.take_in()
    file.put("run-1", result="second")
    file.put("run-2", result="only")
    file.put("run-1", result="third")
    assert file.claimed() == [{"id": "run-1", "result": "third", "input": "asked"}, {"id": "run-2", "result": "only"}]


def test_reports_are_sent_in_the_order_in_which_they_came_however_many_are_taken_in_at_once(
    make_file: Callable[..., File], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("xpander_facade.outbox._store._TAKEN_IN", 3)
    file = make_file()
    for number in range(10):
        file.now += 1
        file.put(f"run-{number}", result=str(number))
    file.put("run-1", result="again")
    assert [one["result"] for one in file.claimed()] == ["0", "again", *map(str, range(2, 10))]
    assert file.count("arrivals") == 0


@pytest.mark.parametrize("taken", [0, 2, 5])
def test_what_has_come_counts_for_the_bounds_of_the_file(make_file: Callable[..., File], taken: int):
    file = make_file(max_reports=5)
    for number in range(5):
        assert file.put(f"run-{number}")
    file.take_in(taken)
    assert file.count("arrivals") == 5 - taken
    assert not file.put("run-5")
    assert _inspection.status(file.store).waiting == 5


@pytest.mark.parametrize("taken", [0, 2, 4])
def test_the_bytes_of_what_has_come_count_for_the_bounds_of_the_file(make_file: Callable[..., File], taken: int):
    file = make_file(max_bytes=1_000)
    for number in range(4):
        assert file.put(f"run-{number}", result="x" * 200)
    size = _inspection.status(file.store).bytes
    file.take_in(taken)
    assert _inspection.status(file.store).bytes == size
    room = 1_000 - size - len('{"id": "run-4", "result": ""}')
    assert not file.put("run-4", result="x" * (room + 1))
    assert file.put("run-4", result="x" * room)


def test_a_run_ends_by_one_statement_which_removes_it_from_the_journal(make_file: Callable[..., File]):
    file = make_file()
    file.begin("run-1")
    file.begin("run-2")
    assert file.end("run-1", result="done")
    assert file.database.query("SELECT id FROM runs") == [("run-2",)]
    assert file.claimed() == [{"id": "run-1", "result": "done"}]


@pytest.mark.parametrize("owner", [DEAD, None])
def test_a_run_that_is_not_this_process_s_does_not_end_so(make_file: Callable[..., File], owner: str | None):
    file = make_file()
    if owner is not None:
        file.begin("run-1")
        file.database.execute("UPDATE runs SET owner = ?", owner)
    assert not file.end("run-1", result="done")
    assert file.count("arrivals") == 0
    assert file.count("runs") == (owner is not None)


def test_a_run_without_room_for_its_report_stays_in_the_journal(make_file: Callable[..., File]):
    file = make_file(max_reports=1)
    file.put("run-0")
    file.begin("run-1")
    assert not file.end("run-1", result="done")
    assert file.count("runs") == 1


def test_the_failure_of_a_dead_run_is_later_than_its_start_that_has_come(make_file: Callable[..., File]):
    file = make_file()
    file.put("run-1", result="begun", input="asked")
    file.database.execute(
        "INSERT INTO runs (id, destination, agent_id, owner, began_at, body) VALUES ('run-1', ?, 'a', ?, ?, ?)",
        *(file.destination, DEAD, file.now + 1, b'{"id": "run-1", "input": "asked"}'),
    )
    file.database.execute("INSERT INTO processes (owner, seen_at, lease_until) VALUES (?, 0, 0)", DEAD)
    assert file.in_flight.report_dead() == 1
    (report,) = file.claimed()
    assert report["result"] == DIED


def test_what_has_come_is_due_though_the_clock_was_put_back(make_file: Callable[..., File]):
    file = make_file()
    file.put("run-1")
    file.now -= 3600.0
    assert file.claimed() == [{"id": "run-1"}]


def test_what_has_come_is_seen_while_another_process_has_the_file(make_file: Callable[..., File]):
    file = make_file()
    file.put("run-1", result="first")
    file.store.take_in()
    file.put("run-1", result="second")
    file.put("run-2")
    with closing(sqlite3.connect(file.database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert [(one.id, one.state) for one in _inspection.entries(file.store, None, 10)] == [
            ("run-1", "waiting"),
            ("run-1", "waiting"),
            ("run-2", "waiting"),
        ]
        assert [one.id for one in _inspection.entries(file.store, "waiting", 2)] == ["run-1", "run-1"]
        assert _inspection.entries(file.store, "quarantined", 10) == []
        shown = _inspection.entry(file.store, "run-1")
        assert shown is not None
        assert shown.body == {"id": "run-1", "result": "second"}
        status = _inspection.status(file.store)
        assert (status.waiting, status.oldest_age) == (3, 0.0)
        assert file.store.unsent(file.destination, file.now) == 3
        assert file.store.unsent_states(file.destination) == (True, False)
        assert file.store.has_waiting(file.destination)
    assert [one.id for one in _inspection.entries(file.store, None, 10)] == ["run-1", "run-2"]


def test_what_has_come_can_be_dropped(make_file: Callable[..., File]):
    file = make_file()
    file.put("run-1")
    file.put("run-2")
    assert _inspection.drop(file.store, "run-1")
    assert not _inspection.drop(file.store, "run-1")
    assert file.claimed() == [{"id": "run-2"}]


def test_what_came_before_a_process_watched_is_as_old_as_its_time_says(make_file: Callable[..., File]):
    make_file(max_age=60).put("run-1")
    file = make_file(max_age=60)
    file.put("run-2")
    file.now += 3600.0
    file.store.drop_expired()
    # What came while the process watched stays, whatever the clock says.
    assert [one.id for one in _inspection.entries(file.store, None, 10)] == ["run-2"]


def test_a_file_that_is_made_anew_gets_what_has_come_in_both(make_file: Callable[..., File], tmp_path: Path):
    late, early = make_file(), make_file()
    late.put("run-1", result="first")
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"runs.db{suffix}").unlink()
    early.database.check_file()
    early.put("run-1", result="second")
    early.put("run-2")
    late.put("run-3")
    late.put("run-1", input="asked")
    late.database.check_file()
    assert early.count("arrivals") == 0
    reports = {one["id"]: one for one in early.claimed()}
    assert reports == {
        "run-1": {"id": "run-1", "result": "second", "input": "asked"},
        "run-2": {"id": "run-2"},
        "run-3": {"id": "run-3"},
    }


def test_a_file_of_the_version_before_keeps_its_reports(make_file: Callable[..., File], tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "runs.db", isolation_level=None)) as connection:
        connection.executescript(_schema._SCHEMA)
        connection.execute("PRAGMA user_version = 2")
        connection.execute(f"PRAGMA application_id = {_schema.APPLICATION_ID}")
        connection.execute("INSERT INTO destinations (destination, name) VALUES (7, 'https://platform')")
        connection.execute(
            "INSERT INTO reports (destination, id, agent_id, created_at, due, size, body) VALUES"
            " (7, 'run-1', 'agent-1', 1, 1, 15, ?)",
            (b'{"id": "run-1"}',),
        )
    file, other = make_file(), make_file()
    other.put("run-2")
    assert file.database.query("PRAGMA user_version") == [(_schema.VERSION,)]
    assert [one["id"] for one in file.claimed()] == ["run-1", "run-2"]


def test_a_file_of_a_newer_version_is_refused(make_file: Callable[..., File], tmp_path: Path):
    make_file().database.execute(f"PRAGMA user_version = {_schema.VERSION + 1}")
    with pytest.raises(Exception, match="newer version"):
        make_file()
