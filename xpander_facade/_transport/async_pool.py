"""Connection pools of event loops: the counterpart of the pool for threads."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING

import httpcore

from xpander_facade._transport.body import Body, headers_of
from xpander_facade._transport.failures import HTTPCORE_ERRORS, failure_of
from xpander_facade._transport.network import Deadline
from xpander_facade._transport.pool import DESYNCHRONIZED, KEEP_IDLE, MAX_CONNECTIONS, POOL_EXHAUSTED
from xpander_facade._transport.response import Failure, Response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from xpander_facade._transport.routing import Route


class _AsyncPooledConnection:
    """A connection of an event loop, its deadline, and the time at which it became idle."""

    __slots__ = ("connection", "deadline", "idle_since")

    def __init__(self, route: Route) -> None:
        self.deadline = Deadline()
        self.connection = route.async_connection(KEEP_IDLE, self.deadline)
        self.idle_since = 0.0

    def is_stale(self) -> bool:
        """Whether the connection must be dropped: closed, idle for too long, or with unrequested bytes to read."""
        connection = self.connection
        if not isinstance(connection, httpcore.AsyncHTTPConnection):
            return False
        return connection.is_closed() or connection.has_expired()


class AsyncConnectionPool:
    """The connections of one event loop to one origin."""

    def __init__(self, route: Route) -> None:
        self._door = route
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
            pooled = await self._acquire(until)
            outcome: Response | Failure
            try:
                response = await pooled.connection.handle_async_request(request)
                if not pooled.deadline.has_read:
                    await pooled.connection.aclose()
                    return DESYNCHRONIZED
                body = Body(headers_of(response), max_bytes)
                async for chunk in response.aiter_stream():
                    if not body.feed(chunk):
                        break
                outcome = body.response(response.status)
                await response.aclose()
            except HTTPCORE_ERRORS as error:
                await pooled.connection.aclose()
                return failure_of(error)
            except BaseException:
                await pooled.connection.aclose()
                raise
            if isinstance(outcome, Failure):
                await pooled.connection.aclose()
            else:
                await self._release(pooled)
            return outcome
        finally:
            self._slots.release()

    @contextlib.asynccontextmanager
    async def stream(self, request: httpcore.Request, until: float) -> AsyncGenerator[httpcore.Response]:
        """Open a response that is read while it arrives; leaving the block closes the connection.

        Args:
            request: What to send.
            until: The `time.monotonic()` after which no read waits.
        """
        pooled = await self._acquire(until)
        try:
            yield await pooled.connection.handle_async_request(request)
        finally:
            await pooled.connection.aclose()

    def retire(self) -> None:
        """Close each connection from now on when it is released."""
        self._closed = True

    async def aclose(self) -> None:
        """Close the idle connections; those in use close when they are released."""
        self.retire()
        while self._idle:
            await self._idle.pop().connection.aclose()

    async def _acquire(self, until: float) -> _AsyncPooledConnection:
        pooled = None
        while self._idle and pooled is None:
            pooled = self._idle.pop()
            if pooled.is_stale():
                await pooled.connection.aclose()
                pooled = None
        pooled = pooled or _AsyncPooledConnection(self._door)
        pooled.deadline.begin(until)
        return pooled

    async def _release(self, pooled: _AsyncPooledConnection) -> None:
        pooled.idle_since = now = time.monotonic()
        self._idle.append(pooled)
        if self._closed:
            await self.aclose()
        elif self._idle[0].idle_since < now - KEEP_IDLE:
            await self._idle.popleft().connection.aclose()
