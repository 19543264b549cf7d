"""The meaning of httpcore's exceptions. Only their text is kept: they hold the request, which holds the key."""

from __future__ import annotations

import ssl

import httpcore

from xpander_facade._transport.response import Failure

HTTPCORE_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
)


def failure_of(error: BaseException) -> Failure:
    """Return what an exception of httpcore means."""
    text = str(error) or type(error).__name__
    if isinstance(error, httpcore.ConnectTimeout):
        return Failure("connect", "no connection within the connect timeout")
    if _is_certificate_error(error):
        return Failure("certificate", f"could not connect ({text})", transient=False)
    if isinstance(error, httpcore.ProxyError):
        return Failure("proxy", f"the proxy refused ({text})")
    if isinstance(error, httpcore.ConnectError | httpcore.PoolTimeout | httpcore.ConnectionNotAvailable):
        return Failure("connect", f"could not connect ({text})")
    if isinstance(error, httpcore.TimeoutException):
        return Failure("timeout", "no response in time")
    if isinstance(error, httpcore.UnsupportedProtocol | httpcore.LocalProtocolError):
        return Failure("refused", f"the request can't be sent ({text})", transient=False)
    return Failure("broken", f"the connection broke before the response was complete ({text})")


def _is_certificate_error(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
