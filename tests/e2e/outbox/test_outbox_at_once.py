"""Reports that leave as they are stored: claimed at once by whoever ends the run, and nothing lost in between."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import attrs
import pytest

from xpander_facade import Configuration, OutboxSettings
from xpander_facade._requests.report import Report
from xpander_facade.emulator import Emulator
from xpander_facade.outbox import Outbox, _claims, _process_identity, _runtime, _sender, _sending_threads
from xpander_facade.outbox._circuit_breaker import MAX_FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as made:
        yield made


@pytest.fixture
def outbox(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outbox]:
    """An outbox whose threads do nothing by themselves."""
    monkeypatch.setattr(_sender, "POLL", 3600.0)
    configuration = Configuration(
        api_key="k",
        base_url=emulator.url,
        organization_id="o",
        agent_id="agent-1",
        deadline=30,
        outbox=OutboxSettings(tmp_path / "runs.db", exit_timeout=0),
    )
    made = Outbox.of(configuration)
    yield made
    made.close()


def report(id: str, result: str | None = None) -> Report:
    return Report("agent-1", id, {"id": id, "result": result} if result else {"id": id})


def results(emulator: Emulator) -> dict[str, tuple[str, str]]:
    return {task["id"]: (task["status"], task["result"]) for task in emulator.tasks()}


def states(outbox: Outbox) -> list[tuple[str, str]]:
    return [(entry.id, entry.state) for entry in outbox.list()]


def wait_until(check: object, seconds: float = 30) -> bool:
    until = time.monotonic() + seconds
    assert callable(check)
    while not check() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(check())


def test_it_leaves_without_a_round_of_the_sender_and_a_flush_waits_for_it(
    outbox: Outbox, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_runtime, "_MAX_LEAVING", 30.0)
    outbox.begin(report("run-1"))
    outbox.enqueue(report("run-1", "begun"), at_once=True)
    assert outbox.flush(30).sent == 1
    assert wait_until(lambda: outbox._runtime.sender.turns)
    rounds = outbox._runtime.sender.turns
    outbox.begin(report("run-2"))
    outbox.enqueue(report("run-2", "ended"), at_once=True)
    sent = outbox.flush(30)
    assert (sent.sent, sent.waiting) == (1, 0)
    assert results(emulator)["run-2"] == ("completed", "ended")
    assert outbox._runtime.sender.turns == rounds
    assert (outbox.status().running, states(outbox), outbox.status().sent) == (0, [], 2)


def test_nothing_else_is_asked_of_the_platform_for_it(outbox: Outbox, emulator: Emulator):
    outbox.begin(report("run-1"))
    outbox.enqueue(report("run-1", "ended"), at_once=True)
    outbox.flush(30)
    assert [request.method for request in emulator.requests()] == ["POST"]


@pytest.mark.parametrize("dies", ["stored", "sent"])
def test_a_process_that_is_killed_before_it_has_noted_what_it_sent_loses_nothing(
    outbox: Outbox, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, dies: str
):
    monkeypatch.setattr(_claims, "IN_TRANSIT", 0.1)
    child = os.fork()
    if not child:
        try:
            sender = outbox._runtime.sender
            if dies == "stored":
                sender.send_claimed = lambda claim: os._exit(0)
            else:
                sender._claims.settle = lambda outcomes: os._exit(0)
            outbox.begin(report("run-1"))
            outbox.enqueue(report("run-1", "ended"), at_once=True)
            outbox.flush(30)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert states(outbox) == [("run-1", "sending")]
    assert outbox.status().running == 0
    assert (dies == "stored") is (not results(emulator))
    assert outbox.flush(30).waiting == 0
    assert results(emulator) == {"run-1": ("completed", "ended")}


def test_one_that_fails_waits_and_is_sent_by_the_flush(outbox: Outbox, emulator: Emulator):
    emulator.fail(503)
    outbox.begin(report("run-1"))
    outbox.enqueue(report("run-1", "ended"), at_once=True)
    assert outbox.flush(30).waiting == 0
    assert results(emulator) == {"run-1": ("completed", "ended")}
    assert len(emulator.requests("report_external_task")) == 2


def test_a_run_that_was_taken_for_dead_takes_its_failure_back(outbox: Outbox, emulator: Emulator):
    outbox.begin(report("run-1"))
    outbox._runtime.database.execute("DELETE FROM runs")
    outbox.enqueue(report("run-1"), at_once=True)
    assert outbox.flush(30).waiting == 0
    (request,) = emulator.requests("report_external_task")
    assert request.body == {"id": "run-1", "result": ""}


@pytest.mark.parametrize("comes", ["before a thread has it", "after a thread has it"])
def test_what_a_time_limit_interrupts_between_claim_and_send_is_sent_once_and_at_once(
    outbox: Outbox, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, comes: str
):
    submit = _sending_threads.SendingThreads.submit
    outbox.begin(report("run-1"))

    def interrupted(threads: _sending_threads.SendingThreads[object], job: object) -> bool:
        if comes == "after a thread has it":
            submit(threads, job)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_sending_threads.SendingThreads, "submit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            outbox.enqueue(report("run-1", "ended"), at_once=True)
    assert outbox.flush(30).waiting == 0
    assert results(emulator) == {"run-1": ("completed", "ended")}
    assert len(emulator.requests("report_external_task")) == 1
    assert [one.claimed for one in outbox._runtime.sender._destinations.values()] == [0]


def test_an_interrupt_as_a_thread_starts_leaves_no_thread_counted(outbox: Outbox, monkeypatch: pytest.MonkeyPatch):
    outbox.begin(report("run-1"))
    threads = outbox._runtime.sender._threads
    with monkeypatch.context() as patch:
        patch.setattr(threads, "_start", raise_interrupt)
        with pytest.raises(KeyboardInterrupt):
            outbox.enqueue(report("run-1", "ended"), at_once=True)
    assert threads._busy == 0
    assert outbox.flush(30).waiting == 0


def raise_interrupt() -> bool:
    raise KeyboardInterrupt


def test_it_joins_what_waits_of_its_run(outbox: Outbox, emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outbox._runtime, "wake", lambda **_: None)
    outbox.begin(Report("agent-1", "run-1", {"id": "run-1", "input": "first"}), send=True)
    outbox.enqueue(report("run-1", "ended"), at_once=True)
    assert states(outbox) == [("run-1", "waiting")]
    assert outbox.flush(30).waiting == 0
    assert results(emulator) == {"run-1": ("completed", "ended")}
    assert len(emulator.requests("report_external_task")) == 1


def test_a_later_report_of_the_run_leaves_as_soon_as_it_has_arrived(outbox: Outbox, emulator: Emulator):
    emulator.delay(0.5, operation="report_external_task")
    outbox.begin(report("run-1"))
    outbox.enqueue(report("run-1", "ended"), at_once=True)
    outbox.enqueue(report("run-1", "corrected"))
    assert wait_until(lambda: results(emulator).get("run-1") == ("completed", "corrected"))
    assert [request.body["result"] for request in emulator.requests("report_external_task") if request.body] == [
        "ended",
        "corrected",
    ]


@pytest.mark.parametrize("reason", ["down", "throttled", "key", "relay", "full"])
def test_it_waits_for_its_turn_where_nothing_may_leave_now(
    outbox: Outbox, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, reason: str
):
    monkeypatch.setattr(outbox._runtime, "wake", lambda **_: None)
    runtime, destination = outbox._runtime, outbox._destination
    outbox.begin(report("run-1"))
    now = time.time()
    if reason == "down":
        runtime.database.execute("UPDATE destinations SET failures = ?, open_until = 0", MAX_FAILURES)
    elif reason == "throttled":
        runtime.database.execute("UPDATE destinations SET next_at = ?, next_seconds = 60", now + 60)
    elif reason == "key":
        runtime.sender._destinations[destination].key.refusals = 1
    elif reason == "relay":
        runtime.sender.is_left_to_relay = lambda: True
    else:
        runtime.store.settings = attrs.evolve(runtime.store.settings, max_reports=1, when_full="drop_oldest")
        runtime.store.put(destination, "other", "agent-1", b'{"id": "other"}')
    outbox.enqueue(report("run-1", "ended"), at_once=True)
    assert ("run-1", "waiting") in states(outbox)
    assert outbox.status().running == 0
    assert emulator.requests() == []
    runtime.sender.is_left_to_relay = None


def test_a_flush_of_no_time_does_not_wait_for_it(outbox: Outbox, emulator: Emulator):
    emulator.delay(1.0)
    outbox.begin(report("run-1"))
    outbox.enqueue(report("run-1", "ended"), at_once=True)
    began = time.monotonic()
    assert outbox.flush(0).waiting == 1
    assert time.monotonic() - began < 0.9
    assert outbox.flush(30).waiting == 0
    assert results(emulator) == {"run-1": ("completed", "ended")}


def test_many_threads_that_do_so_at_once_leave_nothing_and_send_nothing_twice(outbox: Outbox, emulator: Emulator):
    def record(number: int) -> None:
        for step in range(5):
            id = f"run-{number}-{step}"
            outbox.begin(report(id))
            outbox.enqueue(report(id, "ended"), at_once=True)
            outbox.flush(30)

    threads = [threading.Thread(target=record, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outbox.flush(30).waiting == 0
    assert set(results(emulator).values()) == {("completed", "ended")}
    sent = [request.body["id"] for request in emulator.requests("report_external_task") if request.body]
    assert sorted(sent) == sorted(f"run-{number}-{step}" for number in range(20) for step in range(5))


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a flush wait for what leaves as it is stored, and the first round of the threads, too, on a slow machine."""
    monkeypatch.setattr(_runtime, "_MAX_LEAVING", 30.0)
    monkeypatch.setattr(_runtime, "_FIRST_ROUND", 60.0)


def ended_child(outbox: Outbox, **close: bool) -> list[str]:
    """Record a run in a child that ends by `os._exit`; return which threads it had after the flush."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            outbox.begin(report("run-1"))
            outbox.enqueue(report("run-1", "ended"), at_once=True)
            outbox.flush(30)
            os.write(write, "\n".join(thread.name for thread in threading.enumerate()).encode())
            outbox.close(**close)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    names = os.read(read, 10_000).decode().splitlines()
    os.close(read)
    os.close(write)
    return names


@pytest.mark.usefixtures("patience")
def test_whoever_waits_for_it_is_told_when_its_thread_needs_the_file_no_more(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    runtime = outbox._runtime
    has_waiting, told = runtime.store.has_waiting, list[int]()

    def look(destination: int) -> bool:
        told.append(runtime.sender.outcomes)
        return has_waiting(destination)

    monkeypatch.setattr(runtime.store, "has_waiting", look)
    outbox.begin(report("run-1"))
    outbox.enqueue(report("run-1", "ended"), at_once=True)
    assert outbox.flush(30).sent == 1
    assert (told, runtime.sender.outcomes) == ([0], 1)


def test_after_a_fork_a_file_asks_once_which_process_it_is_in(outbox: Outbox, monkeypatch: pytest.MonkeyPatch):
    asked, stat = list[int](), _process_identity._stat

    def ask(pid: int) -> _process_identity._Stat | None:
        asked.append(pid)
        return stat(pid)

    monkeypatch.setattr(_process_identity, "_stat", ask)
    outbox._runtime._after_fork()
    assert asked == [os.getpid()]


@pytest.mark.usefixtures("patience")
def test_a_process_that_ends_next_starts_no_thread_to_look_for_more(outbox: Outbox):
    assert "xpander-outbox-sender" not in ended_child(outbox)


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(("most", "is_left"), [(256_000, True), (0, False)])
def test_a_process_that_ends_next_leaves_a_log_that_is_small_as_it_is(
    outbox: Outbox, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, is_left: bool
):
    monkeypatch.setattr(_runtime, "_MAX_LEFT_LOG", most)
    ended_child(outbox, process_ends=True)
    assert (tmp_path / "runs.db-wal").exists() is is_left
    assert results(emulator) == {"run-1": ("completed", "ended")}
    assert (outbox.status().running, states(outbox), outbox.status().sent) == (0, [], 1)
