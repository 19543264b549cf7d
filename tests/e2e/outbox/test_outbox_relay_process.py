"""A process that a program starts to send what its own processes leave: one for a file, while there is work."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from calling import run_python

from xpander_facade import Backend, Configuration, ConfigurationError, OutboxSettings
from xpander_facade.outbox import Outbox, _relay_process
from xpander_facade.outbox import __main__ as outbox_main
from xpander_facade.outbox._relay_process import RelayStarter, locked
from xpander_facade.outbox._sending_threads import SendingThreads

if TYPE_CHECKING:
    import threading

    from xpander_facade.emulator import Emulator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no relay on Windows")

ENDING_AT_ONCE = """
    import os, sys
    from xpander_facade import Backend, Configuration, OutboxSettings
    settings = OutboxSettings(sys.argv[2], relay="process")
    backend = Backend(Configuration("key-in-a-pipe", "org-1", sys.argv[1], "agent-1", outbox=settings))
    for number in range(3):
        if os.fork() == 0:
            with backend.external_task(id=f"run-{number}", input="in") as run:
                run.result = "out"
            os._exit(0)
    for _ in range(3):
        os.wait()
    os._exit(0)
"""


def relays(path: Path) -> list[dict[str, str]]:
    """Return the arguments and environments of the processes that have the lock of a file's relay open."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            files = [os.readlink(one) for one in (folder / "fd").iterdir()]
            if f"{path}-relay" in files and int(folder.name) != os.getpid():
                told = {name: (folder / name).read_bytes().decode(errors="replace") for name in ("cmdline", "environ")}
                found.append({"pid": folder.name, **told})
        except OSError:
            continue
    return found


def eventually(check: Any, seconds: float = 30) -> Any:
    until = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def end(path: Path) -> None:
    """End the relay of a file, and another one that was started at the same time and takes its turn then."""
    told: set[str] = set()

    def are_gone() -> bool:
        running = {one["pid"] for one in relays(path)}
        for pid in running - told:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 15)
        told.update(running)
        return not running

    assert eventually(are_gone)


def test_reports_of_processes_that_end_at_once_are_sent_by_one_relay(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "runs.db"
    monkeypatch.setenv("XPANDER_AGENT_ID", "agent-of-the-program")
    monkeypatch.setenv("XPANDER_HTTP_PARSER", "h11")
    run_python(ENDING_AT_ONCE, emulator.url, str(path), flags=("-W", "ignore::DeprecationWarning"))
    try:
        assert eventually(lambda: len(emulator.tasks()) == 3)
        assert {task["result"] for task in emulator.tasks()} == {"out"}
        if os.path.isdir("/proc"):
            assert eventually(lambda: len(relays(path)) == 1)
            (relay,) = relays(path)
            assert "key-in-a-pipe" not in relay["cmdline"] + relay["environ"]
            assert "agent-of-the-program" not in relay["environ"]
            assert "XPANDER_HTTP_PARSER=h11" in relay["environ"].split("\0")
            assert os.readlink(f"/proc/{relay['pid']}/fd/1") == "/dev/null"
    finally:
        end(path)
    assert (tmp_path / "runs.db-relay").stat().st_mode & 0o77 == 0


def test_while_a_relay_runs_a_process_sends_for_a_flush_alone(emulator: Emulator, tmp_path: Path):
    path = tmp_path / "runs.db"
    configuration = Configuration(
        "k", "org-1", emulator.url, "agent-1", outbox=OutboxSettings(path, relay="process", lease=1)
    )
    with locked(str(path)) as is_free, Backend(configuration) as backend:
        assert is_free
        outbox = Outbox.of(configuration)
        backend.enqueue_external_task(id="run-1")
        outbox._runtime.sender.round()
        assert [entry.state for entry in outbox.list()] == ["waiting"]
        assert backend.flush(10).waiting == 0
        assert [task["id"] for task in emulator.tasks()] == ["run-1"]
        backend.enqueue_external_task(id="run-2")
        outbox._runtime.sender.round()
        assert [entry.state for entry in outbox.list()] == ["waiting"]
    # The relay is gone, and this process sends what it left.
    assert eventually(lambda: len(emulator.tasks()) == 2)
    outbox.close()


def test_while_a_relay_runs_the_end_of_a_run_starts_no_thread_that_sends(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("xpander_facade.outbox._runtime._FIRST_ROUND", 3600.0)
    path = tmp_path / "runs.db"
    configuration = Configuration("k", "org-1", emulator.url, "agent-1", outbox=OutboxSettings(path, relay="process"))
    runtime = Outbox.of(configuration)._runtime
    with locked(str(path)), Backend(configuration) as backend:
        with backend.external_task(id="run-1"):
            pass
        assert runtime._maintenance_thread.is_alive
        assert not runtime._sender_thread.was_started
    # The relay is gone, and the thread that looks after the file has a sender started.
    runtime._maintenance_thread.wake()
    assert eventually(lambda: len(emulator.tasks()) == 1)
    Outbox.of(configuration).close()


def test_of_relays_that_start_at_once_one_sends(emulator: Emulator, tmp_path: Path):
    path = tmp_path / "runs.db"
    Backend(Configuration("k", "org-1", emulator.url, "agent-1", outbox=path)).enqueue_external_task(id="run-1")
    configuration = Configuration("k", "org-1", emulator.url, "agent-1", outbox=path)
    with locked(str(path)):
        for _ in range(3):
            _relay_process._start(str(path), configuration)
        # They find that there is one, and end.
        assert eventually(lambda: not relays(path))
    try:
        for _ in range(3):
            _relay_process._start(str(path), configuration)
        assert eventually(lambda: len(relays(path)) == 1 and emulator.tasks())
    finally:
        end(path)
    Outbox.of(configuration).close()


@pytest.mark.parametrize("is_told", [False, True])
def test_what_is_stored_as_a_relay_ends_is_sent_unless_it_was_told_to_end(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_told: bool
):
    path = tmp_path / "runs.db"
    program = Backend(Configuration("k", "org-1", emulator.url, "agent-1", outbox=path))
    emulator.fail(503, times=1000)
    rounds = []

    def relay(configuration: Configuration, paths: list[str], *, stop: threading.Event, **_: object) -> int:
        with locked(str(path)) as is_free:
            rounds.append(is_free)
        if is_told:
            stop.set()
        if len(rounds) == 1:
            program.enqueue_external_task(id="run-1")
        else:
            emulator.reset()
            assert program.flush(20).waiting == 0
            assert len(emulator.tasks()) == 1
        return 0

    values = {"api_key": "k", "organization_id": "org-1", "base_url": emulator.url, "agent_id": "agent-1"}
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(pickle.dumps((str(path), values)))))
    monkeypatch.setattr(outbox_main, "relay", relay)
    assert outbox_main._serve() == 0
    assert rounds == ([False] if is_told else [False, False])
    Outbox.of(program.configuration).close()
    program.close()


def test_a_relay_that_is_told_to_end_hands_over_what_waits(emulator: Emulator, tmp_path: Path):
    path = tmp_path / "runs.db"
    emulator.fail(503, times=1000)
    run_python(ENDING_AT_ONCE, emulator.url, str(path), flags=("-W", "ignore::DeprecationWarning"))
    assert eventually(lambda: relays(path))
    end(path)
    emulator.reset()
    plain = Backend(Configuration("k", "org-1", emulator.url, "agent-1", outbox=path))
    assert plain.flush(20).waiting == 0
    assert len(emulator.tasks()) == 3
    Outbox.of(plain.configuration).close()
    plain.close()


def test_a_relay_that_a_background_thread_starts_can_be_told_to_end(emulator: Emulator, tmp_path: Path):
    path = tmp_path / "runs.db"
    emulator.fail(503, times=1000)
    configuration = Configuration("k", "org-1", emulator.url, "agent-1", outbox=path)
    Backend(configuration).enqueue_external_task(id="run-1")  # a relay with work does not end by itself
    sending = SendingThreads[Configuration](lambda given: _relay_process._start(str(path), given))
    sending.submit(configuration)
    try:
        assert eventually(lambda: relays(path))
        end(path)
    finally:
        for left in relays(path):
            os.kill(int(left["pid"]), signal.SIGKILL)
        sending.stop()
        Outbox.of(configuration).close()


def test_a_relay_ends_when_there_is_nothing_to_do(tmp_path: Path, emulator: Emulator):
    from xpander_facade.outbox._relay import relay

    configuration = Configuration("k", "org-1", emulator.url, "agent-1")
    program = Configuration("k", "org-1", emulator.url, "agent-1", outbox=tmp_path / "runs.db")
    Backend(program).enqueue_external_task(id="a")
    began = time.monotonic()
    assert relay(configuration, [str(tmp_path / "runs.db")], idle_timeout=0.2) == 0
    assert time.monotonic() - began < 20
    assert len(emulator.tasks()) == 1
    Outbox.of(program).close()


def test_a_relay_that_can_not_be_started_is_said_and_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    starter = RelayStarter(str(tmp_path / "no folder" / "runs.db"))
    starter.ensure(Configuration("k"))
    assert "no relay could be started" in caplog.text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"redact": lambda field, text: text}, "redact can't go"),
        ({"on_response": print}, "on_response can't go"),
        ({"http_client": lambda: None}, "http_client can't go"),
    ],
)
def test_what_can_not_go_to_another_process_is_refused(tmp_path: Path, given: dict[str, Any], expected: str):
    with pytest.raises(ConfigurationError, match=f"{expected}.*outbox relay"):
        Configuration("k", outbox=OutboxSettings(tmp_path / "runs.db", relay="process"), **given)


def test_places_where_no_relay_can_run_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = OutboxSettings(tmp_path / "runs.db", relay="process")
    with pytest.raises(ConfigurationError, match="in memory"):
        Configuration("k", outbox=OutboxSettings(":memory:", relay="process"))
    with pytest.raises(ConfigurationError, match='must be "process"'):
        OutboxSettings(tmp_path / "runs.db", relay="thread")
    with monkeypatch.context() as changed:
        changed.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
        with pytest.raises(ConfigurationError, match="Lambda"):
            Configuration("k", outbox=settings)
    with monkeypatch.context() as changed:
        changed.setitem(sys.modules, "uwsgi", sys)
        with pytest.raises(ConfigurationError, match="uWSGI"):
            Configuration("k", outbox=settings)
    with monkeypatch.context() as changed:
        changed.setattr(sys, "frozen", True, raising=False)
        with pytest.raises(ConfigurationError, match="frozen"):
            Configuration("k", outbox=settings)
