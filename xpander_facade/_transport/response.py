"""Own what an answer means: JSON, or which error with which sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-amzn-requestid", "x-correlation-id", "cf-ray")
_SHORTEST_SECRET = 8


@attrs.frozen
class Answer:
    """What came back.

    Args:
        status_code: The HTTP status, perhaps one that no standard knows.
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

    def without(self, secret: str) -> Answer:
        """Return the answer with a secret that it echoes blacked out."""
        if len(secret) < _SHORTEST_SECRET:
            return self
        headers = {name: blacked_out(value, secret) for name, value in self.headers.items()}
        return attrs.evolve(self, headers=headers, content=self.content.replace(secret.encode(), b"[secret]"))


@attrs.frozen
class Failure:
    """Why there is no answer.

    Args:
        kind: connect, certificate, proxy (never got there), busy (no connection was free), timeout, broken (cut off),
            unreadable (the body's encoding is broken or it is too large), refused (the request could not be sent).
        text: What happened, for people. Before `without` it can quote the key, so it is in no `repr`.
        passing: Whether it could go better the next time.
    """

    kind: Literal["connect", "certificate", "proxy", "busy", "timeout", "broken", "unreadable", "refused"]
    text: str = attrs.field(repr=False)
    passing: bool = True

    @property
    def untaken(self) -> bool:
        """Whether the platform surely did not act on the call."""
        return self.kind in {"connect", "certificate", "proxy", "busy", "refused"}

    def without(self, secret: str) -> Failure:
        """Return the failure with a secret that it echoes blacked out."""
        return attrs.evolve(self, text=blacked_out(self.text, secret))


def blacked_out(text: str, secret: str) -> str:
    """Return a text without a secret. One of a few letters would only black out parts of words."""
    return text.replace(secret, "[secret]") if len(secret) >= _SHORTEST_SECRET else text
