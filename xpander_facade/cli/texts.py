"""Texts of the command line: as they stand, or out of files and standard input."""

from __future__ import annotations

import codecs
import json
import sys
from pathlib import Path
from typing import Any

import typer

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is the beginning of this one
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def check_standard_input(*texts: str | None, file: str | None = None) -> None:
    """Check that standard input is asked for once at most.

    Args:
        texts: Texts, which ask for it by "@-".
        file: A file, which asks for it by "-".

    Raises:
        BadParameter: Two ask for it.
    """
    if texts.count("@-") + (file == "-") > 1:
        raise typer.BadParameter("standard input can be read only once")


def read_text(value: str | None, option: str) -> str | None:
    """Return the text that an argument stands for: itself, or what is in the file behind an @.

    Raises:
        BadParameter: The file can't be read.
    """
    if value is None or not value.startswith("@"):
        return value
    if value.startswith("@@"):
        return value[1:]
    return _read_file(value[1:], f"{option} (for a text that begins with @ write @@)")


def read_json(file: str, option: str) -> Any:
    """Return the JSON in a file, or in standard input where the file is -.

    Raises:
        BadParameter: It can't be read, or is not JSON.
    """
    try:
        return json.loads(_read_file(file, option))
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{option}: {file} holds no JSON ({error})") from None


def _read_file(file: str, option: str) -> str:
    if file == "-" and sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise typer.BadParameter(f"{option}: standard input is closed")
    try:
        if file != "-":
            return _decode(Path(file).read_bytes())
        # Its bytes, because a stream of text replaces what its encoding lacks, and keeps a byte order mark.
        return _decode(sys.stdin.buffer.read()) if hasattr(sys.stdin, "buffer") else sys.stdin.read()
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def _decode(content: bytes) -> str:
    """Return bytes as text: UTF-8, or what a byte order mark says.

    Raises:
        ValueError: They are something else.
    """
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return content.decode(encoding)
    # Editors on Windows put a byte order mark before UTF-8, too.
    return content.decode("utf-8-sig")
