"""Values without parts, as pydantic's JSON mode writes them."""

from __future__ import annotations

import datetime
import enum
import math
import os
import uuid
from decimal import Decimal
from typing import Any, cast

MAX_BITS = 10_000
UNSUPPORTED: Any = object()
"""Stands for: not such a value."""


def scalar_of(value: Any) -> Any:
    """Return the JSON of a value without parts, or UNSUPPORTED."""
    match value:
        case enum.Enum():
            return None if value.value is None else scalar_of(value.value)
        case bool():
            return value
        case str():
            return str.__str__(value)
        case int():
            # Python refuses to print integers of thousands of digits in decimal.
            return int(value) if value.bit_length() < MAX_BITS else f"{value:#x}"
        case float():
            return float(value) if math.isfinite(value) else None
        case datetime.date() | datetime.time():
            text = value.isoformat()
            # pandas has a datetime that stands for none.
            return None if text == "NaT" else f"{text[:-6]}Z" if text.endswith("+00:00") else text
        case datetime.timedelta():
            return _iso_duration(value)
        case uuid.UUID() | Decimal():
            return str(value)
        case os.PathLike():
            return os.fsdecode(os.fspath(value))  # pyright: ignore[reportUnknownArgumentType]
        case bytes() | bytearray() | memoryview():
            return bytes(cast("bytes", value)).decode("utf-8", "replace")
        case _:
            return _other_scalar(value)


def _other_scalar(value: Any) -> Any:
    """Return what a scalar of numpy or a secret of pydantic stands for."""
    kind = cast("Any", type(value))
    if callable(getattr(kind, "get_secret_value", None)):
        return str(value)
    if getattr(kind, "shape", None) is not None and callable(getattr(kind, "item", None)):
        try:
            if value.shape == () and type(inner := value.item()) is not kind:
                return inner if inner is None else scalar_of(inner)
        except Exception:
            return UNSUPPORTED
    return UNSUPPORTED


def key_of(key: Any) -> str:
    """Return what stands for the key of a mapping in JSON."""
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, enum.Enum):
        return str(key.value)
    if isinstance(key, bool):
        return "true" if key else "false"
    if key is None:
        return "None"
    scalar = scalar_of(key)
    return repr(key)[:1_000] if scalar is UNSUPPORTED else str(scalar)


def _iso_duration(value: datetime.timedelta) -> str:
    sign, length = ("-", -value) if value < datetime.timedelta(0) else ("", value)
    # As pydantic writes it, to whom a year has 365 days.
    years, days = divmod(length.days, 365)
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{length.microseconds:06}".rstrip("0") if length.microseconds else ""
    date = "".join(f"{count}{unit}" for count, unit in ((years, "Y"), (days, "D")) if count)
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count)
    if seconds or fraction or not (date or time):
        time += f"{seconds}{fraction}S"
    return f"{sign}P{date}T{time}" if time else f"{sign}P{date}"
