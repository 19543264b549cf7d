"""Test how old reports can be, and that no step of a clock makes one too old."""

import json
import os
import signal
import subprocess
import sys

import pytest

from xpander_facade.configuration._outbox_settings import OutboxSettings
from xpander_facade.outbox import _inspection, _process_identity
from xpander_facade.outbox._ages import Ages
from xpander_facade.outbox._circuit_breaker import RateLimit
from xpander_facade.outbox._claims import Claims
from xpander_facade.outbox._database import Database
from xpander_facade.outbox._in_flight import InFlightRuns
from xpander_facade.outbox._store import Store
from xpander_facade.outbox._window import Window

DAY = 86_400.0


class Clocks:
    def __init__(self):
        self.wall, self.monotonic = 1_000_000_000.0, 5.0


@pytest.fixture
def clocks():
    return Clocks()


@pytest.fixture
def make_store(tmp_path, clocks):
    stores = []

    def make(owner=None, **settings):
        chosen = OutboxSettings(tmp_path / "runs.db", **settings)
        store = Store(Database(chosen.path), chosen, lambda: clocks.wall, lambda: 1.0)
        store.ages = Ages(lambda: clocks.monotonic)
        store.owner = owner or store.owner
        stores.append(store)
        return store

    yield make
    for store in stores:
        store.database.close()


def put(store, id):
    return store.put(store.destination("https://platform"), id, "agent-1", json.dumps({"id": id}).encode())


@pytest.mark.parametrize("step", [-20 * 365 * DAY, -DAY, DAY, 30 * DAY])
def test_a_step_of_the_clock_makes_no_report_too_old_that_came_while_this_process_watched(make_store, clocks, step):
    store = make_store()
    clocks.wall += step
    put(store, "run-1")
    clocks.wall -= step
    store.drop_expired()
    clocks.wall += 2 * abs(step)
    store.drop_expired()
    assert _inspection.status(store).waiting == 1


def test_what_is_too_old_by_all_clocks_is_dropped(make_store, clocks):
    store = make_store(max_age=60)
    put(store, "run-1")
    for _ in range(70):
        clocks.wall += 1
        clocks.monotonic += 1
        store.drop_expired()
        put(store, "young")
    assert [entry.id for entry in _inspection.entries(store, None, 10)] == ["young"]


def test_what_an_earlier_process_left_is_as_old_as_it_says(make_store, clocks):
    put(make_store(max_age=60), "run-1")
    clocks.wall += 61
    later = make_store(max_age=60)
    later.drop_expired()
    assert _inspection.status(later).dropped == 1


def test_numbers_that_are_given_out_again_are_not_taken_for_old_ones():
    now = [0.0]
    ages = Ages(lambda: now[0])
    assert ages.note(100, 60.0) == 101
    now[0] += 30
    assert ages.note(3, 60.0) == 4
    assert ages.note(9, 60.0) == 4


def test_many_expired_reports_go_in_several_transactions_with_one_line(make_store, clocks, caplog, monkeypatch):
    monkeypatch.setattr("xpander_facade.outbox._store.BATCH", 10)
    first = make_store(max_age=60)
    for n in range(35):
        put(first, f"run-{n}")
    clocks.wall += 61
    later = make_store(max_age=60)
    transactions = []
    monkeypatch.setattr(later.hooks, "after", _counted(later.hooks.after, transactions))
    later.drop_expired()
    assert _inspection.status(later).dropped == 35
    assert len(transactions) == 4
    assert sum("dropped" in record.message for record in caplog.records) == 1


def _counted(function, calls):
    def call():
        calls.append(1)
        return function()

    return call


def test_hooks_are_told_what_was_dropped_and_one_that_raises_costs_nothing(make_store, clocks, caplog):
    put(make_store(max_age=60), "run-1")
    put(make_store(max_age=60), "run-2")
    clocks.wall += 61
    told = []

    def hook(entry):
        told.append((entry.id, entry.body, entry.reason))
        raise RuntimeError("the hook is broken")

    make_store(max_age=60, on_drop=hook).drop_expired()
    assert told == [
        ("run-1", {"id": "run-1"}, "it is older than 60 s"),
        ("run-2", {"id": "run-2"}, "it is older than 60 s"),
    ]
    assert "the hook is broken" in caplog.text


# --- leases ---


def test_a_lease_of_another_machine_is_not_prolonged_by_a_clock_that_is_put_back(make_store, clocks):
    store, other = make_store(), make_store()
    runs = InFlightRuns(store)
    runs._owner = "another-machine 1 0"
    runs.add(store.destination("https://platform"), "run-1", "agent-1", b"{}")
    clocks.wall -= DAY
    watching = InFlightRuns(other)
    assert watching.report_dead() == 0
    clocks.wall += 31
    assert watching.report_dead() == 1


def test_a_process_that_is_known_to_run_is_not_dead_though_its_lease_is_over(make_store, clocks, monkeypatch):
    store, other = make_store(), make_store()
    runs = InFlightRuns(store)
    runs._owner = f"{_process_identity.this_process().rsplit(' ', 1)[0]} 77"
    runs.add(store.destination("https://platform"), "run-1", "agent-1", b"{}")
    clocks.wall += DAY
    monkeypatch.setattr(_process_identity, "_stat", lambda pid: _process_identity._Stat("S", "77"))
    watching = InFlightRuns(other)
    watching._owner = "another-machine 1 0"
    assert watching.report_dead() == 0
    monkeypatch.setattr(_process_identity, "_stat", lambda pid: _process_identity._Stat("T", "77"))
    assert watching.report_dead() == 1


def test_without_proc_a_process_with_the_id_of_a_dead_one_is_another(monkeypatch):
    monkeypatch.setattr(_process_identity, "_stat", lambda pid: None)
    monkeypatch.setattr(_process_identity, "_marks", {})
    dead = _process_identity.this_process()
    assert _process_identity.this_process() == dead
    assert not _process_identity.is_gone(dead)
    _process_identity._marks.clear()
    assert _process_identity.this_process() != dead
    assert _process_identity.is_gone(dead)


def test_a_claim_of_another_machine_is_not_prolonged_by_a_clock_that_is_put_back(make_store, clocks):
    theirs, store = make_store("another-machine 1 0"), make_store()
    destination = store.destination("https://platform")
    put(store, "run-1")
    assert Claims(theirs).claim(destination, 1, 40.0)
    clocks.wall -= DAY
    claims = Claims(store)
    claims.free_abandoned()
    clocks.wall += 41
    claims.free_abandoned()
    assert claims.claim(destination, 1, 40.0)


def test_a_clock_that_is_put_forward_takes_no_claim_from_the_process_that_has_it(make_store, clocks):
    store = make_store()
    put(store, "run-1")
    claims = Claims(store)
    claims.claim(store.destination("https://platform"), 1, 40.0)
    clocks.wall += DAY
    claims.free_abandoned()
    assert _inspection.status(store).sending == 1


@pytest.fixture
def other_process():
    """The name of another process of this machine, and the process."""
    if not os.path.exists("/proc/self/stat"):
        pytest.skip("whether another process runs is not told here")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        start = _process_identity._stat(process.pid).start
        yield f"{_process_identity._machine()} {process.pid} {start}", process
        process.kill()


def test_a_clock_that_is_put_forward_takes_no_claim_from_another_process_that_runs(
    make_store, clocks, other_process, monkeypatch
):
    name, _ = other_process
    theirs, ours = make_store(name), make_store()
    put(theirs, "run-1")
    Claims(theirs).claim(theirs.destination("https://platform"), 1, 40.0)
    monkeypatch.setattr("xpander_facade.outbox._claims.time.monotonic", lambda: clocks.monotonic)
    claims = Claims(ours)
    clocks.wall += DAY
    for _ in range(39):
        claims.free_abandoned()
        clocks.monotonic += 1
    assert _inspection.status(ours).sending == 1
    clocks.monotonic += 2
    claims.free_abandoned()
    assert _inspection.status(ours).sending == 0


def test_a_process_that_is_stopped_loses_its_claims_with_their_time(make_store, clocks, other_process):
    name, process = other_process
    theirs, ours = make_store(name), make_store()
    put(theirs, "run-1")
    Claims(theirs).claim(theirs.destination("https://platform"), 1, 40.0)
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)
    clocks.wall += 41
    Claims(ours).free_abandoned()
    assert _inspection.status(ours).sending == 0


# --- several at once ---


def test_a_batch_holds_one_report_of_each_run_and_all_that_are_due(make_store):
    store = make_store()
    destination = store.destination("https://platform")
    for n in range(10):
        put(store, f"run-{n % 5}")
    claims = Claims(store)
    assert [claim.id for claim in claims.claim(destination, 16, 40.0)] == [f"run-{n}" for n in range(5)]
    put(store, "run-0")
    assert claims.claim(destination, 16, 40.0) == []


def test_the_window_starts_at_two_doubles_and_halves_once_for_all_that_was_under_way():
    window = Window(16)
    sizes = []
    for _ in range(30):
        window.succeeded()
        sizes.append(window.size)
    assert sizes[:3] == [2, 4, 4]
    assert max(sizes) == 16
    for _ in range(16):
        window.failed(began=1.0, now=2.0)
    assert window.size == 8
    for _ in range(8):
        window.succeeded()
    assert window.size == 9


def test_the_pace_of_a_platform_is_learned_from_what_it_took_before_it_asked_to_wait():
    limit = RateLimit().taken(1000.0, 0.0).succeeded(100)
    limit = limit.asked_to_wait(1005.0, 55.0, throttled=True)
    assert limit.next_at == 1060.0
    assert limit.pace == pytest.approx(0.6)
    assert limit.spacing(0.1) == limit.pace
    assert limit.asked_to_wait(1006.0, 54.0, throttled=True).pace == limit.pace  # it left before
    again = limit.taken(1060.0, limit.pace).succeeded(50)
    assert 0.5 < again.pace < 0.6
    assert again.asked_to_wait(1090.0, 1.0, throttled=True).pace == pytest.approx(again.pace * 1.25)
    assert again.bounded(1060.0 + 3 * 3600).pace == 0
