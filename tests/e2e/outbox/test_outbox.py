"""The outbox over real sockets: outages, patience, refusals, several processes, dead ones, forks, the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from calling import ROOT, configured, run_python

from xpander_facade import Backend, Configuration, ConfigurationError, OutboxSettings
from xpander_facade._requests.report import Report
from xpander_facade.errors import OutboxFullError
from xpander_facade.outbox import FlushResult, Outbox
from xpander_facade.outbox._store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from calling import Caller
    from misbehaving import Misbehaving

    from xpander_facade.emulator import Emulator

# Python 3.12 warns of a fork in a process with threads, which is what these tests are about.
FORKING = ("-W", "error", "-W", "ignore::DeprecationWarning")

PREAMBLE = """
    import asyncio, logging, os, signal, sys, time
    from xpander_facade import Backend, Configuration, OutboxSettings
    configuration = Configuration(
        api_key="k", base_url=sys.argv[1], organization_id="org-1", agent_id="a", outbox=OutboxSettings(sys.argv[2])
    )
    backend = Backend(configuration)
"""


def report(id: str, **body: Any) -> Report:
    return Report("agent-1", id, {"id": id, "is_success": True, "duration": 0.5, **body})


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "runs.db")


@pytest.fixture
def outbox_at(path: str) -> Iterator[Callable[..., Outbox]]:
    """Make the outbox of the test's file, of reports to a server."""
    made: list[Outbox] = []

    def make(server: Emulator | Misbehaving, **settings: Any) -> Outbox:
        given = {name: settings.pop(name) for name in ("api_key", "deadline", "disabled", "redact") if name in settings}
        made.append(Outbox.of(configured(server, outbox=OutboxSettings(path, **settings), **given)))
        return made[-1]

    yield make
    for outbox in made:
        outbox.close()


def eventually(happens: Callable[[], object], seconds: float = 10.0) -> bool:
    """Wait until something that other processes or threads do has happened."""
    until = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


# --- sending ---


def test_a_report_is_sent_soon_by_itself(emulator: Emulator, outbox_at: Callable[..., Outbox]):
    assert outbox_at(emulator).enqueue(report("run-1", result="done")) == "run-1"
    assert eventually(emulator.tasks)
    assert emulator.task("run-1")["result"] == "done"


def test_a_flush_tells_what_was_sent(emulator: Emulator, outbox_at: Callable[..., Outbox], call: Caller):
    outbox = outbox_at(emulator)
    with emulator.hold("report_external_task"):
        for n in range(5):
            call(outbox, "enqueue", report(f"run-{n}"))
    result = call(outbox, "flush", 10)
    assert (result.waiting, result.quarantined) == (0, 0)
    assert len(emulator.tasks()) == outbox.status().sent == 5
    assert call(outbox, "flush", 10) == FlushResult(0, 0, 0)


def test_a_flush_counts_what_was_sent_before_it_was_called(
    emulator: Emulator, outbox_at: Callable[..., Outbox], call: Caller
):
    outbox = outbox_at(emulator)
    for n in range(3):
        outbox.enqueue(report(f"run-{n}"))
    assert eventually(lambda: len(emulator.tasks()) == 3 and not outbox.status().sending)
    assert call(outbox, "flush") == FlushResult(sent=3, waiting=0, quarantined=0)
    assert call(outbox, "flush") == FlushResult(sent=0, waiting=0, quarantined=0)


def test_what_waited_while_the_platform_was_down_is_sent_when_it_is_back(
    emulator: Emulator, outbox_at: Callable[..., Outbox]
):
    outbox = outbox_at(emulator)
    emulator.stop()
    for n in range(30):
        outbox.enqueue(report(f"run-{n}"))
    assert eventually(lambda: outbox.status().paused_until)
    assert outbox.flush(0.3) == FlushResult(sent=0, waiting=30, quarantined=0)
    emulator.start()
    assert outbox.flush(10).waiting == 0
    assert len(emulator.tasks()) == 30


def test_a_platform_that_is_down_is_probed_and_not_stormed(emulator: Emulator, outbox_at: Callable[..., Outbox]):
    outbox = outbox_at(emulator)
    emulator.fail(503, times=1000)
    for n in range(100):
        outbox.enqueue(report(f"run-{n}"))
    assert eventually(lambda: len(emulator.requests()) >= 3)
    # Without the pause, a hundred reports would have been sent by now.
    assert outbox.flush(0.2).waiting == 100
    assert len(emulator.requests()) < 10


def test_retry_after_is_kept_to_even_by_a_flush(emulator: Emulator, outbox_at: Callable[..., Outbox]):
    outbox = outbox_at(emulator)
    emulator.fail(429, headers={"Retry-After": "3600"})
    outbox.enqueue(report("run-1"))
    assert eventually(lambda: outbox.status().paused_until)
    outbox.enqueue(report("run-2"))
    # It knows that waiting is in vain, and comes back at once.
    assert outbox.flush(25) == FlushResult(sent=0, waiting=2, quarantined=0)
    assert len(emulator.requests()) == 1


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_refused_report_goes_into_quarantine_and_the_others_go_on(
    emulator: Emulator, outbox_at: Callable[..., Outbox], status: int, caplog: pytest.LogCaptureFixture
):
    outbox = outbox_at(emulator)
    emulator.fail(status, body={"detail": "no such thing"})
    outbox.enqueue(report("run-1"))
    assert eventually(lambda: outbox.list("quarantined"))
    outbox.enqueue(report("run-2"))
    assert outbox.flush(10).waiting == 0
    (entry,) = outbox.list("quarantined")
    assert entry.id == "run-1"
    assert str(status) in str(entry.reason)
    assert "the report of run run-1 was refused" in caplog.text
    assert outbox.retry("run-1")
    outbox.flush(10)
    assert {task["id"] for task in emulator.tasks()} == {"run-1", "run-2"}


def test_a_wrong_key_loses_nothing_and_is_said_once(
    emulator: Emulator, outbox_at: Callable[..., Outbox], caplog: pytest.LogCaptureFixture
):
    emulator.fail(401, times=1000)
    outbox = outbox_at(emulator, api_key="secret-key-1234")
    for n in range(5):
        outbox.enqueue(report(f"run-{n}"))
        assert outbox.flush(5).waiting == n + 1
    assert [record.levelname for record in caplog.records if "no report can be sent" in record.message] == ["ERROR"]
    assert "secret-key" not in caplog.text
    emulator.reset()
    assert outbox.flush(10).waiting == 0
    assert len(emulator.tasks()) == 5
    assert "reports can be sent again" in caplog.text


def test_a_report_that_is_denied_keeps_no_other_back(emulator: Emulator, outbox_at: Callable[..., Outbox]):
    outbox = outbox_at(emulator)
    outbox.enqueue(report("run-1"))
    assert outbox.flush(10).sent == 1
    emulator.fail(403)
    with emulator.hold("report_external_task"):
        for n in range(2, 7):
            outbox.enqueue(report(f"run-{n}"))
    assert outbox.flush(10) == FlushResult(sent=4, waiting=0, quarantined=1)
    (entry,) = outbox.list("quarantined")
    assert "403" in str(entry.reason)


def test_a_key_that_is_denied_everything_loses_nothing(
    emulator: Emulator, outbox_at: Callable[..., Outbox], caplog: pytest.LogCaptureFixture
):
    emulator.fail(403, times=1000)
    outbox = outbox_at(emulator)
    for n in range(5):
        outbox.enqueue(report(f"run-{n}"))
    assert outbox.flush(60) == FlushResult(sent=0, waiting=5, quarantined=0)
    assert "waits for another try: 403" in caplog.text
    emulator.reset()
    assert outbox.flush(20).waiting == 0
    assert len(emulator.tasks()) == 5


def test_a_report_without_a_key_waits_for_a_process_that_has_one(emulator: Emulator, outbox_at: Callable[..., Outbox]):
    outbox = outbox_at(emulator, api_key="")
    outbox.enqueue(report("run-1"))
    assert outbox.flush(5).waiting == 1
    assert outbox_at(emulator).flush(10).waiting == 0
    assert emulator.task("run-1")


def test_an_answer_that_is_no_answer_is_not_taken_for_one(emulator: Emulator, outbox_at: Callable[..., Outbox]):
    outbox = outbox_at(emulator)
    emulator.fail(200, body="<html>Log in to the network</html>")
    outbox.enqueue(report("run-1"))
    assert outbox.flush(10).waiting == 0
    assert len(emulator.requests()) == 2
    assert emulator.task("run-1")


def test_an_answer_that_is_lost_leaves_one_record(emulator: Emulator, outbox_at: Callable[..., Outbox]):
    outbox = outbox_at(emulator)
    emulator.cut()
    outbox.enqueue(report("run-1"))
    assert outbox.flush(10).waiting == 0
    assert emulator.totals("agent-1")["tasks"] == 1


def test_a_later_report_follows_the_one_in_flight_and_the_last_word_counts(
    emulator: Emulator, outbox_at: Callable[..., Outbox]
):
    outbox = outbox_at(emulator)
    with emulator.hold("report_external_task") as hold:
        outbox.enqueue(report("run-1", input="Read", result="first"))
        assert hold.arrived()
        outbox.enqueue(report("run-1", result="second"))
        outbox.enqueue(report("run-1", used_tools=["ocr"]))
    outbox.flush(10)
    assert [request.body["result"] for request in emulator.requests()] == ["first", "second"]
    assert (emulator.task("run-1")["result"], emulator.task("run-1")["used_tools"]) == ("second", ["ocr"])


def test_the_redactor_sees_a_report_once_and_before_the_disk(
    emulator: Emulator, outbox_at: Callable[..., Outbox], path: str
):
    seen: list[str] = []

    def redact(field: str, text: str) -> str:
        seen.append(f"{field}: {text}")
        return text.replace("4242", "****")

    outbox = outbox_at(emulator, redact=redact)
    with emulator.hold():
        outbox.enqueue(report("run-1", result="card 4242"))
        on_disk = b"".join(Path(f"{path}{end}").read_bytes() for end in ("", "-wal"))
    outbox.flush(10)
    assert seen == ["result: card 4242"]
    assert b"4242" not in on_disk
    assert b"****" in on_disk
    assert emulator.task("run-1")["result"] == "card ****"


def test_a_disabled_outbox_checks_and_keeps_nothing(emulator: Emulator, outbox_at: Callable[..., Outbox]):
    outbox = outbox_at(emulator, disabled=True)
    outbox.begin(report("run-1"), send=True)
    assert outbox.enqueue(report("run-1")) == "run-1"
    assert outbox.flush(10) == FlushResult(0, 0, 0)
    assert outbox.status().waiting + outbox.status().running == 0
    with pytest.raises(ValueError, match="can't be sent as JSON"):
        outbox.enqueue(report("run-1", result=float("nan")))


def test_an_outbox_that_is_only_looked_at_sends_nothing(
    emulator: Emulator, outbox_at: Callable[..., Outbox], path: str
):
    emulator.stop()
    outbox = outbox_at(emulator)
    outbox.enqueue(report("run-1"))
    outbox.close()
    emulator.start()
    looking = Outbox.of(configured(emulator, outbox=path, timeout=4))
    assert [entry.id for entry in looking.list()] == ["run-1"]
    assert looking.status().waiting == 1
    assert not looking._runtime._sender_thread.was_started
    looking.flush(10)
    assert emulator.task("run-1")


# --- bounds ---


def test_a_full_outbox_makes_the_caller_wait_for_room_where_it_may(
    emulator: Emulator, outbox_at: Callable[..., Outbox]
):
    outbox = outbox_at(emulator, max_reports=1, when_full="block")
    stored = threading.Event()

    def store() -> None:
        outbox.enqueue(report("run-2"))
        stored.set()

    with emulator.hold("report_external_task") as hold:
        outbox.enqueue(report("run-1"))
        assert hold.arrived()
        thread = threading.Thread(target=store)
        thread.start()
        assert not stored.wait(0.2)
    assert stored.wait(10)
    thread.join()


@pytest.mark.parametrize(("when_full", "deadline"), [(None, 120), ("raise", 120), ("block", 0.1)])
def test_a_full_outbox_raises_with_the_report_at_once_or_when_the_time_is_over(
    emulator: Emulator, outbox_at: Callable[..., Outbox], when_full: Any, deadline: float
):
    outbox = outbox_at(emulator, max_reports=1, when_full=when_full, deadline=deadline)
    with emulator.hold("report_external_task"):
        outbox.enqueue(report("run-1"))
        with pytest.raises(OutboxFullError, match="is full") as raised:
            outbox.enqueue(report("run-2", result="not lost"))
    assert raised.value.task_id == "run-2"
    assert raised.value.report == report("run-2", result="not lost").body


def test_a_run_that_a_full_outbox_did_not_take_is_reported_once_and_not_as_dead_later(emulator: Emulator, path: str):
    backend = Backend(configured(emulator, outbox=OutboxSettings(path, max_reports=1, when_full="raise")))
    outbox = Outbox.of(backend.configuration)
    with backend.external_task(agent_id="agent-1", id="run-1") as run:
        store = outbox._runtime.store
        store.put(store.destination("https://elsewhere"), "filler", "agent-1", b"{}")
        run.result = "done"
    assert emulator.task("run-1")["result"] == "done"
    assert outbox.status().running == 0
    outbox.close()


def test_a_flush_ends_in_time_though_a_neighbour_does_not_give_up_the_file(
    emulator: Emulator, outbox_at: Callable[..., Outbox], path: str
):
    outbox = outbox_at(emulator)
    emulator.stop()
    outbox.enqueue(report("run-1"))
    assert eventually(lambda: not outbox.status().sending)
    neighbour = sqlite3.connect(path, isolation_level=None)
    neighbour.execute("BEGIN IMMEDIATE")
    assert outbox.flush(0.2) == FlushResult(sent=0, waiting=1, quarantined=0)
    neighbour.close()
    emulator.start()
    assert outbox.flush(10).waiting == 0


# --- the sender ---


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_drainer_that_died_is_started_again_and_that_is_said(
    emulator: Emulator,
    outbox_at: Callable[..., Outbox],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    outbox = outbox_at(emulator)
    with monkeypatch.context() as patch:
        patch.setattr(outbox._runtime.sender, "_ended", sys.exit)
        outbox.enqueue(report("run-1"))
        # The maintenance thread sees it, without another report or flush.
        assert eventually(lambda: "had died and is started again" in caplog.text)
    assert eventually(emulator.tasks)


def test_enqueuing_does_not_block_the_loop_while_another_process_has_the_file(
    emulator: Emulator, outbox_at: Callable[..., Outbox]
):
    outbox = outbox_at(emulator)
    taken, give_back = threading.Event(), threading.Event()

    def take() -> None:
        with outbox._runtime.database.transaction():
            taken.set()
            give_back.wait(10)

    async def main() -> None:
        storing = asyncio.create_task(outbox.aenqueue(report("run-1")))
        await asyncio.sleep(0.05)
        assert not storing.done()
        give_back.set()
        assert await storing == "run-1"

    thread = threading.Thread(target=take)
    thread.start()
    assert taken.wait(10)
    asyncio.run(main())
    thread.join()


def test_storing_needs_no_thread_of_the_loop(emulator: Emulator, outbox_at: Callable[..., Outbox]):
    outbox = outbox_at(emulator)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        release = threading.Event()
        busy = asyncio.create_task(asyncio.to_thread(release.wait, 20))
        try:
            await asyncio.wait_for(outbox.aenqueue(report("run-1")), 10)
        finally:
            release.set()
            await busy

    asyncio.run(main())
    assert outbox.flush(10).waiting == 0


def test_three_loops_one_after_the_other_each_store_and_flush(emulator: Emulator, outbox_at: Callable[..., Outbox]):
    outbox = outbox_at(emulator)

    async def main(n: int) -> None:
        await asyncio.gather(*(outbox.aenqueue(report(f"run-{n}-{m}")) for m in range(10)))
        assert (await outbox.aflush(10)).waiting == 0

    for n in range(3):
        asyncio.run(main(n))
    assert len(emulator.tasks()) == 30


def test_a_pool_of_threads_stores_all_of_its_reports(emulator: Emulator, outbox_at: Callable[..., Outbox]):
    outbox = outbox_at(emulator)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: outbox.enqueue(report(f"run-{n}")), range(160)))
    assert outbox.flush(20).waiting == 0
    assert len(emulator.tasks()) == 160
    assert len(emulator.requests()) == 160


# --- processes ---


def started(program: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(PREAMBLE + program), *arguments]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "generated"), str(ROOT)])}
    return subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def frozen(process: subprocess.Popen[str], path: str) -> Iterator[None]:
    """Stop a process for a while, where it does not write to the file, since a frozen writer keeps everybody out."""
    while True:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)  # its threads run on for a moment after the signal was sent
        with contextlib.closing(sqlite3.connect(path, timeout=0.2)) as other, contextlib.suppress(sqlite3.Error):
            other.execute("BEGIN IMMEDIATE")
            break
        process.send_signal(signal.SIGCONT)
        time.sleep(0.05)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def test_several_processes_share_the_work_and_send_nothing_twice(emulator: Emulator, path: str):
    program = """
    sys.stdin.readline()
    for n in range(50):
        backend.enqueue_external_task(id=f"{os.getpid()}-{n}")
    print(backend.flush(60).waiting)
    """
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(started(program, emulator.url, path)) for _ in range(4)]
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [process.communicate(timeout=90)[0] for process in processes] == ["0\n"] * 4
    assert len(emulator.tasks()) == len(emulator.requests()) == 200


def test_a_killed_process_leaves_a_run_that_the_next_drainer_reports_as_failed(
    emulator: Emulator, outbox_at: Callable[..., Outbox], path: str
):
    program = """
    run = backend.external_task(id="run-1", input="Read invoice 17")
    with run:
        print("begun", flush=True)
        sys.stdin.readline()
    """
    outbox = outbox_at(emulator)
    outbox.enqueue(report("mine"))
    with started(program, emulator.url, path) as process:
        assert process.stdout.readline() == "begun\n"
        assert outbox.status().running == 1
        process.send_signal(signal.SIGKILL)
    assert eventually(lambda: {"run-1"} & {task["id"] for task in emulator.tasks()})
    task = emulator.task("run-1")
    assert (task["status"], task["result"]) == ("failed", "process ended before the run did")
    assert task["input"]["text"] == "Read invoice 17"
    assert outbox.status().running == 0


def test_a_flush_reports_the_runs_of_killed_processes_too(
    emulator: Emulator, outbox_at: Callable[..., Outbox], path: str
):
    program = """
    with backend.external_task(id="run-1"):
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with started(program, emulator.url, path) as process:
        assert process.wait(30) == -signal.SIGKILL
    assert outbox_at(emulator).flush(10).waiting == 0
    assert emulator.task("run-1")["status"] == "failed"


def test_a_killed_process_loses_nothing_of_what_it_has_stored(
    emulator: Emulator, outbox_at: Callable[..., Outbox], path: str
):
    program = """
    for n in range(100):
        backend.enqueue_external_task(id=f"run-{n}")
    os.kill(os.getpid(), signal.SIGKILL)
    """
    with started(program, emulator.url, path) as process:
        assert process.wait(30) == -signal.SIGKILL
    assert outbox_at(emulator).flush(20).waiting == 0
    assert len(emulator.tasks()) == 100


def test_a_frozen_process_that_comes_back_reports_its_run_after_all(
    emulator: Emulator, outbox_at: Callable[..., Outbox], path: str
):
    program = """
    import attrs
    backend.configuration = attrs.evolve(configuration, outbox=OutboxSettings(sys.argv[2], lease=0.5))
    with backend.external_task(id="run-1", input="Read invoice 17"):
        print("begun", flush=True)
        sys.stdin.readline()
    print(backend.flush(20).waiting, flush=True)
    """
    outbox = outbox_at(emulator, lease=0.5)
    with started(program, emulator.url, path) as process:
        assert process.stdout.readline() == "begun\n"
        with frozen(process, path):
            outbox.enqueue(report("mine"))
            assert eventually(lambda: {"run-1"} & {task["id"] for task in emulator.tasks()})
            assert emulator.task("run-1")["status"] == "failed"
        assert process.communicate("go\n", timeout=30)[0] == "0\n"
    task = emulator.task("run-1")
    assert (task["status"], task["result"]) == ("completed", "")


def test_a_long_run_of_a_living_process_is_not_taken_for_dead(
    emulator: Emulator, outbox_at: Callable[..., Outbox], path: str
):
    program = """
    import attrs
    backend.configuration = attrs.evolve(configuration, outbox=OutboxSettings(sys.argv[2], lease=0.5))
    with backend.external_task(id="run-1"):
        print("begun", flush=True)
        sys.stdin.readline()
    """
    outbox = outbox_at(emulator, lease=0.5)
    outbox.enqueue(report("mine"))
    with started(program, emulator.url, path) as process:
        assert process.stdout.readline() == "begun\n"
        ((before,),) = outbox._runtime.database.query("SELECT lease_until FROM processes")
        # Four times its lease: each renewal prolongs it by a sixth of a second.
        assert eventually(
            lambda: outbox._runtime.database.query("SELECT 1 FROM processes WHERE lease_until > ?", before + 2)
        )
        process.communicate("go\n", timeout=30)
    assert eventually(lambda: len(emulator.tasks()) == 2)
    assert emulator.task("run-1")["status"] == "completed"


def test_a_prefork_parent_that_has_sent_and_its_four_children_report_each_run_once(emulator: Emulator, path: str):
    out = run_python(
        PREAMBLE
        + """
    with backend.external_task(id="parent-1"):
        pass
    assert backend.flush(20).waiting == 0
    parents = backend.external_task(id="parent-2")
    with parents:
        children = []
        for n in range(4):
            child = os.fork()
            if child == 0:
                for m in range(5):
                    with backend.external_task(id=f"child-{n}-{m}"):
                        pass
                waiting = backend.flush(20).waiting
                os._exit(waiting)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0, 0]
    print(backend.flush(20).waiting)
    """,
        emulator.url,
        path,
        flags=FORKING,
    )
    assert out == "0\n"
    assert {task["id"]: task["status"] for task in emulator.tasks()} == {
        **{f"parent-{n}": "completed" for n in (1, 2)},
        **{f"child-{n}-{m}": "completed" for n in range(4) for m in range(5)},
    }


def test_a_child_reports_the_run_of_its_parent_that_was_killed(emulator: Emulator, path: str):
    program = """
    with backend.external_task(id="parent-1", input="Read invoice 17"):
        if os.fork() == 0:
            backend.enqueue_external_task(id="child-1")
            sys.stdin.read()
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with started(program, emulator.url, path) as process:
        assert process.wait(30) == -signal.SIGKILL
        assert eventually(lambda: len(emulator.tasks()) == 2)
    assert emulator.task("parent-1")["status"] == "failed"
    assert emulator.task("child-1")["status"] == "completed"


def test_what_a_forked_child_stores_outlives_the_parent(
    emulator: Emulator, outbox_at: Callable[..., Outbox], path: str
):
    run_python(
        PREAMBLE
        + """
    backend.enqueue_external_task(id="parent")
    assert backend.flush(20).waiting == 0
    first, second = os.pipe(), os.pipe()
    if os.fork() == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        backend.enqueue_external_task(id="child-1")
        os.write(first[1], b"x")
        os.close(second[1])
        os.read(second[0], 1)  # until the parent is gone
        backend.enqueue_external_task(id="child-2")
        os._exit(0)
    os.read(first[0], 1)
    """,
        emulator.url,
        path,
        flags=FORKING,
    )
    outbox = outbox_at(emulator)
    assert eventually(lambda: outbox.status().sent + outbox.status().waiting == 3)
    assert outbox.flush(20).waiting == 0
    assert {task["id"] for task in emulator.tasks()} == {"parent", "child-1", "child-2"}


def test_a_child_of_multiprocessing_sends_before_it_ends(emulator: Emulator, path: str):
    run_python(
        PREAMBLE
        + """
    import multiprocessing
    child = multiprocessing.get_context("fork").Process(
        target=backend.enqueue_external_task, kwargs={"id": "run-1", "result": "done"}
    )
    child.start()
    child.join()
    os._exit(child.exitcode)
    """,
        emulator.url,
        path,
        flags=FORKING,
    )
    assert emulator.task("run-1")["result"] == "done"


# --- the end ---


def test_the_end_of_the_program_sends_what_waits(emulator: Emulator, path: str):
    run_python(PREAMBLE + '    backend.enqueue_external_task(id="run-1")', emulator.url, path)
    assert emulator.task("run-1")


def test_an_interrupted_program_sends_what_waits(emulator: Emulator, path: str):
    with started(
        """
    with backend.external_task(id="run-1"):
        raise KeyboardInterrupt
    """,
        emulator.url,
        path,
    ) as process:
        assert process.wait(30) == -signal.SIGINT
    assert emulator.task("run-1")["status"] == "failed"


def test_a_program_ends_soon_when_the_platform_is_down_and_the_next_one_sends(
    emulator: Emulator, outbox_at: Callable[..., Outbox], path: str
):
    emulator.stop()
    out = run_python(
        PREAMBLE
        + """
    import atexit
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(message)s")
    for n in range(3):
        backend.enqueue_external_task(id=f"run-{n}")
    began = time.monotonic()
    atexit._run_exitfuncs()
    print(time.monotonic() - began < 5.5)
    """,
        emulator.url,
        path,
    )
    assert "3 reports wait on disk at exit, until the next process sends them" in out
    assert out.endswith("True\n")
    emulator.start()
    assert outbox_at(emulator).flush(10).waiting == 0
    assert len(emulator.tasks()) == 3


def test_a_probe_that_gets_through_while_a_flush_looks_is_not_taken_for_an_outage(
    emulator: Emulator, outbox_at: Callable[..., Outbox], monkeypatch: pytest.MonkeyPatch
):
    emulator.stop()
    outbox = outbox_at(emulator)
    for number in range(3):
        outbox.enqueue(report(f"run-{number}"))
    assert outbox.flush(10).waiting == 3

    def look_when_the_probe_has_ended(store: Store, destination: int) -> bool:
        assert probe.arrived()
        threading.Timer(0.5, emulator.hold("report_external_task").release).start()
        probe.release()
        assert eventually(lambda: not store.limits(destination).breaker.is_down)
        return False

    emulator.start()
    with emulator.hold("report_external_task") as probe:
        monkeypatch.setattr(Store, "is_sending", look_when_the_probe_has_ended)
        assert outbox.flush(10).waiting == 0


def test_a_program_whose_platform_hangs_ends_all_the_same(emulator: Emulator, path: str):
    program = """
    import attrs
    backend.configuration = attrs.evolve(configuration, outbox=OutboxSettings(sys.argv[2], exit_timeout=0.2))
    backend.enqueue_external_task(id="run-1")
    while not os.path.exists(sys.argv[2] + ".arrived"):
        time.sleep(0.01)
    """
    with emulator.hold("report_external_task") as hold, started(program, emulator.url, path) as process:
        assert hold.arrived(timeout=60)
        Path(f"{path}.arrived").touch()
        assert process.wait(20) == 0


def test_a_file_that_cannot_be_used_is_a_clear_error(emulator: Emulator, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="there is no folder"):
        Outbox.of(configured(emulator, outbox=tmp_path / "missing" / "runs.db")).status()
    with pytest.raises(ConfigurationError, match="there is no outbox: pass outbox="):
        Outbox.of(configured(emulator))


def test_two_settings_for_one_file_are_told_of(
    emulator: Emulator, outbox_at: Callable[..., Outbox], caplog: pytest.LogCaptureFixture
):
    outbox_at(emulator, rate="90/minute")
    assert "two settings" not in caplog.text
    outbox_at(emulator)
    assert "two settings for one file in this process: the newer count" in caplog.text


def test_two_keys_for_one_place_are_told_of(
    emulator: Emulator, path: str, outbox_at: Callable[..., Outbox], caplog: pytest.LogCaptureFixture
):
    for key in ("key-1", "key-2"):
        configuration = Configuration(api_key=key, base_url=emulator.url, outbox=path, agent_id="agent-1")
        outbox = Outbox.of(configuration)
        outbox.enqueue(report(key))
        outbox.flush(10)
    outbox.close()
    assert caplog.text.count("two API keys for") == 1
    assert "key-1" not in caplog.text


def test_a_backend_uses_the_file_that_the_environment_names(
    emulator: Emulator, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("XPANDER_OUTBOX", path)
    with caplog.at_level(logging.WARNING), Backend(configured(emulator, agent_id="agent-1")) as backend:
        assert backend.enqueue_external_task(id="run-1", result="done") == "run-1"
        assert backend.flush(10).waiting == 0
    Outbox.of(backend.configuration).close()
    assert emulator.task("run-1")["result"] == "done"
