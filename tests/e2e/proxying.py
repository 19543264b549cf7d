"""A real forward proxy on loopback: it hands plain requests on, and opens tunnels for others. In threads."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

PATIENCE = 30.0


@dataclass
class Asked:
    """What a client asked the proxy for. `connection` counts the proxy's connections from 1."""

    method: str
    target: str
    headers: dict[str, str]
    connection: int


class Proxy:
    """The proxy. It alone knows where its names lead.

    Args:
        names: Addresses of the hosts that it knows; it reaches no others.
        credentials: "user:password", without which nobody gets through.
        tls: Speak TLS with clients, as this server.

    Attributes:
        asked: What was asked, in order.
        seen: All bytes that went through it, as an eavesdropper would have them.
        answers: What to answer instead of doing what is asked, one for each request; what does not end in an empty line
            closes the connection.
        connections: How many connections came.
        closed: How many of them it has closed.
    """

    def __init__(
        self, names: Mapping[str, str], *, credentials: str | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.asked: list[Asked] = []
        self.seen = bytearray()
        self.answers: list[bytes] = []
        self.connections = 0
        self.closed = 0
        self._changed = threading.Condition()
        self._names = names
        self._wanted = None
        if credentials is not None:
            self._wanted = "Basic " + base64.b64encode(credentials.encode()).decode()
        self._tls = tls
        self._stop = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}"

    def wait_for(self, condition: Callable[[], bool]) -> bool:
        """Wait until something about the ends of connections is true; False when it does not come true."""
        with self._changed:
            return self._changed.wait_for(condition, PATIENCE)

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for one in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _spawn(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.append(client)
            self._spawn(self._serve, client, self.connections)

    def _serve(self, client: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
                self._sockets.append(client)
            with client, client.makefile("rb") as reader:
                while self._one(client, reader, number):
                    pass
        client.close()
        with self._changed:
            self.closed += 1
            self._changed.notify_all()

    def _one(self, client: socket.socket, reader: object, number: int) -> bool:
        """Serve one request; whether the connection stays open for another."""
        start, headers = self._head(reader)
        method, target, _ = start.split()
        self.asked.append(Asked(method, target, headers, number))
        body = reader.read(int(headers.get("content-length", 0)))
        self.seen += body
        if self.answers:
            said = self.answers.pop(0)
            client.sendall(said)
            return said.endswith(b"\r\n\r\n")
        if self._wanted is not None and headers.get("proxy-authorization") != self._wanted:
            client.sendall(_short(407, 'Proxy-Authenticate: Basic realm="proxy"\r\n'))
            return True
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        address = self._names.get(parts.hostname or "")
        if address is None:
            client.sendall(_short(502))
            return True
        with socket.create_connection((address, parts.port or 80), PATIENCE) as server:
            self._sockets.append(server)
            server.settimeout(None)
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self._pump(client, server)
                return False
            path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            kept = {name: value for name, value in headers.items() if not name.startswith("proxy-")}
            lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in kept.items())]
            server.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)
            return self._hand_back(server, client)

    def _head(self, reader: object) -> tuple[str, dict[str, str]]:
        lines: list[bytes] = []
        while (line := reader.readline()) not in (b"\r\n", b""):
            lines.append(line)
        self.seen += b"".join(lines)
        if not lines:
            raise ValueError("the other side is gone")
        pairs = (line.decode("latin-1").partition(":") for line in lines[1:])
        return lines[0].decode("latin-1"), {name.lower(): value.strip() for name, _, value in pairs}

    def _hand_back(self, server: socket.socket, client: socket.socket) -> bool:
        """Hand an answer back as it comes; whether its end could be told without closing."""
        with server.makefile("rb") as answer:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = answer.readline()
                if not line:
                    return False
                head += line
            client.sendall(head)
            for line in head.decode("latin-1").splitlines():
                name, _, value = line.partition(":")
                if name.lower() == "content-length":
                    client.sendall(answer.read(int(value)))
                    return True
            while chunk := answer.read1(65_536):
                client.sendall(chunk)
        return False

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        while not self._stop.is_set():
            pending = [one for one in other if getattr(one, "pending", int)()]
            for one in pending or select.select(list(other), [], [], 1)[0]:
                data = one.recv(65_536)
                if not data:
                    return
                self.seen += data
                other[one].sendall(data)


def _short(status: int, headers: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} {'No' if status != 407 else 'Who are you'}\r\n{headers}Content-Length: 0\r\n\r\n".encode()
    )
