"""Routing: URLs, the certificates to trust, the proxy to use, and requests in the form of httpcore."""

from __future__ import annotations

import importlib.util
import ssl
import urllib.request
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import httpcore
import httpx

from xpander_facade._transport.body import ACCEPTED
from xpander_facade._transport.network import Deadline, SyncBackend
from xpander_facade.configuration._configuration import is_loopback
from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from xpander_facade._transport.request import Attempt

CONNECT_TIMEOUT = 5.0


@attrs.frozen
class Target:
    """A parsed URL.

    Args:
        url: The URL as httpcore takes it.
        origin: Scheme, host and port.
        host: The value of the Host header.
    """

    url: httpcore.URL
    origin: httpcore.Origin
    host: bytes


@lru_cache(maxsize=512)
def parse_url(url: str) -> Target:
    """Return the parsed URL; cached, since the same few are called over and over.

    Raises:
        ConfigurationError: It is not a URL.
    """
    problem = ""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        problem = str(error)
    else:
        address = httpcore.URL(scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path)
        return Target(address, address.origin, parsed.netloc)
    raise ConfigurationError(f"base_url does not make a URL ({problem}): it looks like https://host[:port][/path]")


def build_request(attempt: Attempt, target: Target, timeout: float) -> httpcore.Request:
    """Return the httpcore request of an attempt.

    Args:
        attempt: What to send.
        target: Where to send it.
        timeout: Seconds to wait for anything; connecting takes at most CONNECT_TIMEOUT of them.
    """
    headers = [(b"host", target.host)]
    if "accept-encoding" not in attempt.headers:
        headers.append((b"accept-encoding", ACCEPTED))
    headers += [(name.encode("ascii"), value.encode("utf-8")) for name, value in attempt.headers.items()]
    if attempt.content is not None:
        headers.append((b"content-length", b"%d" % len(attempt.content)))
    waits = {"connect": min(CONNECT_TIMEOUT, timeout), "read": timeout, "write": timeout, "pool": timeout}
    return httpcore.Request(
        attempt.method, target.url, headers=headers, content=attempt.content, extensions={"timeout": waits}
    )


@attrs.frozen
class Route:
    """How connections to an origin are made.

    Args:
        origin: Scheme, host and port.
        tls: The certificates to trust; None for plain http.
        proxy: The proxy to use, or None.
    """

    origin: httpcore.Origin
    tls: ssl.SSLContext | None
    proxy: httpx.Proxy | None

    def connection(self, keep_idle: float, deadline: Deadline) -> httpcore.HTTPConnection | httpcore.ConnectionPool:
        """Return a connection that opens at its first request, expires after some idle seconds, and has a deadline."""
        backend = SyncBackend(deadline)
        if self.proxy is None:
            return httpcore.HTTPConnection(
                self.origin, ssl_context=self.tls, keepalive_expiry=keep_idle, network_backend=backend
            )
        if self.proxy.url.scheme.startswith("socks"):
            return httpcore.SOCKSProxy(
                proxy_url=_httpcore_url(self.proxy.url),
                proxy_auth=self.proxy.raw_auth,
                ssl_context=self.tls,
                max_connections=1,
                keepalive_expiry=keep_idle,
                network_backend=backend,
            )
        return httpcore.HTTPProxy(
            proxy_url=_httpcore_url(self.proxy.url),
            proxy_auth=self.proxy.raw_auth,
            ssl_context=self.tls,
            proxy_ssl_context=self.proxy.ssl_context,
            max_connections=1,
            keepalive_expiry=keep_idle,
            network_backend=backend,
        )

    def async_connection(
        self, keep_idle: float, deadline: Deadline
    ) -> httpcore.AsyncHTTPConnection | httpcore.AsyncConnectionPool:
        """Return a connection that opens at its first request, expires after some idle seconds, and has a deadline."""
        from xpander_facade._transport.async_network import AsyncBackend

        backend = AsyncBackend(deadline)
        if self.proxy is None:
            return httpcore.AsyncHTTPConnection(
                self.origin, ssl_context=self.tls, keepalive_expiry=keep_idle, network_backend=backend
            )
        if self.proxy.url.scheme.startswith("socks"):
            return httpcore.AsyncSOCKSProxy(
                proxy_url=_httpcore_url(self.proxy.url),
                proxy_auth=self.proxy.raw_auth,
                ssl_context=self.tls,
                max_connections=1,
                keepalive_expiry=keep_idle,
                network_backend=backend,
            )
        return httpcore.AsyncHTTPProxy(
            proxy_url=_httpcore_url(self.proxy.url),
            proxy_auth=self.proxy.raw_auth,
            ssl_context=self.tls,
            proxy_ssl_context=self.proxy.ssl_context,
            max_connections=1,
            keepalive_expiry=keep_idle,
            network_backend=backend,
        )


def resolve_route(
    origin: httpcore.Origin, verify: bool | str | ssl.SSLContext, tls_environment: tuple[str | None, ...]
) -> Route:
    """Return the route to an origin, with the environment's proxies as they are now.

    Raises:
        ConfigurationError: A proxy or a certificate file can't be used.
    """
    scheme, host = origin.scheme.decode("ascii"), origin.host.decode("ascii")
    try:
        tls = _tls(verify, tls_environment) if scheme == "https" else None
        proxy_tls = (
            _tls(verify, tls_environment) if (_proxy_for(scheme, host, origin.port) or "")[:6] == "https:" else None
        )
    except OSError as error:
        problem = f"the certificates can't be loaded ({error}): check verify= and SSL_CERT_FILE"
    else:
        proxy, problem = _proxy(scheme, host, origin.port, proxy_tls)
        if not problem:
            return Route(origin, tls, proxy)
    raise ConfigurationError(problem)


def _proxy(scheme: str, host: str, port: int, tls: ssl.SSLContext | None) -> tuple[httpx.Proxy | None, str]:
    """Return the proxy to use, or why it can't be used. The proxy's password stays in this frame."""
    url = _proxy_for(scheme, host, port)
    if url is None:
        return None, ""
    if url.startswith("socks") and importlib.util.find_spec("socksio") is None:
        return None, "a SOCKS proxy needs the package socksio: pip install 'httpx[socks]', or set NO_PROXY"
    try:
        proxy = httpx.Proxy(url, ssl_context=tls)
    except (ValueError, httpx.InvalidURL):
        return None, "the environment's proxy can't be used: check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
    return proxy, ""


def _proxy_for(scheme: str, host: str, port: int) -> str | None:
    # A loopback address never goes through a proxy, whose loopback is another machine.
    if is_loopback(host):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(f"{host}:{port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _httpcore_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


@lru_cache(maxsize=8)
def _tls(verify: bool | str | ssl.SSLContext, environment: tuple[str | None, ...]) -> ssl.SSLContext:
    # One context serves the process: loading the certificate authorities takes as long as fifty reports.
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    cafile, capath = environment
    if isinstance(verify, str):
        cafile, capath = (None, verify) if Path(verify).is_dir() else (verify, None)
    if cafile is None and capath is None:
        return httpx.create_ssl_context()
    return ssl.create_default_context(cafile=cafile, capath=capath)
