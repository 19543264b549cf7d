"""JSON as the bytes that are sent."""

from __future__ import annotations

import json
from typing import Any

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


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
