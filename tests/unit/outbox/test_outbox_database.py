"""Test the outbox's file: transactions that are interrupted, neighbours that do not give it up, files that vanish."""

import contextlib
import json
import os
import sqlite3
import stat
import threading

import pytest

from xpander_facade.configuration._outbox_settings import OutboxSettings
from xpander_facade.errors import ConfigurationError, OutboxError, OutboxFullError
from xpander_facade.outbox import _database, _inspection
from xpander_facade.outbox._ages import Ages
from xpander_facade.outbox._circuit_breaker import MAX_DELAY
from xpander_facade.outbox._claims import Claims, Outcome
from xpander_facade.outbox._database import Database
from xpander_facade.outbox._in_flight import InFlightRuns
from xpander_facade.outbox._store import Store

MAX_SEND = 40.0


@pytest.fixture
def make_store(tmp_path):
    stores = []

    def make(clock=lambda: 1_000_000.0, **settings):
        chosen = OutboxSettings(tmp_path / "runs.db", **settings)
        stores.append(Store(Database(chosen.path), chosen, clock, lambda: 1.0))
        stores[-1].ages = Ages(clock)
        return stores[-1]

    yield make
    for store in stores:
        store.database.close()


@pytest.fixture
def store(make_store):
    return make_store()


@pytest.fixture
def destination(store):
    return store.destination("https://platform org-1")


def claim(store, destination):
    claimed = Claims(store).claim(destination, 1, MAX_SEND)
    return claimed[0] if claimed else None


def settle(store, claim, result, reason="", **answer):
    Claims(store).settle([Outcome(claim, result, reason, **answer)])


def sent_and_refused(store):
    return store.database.query("SELECT sum(sent), sum(refused) FROM destinations")[0]


def put(store, destination, id, **body):
    return store.put(destination, id, "agent-1", json.dumps({"id": id, **body}).encode())


def states(store):
    return {entry.id: entry.state for entry in _inspection.entries(store, None, 100)}


class Interrupted:
    """A connection in whose use a signal comes in between, right after a statement."""

    def __init__(self, connection, statement):
        self._connection = connection
        self._statement = statement

    def execute(self, statement, *values):
        cursor = self._connection.execute(statement, *values)
        if statement == self._statement:
            self._statement = None
            raise KeyboardInterrupt
        return cursor

    def __getattr__(self, name):
        return getattr(self._connection, name)


# --- interruptions ---


def test_an_interrupt_while_a_transaction_begins_leaves_none_open(make_store, store, destination):
    file = store.database
    file._connection = Interrupted(file._connection, "BEGIN IMMEDIATE")
    with pytest.raises(KeyboardInterrupt), file.transaction():
        pass
    put(store, destination, "run-1")
    with file.transaction():
        put(store, destination, "run-2")
    assert states(make_store()) == {"run-1": "waiting", "run-2": "waiting"}


def test_a_transaction_that_was_left_open_is_taken_back_by_the_next_use(make_store, store, destination):
    store.database._connection.execute("BEGIN IMMEDIATE")
    put(store, destination, "run-1")
    assert states(make_store()) == {"run-1": "waiting"}


def test_a_lease_that_was_taken_back_with_its_transaction_is_signed_again(make_store, store, destination):
    in_flight = InFlightRuns(store)
    with contextlib.suppress(ZeroDivisionError), store.database.transaction():
        in_flight.add(destination, "run-1", "agent-1", b"{}")
        raise ZeroDivisionError
    in_flight.add(destination, "run-2", "agent-1", b"{}")
    assert make_store().database.query("SELECT owner FROM processes") == [(store.owner,)]


# --- neighbours ---


def test_waiting_for_a_neighbour_takes_no_longer_than_the_caller_has(store, destination, monkeypatch):
    monkeypatch.setattr("xpander_facade.outbox._database.BUSY_SECONDS", 3600.0)
    other = sqlite3.connect(store.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with store.database.busy_timeout(0.1):
        with pytest.raises(OutboxError, match="do not give it up"):
            put(store, destination, "run-1")
        with pytest.raises(OutboxError, match="do not give it up"), store.database.transaction():
            pass
        assert states(store) == {}
    other.execute("COMMIT")
    other.close()
    assert put(store, destination, "run-1")


def test_opening_and_reading_wait_for_no_neighbour_that_writes(store, destination):
    assert put(store, destination, "run-1")
    other = sqlite3.connect(store.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with contextlib.closing(Database(store.database.path)) as database, database.busy_timeout(0.1):
        assert database.query("SELECT id FROM arrivals") == [("run-1",)]
    other.execute("ROLLBACK")
    other.close()


# --- whose file it is ---


def test_the_database_of_another_program_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "theirs.db"
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE letters (text)")
    theirs.close()
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="another program's database"):
        Database(str(path)).query("SELECT 1")
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.skipif(os.name != "posix", reason="files have no owner there")
def test_the_file_of_another_user_is_refused(store, destination, monkeypatch):
    store.database.close()
    real = os.lstat

    def others(path, **more):
        found = list(real(path, **more))
        found[stat.ST_UID] = 4242
        return os.stat_result(found)

    monkeypatch.setattr(os, "lstat", others)
    monkeypatch.setattr(os, "geteuid", lambda: 4243)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        put(store, destination, "run-1")


def test_a_file_that_was_deleted_is_made_again_with_the_same_places(make_store, store, destination):
    store.destination("https://elsewhere")
    second = store.destination("https://platform org-2")
    store.database.close()
    os.unlink(store.database.path)
    assert put(store, second, "run-1")
    assert claim(store, second).id == "run-1"
    assert sent_and_refused(store) == (0, 0)
    assert make_store().destination("https://platform org-2") == second


# --- room ---


@pytest.mark.parametrize("when_full", ["block", "raise", "drop_oldest"])
def test_a_report_that_never_fits_is_refused_and_nothing_is_dropped_for_it(make_store, destination, when_full):
    store = make_store(max_bytes=200, when_full=when_full)
    put(store, destination, "run-1")
    with pytest.raises(OutboxFullError, match="max_bytes, which is 200"):
        put(store, destination, "run-2", result="x" * 300)
    assert states(store) == {"run-1": "waiting"}


def test_nothing_is_dropped_where_that_would_not_make_room(make_store, destination):
    store = make_store(max_bytes=300, when_full="drop_oldest")
    put(store, destination, "run-1", result="x" * 200)
    claim(store, destination)
    put(store, destination, "run-2")
    assert not put(store, destination, "run-3", result="x" * 200)
    assert states(store) == {"run-1": "sending", "run-2": "waiting"}


def test_on_a_full_disk_the_log_is_moved_into_the_file_at_any_size(store, destination):
    put(store, destination, "run-1", result="x" * 5000)
    ((pages,),) = store.database.query("PRAGMA page_count")
    store.database.query(f"PRAGMA max_page_count = {pages}")
    before = os.path.getsize(store.database.path)
    store.database.checkpoint()
    assert os.path.getsize(store.database.path) == before
    with pytest.raises(OutboxError, match="no room on the disk"):
        put(store, destination, "run-2", result="x" * 5000)
    store.database.checkpoint()
    assert os.path.getsize(store.database.path) > before


# --- time ---


def test_a_report_behind_one_that_is_being_sent_is_not_due(store, destination):
    put(store, destination, "run-1")
    claim(store, destination)
    put(store, destination, "run-1")
    assert Claims(store).next_due(destination) is None
    put(store, destination, "run-2")
    assert Claims(store).next_due(destination) == 1_000_000.0


def test_a_clock_that_is_put_back_hides_and_delays_no_report(make_store, destination):
    now = [1_000_000.0]
    store = make_store(lambda: now[0])
    put(store, destination, "run-1")
    now[0] -= MAX_DELAY + 1
    assert store.unsent(destination, store.stored_until(destination)) == 1
    Claims(store).next_due(destination)
    assert claim(store, destination).id == "run-1"


# --- runs that were told of without the file ---


def test_a_run_that_was_reported_elsewhere_is_struck_out_once_the_file_can_be_written(store, destination, monkeypatch):
    in_flight = InFlightRuns(store)
    in_flight.add(destination, "run-1", "agent-1", b"{}")
    with monkeypatch.context() as patch:
        patch.setattr("xpander_facade.outbox._database.BUSY_SECONDS", 0.01)
        other = sqlite3.connect(store.database.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        in_flight.remove_reported(destination, "run-1")
        other.close()
    assert in_flight.is_recorded(destination, "run-1")
    in_flight.remove_pending()
    assert not in_flight.is_recorded(destination, "run-1")
    assert not in_flight.contains(destination, "run-1")


@pytest.mark.parametrize("hook", ["before_fork", "after_fork_in_parent"])
def test_an_exception_of_a_signal_handler_in_a_forks_hook_leaves_no_lock_behind(store, destination, monkeypatch, hook):
    interrupts = [KeyboardInterrupt, TimeoutError]
    really_do = getattr(Database, hook)

    def interrupted(file):
        if interrupts:
            raise interrupts.pop()
        really_do(file)

    monkeypatch.setattr(Database, hook, interrupted)
    pid = os.fork()
    if not pid:
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert not interrupts
    stored = []
    thread = threading.Thread(target=lambda: stored.append(put(store, destination, "run-1")), daemon=True)
    thread.start()
    thread.join(10)
    assert stored == [True]


def test_the_locks_of_a_fork_come_free_where_its_first_hook_was_interrupted_at_once(store, destination):
    _database._before_fork()
    _database._before_fork()
    _database._after_fork_in_parent()
    _database._after_fork_in_parent()
    taken = []
    thread = threading.Thread(
        target=lambda: taken.extend(lock.acquire(timeout=5) for lock in (_database._forking, store.database._turn)),
        daemon=True,
    )
    thread.start()
    thread.join(15)
    assert taken == [True, True]
    _database._forking = threading.RLock()
    store.database._reset()


def test_a_file_that_is_opened_again_is_looked_up_in_the_table_of_mounts_only_where_it_is_another_one(
    store, destination, tmp_path, monkeypatch
):
    asked = []
    monkeypatch.setattr("xpander_facade.outbox._file_safety._check_mount", asked.append)
    store.database.close()
    put(store, destination, "run-1")
    assert asked == []
    (tmp_path / "other.db").touch()
    os.replace(tmp_path / "other.db", tmp_path / "runs.db")
    store.database.close()
    put(store, destination, "run-2")
    assert asked == [str(tmp_path / "runs.db")]
