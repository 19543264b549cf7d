"""The outbox on a machine that misbehaves: its clock is set, its disk is full, it forks in the midst of a report."""

from __future__ import annotations

import ctypes
import itertools
import logging
import os
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from calling import ROOT, configured, run_python
from misbehaving import Misbehaving, answer, task_answer

from xpander_facade import Backend, OutboxSettings
from xpander_facade.errors import OutboxError
from xpander_facade.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from misbehaving import Connection, Request

    from xpander_facade.emulator import Emulator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files have no owner there, and nothing forks")

DAY = 86_400.0
PREAMBLE = """
    import os, sys, threading, time
    from pathlib import Path

    right, clock = time.time, Path(sys.argv[3])
    time.time = lambda: right() + float(clock.read_text())  # as if somebody had set the machine's clock

    from xpander_facade import Backend, Configuration, OutboxSettings
    backend = Backend(Configuration(
        api_key="k", base_url=sys.argv[1], organization_id="org-1", agent_id="a", deadline=20, timeout=20,
        outbox=OutboxSettings(sys.argv[2], exit_timeout=0, lease=1),
    ))
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "runs.db")


class Clock:
    """The wall clock of the processes that a test starts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0)

    def set(self, days: float) -> None:
        """Let it be wrong by so many days, in all processes at the same moment."""
        written = self.path.with_suffix(".written")
        written.write_text(str(days * DAY))
        written.replace(self.path)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


@contextmanager
def started(program: str, *arguments: object, flags: Sequence[str] = ()) -> Iterator[subprocess.Popen[str]]:
    code = textwrap.dedent(PREAMBLE) + textwrap.dedent(program)
    with subprocess.Popen(
        [sys.executable, *flags, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "generated"), str(ROOT)])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def eventually(happens: Callable[[], object], seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def said_of(server: Misbehaving, id: str) -> list[Any]:
    """What a platform was told of a run, report by report."""
    return [request.json for request in server.requests if request.json and request.json["id"] == id]


# --- the clock ---


@pytest.mark.parametrize(
    "no",
    [
        pytest.param([answer(429, {"detail": "slower"}, {"Retry-After": "5"})], id="asked to wait"),
        pytest.param([answer(503, {"detail": "down"})] * 4, id="an outage"),
    ],
)
def test_a_clock_that_is_put_back_in_a_pause_costs_the_pause_and_no_day(
    misbehave: Callable[..., Misbehaving], path: str, clock: Clock, no: list[Any]
):
    clock.set(1)
    server = misbehave(*no, otherwise=task_answer())
    program = """
    backend.enqueue_external_task(id="before")
    sys.stdin.readline()
    backend.enqueue_external_task(id="after")
    sys.stdin.readline()
    """
    with started(program, server.url, path, clock.path) as process:
        assert process.stdin is not None
        # Nobody flushes: a service does not.
        assert eventually(lambda: _pause_ends(path) > time.time() + DAY / 2, 60)
        clock.set(0)
        asked = len(server.requests)
        process.stdin.write("\n")
        process.stdin.flush()
        assert server.wait_for(lambda: {"before", "after"} <= {one.json["id"] for one in server.requests[asked:]}, 20)


def _pause_ends(path: str) -> float:
    """Return until when nothing is sent, by the clock of the processes."""
    if not Path(path).exists():
        return 0.0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as file, suppress(sqlite3.Error):
        return max((max(row) for row in file.execute("SELECT open_until, next_at FROM destinations")), default=0.0)
    return 0.0


def test_a_clock_that_is_put_forward_makes_nobody_dead_and_nothing_too_old(
    misbehave: Callable[..., Misbehaving], path: str, clock: Clock
):
    """One process waits for an answer and has a run in progress, the other looks for what it could take over."""

    def slow(connection: Connection, request: Request) -> bool:
        sent.append(request.json["id"])
        while not is_over:
            time.sleep(0.01)
        return task_answer()(connection, request)

    sent: list[str] = []
    is_over: list[bool] = []
    server = misbehave(slow, otherwise=task_answer())
    program = """
    if sys.argv[4] == "other":
        from xpander_facade.outbox import Outbox
        Outbox.of(backend.configuration)._runtime.start()
        print("looking", flush=True)
    else:
        with backend.external_task(id="running", input="x") as run:
            backend.enqueue_external_task(id="slow")
            print("running", flush=True)
            sys.stdin.readline()
            run.result = "done"
        print(backend.flush(20).waiting, flush=True)
    sys.stdin.readline()
    """
    try:
        with (
            started(program, server.url, path, clock.path, "one") as one,
            started(program, server.url, path, clock.path, "other") as other,
        ):
            assert one.stdin is not None
            assert one.stdout is not None
            assert other.stdout is not None
            assert one.stdout.readline() == "running\n"
            assert other.stdout.readline() == "looking\n"
            assert eventually(lambda: sent)
            clock.set(10)
            time.sleep(1.5)  # the other one looks twice a second
            assert sent == ["slow"]
            is_over.append(True)
            one.stdin.write("\n")
            one.stdin.flush()
            assert one.stdout.readline() == "0\n"
    finally:
        is_over.append(True)
    assert len(said_of(server, "slow")) == 1
    assert [report.get("result") for report in said_of(server, "running")] == ["done"]


# --- the disk ---


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    libc = ctypes.CDLL(None, use_errno=True)
    mount = getattr(libc, "mount", None)
    if mount is None or mount(b"small", bytes(folder), b"tmpfs", 0, b"size=2m,mode=700"):
        pytest.skip(f"this machine mounts nothing: {os.strerror(ctypes.get_errno())}")
    yield folder
    libc.umount2(bytes(folder), 2)


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            pass
    return ballast


def test_a_full_disk_costs_an_error_and_nothing_that_was_stored(
    emulator: Emulator, disk: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.CRITICAL)
    backend = Backend(
        configured(emulator, agent_id="a", deadline=5, outbox=OutboxSettings(disk / "runs.db", exit_timeout=0))
    )
    with closing(Outbox.of(backend.configuration)) as outbox, emulator.hold("report_external_task") as hold:
        backend.enqueue_external_task(id="stored", result="before")
        assert hold.arrived()
        ballast = fill(disk)
        stored = ["stored"]
        while (refusal := _refusal(backend, f"run-{len(stored)}")) is None:
            stored.append(f"run-{len(stored)}")
        assert "no room on the disk" in refusal
        hold.release()
        # The platform is there: a recorded run goes to it directly.
        with backend.external_task(id="recorded", input="x" * 50_000) as run:
            run.result = "y" * 50_000
        assert emulator.task("recorded")["result"] == "y" * 50_000
        ballast.unlink()
        assert eventually(lambda: _refusal(backend, "afterwards") is None)
        assert outbox.flush(20).waiting == 0
        assert outbox.status().running == 0
    assert {task["id"] for task in emulator.tasks()} == {*stored, "recorded", "afterwards"}
    assert emulator.task("recorded")["status"] == "completed"


def _refusal(backend: Backend, id: str) -> str | None:
    """Store a report; return why the file did not take it, or None where it did."""
    try:
        backend.enqueue_external_task(id=id, result="x" * 1_000)
    except OutboxError as error:
        return str(error)
    return None


# --- forks ---


def test_a_child_that_is_forked_while_another_thread_writes_stores_at_once(emulator: Emulator, path: str, clock: Clock):
    out = run_python(
        PREAMBLE
        + """
    from xpander_facade.outbox import Outbox
    database = Outbox.of(backend.configuration)._runtime.database
    backend.enqueue_external_task(id="first")
    for n in range(3):
        writing = threading.Event()

        def write():
            with database.transaction():
                database.execute("UPDATE destinations SET sent = sent")
                writing.set()
                time.sleep(0.1)

        thread = threading.Thread(target=write)
        thread.start()
        writing.wait(10)
        child = os.fork()
        if child == 0:
            began = time.monotonic()
            backend.enqueue_external_task(id=f"child-{n}")
            print(time.monotonic() - began < 3, flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        thread.join()
        backend.enqueue_external_task(id=f"parent-{n}")
    print(backend.flush(20).waiting)
    """,
        emulator.url,
        path,
        str(clock.path),
        flags=("-W", "error", "-W", "ignore::DeprecationWarning"),
    )
    assert out.split() == ["True"] * 3 + ["0"]
    assert {task["id"] for task in emulator.tasks()} == {
        "first",
        *(f"{who}-{n}" for who in ("child", "parent") for n in range(3)),
    }


def test_a_fork_right_after_the_file_was_deleted_loses_nothing(emulator: Emulator, path: str, clock: Clock):
    emulator.fail(503, times=10_000)  # so that the report still waits at the fork
    program = """
    import logging
    logging.basicConfig(stream=sys.stdout)
    from xpander_facade.outbox._database import Database
    # Nobody looks before the fork, nor is in the middle of looking when the file goes.
    look, Database.check_file = Database.check_file, lambda file: None
    backend.enqueue_external_task(id="first")
    for suffix in ("", "-wal", "-shm"):
        os.unlink(sys.argv[2] + suffix)
    child = os.fork()
    Database.check_file = look
    if child == 0:
        backend.enqueue_external_task(id="child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    print("forked", flush=True)
    sys.stdin.readline()
    print(backend.flush(60).waiting, "wait")
    """
    flags = ("-W", "error", "-W", "ignore::DeprecationWarning")
    with started(program, emulator.url, path, clock.path, flags=flags) as process:
        assert process.stdout is not None
        said = list(itertools.takewhile(lambda text: text != "forked\n", process.stdout))
        emulator.reset()
        out = "".join(said) + process.communicate("\n", timeout=90)[0]
    assert "made anew, with the 1 reports and runs of the old one" in out
    assert out.splitlines()[-1] == "0 wait"
    assert {task["id"] for task in emulator.tasks()} == {"first", "child"}
