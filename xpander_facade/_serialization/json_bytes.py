"""JSON as the bytes that are sent."""

from __future__ import annotations

import json
from typing import Any


def _number(value: Any) -> Any:
    """Return what stands for a number of numpy or decimal, or an array of such numbers.

    Raises:
        TypeError: It is something else, or JSON's numbers, read as floats, would lose some of it.
    """
    # Known by what it has: to import numpy for a look at its types would cost more than the call.
    if hasattr(value, "dtype") and callable(to_list := getattr(value, "tolist", None)):
        listed = to_list()
        if type(listed) in {bool, int, float, str, list}:
            return listed
    if hasattr(value, "as_tuple") and value.is_finite():  # a Decimal, whose import costs time
        number = int(value) if value == value.to_integral_value() else float(value)
        if type(value)(repr(number)) == value:
            return number
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_number)


def encode(body: Any) -> bytes:
    """Return a body's JSON as UTF-8.

    Raises:
        ValueError: The body holds NaN, an infinity, a cycle, or something that JSON has no form for.
    """
    try:
        text = _encoder.encode(body)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"this can't be sent as JSON: {error}") from None
    # Half a surrogate pair has no UTF-8; a question mark in a text is better than a lost report.
    return text.encode("utf-8", "replace")
