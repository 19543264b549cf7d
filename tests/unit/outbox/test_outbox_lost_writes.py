"""Hold what becomes of what was written and is gone: with a file that was deleted, or with a transaction taken back."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xpander_facade import Configuration, OutboxSettings
from xpander_facade.errors import OutboxError
from xpander_facade.outbox import Outbox, _in_flight
from xpander_facade.outbox._database import Database
from xpander_facade.outbox._runtime import OutboxRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator


def delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def runtime(path: Path) -> Iterator[OutboxRuntime]:
    made = OutboxRuntime(OutboxSettings(path))
    yield made
    made.close()


def counted(path: Path, table: str) -> int:
    with contextlib.closing(Database(str(path))) as database:
        return int(database.query(f"SELECT count(*) FROM {table}")[0][0])


def test_a_run_that_ended_while_another_process_moved_it_is_not_taken_for_unfinished(
    runtime: OutboxRuntime, path: Path
):
    other = Database(str(path))
    with contextlib.closing(other):
        number = runtime.store.destination("https://platform org-1")
        runtime.in_flight.add(number, "ended", "a", b'{"id":"ended"}')
        runtime.in_flight.add(number, "running", "a", b'{"id":"running"}')
        other.query("SELECT 1 FROM runs")
        delete(path)
        other.check_file()
        runtime.in_flight.remove(number, "ended")
        runtime.in_flight.discard(number, "ended")
        runtime._check_file()
    assert counted(path, "runs") == 1


def test_a_run_that_another_process_moves_after_its_end_is_not_taken_for_unfinished(
    runtime: OutboxRuntime, path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_in_flight, "LOOK_FOR_ENDED", float("inf"))
    number = runtime.store.destination("https://platform org-1")
    for id in ("ended", "running"):
        runtime.in_flight.add(number, id, "a", b'{"id":"ended"}')
    runtime._check_file()
    assert runtime.in_flight.end(number, "ended", "a", b'{"id":"ended"}')
    runtime.in_flight.discard(number, "ended")
    with contextlib.closing(Database(str(path))) as other:
        ((owner,),) = other.query("SELECT owner FROM runs")
        other.execute("INSERT INTO runs VALUES (?, ?, 'a', ?, 1.0, '{}')", *("ended", number, owner))
    runtime._check_file()
    assert counted(path, "runs") == 2  # it does not look each time
    monkeypatch.setattr(_in_flight, "LOOK_FOR_ENDED", 0.0)
    runtime._check_file()
    assert counted(path, "runs") == 1


def write_again(path: Path, number: int, id: str) -> None:
    """Write down a run of this process, as a process does that brings it from a file that was deleted."""
    with contextlib.closing(Database(str(path))) as other:
        ((owner,),) = other.query("SELECT owner FROM processes")
        other.execute("INSERT INTO runs VALUES (?, ?, 'a', ?, 1.0, '{}')", id, number, owner)


def end(runtime: OutboxRuntime, number: int, id: str) -> None:
    runtime.in_flight.remove(number, id)
    runtime.in_flight.discard(number, id)


def test_a_run_of_the_same_process_that_names_the_file_differently_stays(
    runtime: OutboxRuntime, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_in_flight, "LOOK_FOR_ENDED", 0.0)
    (tmp_path / "link").symlink_to(tmp_path)
    with contextlib.closing(OutboxRuntime(OutboxSettings(tmp_path / "link" / path.name))) as other:
        number = runtime.store.destination("https://platform org-1")
        runtime.in_flight.add(number, "of one", "a", b'{"id":"of one"}')
        other.in_flight.add(number, "of the other", "a", b'{"id":"of the other"}')
        for each in (runtime, other):
            each._check_file()
        assert runtime.in_flight.is_recorded(number, "of one")
        assert other.in_flight.is_recorded(number, "of the other")
        end(other, number, "of the other")
        write_again(path, number, "of the other")
        for each in (runtime, other):
            each._check_file()
        assert [id for (id,) in runtime.database.query("SELECT id FROM runs")] == ["of one"]


def test_a_run_that_is_moved_long_after_its_end_is_not_taken_for_unfinished(
    runtime: OutboxRuntime, path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_in_flight, "LOOK_FOR_ENDED", 0.0)
    monkeypatch.setattr(_in_flight, "MAX_ENDED", 2)
    number = runtime.store.destination("https://platform org-1")
    runtime.in_flight.add(number, "ended", "a", b'{"id":"ended"}')
    runtime._check_file()
    delete(path)
    runtime._check_file()
    end(runtime, number, "ended")
    for i in range(9):
        runtime.in_flight.add(number, f"later-{i}", "a", b"{}")
        end(runtime, number, f"later-{i}")
    write_again(path, number, "ended")
    runtime._check_file()
    assert counted(path, "runs") == 0


def test_what_a_process_knows_of_runs_that_it_has_ended_does_not_grow(
    runtime: OutboxRuntime, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_in_flight, "MAX_ENDED", 5)
    in_flight = runtime.in_flight
    for i in range(100):
        in_flight._own.add((1, f"run-{i}"))
        runtime.database.losses += 1
        in_flight.remove_ended()
        in_flight.discard(1, f"run-{i}")
        known = [(1, f"run-{j}") for j in range(i + 1) if in_flight._has_ended((1, f"run-{j}"))]
        assert known[-5:] == [(1, f"run-{j}") for j in range(max(i - 4, 0), i + 1)]
        assert len(known) <= 15


def test_a_run_of_a_dead_process_that_is_moved_after_its_lease_is_reported(
    runtime: OutboxRuntime, path: Path, monkeypatch: pytest.MonkeyPatch
):
    dead, last = OutboxRuntime(OutboxSettings(path)), Database(str(path))
    with contextlib.closing(dead), contextlib.closing(last):
        number = runtime.store.destination("https://platform org-1")
        dead.in_flight._owner = "machine 1 2"
        dead.in_flight.add(number, "first", "a", b'{"id":"first"}')
        last.query("SELECT 1 FROM runs")
        delete(path)
        runtime.database.check_file()  # the lease is moved
        dead.in_flight.add(number, "second", "a", b'{"id":"second"}')  # its process has not noticed yet
        monkeypatch.setattr("xpander_facade.outbox._in_flight.is_gone", lambda name: name == "machine 1 2")
        assert runtime.in_flight.report_dead() == 1
        assert counted(path, "processes") == 0
        last.check_file()  # what was left in the old file is moved
        assert runtime.in_flight.report_dead() == 1
        dead.database.close()
    assert counted(path, "runs") == counted(path, "processes") == 0
    assert counted(path, "reports") == 2


def test_what_was_written_to_a_deleted_file_is_brought_into_the_new_one_at_the_end(path: Path):
    configuration = Configuration(
        api_key="k", base_url="http://127.0.0.1:9", organization_id="o", agent_id="a", outbox=OutboxSettings(path)
    )
    outbox = Outbox.of(configuration)
    outbox._runtime.store.destination("https://platform org-1")
    delete(path)
    outbox._runtime.store.put(outbox._destination, "a", "a", b'{"id":"a"}')
    outbox.close()
    assert counted(path, "reports") == 1


def test_the_lease_of_a_run_is_written_again_after_a_full_disk_has_taken_it_back(runtime: OutboxRuntime, path: Path):
    number = runtime.store.destination("https://platform org-1")
    ((pages,),) = runtime.database.query("PRAGMA page_count")
    runtime.database.query(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(OutboxError, match="no room"), runtime.database.transaction():
        runtime.in_flight.add(number, "large", "a", b'{"id":"' + b"x" * 100_000 + b'"}')
    runtime.database.query("PRAGMA max_page_count = 1000000")
    with runtime.database.transaction():
        runtime.in_flight.add(number, "small", "a", b'{"id":"small"}')
    assert counted(path, "runs") == counted(path, "processes") == 1
