"""The outbox without a path, the one without a file, the hooks, and the relay: real processes and files."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from calling import configured

from xpander_facade import Backend, Configuration, ConfigurationError, OutboxSettings
from xpander_facade._requests.report import Report
from xpander_facade.outbox import Outbox, OutboxEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.emulator import Emulator


def report(id: str, **body: Any) -> Report:
    return Report("agent-1", id, {"id": id, "is_success": True, "duration": 0.5, **body})


def eventually(happens: Callable[[], object], seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any of our files."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "xpander-facade"


# --- a file that is chosen ---


@pytest.mark.parametrize("given", [True, "auto", "TRUE", "1"])
@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="the user's folder is another one there")
def test_an_outbox_without_a_path_is_in_the_users_folder_for_state(
    emulator: Emulator, state: Path, given: Any, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    outbox = Outbox.of(configured(emulator, outbox=given))
    outbox.enqueue(report("run-1"))
    assert outbox.flush(20).waiting == 0
    outbox.close()
    (file,) = state.glob("outbox-*.db")
    assert outbox.path == str(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700
    Outbox.of(configured(emulator, outbox=given, timeout=7))
    assert caplog.text.count(f"reports wait in {file}") == 1


@pytest.mark.usefixtures("state")
def test_platforms_organisations_and_keys_have_files_of_their_own():
    def path(**changes: Any) -> str:
        given = {"api_key": "key-1", "base_url": "http://127.0.0.1:9", "organization_id": None, **changes}
        return Outbox.of(Configuration(outbox=True, **given)).path

    assert path() == path()
    assert len({path(), path(api_key="key-2"), path(base_url="http://127.0.0.1:8"), path(organization_id="o")}) == 4
    assert path(api_key="key-1", organization_id="o") == path(api_key="key-2", organization_id="o")
    assert "key-1" not in path()


@pytest.mark.parametrize(("value", "has_one"), [("true", True), ("auto", True), ("off", False), ("0", False)])
def test_the_environment_chooses_too(state: Path, monkeypatch: pytest.MonkeyPatch, value: str, has_one: bool):
    monkeypatch.setenv("XPANDER_OUTBOX", value)
    configuration = Configuration(api_key="k")
    assert (configuration.outbox is not None) == has_one
    if has_one:
        assert Path(Outbox.of(configuration).path).parent == state
    assert Configuration(api_key="k", outbox=False).outbox is None


def test_a_user_without_any_folder_gets_memory_and_one_warning(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("xpander_facade.configuration._state_folder._is_usable", lambda folder: False)
    for timeout in (3, 4):
        assert Outbox.of(configured(emulator, outbox=True, timeout=timeout)).path == ":memory:"
    assert caplog.text.count("reports wait in memory; name a path") == 1


# --- without a file ---


def test_an_outbox_in_memory_sends_without_touching_the_disk(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    backend = Backend(configured(emulator, agent_id="agent-1", outbox=":memory:"))
    with backend.external_task(id="run-1", input="Read") as run:
        run.result = "done"
    assert backend.flush(20).waiting == 0
    assert emulator.task("run-1")["result"] == "done"
    assert list(tmp_path.iterdir()) == []
    Outbox.of(backend.configuration).close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_waits_in_memory_is_sent_by_the_parent_alone_after_a_fork(emulator: Emulator):
    outbox = Outbox.of(configured(emulator, outbox=":memory:"))
    emulator.stop()
    outbox.enqueue(report("parents"))
    child = os.fork()
    if child == 0:
        try:
            os._exit(outbox.status().waiting + 10 * outbox.status().sending)
        finally:
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    emulator.start()
    assert eventually(lambda: outbox.flush(20).waiting == 0)
    assert [task["id"] for task in emulator.tasks()] == ["parents"]
    outbox.close()


def test_a_lambda_is_warned_of_an_outbox_in_memory(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    from xpander_facade.outbox import _runtime

    monkeypatch.setattr(_runtime, "_runtimes", {})
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    Outbox.of(configured(emulator, outbox=":memory:", timeout=6))
    assert "flush before you return" in caplog.text


# --- hooks ---


def test_a_hook_hears_of_a_report_that_was_refused(emulator: Emulator, tmp_path: Path):
    told: list[OutboxEntry] = []
    settings = OutboxSettings(tmp_path / "runs.db", on_quarantine=told.append)
    outbox = Outbox.of(configured(emulator, outbox=settings))
    emulator.fail(422)
    outbox.enqueue(report("run-1", result="done"))
    assert outbox.flush(20).quarantined == 1
    outbox.close()
    ((entry),) = told
    assert (entry.id, entry.state) == ("run-1", "quarantined")
    assert "422" in str(entry.reason)
    assert entry.body is not None
    assert entry.body["result"] == "done"


def test_a_hook_that_is_not_a_function_is_refused():
    with pytest.raises(ConfigurationError, match="on_drop must be a function"):
        OutboxSettings("runs.db", on_drop="print")


def test_the_state_of_an_outbox_shows_a_platform_that_is_down(emulator: Emulator, tmp_path: Path):
    outbox = Outbox.of(configured(emulator, outbox=tmp_path / "runs.db"))
    assert (outbox.status().circuit, outbox.status().oldest_age) == ("closed", None)
    emulator.stop()
    for n in range(4):
        outbox.enqueue(report(f"run-{n}"))
    assert eventually(lambda: outbox.status().circuit == "open")
    assert outbox.is_known_to_be_down()
    began = time.monotonic()
    assert outbox.flush(30).waiting == 4
    assert time.monotonic() - began < 10
    assert 0 < (outbox.status().oldest_age or 0) < 60
    emulator.start()
    assert outbox.flush(30).waiting == 0
    assert outbox.status().circuit == "closed"
    outbox.close()


# --- a refused key ---


def test_a_refused_key_is_not_tried_anew_for_each_backend(
    emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    emulator.fail(401, times=1000)
    for n in range(30):
        backend = Backend(configured(emulator, agent_id="agent-1", outbox=tmp_path / "runs.db", timeout=5 + n))
        backend.enqueue_external_task(id=f"run-{n}")
        time.sleep(0.02)
    assert len(emulator.requests()) <= 4
    assert sum("no report can be sent" in record.message for record in caplog.records) == 1
    Outbox.of(backend.configuration).close()


# --- the relay ---


def relaying(emulator: Emulator, *arguments: str) -> subprocess.Popen[str]:
    variables = {"XPANDER_API_KEY": "k", "XPANDER_BASE_URL": emulator.url}
    return subprocess.Popen(
        [sys.executable, "-m", "xpander_facade.outbox", *arguments],
        env={**os.environ, **variables, "XPANDER_ORGANIZATION_ID": "org-1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def leave_and_die(emulator: Emulator, path: Path, *ids: str) -> None:
    """Leave reports in a file and end without sending, as the child of a job runner does."""
    program = """
import os, sys
from xpander_facade import Backend
backend = Backend()
for id in sys.argv[1:]:
    with backend.external_task(id=id, input="x") as run:
        run.result = "done"
os._exit(0)
"""
    variables = {"XPANDER_API_KEY": "k", "XPANDER_BASE_URL": emulator.url, "XPANDER_ORGANIZATION_ID": "org-1"}
    subprocess.run(
        [sys.executable, "-c", program, *ids],
        env={**os.environ, **variables, "XPANDER_AGENT_ID": "a", "XPANDER_OUTBOX": str(path)},
        check=True,
        timeout=60,
    )


def test_a_relay_waits_for_a_file_and_sends_what_comes_until_it_is_told_to_stop(emulator: Emulator, tmp_path: Path):
    path = tmp_path / "runs.db"
    ids = [f"run-{n}" for n in range(10)]
    with relaying(emulator, str(path)) as process:
        leave_and_die(emulator, path, *ids)
        assert eventually(lambda: len(emulator.tasks()) == 10, 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    # The process that died may have left claims, but the relay has handed over its own.
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        owners = [owner for (owner,) in connection.execute("SELECT owner FROM reports WHERE owner IS NOT NULL")]
    assert [owner for owner in owners if f" {process.pid} " in owner] == []


def test_a_relay_that_ends_when_empty_says_by_its_code_what_it_left(emulator: Emulator, tmp_path: Path):
    emulator.stop()
    for name in ("one.db", "other.db"):
        leave_and_die(emulator, tmp_path / name, f"run-of-{name}")
    emulator.start()
    with relaying(emulator, "--until-empty", str(tmp_path / "one.db"), str(tmp_path / "other.db")) as process:
        assert process.wait(60) == 0
    assert len(emulator.tasks()) == 2


def test_a_relay_of_a_file_that_is_not_there_says_so_and_makes_none(emulator: Emulator, tmp_path: Path):
    path = tmp_path / "typo.db"
    with relaying(emulator, "--until-empty", str(path)) as process:
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert f"there is no file {path}, and nothing to send from it" in process.stderr.read()
    assert list(tmp_path.iterdir()) == []


def test_a_relay_tells_its_state_on_a_port(emulator: Emulator, tmp_path: Path, unused_port: int):
    path = tmp_path / "runs.db"
    emulator.stop()
    leave_and_die(emulator, path, "run-1")

    def state() -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{unused_port}/", timeout=5) as answer:
                return dict(json.loads(answer.read())[str(path)])
        except OSError:
            return {}

    with relaying(emulator, "--health-port", str(unused_port), str(path)) as process:
        assert eventually(lambda: state().get("waiting") == 1, 60)
        assert state()["oldest_age"] > 0
        with pytest.raises(OSError, match="refused"):  # no other machine can ask
            socket.create_connection(("127.0.0.2", unused_port), 5)
        process.terminate()
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert "1 reports wait until the next process sends them" in process.stderr.read()


@pytest.mark.parametrize("host", ["127.0.0.2", "0.0.0.0", "localhost"])
def test_a_relay_tells_its_state_at_the_host_that_is_named(
    emulator: Emulator, tmp_path: Path, unused_port: int, host: str
):
    path = tmp_path / "runs.db"
    asked = "127.0.0.2" if host == "0.0.0.0" else host

    def is_told() -> bool:
        try:
            with urllib.request.urlopen(f"http://{asked}:{unused_port}/", timeout=5) as answer:
                return str(path) in json.loads(answer.read())
        except OSError:
            return False

    with relaying(emulator, "--health-port", str(unused_port), "--health-host", host, str(path)) as process:
        assert eventually(is_told, 60)
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "there is no outbox"),
        ((":memory:",), "has no file"),
        (("runs.db", "--rate", "fast"), "rate must"),
        (
            ("runs.db", "--health-port", "1", "--health-host", "nowhere.invalid"),
            "'nowhere.invalid' can't be listened on",
        ),
        (("runs.db", "--health-port", "99999"), "(ports are numbers from 0 to 65535)"),
    ],
)
def test_a_relay_that_can_not_work_says_why(
    emulator: Emulator, arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("XPANDER_OUTBOX", raising=False)
    with relaying(emulator, *arguments) as process:
        assert process.wait(60) == 2
        assert process.stderr is not None
        assert message in process.stderr.read()
