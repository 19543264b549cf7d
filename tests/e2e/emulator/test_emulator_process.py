"""The emulator as a guest: in a process of its own, and in a thread of a process that has other things to do."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
KEY = {"x-api-key": "k"}


@contextmanager
def process(*arguments: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "xpander_facade.emulator", "--port", "0", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stdout is not None
            yield child, child.stdout.readline().strip()
        finally:
            if child.poll() is None:
                child.kill()


def end(child: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str, str]:
    """End a process; return its status and what it wrote since its first line."""
    assert child.stdout is not None
    assert child.stderr is not None
    child.send_signal(number)
    out, err = child.stdout.read(), child.stderr.read()
    return child.wait(10), out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_prints_its_url_and_stops_cleanly(number: signal.Signals):
    with process("--agent", "a", "--quiet", XPANDER_EMULATOR_API_KEY="k") as (child, url):
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{url}/agents/list", headers={"x-api-key": "other"}).status_code == 401
        assert [agent["id"] for agent in httpx.get(f"{url}/agents/list", headers=KEY).json()] == ["a"]
        returncode, out, err = end(child, number)
        assert (returncode, err) == (0, "")
        assert out.splitlines() == [
            'export XPANDER_API_KEY="$XPANDER_EMULATOR_API_KEY"',
            f"export XPANDER_BASE_URL={url}",
            "export XPANDER_ORGANIZATION_ID=org-1",
            "export XPANDER_AGENT_ID=a",
            f"# See the tasks at {url}/ in a browser. Ctrl-C stops the emulator.",
        ]


def test_what_a_process_prints_configures_a_program(tmp_path: Path):
    with process("--agent", "it's", "--organization-id", "o $(id)", "--quiet") as (child, url):
        out = end(child, signal.SIGTERM)[1]
    shown = 'echo "$XPANDER_API_KEY|$XPANDER_BASE_URL|$XPANDER_ORGANIZATION_ID|$XPANDER_AGENT_ID"'
    done = subprocess.run(["sh", "-c", out + shown], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"any-key|{url}|o $(id)|it's"


def test_a_process_prints_a_line_for_each_request():
    with process("--step", "0") as (child, url), httpx.Client(base_url=url, headers=KEY) as client:
        client.post("/agent-execution/a/report_task", json={"id": "x"})
        client.post("/agent-execution/a%1b%5B31m/report_task", json={"id": 7})
        client.get("/nowhere")
        good, refused, unknown = end(child, signal.SIGTERM)[2].splitlines()
    assert " 200 POST /agent-execution/a/report_task  report_external_task " in good
    assert r" 422 POST /agent-execution/a\x1b[31m/report_task " in refused, "what a terminal obeys is written out"
    assert "is not of type" in refused
    assert " 404 GET /nowhere  unknown path " in unknown


@pytest.mark.skipif(sys.platform == "win32", reason="has no terminals of this kind")
def test_the_lines_are_coloured_on_a_terminal():
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "xpander_facade.emulator", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs, text=True) as child:
        try:
            assert child.stdout is not None
            url = child.stdout.readline().strip()
            httpx.get(f"{url}/agents/list", headers=KEY)
            httpx.get(f"{url}/nowhere", headers=KEY)
            child.send_signal(signal.SIGTERM)
            assert child.wait(10) == 0
            written = ""
            # The system may hand on one line before the other.
            while written.count("\n") < 2 and select.select([ours], [], [], 10)[0]:
                written += os.read(ours, 4096).decode()
        finally:
            child.kill()
            os.close(ours)
            os.close(theirs)
    assert "\x1b[32m200\x1b[0m" in written
    assert "\x1b[33m404\x1b[0m" in written


def test_a_reader_that_does_not_read_holds_nobody_up():
    with process() as (child, url), httpx.Client(base_url=url, headers=KEY) as client:
        for _ in range(1500):  # a pipe takes 64 KiB, some 700 lines
            assert client.get("/agents/list").status_code == 200
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0


def test_a_key_is_not_taken_from_the_command_line():
    command = [sys.executable, "-m", "xpander_facade.emulator", "--api-key", "secret"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "set XPANDER_EMULATOR_API_KEY instead" in done.stderr
    assert "secret" not in done.stderr


def test_other_machines_are_let_in_with_a_key_alone():
    command = [sys.executable, "-m", "xpander_facade.emulator", "--port", "0", "--host", "0.0.0.0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "XPANDER_EMULATOR_API_KEY" in done.stderr
    with process("--host", "0.0.0.0", "--quiet", XPANDER_EMULATOR_API_KEY="k") as (child, url):
        assert httpx.get(f"{url}/agents/list", headers=KEY).status_code == 200
        assert "k" not in Path(f"/proc/{child.pid}/cmdline").read_bytes().decode().split("\0")
        assert end(child, signal.SIGTERM)[0] == 0


def test_names_of_the_process_are_allowed_by_option_and_by_variable():
    with process("--allow-host", "one", "--quiet", XPANDER_EMULATOR_ALLOW_HOST="two, .three") as (child, url):
        for host, status in (("one", 200), ("two", 200), ("a.three", 200), ("three", 403), ("four", 403)):
            answer = httpx.get(f"{url}/agents/list", headers=KEY | {"host": f"{host}:8787"})
            assert (host, answer.status_code) == (host, status)
        assert end(child, signal.SIGTERM)[0] == 0


def test_a_process_stops_with_a_stream_open(tmp_path: Path):
    with (
        process("--step", "30", "--quiet") as (child, url),
        httpx.Client(base_url=url, headers=KEY, timeout=10) as client,
    ):
        body = {"input": {"text": "x"}, "events_streaming": True}
        task_id = client.post("/agent-execution/a", json=body).json()["id"]
        with client.stream("GET", f"/agent-execution/{task_id}/events") as answer:
            lines = answer.iter_lines()
            assert next(lines) == "id: 1"
            child.send_signal(signal.SIGINT)
            assert not any("task_finished" in line for line in lines)
        assert child.communicate(timeout=10)[1] == ""
        assert child.returncode == 0


def test_a_process_says_nothing_of_what_its_clients_do_wrong():
    with process("--step", "0", "--quiet") as (child, url):
        port = int(url.rpartition(":")[2])
        for wrong in (b"nonsense\r\n\r\n", b"POST /agents/list HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n"):
            with socket.create_connection(("127.0.0.1", port)) as raw:
                raw.sendall(wrong + b"connection: upgrade\r\n\r\n")
                assert raw.recv(4096).startswith(b"HTTP/1.1 40")
        returncode, _, err = end(child, signal.SIGTERM)
        assert (returncode, err) == (0, "")


def test_a_file_keeps_its_tasks_from_process_to_process(tmp_path: Path):
    db = tmp_path / "runs.db"
    with process("--db", str(db)) as (child, url):
        httpx.post(f"{url}/agent-execution/a/report_task", json={"id": "kept"}, headers=KEY).raise_for_status()
        assert end(child, signal.SIGTERM)[0] == 0
    with process("--db", str(db)) as (child, url):
        assert httpx.get(f"{url}/agent-execution/kept/status", headers=KEY).json()["id"] == "kept"


def test_a_killed_process_loses_nothing_that_it_had_answered(tmp_path: Path):
    db = tmp_path / "runs.db"
    with process("--db", str(db)) as (child, url), httpx.Client(base_url=url, headers=KEY) as client:
        for number in range(50):
            client.post("/agent-execution/a/report_task", json={"id": f"r{number}"}).raise_for_status()
        child.kill()
        child.wait()
    with Emulator(db=db) as emulator:
        assert len(emulator.tasks()) == 50


def test_a_taken_port_is_said_in_one_line():
    with Emulator() as emulator:
        done = subprocess.run(
            [sys.executable, "-m", "xpander_facade.emulator", "--port", str(emulator.port)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("cannot start the emulator: ")
    assert done.stderr.count("\n") == 1


def test_a_database_that_cannot_be_used_is_said(tmp_path: Path):
    with pytest.raises(OSError, match="emulator's database"):
        Emulator(db=tmp_path / "missing" / "runs.db")
    (tmp_path / "text.db").write_text("this is no database, but it is long enough to look like one" * 10)
    with pytest.raises(OSError, match="emulator's database"):
        Emulator(db=tmp_path / "text.db")


def test_nothing_is_left_behind(capfd: pytest.CaptureFixture[str]):
    loggers = {name: logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")}
    before = {name: (log.level, log.propagate, list(log.handlers)) for name, log in loggers.items()}
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    threads = set(threading.enumerate())
    with Emulator() as emulator:
        port = emulator.port
        client = httpx.Client(base_url=emulator.url, headers=KEY)
        client.post("/agent-execution/a", json={"input": {"text": "x"}})
        assert set(threading.enumerate()) > threads
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    client.close()
    assert set(threading.enumerate()) == threads
    assert {name: (log.level, log.propagate, list(log.handlers)) for name, log in loggers.items()} == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert capfd.readouterr() == ("", "")


def test_it_can_be_started_again_on_the_same_port():
    emulator = Emulator()
    with emulator:
        url = emulator.url
        httpx.post(f"{url}/agent-execution/a/report_task", json={"id": "x"}, headers=KEY).raise_for_status()
        with pytest.raises(RuntimeError, match="already running"):
            emulator.start()
    emulator.stop()
    with emulator:
        assert emulator.url == url
        assert httpx.get(f"{url}/agent-execution/x/status", headers=KEY).status_code == 200


def test_it_can_stand_still_and_come_back(tmp_path: Path):
    emulator = Emulator(db=tmp_path / "runs.db")
    with emulator:
        httpx.post(f"{emulator.url}/agent-execution/a/report_task", json={"id": "x"}, headers=KEY).raise_for_status()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{emulator.url}/agents/list", headers=KEY)
    with emulator:
        assert emulator.task("x")["status"] == "completed"


def test_several_stand_side_by_side():
    with Emulator() as first, Emulator() as second:
        assert first.url != second.url
        httpx.post(f"{first.url}/agent-execution/a/report_task", json={"id": "x"}, headers=KEY)
        assert len(first.tasks()) == 1
        assert second.tasks() == []


def test_it_works_inside_a_running_loop():
    async def main() -> int:
        with Emulator() as emulator:
            async with httpx.AsyncClient(base_url=emulator.url, headers=KEY) as client:
                return (await client.post("/agent-execution/a/report_task", json={})).status_code

    assert asyncio.run(main()) == 200


def test_a_taken_port_is_an_error_in_the_callers_thread():
    with Emulator() as emulator, pytest.raises(OSError, match="ddress already in use"):
        Emulator(port=emulator.port).start()


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_it_listens_on_ipv6_too():
    try:
        with Emulator(host="::1") as emulator:
            assert emulator.url == f"http://[::1]:{emulator.port}"
            assert httpx.get(f"{emulator.url}/agents/list", headers=KEY).status_code == 200
    except OSError:
        pytest.skip("IPv6 is switched off")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_leaves_its_parents_emulator_alone():
    with Emulator() as emulator:
        child = os.fork()
        if child == 0:
            emulator.stop()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert httpx.get(f"{emulator.url}/agents/list", headers=KEY).status_code == 200


def test_a_client_that_never_finishes_its_request_does_not_keep_it(caplog: pytest.LogCaptureFixture):
    with Emulator() as emulator:
        raw = socket.create_connection(("127.0.0.1", emulator.port))
        raw.sendall(b"POST /agent-execution/a/report_task HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        httpx.get(f"{emulator.url}/agents/list", headers=KEY)
    raw.close()
    assert [record.getMessage() for record in caplog.records if record.name != "httpx"] == []


def test_without_its_extra_the_import_works_and_the_use_says_what_to_install():
    code = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("uvicorn", "starlette", "jsonschema_rs", "yaml"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
import xpander_facade.emulator
assert not {"sqlite3", "asyncio"} & set(sys.modules)
try:
    xpander_facade.emulator.Emulator
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert "pip install 'xpander-facade[emulator]'" in done.stdout


def test_it_knows_neither_the_facade_nor_the_generated_client():
    code = """
import sys
from xpander_facade.emulator import Emulator
with Emulator():
    pass
ours = [n for n in sys.modules if n.startswith(("xpander_facade.", "xpander_api"))]
print([n for n in ours if not n.startswith("xpander_facade.emulator") and n != "xpander_facade._lazy"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "[]\n"


def test_the_database_is_not_left_half_written(tmp_path: Path):
    db = tmp_path / "runs.db"
    with Emulator(db=db) as emulator:
        httpx.post(f"{emulator.url}/agent-execution/a/report_task", json={"id": "x"}, headers=KEY).raise_for_status()
    connection = sqlite3.connect(db)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT COUNT(*) FROM tasks").fetchone() == (1,)
    connection.close()
    assert [path.name for path in tmp_path.iterdir()] == ["runs.db"], "the write-ahead log is folded in"
