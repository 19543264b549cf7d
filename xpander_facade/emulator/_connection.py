"""Connections: uvicorn's HTTP/1.1 on httptools, with bounded heads, JSON errors and a handle to end a connection."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

LOG: Final = logging.getLogger("xpander_facade.emulator")
LOG.addHandler(logging.NullHandler())  # a warning must not reach stderr by the last-resort handler

_MAX_HEAD: Final = 64 * 1024
"""Bytes of a request line and headers, past which a request is answered 431."""


class _CollectedWrites:
    """A transport that sends what is written within one step of the loop at once: head and body in one packet."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        # Flow control knows only what the transport holds, so that much is not kept here.
        if len(data) > 16_384:
            self.flush()

    def flush(self) -> None:
        if self._parts:
            data = b"".join(self._parts)
            self._parts.clear()
            self._transport.write(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Connection(HttpToolsProtocol):
    """A connection; a request finds it in `scope["state"]["connection"]`."""

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, {**app_state, "connection": self}, _loop)
        self.logger = LOG
        # The emulator has a log of requests of its own.
        self.access_log = False
        self._head_size = 0
        self._in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take a connection."""
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", _CollectedWrites(transport, self.loop))
        # asyncio does this only for sockets that name their protocol; without it an answer waits 40 ms for an ACK
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request; one whose head does not end is refused."""
        super().data_received(data)
        if self._in_head:
            self._head_size += len(data)
            if self._head_size > _MAX_HEAD and not self.transport.is_closing():
                self._refuse(431, b"Request Header Fields Too Large", f"the headers are larger than {_MAX_HEAD} bytes")

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head, self._head_size = True, 0

    def on_headers_complete(self) -> None:
        """Begin the body of a request."""
        self._in_head = False
        super().on_headers_complete()

    def drop(self) -> None:
        """Send what is written, then end the connection in the middle of whatever it carries."""
        self.transport.close()
        raw = self.transport.get_extra_info("socket")
        if raw is not None and not self.transport.get_write_buffer_size():
            with contextlib.suppress(OSError):
                # a forked child may hold a copy of the socket; only a shutdown ends the connection for the peer
                raw.shutdown(socket.SHUT_RDWR)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, in the form that all errors have."""
        self._refuse(400, b"Bad Request", msg)

    def _refuse(self, status: int, phrase: bytes, detail: str) -> None:
        body = json.dumps({"detail": detail}).encode()
        head = b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(head % (status, phrase, len(body)) + body)
        self.transport.close()
