"""Connection pools for threads: the connections to one origin.

A pool holds single connections of httpcore, the library below httpx. The pool of httpcore itself looks at every
connection for every request, which makes 64 concurrent requests slower than sequential ones; this pool looks at one.
The connection used last is used next, so that the others age, and the oldest is closed when it was idle for too long.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import httpcore

from xpander_facade._transport.body import Body, headers_of
from xpander_facade._transport.failures import HTTPCORE_ERRORS, failure_of
from xpander_facade._transport.network import Deadline
from xpander_facade._transport.response import Failure, Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from xpander_facade._transport.routing import Route

MAX_CONNECTIONS = 100
MAX_IDLE = 4.0
"""Seconds that an idle connection is kept: less than the 5 s after which uvicorn and Node close theirs."""

POOL_EXHAUSTED = Failure("busy", f"all {MAX_CONNECTIONS} connections are busy and none came free in time")
# A response that needed no read was in the buffer since the last exchange: it does not belong to this request.
DESYNCHRONIZED = Failure("broken", "the connection held a response that nobody had asked for")
MOCKED = Failure(
    "refused",
    "something answered in place of the connection, as respx does: pass http_client=httpx.Client() or "
    "async_http_client=httpx.AsyncClient() to Configuration, so that calls go through a client that can be mocked",
    transient=False,
)


class _PooledConnection:
    """A connection for threads, its deadline, and the time after which it must not be used again."""

    __slots__ = ("connection", "deadline", "expires_at")

    def __init__(self, route: Route) -> None:
        self.deadline = Deadline()
        self.connection = route.connection(MAX_IDLE, self.deadline)
        self.expires_at = 0.0

    def is_stale(self) -> bool:
        """Whether the connection must be dropped: closed, idle for too long, or with unrequested bytes to read."""
        left = self.expires_at - time.monotonic()
        # A clock that was set back (as tests that freeze time do) would keep a connection for ever.
        if not 0 < left <= MAX_IDLE:
            return True
        connection = self.connection
        return isinstance(connection, httpcore.HTTPConnection) and (connection.is_closed() or connection.has_expired())


class ConnectionPool:
    """The connections of one process to one origin, for threads."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._idle: deque[_PooledConnection] = deque()
        # A signal handler may send a report while its own thread is in here: a queue's methods allow for that, those
        # of a semaphore do not.
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(MAX_CONNECTIONS):
            self._slots.put(None)
        self._closed = False

    def send(self, request: httpcore.Request, *, wait: float, until: float, max_bytes: int) -> Response | Failure:
        """Send a request over a connection that nobody else uses, and read the whole response.

        Args:
            request: What to send.
            wait: Seconds to wait for a free connection.
            until: The `time.monotonic()` by which the response must be complete.
            max_bytes: The longest body to accept, in bytes.
        """
        slots: list[None] = []
        try:
            # An exception of a signal handler can land between two steps of Python, and then a slot that was taken and
            # not noted would be lost. Taking and noting are one step here.
            slots.extend(map(self._slots.get, (True,), (wait,)))
            return self._exchange(request, until, max_bytes)
        except queue.Empty:
            return POOL_EXHAUSTED
        finally:
            for _ in slots:
                self._slots.put(None)

    def stream(self, request: httpcore.Request, until: float) -> StreamedResponse:
        """Return a response that is read while it arrives: a block that opens it, and closes the connection.

        Args:
            request: What to send.
            until: The `time.monotonic()` after which no read waits.
        """
        return StreamedResponse(self, request, until)

    def addressed(self, request: httpcore.Request) -> httpcore.Request:
        """Return a request as it is sent to this origin."""
        return self._route.addressed(request)

    def retire(self) -> None:
        """Close each connection from now on when it is released."""
        self._closed = True

    def close(self) -> None:
        """Close the idle connections; those in use close when they are released."""
        self.retire()
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().connection.close()

    def _exchange(self, request: httpcore.Request, until: float, max_bytes: int) -> Response | Failure:
        pooled = self._acquire(until)
        outcome: Response | Failure
        try:
            response = pooled.connection.handle_request(self.addressed(request))
            if not pooled.deadline.has_read:
                pooled.connection.close()
                return DESYNCHRONIZED if pooled.deadline.has_written else MOCKED
            headers = headers_of(response)
            body = Body(headers, max_bytes)
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
        if isinstance(outcome, Failure) or has_unread_bytes(pooled.connection):
            pooled.connection.close()
        else:
            self._release(pooled, idle_seconds(headers))
        return outcome

    def _acquire(self, until: float) -> _PooledConnection:
        pooled = None
        with contextlib.suppress(IndexError):
            while pooled is None:
                pooled = self._idle.pop()
                if pooled.is_stale():
                    pooled.connection.close()
                    pooled = None
        pooled = pooled or _PooledConnection(self._route)
        pooled.deadline.begin(until)
        return pooled

    def _release(self, pooled: _PooledConnection, seconds: float) -> None:
        now = time.monotonic()
        pooled.expires_at = now + seconds
        self._idle.append(pooled)
        if self._closed:
            self.close()
            return
        with contextlib.suppress(IndexError):
            if self._idle[0].expires_at < now:
                self._idle.popleft().connection.close()


class StreamedResponse:
    """A response that is read while it arrives. Leaving the block closes the connection.

    Attributes:
        status_code: The HTTP status.
        headers: Names in lower case.
    """

    status_code: int
    headers: Mapping[str, str]

    def __init__(self, pool: ConnectionPool, request: httpcore.Request, until: float) -> None:
        self._pooled = pool._acquire(until)
        self._request = pool.addressed(request)
        self._until = until

    def __enter__(self) -> StreamedResponse:
        try:
            self._response = self._pooled.connection.handle_request(self._request)
        except BaseException:
            self._pooled.connection.close()
            raise
        self.status_code = self._response.status
        self.headers = headers_of(self._response)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pooled.connection.close()

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def wait_at_most(self, read: float, until: float) -> None:
        """Set how long the next reads may take: seconds for each, and the `time.monotonic()` for all of them."""
        set_read_timeout(self._request, read)
        self._pooled.deadline.until = min(self._until, until)


def set_read_timeout(request: Any, seconds: float) -> None:
    """Change how long a read of the response waits. httpcore reads the timeouts again when it reads the body."""
    request.extensions["timeout"]["read"] = seconds


def idle_seconds(headers: Mapping[str, str]) -> float:
    """Return how long an idle connection may be used again, with a margin before the server closes it."""
    for parameter in headers.get("keep-alive", "").split(","):
        name, _, value = parameter.partition("=")
        value = value.strip().strip('"')
        if name.strip().lower() == "timeout" and value.isascii() and value.isdigit():
            seconds = int(value[:9])
            return min(MAX_IDLE, max(seconds - 1.0, seconds / 2))
    return MAX_IDLE


def has_unread_bytes(connection: Any) -> bool:
    """Whether bytes came behind the response, which the next request on the connection would get as its answer.

    httpcore shows them nowhere, so this looks at h11, through a proxy's connections too. Where httpcore has changed
    inside, no connection is used again, which costs time and nothing else.
    """
    if isinstance(connection, httpcore.ConnectionPool | httpcore.AsyncConnectionPool):
        connections = connection.connections
        if not connections:
            return False
        connection = connections[0]
    while connection is not None:
        protocol = getattr(connection, "_h11_state", None)
        if protocol is not None:
            return bool(protocol.trailing_data[0])
        connection = getattr(connection, "_connection", None)
    return True
