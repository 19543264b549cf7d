"""Sockets of event loops: a network backend of httpcore on asyncio, with the same deadline as the one for threads.

The asyncio backend that httpcore brings serves two kinds of event loop through anyio and costs a quarter of the speed;
this one serves asyncio alone. It is imported at the first async call, because importing asyncio takes a fifth of the
time in which a sync program has sent its first report.
"""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING, Any, cast

import httpcore

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Iterable

    from xpander_facade._transport.network import Deadline

_HIGH_WATER = 262_144


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
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._deadline.cut(timeout, httpcore.ConnectTimeout)):
                _, protocol = await loop.create_connection(_StreamProtocol, host, port, local_addr=local)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except UnicodeError as error:
            raise httpcore.ConnectError(f"{host[:80]!r} is not a host name") from error
        except (OSError, OverflowError) as error:
            raise httpcore.ConnectError(str(error)) from error
        for option in socket_options or ():
            protocol.transport.get_extra_info("socket").setsockopt(*option)
        return _AsyncStream(protocol, self._deadline)


class _StreamProtocol(asyncio.Protocol):
    """The received bytes of a connection that nobody has read yet; asyncio's own streams do not show theirs."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.buffer = bytearray()
        self.has_ended = False
        self.error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_paused = False
        self._can_write = asyncio.Event()
        self._can_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if len(self.buffer) > _HIGH_WATER and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self.has_ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.has_ended = True
        self.error = exc
        self._can_write.set()
        self._wake()

    def pause_writing(self) -> None:
        self._can_write.clear()

    def resume_writing(self) -> None:
        self._can_write.set()

    async def read(self, max_bytes: int) -> bytes:
        """Return received bytes, waiting for some; empty bytes mean that the other side has closed."""
        while not self.buffer and not self.has_ended:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if not self.buffer and self.error is not None:
            raise httpcore.ReadError(str(self.error))
        chunk = bytes(self.buffer[:max_bytes])
        del self.buffer[:max_bytes]
        if self._is_paused and len(self.buffer) <= _HIGH_WATER and not self.transport.is_closing():
            self._is_paused = False
            self.transport.resume_reading()
        return chunk

    async def write(self, data: bytes) -> None:
        """Send bytes, waiting while the send buffer is full."""
        if self.has_ended and self.transport.is_closing():
            raise httpcore.WriteError("the connection is closed")
        self.transport.write(data)
        await self._can_write.wait()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _AsyncStream(httpcore.AsyncNetworkStream):
    def __init__(self, protocol: _StreamProtocol, deadline: Deadline) -> None:
        self._protocol = protocol
        self._deadline = deadline

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._deadline.has_read = True
        try:
            async with asyncio.timeout(self._deadline.cut(timeout, httpcore.ReadTimeout)):
                return await self._protocol.read(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        try:
            async with asyncio.timeout(self._deadline.cut(timeout, httpcore.WriteTimeout)):
                await self._protocol.write(buffer)
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except RuntimeError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        # The exchange is over, so what is not sent yet does not matter.
        self._protocol.transport.abort()
        await asyncio.sleep(0)  # the loop closes the socket in its next round

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        protocol = self._protocol
        try:
            async with asyncio.timeout(self._deadline.cut(timeout, httpcore.ConnectTimeout)):
                upgraded = await loop.start_tls(
                    protocol.transport, protocol, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as error:
            await self.aclose()
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            await self.aclose()
            raise httpcore.ConnectError(str(error)) from error
        if upgraded is None:
            raise httpcore.ConnectError("the connection closed while TLS began")
        protocol.transport = upgraded
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._is_readable()
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._protocol.transport.get_extra_info(names.get(info, info))

    def _is_readable(self) -> bool:
        # An idle connection with something to read was closed by the other side, or holds bytes that nobody asked for.
        protocol = self._protocol
        if protocol.buffer or protocol.has_ended or protocol.transport.is_closing():
            return True
        connection: socket.socket = protocol.transport.get_extra_info("socket")
        if not hasattr(select, "poll"):  # Windows, where select takes any descriptor
            return bool(select.select([connection.fileno()], [], [], 0)[0])
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))
