"""Response bodies: decoded while they arrive, and never larger than allowed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._transport.content_coding import ContentDecoder, UnreadableCodingError
from xpander_facade._transport.response import Failure, Response

if TYPE_CHECKING:
    from collections.abc import Mapping


class Body:
    """A body that is fed chunk by chunk.

    Args:
        headers: The headers of the response.
        max_bytes: The longest body to accept after decoding, in bytes.
    """

    def __init__(self, headers: Mapping[str, str], max_bytes: int) -> None:
        self._headers = headers
        self._max_bytes = max_bytes
        self._content = bytearray()
        self._failure: Failure | None = None
        self._decoder: ContentDecoder | None = None
        encoding = headers.get("content-encoding", "")
        if encoding:
            try:
                self._decoder = ContentDecoder(encoding)
            except UnreadableCodingError as error:
                self._failure = _unreadable(str(error))

    def feed(self, chunk: bytes) -> bool:
        """Add a chunk; False means that the rest is not needed."""
        if self._failure is not None:
            return False
        if self._decoder is None:
            self._add(chunk)
        else:
            try:
                # A few bytes can unpack to gigabytes: no more is decoded than shows that the body is too large.
                for decoded in self._decoder.decode(chunk):
                    self._add(decoded)
                    if self._failure is not None:
                        break
            except UnreadableCodingError as error:
                self._failure = _unreadable(str(error))
        return self._failure is None

    def response(self, status_code: int) -> Response | Failure:
        """Return the response, or why it can't be read."""
        if self._failure is None and self._decoder is not None and not self._decoder.is_complete:
            if self._decoder.is_guessed:
                self._failure = _unreadable("the response's encoding is broken (it does not end)")
            else:
                self._failure = Failure("broken", "the connection broke before the response was complete")
        # The status of a refusal counts, even where its body is unreadable.
        if self._failure is not None and not (self._failure.kind == "unreadable" and status_code >= 300):
            return self._failure
        return Response(status_code, self._headers, bytes(self._content))

    def _add(self, data: bytes) -> None:
        self._content += data
        if len(self._content) > self._max_bytes:
            self._failure = _unreadable(f"the response is larger than max_response_bytes ({self._max_bytes} bytes)")


def _unreadable(text: str) -> Failure:
    return Failure("unreadable", text, transient=False)
