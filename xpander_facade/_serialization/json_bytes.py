"""JSON as the bytes that are sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


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


def _in_parts(body: Any, _: int) -> Iterable[str]:
    return (_encoder.encode(body),)


def _make_writer() -> Callable[[Any, int], Iterable[str]]:
    """Return the part of `json` that is written in C, where it is there.

    `JSONEncoder.encode` makes it anew for each value, which takes as long as to write a report, and lets it look out
    for cycles, which end at Python's limit of recursion as well.
    """
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    write_text: Any = getattr(json.encoder, "encode_basestring", None)
    if make is None or write_text is None:
        return _in_parts
    try:
        return cast(
            "Callable[[Any, int], Iterable[str]]",
            make(None, _encoder.default, write_text, None, ":", ",", False, False, False),
        )
    except TypeError:  # another version of Python, in which it takes something else
        return _in_parts


_write = _make_writer()


def encode(body: Any) -> bytes:
    """Return a body's JSON as UTF-8.

    Raises:
        ValueError: The body holds NaN, an infinity, a cycle, or something that JSON has no form for.
    """
    try:
        text = "".join(_write(body, 0))
    except (TypeError, ValueError, RecursionError):
        try:
            text = _encoder.encode(body)  # which says what is wrong with a cycle
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"this can't be sent as JSON: {error}") from None
    # Half a surrogate pair has no UTF-8; a question mark in a text is better than a lost report.
    return text.encode("utf-8", "replace")
