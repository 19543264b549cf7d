"""A real uvicorn that is stopped sends what was recorded, over any kind of lifespan."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from inherited import inherited_environment

from xpander_facade import Backend, Configuration
from xpander_facade.emulator import Emulator
from xpander_facade.integrations.asgi import FlushMiddleware, flush_at_shutdown, lifespan

HERE = Path(__file__).parent
COUNT = 12


@pytest.fixture(scope="module")
def platform():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def serve(platform, tmp_path):
    started = []

    def start(application, **more):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        environment = inherited_environment()
        environment |= {
            "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)]),
            "XPANDER_API_KEY": "key-1",
            "XPANDER_BASE_URL": platform.url,
            "XPANDER_AGENT_ID": "agent-1",
            "XPANDER_OUTBOX": str(tmp_path / "runs.db"),
            **more,
        }
        log = (tmp_path / "server.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", f"asgi_program:{application}", "--port", str(port)],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                httpx.get(f"{url}/warm", timeout=30)
                break
            except httpx.TransportError:
                assert process.poll() is None, (tmp_path / "server.log").read_text()
                time.sleep(0.05)
        return process, url

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.parametrize("application", ["with_lifespan", "with_middleware", "without_lifespan", "as_it_stands"])
def test_what_was_recorded_is_sent_when_the_server_is_stopped(serve, platform, application):
    platform.reset()
    process, url = serve(application)
    platform.delay(0.3, times=COUNT)  # longer than the server takes to shut down
    for number in range(COUNT):
        assert httpx.get(f"{url}/{number}").text == "ok"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == -signal.SIGTERM  # which is how uvicorn ends by itself
    assert {task["id"] for task in platform.tasks()} == {"run-warm", *(f"run-{number}" for number in range(COUNT))}


def test_what_a_server_as_it_stands_could_not_send_is_said(serve, platform, tmp_path):
    platform.reset()
    process, url = serve("as_it_stands")
    platform.fail(503, times=1000)
    assert httpx.get(f"{url}/1").text == "ok"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == -signal.SIGTERM
    assert "reports wait on disk at exit" in (tmp_path / "server.log").read_text()


def test_what_is_left_is_said(tmp_path, caplog):
    configuration = Configuration(
        api_key="k", base_url="http://127.0.0.1:9", agent_id="a", outbox=tmp_path / "runs.db", max_retries=0
    )

    async def main():
        async with Backend(configuration) as backend:
            backend.enqueue_external_task(id="run-1", result="x")
            async with lifespan(backend, flush_timeout=0.3):
                pass

    asyncio.run(main())
    assert any("1 reports are left in the outbox" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("scopes", [["http", "http"], ["lifespan", "http"]])
def test_a_middleware_that_is_shown_no_lifespan_says_so_once(tmp_path, caplog, scopes):
    async def application(scope, receive, send):
        """Answer nothing, as Litestar's middleware is asked for requests only."""

    async def run(backend):
        middleware = FlushMiddleware(application, backend=backend)
        for kind in scopes:
            await middleware({"type": kind}, None, None)

    configuration = Configuration(api_key="k", agent_id="a", outbox=str(tmp_path / "runs.db"))
    with Backend(configuration) as backend:
        asyncio.run(run(backend))
    told = [record.getMessage() for record in caplog.records if "sees requests but no lifespan" in record.getMessage()]
    assert len(told) == (scopes[0] == "http")
    assert all(str(tmp_path / "runs.db") in text and "asgi.lifespan()" in text for text in told)


def test_a_shutdown_that_can_not_be_flushed_goes_on(caplog):
    class Broken:
        async def aflush(self, timeout):
            raise OSError("no disk")

    asyncio.run(flush_at_shutdown(Broken(), 1))
    assert "no disk" in caplog.text


def test_a_startup_that_fails_is_not_hidden():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        raise RuntimeError("no database")

    sent = []

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        sent.append(message["type"])

    backend = Backend(Configuration(disabled=True))
    with pytest.raises(RuntimeError, match="no database"):
        asyncio.run(FlushMiddleware(app, backend=backend)({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.failed"]
