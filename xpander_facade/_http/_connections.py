"""Own connections: stacks of them to one origin.

A stack holds single connections of httpcore, the engine of httpx. The pool that httpx puts around them looks at every
connection for every request, which makes 64 requests at once slower than one at a time; a stack looks at one. The
connection used last is used next, so that the others age, and the oldest goes when it has been idle for too long.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import httpcore

from xpander_facade._http._answers import Answer, Failure
from xpander_facade._http._body import Body, headers_of
from xpander_facade._http._failures import failure_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from xpander_facade._http._door import Door

MAX_CONNECTIONS = 100
KEEP_IDLE = 5.0

_NO_SLOT = Failure("connect", f"all {MAX_CONNECTIONS} connections are busy and none came free in time")
_TOO_SLOW = Failure("timeout", "the answer was not whole before the deadline")

SyncConnection = httpcore.HTTPConnection | httpcore.ConnectionPool
AsyncConnection = httpcore.AsyncHTTPConnection | httpcore.AsyncConnectionPool


class SyncStack:
    """The connections of one process to one origin, for threads."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._idle: deque[tuple[SyncConnection, float]] = deque()
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._closed = False

    def send(self, request: httpcore.Request, *, wait: float, deadline: float, max_bytes: int) -> Answer | Failure:
        """Send a request over a connection of its own and read the answer whole.

        Args:
            request: What to send.
            wait: Seconds to wait for a free connection.
            deadline: Seconds that the exchange may take.
            max_bytes: The longest body to take, in bytes.
        """
        if not self._slots.acquire(timeout=wait):
            return _NO_SLOT
        try:
            began = time.monotonic()
            connection = self._take()
            outcome: Answer | Failure
            try:
                response = connection.handle_request(request)
                body = Body(headers_of(response), max_bytes)
                for chunk in response.iter_stream():
                    if not body.feed(chunk):
                        break
                    if time.monotonic() - began > deadline:
                        connection.close()
                        return _TOO_SLOW
                outcome = body.answer(response.status)
                response.close()
            except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
                connection.close()
                return failure_of(error)
            except BaseException:
                connection.close()
                raise
            if isinstance(outcome, Failure):
                connection.close()
            else:
                self._give_back(connection)
            return outcome
        finally:
            self._slots.release()

    @contextlib.contextmanager
    def stream(self, request: httpcore.Request) -> Generator[httpcore.Response]:
        """Open an answer that goes on; leaving the block closes the connection."""
        connection = self._take()
        try:
            yield connection.handle_request(request)
        finally:
            connection.close()

    def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        self._closed = True
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop()[0].close()

    def _take(self) -> SyncConnection:
        with contextlib.suppress(IndexError):
            while True:
                connection = self._idle.pop()[0]
                if not isinstance(connection, httpcore.HTTPConnection) or not connection.has_expired():
                    return connection
                connection.close()
        return self._door.connection(KEEP_IDLE)

    def _give_back(self, connection: SyncConnection) -> None:
        now = time.monotonic()
        self._idle.append((connection, now))
        if self._closed:
            self.close()
            return
        with contextlib.suppress(IndexError):
            if self._idle[0][1] < now - KEEP_IDLE:
                self._idle.popleft()[0].close()


class AsyncStack:
    """The connections of one event loop to one origin."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._idle: deque[tuple[AsyncConnection, float]] = deque()
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._closed = False

    async def send(
        self, request: httpcore.Request, *, wait: float, deadline: float, max_bytes: int
    ) -> Answer | Failure:
        """Send a request over a connection of its own and read the answer whole.

        Args:
            request: What to send.
            wait: Seconds to wait for a free connection.
            deadline: Seconds that the exchange may take.
            max_bytes: The longest body to take, in bytes.
        """
        try:
            async with asyncio.timeout(wait):
                await self._slots.acquire()
        except TimeoutError:
            return _NO_SLOT
        try:
            connection = await self._take()
            outcome: Answer | Failure
            try:
                async with asyncio.timeout(deadline):
                    response = await connection.handle_async_request(request)
                    body = Body(headers_of(response), max_bytes)
                    async for chunk in response.aiter_stream():
                        if not body.feed(chunk):
                            break
                    outcome = body.answer(response.status)
                    await response.aclose()
            except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
                await connection.aclose()
                return failure_of(error)
            except TimeoutError:
                await connection.aclose()
                return _TOO_SLOW
            except BaseException:
                await connection.aclose()
                raise
            if isinstance(outcome, Failure):
                await connection.aclose()
            else:
                await self._give_back(connection)
            return outcome
        finally:
            self._slots.release()

    @contextlib.asynccontextmanager
    async def stream(self, request: httpcore.Request) -> AsyncGenerator[httpcore.Response]:
        """Open an answer that goes on; leaving the block closes the connection."""
        connection = await self._take()
        try:
            yield await connection.handle_async_request(request)
        finally:
            await connection.aclose()

    async def aclose(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        self._closed = True
        while self._idle:
            await self._idle.pop()[0].aclose()

    async def _take(self) -> AsyncConnection:
        while self._idle:
            connection = self._idle.pop()[0]
            if not isinstance(connection, httpcore.AsyncHTTPConnection) or not connection.has_expired():
                return connection
            await connection.aclose()
        return self._door.async_connection(KEEP_IDLE)

    async def _give_back(self, connection: AsyncConnection) -> None:
        now = time.monotonic()
        self._idle.append((connection, now))
        if self._closed:
            await self.aclose()
        elif self._idle[0][1] < now - KEEP_IDLE:
            await self._idle.popleft()[0].aclose()
