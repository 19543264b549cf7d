"""Output of the command line: data on stdout, as fields, plain lines or JSON; messages on stderr.

What the platform says can hold anything, so nothing of it reaches a terminal with a control character in it.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable


def print_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(value, default=_json_ready, indent=2))


def print_json_line(value: object) -> None:
    """Print a JSON document on a line of its own, at once."""
    # Whoever reads a pipe waits for each line.
    print(json.dumps(value, default=_json_ready), flush=True)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values, a pair each line; those without a value are left out."""
    known = [(name, format_value(value)) for name, value in fields if value not in (None, "", [])]
    if sys.stdout.isatty():
        _draw_fields(known)
    else:
        for name, text in known:
            print(f"{name}\t{one_line(text)}")


def configure_streams() -> None:
    """Let no character that the output's encoding lacks end a command, nor a stream that the shell has closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # A program without a console, or one that a shell has started with >&-, has no such stream.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (as long as the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A result may hold any character, and the console of Windows and a plain C locale can show few of them.
            stream.reconfigure(errors="backslashreplace")


def print_message(message: str) -> None:
    """Print a message for a person, on stderr, so that it never mixes with data."""
    print(one_line(message), file=sys.stderr, flush=True)


def print_error(message: str) -> None:
    """Print what went wrong, as one line on stderr."""
    print_message(f"xpander-facade: {message}")


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


def format_moment(value: datetime | None) -> str:
    """Return a time of this machine's clock, in as few characters as it takes to know which one is meant."""
    if value is None:
        return ""
    # In the zone of the machine, as the clock beside the screen has it.
    moment, now = value.astimezone(), datetime.now().astimezone()
    if moment.date() == now.date():
        return f"{moment:%H:%M:%S}"
    return f"{moment:%d %b %H:%M}" if moment.year == now.year else f"{moment:%Y-%m-%d}"


def format_seconds(value: float | None) -> str:
    """Return a duration as a person says it."""
    if value is None:
        return ""
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}m {seconds:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours < 48 else f"{hours // 24}d {hours % 24:02}h"


def format_count(value: int | None) -> str:
    """Return a whole number with its thousands set apart."""
    return "" if value is None else f"{value:,}"


# The library's errors name its arguments, and what a user of the commands can set are options and variables.
_TERMS = (
    (re.compile(r"\bpass api_key= or set\b"), "set"),
    (re.compile(r"\bpass the key as api_key="), "set XPANDER_API_KEY"),
    (re.compile(r"\bagent_id= or agent=, or\b"), "--agent-id or"),
    (re.compile(r"\bset allow_insecure_http=True or\b"), "set"),
    (re.compile(r"\b(agent|organization)_id="), r"--\1-id"),
    (re.compile(r"\bbase_url="), "--base-url"),
    (re.compile(r"\boutbox="), "--outbox"),
    (re.compile(r", or pass columns= \(--map\)"), ", or pass --map"),
    (re.compile(r"\bcheckpoint="), "--checkpoint"),
    (re.compile(r"\bthe same checkpoint\b"), "the same --checkpoint"),
    (re.compile(r"\bbatch_id="), "--batch-id"),
)


def in_terms_of_options(message: str) -> str:
    """Return a message of the library with what a user of the command line can write."""
    for pattern, words in _TERMS:
        message = pattern.sub(words, message)
    return message


def _draw_fields(fields: Iterable[tuple[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in fields:
        grid.add_row(Text(name, style="bold"), Text("\n".join(map(_printable, text.splitlines()))))
    Console(highlight=False).print(grid)


def _json_ready(value: object) -> Any:
    """Return what JSON can say of an object of the facade, with what the platform sent beyond its attributes."""
    to_dict = getattr(value, "to_dict", None)
    if to_dict is not None:
        return to_dict()  # which leaves the secrets out
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, os.PathLike):
        return os.fspath(cast("os.PathLike[str]", value))
    import attrs

    cls: Any = type(value)
    if attrs.has(cls):
        shown = {field.name: getattr(value, field.name) for field in attrs.fields(cls)}
        return {**shown.pop("extra", {}), **shown}
    raise TypeError(f"no JSON for {cls.__name__}")
