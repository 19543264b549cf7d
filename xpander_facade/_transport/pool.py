"""Connection pools for threads: the connections to one origin.

A pool holds single connections: those of `http1`, and through a proxy those of httpcore, the library below httpx. The
pool of httpcore itself looks at every connection for every request, which makes 64 concurrent requests slower than
sequential ones; this pool looks at one.
The connection used last is used next, so that the others age, and the oldest is closed when it was idle for too long.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections import deque
from typing import TYPE_CHECKING

from xpander_facade._transport.body import Body
from xpander_facade._transport.failures import failure_of, transport_errors
from xpander_facade._transport.http1 import Heads, HTTP1Connection
from xpander_facade._transport.network import Deadline
from xpander_facade._transport.response import Failure, Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from xpander_facade._transport.httpcore_connections import HttpcoreConnection
    from xpander_facade._transport.request import OutgoingRequest
    from xpander_facade._transport.routing import Route

# As httpx has it by default.
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

    def __init__(self, route: Route, heads: Heads) -> None:
        self.deadline = Deadline()
        self.connection: HTTP1Connection | HttpcoreConnection
        if route.is_direct():
            self.connection = HTTP1Connection(route, heads, self.deadline)
        else:
            from xpander_facade._transport.httpcore_connections import HttpcoreConnection

            self.connection = HttpcoreConnection(route, MAX_IDLE, self.deadline)
        self.expires_at = 0.0

    def is_stale(self) -> bool:
        """Whether the connection must be dropped: closed, idle for too long, or with unrequested bytes to read."""
        left = self.expires_at - time.monotonic()
        # A clock that was set back (as tests that freeze time do) would keep a connection for ever.
        if not 0 < left <= MAX_IDLE:
            return True
        return self.connection.is_readable()


class ConnectionPool:
    """The connections of one process to one origin, for threads."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._heads = Heads()
        self._idle: deque[_PooledConnection] = deque()
        # A signal handler may send a report while its own thread is in here: a queue's methods allow for that, those
        # of a semaphore do not.
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(MAX_CONNECTIONS):
            self._slots.put(None)
        self._closed = False

    def send(self, request: OutgoingRequest, *, wait: float, until: float, max_bytes: int) -> Response | Failure:
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

    def stream(self, request: OutgoingRequest, until: float) -> StreamedResponse:
        """Return a response that is read while it arrives: a block that opens it, and closes the connection.

        Args:
            request: What to send.
            until: The `time.monotonic()` after which no read waits.
        """
        return StreamedResponse(self, request, until)

    def retire(self) -> None:
        """Close each connection from now on when it is released."""
        self._closed = True

    def close(self) -> None:
        """Close the idle connections; those in use close when they are released."""
        self.retire()
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().connection.close()

    def _exchange(self, request: OutgoingRequest, until: float, max_bytes: int) -> Response | Failure:
        pooled = self._acquire(until)
        outcome: Response | Failure
        try:
            status, headers = pooled.connection.send(request)
            if not pooled.deadline.has_read:
                pooled.connection.close()
                return DESYNCHRONIZED if pooled.deadline.has_written else MOCKED
            body = Body(headers, max_bytes)
            pooled.connection.read_body(body)
            outcome = body.response(status)
            is_reusable = pooled.connection.is_reusable()
        except transport_errors() as error:
            pooled.connection.close()
            return failure_of(error)
        except BaseException:
            pooled.connection.close()
            raise
        if isinstance(outcome, Failure) or not is_reusable:
            pooled.connection.close()
        else:
            self._release(pooled, idle_seconds(headers))
        return outcome

    def _acquire(self, until: float) -> _PooledConnection:
        while True:
            try:
                pooled = self._idle.pop()
            except IndexError:
                pooled = _PooledConnection(self._route, self._heads)
                break
            if not (pooled.is_stale() or self._route.is_mocked()):
                break
            pooled.connection.close()
        pooled.deadline.begin(until)
        return pooled

    def _release(self, pooled: _PooledConnection, seconds: float) -> None:
        now = time.monotonic()
        pooled.expires_at = now + seconds
        self._idle.append(pooled)
        # Whoever closed the pool meanwhile has not seen this connection among the idle ones.
        if self._closed:
            self.close()
            return
        try:
            if self._idle[0].expires_at < now:
                self._idle.popleft().connection.close()
        except IndexError:
            return  # other threads have taken them


class StreamedResponse:
    """A response that is read while it arrives. Leaving the block closes the connection.

    Attributes:
        status_code: The HTTP status.
        headers: Names in lower case.
    """

    status_code: int
    headers: Mapping[str, str]

    def __init__(self, pool: ConnectionPool, request: OutgoingRequest, until: float) -> None:
        self._pooled = pool._acquire(until)
        self._request = request
        self._until = until

    def __enter__(self) -> StreamedResponse:
        try:
            self.status_code, self.headers = self._pooled.connection.send(self._request)
        except BaseException:
            self._pooled.connection.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pooled.connection.close()

    def __iter__(self) -> Iterator[bytes]:
        return self._pooled.connection.chunks()

    def wait_at_most(self, read: float, until: float) -> None:
        """Set how long the next reads may take: seconds for each, and the `time.monotonic()` for all of them."""
        self._request.read_timeout = read
        self._pooled.deadline.until = min(self._until, until)


def idle_seconds(headers: Mapping[str, str]) -> float:
    """Return how long an idle connection may be used again, with a margin before the server closes it."""
    for parameter in headers.get("keep-alive", "").split(","):
        name, _, value = parameter.partition("=")
        value = value.strip().strip('"')
        if name.strip().lower() == "timeout" and value.isascii() and value.isdigit():
            seconds = int(value[:9])
            return min(MAX_IDLE, max(seconds - 1.0, seconds / 2))
    return MAX_IDLE
