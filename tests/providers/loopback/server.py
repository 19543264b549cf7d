"""The stub's HTTP server: it takes the next step of its script for each call and lets the wire of the path tell it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from loopback.reply import Reply
from loopback.script import Refuse, counts_of
from loopback.wires import wire_of

if TYPE_CHECKING:
    from loopback.script import Step


@dataclass
class Request:
    """What a library sent, and whether its provider tells the usage of a stream without being asked."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)
    usage_unasked: bool = False

    @property
    def stream(self) -> bool:
        """Whether a stream is asked for in the body."""
        return bool(self.body.get("stream"))


class Loopback:
    """A provider on this machine that answers after a script.

    The steps of a script are answered one a call, in order; a call beyond its end is refused, so that a test whose
    library calls more often than it thinks fails.

    Attributes:
        requests: What was asked, in order.
        tells_writes: Whether wires of OpenAI's form tell what was written to the cache, too.
        usage_unasked: Whether they tell the usage of a stream without being asked, as most providers but OpenAI do.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.tells_writes = False
        self.usage_unasked = False
        self._steps: list[Step] = []
        self._taken = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.loopback = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The server's address, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def script(self, *steps: Step) -> None:
        """Answer with these steps from here on; the counts go on where they were."""
        with self._lock:
            self._steps = [*self._steps[: self._taken], *steps]

    def reset(self) -> None:
        """Forget the script and what was asked; the next call is the first."""
        with self._lock:
            self._steps, self._taken, self.requests = [], 0, []
            self.tells_writes = self.usage_unasked = False

    @property
    def is_done(self) -> bool:
        """Whether every step of the script was asked for."""
        return self._taken >= len(self._steps)

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        wire = wire_of(request.path)
        if wire is None:
            return Reply.json({"error": {"message": f"the stub does not know {request.path}"}}, status=404)
        request.usage_unasked = self.usage_unasked
        with self._lock:
            self.requests.append(request)
            if self._taken >= len(self._steps):
                step: Step = Refuse(400, "the script is at its end")
            else:
                step = self._steps[self._taken]
                self._taken += 1
            number = self._taken
        if isinstance(step, Refuse):
            error = {"type": "invalid_request_error", "code": step.status, "message": step.message}
            return Reply.json({"type": "error", "error": error, "message": step.message}, status=step.status)
        return wire(request, step, counts_of(number), number, self.tells_writes)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    loopback: Loopback

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: a library that closes its pool resets connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            raw = self._chunks()
        else:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            body = {}
        self._reply(Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body))

    def do_GET(self) -> None:
        self._reply(Request(self.path, {k.lower(): v for k, v in self.headers.items()}))

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _reply(self, request: Request) -> None:
        server = self.server
        assert isinstance(server, _Server)
        reply = server.loopback.answer(request)
        self.send_response(reply.status)
        self.send_header("content-type", reply.content_type)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.is_stream:
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in reply.pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        else:
            body = b"".join(reply.pieces)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
