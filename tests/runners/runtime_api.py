"""Lambda's Runtime API on this machine, for one real runtime client, which it freezes between invocations."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:f"


class Runtime:
    """Hands out invocations one at a time, and ends the process that passes its time limit.

    Args:
        handler: The handler, as "module.function".
        environment: The environment of the runtime client.
        log: Where its output goes.
    """

    def __init__(self, handler: str, environment: dict[str, str], log: Path) -> None:
        self._handler = handler
        self._log = log
        self._waiting: queue.Queue[tuple[str, Any, float]] = queue.Queue()
        self._asked = threading.Event()
        self._answered = threading.Event()
        self._answer: Any = None
        self._process: subprocess.Popen[bytes] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self._environment = environment | {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_GROUP_NAME": "g",
            "AWS_LAMBDA_LOG_STREAM_NAME": "s",
            "AWS_REGION": "eu-central-1",
            "LAMBDA_TASK_ROOT": str(log.parent),
        }

    def invoke(
        self,
        id: str,
        event: Any,
        limit: float = 10.0,
        *,
        grace: float = 0.0,
        is_enough: Callable[[], bool] = lambda: False,
    ) -> tuple[Any, float]:
        """Invoke the handler; return its answer, or None where it was killed at its time limit, and the seconds.

        Args:
            id: The request's id.
            event: What the handler gets.
            limit: Seconds that the handler is told to have.
            grace: Seconds after the limit until it is killed. Lambda gives none; a busy machine may need them.
            is_enough: Kill it before, once the limit is over and this is true.
        """
        if self._process is None:
            self._start()
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)
        self._answered.clear()
        self._asked.clear()
        began = time.monotonic()
        self._waiting.put((id, event, time.time() + limit))
        while not self._answered.wait(0.02):
            late = time.monotonic() - began - limit
            if late >= grace or (late >= 0 and is_enough()):
                self.kill()
                return None, limit
        taken = time.monotonic() - began
        self._asked.wait(10)
        os.kill(self._process.pid, signal.SIGSTOP)
        return self._answer, taken

    def kill(self) -> None:
        """End the process as Lambda does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End everything."""
        self.kill()
        self._server.shutdown()
        self._server.server_close()

    def _start(self) -> None:
        self._asked.clear()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "awslambdaric", self._handler], env=self._environment, stdout=log, stderr=log
            )
        until = time.monotonic() + 60
        while not self._asked.wait(0.05):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                runtime._asked.set()
                id, event, deadline = runtime._waiting.get()
                self._respond(
                    200,
                    json.dumps(event).encode(),
                    {
                        "Lambda-Runtime-Aws-Request-Id": id,
                        "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1_000)),
                        "Lambda-Runtime-Invoked-Function-Arn": FUNCTION,
                        "Content-Type": "application/json",
                    },
                )

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self._respond(202, b'{"status":"OK"}', {})
                if "/invocation/" in self.path:
                    runtime._answer = json.loads(body)
                    runtime._answered.set()

            def _respond(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        return Handler
