"""The meaning of transport exceptions. Only their text is kept: they hold the request, which holds the key."""

from __future__ import annotations

import sys

from xpander_facade._transport import exceptions
from xpander_facade._transport.response import Failure

# What httpcore and httpx raise, where they are used at all: through a proxy, or by a client of the user.
_OTHERS = {
    "httpcore": (
        "NetworkError",
        "ProtocolError",
        "TimeoutException",
        "ProxyError",
        "UnsupportedProtocol",
        "ConnectionNotAvailable",
    ),
    "httpx": ("HTTPError", "StreamError", "InvalidURL"),
}


def transport_errors() -> tuple[type[Exception], ...]:
    """Return what a connection of ours or a client of the user raises where a call fails on its way."""
    return (exceptions.TransportError, *_loaded(_OTHERS))


def failure_of(error: BaseException) -> Failure:
    """Return what an exception of ours, of httpcore or of httpx means."""
    text = str(error) or type(error).__name__
    if _is_a(error, "ConnectTimeout"):
        return Failure("connect", "no connection within the connect timeout")
    if isinstance(error, _loaded({"httpx": ("PoolTimeout",)})):
        return Failure("busy", "all connections of http_client are busy and none came free in time")
    if _is_certificate_error(error):
        return Failure("certificate", f"could not connect ({text})", transient=False)
    if _is_a(error, "ProxyError"):
        return Failure("proxy", f"the proxy refused ({text})")
    if _is_a(error, "ConnectError", "PoolTimeout", "ConnectionNotAvailable"):
        return Failure("connect", f"could not connect ({text})")
    if _is_a(error, "TimeoutException"):
        return Failure("timeout", "no response in time")
    if _is_a(error, "UnsupportedProtocol", "LocalProtocolError", "InvalidURL", "TooManyRedirects"):
        return Failure("refused", f"the request can't be sent ({text})", transient=False)
    return Failure("broken", f"the connection broke before the response was complete ({text})")


def _is_a(error: BaseException, *names: str) -> bool:
    """Whether an exception is of one of these kinds, which have the same names wherever there are any."""
    own = tuple(getattr(exceptions, name) for name in names if hasattr(exceptions, name))
    return isinstance(error, (*own, *_loaded(dict.fromkeys(_OTHERS, names))))


def _loaded(kinds: dict[str, tuple[str, ...]]) -> tuple[type[Exception], ...]:
    """Return exceptions of libraries that are loaded; nobody has raised those of the others."""
    found: list[type[Exception]] = []
    for library, names in kinds.items():
        module = sys.modules.get(library)
        found += [getattr(module, name) for name in names if hasattr(module, name)]
    return tuple(found)


def _is_certificate_error(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, _loaded({"ssl": ("SSLCertVerificationError",)})):
            return True
        error = error.__cause__ or error.__context__
    return False
