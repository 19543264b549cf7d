"""Live event streams: who listens to which task, and the frames that each listener gets.

This module wakes listeners, replays events, and sends keep-alive comments. The events themselves are in the store, so a
listener is a position in them and nothing is lost while nobody listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import dataclass
from typing import Final, TypeAlias

Key: TypeAlias = tuple[str, str]
Reader: TypeAlias = Callable[[int, int], list[tuple[int, bool, str]]]

_BATCH: Final = 256
KEEP_ALIVE: Final = b": keep-alive\n\n"


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it goes out: `data` is any text, `number` its id (None: it has none)."""

    data: str
    number: int | None = None
    event: str | None = None

    def encode(self) -> bytes:
        """Return the bytes of the server-sent event."""
        lines = [] if self.number is None else [f"id: {self.number}"]
        if self.event is not None:
            lines.append(f"event: {self.event}")
        lines += [f"data: {line}" for line in self.data.split("\n")]
        return ("\n".join(lines) + "\n\n").encode()


class Listener:
    """One open stream. `wake` is set by news, by a client that left, and by the end of the server."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.closed = False
        self.cut = False

    def close(self, *, cut: bool = False) -> None:
        """End this stream: in good order, or `cut` off as a lost connection is."""
        self.closed = True
        self.cut = self.cut or cut
        self.wake.set()


class Streams:
    """All open streams of one server. Listening is done on the server's loop, `notify` is for any thread."""

    def __init__(self, keep_alive: float | None) -> None:
        self.keep_alive = keep_alive
        self._listeners: defaultdict[Key, set[Listener]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._closed = False

    def attach(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Say on which loop the streams run; None when it has ended."""
        with self._lock:
            self._loop = loop
            self._closed = False

    def notify(self, key: Key) -> None:
        """Wake the listeners of a key: there are new events."""
        # Most tasks have nobody who listens, and the loop is left alone.
        if key in self._listeners:
            self._call(lambda: self._wake(key))

    def end(self, key: Key, *, cut: bool = False) -> None:
        """End the open streams of a key, in good order or `cut` off."""
        self._call(lambda: self._end(key, cut))

    def end_all(self, *, closing: bool = False) -> None:
        """End every open stream, in good order; `closing` ends those to come as well."""
        self._call(lambda: self._end_all(closing))

    @contextlib.contextmanager
    def listening(self, key: Key) -> Generator[Listener]:
        """Register a listener for the duration of a block."""
        listener = Listener()
        listener.closed = self._closed
        self._listeners[key].add(listener)
        try:
            yield listener
        finally:
            self._listeners[key].discard(listener)
            if not self._listeners[key]:
                del self._listeners[key]

    async def frames(self, listener: Listener, read: Reader, after: int, *, ids: bool) -> AsyncIterator[list[Frame]]:
        """Yield batches of frames past event number `after`; an empty batch asks for a keep-alive comment."""
        while not listener.closed:
            # Before reading: what is published meanwhile wakes it once more.
            listener.wake.clear()
            rows = read(after, _BATCH)
            if rows:
                batch: list[Frame] = []
                for number, last, data in rows:
                    batch.append(Frame(data, number if ids else None))
                    after = number
                    if last:
                        yield batch
                        return
                yield batch
            elif not await self.news(listener):
                yield []

    async def news(self, listener: Listener) -> bool:
        """Wait for news; return False when it is time for a keep-alive comment."""
        try:
            async with asyncio.timeout(self.keep_alive):
                await listener.wake.wait()
        except TimeoutError:
            return False
        return True

    def _wake(self, key: Key) -> None:
        for listener in self._listeners.get(key, ()):
            listener.wake.set()

    def _end(self, key: Key, cut: bool) -> None:
        for listener in self._listeners.get(key, ()):
            listener.close(cut=cut)

    def _end_all(self, closing: bool) -> None:
        self._closed = closing
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.close()

    def _call(self, function: Callable[[], None]) -> None:
        with self._lock:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(function)
