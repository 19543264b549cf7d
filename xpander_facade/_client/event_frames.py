"""Frames of an event stream, read from its bytes as the WHATWG standard has it. No I/O.

Bytes are kept until an event is whole. All events that a piece of the stream completes are decoded at once, each of its
bytes a single time, and cut at their empty lines.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, NamedTuple

from xpander_facade._transport.exceptions import RemoteProtocolError

MAX_EVENT_BYTES = 64_000_000
"""As large as any answer may be by default."""
# A line ends with LF, CR, or both; the end of an empty one ends an event. What is left of CR LF is an empty line more.
_EVENT_ENDS = (b"\n\n", b"\n\r", b"\r\r")
_LINE_ENDS = b"\r\n"
_BYTE_ORDER_MARK = "\ufeff"
_MAX_RETRY_DIGITS = 9
# Nearly all frames are a line of data alone, or behind one with an id.
_usual_frame = re.compile(r"(?:id: ([^\n\0]*)\n)?data: (.*)").fullmatch


class Frame(NamedTuple):
    """What a stream says at once.

    Args:
        event: Its kind; "message" where the stream names none.
        data: Its text; empty where it only tells an id or a time.
        id: The id of the last event so far, which holds on until another one replaces it; empty where there is none.
        retry: The milliseconds after which the stream shall be opened again; None where this frame says nothing of it.
    """

    event: str = "message"
    data: str = ""
    id: str = ""
    retry: int | None = None


# Calling the class of a named tuple calls a function of Python, which takes twice the time of the rest.
_new_frame: partial[Frame] = partial(tuple[Any].__new__, Frame)


class FrameDecoder:
    """Makes frames of the bytes of a stream.

    Args:
        last_id: The id of the last event of the connection before, which holds on over connections.
    """

    def __init__(self, last_id: str = "") -> None:
        self._last_id = last_id
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_start = True

    @property
    def is_between_events(self) -> bool:
        """Whether nothing of a further event is here."""
        return not self._pieces

    def decode(self, data: bytes) -> list[Frame]:
        """Return the frames that a piece of the stream completes. An event that never ends is a broken stream.

        Raises:
            RemoteProtocolError: An event is too large.
        """
        end = self._end_of_events(data)
        if end == 0:
            self._keep(data)
            return []
        whole = b"".join((*self._pieces, data[:end]))
        self._pieces.clear()
        self._size = 0
        self._keep(data[end:].lstrip(_LINE_ENDS))
        text = whole.decode("utf-8", "replace")
        if self._is_start:
            self._is_start = False
            text = text.removeprefix(_BYTE_ORDER_MARK)
        return self._frames(text)

    def _end_of_events(self, data: bytes) -> int:
        """Return how many bytes of a piece belong to events that it completes."""
        # An end may be split over two pieces.
        before = self._pieces[-1][-1:] if self._pieces else b""
        seen = before + data
        marks = _EVENT_ENDS if b"\r" in seen else _EVENT_ENDS[:1]
        at = max(seen.rfind(mark) for mark in marks)
        return 0 if at < 0 else at + 2 - len(before)

    def _keep(self, data: bytes) -> None:
        if data:
            self._pieces.append(data)
            self._size += len(data)
        if self._size > MAX_EVENT_BYTES:
            raise RemoteProtocolError(f"an event is larger than {MAX_EVENT_BYTES} bytes")

    def _frames(self, text: str) -> list[Frame]:
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        frames: list[Frame] = []
        for block in text.split("\n\n"):
            usual = _usual_frame(block)
            if usual is not None:
                self._last_id, data = usual.groups(self._last_id)
                frames.append(_new_frame(("message", data, self._last_id, None)))
            elif block and (frame := self._frame(block)) is not None:
                frames.append(frame)
        return frames

    def _frame(self, block: str) -> Frame | None:
        event, retry = "", None
        data: list[str] = []
        has_id = False
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif name == "event":
                event = value
            elif name == "id":
                if "\0" not in value:
                    has_id, self._last_id = True, value
            elif name == "retry" and value.isascii() and value.isdigit():
                retry = int(value[:_MAX_RETRY_DIGITS])
        if not data and not has_id and retry is None:
            return None
        return Frame(event or "message", "\n".join(data), self._last_id, retry)
