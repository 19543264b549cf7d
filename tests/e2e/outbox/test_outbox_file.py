"""The outbox's file among strangers, in trouble and out of sight: real files, processes, users and mounts."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from calling import configured

from xpander_facade import Backend, ConfigurationError, OutboxSettings
from xpander_facade._requests.report import Report
from xpander_facade.errors import OutboxFullError
from xpander_facade.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xpander_facade.emulator import Emulator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files have no owner there")
as_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become another user")

PREAMBLE = """
    import os, sys, time
    from xpander_facade import Backend, Configuration, OutboxSettings
    backend = Backend(Configuration(
        api_key="k", base_url=sys.argv[1], organization_id="org-1", agent_id="a", max_retries=0, deadline=5,
        outbox=OutboxSettings(sys.argv[2], exit_timeout=0),
    ))
"""


def report(id: str, **body: Any) -> Report:
    return Report("agent-1", id, {"id": id, "is_success": True, "duration": 0.5, **body})


@pytest.fixture
def outbox_at(tmp_path: Path) -> Iterator[Callable[..., Outbox]]:
    made: list[Outbox] = []

    def make(server: Emulator, path: object = None, **settings: Any) -> Outbox:
        made.append(Outbox.of(configured(server, outbox=OutboxSettings(str(path or tmp_path / "runs.db"), **settings))))
        return made[-1]

    yield make
    for outbox in made:
        outbox.close()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may write to, as /tmp."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o1777)
        yield Path(folder)


def eventually(happens: Callable[[], object], seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def started(program: str, *arguments: str) -> subprocess.Popen[str]:
    code = textwrap.dedent(PREAMBLE) + textwrap.dedent(program)
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


# --- whose file it is ---


@as_root
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_what_another_user_made_in_a_shared_folder_is_refused(
    emulator: Emulator, outbox_at: Callable[..., Outbox], shared: Path, suffix: str
):
    theirs = shared / f"runs.db{suffix}"
    theirs.touch(0o666)
    theirs.chmod(0o666)
    os.chown(theirs, 23456, 23456)
    with pytest.raises(ConfigurationError, match=r"belongs to another user.*name a file in a folder"):
        outbox_at(emulator, shared / "runs.db").enqueue(report("run-1", input="secret"))
    assert b"secret" not in theirs.read_bytes()


def test_a_link_in_a_shared_folder_is_refused_and_one_in_an_own_folder_is_followed(
    emulator: Emulator, outbox_at: Callable[..., Outbox], shared: Path, tmp_path: Path
):
    for folder in (shared, tmp_path):
        (folder / "link.db").symlink_to(tmp_path / "target.db")
    with pytest.raises(ConfigurationError, match="is a link in a folder that others can write to"):
        outbox_at(emulator, shared / "link.db").enqueue(report("run-1"))
    assert not (tmp_path / "target.db").exists()
    outbox_at(emulator, tmp_path / "link.db").enqueue(report("run-1"))
    assert (tmp_path / "target.db").exists()


def test_a_hard_link_in_a_shared_folder_is_refused(
    emulator: Emulator, outbox_at: Callable[..., Outbox], shared: Path, tmp_path: Path
):
    (tmp_path / "diary").touch()
    os.link(tmp_path / "diary", shared / "runs.db")
    with pytest.raises(ConfigurationError, match="hard link"):
        outbox_at(emulator, shared / "runs.db").enqueue(report("run-1"))
    assert (tmp_path / "diary").read_bytes() == b""


def test_all_files_in_a_shared_folder_are_made_for_their_owner_only(
    emulator: Emulator, outbox_at: Callable[..., Outbox], shared: Path
):
    outbox = outbox_at(emulator, shared / "runs.db")
    outbox.enqueue(report("run-1"))
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in shared.iterdir()} == {
        "runs.db": 0o600,
        "runs.db-wal": 0o600,
        "runs.db-shm": 0o600,
    }


@as_root
def test_a_device_is_refused_and_stays_as_it_is(emulator: Emulator, outbox_at: Callable[..., Outbox], tmp_path: Path):
    os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (tmp_path / "null").chmod(0o666)
    with pytest.raises(ConfigurationError, match="not a regular file but a device"):
        outbox_at(emulator, tmp_path / "null").enqueue(report("run-1"))
    assert stat.S_IMODE((tmp_path / "null").stat().st_mode) == 0o666


def test_a_pipe_is_refused_at_once(emulator: Emulator, outbox_at: Callable[..., Outbox], tmp_path: Path):
    os.mkfifo(tmp_path / "pipe", 0o644)
    with pytest.raises(ConfigurationError, match="not a regular file but a pipe"):
        outbox_at(emulator, tmp_path / "pipe").enqueue(report("run-1"))
    assert stat.S_IMODE((tmp_path / "pipe").stat().st_mode) == 0o644


def test_what_was_sent_is_not_in_the_file_any_more(
    emulator: Emulator, outbox_at: Callable[..., Outbox], tmp_path: Path
):
    outbox = outbox_at(emulator)
    outbox.enqueue(report("run-1", input="the-secret-prompt"))
    assert outbox.flush(10).waiting == 0
    outbox.close()
    assert b"the-secret-prompt" not in (tmp_path / "runs.db").read_bytes()


@as_root
def test_a_file_that_is_mounted_without_its_folder_is_refused(
    emulator: Emulator, outbox_at: Callable[..., Outbox], tmp_path: Path
):
    (tmp_path / "host.db").touch()
    (tmp_path / "runs.db").touch()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(bytes(tmp_path / "host.db"), bytes(tmp_path / "runs.db"), None, 4096, None):  # MS_BIND
        pytest.skip(f"this machine mounts nothing: {os.strerror(ctypes.get_errno())}")
    try:
        with pytest.raises(ConfigurationError, match=r"mounted by itself.*mount the folder"):
            outbox_at(emulator).enqueue(report("run-1"))
    finally:
        libc.umount2(bytes(tmp_path / "runs.db"), 2)


# --- files that vanish ---


@pytest.mark.parametrize("change", ["deleted", "moved", "replaced", "without its log"])
def test_a_file_that_vanishes_while_in_use_is_made_anew_with_all_that_is_known(
    emulator: Emulator,
    outbox_at: Callable[..., Outbox],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    change: str,
):
    caplog.set_level(logging.WARNING)
    emulator.stop()
    outbox = outbox_at(emulator)
    outbox.begin(report("running"))
    for n in range(3):
        outbox.enqueue(report(f"run-{n}", result="first"))
    files = [tmp_path / f"runs.db{suffix}" for suffix in ("", "-wal", "-shm")]
    if change == "replaced":
        other = Outbox.of(configured(emulator, outbox=tmp_path / "other.db"))
        other.enqueue(report("run-0", result="later"))
        other.enqueue(report("other"))
        other.close()
    if change == "without its log":
        files[1].unlink()
    elif change == "moved":
        for file in files:
            file.rename(tmp_path / f"old-{file.name}")
    else:
        for file in files:
            file.unlink()
    if change == "replaced":
        # At once: a file that is made anew in between has a log, which is not that of the other one.
        (tmp_path / "other.db").rename(files[0])
    assert eventually(lambda: "was deleted, moved or replaced while in use" in caplog.text, 3)
    outbox.enqueue(report("run-3"))
    expected = {"run-0", "run-1", "run-2", "run-3"} | ({"other"} if change == "replaced" else set())
    with contextlib.closing(sqlite3.connect(f"file:{files[0]}?mode=ro", uri=True)) as connection:
        stored = connection.execute("SELECT id FROM reports UNION ALL SELECT id FROM arrivals")
        assert {id for (id,) in stored} == expected
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    emulator.start()
    assert outbox.flush(20).waiting == 0
    assert emulator.task("run-0")["result"] == ("later" if change == "replaced" else "first")


@pytest.mark.parametrize("obstacle", ["no folder", "a folder", "a text", "a database of another program"])
def test_nothing_more_is_accepted_where_a_file_that_vanished_can_not_be_made_anew(
    emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture, obstacle: str
):
    folder, file = tmp_path / "folder", tmp_path / "folder" / "runs.db"
    folder.mkdir(mode=0o700)
    backend = Backend(
        configured(emulator, agent_id="agent-1", outbox=OutboxSettings(file, exit_timeout=0), deadline=20)
    )
    with contextlib.closing(Outbox.of(backend.configuration)) as outbox, emulator.hold("report_external_task") as hold:
        backend.enqueue_external_task(id="sending")
        assert hold.arrived()
        backend.enqueue_external_task(id="waiting")
        shutil.rmtree(folder)
        if obstacle != "no folder":
            folder.mkdir(mode=0o700)
        if obstacle == "a folder":
            file.mkdir()
        elif obstacle == "a text":
            file.write_text("hello " * 1_000)
        elif obstacle == "a database of another program":
            with contextlib.closing(sqlite3.connect(file)) as other:
                other.execute("CREATE TABLE theirs (id)")
        assert eventually(lambda: "and can't be made anew" in caplog.text, 5)
        with pytest.raises(ConfigurationError, match="was deleted, moved or replaced, and can't be made anew"):
            backend.enqueue_external_task(id="refused")
        hold.release()
        # The platform is there: a recorded run goes to it directly, and so does what was accepted before.
        with backend.external_task(id="recorded") as run:
            run.result = "done"
        assert eventually(lambda: {task["id"] for task in emulator.tasks()} >= {"sending", "waiting", "recorded"})
        if obstacle == "no folder":
            folder.mkdir(mode=0o700)
        elif obstacle == "a folder":
            file.rmdir()
        else:
            file.unlink()
        assert eventually(lambda: _is_stored(backend))
        assert outbox.flush(20).waiting == 0
    assert {task["id"] for task in emulator.tasks()} == {"sending", "waiting", "recorded", "after"}


def test_two_processes_that_lose_their_file_bring_each_report_into_the_new_one_once(
    emulator: Emulator, outbox_at: Callable[..., Outbox], tmp_path: Path
):
    emulator.stop()
    path = str(tmp_path / "runs.db")
    outbox = outbox_at(emulator)
    outbox.enqueue(report("run-0"))
    program = """
    for n in range(20):
        backend.enqueue_external_task(id=f"theirs-{n}")
        time.sleep(0.1)
    os._exit(0)
    """
    with started(program, emulator.url, path) as process:
        assert eventually(lambda: outbox.status().waiting > 3, 30)
        for suffix in ("", "-wal", "-shm"):
            os.unlink(path + suffix)
        assert process.wait(60) == 0
    assert eventually(lambda: len(outbox.list()) == 21)
    emulator.start()
    assert outbox.flush(20).waiting == 0
    assert len(emulator.tasks()) == 21


# --- a file that is full, or that another process keeps ---


def test_a_full_outbox_raises_at_once_by_default(emulator: Emulator, outbox_at: Callable[..., Outbox]):
    emulator.stop()
    outbox = outbox_at(emulator, max_reports=1)
    outbox.enqueue(report("run-1"))
    began = time.monotonic()
    with pytest.raises(OutboxFullError):
        outbox.enqueue(report("run-2"))
    assert time.monotonic() - began < 1


def test_a_frozen_writer_costs_one_wait_and_then_none(emulator: Emulator, tmp_path: Path):
    path = str(tmp_path / "runs.db")
    program = """
    from xpander_facade.outbox import Outbox
    with Outbox.of(backend.configuration)._runtime.database.transaction():
        print("frozen", flush=True)
        time.sleep(600)
    """
    backend = Backend(configured(emulator, agent_id="agent-1", outbox=OutboxSettings(path, exit_timeout=0)))
    backend.enqueue_external_task(id="before")
    assert backend.flush(10).waiting == 0
    with started(program, emulator.url, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "frozen\n"
        os.kill(process.pid, signal.SIGSTOP)
        took = []
        for n in range(8):
            began = time.monotonic()
            with backend.external_task(id=f"run-{n}", input="x") as run:
                run.result = "done"
            took.append(time.monotonic() - began)
        # The first run waits for the file. The others know, and go to the platform directly.
        assert sorted(took)[-2] < 2 < 5 <= max(took) < 15
        assert {f"run-{n}" for n in range(8)} <= {task["id"] for task in emulator.tasks()}
        os.kill(process.pid, signal.SIGCONT)
        process.kill()
    assert eventually(lambda: _is_stored(backend))
    Outbox.of(backend.configuration).close()


def _is_stored(backend: Backend) -> bool:
    try:
        backend.enqueue_external_task(id="after")
    except Exception:
        return False
    return True


# --- size ---


def test_a_file_that_is_mostly_empty_is_given_back(
    emulator: Emulator, outbox_at: Callable[..., Outbox], tmp_path: Path
):
    emulator.stop()
    outbox = outbox_at(emulator)
    with outbox._runtime.database.transaction():
        for n in range(2000):
            outbox.enqueue(report(f"run-{n}", result="x" * 2000))
    full = outbox._runtime.database._bytes()
    emulator.start()
    assert outbox.flush(60).waiting == 0
    outbox.close()
    assert (tmp_path / "runs.db").stat().st_size < full / 10
    assert outbox.status().sent == 2000
