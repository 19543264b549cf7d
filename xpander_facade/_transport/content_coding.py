"""Content codings: what `Content-Encoding` says of a body, decoded in pieces of a bounded size. Pure."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCEPTED = b"gzip, deflate"
_GZIP = frozenset({"gzip", "x-gzip"})
_UNSUPPORTED = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"})
_PIECE = 65_536


class UnreadableCodingError(ValueError):
    """A body that can't be decoded; the text says why."""


class _Inflate:
    """gzip with any number of members, or deflate with or without its zlib wrapper."""

    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._decoder = self._new()
        self._was_fed = False
        self._tried_bare = False
        # The input so far, as long as nothing came out of it and it may be a bare stream.
        self._start: bytes | None = None if is_gzip else b""

    @property
    def is_guessed(self) -> bool:
        """Whether the input was no zlib stream and might be a bare one."""
        return self._tried_bare

    @property
    def is_complete(self) -> bool:
        """Whether the input so far is a whole body; an empty one is."""
        return not self._was_fed or self._decoder.eof

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what comes out of a piece of the input, in pieces of bounded size."""
        while data:
            if self._decoder.eof:
                # What follows the last member of a gzip file and is not another one is padding.
                if not self._is_gzip or not data.startswith(b"\x1f"):
                    return
                self._decoder = self._new()
            self._was_fed = True
            if self._start is not None:
                self._start += data
            try:
                decoded = self._decoder.decompress(data, _PIECE)
            except zlib.error:
                if self._start is None:
                    raise
                # "deflate" means a zlib stream, but some servers send the bare one.
                data, self._start, self._tried_bare = self._start, None, True
                self._decoder = zlib.decompressobj(-zlib.MAX_WBITS)
                continue
            if decoded:
                self._start = None
                yield decoded
            data = self._decoder.unused_data if self._decoder.eof else self._decoder.unconsumed_tail

    def _new(self) -> zlib._Decompress:
        return zlib.decompressobj(zlib.MAX_WBITS | 32 if self._is_gzip else zlib.MAX_WBITS)


class ContentDecoder:
    """Undoes the codings of a body.

    A coding that compresses nothing ("identity", "utf-8", "aws-chunked" and whatever else servers write there) is
    passed over, as browsers do.

    Args:
        value: The value of the header, perhaps empty.

    Raises:
        UnreadableCodingError: A coding compresses in a way that was not asked for and can't be undone.
    """

    def __init__(self, value: str) -> None:
        names = [name.strip().lower() for name in value.split(",")]
        unsupported = [name for name in names if name in _UNSUPPORTED]
        if unsupported:
            raise UnreadableCodingError(f"the response's encoding {unsupported[0]!r} was not asked for")
        self._layers = [
            _Inflate(is_gzip=name in _GZIP) for name in reversed(names) if name in _GZIP or name == "deflate"
        ]

    @property
    def is_identity(self) -> bool:
        """Whether the body is what was sent."""
        return not self._layers

    @property
    def is_guessed(self) -> bool:
        """Whether the coding is a guess, so that a body which does not end is not one that was cut off."""
        return any(layer.is_guessed for layer in self._layers)

    @property
    def is_complete(self) -> bool:
        """Whether the input so far is a whole body."""
        return all(layer.is_complete for layer in self._layers)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what comes out of a piece of the input, in pieces of bounded size.

        Raises:
            UnreadableCodingError: The input is broken.
        """
        try:
            yield from self._decode(data, self._layers)
        except zlib.error as error:
            raise UnreadableCodingError(f"the response's encoding is broken ({error})") from None

    def _decode(self, data: bytes, layers: list[_Inflate]) -> Iterator[bytes]:
        if not layers:
            yield data
            return
        for decoded in layers[0].decode(data):
            yield from self._decode(decoded, layers[1:])
