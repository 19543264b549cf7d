"""Real web servers that are stopped or recycle their workers: nothing that was recorded is left without a word."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
from running import BIN, Setting, eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

COUNT = 12
FRAMEWORKS = ["fastapi", "starlette", "litestar"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60) as answer:
        return str(answer.read().decode())


def serve(setting: Setting, port: int, *command: str) -> subprocess.Popen[bytes]:
    """Start a server, and wait until it answers."""
    server = setting.start(*command, name="server", BIND=f"127.0.0.1:{port}")

    def answers() -> bool:
        try:
            return bool(get(port, "warm"))
        except (urllib.error.URLError, ConnectionError):
            assert server.poll() is None, setting.log("server")
            return False

    assert eventually(answers), setting.log("server")
    return server


def check_all_are_sent(setting: Setting, *more: str) -> None:
    """All that was recorded is sent, or the log says that some of it waits, and where."""
    log = setting.log("server")
    wanted = {"warm", *(f"r{number}" for number in range(COUNT)), *more}
    if set(setting.runs()) != wanted:
        assert any(text in log for text in LEFT), log
        assert str(setting.outbox) in log
        setting.call("from xpander_facade import Backend; Backend().flush(60)", outbox=True)
    assert set(setting.runs()) == wanted, log


def gunicorn(setting: Setting, *options: str, app: str = "server_apps:wsgi") -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    return serve(setting, port, "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2", *options, app), port


SYNC = ["--worker-class", "sync"]
LEFT = ("reports wait on disk at exit", "reports are left in the outbox")
"""What the log says of reports that could not be sent in time, as on a machine that has much else to do."""
KINDS = {
    "sync": SYNC,
    "preload": [*SYNC, "--preload"],
    "gthread": ["--worker-class", "gthread", "--threads", "4"],
    "gevent": ["--worker-class", "gevent"],
}
UVICORN_WORKER = ["--worker-class", "uvicorn_worker.UvicornWorker"]


@pytest.mark.parametrize("kind", KINDS)
def test_gunicorn_that_is_stopped_has_sent_what_it_recorded(new_setting: Callable[..., Setting], kind: str):
    setting = new_setting()
    server, port = gunicorn(setting, *KINDS[kind])
    setting.emulator.delay(0.2, times=COUNT)
    for number in range(COUNT):
        get(port, f"r{number}")
    setting.stop(server)
    check_all_are_sent(setting)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_gunicorn_with_uvicorns_worker_sends_it_by_the_lifespan(new_setting: Callable[..., Setting], framework: str):
    setting = new_setting()
    server, port = gunicorn(setting, *UVICORN_WORKER, app=f"server_apps:{framework}()")
    setting.emulator.delay(0.2, times=COUNT)
    for number in range(COUNT):
        get(port, f"r{number}")
    setting.stop(server)
    check_all_are_sent(setting)


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_a_worker_of_gunicorn_that_is_recycled_leaves_nothing(new_setting: Callable[..., Setting], kind: str):
    setting = new_setting()
    server, port = gunicorn(setting, *KINDS[kind], "--max-requests", "3")
    setting.emulator.delay(0.2, times=COUNT)
    processes = {get(port, f"r{number}") for number in range(COUNT)}
    assert len(processes) > 2, processes
    wanted = {"warm", *(f"r{number}" for number in range(COUNT))}
    # The recycled workers have sent what was theirs, or their successors do.
    assert eventually(lambda: set(setting.runs()) == wanted), setting.log("server")
    setting.stop(server)


def test_a_request_that_gunicorn_stops_waiting_for_is_a_failed_run(new_setting: Callable[..., Setting]):
    setting = new_setting()
    server, port = gunicorn(setting, *SYNC, "--timeout", "1")
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        get(port, "slow-one")
    assert eventually(lambda: "slow-one" in setting.runs()), setting.log("server")
    assert setting.runs()["slow-one"]["status"] == "failed"
    setting.stop(server)


@pytest.mark.parametrize(
    ("kind", "app"), [(SYNC, "server_apps:wsgi"), (UVICORN_WORKER, "server_apps:fastapi()")], ids=["sync", "uvicorn"]
)
def test_what_gunicorn_leaves_in_an_outage_is_said(new_setting: Callable[..., Setting], kind: list[str], app: str):
    setting = new_setting()
    server, port = gunicorn(setting, *kind, app=app)
    setting.emulator.stop()
    for number in range(COUNT):
        get(port, f"r{number}")
    assert setting.stop(server) < 25
    assert "reports" in setting.log("server"), setting.log("server")
    assert str(setting.outbox) in setting.log("server")


def uwsgi(setting: Setting, *options: str) -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    server = serve(
        setting, port, "uwsgi", "--http-socket", f"127.0.0.1:{port}", "--master", "--processes", "2",
        # Without it the uWSGI of pip starts again in the Python that the environment was made from, which lacks it.
        "--binary-path", str(BIN / "python"), "--module", "server_apps:wsgi", "--need-app",
        "--stats", str(setting.folder / "stats"), *options,
    )  # fmt: skip
    return server, port


def await_idle(setting: Setting) -> None:
    """Wait until no worker is at a request: uWSGI calls no hooks of one that is, and its answer may be read before."""

    def is_idle() -> bool:
        with socket.socket(socket.AF_UNIX) as stats:
            stats.connect(str(setting.folder / "stats"))
            told = json.loads(b"".join(iter(lambda: stats.recv(65536), b"")))
        return all(worker["status"] == "idle" for worker in told["workers"])

    assert eventually(is_idle), setting.log("server")


def workers_of_uwsgi(setting: Setting) -> int:
    """Return how many workers uWSGI has started so far; a worker that comes for another one is "Respawned"."""
    return setting.log("server").lower().count("spawned uwsgi worker ")


@pytest.mark.parametrize("options", [[], ["--enable-threads"], ["--lazy-apps", "--enable-threads"]], ids=" ".join)
@pytest.mark.parametrize("is_reloaded", [False, True], ids=["stop", "reload"])
def test_uwsgi_that_is_stopped_has_sent_what_it_recorded(
    new_setting: Callable[..., Setting], options: list[str], is_reloaded: bool
):
    setting = new_setting()
    server, port = uwsgi(setting, *options)
    setting.emulator.delay(0.2, times=COUNT)
    for number in range(COUNT):
        get(port, f"r{number}")
    if is_reloaded:
        server.send_signal(signal.SIGHUP)
        assert eventually(lambda: workers_of_uwsgi(setting) == 4), setting.log("server")
        get(port, "after")
    await_idle(setting)
    server.send_signal(signal.SIGINT)
    server.wait(40)
    check_all_are_sent(setting, *(["after"] if is_reloaded else []))


def test_uwsgi_that_reloads_its_workers_one_after_the_other_leaves_nothing(new_setting: Callable[..., Setting]):
    setting = new_setting()
    touched = setting.folder / "reload"
    touched.touch()
    server, port = uwsgi(setting, "--lazy-apps", "--enable-threads", "--touch-chain-reload", str(touched))
    setting.emulator.delay(0.2, times=COUNT)
    for number in range(COUNT):
        get(port, f"r{number}")
    os.utime(touched, (time.time() + 5,) * 2)
    # uWSGI does not end any more when it is told to before that.
    assert eventually(lambda: "chain reloading complete" in setting.log("server")), setting.log("server")
    assert workers_of_uwsgi(setting) == 4
    get(port, "after")
    await_idle(setting)
    server.send_signal(signal.SIGINT)
    server.wait(40)
    check_all_are_sent(setting, "after")


def test_a_request_that_uwsgi_kills_is_a_failed_run(new_setting: Callable[..., Setting]):
    setting = new_setting()
    server, port = uwsgi(setting, "--enable-threads", "--harakiri", "1")
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        get(port, "slow-one")
    assert eventually(lambda: "Respawned uWSGI worker" in setting.log("server")), setting.log("server")
    get(port, "after")  # by a worker that may not have used the file before
    assert eventually(lambda: "slow-one" in setting.runs()), setting.log("server")
    assert setting.runs()["slow-one"]["status"] == "failed"
    server.send_signal(signal.SIGINT)
    server.wait(40)


@pytest.mark.parametrize("how", ["", "_by_middleware"], ids=["lifespan", "middleware"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("workers", [[], ["--workers", "2"]], ids=["one", "two"])
def test_uvicorn_that_is_stopped_has_sent_what_it_recorded(
    new_setting: Callable[..., Setting], framework: str, how: str, workers: list[str]
):
    setting = new_setting()
    port = free_port()
    server = serve(
        setting, port, "uvicorn", "--factory", f"server_apps:{framework}{how}", "--port", str(port), *workers
    )  # fmt: skip
    setting.emulator.delay(0.2, times=COUNT)
    for number in range(COUNT):
        get(port, f"r{number}")
    setting.stop(server)
    check_all_are_sent(setting)


def test_a_middleware_that_sees_no_shutdown_says_so(new_setting: Callable[..., Setting]):
    setting = new_setting()
    port = free_port()
    serve(setting, port, "uvicorn", "--factory", "server_apps:litestar_by_its_middleware", "--port", str(port))
    get(port, "r0")
    assert setting.log("server").count("FlushMiddleware sees requests but no lifespan") == 1
