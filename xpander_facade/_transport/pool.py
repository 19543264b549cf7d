"""Own the connections for threads: stacks of them to one origin.

A stack holds single connections of httpcore, the engine of httpx. The pool that httpx puts around them looks at every
connection for every request, which makes 64 requests at once slower than one at a time; a stack looks at one. The
connection used last is used next, so that the others age, and the oldest goes when it has been idle for too long.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import httpcore

from xpander_facade._transport.body import Body, headers_of
from xpander_facade._transport.failures import ENGINE_ERRORS, failure_of
from xpander_facade._transport.network import Deadline
from xpander_facade._transport.response import Answer, Failure

if TYPE_CHECKING:
    from collections.abc import Generator

    from xpander_facade._transport.routing import Door

MAX_CONNECTIONS = 100
KEEP_IDLE = 5.0

NO_SLOT = Failure("busy", f"all {MAX_CONNECTIONS} connections are busy and none came free in time")
# What answers before anything was read lay in the buffer since the last exchange: it is not the answer to this one.
OUT_OF_STEP = Failure("broken", "the connection held an answer that nobody had asked for")


class _Line:
    """A connection for threads, its deadline, and since when it is idle."""

    __slots__ = ("connection", "deadline", "idle_since")

    def __init__(self, door: Door) -> None:
        self.deadline = Deadline()
        self.connection = door.connection(KEEP_IDLE, self.deadline)
        self.idle_since = 0.0

    def is_stale(self) -> bool:
        """Whether the connection is to be dropped: closed, idle for too long, or with something unasked to read."""
        connection = self.connection
        return isinstance(connection, httpcore.HTTPConnection) and (connection.is_closed() or connection.has_expired())


class SyncStack:
    """The connections of one process to one origin, for threads."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._idle: deque[_Line] = deque()
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._closed = False

    def send(self, request: httpcore.Request, *, wait: float, until: float, max_bytes: int) -> Answer | Failure:
        """Send a request over a connection of its own and read the answer whole.

        Args:
            request: What to send.
            wait: Seconds to wait for a free connection.
            until: The `time.monotonic()` by which the answer must be whole.
            max_bytes: The longest body to take, in bytes.
        """
        if not self._slots.acquire(timeout=wait):
            return NO_SLOT
        try:
            line = self._take(until)
            outcome: Answer | Failure
            try:
                response = line.connection.handle_request(request)
                if not line.deadline.has_read:
                    line.connection.close()
                    return OUT_OF_STEP
                body = Body(headers_of(response), max_bytes)
                for chunk in response.iter_stream():
                    if not body.feed(chunk):
                        break
                outcome = body.answer(response.status)
                response.close()
            except ENGINE_ERRORS as error:
                line.connection.close()
                return failure_of(error)
            except BaseException:
                line.connection.close()
                raise
            if isinstance(outcome, Failure):
                line.connection.close()
            else:
                self._give_back(line)
            return outcome
        finally:
            self._slots.release()

    @contextlib.contextmanager
    def stream(self, request: httpcore.Request, until: float) -> Generator[httpcore.Response]:
        """Open an answer that goes on; leaving the block closes the connection.

        Args:
            request: What to send.
            until: The `time.monotonic()` beyond which nothing is waited for.
        """
        line = self._take(until)
        try:
            yield line.connection.handle_request(request)
        finally:
            line.connection.close()

    def retire(self) -> None:
        """Close each connection from now on when it is given back."""
        self._closed = True

    def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        self.retire()
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().connection.close()

    def _take(self, until: float) -> _Line:
        line = None
        with contextlib.suppress(IndexError):
            while line is None:
                line = self._idle.pop()
                if line.is_stale():
                    line.connection.close()
                    line = None
        line = line or _Line(self._door)
        line.deadline.begin(until)
        return line

    def _give_back(self, line: _Line) -> None:
        line.idle_since = now = time.monotonic()
        self._idle.append(line)
        if self._closed:
            self.close()
            return
        with contextlib.suppress(IndexError):
            if self._idle[0].idle_since < now - KEEP_IDLE:
                self._idle.popleft().connection.close()
