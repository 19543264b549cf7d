"""Connection pools for threads: the connections to one origin.

A pool holds single connections of httpcore, the library below httpx. The pool of httpcore itself looks at every
connection for every request, which makes 64 concurrent requests slower than sequential ones; this pool looks at one.
The connection used last is used next, so that the others age, and the oldest is closed when it was idle for too long.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import httpcore

from xpander_facade._transport.body import Body, headers_of
from xpander_facade._transport.failures import HTTPCORE_ERRORS, failure_of
from xpander_facade._transport.network import Deadline
from xpander_facade._transport.response import Failure, Response

if TYPE_CHECKING:
    from collections.abc import Generator

    from xpander_facade._transport.routing import Route

MAX_CONNECTIONS = 100
KEEP_IDLE = 5.0

POOL_EXHAUSTED = Failure("busy", f"all {MAX_CONNECTIONS} connections are busy and none came free in time")
# A response that needed no read was in the buffer since the last exchange: it does not belong to this request.
DESYNCHRONIZED = Failure("broken", "the connection held an answer that nobody had asked for")


class _PooledConnection:
    """A connection for threads, its deadline, and the time at which it became idle."""

    __slots__ = ("connection", "deadline", "idle_since")

    def __init__(self, route: Route) -> None:
        self.deadline = Deadline()
        self.connection = route.connection(KEEP_IDLE, self.deadline)
        self.idle_since = 0.0

    def is_stale(self) -> bool:
        """Whether the connection must be dropped: closed, idle for too long, or with unrequested bytes to read."""
        connection = self.connection
        return isinstance(connection, httpcore.HTTPConnection) and (connection.is_closed() or connection.has_expired())


class ConnectionPool:
    """The connections of one process to one origin, for threads."""

    def __init__(self, route: Route) -> None:
        self._door = route
        self._idle: deque[_PooledConnection] = deque()
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._closed = False

    def send(self, request: httpcore.Request, *, wait: float, until: float, max_bytes: int) -> Response | Failure:
        """Send a request over a connection that nobody else uses, and read the whole response.

        Args:
            request: What to send.
            wait: Seconds to wait for a free connection.
            until: The `time.monotonic()` by which the response must be complete.
            max_bytes: The longest body to accept, in bytes.
        """
        if not self._slots.acquire(timeout=wait):
            return POOL_EXHAUSTED
        try:
            pooled = self._acquire(until)
            outcome: Response | Failure
            try:
                response = pooled.connection.handle_request(request)
                if not pooled.deadline.has_read:
                    pooled.connection.close()
                    return DESYNCHRONIZED
                body = Body(headers_of(response), max_bytes)
                for chunk in response.iter_stream():
                    if not body.feed(chunk):
                        break
                outcome = body.response(response.status)
                response.close()
            except HTTPCORE_ERRORS as error:
                pooled.connection.close()
                return failure_of(error)
            except BaseException:
                pooled.connection.close()
                raise
            if isinstance(outcome, Failure):
                pooled.connection.close()
            else:
                self._release(pooled)
            return outcome
        finally:
            self._slots.release()

    @contextlib.contextmanager
    def stream(self, request: httpcore.Request, until: float) -> Generator[httpcore.Response]:
        """Open a response that is read while it arrives; leaving the block closes the connection.

        Args:
            request: What to send.
            until: The `time.monotonic()` after which no read waits.
        """
        pooled = self._acquire(until)
        try:
            yield pooled.connection.handle_request(request)
        finally:
            pooled.connection.close()

    def retire(self) -> None:
        """Close each connection from now on when it is released."""
        self._closed = True

    def close(self) -> None:
        """Close the idle connections; those in use close when they are released."""
        self.retire()
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().connection.close()

    def _acquire(self, until: float) -> _PooledConnection:
        pooled = None
        with contextlib.suppress(IndexError):
            while pooled is None:
                pooled = self._idle.pop()
                if pooled.is_stale():
                    pooled.connection.close()
                    pooled = None
        pooled = pooled or _PooledConnection(self._door)
        pooled.deadline.begin(until)
        return pooled

    def _release(self, pooled: _PooledConnection) -> None:
        pooled.idle_since = now = time.monotonic()
        self._idle.append(pooled)
        if self._closed:
            self.close()
            return
        with contextlib.suppress(IndexError):
            if self._idle[0].idle_since < now - KEEP_IDLE:
                self._idle.popleft().connection.close()
