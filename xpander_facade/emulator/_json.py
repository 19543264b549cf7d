"""JSON: the type of an object, type guards, and how it is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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


def _in_parts(value: Any, _: int) -> Iterable[str]:
    return (_ENCODER.encode(value),)


def _make_writer() -> Callable[[Any, int], Iterable[str]]:
    """Return the part of `json` that is written in C, where it is there; the encoder makes it anew for each value."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    write_text: Any = getattr(json.encoder, "encode_basestring", None)
    try:
        return cast(
            "Callable[[Any, int], Iterable[str]]",
            make(None, _ENCODER.default, write_text, None, ":", ",", False, False, True),
        )
    except TypeError:  # there is none, or it takes something else
        return _in_parts


_write: Final = _make_writer()


def write(value: Any) -> str:
    """Return the shortest JSON text, with its characters unescaped."""
    return "".join(_write(value, 0))
