"""TLS on the sockets of threads."""

from __future__ import annotations

import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

from xpander_facade._transport import exceptions
from xpander_facade._transport.network import TLS_RECORD, SocketStream, host_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade._transport.network import Deadline


class TLSStream(SocketStream):
    """A socket with a deadline that speaks TLS."""

    # A wait for the other side's bytes is no wait for the socket's: TLS keeps some itself.
    _has_poll = False
    _not_ready = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

    def get_extra_info(self, info: str) -> Any:
        return self._socket if info == "ssl_object" else super().get_extra_info(info)


def start_tls(
    stream: SocketStream | NestedTLSStream,
    context: ssl.SSLContext,
    server_hostname: str | None = None,
    timeout: float | None = None,
) -> TLSStream | NestedTLSStream:
    """Speak TLS on a connection from now on.

    Raises:
        ConnectTimeout: The handshake took too long.
        ConnectError: It failed.
    """
    server_hostname = host_name(server_hostname)
    if not isinstance(stream, SocketStream) or isinstance(stream, TLSStream):
        return NestedTLSStream(stream, stream.deadline, context, server_hostname, timeout)
    connected = stream.get_extra_info("socket")
    try:
        connected.settimeout(stream.deadline.cut(timeout, exceptions.ConnectTimeout))
        secure = context.wrap_socket(connected, server_hostname=server_hostname)
    except TimeoutError as error:
        stream.close()
        raise exceptions.ConnectTimeout(str(error)) from error
    # A host name that TLS can't hold is a ValueError.
    except (OSError, ValueError) as error:
        stream.close()
        raise exceptions.ConnectError(str(error)) from error
    except BaseException:
        stream.close()
        raise
    return TLSStream(secure, stream.deadline)


class NestedTLSStream:
    """TLS inside of TLS, to a server behind a proxy that itself speaks TLS: no socket can be wrapped twice."""

    def __init__(
        self,
        outer: SocketStream | NestedTLSStream,
        deadline: Deadline,
        context: ssl.SSLContext,
        server_hostname: str | None,
        timeout: float | None,
    ) -> None:
        self._outer = outer
        self.deadline = deadline
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        try:
            self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
            self._run(self._object.do_handshake, timeout)
        except exceptions.TimeoutException as error:
            self.close()
            raise exceptions.ConnectTimeout(str(error)) from error
        except (OSError, ValueError, exceptions.ReadError, exceptions.WriteError) as error:
            self.close()
            raise exceptions.ConnectError(str(error)) from error
        except BaseException:
            self.close()
            raise

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.deadline.has_read = True
        try:
            data: bytes = self._run(partial(self._object.read, max_bytes), timeout)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""
        except OSError as error:
            raise exceptions.ReadError(str(error)) from error
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        try:
            while rest:
                rest = rest[self._run(partial(self._object.write, rest), timeout) :]
        except OSError as error:
            raise exceptions.WriteError(str(error)) from error

    def close(self) -> None:
        self._outer.close()

    def get_extra_info(self, info: str) -> Any:
        return self._object if info == "ssl_object" else self._outer.get_extra_info(info)

    def _run(self, operation: Callable[[], Any], timeout: float | None) -> Any:
        while True:
            result, wants_more = None, False
            try:
                result = operation()
            except ssl.SSLWantReadError:
                wants_more = True
            # Before any wait: the other side may be waiting for this, as in a handshake.
            if self._outgoing.pending:
                self._outer.write(self._outgoing.read(), timeout)
            if not wants_more:
                return result
            data = self._outer.read(TLS_RECORD, timeout)
            if data:
                self._incoming.write(data)
            else:
                # The next operation then raises what says that the connection has ended.
                self._incoming.write_eof()
