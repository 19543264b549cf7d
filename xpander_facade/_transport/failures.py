"""The meaning of transport exceptions. Only their text is kept: they hold the request, which holds the key."""

from __future__ import annotations

import ssl

import httpcore
import httpx

from xpander_facade._transport.response import Failure

HTTPCORE_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
)
HTTPX_ERRORS = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL)
TRANSPORT_ERRORS = (*HTTPCORE_ERRORS, *HTTPX_ERRORS)
"""What a connection of ours or a client of the user raises where a call fails on its way."""

_PROXY = (httpcore.ProxyError, httpx.ProxyError)
_CONNECT = (httpcore.ConnectError, httpcore.PoolTimeout, httpcore.ConnectionNotAvailable, httpx.ConnectError)
_TIMEOUT = (httpcore.TimeoutException, httpx.TimeoutException)
_REFUSED = (
    httpcore.UnsupportedProtocol,
    httpcore.LocalProtocolError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
    httpx.TooManyRedirects,
)


def failure_of(error: BaseException) -> Failure:
    """Return what an exception of httpcore or httpx means."""
    text = str(error) or type(error).__name__
    if isinstance(error, httpcore.ConnectTimeout | httpx.ConnectTimeout):
        return Failure("connect", "no connection within the connect timeout")
    if isinstance(error, httpx.PoolTimeout):
        return Failure("busy", "all connections of http_client are busy and none came free in time")
    if _is_certificate_error(error):
        return Failure("certificate", f"could not connect ({text})", transient=False)
    if isinstance(error, _PROXY):
        return Failure("proxy", f"the proxy refused ({text})")
    if isinstance(error, _CONNECT):
        return Failure("connect", f"could not connect ({text})")
    if isinstance(error, _TIMEOUT):
        return Failure("timeout", "no response in time")
    if isinstance(error, _REFUSED):
        return Failure("refused", f"the request can't be sent ({text})", transient=False)
    return Failure("broken", f"the connection broke before the response was complete ({text})")


def _is_certificate_error(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
