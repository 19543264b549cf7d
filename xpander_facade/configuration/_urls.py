"""URLs: the platform's own, and its rules for them.

The rules are facts of the platform, tested as tables in tests/unit/configuration/test_configuration.py.
"""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import urlsplit

from xpander_facade.configuration._environment import _environment, _flag
from xpander_facade.errors import ConfigurationError

CLOUD_URL = "https://inbound.xpander.ai"
STAGING_URL = "https://inbound.stg.xpander.ai"

_EVENTS_HOSTS = {
    "inbound.xpander.ai": "https://agent-controller.xpander.ai",
    "inbound.stg.xpander.ai": "https://agent-controller.stg.xpander.ai",
}
# On a developer's machine the platform's API has this port, and its controller, which streams events, the other.
_LOCAL_API_PORT = 8085
_LOCAL_EVENTS_URL = "http://localhost:9016"
# The platform's rule: a URL with this host or first path segment, or with this port, wants the organisation in its
# path.
_CONTROLLER = "agent-controller"
_CONTROLLER_PORT = 9016
_USUAL_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_base_url(value: Any) -> str:
    """Return where the platform is: the argument, else XPANDER_BASE_URL, else the cloud.

    Raises:
        ConfigurationError: It is not a URL that the platform can have.
    """
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"base_url must be a string, not {type(value).__name__}")
    url = (value or "").strip() or _environment("XPANDER_BASE_URL")
    if url is None:
        if value is not None:
            # The key of a private installation must never travel to the cloud by default.
            raise ConfigurationError("base_url is empty: pass base_url= or set XPANDER_BASE_URL")
        url = STAGING_URL if _flag("IS_STG") else CLOUD_URL
    if "://" not in url:
        url = f"https://{url}"
    url = url.rstrip("/")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"base_url is not a URL ({error}): it looks like https://host[:port][/path]") from None
    if parts.scheme.lower() not in {"http", "https"} or not host:
        raise ConfigurationError("base_url must look like https://host[:port][/path]")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url must not hold a user or password: pass the key as api_key=")
    if "?" in url or "#" in url or any(character.isspace() for character in url):
        raise ConfigurationError("base_url must not hold a query, a fragment or white space")
    return url


def events_base(base_url: str) -> str:
    """Return where events are streamed from, without the organisation."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.port == _LOCAL_API_PORT and is_loopback(host):
        return _LOCAL_EVENTS_URL
    return _EVENTS_HOSTS.get(host, base_url)


def is_loopback(host: str) -> bool:
    """Whether a host name or address stays on this machine."""
    # No other name is looked up: where it leads can change between the check and the call.
    if host in _USUAL_LOOPBACK:
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# Every call asks both, and taking a URL apart is a tenth of what it costs to leave a report to the outbox.
@functools.lru_cache(maxsize=64)
def wants_organization(base_url: str) -> bool:
    """Whether the platform's URL rule wants the organisation in the path."""
    parts = urlsplit(base_url)
    first_segment = parts.path.lstrip("/").split("/", 1)[0]
    return _CONTROLLER in (parts.hostname or "") or parts.port == _CONTROLLER_PORT or first_segment == _CONTROLLER


@functools.lru_cache(maxsize=64)
def is_in_the_clear(base_url: str) -> bool:
    """Whether a URL leads to another machine over plain http."""
    parts = urlsplit(base_url)
    return parts.scheme.lower() == "http" and not is_loopback(parts.hostname or "")
