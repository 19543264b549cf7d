"""Own connections: stacks of them to one origin, and what their failures mean.

A stack holds transports with one connection each. The stock pool of httpcore looks at every connection for every
request, which makes 64 requests at once slower than one at a time; a stack looks at one. The connection used last is
used next, so that the others age, and the oldest is dropped when it has been idle for too long.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
import time
import urllib.request
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import attrs
import httpx

from xpander_facade._http._answers import Answer, Failure
from xpander_facade.configuration import is_loopback
from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from xpander_facade._http._exchange import Attempt

MAX_CONNECTIONS = 100
KEEP_IDLE = 5.0
CONNECT_TIMEOUT = 5.0

_ONE_CONNECTION = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_IDLE)


@attrs.frozen
class Door:
    """How to get to an origin: the certificates to trust and the proxy to go through."""

    tls: ssl.SSLContext
    proxy: httpx.Proxy | None


def door_to(url: httpx.URL, verify: bool | str | ssl.SSLContext, tls_environment: tuple[str | None, ...]) -> Door:
    """Return how to get to a URL's origin with the environment's proxies as they are now.

    Raises:
        ConfigurationError: A proxy or a certificate file can't be used.
    """
    proxy = _proxy_for(url)
    try:
        tls = _tls(verify, tls_environment) if url.scheme == "https" else _no_tls()
        if proxy is not None:
            proxy_tls = _tls(verify, tls_environment) if proxy.startswith("https:") else None
            return Door(tls, httpx.Proxy(proxy, ssl_context=proxy_tls))
    except OSError as error:
        raise ConfigurationError(
            f"the certificates can't be loaded ({error}): check verify= and SSL_CERT_FILE"
        ) from None
    except ValueError:
        raise ConfigurationError(
            "the environment's proxy URL can't be used: check HTTPS_PROXY and HTTP_PROXY"
        ) from None
    return Door(tls, None)


def _proxy_for(url: httpx.URL) -> str | None:
    # A custom transport switches httpx's own look at the environment off, so we look. A loopback address never goes
    # through a proxy: the proxy's loopback is another machine's.
    if is_loopback(url.host):
        return None
    host = url.host if url.port is None else f"{url.host}:{url.port}"
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


@lru_cache(maxsize=8)
def _tls(verify: bool | str | ssl.SSLContext, environment: tuple[str | None, ...]) -> ssl.SSLContext:
    # One context per process: loading the certificate authorities takes as long as fifty reports.
    if isinstance(verify, ssl.SSLContext):
        return verify
    cafile, capath = environment
    if isinstance(verify, str):
        cafile, capath = (None, verify) if _is_folder(verify) else (verify, None)
    if verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if cafile is None and capath is None:
        return httpx.create_ssl_context()
    return ssl.create_default_context(cafile=cafile, capath=capath)


@lru_cache(maxsize=1)
def _no_tls() -> ssl.SSLContext:
    # Plain http needs no authorities, but a transport that is given no context loads them all the same.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _is_folder(path: str) -> bool:
    from pathlib import Path

    return Path(path).is_dir()


@lru_cache(maxsize=512)
def parse_url(url: str) -> httpx.URL:
    """Return the parsed URL; remembered, since the same few are called over and over.

    Raises:
        ConfigurationError: It is no URL.
    """
    try:
        return httpx.URL(url)
    except httpx.InvalidURL as error:
        problem = str(error)
    raise ConfigurationError(f"base_url does not make a URL ({problem}): it looks like https://host[:port][/path]")


def build(step: Attempt, url: httpx.URL, timeout: float) -> httpx.Request:
    """Return the httpx request of an attempt."""
    waits = {"connect": min(CONNECT_TIMEOUT, timeout), "read": timeout, "write": timeout, "pool": timeout}
    return httpx.Request(step.method, url, headers=step.headers, content=step.content, extensions={"timeout": waits})


class SyncStack:
    """The connections of one process to one origin, for threads."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._idle: deque[tuple[httpx.HTTPTransport, float]] = deque()
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._closed = False

    def send(self, request: httpx.Request, *, wait: float, deadline: float, max_bytes: int) -> Answer | Failure:
        """Send a request over a connection of its own and read the answer whole.

        Args:
            request: What to send.
            wait: Seconds to wait for a free connection.
            deadline: Seconds that the exchange may take.
            max_bytes: The longest body to take.
        """
        if not self._slots.acquire(timeout=wait):
            return _NO_SLOT
        try:
            began = time.monotonic()
            transport = self._take()
            try:
                response = transport.handle_request(request)
                try:
                    content = bytearray()
                    for chunk in response.iter_bytes():
                        content += chunk
                        if len(content) > max_bytes:
                            transport.close()
                            return _too_large(max_bytes)
                        if time.monotonic() - began > deadline:
                            transport.close()
                            return _TOO_SLOW
                finally:
                    response.close()
            except httpx.HTTPError as error:
                transport.close()
                return failure_of(error)
            except BaseException:
                transport.close()
                raise
            self._give_back(transport)
            return answer_of(response, bytes(content))
        finally:
            self._slots.release()

    @contextlib.contextmanager
    def stream(self, request: httpx.Request) -> Iterator[httpx.Response]:
        """Open an answer that goes on; leaving the block closes the connection."""
        transport = self._take()
        try:
            response = transport.handle_request(request)
            try:
                yield response
            finally:
                response.close()
        finally:
            transport.close()

    def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        self._closed = True
        while self._idle:
            with contextlib.suppress(IndexError):
                self._idle.pop()[0].close()

    def _take(self) -> httpx.HTTPTransport:
        try:
            return self._idle.pop()[0]
        except IndexError:
            return httpx.HTTPTransport(verify=self._door.tls, proxy=self._door.proxy, limits=_ONE_CONNECTION)

    def _give_back(self, transport: httpx.HTTPTransport) -> None:
        now = time.monotonic()
        self._idle.append((transport, now))
        if self._closed:
            self.close()
            return
        with contextlib.suppress(IndexError):
            if self._idle[0][1] < now - KEEP_IDLE:
                self._idle.popleft()[0].close()


class AsyncStack:
    """The connections of one event loop to one origin."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._idle: deque[tuple[httpx.AsyncHTTPTransport, float]] = deque()
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._closed = False

    async def send(self, request: httpx.Request, *, wait: float, deadline: float, max_bytes: int) -> Answer | Failure:
        """Send a request over a connection of its own and read the answer whole.

        Args:
            request: What to send.
            wait: Seconds to wait for a free connection.
            deadline: Seconds that the exchange may take.
            max_bytes: The longest body to take.
        """
        try:
            async with asyncio.timeout(wait):
                await self._slots.acquire()
        except TimeoutError:
            return _NO_SLOT
        try:
            transport = self._take()
            try:
                async with asyncio.timeout(deadline):
                    response = await transport.handle_async_request(request)
                    try:
                        content = bytearray()
                        async for chunk in response.aiter_bytes():
                            content += chunk
                            if len(content) > max_bytes:
                                await transport.aclose()
                                return _too_large(max_bytes)
                    finally:
                        await response.aclose()
            except httpx.HTTPError as error:
                await transport.aclose()
                return failure_of(error)
            except TimeoutError:
                await transport.aclose()
                return _TOO_SLOW
            except BaseException:
                await transport.aclose()
                raise
            await self._give_back(transport)
            return answer_of(response, bytes(content))
        finally:
            self._slots.release()

    @contextlib.asynccontextmanager
    async def stream(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        """Open an answer that goes on; leaving the block closes the connection."""
        transport = self._take()
        try:
            response = await transport.handle_async_request(request)
            try:
                yield response
            finally:
                await response.aclose()
        finally:
            await transport.aclose()

    async def aclose(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        self._closed = True
        while self._idle:
            await self._idle.pop()[0].aclose()

    def _take(self) -> httpx.AsyncHTTPTransport:
        if self._idle:
            return self._idle.pop()[0]
        return httpx.AsyncHTTPTransport(verify=self._door.tls, proxy=self._door.proxy, limits=_ONE_CONNECTION)

    async def _give_back(self, transport: httpx.AsyncHTTPTransport) -> None:
        now = time.monotonic()
        self._idle.append((transport, now))
        if self._closed:
            await self.aclose()
        elif self._idle[0][1] < now - KEEP_IDLE:
            await self._idle.popleft()[0].aclose()


def answer_of(response: httpx.Response, content: bytes) -> Answer:
    """Return an httpx response in our own form."""
    return Answer(response.status_code, response.headers, content)


_NO_SLOT = Failure("connect", f"all {MAX_CONNECTIONS} connections are busy and none came free in time")
_TOO_SLOW = Failure("timeout", "the answer was not whole before the deadline")


def _too_large(limit: int) -> Failure:
    return Failure("unreadable", f"the answer is larger than max_response_bytes ({limit} bytes)", passing=False)


def failure_of(error: httpx.HTTPError) -> Failure:
    """Return what an exception of httpx means. Only its text is kept: the exception holds the request with the key."""
    text = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectTimeout):
        return Failure("connect", "no connection within the connect timeout")
    if isinstance(error, httpx.ConnectError | httpx.ProxyError | httpx.PoolTimeout):
        passing = not _is_certificate_trouble(error)
        return Failure("connect", f"could not connect ({text})", passing=passing)
    if isinstance(error, httpx.TimeoutException):
        return Failure("timeout", "no answer in time")
    if isinstance(error, httpx.DecodingError):
        return Failure("unreadable", f"the answer's encoding is broken ({text})", passing=False)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return Failure("refused", f"the request can't be sent ({text})", passing=False)
    return Failure("broken", f"the connection broke before the answer was whole ({text})")


def _is_certificate_trouble(error: BaseException | None) -> Literal[True, False]:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
