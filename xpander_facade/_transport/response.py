"""The outcome of an attempt: a complete response, or why there is none. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Literal

import attrs

# The platform's own first, then those of what may answer in front of it.
_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-amzn-requestid", "x-correlation-id", "cf-ray")
MIN_SECRET_LENGTH = 8


@attrs.frozen(eq=False, repr=False)
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
        for name in _REQUEST_ID_HEADERS:
            if name in self.headers:
                return self.headers[name]
        return None

    def redacted(self, secrets: Iterable[str]) -> Response:
        """Return the response without the secrets that it echoes, written out or escaped as in JSON."""
        content: bytes = self.content
        headers: dict[str, str] = dict(self.headers)
        for secret in secrets:
            if len(secret) < MIN_SECRET_LENGTH:
                continue
            for form in {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
                content = content.replace(form.encode("utf-8", "surrogatepass"), b"[secret]")
            headers = {name: value.replace(secret, "[secret]") for name, value in headers.items()}
        return attrs.evolve(self, headers=headers, content=content)


@attrs.frozen(eq=False, repr=False)
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

    def redacted(self, secrets: Iterable[str]) -> Failure:
        """Return the failure without the secrets that its text quotes."""
        return attrs.evolve(self, text=redacted(self.text, secrets))


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Return a text without secrets. A secret of a few letters is left: it would only cut parts of words."""
    for secret in secrets:
        if len(secret) >= MIN_SECRET_LENGTH:
            text = text.replace(secret, "[secret]")
    return text
