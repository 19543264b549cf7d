"""What the files of a task may cost."""

from __future__ import annotations

import functools
import math

import attrs


def _positive(instance: object, attribute: attrs.Attribute[float], value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise ValueError(f"{attribute.name} must be more than 0 and finite, not {value!r}")


def _whole(least: int, instance: object, attribute: attrs.Attribute[int], value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"{attribute.name} must be a whole number, {least} or more, not {value!r}")


@attrs.frozen(kw_only=True)
class FileLimits:
    """How much a task's files may cost when they are read.

    Args:
        timeout: Seconds that one file may take, with its redirects.
        max_bytes: Bytes that one file may have; a larger one is not read at all.
        concurrency: Files that are read at once.
        max_redirects: Redirects that one file may take.
        max_files: Files that are read; those after them are not.
        max_total_bytes: Bytes that the texts of all files may have together, as UTF-8. They are counted in order; a
            file that does not fit is left out, and once nothing more fits no further one is fetched.

    Raises:
        ValueError: A limit is no number that limits.
    """

    timeout: float = attrs.field(default=15.0, validator=_positive)
    max_bytes: int = attrs.field(default=5_000_000, validator=functools.partial(_whole, 1))
    concurrency: int = attrs.field(default=8, validator=functools.partial(_whole, 1))
    max_redirects: int = attrs.field(default=5, validator=functools.partial(_whole, 0))
    max_files: int = attrs.field(default=100, validator=functools.partial(_whole, 0))
    max_total_bytes: int = attrs.field(default=20_000_000, validator=functools.partial(_whole, 1))
