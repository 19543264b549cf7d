"""Own the connections of event loops: stacks of them to one origin, as those for threads."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING

import httpcore

from xpander_facade._transport.body import Body, headers_of
from xpander_facade._transport.failures import ENGINE_ERRORS, failure_of
from xpander_facade._transport.network import Deadline
from xpander_facade._transport.pool import KEEP_IDLE, MAX_CONNECTIONS, NO_SLOT, OUT_OF_STEP
from xpander_facade._transport.response import Answer, Failure

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from xpander_facade._transport.routing import Door


class _AsyncLine:
    """A connection of an event loop, its deadline, and since when it is idle."""

    __slots__ = ("connection", "deadline", "idle_since")

    def __init__(self, door: Door) -> None:
        self.deadline = Deadline()
        self.connection = door.async_connection(KEEP_IDLE, self.deadline)
        self.idle_since = 0.0

    def is_stale(self) -> bool:
        """Whether the connection is to be dropped: closed, idle for too long, or with something unasked to read."""
        connection = self.connection
        if not isinstance(connection, httpcore.AsyncHTTPConnection):
            return False
        return connection.is_closed() or connection.has_expired()


class AsyncStack:
    """The connections of one event loop to one origin."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._idle: deque[_AsyncLine] = deque()
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._closed = False

    async def send(self, request: httpcore.Request, *, wait: float, until: float, max_bytes: int) -> Answer | Failure:
        """Send a request over a connection of its own and read the answer whole.

        Args:
            request: What to send.
            wait: Seconds to wait for a free connection.
            until: The `time.monotonic()` by which the answer must be whole.
            max_bytes: The longest body to take, in bytes.
        """
        try:
            async with asyncio.timeout(wait):
                await self._slots.acquire()
        except TimeoutError:
            return NO_SLOT
        try:
            line = await self._take(until)
            outcome: Answer | Failure
            try:
                response = await line.connection.handle_async_request(request)
                if not line.deadline.has_read:
                    await line.connection.aclose()
                    return OUT_OF_STEP
                body = Body(headers_of(response), max_bytes)
                async for chunk in response.aiter_stream():
                    if not body.feed(chunk):
                        break
                outcome = body.answer(response.status)
                await response.aclose()
            except ENGINE_ERRORS as error:
                await line.connection.aclose()
                return failure_of(error)
            except BaseException:
                await line.connection.aclose()
                raise
            if isinstance(outcome, Failure):
                await line.connection.aclose()
            else:
                await self._give_back(line)
            return outcome
        finally:
            self._slots.release()

    @contextlib.asynccontextmanager
    async def stream(self, request: httpcore.Request, until: float) -> AsyncGenerator[httpcore.Response]:
        """Open an answer that goes on; leaving the block closes the connection.

        Args:
            request: What to send.
            until: The `time.monotonic()` beyond which nothing is waited for.
        """
        line = await self._take(until)
        try:
            yield await line.connection.handle_async_request(request)
        finally:
            await line.connection.aclose()

    def retire(self) -> None:
        """Close each connection from now on when it is given back."""
        self._closed = True

    async def aclose(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        self.retire()
        while self._idle:
            await self._idle.pop().connection.aclose()

    async def _take(self, until: float) -> _AsyncLine:
        line = None
        while self._idle and line is None:
            line = self._idle.pop()
            if line.is_stale():
                await line.connection.aclose()
                line = None
        line = line or _AsyncLine(self._door)
        line.deadline.begin(until)
        return line

    async def _give_back(self, line: _AsyncLine) -> None:
        line.idle_since = now = time.monotonic()
        self._idle.append(line)
        if self._closed:
            await self.aclose()
        elif self._idle[0].idle_since < now - KEEP_IDLE:
            await self._idle.popleft().connection.aclose()
