"""Connections of httpcore: the way through a proxy, and the one of libraries that answer in place of httpcore."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import httpcore

from xpander_facade._transport import exceptions
from xpander_facade._transport.network import Deadline, connect
from xpander_facade._transport.routing import CONNECT_TIMEOUT
from xpander_facade._transport.tls import start_tls

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Generator, Iterable, Iterator

    import httpx

    from xpander_facade._transport.async_network import AsyncSocketStream
    from xpander_facade._transport.body import Body
    from xpander_facade._transport.network import SocketStream
    from xpander_facade._transport.request import OutgoingRequest
    from xpander_facade._transport.routing import Route
    from xpander_facade._transport.tls import NestedTLSStream

_ERRORS: dict[type[Exception], type[Exception]] = {
    exceptions.ConnectTimeout: httpcore.ConnectTimeout,
    exceptions.ReadTimeout: httpcore.ReadTimeout,
    exceptions.WriteTimeout: httpcore.WriteTimeout,
    exceptions.ConnectError: httpcore.ConnectError,
    exceptions.ReadError: httpcore.ReadError,
    exceptions.WriteError: httpcore.WriteError,
}


@contextlib.contextmanager
def _as_httpcore() -> Generator[None]:
    """Raise what httpcore expects of its network."""
    try:
        yield
    except exceptions.TransportError as error:
        raise _ERRORS[type(error)](str(error)) from error


class SyncBackend(httpcore.NetworkBackend):
    """Sockets of ours as httpcore takes them."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a connection to the first address of a host that accepts one."""
        with _as_httpcore():
            return _Stream(connect(self._deadline, host, port, timeout, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: SocketStream | NestedTLSStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _as_httpcore():
            return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _as_httpcore():
            self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        with _as_httpcore():
            return _Stream(start_tls(self._stream, ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """Sockets of event loops as httpcore takes them."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection to the first address of a host that accepts one."""
        from xpander_facade._transport.async_network import aconnect

        with _as_httpcore():
            return _AsyncStream(await aconnect(self._deadline, host, port, timeout, local_address, socket_options))


class _AsyncStream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: AsyncSocketStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _as_httpcore():
            return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _as_httpcore():
            await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        with _as_httpcore():
            return _AsyncStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def sync_connection(
    route: Route, keep_idle: float, deadline: Deadline
) -> httpcore.HTTPConnection | httpcore.ConnectionPool:
    """Return a connection that opens at its first request, expires after some idle seconds, and has a deadline."""
    backend, proxy = SyncBackend(deadline), route.proxy
    if proxy is None:
        return httpcore.HTTPConnection(
            _origin(route), ssl_context=route.tls, keepalive_expiry=keep_idle, network_backend=backend
        )
    if proxy.url.scheme.startswith("socks"):
        return httpcore.SOCKSProxy(
            proxy_url=_httpcore_url(proxy.url),
            proxy_auth=proxy.raw_auth,
            ssl_context=route.tls,
            # Our pool counts connections, and httpcore has none that is no pool for a proxy.
            max_connections=1,
            keepalive_expiry=keep_idle,
            network_backend=backend,
        )
    return httpcore.HTTPProxy(
        proxy_url=_httpcore_url(proxy.url),
        proxy_auth=proxy.raw_auth,
        ssl_context=route.tls,
        proxy_ssl_context=proxy.ssl_context,
        max_connections=1,
        keepalive_expiry=keep_idle,
        network_backend=backend,
    )


def async_connection(
    route: Route, keep_idle: float, deadline: Deadline
) -> httpcore.AsyncHTTPConnection | httpcore.AsyncConnectionPool:
    """Return a connection that opens at its first request, expires after some idle seconds, and has a deadline."""
    backend, proxy = AsyncBackend(deadline), route.proxy
    if proxy is None:
        return httpcore.AsyncHTTPConnection(
            _origin(route), ssl_context=route.tls, keepalive_expiry=keep_idle, network_backend=backend
        )
    if proxy.url.scheme.startswith("socks"):
        return httpcore.AsyncSOCKSProxy(
            proxy_url=_httpcore_url(proxy.url),
            proxy_auth=proxy.raw_auth,
            ssl_context=route.tls,
            max_connections=1,
            keepalive_expiry=keep_idle,
            network_backend=backend,
        )
    return httpcore.AsyncHTTPProxy(
        proxy_url=_httpcore_url(proxy.url),
        proxy_auth=proxy.raw_auth,
        ssl_context=route.tls,
        proxy_ssl_context=proxy.ssl_context,
        max_connections=1,
        keepalive_expiry=keep_idle,
        network_backend=backend,
    )


def addressed(route: Route, request: httpcore.Request) -> httpcore.Request:
    """Return a request as a route sends it.

    A proxy is told an IPv6 address in brackets, which httpcore leaves out.
    """
    host = request.url.host
    if route.proxy is None or b":" not in host or route.proxy.url.scheme.startswith("socks"):
        return request
    url = httpcore.URL(
        scheme=request.url.scheme, host=b"[" + host + b"]", port=request.url.port, target=request.url.target
    )
    extensions: dict[str, Any] = dict(request.extensions)  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    return httpcore.Request(request.method, url, headers=request.headers, content=request.stream, extensions=extensions)


def _origin(route: Route) -> httpcore.Origin:
    return httpcore.Origin(route.origin.scheme, route.origin.host, route.origin.port)


def _httpcore_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def headers_of(response: httpcore.Response) -> dict[str, str]:
    """Return the headers of a response with names in lower case; the last of several with one name counts."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


class _HttpcoreRequest:
    """A request as httpcore sends it."""

    def __init__(self, route: Route, request: OutgoingRequest) -> None:
        timeout = request.timeout
        self._request = request
        self._waits = {
            "connect": min(CONNECT_TIMEOUT, timeout),
            "read": request.read_timeout,
            "write": timeout,
            "pool": timeout,
        }
        origin, attempt = request.target.origin, request.attempt
        url = httpcore.URL(scheme=origin.scheme, host=origin.host, port=request.target.port, target=request.target.path)
        self.request = addressed(
            route,
            httpcore.Request(
                attempt.method,
                url,
                headers=request.headers(),
                content=attempt.content,
                extensions={"timeout": self._waits},
            ),
        )

    def refresh(self) -> None:
        """Take over how long a read waits. httpcore reads the timeouts again when it reads the body."""
        self._waits["read"] = self._request.read_timeout


class HttpcoreConnection:
    """A connection of httpcore in the form of those that speak HTTP/1.1 by themselves.

    Args:
        route: How to get to the origin.
        keep_idle: Seconds after which an idle connection is not used again.
        deadline: The end of the present exchange.
    """

    def __init__(self, route: Route, keep_idle: float, deadline: Deadline) -> None:
        self._route = route
        self._connection = sync_connection(route, keep_idle, deadline)

    def send(self, request: OutgoingRequest) -> tuple[int, dict[str, str]]:
        """Send a request; return the status and the headers of its response."""
        self._sent = _HttpcoreRequest(self._route, request)
        self._response = self._connection.handle_request(self._sent.request)
        return self._response.status, headers_of(self._response)

    def read_body(self, body: Body) -> None:
        """Feed a body what arrives, for as long as it takes more."""
        for chunk in self.chunks():
            if not body.feed(chunk):
                return

    def chunks(self) -> Iterator[bytes]:
        """Give the body of the response as it arrives."""
        self._sent.refresh()
        yield from self._response.iter_stream()

    def is_reusable(self) -> bool:
        """Whether another request may follow, once the response is complete."""
        self._response.close()
        return not has_unread_bytes(self._connection)

    def is_readable(self) -> bool:
        """Whether the other side has closed."""
        connection = self._connection
        return isinstance(connection, httpcore.HTTPConnection) and (connection.is_closed() or connection.has_expired())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class AsyncHttpcoreConnection:
    """A connection of httpcore in the form of those that speak HTTP/1.1 by themselves.

    Args:
        route: How to get to the origin.
        keep_idle: Seconds after which an idle connection is not used again.
        deadline: The end of the present exchange.
    """

    def __init__(self, route: Route, keep_idle: float, deadline: Deadline) -> None:
        self._route = route
        self._connection = async_connection(route, keep_idle, deadline)

    async def send(self, request: OutgoingRequest) -> tuple[int, dict[str, str]]:
        """Send a request; return the status and the headers of its response."""
        self._has_ended = False
        self._sent = _HttpcoreRequest(self._route, request)
        self._response = await self._connection.handle_async_request(self._sent.request)
        return self._response.status, headers_of(self._response)

    async def read_body(self, body: Body) -> None:
        """Feed a body what arrives, for as long as it takes more."""
        async for chunk in self.chunks():
            if not body.feed(chunk):
                return

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body of the response as it arrives."""
        self._sent.refresh()
        async for chunk in self._response.aiter_stream():
            yield chunk
        await self._response.aclose()
        self._has_ended = True

    def is_reusable(self) -> bool:
        """Whether another request may follow, once the response is complete."""
        return self._has_ended and not has_unread_bytes(self._connection)

    def is_readable(self) -> bool:
        """Whether the other side has closed."""
        connection = self._connection
        return isinstance(connection, httpcore.AsyncHTTPConnection) and (
            connection.is_closed() or connection.has_expired()
        )

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connection.aclose()


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
