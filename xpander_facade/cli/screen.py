"""The live screen: redrawn at each look and when the terminal's size changes, until q, Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from rich.console import RenderableType

_REDRAW = 0.25


async def show(look: Callable[[], Awaitable[None]], draw: Callable[[int, int], RenderableType]) -> None:
    """Look again and again, and draw what was seen last on the whole screen.

    Args:
        look: Waits for its time, and looks.
        draw: Returns what to draw on a screen of so many columns and lines.

    Raises:
        XpanderError: What a look raises.
    """
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    # No thread of rich draws: what is drawn belongs to the event loop.
    with Live(console=console, screen=True, auto_refresh=False) as live, _until_told_to_end() as told:

        def redraw() -> None:
            live.update(draw(console.width, console.height), refresh=True)

        async def redraw_on() -> None:
            while True:
                redraw()
                await asyncio.sleep(_REDRAW)

        async def look_on() -> None:
            while True:
                await look()
                redraw()

        jobs = [asyncio.ensure_future(job) for job in (redraw_on(), look_on(), told.wait())]
        try:
            await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for job in jobs:
                job.cancel()
            outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


@contextlib.contextmanager
def _until_told_to_end() -> Generator[asyncio.Event]:
    """Give what is set by q, Ctrl-C and SIGTERM, for a block; what typing does is as before when it ends."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, RuntimeError):  # Windows; not the main thread
                loop.add_signal_handler(number, told.set)
                stack.callback(loop.remove_signal_handler, number)
        stack.enter_context(_keys(told.set))
        yield told


@contextlib.contextmanager
def _keys(leave: Callable[[], None]) -> Generator[None]:
    """Call what leaves when q is typed, where standard input is a terminal that can tell each key."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        yield
        return
    try:
        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
    except (OSError, ValueError, AttributeError, termios.error):  # not a terminal, or closed
        yield
        return
    loop = asyncio.get_running_loop()

    def read() -> None:
        import os

        # Nothing is read where the terminal has been closed: then nobody looks any more.
        if os.read(number, 32)[:1] in (b"q", b"Q", b""):
            leave()

    # Each key at once and without an echo; Ctrl-C still makes a signal.
    tty.setcbreak(number)
    try:
        loop.add_reader(number, read)
        try:
            yield
        finally:
            loop.remove_reader(number)
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
