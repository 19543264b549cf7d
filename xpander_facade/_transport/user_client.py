"""Calls through an httpx client of the user: for mocks, instrumentation, or connections that only the user can make."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

from xpander_facade._transport.body import Body
from xpander_facade._transport.content_coding import ACCEPTED
from xpander_facade._transport.failures import failure_of
from xpander_facade._transport.httpx_loading import httpx
from xpander_facade._transport.pool_registry import current_registry, loop_pools
from xpander_facade._transport.response import Failure, Response
from xpander_facade._transport.routing import CONNECT_TIMEOUT
from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from types import TracebackType

    from xpander_facade._transport.request import Attempt


_ERRORS = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL)


def sync_client(given: httpx.Client | Callable[[], httpx.Client]) -> httpx.Client:
    """Return the client that was given, or the one that a factory makes, once in each process.

    Raises:
        ConfigurationError: It is closed, or the factory gave something else.
    """
    client: httpx.Client = given if isinstance(given, httpx.Client) else _made(current_registry().clients, given)
    _check(client, httpx.Client, "http_client")
    return client


def async_client(given: httpx.AsyncClient | Callable[[], httpx.AsyncClient]) -> httpx.AsyncClient:
    """Return the client that was given, or the one that a factory makes, once in each event loop.

    Raises:
        ConfigurationError: It is closed, or the factory gave something else.
    """
    client: httpx.AsyncClient = given if isinstance(given, httpx.AsyncClient) else _made(loop_pools().clients, given)
    _check(client, httpx.AsyncClient, "async_http_client")
    return client


def send(client: httpx.Client, attempt: Attempt, *, timeout: float, until: float, max_bytes: int) -> Response | Failure:
    """Send a request with a client, and read the whole response.

    Args:
        client: The client of the user.
        attempt: What to send.
        timeout: Seconds to wait for anything.
        until: The `time.monotonic()` by which the response must be complete.
        max_bytes: The longest body to accept, in bytes.
    """
    try:
        with StreamedResponse(client, attempt, timeout, until) as response:
            body = Body(response.headers, max_bytes)
            for chunk in response:
                if not body.feed(chunk):
                    break
            return body.response(response.status_code)
    except _ERRORS as error:
        return failure_of(error)


async def asend(
    client: httpx.AsyncClient, attempt: Attempt, *, timeout: float, until: float, max_bytes: int
) -> Response | Failure:
    """Send a request with a client, and read the whole response.

    Args:
        client: The client of the user.
        attempt: What to send.
        timeout: Seconds to wait for anything.
        until: The `time.monotonic()` by which the response must be complete.
        max_bytes: The longest body to accept, in bytes.
    """
    try:
        async with asyncio.timeout(until - time.monotonic()):
            async with AsyncStreamedResponse(client, attempt, timeout, until) as response:
                body = Body(response.headers, max_bytes)
                async for chunk in response:
                    if not body.feed(chunk):
                        break
                return body.response(response.status_code)
    except TimeoutError:
        return Failure("timeout", "no response in time")
    except _ERRORS as error:
        return failure_of(error)


class StreamedResponse:
    """A response that is read while it arrives. Leaving the block closes it.

    Attributes:
        status_code: The HTTP status.
        headers: Names in lower case.
    """

    status_code: int
    headers: Mapping[str, str]

    def __init__(self, client: httpx.Client, attempt: Attempt, timeout: float, until: float) -> None:
        self._client = client
        self._request = _request(client, attempt, timeout)
        self._limit = self._until = until

    def __enter__(self) -> StreamedResponse:
        # A redirect could take the key to another host.
        self._response = self._client.send(self._request, stream=True, follow_redirects=False)
        self.status_code = self._response.status_code
        self.headers = _headers(self._response)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._response.close()

    def __iter__(self) -> Iterator[bytes]:
        if self._response.is_stream_consumed:  # a mock's answer, read and decoded before
            yield self._response.content
            return
        # Not decoded by httpx, which would unpack a small body to any size.
        for chunk in self._response.iter_raw():
            if time.monotonic() > self._until:
                raise httpx.ReadTimeout("the deadline has passed")
            yield chunk

    @property
    def peer(self) -> str | None:
        """The address at the other end of the connection, where there is one."""
        return _peer(self._response)

    def wait_at_most(self, read: float, until: float) -> None:
        """Set how long the next reads may take: seconds for each, and the `time.monotonic()` for all of them."""
        set_read_timeout(self._request, read)
        self._until = min(self._limit, until)


class AsyncStreamedResponse:
    """A response that is read while it arrives. Leaving the block closes it.

    Attributes:
        status_code: The HTTP status.
        headers: Names in lower case.
    """

    status_code: int
    headers: Mapping[str, str]

    def __init__(self, client: httpx.AsyncClient, attempt: Attempt, timeout: float, until: float) -> None:
        self._client = client
        self._request = _request(client, attempt, timeout)
        self._limit = self._until = until

    async def __aenter__(self) -> AsyncStreamedResponse:
        self._response = await self._client.send(self._request, stream=True, follow_redirects=False)
        self.status_code = self._response.status_code
        self.headers = _headers(self._response)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._response.aclose()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._response.is_stream_consumed:  # a mock's answer, read and decoded before
            yield self._response.content
            return
        async for chunk in self._response.aiter_raw():
            if time.monotonic() > self._until:
                raise httpx.ReadTimeout("the deadline has passed")
            yield chunk

    @property
    def peer(self) -> str | None:
        """The address at the other end of the connection, where there is one."""
        return _peer(self._response)

    def wait_at_most(self, read: float, until: float) -> None:
        """Set how long the next reads may take: seconds for each, and the `time.monotonic()` for all of them."""
        set_read_timeout(self._request, read)
        self._until = min(self._limit, until)


def _request(client: httpx.Client | httpx.AsyncClient, attempt: Attempt, timeout: float) -> httpx.Request:
    # What httpx asks for depends on the packages that are installed, and our decoder has these alone.
    headers = {"accept-encoding": ACCEPTED.decode("ascii"), **attempt.headers}
    return client.build_request(
        attempt.method,
        attempt.url,
        headers=[(name.encode("ascii"), value.strip(" \t").encode("utf-8")) for name, value in headers.items()],
        content=attempt.content,
        timeout=httpx.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout)),
    )


def _headers(response: httpx.Response) -> dict[str, str]:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
    if response.is_stream_consumed:
        headers.pop("content-encoding", None)
    return headers


def _peer(response: httpx.Response) -> str | None:
    stream = response.extensions.get("network_stream")
    address: Any = None if stream is None else stream.get_extra_info("server_addr")
    return str(cast("tuple[Any, ...]", address)[0]) if isinstance(address, tuple) else None


def _made(clients: dict[Any, Any], factory: Callable[[], Any]) -> Any:
    client = clients.get(factory)
    if client is None:
        # Two threads may both make one; the first that is kept serves both.
        client = clients.setdefault(factory, factory())
    return client


def _check(client: Any, kind: type[Any], name: str) -> None:
    if not isinstance(client, kind):
        raise ConfigurationError(f"{name}'s factory must give an httpx.{kind.__name__}, not {type(client).__name__}")
    if client.is_closed:
        raise ConfigurationError(f"{name} is closed: keep it open as long as calls are made, or pass a factory")


def set_read_timeout(request: httpx.Request, seconds: float) -> None:
    """Change how long a read of the response waits. httpcore reads the timeouts again when it reads the body."""
    request.extensions["timeout"]["read"] = seconds
