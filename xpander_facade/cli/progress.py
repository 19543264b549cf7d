"""Progress on stderr, on a terminal alone: a bar for what can be counted, and how long a wait takes already."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from xpander_facade.batches import BatchProgress

PATIENCE = 1.0
"""Seconds after which a wait is shown: what is over sooner needs no words."""


@contextlib.contextmanager
def progress(what: str, total: int, patience: float = 0) -> Generator[Callable[[int], None] | None]:
    """Show on a terminal how far something has come, for a block; yields what takes the number that is done, or None.

    Args:
        what: What is being done.
        total: The number at which it is done; one alone needs no bar.
        patience: Seconds for which nothing is shown.
    """
    if total < 2 or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with contextlib.ExitStack() as stack:
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        task = bar.add_task(what, total=total)
        began = time.monotonic()

        def advance(done: int) -> None:
            # Shown only once it takes long: a bar that flashes up is noise.
            if not bar.live.is_started and time.monotonic() - began >= patience:
                stack.enter_context(bar)
            bar.update(task, completed=done)

        advance(0)
        yield advance


@contextlib.contextmanager
def batch_progress(what: str) -> Generator[Callable[[BatchProgress], None] | None]:
    """Show on a terminal how far a batch is, its rate and the time left, for a block; yields what is told, or None."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from xpander_facade.cli.output import format_seconds

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pace]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(what), total=None, pace="")

        def show(progress: BatchProgress) -> None:
            left = progress.seconds_left
            pace = [format_rate(progress.rate)] if progress.rate else []
            pace += [f"{format_seconds(left)} left"] if left is not None else []
            pace += [f"{progress.failed:,} failed"] if progress.failed else []
            bar.update(task, completed=progress.done, total=progress.total, pace=", ".join(pace))

        yield show


def format_rate(rate: float) -> str:
    """Return reports a second as a person says it."""
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate * 60:,.0f}/min"


@contextlib.contextmanager
def waiting(what: str, patience: float = PATIENCE) -> Generator[None]:
    """Show on a terminal that a block goes on, and for how long already, once that is longer than a moment.

    Args:
        what: What is waited for.
        patience: Seconds for which nothing is shown.
    """
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    showing = threading.Thread(target=_show, args=(what, patience, done), name="xpander-waiting", daemon=True)
    showing.start()
    try:
        yield
    finally:
        done.set()
        showing.join()


def _show(what: str, patience: float, done: threading.Event) -> None:
    if done.wait(patience):
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(escape(what), total=None)
        done.wait()
