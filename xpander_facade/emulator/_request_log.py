"""Request log of the command line: a line on stderr for each request, written by a thread of its own.

A terminal that is stopped, or a pipe that nobody reads, must not hold up the server: then lines are dropped, and their
number is printed when writing goes on.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import TYPE_CHECKING, Final, TextIO
from urllib.parse import unquote

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ._journal import RecordedRequest

_MAX_WAITING: Final = 1_000
_MAX_PATH: Final = 200
_GREEN, _YELLOW, _RED, _DIM = "32", "33", "31", "2"


class RequestLog:
    """A block in which `add` prints requests.

    Args:
        stream: Where to; colours are used where it is a terminal and `NO_COLOR` is not set.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_coloured = stream.isatty() and not os.environ.get("NO_COLOR")
        self._lines: queue.Queue[str | None] = queue.Queue(_MAX_WAITING)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="xpander-emulator-log", daemon=True)

    def add(self, request: RecordedRequest) -> None:
        """Print a request; never wait."""
        try:
            self._lines.put_nowait(self._line(request))
        except queue.Full:
            self._dropped += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # A terminal that is stopped must not keep the program from ending.
            self._lines.put(None, timeout=0.5)
        except queue.Full:
            return
        self._thread.join(1.0)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            try:
                self._stream.write(f"({dropped} requests were not printed)\n{line}" if dropped else line)
                self._stream.flush()
            except (OSError, ValueError):
                return

    def _line(self, request: RecordedRequest) -> str:
        moment = time.strftime("%H:%M:%S", time.localtime(request.began))
        path = _printable(request.path)
        took = "" if request.seconds is None else f"{request.seconds * 1000:,.0f} ms"
        status = "cut" if request.status is None else str(request.status)
        colour = _GREEN if status.startswith("2") else _YELLOW if status.startswith(("3", "4")) else _RED
        what = request.operation_id or "unknown path"
        reason = f"  {_printable(str(request.complaints[0]['msg']))}" if request.complaints else ""
        outcome = f"{self._in(_DIM, moment)} {self._in(colour, status)}"
        return f"{outcome} {request.method} {path}  {self._in(_DIM, f'{what} {took}')}{reason}\n"

    def _in(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._is_coloured else text


def _printable(text: str) -> str:
    """Return a text of one line without control characters, which a terminal would obey."""
    shown = unquote(text)
    shown = shown if len(shown) <= _MAX_PATH else f"{shown[: _MAX_PATH - 3]}..."
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in shown)
