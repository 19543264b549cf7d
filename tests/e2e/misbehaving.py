"""A server that does to a client what networks do: hand-written, on raw sockets of loopback, in threads.

Owns `Misbehaving` and the scripts that it plays. A script is called with a connection and the request that came on it;
it returns whether the connection stays open for the next request. Nothing here waits by the clock but `drip`.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from wire_cases import ANSWERED_TASK

PATIENCE = 30.0
_NOTHING = object()


@dataclass
class Request:
    """A request as it came. `connection` counts the connections of the server from 1."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def is_stream(self) -> bool:
        return self.headers.get("accept") == "text/event-stream"


@dataclass
class Connection:
    """One connection, and what is known of its end. `left` is set when the client has closed it."""

    socket: socket.socket
    number: int
    stop: threading.Event
    left: threading.Event = field(default_factory=threading.Event)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def wait_for_client_to_leave(self) -> None:
        """Return when the client has closed the connection, or the server stops."""
        with contextlib.suppress(OSError):
            while self.socket.recv(65_536):
                pass
        self.left.set()

    def reset(self) -> None:
        """Send the client a reset instead of a good end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Script = Callable[[Connection, Request], bool]


class Misbehaving:
    """The server. Each request takes the next script; when they are used up, each takes `otherwise`.

    Attributes:
        requests: What came, in order of arrival.
        connections: All connections that were accepted, in order.
    """

    def __init__(self, *scripts: Script, otherwise: Script | None = None, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self._scripts = deque(scripts)
        self._otherwise = otherwise or task_answer()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """How many connections their clients have not closed."""
        return sum(not connection.left.is_set() for connection in self.connections)

    def play(self, *scripts: Script) -> None:
        """Add scripts for the next requests."""
        with self._changed:
            self._scripts.extend(scripts)

    def wait_for(self, condition: Callable[[], bool], timeout: float = PATIENCE) -> bool:
        """Wait until something about the requests or connections is true; False when the time (seconds) is over."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _spawn(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(accepted, len(self.connections) + 1, self._stop)
            with self._changed:
                self.connections.append(connection)
                self._changed.notify_all()
            self._spawn(self._serve, connection)

    def _serve(self, connection: Connection) -> None:
        try:
            with connection.socket, connection.socket.makefile("rb") as reader:
                goes_on = True
                while goes_on and not self._stop.is_set():
                    request = _read(reader, connection.number)
                    if request is None:
                        break
                    with self._changed:
                        self.requests.append(request)
                        script = self._scripts.popleft() if self._scripts else self._otherwise
                        self._changed.notify_all()
                    goes_on = script(connection, request)
        except OSError:
            pass
        finally:
            connection.left.set()
            with self._changed:
                self._changed.notify_all()


def _read(reader: Any, number: int) -> Request | None:
    line = reader.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while header := reader.readline().decode("latin-1").strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", 0)))
    return Request(line[0], line[1], headers, body, number)


# --- scripts: good answers ---


def head(status: int, headers: Mapping[str, str] | Iterable[tuple[str, str]] = (), reason: str = "Whatever") -> bytes:
    """Return the bytes of a status line and headers."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in pairs)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def answer(status: int = 200, body: Any = _NOTHING, headers: Mapping[str, str] | None = None) -> Script:
    """Answer well: bytes and text as they are, anything else as JSON; by default {"detail": ...}."""
    if body is _NOTHING:
        body = {"detail": f"status {status}"}
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}

    def script(connection: Connection, request: Request) -> bool:
        connection.send(head(status, fields) + content)
        return True

    return script


def task_answer(**fields: Any) -> Script:
    """Answer a task: the recorder's, with the id of the report where it is one, and with other fields as given."""

    def script(connection: Connection, request: Request) -> bool:
        told = request.json if request.target.endswith("/report_task") else {}
        echoed = {name: told[name] for name in ("id", "result") if told.get(name)}
        return answer(body={**ANSWERED_TASK, **echoed, **fields})(connection, request)

    return script


def echo_headers(status: int, content_type: str = "application/json") -> Script:
    """Answer what was sent, key and all, in the body and in headers, as a debugging proxy does."""

    def script(connection: Connection, request: Request) -> bool:
        body = json.dumps({"detail": {"you sent": request.headers}})
        if "html" in content_type:
            body = f"<html><pre>{body}</pre></html>"
        key = request.headers.get("x-api-key", "")
        fields = {"Content-Type": content_type, "X-Request-Id": f"for-{key}", "Location": f"/login/{key}"}
        return answer(status, body, fields)(connection, request)

    return script


# --- scripts: no answer, or half of one ---


def reset(connection: Connection, request: Request) -> bool:
    """Reset the connection."""
    connection.reset()
    return False


def close(connection: Connection, request: Request) -> bool:
    """Close the connection without a word."""
    return False


def hang(connection: Connection, request: Request) -> bool:
    """Never answer."""
    connection.wait_for_client_to_leave()
    return False


def only(data: bytes, *, then: Script = close) -> Script:
    """Send these bytes, then go on as another script."""

    def script(connection: Connection, request: Request) -> bool:
        connection.send(data)
        return then(connection, request)

    return script


half_status_line = only(b"HTTP/1.1 2")
half_headers = only(b"HTTP/1.1 200 OK\r\nContent-Type: applic")
short_body = only(head(200, {"Content-Length": "5000", "Content-Type": "application/json"}) + b'{"id": "task_1", ')
cut_chunks = only(head(200, {"Transfer-Encoding": "chunked"}) + b'20\r\n{"id": "task_1", ')
cut_gzip = only(
    head(200, {"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"})
    + b"20\r\n"
    + gzip.compress(json.dumps(ANSWERED_TASK).encode())[:32]
    + b"\r\n0\r\n\r\n"
)
nonsense = only(b"\x00\x01SSH-2.0-OpenSSH_9.6\r\n\r\n")

BROKEN = {
    "reset": reset,
    "closed without a word": close,
    "half a status line": half_status_line,
    "half of the headers": half_headers,
    "a body shorter than promised": short_body,
    "chunks that end early": cut_chunks,
    "a gzip stream that ends early": cut_gzip,
    "something that is no HTTP": nonsense,
}
"""What can befall a connection before the answer is whole."""


def drip(data: bytes, piece: bytes, every: float = 0.02, times: int = 1_500) -> Script:
    """Send these bytes, then one piece after another, a little time (seconds) apart, until the client leaves."""

    def script(connection: Connection, request: Request) -> bool:
        connection.send(data)
        for _ in range(times):
            connection.stop.wait(every)
            connection.send(piece)
        return False

    return script


def endless(counter: list[int]) -> Script:
    """Send a body without an end as fast as it is taken, and count its bytes."""

    def script(connection: Connection, request: Request) -> bool:
        connection.send(head(200, {"Content-Type": "application/json"}) + b'"')
        while not connection.stop.is_set():
            connection.send(b"a" * 65_536)
            counter[0] += 65_536
        return False

    return script


def gzip_bomb(size: int) -> Script:
    """Answer a body that is `size` bytes when unpacked, and a thousandth of it before."""
    packed = gzip.compress(b'"' + b"a" * size + b'"')
    return answer(body=packed, headers={"Content-Encoding": "gzip"})


# --- scripts: event streams ---


def event(kind: str, data: Any = None, *, id: str | None = None, number: int = 0) -> bytes:
    """Return the frame of an event; `number` makes its time differ from others'."""
    body = {
        "type": kind,
        "task_id": "task_1",
        "organization_id": "org-1",
        "time": f"2026-01-02T03:04:{number:02}Z",
        "data": data,
    }
    return (b"" if id is None else f"id: {id}\n".encode()) + b"data: " + json.dumps(body).encode() + b"\n\n"


STREAM_HEAD = head(200, {"Content-Type": "text/event-stream"})


def stream(*frames: bytes, then: Script = close) -> Script:
    """Open an event stream, send these frames, and go on as another script."""

    def script(connection: Connection, request: Request) -> bool:
        connection.send(STREAM_HEAD)
        for frame in frames:
            connection.send(frame)
        return then(connection, request)

    return script
