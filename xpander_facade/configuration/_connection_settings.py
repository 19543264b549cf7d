"""Checks of what says how connections are made: certificates, proxy, headers, clients and hooks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl

F = TypeVar("F", bound="Callable[..., Any]")


# Patterns as text: few configurations have headers, and to compile them takes as long as to load this module.
_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# A line end in a value would begin another header. Named is what is left out: a class of all the rest would take
# longer still to compile.
_HEADER_VALUE = r"[^\x00-\x08\n-\x1f\x7f]*"
# A second one of these would let a gateway read another request than the platform does.
_OURS = frozenset({"x-api-key", "host", "content-length", "transfer-encoding", "connection", "content-encoding"})
_PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})


def check_verify(value: Any) -> bool | str | ssl.SSLContext:
    """Return how to check certificates.

    Raises:
        ConfigurationError: It is not a value that says so.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str) or hasattr(value, "__fspath__"):
        path = cast("str | bytes", os.fspath(cast("str | os.PathLike[str]", value)))
        if isinstance(path, str):
            return path or True
    # ssl takes as long to import as all the rest of a configuration; who passes a context has imported it.
    if any(cls.__name__ == "SSLContext" and cls.__module__ == "ssl" for cls in type(value).__mro__):
        return cast("ssl.SSLContext", value)
    raise ConfigurationError(
        f"verify must be True, False, the path of a CA file or folder, or an ssl.SSLContext, not {value!r}"
    )


def check_cert(value: Any) -> str | tuple[str, ...] | None:
    """Return the client's certificate: a path, or paths of it and its key, and perhaps a password.

    Raises:
        ConfigurationError: It is none of these.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str | os.PathLike):
        value = (value,)
    if isinstance(value, Sequence) and 1 <= len(cast("Sequence[Any]", value)) <= 3:
        parts = [
            os.fspath(cast("str | os.PathLike[str]", part)) if isinstance(part, str | os.PathLike) else None
            for part in cast("Sequence[Any]", value)
        ]
        texts = tuple(part for part in parts if isinstance(part, str) and part)
        if len(texts) == len(parts):
            return texts[0] if len(texts) == 1 else texts
    raise ConfigurationError(
        "cert must be the path of a PEM file with certificate and key, or (certificate, key), or (certificate, key, "
        "password)"
    )


def check_proxy(value: Any) -> str | None:
    """Return the URL of a proxy. No error quotes it, since it may hold a password.

    Raises:
        ConfigurationError: It is not the URL of a proxy.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        from urllib.parse import urlsplit

        url = value.strip() if "://" in value else f"http://{value.strip()}"
        try:
            parts = urlsplit(url)
            if parts.scheme.lower() in _PROXY_SCHEMES and parts.hostname and (parts.port or 1) > 0:
                return url
        except ValueError:
            pass
    raise ConfigurationError(
        "proxy must be the URL of a proxy, such as http://user:password@host:8080 (http, https, socks5 or socks5h)"
    )


def without_credentials(url: str) -> str:
    """Return a URL without its user and password."""
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def check_headers(value: Any) -> Mapping[str, str]:
    """Return headers that are sent with every request; names in lower case. No error quotes a value.

    Raises:
        ConfigurationError: A name or a value can't be sent, or is for the client to say.
    """
    if value is None:
        return MappingProxyType({})
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"headers must be a mapping of names to values, not {type(value).__name__}")
    headers: dict[str, str] = {}
    for name, text in cast("Mapping[Any, Any]", value).items():
        problem = header_problem(name, text)
        if problem:
            raise ConfigurationError(f"headers: {problem}")
        headers[name.lower()] = text
    return MappingProxyType(headers)


def header_problem(name: Any, value: Any) -> str:
    """Return why a header can't be added, or nothing. The text does not quote the value."""
    if not isinstance(name, str) or not re.fullmatch(_HEADER_NAME, name):
        return f"{name!r} is not the name of a header"
    if name.lower() == "x-api-key":
        return "x-api-key is the API key: pass it as api_key="
    if name.lower() in _OURS:
        return f"{name} is for the client to say: leave it out"
    if not isinstance(value, str) or not re.fullmatch(_HEADER_VALUE, value):
        return f"the value of {name} must be a string of one line"
    return ""


def check_client(name: str, kind: str, value: Any) -> Any:
    """Return an httpx client, or a function that makes one.

    Args:
        name: The name of the argument.
        kind: "Client" or "AsyncClient".
        value: What was passed.

    Raises:
        ConfigurationError: It is neither.
    """
    if value is None or _derives(type(cast("object", value)), kind):
        return value
    is_other = _derives(type(cast("object", value)), "Client", "AsyncClient")
    if isinstance(value, type):  # httpx.Client itself makes clients
        is_other = _derives(cast("Any", value), "Client", "AsyncClient") and not _derives(cast("Any", value), kind)
    if not callable(value) or is_other or _is_async(value):
        raise ConfigurationError(f"{name} must be an httpx.{kind} or a function that makes one, not {value!r}")
    try:
        # Connections are kept by configuration, and its hash takes this one in.
        hash(value)
    except TypeError:
        raise ConfigurationError(f"{name}: a function that makes a client must be hashable") from None
    return value


def _derives(cls: type[object], *kinds: str) -> bool:
    # httpx takes as long to import as all the rest of a call; who passes a client has imported it.
    return any(base.__name__ in kinds and base.__module__.partition(".")[0] == "httpx" for base in cls.__mro__)


def check_hook(name: str, value: F | None) -> F | None:
    """Return a hook: a plain function.

    Raises:
        ConfigurationError: It can't be called, or gives a coroutine.
    """
    if value is None:
        return None
    if not callable(value):
        raise ConfigurationError(f"{name} must be a function, not {type(value).__name__}")
    if _is_async(value):
        raise ConfigurationError(f"{name} must be a plain function, which returns at once, not an async one")
    return value


def _is_async(value: Any) -> bool:
    from inspect import iscoroutinefunction

    return iscoroutinefunction(value) or (not isinstance(value, type) and iscoroutinefunction(type(value).__call__))
