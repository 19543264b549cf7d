"""A pseudo-terminal of a given size with the command in it, as a person sits before it."""

from __future__ import annotations

import contextlib
import os
import re
import select
import struct
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from command_line import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])")
_PATIENCE = 30.0
_START = """
import fcntl, runpy, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C is a signal
runpy.run_module("xpander_facade", run_name="__main__", alter_sys=True)
"""


class Terminal:
    """A terminal with a command."""

    def __init__(self, columns: int, lines: int, arguments: tuple[str, ...]) -> None:
        import pty
        import termios

        self._termios = termios
        self._side, self._other = pty.openpty()
        self.resize(columns, lines)
        self._before = termios.tcgetattr(self._other)
        self.raw = ""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (until close)
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.child = subprocess.Popen(
            [sys.executable, "-c", _START, *arguments],
            stdin=self._other,
            stdout=self._other,
            stderr=self._errors,
            env={**environment, "TERM": "xterm-256color"},
            cwd=ROOT,
            start_new_session=True,
        )

    def resize(self, columns: int, lines: int) -> None:
        import fcntl

        fcntl.ioctl(self._side, self._termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self._side, keys.encode())

    @property
    def text(self) -> str:
        """All that was printed so far, without colours and movements."""
        return _ESCAPES.sub("", self.raw).replace("\r", "")

    def read_until(self, wanted: str) -> str:
        """Read until a pattern is there, and return what was printed up to it; what was printed is forgotten."""
        end = time.monotonic() + _PATIENCE
        while (found := re.search(wanted, self.text)) is None:
            assert self._read(end), f"no {wanted!r} in {self.text[-2000:]!r}"
        text = self.text[: found.end()]
        self.raw = ""
        return text

    def read_to_end(self) -> str:
        """Read until the command has ended; return what it printed."""
        end = time.monotonic() + _PATIENCE
        while self.child.poll() is None:
            self._read(min(end, time.monotonic() + 0.1))
            assert time.monotonic() < end, f"still running: {self.text[-2000:]!r}"
        while self._read(time.monotonic() + 0.1):
            pass
        return self.text

    @property
    def errors(self) -> str:
        """What was written to stderr, which is a file here, so that no progress stands between the lines."""
        self._errors.seek(0)
        return self._errors.read().decode()

    @property
    def is_as_before(self) -> bool:
        """Whether typing does what it did before the command began."""
        return self._termios.tcgetattr(self._other) == self._before

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._side], [], [], max(end - time.monotonic(), 0))
        if ready:
            self.raw += os.read(self._side, 65_536).decode("utf-8", "replace")
        return bool(ready)

    def close(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(timeout=30)
        self._errors.close()
        os.close(self._side)
        os.close(self._other)


@contextlib.contextmanager
def terminal(columns: int, lines: int, *arguments: str) -> Iterator[Terminal]:
    """Run the command in a terminal of this size."""
    running = Terminal(columns, lines, arguments)
    try:
        yield running
    finally:
        running.close()
