"""Test the reports of an outbox's file: what is stored, merged, claimed, refused, dropped. No thread, no socket."""

import json
import os
import sqlite3
import stat

import pytest

from xpander_facade.configuration._outbox_settings import OutboxSettings
from xpander_facade.errors import ConfigurationError, OutboxError
from xpander_facade.outbox import _hooks, _inspection, _store
from xpander_facade.outbox._ages import Ages
from xpander_facade.outbox._circuit_breaker import MAX_FAILURES
from xpander_facade.outbox._claims import IN_TRANSIT, Claims, Outcome, Result
from xpander_facade.outbox._database import Database
from xpander_facade.outbox._in_flight import DIED, InFlightRuns, retract_failure
from xpander_facade.outbox._merge import merged
from xpander_facade.outbox._process_identity import this_process
from xpander_facade.outbox._store import Store

MAX_SEND = 40.0
GONE = f"{this_process().split(' ')[0]} 1 0"
"""A process of this machine whose id belongs to another one now."""
ELSEWHERE = "another-machine 1 0"


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_store(tmp_path, clock):
    stores = []

    def make(owner=None, **settings):
        chosen = OutboxSettings(tmp_path / "runs.db", **settings)
        store = Store(Database(chosen.path), chosen, clock, lambda: 1.0)
        store.owner = owner or store.owner
        store.ages = Ages(clock)
        stores.append(store)
        return store

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


def body_of(store, id):
    return _inspection.entry(store, id).body


# --- in ---


def test_a_report_survives_closing_the_file(store, destination):
    put(store, destination, "run-1", result="done")
    store.database.close()
    assert body_of(store, "run-1") == {"id": "run-1", "result": "done"}


def test_a_later_report_of_a_run_joins_the_waiting_one(store, destination):
    put(store, destination, "run-1", input="Read invoice 17", used_tools=["ocr"], is_success=True)
    put(store, destination, "run-1", input=None, used_tools=[], is_success=False, result="It burned")
    assert states(store) == {"run-1": "waiting"}
    assert body_of(store, "run-1") == {
        "id": "run-1",
        "input": "Read invoice 17",
        "used_tools": ["ocr"],
        "is_success": False,
        "result": "It burned",
    }


def test_the_same_run_of_two_places_is_two_reports(store, destination):
    put(store, destination, "run-1")
    put(store, store.destination("https://elsewhere"), "run-1")
    assert _inspection.status(store).waiting == 2


def test_text_that_has_no_utf8_is_joined_too():
    assert b"?" in merged(b'{"input": "\\ud800"}', b"{}")


# --- out ---


def test_reports_leave_in_the_order_in_which_they_came(store, destination, clock):
    for n in range(3):
        put(store, destination, f"run-{n}")
        clock.now += 1
    assert [claim(store, destination).id for _ in range(3)] == ["run-0", "run-1", "run-2"]


def test_two_processes_never_claim_the_same_report(make_store, destination):
    one, other = make_store(), make_store()
    for n in range(4):
        put(one, destination, f"run-{n}")
    claimed = [claim(store, destination).id for store in (one, other, one, other)]
    assert sorted(claimed) == ["run-0", "run-1", "run-2", "run-3"]
    assert claim(one, destination) is None


def test_a_later_report_does_not_overtake_the_one_that_is_being_sent(store, destination):
    put(store, destination, "run-1", result="first")
    first = claim(store, destination)
    put(store, destination, "run-1", result="second")
    assert claim(store, destination) is None
    settle(store, first, Result.SENT)
    assert json.loads(claim(store, destination).body)["result"] == "second"


def test_a_report_that_failed_joins_the_later_one_that_came_meanwhile(store, destination, clock):
    put(store, destination, "run-1", input="Read", result="first")
    first = claim(store, destination)
    put(store, destination, "run-1", result="second")
    settle(store, first, Result.RETRY, "503", throttled=False, retry_after=None)
    clock.now += 1
    again = claim(store, destination)
    assert json.loads(again.body) == {"id": "run-1", "input": "Read", "result": "second"}
    settle(store, again, Result.SENT)
    assert states(store) == {}


def test_a_report_that_failed_waits_by_itself_while_others_leave(store, destination, clock):
    put(store, destination, "run-1")
    put(store, destination, "run-2")
    settle(store, claim(store, destination), Result.RETRY, "500", throttled=False, retry_after=None)
    assert claim(store, destination).id == "run-2"
    assert claim(store, destination) is None
    clock.now += 0.5
    assert claim(store, destination).id == "run-1"


def test_a_platform_that_is_down_gets_one_probe_at_a_time(make_store, destination, clock):
    one, other = make_store(), make_store()
    for n in range(9):
        put(one, destination, f"run-{n}")
    for _ in range(MAX_FAILURES):
        settle(one, claim(one, destination), Result.RETRY, "no answer", throttled=False, retry_after=None)
    assert claim(other, destination) is None
    clock.now += 0.5
    probe = claim(other, destination)
    assert probe.is_probe
    assert claim(one, destination) is None
    settle(other, probe, Result.SENT)
    assert not claim(one, destination).is_probe


def test_retry_after_holds_the_drainers_of_all_processes_even_when_hurried(make_store, destination, clock):
    one, other = make_store(), make_store()
    put(one, destination, "run-1")
    put(one, destination, "run-2")
    settle(one, claim(one, destination), Result.RETRY, "429", throttled=True, retry_after=60.0)
    other.retry_now(destination)
    clock.now += 59.9
    assert claim(other, destination) is None
    clock.now += 0.1
    assert claim(other, destination) is not None


def test_the_rate_holds_over_all_processes(make_store, destination, clock):
    one, other = make_store(rate="60/minute"), make_store(rate="60/minute")
    for n in range(3):
        put(one, destination, f"run-{n}")
    assert claim(one, destination)
    assert claim(other, destination) is None
    clock.now += 1
    assert claim(other, destination)
    assert claim(one, destination) is None


def test_hurrying_lets_the_failed_be_tried_at_once(store, destination):
    put(store, destination, "run-1")
    for _ in range(MAX_FAILURES + 3):
        store.retry_now(destination)
        settle(store, claim(store, destination), Result.RETRY, "503", throttled=False, retry_after=None)
    assert claim(store, destination) is None
    store.retry_now(destination)
    assert claim(store, destination).is_probe


def test_a_report_that_this_process_cannot_send_is_there_for_another_at_once(make_store, destination):
    one, other = make_store(), make_store()
    put(one, destination, "run-1")
    settle(one, claim(one, destination), Result.UNTRIED, "401")
    again = claim(other, destination)
    assert (again.id, again.attempts) == ("run-1", 0)


@pytest.mark.parametrize(("owner", "seconds"), [(GONE, IN_TRANSIT), (ELSEWHERE, MAX_SEND)])
def test_what_a_dead_process_was_sending_is_sent_by_another_once_it_can_no_longer_arrive(
    make_store, destination, clock, owner, seconds
):
    put(make_store(), destination, "run-1", result="first")
    claim(make_store(owner), destination)
    other = make_store()
    put(other, destination, "run-1", result="second")
    Claims(other).free_abandoned()
    clock.now += seconds
    Claims(other).free_abandoned()
    assert claim(other, destination) is None
    clock.now += 0.1
    Claims(other).free_abandoned()
    assert json.loads(claim(other, destination).body)["result"] == "second"


def test_a_process_that_comes_back_too_late_does_not_strike_out_what_another_one_sends(make_store, destination, clock):
    slow, other = make_store(ELSEWHERE), make_store()
    put(other, destination, "run-1")
    late = claim(slow, destination)
    clock.now += MAX_SEND + 1
    Claims(other).free_abandoned()
    claim(other, destination)
    settle(slow, late, Result.SENT)
    settle(slow, late, Result.RETRY, "503", throttled=False, retry_after=None)
    settle(slow, late, Result.REFUSED, "422")
    assert states(other) == {"run-1": "sending"}
    assert sent_and_refused(other) == (0, 0)


# --- quarantine ---


def test_a_refused_report_keeps_its_reason_and_can_be_tried_again(store, destination):
    put(store, destination, "run-1")
    settle(store, claim(store, destination), Result.REFUSED, "422 Unprocessable Entity: input: too short")
    (entry,) = _inspection.entries(store, "quarantined", 10)
    assert (entry.id, entry.reason) == ("run-1", "422 Unprocessable Entity: input: too short")
    assert claim(store, destination) is None
    assert _inspection.retry(store, "run-1")
    assert not _inspection.retry(store, "run-1")
    assert claim(store, destination).id == "run-1"


def test_a_report_that_is_tried_again_joins_what_came_later(store, destination):
    put(store, destination, "run-1", input="Read", result="first")
    settle(store, claim(store, destination), Result.REFUSED, "422")
    put(store, destination, "run-1", result="second")
    assert _inspection.retry(store, "run-1")
    assert body_of(store, "run-1") == {"id": "run-1", "input": "Read", "result": "second"}


def test_two_refused_reports_of_a_run_become_one(store, destination):
    for result in ("first", "second"):
        put(store, destination, "run-1", result=result)
        settle(store, claim(store, destination), Result.REFUSED, "422")
    assert _inspection.status(store).quarantined == 1
    assert body_of(store, "run-1")["result"] == "second"


def test_dropping_leaves_what_is_being_sent(store, destination):
    put(store, destination, "run-1")
    claim(store, destination)
    assert not _inspection.drop(store, "run-1")
    put(store, destination, "run-1")
    assert _inspection.drop(store, "run-1")
    assert states(store) == {"run-1": "sending"}


# --- bounds ---


def test_a_full_outbox_takes_no_more_until_there_is_room(make_store, destination):
    store = make_store(max_reports=2)
    assert put(store, destination, "run-1")
    assert put(store, destination, "run-2")
    assert not put(store, destination, "run-3")
    assert put(store, destination, "run-2", result="what joins needs no room")
    settle(store, claim(store, destination), Result.SENT)
    assert put(store, destination, "run-3")


def test_bytes_are_bounded_and_counted_through_every_change(make_store, destination):
    store = make_store(max_bytes=200)
    assert put(store, destination, "run-1", result="x" * 100)
    assert not put(store, destination, "run-2", result="x" * 100)
    settle(store, claim(store, destination), Result.SENT)
    assert put(store, destination, "run-2", result="x" * 100)
    put(store, destination, "run-2", input="y")
    (size,) = [entry.size for entry in _inspection.entries(store, None, 10)]
    assert _inspection.status(store).bytes == size == len(store.database.query("SELECT body FROM reports")[0][0])


def test_a_full_outbox_drops_the_refused_first_then_the_oldest_and_counts(make_store, destination, caplog, monkeypatch):
    monkeypatch.setattr(_hooks, "LOG_EVERY", 0.0)
    store = make_store(max_reports=2, when_full="drop_oldest")
    put(store, destination, "run-1")
    put(store, destination, "run-2")
    first = claim(store, destination)
    second = claim(store, destination)
    settle(store, second, Result.REFUSED, "422")
    settle(store, first, Result.UNTRIED, "401")
    put(store, destination, "run-3")
    assert states(store) == {"run-1": "waiting", "run-3": "waiting"}
    put(store, destination, "run-4")
    assert states(store) == {"run-3": "waiting", "run-4": "waiting"}
    assert _inspection.status(store).dropped == 2
    assert [record.args[-1] for record in caplog.records if "dropped" in record.message] == ["run-2", "run-1"]


def test_what_is_too_old_is_dropped_and_counted(make_store, destination, clock, caplog):
    store = make_store(max_age=60)
    put(store, destination, "run-1")
    clock.now += 50
    put(store, destination, "run-2")
    clock.now += 11
    store.drop_expired()
    assert states(store) == {"run-2": "waiting"}
    assert _inspection.status(store).dropped == 1
    assert "older than 60 s" in caplog.text


# --- the in_flight ---


def begin(store, destination, id, clock=None, **body):
    in_flight = InFlightRuns(store)
    in_flight._owner = store.owner
    in_flight.add(destination, id, "agent-1", json.dumps({"id": id, **body}).encode())
    return in_flight


def test_a_run_that_begins_and_ends_takes_no_pages_of_its_own(store):
    in_flight = InFlightRuns(store)
    destination = store.destination("d")
    in_flight.add(destination, "first", "a", b"{}")
    pages = store.database.query("PRAGMA page_count")
    in_flight.add(destination, "second", "a", json.dumps({"input": "x" * 500}).encode())
    assert store.database.query("PRAGMA page_count") == pages
    assert in_flight.remove(destination, "second")
    assert store.database.query("PRAGMA freelist_count") == [(0,)]


def test_a_run_whose_process_is_gone_is_reported_as_failed_exactly_once(make_store, destination, clock):
    in_flight = begin(make_store(GONE), destination, "run-1", input="Read invoice 17")
    clock.now += 2.5
    in_flight.renew()
    clock.now += 1.5
    finders = [InFlightRuns(make_store()) for _ in range(2)]
    assert [finder.report_dead() for finder in finders] == [1, 0]
    assert body_of(make_store(), "run-1") == {
        "id": "run-1",
        "input": "Read invoice 17",
        "is_success": False,
        "result": DIED,
        "duration": 2.5,
    }


def test_a_run_of_a_living_process_is_left_alone(make_store, destination):
    begin(make_store(ELSEWHERE), destination, "run-1")
    begin(make_store(), destination, "run-2")
    assert InFlightRuns(make_store()).report_dead() == 0


def test_a_run_that_is_not_heard_of_for_its_lease_is_dead_and_a_renewed_one_is_not(make_store, destination, clock):
    silent = begin(make_store(ELSEWHERE, lease=30), destination, "run-1")
    begin(make_store(f"{ELSEWHERE}-2", lease=30), destination, "run-2").renew()
    clock.now += 20
    silent.renew()
    clock.now += 11
    assert InFlightRuns(make_store()).report_dead() == 1
    assert states(make_store()) == {"run-2": "waiting"}
    # It was last seen alive when it began.
    assert body_of(make_store(), "run-2")["duration"] == 0


def test_a_run_that_is_found_dead_long_after_took_no_longer_than_it_was_seen(make_store, destination, clock):
    in_flight = begin(make_store(GONE, lease=30), destination, "run-1")
    clock.now += 7
    in_flight.renew()
    clock.now += 3600
    InFlightRuns(make_store()).report_dead()
    assert body_of(make_store(), "run-1")["duration"] == 7


def test_a_dead_run_joins_the_report_of_its_start(make_store, destination):
    put(make_store(), destination, "run-1", input="Read", is_success=True)
    begin(make_store(GONE), destination, "run-1", input="Read")
    InFlightRuns(make_store()).report_dead()
    assert body_of(make_store(), "run-1")["is_success"] is False


KILLED = {"is_success": False, "result": "killed by its time limit", "duration": 1.5}


def of_attempt(number, **counts):
    return {"llm_response": {"_run": {"attempts": {str(number): counts}}}}


@pytest.mark.parametrize("is_sending", [False, True])
@pytest.mark.parametrize("attempt", [{}, of_attempt(2)])
def test_what_is_reported_of_a_run_whose_process_died_is_not_replaced(
    make_store, destination, clock, caplog, is_sending, attempt
):
    store = make_store()
    begin(make_store(GONE), destination, "run-1", **attempt)
    clock.now += 1
    put(store, destination, "run-1", **KILLED, **(of_attempt(2, duration=1.5) if attempt else {}))
    claimed = claim(store, destination) if is_sending else None
    finder = InFlightRuns(make_store())
    assert finder.report_dead() == 1
    if claimed:
        settle(store, claimed, Result.RETRY)
    assert body_of(store, "run-1")["result"] == KILLED["result"]
    assert "_journal" not in body_of(store, "run-1")
    assert finder.report_dead() == 0
    assert DIED not in caplog.text


@pytest.mark.parametrize(
    ("earlier", "begun"),
    [
        (KILLED, {}),  # of a run of the same id that ended before this one began
        ({**KILLED, **of_attempt(1, duration=1.5)}, of_attempt(2)),
    ],
)
def test_a_run_that_died_is_reported_though_an_earlier_attempt_was(make_store, destination, clock, earlier, begun):
    put(make_store(), destination, "run-1", **earlier)
    clock.now += 1
    begin(make_store(GONE), destination, "run-1", **begun)
    clock.now += 1
    InFlightRuns(make_store()).report_dead()
    assert body_of(make_store(), "run-1")["result"] == DIED


def test_a_run_that_died_is_reported_though_its_start_was_sent_late(make_store, destination, clock):
    begin(make_store(GONE), destination, "run-1", _journal={"start_sent": True})
    clock.now += 1
    put(make_store(), destination, "run-1", input="Read", is_success=True)
    InFlightRuns(make_store()).report_dead()
    assert body_of(make_store(), "run-1")["result"] == DIED


def test_a_run_that_comes_back_from_the_dead_takes_the_failure_back():
    assert json.loads(retract_failure(b'{"is_success": true}')) == {"is_success": True, "result": ""}
    assert json.loads(retract_failure(b'{"result": "done"}'))["result"] == "done"


def test_a_child_does_not_own_the_runs_of_its_parent(store, destination):
    in_flight = InFlightRuns(store)
    in_flight.add(destination, "run-1", "agent-1", b"{}")
    assert in_flight.contains(destination, "run-1")
    in_flight.reset()
    assert not in_flight.contains(destination, "run-1")


def test_a_run_that_begins_after_a_silence_is_under_a_lease_again(make_store, destination, clock):
    in_flight = begin(make_store(ELSEWHERE, lease=30), destination, "run-1")
    in_flight.remove(destination, "run-1")
    clock.now += 31
    other = InFlightRuns(make_store(lease=30))
    other.report_dead()
    in_flight.add(destination, "run-2", "agent-1", b'{"id": "run-2"}')
    clock.now += 29
    assert other.report_dead() == 0
    clock.now += 2
    assert other.report_dead() == 1


# --- the file ---


def test_the_file_and_its_companions_are_for_their_owner_only(store, destination, tmp_path):
    put(store, destination, "run-1")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"runs.db": 0o600, "runs.db-wal": 0o600, "runs.db-shm": 0o600}


def test_a_file_that_others_could_read_is_closed_to_them(make_store, tmp_path):
    (tmp_path / "runs.db").touch(0o644)
    make_store().destination("https://platform")
    assert stat.S_IMODE((tmp_path / "runs.db").stat().st_mode) == 0o600


def test_a_missing_folder_is_named(tmp_path):
    file = Database(str(tmp_path / "missing" / "runs.db"))
    with pytest.raises(ConfigurationError, match=r"there is no folder .*missing for the outbox's file: make it first"):
        file.query("SELECT 1")


def test_a_place_where_no_file_can_be_made_is_said(tmp_path):
    (tmp_path / "a file").write_text("no folder")
    with pytest.raises(ConfigurationError, match="can't be made"):
        Database(str(tmp_path / "a file" / "runs.db")).query("SELECT 1")


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(ConfigurationError, match="not a regular file but a folder: name a file"):
        Database(str(tmp_path)).query("SELECT 1")


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "runs.db"
    path.write_text("These are my notes. " * 100)
    with pytest.raises(ConfigurationError, match="is not an outbox, or is damaged"):
        Database(str(path)).query("SELECT 1")
    assert path.read_text() == "These are my notes. " * 100


def test_the_database_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "runs.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE invoices (n)")
    other.commit()
    other.close()
    with pytest.raises(ConfigurationError, match="another program's database"):
        Database(str(path)).query("SELECT 1")


def test_a_file_of_a_newer_version_is_not_touched(store, destination):
    store.database.execute("PRAGMA user_version = 99")
    store.database.close()
    with pytest.raises(ConfigurationError, match="newer version of xpander-facade"):
        put(store, destination, "run-1")


def test_a_file_that_another_process_keeps_for_itself_is_an_error_in_the_end(store, destination, monkeypatch):
    monkeypatch.setattr("xpander_facade.outbox._database.BUSY_SECONDS", 0.01)
    store.database.close()
    other = sqlite3.connect(store.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutboxError, match="do not give it up"):
        put(store, destination, "run-1")
    other.close()


def test_a_transaction_that_fails_leaves_nothing(store, destination):
    def half():
        with store.database.transaction():
            put(store, destination, "run-1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert states(store) == {}


def test_a_fork_finds_the_file_closed_and_both_sides_open_it_again(store, destination):
    put(store, destination, "run-1")
    store.database.before_fork()
    assert store.database._connection is None
    store.database.after_fork_in_parent()
    put(store, destination, "run-2")
    assert len(states(store)) == 2


def test_a_fork_that_nobody_announced_is_noticed(store, destination):
    put(store, destination, "run-1")
    connection = store.database._connection
    store.database._pid = -1
    put(store, destination, "run-2")
    assert store.database._connection is not connection
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")


def test_the_log_goes_into_the_file_once_it_has_grown(store, destination, monkeypatch):
    monkeypatch.setattr("xpander_facade.outbox._database.CHECKPOINT_BYTES", 50_000)
    put(store, destination, "run-1", result="x" * 100_000)
    before = os.path.getsize(store.database.path)
    store.database.checkpoint()
    assert os.path.getsize(store.database.path) > before + 100_000


def test_states_are_named_in_their_order():
    assert _store.STATES[_store.QUARANTINED] == "quarantined"
