"""A hand-written socket: the floor. It reads what this sink sends and nothing else."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from payload import API_KEY, REPORT, REPORT_PATH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HEAD = (
    "POST {path} HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\ncontent-type: application/json\r\n"
    "content-length: {length}\r\n\r\n"
)


def _request(host: str) -> bytes:
    body = json.dumps(REPORT).encode()
    return HEAD.format(path=REPORT_PATH, host=host, key=API_KEY, length=len(body)).encode() + body


def _length(head: bytes) -> int:
    return int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])


def report(url: str) -> Callable[[], Any]:
    parts = urlsplit(url)
    own = threading.local()

    def call() -> Any:
        if not hasattr(own, "socket"):
            own.socket = socket.create_connection((parts.hostname, parts.port))
            own.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own.socket.sendall(_request(parts.netloc))
        data = own.socket.recv(65_536)
        while b"\r\n\r\n" not in data:
            data += own.socket.recv(65_536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = _length(head)
        while len(body) < length:
            body += own.socket.recv(65_536)
        return json.loads(body)

    return call


def areport(url: str) -> Callable[[], Awaitable[Any]]:
    parts = urlsplit(url)
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call() -> Any:
        reader, writer = idle.pop() if idle else await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(_request(parts.netloc))
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        idle.append((reader, writer))
        return json.loads(body)

    return call
