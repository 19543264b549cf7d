"""Outbox settings: where reports wait on disk, how fast they leave, and how many may wait."""

from __future__ import annotations

import math
import os
import re
from typing import Literal

import attrs

from xpander_facade.errors import ConfigurationError

WhenFull = Literal["block", "drop_oldest", "raise"]

_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3_600.0, "day": 86_400.0}
_RATE = re.compile(r"\s*(\d{1,9})\s*/\s*(second|minute|hour|day)\s*")
_POLICIES = ("block", "drop_oldest", "raise")


def _path(value: str | os.PathLike[str]) -> str:
    if not isinstance(value, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"outbox must be the path of a file, not {type(value).__name__}")
    path = os.fspath(value)
    if not isinstance(path, str) or not path.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError("outbox must be the path of a file, as a string that is not empty")
    if "\0" in path:
        raise ConfigurationError("outbox must be the path of a file, which holds no null character")
    # A process that changes its folder later must still find the same file.
    return os.path.abspath(os.path.expanduser(path))


def _rate(value: str | None) -> str | None:
    if value is None:
        return None
    match = _RATE.fullmatch(value) if isinstance(value, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if match is None or int(match[1]) == 0:
        raise ConfigurationError(f"rate must look like '90/minute' (second, minute, hour or day), not {value!r}")
    return f"{int(match[1])}/{match[2]}"


def _seconds(_: OutboxSettings, field: attrs.Attribute[float], value: float) -> None:
    lowest = "0 or more" if field.name == "exit_timeout" else "a positive number of"
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value < 0 or (value == 0 and field.name != "exit_timeout"):
        raise ConfigurationError(f"{field.name} must be {lowest} seconds, not {value!r}")


def _whole(_: OutboxSettings, field: attrs.Attribute[int], value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{field.name} must be a whole number, 1 or more, not {value!r}")


def _policy(_: OutboxSettings, field: attrs.Attribute[WhenFull], value: WhenFull) -> None:
    if value not in _POLICIES:
        raise ConfigurationError(f"{field.name} must be one of {', '.join(_POLICIES)}, not {value!r}")


@attrs.frozen
class OutboxSettings:
    """How reports wait on disk until the platform has them.

    A path alone is enough: `Configuration(outbox="runs.db")`. Processes that share a file should agree on the rest.

    Args:
        path: The file; made where it does not exist, readable by its owner only.
        rate: How fast reports leave the file at most, over all processes, such as "90/minute". The platform documents
            100 a minute and 1,000 an hour. None sets no pace.
        lease: Seconds after which a run whose process has not been heard of counts as dead.
        max_reports: How many reports may wait.
        max_bytes: How many bytes the waiting reports may have together.
        max_age: Seconds after which a report that could not be sent is dropped.
        when_full: What happens to a report that would go beyond a bound: "block" waits for room as long as a call may
            take (`Configuration.deadline`), then raises; "drop_oldest" makes room; "raise" raises at once.
        exit_timeout: Seconds that the end of the program waits for what is still to be sent; 0 does not wait.

    Raises:
        ConfigurationError: A value is malformed.
    """

    path: str = attrs.field(converter=_path)
    rate: str | None = attrs.field(default=None, converter=_rate, kw_only=True)
    lease: float = attrs.field(default=30.0, validator=_seconds, kw_only=True)
    max_reports: int = attrs.field(default=100_000, validator=_whole, kw_only=True)
    max_bytes: int = attrs.field(default=100_000_000, validator=_whole, kw_only=True)
    max_age: float = attrs.field(default=7 * 86_400.0, validator=_seconds, kw_only=True)
    when_full: WhenFull = attrs.field(default="block", validator=_policy, kw_only=True)
    exit_timeout: float = attrs.field(default=5.0, validator=_seconds, kw_only=True)

    @property
    def seconds_per_report(self) -> float:
        """Seconds between two reports at the given rate; 0 without a rate."""
        if self.rate is None:
            return 0.0
        count, _, unit = self.rate.partition("/")
        return _UNITS[unit] / int(count)
