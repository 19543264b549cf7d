"""Host names that the emulator answers to, and the origins whose requests it takes.

A page whose name is rebound to 127.0.0.1 reaches a local server with its own name in the header `Host`. Names are
therefore checked; addresses are not, since a rebound page can't have one.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

VARIABLE: Final = "XPANDER_EMULATOR_ALLOW_HOST"
_SHOWN: Final = 80
_MAX_REMEMBERED: Final = 100


class Hosts:
    """The names that a request may give in its headers `Host` and `Origin`.

    Args:
        bound: The address or name that the emulator listens on.
        allowed: Further names; one with a leading dot stands for all names below it.

    Raises:
        ValueError: when a name is not one: it has a scheme, a port or a path.
    """

    def __init__(self, bound: str, allowed: Iterable[str]) -> None:
        self._names = {"localhost", bound.lower()}
        self._parents = {".localhost"}
        self._good: set[tuple[str | None, str | None]] = set()
        for name in allowed:
            if not _is_name(name):
                raise ValueError(
                    f"{name!r} is not a host name: give it without scheme, port and path, as in 'emulator'"
                )
            (self._parents if name.startswith(".") else self._names).add(name.lower().rstrip("."))

    def refusal(self, host: str | None, origin: str | None) -> str | None:
        """Return why a request is refused, or None.

        Args:
            host: The header `Host`; None when it is missing or came more than once.
            origin: The header `Origin`, which browsers send.
        """
        if (host, origin) in self._good:
            return None
        if host is None:
            return "the request must name one host"
        name = _name_of(f"//{host}")
        if name is None or not self._allows(name):
            shown = repr(host[:_SHOWN])
            return f"host {shown} is not allowed: pass --allow-host NAME, allow_hosts=[...] or set {VARIABLE}"
        if origin is not None:
            source = _name_of(origin)
            if source is None or not self._allows(source):
                return f"requests of pages from {origin[:_SHOWN]!r} are not allowed"
        if len(self._good) < _MAX_REMEMBERED:
            self._good.add((host, origin))
        return None

    def _allows(self, name: str) -> bool:
        if name in self._names or any(name.endswith(parent) for parent in self._parents):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def is_loopback(host: str) -> bool:
    """Tell whether an address that a server listens on is reached from its own machine alone."""
    if host.lower() in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name_of(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
    except ValueError:
        return None
    name = parts.hostname
    if not name or parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    return name.rstrip(".").lower() or None


def _is_name(name: str) -> bool:
    bare = name.removeprefix(".").rstrip(".")
    return bool(bare) and all(part and part.replace("-", "a").replace("_", "a").isalnum() for part in bare.split("."))
