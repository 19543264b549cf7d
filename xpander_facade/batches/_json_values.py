"""JSON values of what tables hold: one rule for each type, and a refusal that names column and type. Pure."""

from __future__ import annotations

import datetime
import enum
import math
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from xpander_facade.batches._result import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NULLS = frozenset({"NAType", "NaTType"})
_NUMPY = "numpy"
MAX_DEPTH = 100


def json_value(value: Any, column: str, depth: int = 0) -> Any:
    """Return the JSON of a value.

    | a value | becomes |
    | --- | --- |
    | text, boolean, integer of any size, null | itself |
    | float | itself; NaN and infinities null, for which JSON has no form |
    | decimal | text, with all its digits |
    | time with a zone | ISO 8601 with its offset, with all its digits |
    | date, time of day | ISO 8601 |
    | duration | seconds |
    | UUID | text |
    | list, tuple, array | a list |
    | struct, mapping with texts as keys | an object |
    | Arrow's map (pairs) | an object, where its keys are texts and none comes twice |
    | pandas' NA and NaT | null |

    Args:
        value: What a table or a record holds.
        column: What the value is called, for the error.
        depth: How deep in a value it is.

    Raises:
        RecordError: It is something else, such as bytes or a time without a zone.
    """
    kind = cast("type[Any]", type(value))
    if value is None or kind is str or kind is bool or kind is int:
        return value
    if depth > MAX_DEPTH:
        raise RecordError(f"{column} is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, enum.Enum):
        return json_value(cast("Any", value).value, column, depth + 1)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    # By their names: to ask pandas itself would import it.
    if kind.__name__ in _NULLS:
        return None
    if isinstance(value, Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        # The platform would read it as UTC, which it mostly is not.
        if value.tzinfo is None:
            raise RecordError(f"{column} holds a time without a zone ({_name(kind)}): give it one, or write it as text")
        return value.isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if kind.__module__ == _NUMPY:
        # Without this, its times would become counts of nanoseconds.
        if getattr(value, "dtype", None) is not None and value.dtype.kind in "mM":
            raise RecordError(f"{column} holds a {_name(kind)}, which has no zone: pass a datetime with a time zone")
        return json_value(value.tolist(), column, depth + 1)
    if hasattr(value, "asDict"):
        value = value.asDict(recursive=True)  # a Row of Spark
    if hasattr(value, "items"):
        return _object(list(cast("Mapping[Any, Any]", value).items()), column, depth)
    if isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        # Arrow gives a map as a list of pairs.
        if items and all(type(item) is tuple and len(item) == 2 for item in items):
            return _object(items, column, depth)
        return [json_value(item, column, depth + 1) for item in items]
    raise RecordError(f"{column} holds a {_name(kind)}, which has no form in JSON: write it as text")


def _object(pairs: Sequence[tuple[Any, Any]], column: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in pairs:
        if not isinstance(key, str):
            raise RecordError(f"{column} holds a mapping with a key of type {_name(type(key))}: keys must be text")
        if key in found:
            raise RecordError(f"{column} holds a mapping in which a key comes twice")
        found[key] = json_value(item, f"{column}.{key}", depth + 1)
    return found


def _name(kind: Any) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
