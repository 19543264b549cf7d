"""Own the sockets for threads: the engine's network backend, with a deadline that holds.

The engine's timeouts begin anew at each read, so that a server which sends a byte now and then is waited for without
end. Here no read goes beyond the deadline of the exchange that a connection is used for. A write of a large body can,
by one timeout: the engine sends it in pieces and gives each piece the whole of what was left.
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
    """The moment, by `time.monotonic()`, beyond which a connection's user does not wait, and whether it read yet."""

    __slots__ = ("has_read", "until")

    def __init__(self) -> None:
        self.until = math.inf
        self.has_read = False

    def begin(self, until: float) -> None:
        """Begin an exchange that is to end by then."""
        self.until = until
        self.has_read = False

    def cut(self, timeout: float | None, kind: type[httpcore.TimeoutException]) -> float | None:
        """Return the timeout, shortened where the deadline comes first; raise the timeout where it has passed."""
        if self.until == math.inf:
            return timeout
        left = self.until - time.monotonic()
        if left <= 0:
            raise kind("the deadline has passed")
        return left if timeout is None else min(timeout, left)


class SyncBackend(httpcore.NetworkBackend):
    """The engine's blocking sockets, with a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._engine = httpcore.SyncBackend()

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
            stream = self._engine.connect_tcp(host, port, timeout, local_address, socket_options)
        except UnicodeError as error:
            raise httpcore.ConnectError(f"{host[:80]!r} is no host name") from error
        return _SyncStream(stream, self._deadline)


class _SyncStream(httpcore.NetworkStream):
    def __init__(self, engine: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._engine = engine
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._deadline.has_read = True
        return self._engine.read(max_bytes, self._deadline.cut(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._engine.write(buffer, self._deadline.cut(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._engine.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._deadline.cut(timeout, httpcore.ConnectTimeout)
        return _SyncStream(self._engine.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._engine.get_extra_info(info)
