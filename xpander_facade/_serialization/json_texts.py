"""JSON texts that come many at once, such as the events of a stream, decoded in one call."""

from __future__ import annotations

import json
import os
from typing import Any

# A text that is not JSON could end within an array that the next one goes on with. What separates two texts is known
# to nobody who writes them, so that it is found at the top of the whole exactly where each is one value.
_MARK = os.urandom(8).hex()
_SEPARATOR = f',"{_MARK}",'


def loads_all(texts: list[str]) -> list[Any] | None:
    """Return the values of JSON texts; None where not each of them is JSON: `json.loads` tells what is wrong.

    To decode many small texts one by one takes twice the time, and each has keys of its own in memory.

        assert loads_all(['{"a": 1}', "[2]"]) == [{"a": 1}, [2]]
        assert loads_all(["[1", "2]"]) is None
    """
    try:
        values: list[Any] = json.loads(f"[{_SEPARATOR.join(texts)}]")
    except (ValueError, RecursionError):
        return None
    found = values[::2]
    return found if len(found) == len(texts) and values[1::2] == [_MARK] * (len(texts) - 1) else None
