"""The outcome of an attempt: a complete response, or why there is none. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-amzn-requestid", "x-correlation-id", "cf-ray")
_MIN_SECRET_LENGTH = 8


@attrs.frozen
class Response:
    """A complete response.

    Args:
        status_code: The HTTP status, which may be one that no standard defines.
        headers: Names in lower case.
        content: The decoded body.
    """

    status_code: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    content: bytes = attrs.field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status_code < 300

    @property
    def request_id(self) -> str | None:
        """The platform's id of the request, from whichever header has it."""
        return next((self.headers[name] for name in _REQUEST_ID_HEADERS if name in self.headers), None)

    def redacted(self, secret: str) -> Response:
        """Return the response without a secret that it echoes."""
        if len(secret) < _MIN_SECRET_LENGTH:
            return self
        headers = {name: redacted(value, secret) for name, value in self.headers.items()}
        return attrs.evolve(self, headers=headers, content=self.content.replace(secret.encode(), b"[secret]"))


@attrs.frozen
class Failure:
    """Why there is no response.

    Args:
        kind: connect, certificate, proxy (the platform was not reached), busy (no connection was free), timeout, broken
            (cut off), unreadable (the body's encoding is broken, or it is too large), refused (the request could not
            be sent).
        text: What happened, for people. Before `redacted` it may quote the key, so it is in no `repr`.
        transient: Whether the next attempt could succeed.
    """

    kind: Literal["connect", "certificate", "proxy", "busy", "timeout", "broken", "unreadable", "refused"]
    text: str = attrs.field(repr=False)
    transient: bool = True

    @property
    def not_processed(self) -> bool:
        """Whether the platform surely did not act on the call."""
        return self.kind in {"connect", "certificate", "proxy", "busy", "refused"}

    def redacted(self, secret: str) -> Failure:
        """Return the failure without a secret that its text quotes."""
        return attrs.evolve(self, text=redacted(self.text, secret))


def redacted(text: str, secret: str) -> str:
    """Return a text without a secret. A secret of a few letters is left: it would only cut parts of words."""
    return text.replace(secret, "[secret]") if len(secret) >= _MIN_SECRET_LENGTH else text
