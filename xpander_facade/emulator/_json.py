"""JSON: the type of an object, type guards, and how it is written."""

from __future__ import annotations

import json
from typing import Any, Final, TypeAlias, TypeGuard

Json: TypeAlias = dict[str, Any]


def is_object(value: Any) -> TypeGuard[Json]:
    """Tell whether a decoded value is an object."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Tell whether a decoded value is an array."""
    return isinstance(value, list)


def object_of(value: Any) -> Json:
    """Return the value if it is an object, else an empty one."""
    return value if is_object(value) else {}


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def write(value: Any) -> str:
    """Return the shortest JSON text, with its characters unescaped."""
    return _ENCODER.encode(value)
