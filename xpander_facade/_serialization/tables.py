"""Arrays and tables of numpy, pandas and their like: their shape and first entries, without converting the rest."""

from __future__ import annotations

import itertools
from typing import Any, cast

_MAX_ENTRIES = 100
_MAX_ROWS = 5
_MAX_COLUMNS = 100


def head_of(value: Any) -> Any:
    """Return an array or table as JSON can say it: a small array whole, else the beginning; None for anything else."""
    kind = cast("Any", type(value))
    if getattr(kind, "shape", None) is None:
        return None
    try:
        shape = [int(length) for length in value.shape]
        if getattr(kind, "columns", None) is not None or hasattr(value, "columns"):
            return _table(value, shape)
        if hasattr(value, "dtype"):
            return _array(value, shape)
    except Exception:
        return None
    return None


def _table(value: Any, shape: list[int]) -> dict[str, Any]:
    columns = [str(name) for name in itertools.islice(value.columns, _MAX_COLUMNS)]
    rows = value.head(_MAX_ROWS)
    to_dicts = getattr(rows, "to_dicts", None)  # polars
    head = to_dicts() if callable(to_dicts) else rows.to_dict("records")
    return {"_shortened": type(value).__name__, "shape": shape, "columns": columns, "head": head}


def _array(value: Any, shape: list[int]) -> Any:
    entries = 1
    for length in shape:
        entries *= length
    if entries <= _MAX_ENTRIES:
        to_list: Any = getattr(value, "tolist", None) or value.to_list
        return to_list()
    head = value.head(_MAX_ENTRIES) if hasattr(value, "head") else value.reshape(-1)[:_MAX_ENTRIES]
    first: Any = (getattr(head, "tolist", None) or head.to_list)()
    return {"_shortened": type(value).__name__, "shape": shape, "dtype": str(value.dtype), "head": first}
