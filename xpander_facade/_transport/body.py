"""Response bodies: decoded while they arrive, and never larger than allowed. Pure."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from xpander_facade._transport.response import Failure, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpcore

ACCEPTED = b"gzip, deflate"


def headers_of(response: httpcore.Response) -> dict[str, str]:
    """Return the headers of a response with names in lower case; the last of several with one name counts."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


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
        self._fed = False
        encoding = headers.get("content-encoding", "").strip().lower()
        self._decoder = None
        if encoding in {"gzip", "x-gzip", "deflate"}:
            self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 32 if "gzip" in encoding else zlib.MAX_WBITS)
        elif encoding not in {"", "identity"}:
            self._failure = _unreadable(f"the response's encoding {encoding[:40]!r} was not asked for")

    def feed(self, chunk: bytes) -> bool:
        """Add a chunk; False means that the rest is not needed."""
        self._fed = self._fed or bool(chunk)
        if self._failure is None:
            if self._decoder is None:
                self._content += chunk
            else:
                try:
                    # One byte beyond the limit shows that the body is too large; no more than that is decompressed.
                    self._content += self._decoder.decompress(chunk, self._max_bytes + 1 - len(self._content))
                except zlib.error as error:
                    self._failure = _unreadable(f"the response's encoding is broken ({error})")
            if len(self._content) > self._max_bytes:
                self._failure = _unreadable(f"the response is larger than max_response_bytes ({self._max_bytes} bytes)")
        return self._failure is None

    def response(self, status_code: int) -> Response | Failure:
        """Return the response, or why it can't be read."""
        if self._failure is None and self._decoder is not None and self._fed and not self._decoder.eof:
            self._failure = Failure("broken", "the connection broke before the response was complete")
        if self._failure is not None and not (self._failure.kind == "unreadable" and status_code >= 300):
            return self._failure
        # The status of a refusal counts, even where its body is unreadable.
        return Response(status_code, self._headers, bytes(self._content))


def _unreadable(text: str) -> Failure:
    return Failure("unreadable", text, transient=False)
