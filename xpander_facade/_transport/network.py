"""Sockets for threads, with Happy Eyeballs and deadlines that hold.

A timeout that starts again with each read and with each address of a host would wait much longer than the caller
allowed for a server that sends a byte now and then, or for a host with several dead addresses. Here nothing goes beyond
the deadline of the exchange that a connection is used for: not resolving, not connecting to any number of addresses,
not reading, not writing.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import selectors
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from xpander_facade._transport import exceptions
from xpander_facade._transport.resolving import Address, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

CONNECTION_ATTEMPT_DELAY = 0.25
"""Seconds until the next address of a host is tried beside the one before (RFC 8305 recommends a quarter)."""

EARLY_RESPONSE = "the server responded before it had read the request"
TLS_RECORD = 16_640
"""Bytes of the largest TLS record."""


class Deadline:
    """The `time.monotonic()` after which an exchange does not wait, and what the exchange has done so far.

    Attributes:
        until: The moment.
        has_read: Whether anything was read.
        has_written: Whether anything was written.
    """

    __slots__ = ("has_read", "has_written", "until")

    def __init__(self, until: float = math.inf) -> None:
        self.begin(until)

    def begin(self, until: float) -> None:
        """Begin an exchange that must end by then."""
        self.until = until
        self.has_read = False
        self.has_written = False

    def cut(self, timeout: float | None, kind: type[Exception]) -> float | None:
        """Return the timeout, shortened where the deadline comes first; raise `kind` where the deadline has passed."""
        if self.until == math.inf:
            return timeout
        left = self.until - time.monotonic()
        if left <= 0:
            raise kind("the deadline has passed")
        return left if timeout is None else min(timeout, left)


def host_name(host: str | None) -> str | None:
    """Return a host without the brackets that an IPv6 address has in a URL."""
    return host[1:-1] if host and host.startswith("[") and host.endswith("]") else host


def connect(
    deadline: Deadline,
    host: str,
    port: int,
    timeout: float | None = None,
    local_address: str | None = None,
    socket_options: Iterable[Any] | None = None,
) -> SocketStream:
    """Open a connection to the first address of a host that accepts one.

    Raises:
        ConnectTimeout: None did in time.
        ConnectError: None did.
    """
    timeout = deadline.cut(timeout, exceptions.ConnectTimeout)
    until = math.inf if timeout is None else time.monotonic() + timeout
    try:
        connected = _connect(resolve(host_name(host) or "", port, timeout), until, local_address)
        # Nagle's algorithm would hold back a body behind its head until the head is acknowledged.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in socket_options or ():
            connected.setsockopt(*option)
    except TimeoutError as error:
        raise exceptions.ConnectTimeout(str(error)) from error
    except UnicodeError as error:
        raise exceptions.ConnectError(f"{host[:80]!r} is not a host name") from error
    except (OSError, OverflowError) as error:
        raise exceptions.ConnectError(str(error)) from error
    return SocketStream(connected, deadline)


def _connect(addresses: list[Address], until: float, local_address: str | None) -> socket.socket:
    """Return a socket that is connected to the first address that accepts, with a head start for the earlier ones.

    Raises:
        TimeoutError: None of them did in time.
        OSError: All of them refused; this is the first refusal.
    """
    waiting = deque(addresses)
    errors: list[OSError] = []
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or selector.get_map():
                if waiting:
                    _begin_connecting(selector, waiting.popleft(), local_address, errors)
                    if not selector.get_map():
                        continue
                left = until - time.monotonic()
                if left <= 0:
                    raise TimeoutError("no address accepted a connection in time")
                delay = min(left, CONNECTION_ATTEMPT_DELAY) if waiting else left
                for key, _ in selector.select(None if delay == math.inf else delay):
                    attempt: socket.socket = key.data
                    selector.unregister(attempt)
                    number = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if number == 0:
                        return attempt
                    attempt.close()
                    errors.append(OSError(number, os.strerror(number)))
        finally:
            for key in list(selector.get_map().values()):
                key.data.close()
    raise errors[0]


def _begin_connecting(
    selector: selectors.BaseSelector, address: Address, local_address: str | None, errors: list[OSError]
) -> None:
    attempt: socket.socket | None = None
    try:
        attempt = socket.socket(address[0], socket.SOCK_STREAM)
        attempt.setblocking(False)
        if local_address is not None:
            attempt.bind((local_address, 0))
        # A connection that is made at once shows as writable, like one that takes time.
        with contextlib.suppress(BlockingIOError, InterruptedError):
            attempt.connect(address[1])
        selector.register(attempt, selectors.EVENT_WRITE, attempt)
    except OSError as error:
        if attempt is not None:
            attempt.close()
        errors.append(error)


class SocketStream:
    """A socket with a deadline."""

    # Every wait is one of `poll`, and no call changes how the socket blocks.
    _has_poll = hasattr(select, "poll")
    _not_ready: tuple[type[OSError], ...] = (BlockingIOError,)

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self.deadline = deadline
        self._socket = connected
        self._early = b""
        self._poll: select.poll | None = None
        if self._has_poll:
            connected.setblocking(False)
            self._poll = select.poll()
            self._poll.register(connected.fileno(), select.POLLIN)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        deadline = self.deadline
        is_first = not deadline.has_read
        deadline.has_read = True
        while True:
            data, self._early = self._early or self._receive(max_bytes, timeout), b""
            if not is_first or not data:
                return data
            # Some servers send an empty line behind the body. It belongs to no response (RFC 9112, 2.2).
            data = data.lstrip(b"\r\n")
            if data:
                return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.deadline.has_written = True
        rest = memoryview(buffer)
        try:
            while rest:
                if self._poll is None:
                    self._socket.settimeout(0)
                try:
                    rest = rest[self._socket.send(rest) :]
                except self._not_ready:
                    self._wait_to_write(self.deadline.cut(timeout, exceptions.WriteTimeout))
        except OSError as error:
            raise exceptions.WriteError(str(error)) from error

    def close(self) -> None:
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        match info:
            case "ssl_object":
                return None
            case "client_addr":
                return self._socket.getsockname()
            case "server_addr":
                return self._socket.getpeername()
            case "socket":
                return self._socket
            case "is_readable":
                if self._socket.fileno() < 0:
                    return True
                return is_readable(self._socket) if self._poll is None else bool(self._poll.poll(0))
            case _:
                return None

    def _receive(self, max_bytes: int, timeout: float | None) -> bytes:
        try:
            if self._poll is None:
                self._socket.settimeout(self.deadline.cut(timeout, exceptions.ReadTimeout))
                return self._socket.recv(max_bytes)
            while True:
                left = self.deadline.cut(timeout, exceptions.ReadTimeout)
                if not self._poll.poll(None if left is None else math.ceil(left * 1000)):
                    raise TimeoutError("nothing came in time")
                try:
                    return self._socket.recv(max_bytes)
                except BlockingIOError:
                    continue
        except TimeoutError as error:
            raise exceptions.ReadTimeout(str(error)) from error
        except OSError as error:
            raise exceptions.ReadError(str(error)) from error

    def _wait_to_write(self, timeout: float | None) -> None:
        """Wait until the socket takes more bytes.

        Raises:
            WriteTimeout: It did not in time.
            WriteError: The server has responded already, or closed its side: what it said is to be read.
        """
        events = _wait(self._socket, timeout)
        if not events:
            raise exceptions.WriteTimeout("the server did not read the request in time")
        if "read" in events:
            try:
                self._early = self._socket.recv(TLS_RECORD)
            except self._not_ready:
                return  # TLS had something to say, not the server
            raise exceptions.WriteError(EARLY_RESPONSE)


def is_readable(connected: socket.socket) -> bool:
    """Whether a read would not wait: there are bytes, or the other side has closed."""
    if not hasattr(select, "poll"):  # Windows, where select takes any descriptor
        return bool(select.select([connected.fileno()], [], [], 0)[0])
    poll = select.poll()
    poll.register(connected.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _wait(connected: socket.socket, timeout: float | None) -> set[str]:
    """Wait until a socket can be read or written; return which of both it can be."""
    number = connected.fileno()
    if not hasattr(select, "poll"):  # Windows, where select takes any descriptor
        readable, writable, _ = select.select([number], [number], [], timeout)
        return {*(("read",) if readable else ()), *(("write",) if writable else ())}
    poll = select.poll()
    poll.register(number, select.POLLIN | select.POLLOUT)
    events = 0
    for _, found in poll.poll(None if timeout is None else math.ceil(timeout * 1000)):
        events |= found
    failed = events & (select.POLLERR | select.POLLHUP)
    return {
        *(("read",) if events & select.POLLIN else ()),
        *(("write",) if events & select.POLLOUT or failed else ()),
    }
