"""Routing: URLs, the certificates to trust, and the proxy to use.

What httpx is needed for, proxies and unusual URLs, imports it there: it takes longer than the rest of a first call.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

import attrs

from xpander_facade._process.imports import PROXIES, REMOTE, TLS, load
from xpander_facade._transport.proxies import environment_proxy, with_scheme
from xpander_facade.configuration._urls import is_loopback
from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl  # noqa: TC004 (annotations only)

    import httpx  # noqa: TC004 (annotations only)

CONNECT_TIMEOUT = 5.0
_PORTS = {b"http": 80, b"https": 443, b"ws": 80, b"wss": 443}
# A URL of these parts is itself its normal form. Any other one is left to httpx: hosts of other letters or of numbers
# alone, ports that are the scheme's own, segments of dots, and what must be escaped.
_NORMAL_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>(?!xn--)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*(?!xn--)[a-z](?:[a-z0-9-]*[a-z0-9])?"
    r"|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!/|:|$)|(?=[/:]|$))){4})"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>(?:/(?!\.)(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})*)+"
    r"(?:\?(?:[A-Za-z0-9._~!$&()*+,;=:@/?-]|%[0-9A-F]{2})+)?)"
)


@attrs.frozen(repr=False)
class Origin:
    """Where connections lead.

    Args:
        scheme: "http" or "https".
        host: A name, or an address without brackets.
        port: The port.
    """

    scheme: bytes
    host: bytes
    port: int


@attrs.frozen(eq=False, repr=False)
class Target:
    """A parsed URL.

    Args:
        origin: Scheme, host and port.
        path: What stands in the first line of a request.
        host: The value of the Host header.
        port: The port that the URL names, or None.
    """

    origin: Origin
    path: bytes
    host: bytes
    port: int | None


@lru_cache(maxsize=512)
def parse_url(url: str) -> Target:
    """Return the parsed URL; cached, since the same few are called over and over.

    Raises:
        ConfigurationError: It is not a URL.
    """
    return _parse_normal(url) or _parse_any(url)


def _parse_normal(url: str) -> Target | None:
    match = _NORMAL_URL.fullmatch(url)
    if match is None:
        return None
    scheme, host = match["scheme"].encode(), match["host"].encode()
    own = _PORTS[scheme]
    if match["port"] is None:
        return Target(Origin(scheme, host, own), match["target"].encode(), host, None)
    port = int(match["port"])
    if port in (80, 443) or port > 65_535:
        return None
    return Target(Origin(scheme, host, port), match["target"].encode(), b"%s:%d" % (host, port), port)


def _parse_any(url: str) -> Target:
    load(PROXIES)
    from xpander_facade._transport.httpx_loading import httpx

    problem = ""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        problem = str(error)
    else:
        scheme, port = parsed.raw_scheme, parsed.port
        origin = Origin(scheme, parsed.raw_host, _PORTS.get(scheme, 0) if port is None else port)
        return Target(origin, parsed.raw_path, parsed.netloc, port)
    raise ConfigurationError(f"base_url does not make a URL ({problem}): it looks like https://host[:port][/path]")


@attrs.frozen(repr=False)
class TLSSettings:
    """How certificates are checked and which one is shown.

    Args:
        verify: True, False, a path of a CA file or folder, or a context.
        cert: The client's certificate: a file, or a file, its key's file and perhaps a password.
        environment: The certificate file and folder that the environment names.
    """

    verify: bool | str | ssl.SSLContext
    cert: str | tuple[str, ...] | None = None
    environment: tuple[str | None, ...] = (None, None)


@attrs.frozen(eq=False, repr=False)
class Route:
    """How connections to an origin are made.

    Args:
        origin: Scheme, host and port.
        tls: The certificates to trust; None for plain http.
        proxy: The proxy to use, or None.
    """

    origin: Origin
    tls: ssl.SSLContext | None
    proxy: httpx.Proxy | None

    def is_direct(self) -> bool:
        """Whether connections lead straight to the origin, and nothing answers in place of httpcore."""
        return self.proxy is None and not self.is_mocked()

    def is_mocked(self) -> bool:
        """Whether something answers in place of httpcore's connections, as respx does."""
        httpcore = sys.modules.get("httpcore")
        if httpcore is None:
            return False
        handles = getattr(getattr(httpcore, "HTTPConnection", None), "handle_request", None)
        return handles is not None and not getattr(handles, "__module__", "").startswith("httpcore.")


def resolve_route(origin: Origin, tls: TLSSettings, proxy: str | None = None) -> Route:
    """Return the route to an origin.

    Args:
        origin: Scheme, host and port.
        tls: How certificates are checked.
        proxy: The URL of the proxy to use; None takes the environment's, as it is now.

    Raises:
        ConfigurationError: A proxy or a certificate file can't be used.
    """
    scheme, host = origin.scheme.decode("ascii"), origin.host.decode("ascii")
    if scheme == "https" or not is_loopback(host):
        load(REMOTE)
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
    load(PROXIES)
    from xpander_facade._transport.httpx_loading import httpx

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


@lru_cache(maxsize=8)
def ssl_context(settings: TLSSettings) -> ssl.SSLContext:
    """Return the context for some settings.

    Raises:
        OSError: A file can't be read, or holds no certificate.
    """
    load(TLS)
    import ssl

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
            from pathlib import Path

            cafile, capath = (None, verify) if Path(verify).is_dir() else (verify, None)
        if cafile is None and capath is None:
            import certifi

            context = ssl.create_default_context(cafile=certifi.where())
        else:
            context = ssl.create_default_context(cafile=cafile, capath=capath)
    if settings.cert is not None:
        files = (settings.cert,) if isinstance(settings.cert, str) else settings.cert
        certificate, key, password = (*files, None, None)[:3]
        # Without a password Python would ask for one at the terminal.
        context.load_cert_chain(certificate or "", key, password or "")
    return context
