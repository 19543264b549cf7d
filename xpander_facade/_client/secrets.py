"""What is secret in a call, so that no error shows it where a server echoes it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_plus, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xpander_facade.configuration._configuration import Configuration

_SECRETS_OF_SERVERS = frozenset({"api_key", "client_secret", "headers", "env_vars"})
_SECRET_OPTION = r"(?i)(?:key|token|secret|password)[= ]+([^\s'\"]+)"


def secrets_of(configuration: Configuration, body: Any = None) -> list[str]:
    """Return the secrets of a call: the key, the headers, the proxy's password, and the tokens in its body.

    The result must not be kept in a variable of a frame that an error passes: tracebacks can show those.

    Args:
        configuration: What the call was made with.
        body: Its body as JSON-ready data or bytes of JSON, or None.
    """
    if isinstance(body, bytes):
        body = json.loads(body)
    secrets = [configuration.api_key or "", *configuration.headers.values()]
    if configuration.proxy is not None:
        secrets.append(urlsplit(configuration.proxy).password or "")
    for entry in cast("list[Any]", body) if isinstance(body, list) else [body]:
        if isinstance(entry, Mapping):
            members = cast("Mapping[str, Any]", entry)
            secrets += _texts([members.get("user_oidc_token"), members.get("user_tokens")])
            servers = members.get("mcp_servers")
            for server in cast("list[Any]", servers) if isinstance(servers, list) else []:
                secrets += _texts([value for name, value in server.items() if name in _SECRETS_OF_SERVERS])
                secrets += _in_url(server.get("url"))
                secrets += re.findall(_SECRET_OPTION, str(server.get("command") or ""))
    # The longest first: one that holds another would leave a part of itself to be seen.
    return sorted({secret for secret in secrets if secret}, key=len, reverse=True)


def _in_url(url: Any) -> Iterator[str]:
    """Yield what may be secret in a URL: the password and the values of its query, with and without their escapes."""
    with suppress(ValueError):
        parts = urlsplit(url if isinstance(url, str) else "")
        written = [parts.password or "", *(pair.partition("=")[2] for pair in parts.query.split("&"))]
        yield from written
        yield from map(unquote_plus, written)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for member in cast("Mapping[str, Any]", value).values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in cast("list[Any]", value):
            yield from _texts(member)
