"""Outbox settings: where reports wait on disk, how fast they leave, and how many may wait."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from typing import Any, Literal

import attrs

from xpander_facade.errors import ConfigurationError

WhenFull = Literal["block", "drop_oldest", "raise"]
Hook = Callable[[Any], object]
"""A function of an `OutboxEntry`; what it returns is ignored, what it raises is logged."""

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


def _policy(_: OutboxSettings, field: attrs.Attribute[WhenFull | None], value: WhenFull | None) -> None:
    if value is not None and value not in _POLICIES:
        raise ConfigurationError(f"{field.name} must be one of {', '.join(_POLICIES)}, not {value!r}")


def _hook(_: OutboxSettings, field: attrs.Attribute[Hook | None], value: Hook | None) -> None:
    if value is not None and not callable(value):
        raise ConfigurationError(f"{field.name} must be a function of one argument, not {value!r}")


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
        when_full: What happens to a report that would go beyond a bound. None and "raise" raise `OutboxFullError` at
            once (a recorded run is then reported without the outbox, where the platform is up); "block" waits for room
            as long as a call may take (`Configuration.deadline`), then raises; "drop_oldest" makes room.
        exit_timeout: Seconds that the end of the program waits for what is still to be sent; 0 does not wait.
        concurrency: How many reports a process sends at the same time at most. It starts with two, takes more while
            answers are good, and halves on trouble.
        on_drop: Called with the `OutboxEntry` of a report that was dropped for lack of room or for its age, on the
            thread that dropped it.
        on_quarantine: Called with the `OutboxEntry` of a report that the platform refused, on the sending thread.

    Raises:
        ConfigurationError: A value is malformed.
    """

    path: str = attrs.field(converter=_path)
    rate: str | None = attrs.field(default=None, converter=_rate, kw_only=True)
    lease: float = attrs.field(default=30.0, validator=_seconds, kw_only=True)
    max_reports: int = attrs.field(default=100_000, validator=_whole, kw_only=True)
    max_bytes: int = attrs.field(default=100_000_000, validator=_whole, kw_only=True)
    max_age: float = attrs.field(default=7 * 86_400.0, validator=_seconds, kw_only=True)
    when_full: WhenFull | None = attrs.field(default=None, validator=_policy, kw_only=True)
    exit_timeout: float = attrs.field(default=5.0, validator=_seconds, kw_only=True)
    concurrency: int = attrs.field(default=16, validator=_whole, kw_only=True)
    on_drop: Hook | None = attrs.field(default=None, validator=_hook, kw_only=True, eq=False)
    on_quarantine: Hook | None = attrs.field(default=None, validator=_hook, kw_only=True, eq=False)

    @property
    def seconds_per_report(self) -> float:
        """Seconds between two reports at the given rate; 0 without a rate."""
        if self.rate is None:
            return 0.0
        count, _, unit = self.rate.partition("/")
        return _UNITS[unit] / int(count)
