"""An application for ASGI servers whose reports are sent before the server ends, over a local platform.

python examples/asgi_app.py

It needs `xpander-facade[emulator]`, which brings Starlette and uvicorn. As a service: `uvicorn asgi_app:app`.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncGenerator
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from xpander_facade import Backend, Tokens
from xpander_facade.integrations import asgi

backend = Backend()


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[None]:
    """Send what waits in the outbox while the server shuts down."""
    async with asgi.lifespan(backend):
        yield


async def summarise(request: Request) -> PlainTextResponse:
    """Answer a request, which is a run."""
    ticket = request.path_params["ticket"]
    async with backend.external_task(input=ticket) as run:
        run.tokens = Tokens(prompt_tokens=900, completion_tokens=90)
        run.result = f"{ticket}: the printer is on fire"
    return PlainTextResponse(run.result)


app = Starlette(routes=[Route("/{ticket}", summarise)], lifespan=lifespan)


def ask(port: int, ticket: str) -> str:
    """Ask the server as soon as it is there."""
    until = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{ticket}", timeout=10) as answer:
                return str(answer.read(), "utf-8")
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def main() -> None:
    """Serve two requests with uvicorn over a local platform, stop it, and show what the platform has."""
    from xpander_facade.emulator import Emulator

    with Emulator() as platform, tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        environment = {
            **os.environ,
            "XPANDER_BASE_URL": platform.url,
            "XPANDER_API_KEY": "key",
            "XPANDER_ORGANIZATION_ID": "org",
            "XPANDER_AGENT_ID": "helpdesk",
            "XPANDER_OUTBOX": str(Path(folder) / "runs.db"),
            "NO_PROXY": "127.0.0.1",
        }
        command = [sys.executable, "-m", "uvicorn", "asgi_app:app", "--port", str(port), "--log-level", "warning"]
        server = subprocess.Popen(command, env=environment, cwd=Path(__file__).parent)
        try:
            print(ask(port, "ticket-7"))
            print(ask(port, "ticket-8"))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
        for run in platform.tasks():
            print(run["status"], run["result"], run["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    main()
