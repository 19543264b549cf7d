"""A stream that is read as it passes: chunks go on to whoever asked for them, and what they tell is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from xpander_facade.usage._tally import UsageTally
from xpander_facade.usage._usage import usage_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator

    from xpander_facade.usage._fragments import UsageFragment

T = TypeVar("T")


class StreamReading:
    """What a stream has told so far, bounded in characters; no chunk but the last is kept."""

    __slots__ = ("_fragments_of", "_last", "_read", "_tally", "chunks")

    def __init__(self) -> None:
        from xpander_facade.usage._reader import Reader
        from xpander_facade.usage._reading import fragments_of

        self.chunks = 0
        self._fragments_of = fragments_of
        self._read = Reader()
        self._tally = UsageTally()
        self._last: object = None

    def feed(self, chunk: object) -> None:
        """Read one chunk. No chunk makes it fail."""
        self.chunks += 1
        self._last = chunk
        try:
            # The limit on items is for one chunk: a long stream has more of them than any response.
            self._read.renew()
            for fragment in self._fragments_of(chunk, self._read):
                self._tally.add(fragment)
        except Exception:  # what is read for the record costs no stream
            return

    @property
    def entries(self) -> list[UsageFragment]:
        """What was told."""
        return self._tally.entries

    @property
    def summary(self) -> dict[str, Any]:
        """What is stored of the stream: what its chunks told together, and its last chunk."""
        usage = usage_of(entry.copy() for entry in self._tally.entries)
        told: dict[str, Any] = {"_streamed": self.chunks}
        if usage is not None:
            told |= {"model": usage.model, "text": usage.text, "tools": usage.tools, "usage": usage.tokens}
        ids = [entry.key for entry in self._tally.entries[:_MAX_IDS] if entry.key]
        return {**told, "ids": ids, "last_chunk": self._last}


_MAX_IDS = 100


class RecordedStream(Generic[T]):
    """An iterator of a stream's chunks, for `for` and for `async for`, that records them. `run.stream` makes it."""

    __slots__ = ("_chunks", "_finish", "_iterator", "_reading")

    def __init__(
        self,
        chunks: Iterable[T] | AsyncIterable[T],
        reading: StreamReading,
        finish: Callable[[StreamReading], None],
    ) -> None:
        if not hasattr(chunks, "__iter__") and not hasattr(chunks, "__aiter__"):
            hint = ": await it first" if hasattr(chunks, "__await__") else ": record(...) takes a response"
            raise TypeError(f"stream() takes an iterable or asynchronous iterable, not {type(chunks).__name__}{hint}")
        self._chunks: Any = chunks
        self._reading = reading
        self._finish = finish
        self._iterator: Any = None

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self._iterator is None:
            self._iterator = iter(self._chunks)
        try:
            chunk: T = next(self._iterator)
        except BaseException:  # its end, too
            self._finish(self._reading)
            raise
        self._reading.feed(chunk)
        return chunk

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        if self._iterator is None:
            self._iterator = aiter(self._chunks)
        try:
            chunk: T = await anext(self._iterator)
        except BaseException:  # its end, too
            self._finish(self._reading)
            raise
        self._reading.feed(chunk)
        return chunk

    def close(self) -> None:
        """Record what was told, and close the stream that is read if it can be closed."""
        self._finish(self._reading)
        self._close_source()

    async def aclose(self) -> None:
        """Record what was told, and close the stream that is read if it can be closed."""
        self._finish(self._reading)
        await self._aclose_source()

    def _close_source(self) -> None:
        close = getattr(self._iterator or self._chunks, "close", None)
        if callable(close):
            close()

    async def _aclose_source(self) -> None:
        source = self._iterator or self._chunks
        close = getattr(source, "aclose", None) or getattr(source, "close", None)
        if callable(close):
            closing = close()
            if hasattr(closing, "__await__"):
                await cast("Any", closing)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
