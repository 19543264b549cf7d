"""Sockets of event loops: asyncio's, with the same deadline as those for threads.

This is imported at the first async call, because importing asyncio takes a fifth of the
time in which a sync program has sent its first report.
"""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from xpander_facade._transport import exceptions
from xpander_facade._transport.network import CONNECTION_ATTEMPT_DELAY, EARLY_RESPONSE, host_name, is_readable
from xpander_facade._transport.resolving import Address, aresolve

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from xpander_facade._transport.network import Deadline

# A body that its reader takes slowly must not fill the memory: past this nothing is read off the socket.
_HIGH_WATER = 262_144


async def aconnect(
    deadline: Deadline,
    host: str,
    port: int,
    timeout: float | None = None,
    local_address: str | None = None,
    socket_options: Iterable[Any] | None = None,
) -> AsyncSocketStream:
    """Open a connection to the first address of a host that accepts one.

    Raises:
        ConnectTimeout: None did in time.
        ConnectError: None did.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(deadline.cut(timeout, exceptions.ConnectTimeout)):
            connected = await _connect(await aresolve(host_name(host) or "", port), local_address)
            for option in socket_options or ():
                connected.setsockopt(*option)
            _, protocol = await loop.create_connection(_StreamProtocol, sock=connected)
    except TimeoutError as error:
        raise exceptions.ConnectTimeout(str(error)) from error
    except UnicodeError as error:
        raise exceptions.ConnectError(f"{host[:80]!r} is not a host name") from error
    except (OSError, OverflowError) as error:
        raise exceptions.ConnectError(str(error)) from error
    return AsyncSocketStream(protocol, deadline)


async def _connect(addresses: list[Address], local_address: str | None) -> socket.socket:
    """Return a socket that is connected to the first address that accepts, with a head start for the earlier ones.

    Raises:
        OSError: All of them refused; this is the first refusal.
    """
    # The usual case needs neither a task nor a timer.
    if len(addresses) == 1:
        return await _connect_to(addresses[0], local_address)
    waiting = deque(addresses)
    attempts: set[asyncio.Task[socket.socket]] = set()
    errors: list[OSError] = []
    winner: socket.socket | None = None
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.create_task(_connect_to(waiting.popleft(), local_address)))
            delay = CONNECTION_ATTEMPT_DELAY if waiting else None
            done, attempts = await asyncio.wait(attempts, timeout=delay, return_when=asyncio.FIRST_COMPLETED)
            for attempt in done:
                error = attempt.exception()
                if error is None and winner is None:
                    winner = attempt.result()
                elif error is None:
                    attempt.result().close()
                elif isinstance(error, OSError):
                    errors.append(error)
                else:
                    raise error
            if winner is not None:
                return winner
    finally:
        for attempt in attempts:
            # An attempt may have succeeded just now; nobody else closes its socket.
            attempt.add_done_callback(_close_unused)
            attempt.cancel()
    raise errors[0]


async def _connect_to(address: Address, local_address: str | None) -> socket.socket:
    attempt = socket.socket(address[0], socket.SOCK_STREAM)
    try:
        attempt.setblocking(False)
        if local_address is not None:
            attempt.bind((local_address, 0))
        await asyncio.get_running_loop().sock_connect(attempt, address[1])
    except BaseException:
        attempt.close()
        raise
    return attempt


def _close_unused(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


class _StreamProtocol(asyncio.Protocol):
    """The received bytes of a connection that nobody has read yet; asyncio's own streams do not show theirs."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.buffer = bytearray()
        self.has_ended = False
        self.error: Exception | None = None
        self.is_writing_paused = False
        self._waiter: asyncio.Future[bool] | None = None
        self._gives_up_at = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._is_reading_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if len(self.buffer) > _HIGH_WATER and not self._is_reading_paused:
            self._is_reading_paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self.has_ended = True
        self._wake()
        # A server that closes its side first may still read the request: only we close the connection. TLS can't be
        # half closed.
        return self.transport.get_extra_info("sslcontext") is None

    def connection_lost(self, exc: Exception | None) -> None:
        self.has_ended = True
        self.error = exc
        self._stop_timer()
        self._wake()

    def pause_writing(self) -> None:
        self.is_writing_paused = True

    def resume_writing(self) -> None:
        self.is_writing_paused = False
        self._wake()

    @property
    def has_news(self) -> bool:
        """Whether bytes came, or the other side has closed."""
        return bool(self.buffer) or self.has_ended

    def pop_received(self, max_bytes: int) -> bytes | None:
        """Return received bytes; empty bytes mean that the other side has closed, None that nothing came yet.

        Raises:
            ReadError: The connection broke.
        """
        if not self.buffer:
            if self.error is not None:
                raise exceptions.ReadError(str(self.error))
            return b"" if self.has_ended else None
        chunk = bytes(self.buffer[:max_bytes])
        del self.buffer[:max_bytes]
        if self._is_reading_paused and len(self.buffer) <= _HIGH_WATER and not self.transport.is_closing():
            self._is_reading_paused = False
            self.transport.resume_reading()
        return chunk

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them while the send buffer is full.

        Raises:
            WriteError: The connection is closed.
        """
        if self.transport.is_closing():
            raise exceptions.WriteError("the connection is closed")
        self.transport.write(data)

    def abort(self) -> None:
        """Close the connection without sending what is still in the buffer. The loop closes the socket next."""
        self._stop_timer()
        self.transport.abort()

    async def wait(self, seconds: float | None) -> bool:
        """Wait until something happens; False where that takes longer than so many seconds."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiter = waiter
        self._gives_up_at = math.inf
        if seconds is not None:
            self._gives_up_at = loop.time() + seconds
            # Nearly every wait ends in time: the timer of an earlier one may look after this one as well.
            if self._timer is None or self._timer.when() > self._gives_up_at:
                self._start_timer(loop)
        try:
            return await waiter
        finally:
            self._waiter = None

    def _start_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        self._stop_timer()
        self._timer = loop.call_at(self._gives_up_at, self._look_at_clock, loop)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at_clock(self, loop: asyncio.AbstractEventLoop) -> None:
        timer, self._timer = self._timer, None
        if self._waiter is None or self._waiter.done():
            return
        # A timer goes off up to a tick of the clock before its time.
        if timer is not None and timer.when() >= self._gives_up_at:
            self._waiter.set_result(False)
        elif self._gives_up_at < math.inf:
            self._start_timer(loop)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)


class AsyncSocketStream:
    """A socket of an event loop with a deadline, and with TLS where `start_tls` was called."""

    def __init__(self, protocol: _StreamProtocol, deadline: Deadline) -> None:
        self._protocol = protocol
        self._deadline = deadline

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        deadline = self._deadline
        is_first = not deadline.has_read
        deadline.has_read = True
        protocol = self._protocol
        while True:
            left = deadline.cut(timeout, exceptions.ReadTimeout)
            if not protocol.has_news and not await protocol.wait(left):
                raise exceptions.ReadTimeout("nothing came in time")
            data = protocol.pop_received(max_bytes)
            if data is None:
                continue
            if not is_first or not data:
                return data
            # Some servers send an empty line behind the body. It belongs to no response (RFC 9112, 2.2).
            data = data.lstrip(b"\r\n")
            if data:
                return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        self._deadline.has_written = True
        left = self._deadline.cut(timeout, exceptions.WriteTimeout)
        until = None if left is None else time.monotonic() + left
        protocol = self._protocol
        try:
            protocol.write(buffer)
            while protocol.is_writing_paused:
                if protocol.has_news:
                    raise exceptions.WriteError(EARLY_RESPONSE)
                left = None if until is None else until - time.monotonic()
                if (left is not None and left <= 0) or not await protocol.wait(left):
                    raise exceptions.WriteTimeout("the server did not read the request in time")
        except RuntimeError as error:
            raise exceptions.WriteError(str(error)) from error

    async def aclose(self) -> None:
        # Nothing here may suspend: the end of an event loop closes its async generators all at once, and one that
        # waits within its end would be found running by the one around it.
        self._protocol.abort()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncSocketStream:
        """Speak TLS from now on.

        Raises:
            ConnectTimeout: The handshake took too long.
            ConnectError: It failed.
        """
        loop = asyncio.get_running_loop()
        protocol = self._protocol
        try:
            async with asyncio.timeout(self._deadline.cut(timeout, exceptions.ConnectTimeout)):
                upgraded = await loop.start_tls(
                    protocol.transport, protocol, ssl_context, server_hostname=host_name(server_hostname)
                )
        except TimeoutError as error:
            await self.aclose()
            raise exceptions.ConnectTimeout(str(error)) from error
        except (OSError, ValueError) as error:
            await self.aclose()
            raise exceptions.ConnectError(str(error)) from error
        if upgraded is None:
            raise exceptions.ConnectError("the connection closed while TLS began")
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
        return is_readable(protocol.transport.get_extra_info("socket"))
