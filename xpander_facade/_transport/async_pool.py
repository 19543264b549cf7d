"""Connection pools of event loops: the counterpart of the pool for threads."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from xpander_facade._transport.async_http1 import AsyncHTTP1Connection
from xpander_facade._transport.body import Body
from xpander_facade._transport.failures import failure_of, transport_errors
from xpander_facade._transport.http1 import Heads
from xpander_facade._transport.network import Deadline
from xpander_facade._transport.pool import (
    DESYNCHRONIZED,
    MAX_CONNECTIONS,
    MAX_IDLE,
    MOCKED,
    POOL_EXHAUSTED,
    idle_seconds,
)
from xpander_facade._transport.response import Failure, Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import TracebackType

    from xpander_facade._transport.httpcore_connections import AsyncHttpcoreConnection
    from xpander_facade._transport.request import OutgoingRequest
    from xpander_facade._transport.routing import Route


class _AsyncPooledConnection:
    """A connection of an event loop, its deadline, and the time after which it must not be used again."""

    __slots__ = ("connection", "deadline", "expires_at")

    def __init__(self, route: Route, heads: Heads) -> None:
        self.deadline = Deadline()
        self.connection: AsyncHTTP1Connection | AsyncHttpcoreConnection
        if route.is_direct():
            self.connection = AsyncHTTP1Connection(route, heads, self.deadline)
        else:
            from xpander_facade._transport.httpcore_connections import AsyncHttpcoreConnection

            self.connection = AsyncHttpcoreConnection(route, MAX_IDLE, self.deadline)
        self.expires_at = 0.0

    def is_stale(self) -> bool:
        """Whether the connection must be dropped: closed, idle for too long, or with unrequested bytes to read."""
        left = self.expires_at - time.monotonic()
        # A clock that was set back (as tests that freeze time do) would keep a connection for ever.
        if not 0 < left <= MAX_IDLE:
            return True
        return self.connection.is_readable()


class AsyncConnectionPool:
    """The connections of one event loop to one origin."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._heads = Heads()
        self._idle: deque[_AsyncPooledConnection] = deque()
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._closed = False

    async def send(self, request: OutgoingRequest, *, wait: float, until: float, max_bytes: int) -> Response | Failure:
        """Send a request over a connection that nobody else uses, and read the whole response.

        Args:
            request: What to send.
            wait: Seconds to wait for a free connection.
            until: The `time.monotonic()` by which the response must be complete.
            max_bytes: The longest body to accept, in bytes.
        """
        # A timeout costs a timer of the loop, and nearly every request finds a free slot.
        if self._slots.locked():
            try:
                async with asyncio.timeout(wait):
                    await self._slots.acquire()
            except TimeoutError:
                return POOL_EXHAUSTED
        else:
            await self._slots.acquire()  # which waits for nothing
        try:
            return await self._exchange(request, until, max_bytes)
        finally:
            self._slots.release()

    def stream(self, request: OutgoingRequest, until: float) -> AsyncStreamedResponse:
        """Return a response that is read while it arrives: a block that opens it, and closes the connection.

        Args:
            request: What to send.
            until: The `time.monotonic()` after which no read waits.
        """
        return AsyncStreamedResponse(self, request, until)

    def retire(self) -> None:
        """Close each connection from now on when it is released."""
        self._closed = True

    async def aclose(self) -> None:
        """Close the idle connections; those in use close when they are released."""
        self.retire()
        while self._idle:
            await self._idle.pop().connection.aclose()
        await asyncio.sleep(0)  # the loop closes the sockets in its next round

    async def _exchange(self, request: OutgoingRequest, until: float, max_bytes: int) -> Response | Failure:
        pooled = await self._acquire(until)
        outcome: Response | Failure
        try:
            status, headers = await pooled.connection.send(request)
            if not pooled.deadline.has_read:
                await pooled.connection.aclose()
                return DESYNCHRONIZED if pooled.deadline.has_written else MOCKED
            body = Body(headers, max_bytes)
            await pooled.connection.read_body(body)
            outcome = body.response(status)
        except transport_errors() as error:
            await _close(pooled)
            return failure_of(error)
        except BaseException:
            await pooled.connection.aclose()
            raise
        if isinstance(outcome, Failure) or not pooled.connection.is_reusable():
            await _close(pooled)
        else:
            await self._release(pooled, idle_seconds(headers))
        return outcome

    async def _acquire(self, until: float) -> _AsyncPooledConnection:
        pooled = None
        while self._idle and pooled is None:
            pooled = self._idle.pop()
            if pooled.is_stale() or self._route.is_mocked():
                await pooled.connection.aclose()
                pooled = None
        pooled = pooled or _AsyncPooledConnection(self._route, self._heads)
        pooled.deadline.begin(until)
        return pooled

    async def _release(self, pooled: _AsyncPooledConnection, seconds: float) -> None:
        now = time.monotonic()
        pooled.expires_at = now + seconds
        self._idle.append(pooled)
        if self._closed:
            await self.aclose()
        elif self._idle[0].expires_at < now:
            await self._idle.popleft().connection.aclose()


async def _close(pooled: _AsyncPooledConnection) -> None:
    await pooled.connection.aclose()
    await asyncio.sleep(0)  # the loop closes the socket in its next round


class AsyncStreamedResponse:
    """A response that is read while it arrives. Leaving the block closes the connection.

    Attributes:
        status_code: The HTTP status.
        headers: Names in lower case.
    """

    status_code: int
    headers: Mapping[str, str]

    def __init__(self, pool: AsyncConnectionPool, request: OutgoingRequest, until: float) -> None:
        self._pool = pool
        self._request = request
        self._until = until

    async def __aenter__(self) -> AsyncStreamedResponse:
        self._pooled = await self._pool._acquire(self._until)
        try:
            self.status_code, self.headers = await self._pooled.connection.send(self._request)
        except BaseException:
            await self._pooled.connection.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._pooled.connection.aclose()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pooled.connection.chunks()

    def wait_at_most(self, read: float, until: float) -> None:
        """Set how long the next reads may take: seconds for each, and the `time.monotonic()` for all of them."""
        self._request.read_timeout = read
        self._pooled.deadline.until = min(self._until, until)
