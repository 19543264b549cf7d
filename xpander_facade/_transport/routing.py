"""Routing: URLs, the certificates to trust, the proxy to use, and requests in the form of httpcore."""

from __future__ import annotations

import importlib.util
import ssl
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import httpcore
import httpx

from xpander_facade._transport.content_coding import ACCEPTED
from xpander_facade._transport.network import Deadline, SyncBackend
from xpander_facade._transport.proxies import environment_proxy, with_scheme
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
    # h11 takes no white space around a value, and the receiver would take it away.
    headers += [(name.encode("ascii"), value.strip(" \t").encode("utf-8")) for name, value in attempt.headers.items()]
    if attempt.content is not None:
        headers.append((b"content-length", b"%d" % len(attempt.content)))
    waits = {"connect": min(CONNECT_TIMEOUT, timeout), "read": timeout, "write": timeout, "pool": timeout}
    return httpcore.Request(
        attempt.method, target.url, headers=headers, content=attempt.content, extensions={"timeout": waits}
    )


@attrs.frozen
class TLSSettings:
    """How certificates are checked and which one is shown.

    Args:
        verify: True, False, a path of a CA file or folder, or a context.
        cert: The client's certificate: a file, or a file, its key's file and perhaps a password.
        environment: The certificate file and folder that the environment names.
    """

    verify: bool | str | ssl.SSLContext
    cert: str | tuple[str, ...] | None = attrs.field(default=None, repr=False)
    environment: tuple[str | None, ...] = (None, None)


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

    def addressed(self, request: httpcore.Request) -> httpcore.Request:
        """Return a request as this route sends it.

        A proxy is told an IPv6 address in brackets, which httpcore leaves out.
        """
        host = request.url.host
        if self.proxy is None or b":" not in host or self.proxy.url.scheme.startswith("socks"):
            return request
        url = httpcore.URL(
            scheme=request.url.scheme, host=b"[" + host + b"]", port=request.url.port, target=request.url.target
        )
        extensions: dict[str, Any] = dict(request.extensions)  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        return httpcore.Request(
            request.method, url, headers=request.headers, content=request.stream, extensions=extensions
        )


def resolve_route(origin: httpcore.Origin, tls: TLSSettings, proxy: str | None = None) -> Route:
    """Return the route to an origin.

    Args:
        origin: Scheme, host and port.
        tls: How certificates are checked.
        proxy: The URL of the proxy to use; None takes the environment's, as it is now.

    Raises:
        ConfigurationError: A proxy or a certificate file can't be used.
    """
    scheme, host = origin.scheme.decode("ascii"), origin.host.decode("ascii")
    context, proxy_context, problem = None, None, ""
    try:
        url = with_scheme(proxy) if proxy is not None else _environment_proxy(scheme, host, origin.port)
        context = ssl_context(tls) if scheme == "https" else None
        proxy_context = ssl_context(tls) if url is not None and url.startswith("https:") else None
    except (OSError, ValueError) as error:
        problem = f"the certificates can't be loaded ({error}): check verify=, cert= and SSL_CERT_FILE"
    else:
        used, problem = _proxy(url, proxy_context, "proxy=" if proxy is not None else "")
        if not problem:
            return Route(origin, context, used)
    url = proxy = None  # it may hold a password, and tracebacks can show variables
    raise ConfigurationError(problem)


def _proxy(url: str | None, tls: ssl.SSLContext | None, argument: str) -> tuple[httpx.Proxy | None, str]:
    """Return the proxy to use, or why it can't be used. The proxy's password stays in this frame."""
    if url is None:
        return None, ""
    if url.startswith("socks") and importlib.util.find_spec("socksio") is None:
        remedy = "leave out proxy=" if argument else "set NO_PROXY"
        return None, f"a SOCKS proxy needs the package socksio: pip install 'httpx[socks]', or {remedy}"
    try:
        proxy = httpx.Proxy(url, ssl_context=tls)
    except (ValueError, httpx.InvalidURL):
        owner = "" if argument else "environment's "
        source = argument or "HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
        return None, f"the {owner}proxy can't be used: check {source}"
    return proxy, ""


def _environment_proxy(scheme: str, host: str, port: int) -> str | None:
    # A loopback address never goes through a proxy, whose loopback is another machine.
    return None if is_loopback(host) else environment_proxy(scheme, host, port)


def _httpcore_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


@lru_cache(maxsize=8)
def ssl_context(settings: TLSSettings) -> ssl.SSLContext:
    """Return the context for some settings.

    Raises:
        OSError: A file can't be read, or holds no certificate.
    """
    # One context serves the process: loading the certificate authorities takes as long as fifty reports.
    verify = settings.verify
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        cafile, capath = settings.environment
        if isinstance(verify, str):
            cafile, capath = (None, verify) if Path(verify).is_dir() else (verify, None)
        if cafile is None and capath is None:
            context = httpx.create_ssl_context()
        else:
            context = ssl.create_default_context(cafile=cafile, capath=capath)
    if settings.cert is not None:
        files = (settings.cert,) if isinstance(settings.cert, str) else settings.cert
        certificate, key, password = (*files, None, None)[:3]
        # Without a password Python would ask for one at the terminal.
        context.load_cert_chain(certificate or "", key, password or "")
    return context
