"""The links of an answer (RFC 8288): where its subject can be looked at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

# Patterns as text: compiled when the first answer has the header.
_LINK = r"<([^<>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+))*)"
_PARAMETER = r";\s*([\w-]+)\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))"
# A server decides how long the header is, and with it how long the patterns would take.
_MAX_LENGTH = 2_000


def page_url(headers: Mapping[str, str], base: str) -> str | None:
    """Return the address of the page for people that an answer's `Link` header names, or None.

    Args:
        headers: The headers of the answer, names in lower case.
        base: The URL of the request, which a relative address counts from.
    """
    header = headers.get("link")
    if not header:
        return None
    for target, parameters in re.findall(_LINK, header[:_MAX_LENGTH]):
        given = {name.lower(): quoted or bare for name, quoted, bare in re.findall(_PARAMETER, parameters)}
        if "alternate" in given.get("rel", "").split() and given.get("type", "").lower() == "text/html":
            try:
                url = urljoin(base, target)
                is_page = urlsplit(url).scheme in {"http", "https"} and url.isprintable() and " " not in url
            except ValueError:
                continue
            return url if is_page else None
    return None
