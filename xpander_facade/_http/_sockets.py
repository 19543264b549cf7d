"""Own the sockets: the engine's network backends, for threads and for asyncio, each with a deadline that holds.

The engine's timeouts begin anew at each read, so that a server which sends a byte now and then is waited for without
end. Here no read and no write goes beyond the deadline of the exchange that a connection is used for.

The asyncio backend that the engine brings serves two kinds of event loop through one more library, at the price of a
quarter of the speed; this one serves asyncio alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import select
import time
from typing import TYPE_CHECKING, Any

import httpcore

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Iterable

_CHUNK = 65536


class Deadline:
    """The moment, by `time.monotonic()`, beyond which a connection's user does not wait."""

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until = math.inf

    def cut(self, timeout: float | None, kind: type[httpcore.TimeoutException]) -> float | None:
        """Return the timeout, shortened where the deadline comes first; raise the timeout where it has passed."""
        if self.until == math.inf:
            return timeout
        left = self.until - time.monotonic()
        if left <= 0:
            raise kind("the deadline has passed")
        return left if timeout is None else min(timeout, left)


class SyncBackend(httpcore.NetworkBackend):
    """The engine's blocking sockets, with a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._engine = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a connection."""
        timeout = self._deadline.cut(timeout, httpcore.ConnectTimeout)
        stream = self._engine.connect_tcp(host, port, timeout, local_address, socket_options)
        return _SyncStream(stream, self._deadline)


class _SyncStream(httpcore.NetworkStream):
    def __init__(self, engine: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._engine = engine
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._engine.read(max_bytes, self._deadline.cut(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._engine.write(buffer, self._deadline.cut(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._engine.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._deadline.cut(timeout, httpcore.ConnectTimeout)
        return _SyncStream(self._engine.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._engine.get_extra_info(info)


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """asyncio's streams, with a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection."""
        local = None if local_address is None else (local_address, 0)
        try:
            async with asyncio.timeout(self._deadline.cut(timeout, httpcore.ConnectTimeout)):
                reader, writer = await asyncio.open_connection(host, port, limit=_CHUNK, local_addr=local)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        for option in socket_options or ():
            writer.get_extra_info("socket").setsockopt(*option)
        return _AsyncStream(reader, writer, self._deadline)


class _AsyncStream(httpcore.AsyncNetworkStream):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deadline: Deadline) -> None:
        self._reader = reader
        self._writer = writer
        self._deadline = deadline

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            async with asyncio.timeout(self._deadline.cut(timeout, httpcore.ReadTimeout)):
                return await self._reader.read(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        try:
            self._writer.write(buffer)
            async with asyncio.timeout(self._deadline.cut(timeout, httpcore.WriteTimeout)):
                await self._writer.drain()
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except (OSError, RuntimeError) as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        # The exchange is over: what is not sent yet is not worth waiting for.
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(self._deadline.cut(timeout, httpcore.ConnectTimeout)):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except TimeoutError as error:
            await self.aclose()
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            await self.aclose()
            raise httpcore.ConnectError(str(error)) from error
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._is_readable()
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._writer.get_extra_info(names.get(info, info))

    def _is_readable(self) -> bool:
        # An idle connection that has something to read was closed by the other side, or is out of step.
        if self._reader.at_eof() or self._writer.is_closing():
            return True
        connection: socket.socket = self._writer.get_extra_info("socket")
        if not hasattr(select, "poll"):  # Windows, where select takes any descriptor
            return bool(select.select([connection.fileno()], [], [], 0)[0])
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))
