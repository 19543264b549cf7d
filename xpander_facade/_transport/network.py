"""Sockets for threads: a network backend of httpcore whose deadlines hold.

The timeouts of httpcore start again with each read, so a server that sends a byte now and then would be waited for
without end. Here no read goes beyond the deadline of the exchange that a connection is used for. A write of a large
body can overrun it by one timeout: httpcore sends it in pieces and gives each piece all the time that was left.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable


class Deadline:
    """The `time.monotonic()` after which an exchange does not wait, and whether the exchange has read anything yet."""

    __slots__ = ("has_read", "until")

    def __init__(self) -> None:
        self.until = math.inf
        self.has_read = False

    def begin(self, until: float) -> None:
        """Begin an exchange that must end by then."""
        self.until = until
        self.has_read = False

    def cut(self, timeout: float | None, kind: type[httpcore.TimeoutException]) -> float | None:
        """Return the timeout, shortened where the deadline comes first; raise `kind` where the deadline has passed."""
        if self.until == math.inf:
            return timeout
        left = self.until - time.monotonic()
        if left <= 0:
            raise kind("the deadline has passed")
        return left if timeout is None else min(timeout, left)


class SyncBackend(httpcore.NetworkBackend):
    """The blocking sockets of httpcore, with a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._httpcore = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a connection."""
        timeout = self._deadline.cut(timeout, httpcore.ConnectTimeout)
        try:
            stream = self._httpcore.connect_tcp(host, port, timeout, local_address, socket_options)
        except UnicodeError as error:
            raise httpcore.ConnectError(f"{host[:80]!r} is not a host name") from error
        return _SyncStream(stream, self._deadline)


class _SyncStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._httpcore = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._deadline.has_read = True
        return self._httpcore.read(max_bytes, self._deadline.cut(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._httpcore.write(buffer, self._deadline.cut(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._httpcore.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._deadline.cut(timeout, httpcore.ConnectTimeout)
        return _SyncStream(self._httpcore.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._httpcore.get_extra_info(info)
