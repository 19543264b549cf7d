"""Connection pools of event loops: the counterpart of the pool for threads."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

import httpcore

from xpander_facade._transport.body import Body, headers_of
from xpander_facade._transport.failures import HTTPCORE_ERRORS, failure_of
from xpander_facade._transport.network import Deadline
from xpander_facade._transport.pool import (
    DESYNCHRONIZED,
    MAX_CONNECTIONS,
    MAX_IDLE,
    MOCKED,
    POOL_EXHAUSTED,
    has_unread_bytes,
    idle_seconds,
    set_read_timeout,
)
from xpander_facade._transport.response import Failure, Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import TracebackType

    from xpander_facade._transport.routing import Route


class _AsyncPooledConnection:
    """A connection of an event loop, its deadline, and the time after which it must not be used again."""

    __slots__ = ("connection", "deadline", "expires_at")

    def __init__(self, route: Route) -> None:
        self.deadline = Deadline()
        self.connection = route.async_connection(MAX_IDLE, self.deadline)
        self.expires_at = 0.0

    def is_stale(self) -> bool:
        """Whether the connection must be dropped: closed, idle for too long, or with unrequested bytes to read."""
        left = self.expires_at - time.monotonic()
        # A clock that was set back (as tests that freeze time do) would keep a connection for ever.
        if not 0 < left <= MAX_IDLE:
            return True
        connection = self.connection
        return isinstance(connection, httpcore.AsyncHTTPConnection) and (
            connection.is_closed() or connection.has_expired()
        )


class AsyncConnectionPool:
    """The connections of one event loop to one origin."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._idle: deque[_AsyncPooledConnection] = deque()
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._closed = False

    async def send(self, request: httpcore.Request, *, wait: float, until: float, max_bytes: int) -> Response | Failure:
        """Send a request over a connection that nobody else uses, and read the whole response.

        Args:
            request: What to send.
            wait: Seconds to wait for a free connection.
            until: The `time.monotonic()` by which the response must be complete.
            max_bytes: The longest body to accept, in bytes.
        """
        try:
            async with asyncio.timeout(wait):
                await self._slots.acquire()
        except TimeoutError:
            return POOL_EXHAUSTED
        try:
            return await self._exchange(request, until, max_bytes)
        finally:
            self._slots.release()

    def stream(self, request: httpcore.Request, until: float) -> AsyncStreamedResponse:
        """Return a response that is read while it arrives: a block that opens it, and closes the connection.

        Args:
            request: What to send.
            until: The `time.monotonic()` after which no read waits.
        """
        return AsyncStreamedResponse(self, request, until)

    def addressed(self, request: httpcore.Request) -> httpcore.Request:
        """Return a request as it is sent to this origin."""
        return self._route.addressed(request)

    def retire(self) -> None:
        """Close each connection from now on when it is released."""
        self._closed = True

    async def aclose(self) -> None:
        """Close the idle connections; those in use close when they are released."""
        self.retire()
        while self._idle:
            await self._idle.pop().connection.aclose()
        await asyncio.sleep(0)  # the loop closes the sockets in its next round

    async def _exchange(self, request: httpcore.Request, until: float, max_bytes: int) -> Response | Failure:
        pooled = await self._acquire(until)
        outcome: Response | Failure
        try:
            response = await pooled.connection.handle_async_request(self.addressed(request))
            if not pooled.deadline.has_read:
                await pooled.connection.aclose()
                return DESYNCHRONIZED if pooled.deadline.has_written else MOCKED
            headers = headers_of(response)
            body = Body(headers, max_bytes)
            async for chunk in response.aiter_stream():
                if not body.feed(chunk):
                    break
            outcome = body.response(response.status)
            await response.aclose()
        except HTTPCORE_ERRORS as error:
            await _close(pooled)
            return failure_of(error)
        except BaseException:
            await pooled.connection.aclose()
            raise
        if isinstance(outcome, Failure) or has_unread_bytes(pooled.connection):
            await _close(pooled)
        else:
            await self._release(pooled, idle_seconds(headers))
        return outcome

    async def _acquire(self, until: float) -> _AsyncPooledConnection:
        pooled = None
        while self._idle and pooled is None:
            pooled = self._idle.pop()
            if pooled.is_stale():
                await pooled.connection.aclose()
                pooled = None
        pooled = pooled or _AsyncPooledConnection(self._route)
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

    def __init__(self, pool: AsyncConnectionPool, request: httpcore.Request, until: float) -> None:
        self._pool = pool
        self._request = pool.addressed(request)
        self._until = until

    async def __aenter__(self) -> AsyncStreamedResponse:
        self._pooled = await self._pool._acquire(self._until)
        try:
            self._response = await self._pooled.connection.handle_async_request(self._request)
        except BaseException:
            await self._pooled.connection.aclose()
            raise
        self.status_code = self._response.status
        self.headers = headers_of(self._response)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._pooled.connection.aclose()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk

    def wait_at_most(self, read: float, until: float) -> None:
        """Set how long the next reads may take: seconds for each, and the `time.monotonic()` for all of them."""
        set_read_timeout(self._request, read)
        self._pooled.deadline.until = min(self._until, until)
