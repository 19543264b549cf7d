"""Output of the command line: data on stdout, as a table, as plain lines or as JSON; messages on stderr.

What the platform says can hold anything, so nothing of it reaches a terminal with a control character in it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence


def print_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(value, default=_json_ready, indent=2))


def print_json_line(value: object) -> None:
    """Print a JSON document on a line of its own, at once."""
    print(json.dumps(value, default=_json_ready), flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows: as a table on a terminal, else a line each, its cells divided by tabs and without the head."""
    cells = [[one_line(format_value(value)) for value in row] for row in rows]
    if sys.stdout.isatty():
        _draw_table(columns, cells)
    else:
        _print_lines(cells)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values, a pair each line; those without a value are left out."""
    known = [(name, format_value(value)) for name, value in fields if value not in (None, "", [])]
    if sys.stdout.isatty():
        _draw_fields(known)
    else:
        _print_lines([name, one_line(text)] for name, text in known)


def configure_streams() -> None:
    """Let no character that the output's encoding lacks end a command, nor a stream that the shell has closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (as long as the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_message(message: str) -> None:
    """Print a message for a person, on stderr, so that it never mixes with data."""
    print(one_line(message), file=sys.stderr, flush=True)


def print_error(message: str) -> None:
    """Print what went wrong, as one line on stderr."""
    print_message(f"xpander-facade: {message}")


@contextlib.contextmanager
def progress(what: str, total: int) -> Generator[Callable[[int], None] | None]:
    """Show on a terminal how far something has come, for a block; yields what takes the number that is done, or None.

    Args:
        what: What is being done.
        total: The number at which it is done; one alone needs no bar.
    """
    if total < 2 or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def one_line(text: str) -> str:
    """Return a text with a space for each run of line breaks, and a question mark for what no terminal should see."""
    return _printable(" ".join(text.splitlines())) if "\n" in text or not text.isprintable() else text


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " if character == "\t" else "?" for character in text)


def format_value(value: object) -> str:
    """Return a value as a person wants to see it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
        case float():
            return f"{value:g}"
        case list():
            return ", ".join(map(str, cast("list[object]", value)))
        case _:
            return str(value)


def _print_lines(rows: Iterable[Sequence[str]]) -> None:
    for row in rows:
        print("\t".join(row))


def _draw_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(columns[0], no_wrap=True)  # ids are there to be copied
    for column in columns[1:-1]:
        table.add_column(column, overflow="fold")
    table.add_column(columns[-1], overflow="fold", min_width=20)
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def _draw_fields(fields: Iterable[tuple[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for name, text in fields:
        grid.add_row(Text(name, style="bold"), Text("\n".join(map(_printable, text.splitlines()))))
    Console().print(grid)


def _json_ready(value: object) -> Any:
    """Return what JSON can say of an object of the facade, with what the platform sent beyond its attributes."""
    if isinstance(value, Task):
        return value.to_dict()  # which leaves the secrets out
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    cls: Any = type(value)
    if attrs.has(cls):
        shown = {field.name: getattr(value, field.name) for field in attrs.fields(cls)}
        return {**shown.pop("extra", {}), **shown}
    raise TypeError(f"no JSON for {cls.__name__}")
