"""Own the way from anything that a provider gave to plain JSON. Pure; never an error.

Values are written as pydantic's JSON mode writes them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import enum
import json
import math
import os
import uuid
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, ValuesView
from collections.abc import Set as AnySet
from decimal import Decimal
from typing import Any, cast

import attrs

_MAX_DEPTH = 100
_MAX_BITS = 10_000
_MAX_ENTRIES = 10_000
_SIMPLE = frozenset({str, bool, type(None)})
_HELD_BY = (list, tuple, set, frozenset)
_CONTAINERS = (Sequence, AnySet, ValuesView)
"""What holds its entries, where other collections may fetch them when asked."""

_KEY_HOLDERS = frozenset({"xpander_facade.configuration._configuration", "xpander_facade._client.raw_client"})
_UNWILLING: Any = object()


@attrs.define
class _Walk:
    """What is known on the way through one value.

    Args:
        room: How many entries may still be taken; None for all, those of collections that fetch them too.
        strangers: The types that JSON has no form for.
    """

    room: int | None = None
    strangers: list[str] = attrs.field(factory=list[str])

    def enter(self, collection: Collection[Any]) -> None:
        if self.room is not None:
            self.room -= len(collection)
            if self.room < 0:
                raise _TooManyError


class _TooManyError(Exception):
    """A value has more entries than are wanted."""


def plain(value: Any) -> Any:
    """Return JSON-ready data for any object.

    Models are taken by `model_dump(mode="json")`, `to_dict()`, or their attrs or dataclass fields. What is left is
    written by `repr`, with one warning for the whole value.
    """
    walk = _Walk()
    try:
        data = _plain(value, walk, set(), 0)
    except Exception:
        data = _stranger(value, walk)
    if walk.strangers:
        kinds = ", ".join(sorted(set(walk.strangers)))
        # Where warnings are errors, a debug field still costs no report.
        with contextlib.suppress(UserWarning):
            warnings.warn(f"llm_response holds what JSON has no form for ({kinds}); its repr is sent", stacklevel=4)
    return data


def plain_text(value: Any) -> str:
    """Return a text for any object: a text as it is, anything else as JSON.

    A collection with more entries than anybody reads is named by its type and length, and what may have to fetch its
    entries by its type.
    """
    if isinstance(value, str):
        return str.__str__(value)
    walk = _Walk(room=_MAX_ENTRIES)
    try:
        data = _plain(value, walk, set(), 0)
        return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    except _TooManyError:
        length = len(cast("Any", value)) if isinstance(value, (*_CONTAINERS, Mapping)) else 0
        size = length if length > _MAX_ENTRIES else f"more than {_MAX_ENTRIES} entries"
        return f"<{type(cast('Any', value)).__name__} of {size}>"
    except Exception:
        return _stranger(value, walk)


def error_text(error: BaseException) -> str:
    """Return what an exception says, or its name where it says nothing; of a group, what each of them says."""
    kind = type(error).__name__
    try:
        if isinstance(error, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", error)
            return f"{group.message}: {'; '.join(map(error_text, group.exceptions))}"
        return str(error) or kind
    except Exception:
        return kind


def _plain(value: Any, walk: _Walk, above: set[int], depth: int) -> Any:
    kind = cast("Any", type(value))
    if kind in _SIMPLE:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is int and value.bit_length() < _MAX_BITS:
        return value
    if kind is not dict and kind is not list:
        scalar = _scalar(value)
        if scalar is not _UNWILLING:
            return scalar
    if id(value) in above or depth > _MAX_DEPTH:
        return _stranger(value, walk)
    above = above | {id(value)}

    def inner(item: Any) -> Any:
        return _plain(item, walk, above, depth + 1)

    if kind is list:
        walk.enter(value)
        return [item if type(item) in _SIMPLE else inner(item) for item in cast("list[Any]", value)]
    if kind is dict:
        walk.enter(value)
        fields = cast("dict[Any, Any]", value)
        return {
            key if type(key) is str else _key(key): item if type(item) in _SIMPLE else inner(item)
            for key, item in fields.items()
        }
    if isinstance(value, Mapping):
        walk.enter(cast("Mapping[Any, Any]", value))
        entries = dict(cast("Mapping[Any, Any]", value))
        return {_key(key): inner(item) for key, item in entries.items()}
    if isinstance(value, _HELD_BY) or _is_collection(value, walk):
        walk.enter(cast("Collection[Any]", value))
        items = list(cast("Collection[Any]", value))
        return [inner(item) for item in items]
    data = _fields(value)
    if data is not _UNWILLING:
        return inner(data)
    if walk.room is not None and hasattr(value, "__iter__"):
        return f"<{kind.__name__}>"  # a query's repr asks the database, too
    return _stranger(value, walk)


def _scalar(value: Any) -> Any:
    """Return the JSON of a value without parts, or _UNWILLING."""
    match value:
        case enum.Enum():
            return value.value if type(value.value) in _SIMPLE else _plain(value.value, _Walk(), set(), 0)
        case str():
            return str.__str__(value)
        case int():
            # Python refuses to print integers of thousands of digits in decimal.
            return int(value) if value.bit_length() < _MAX_BITS else f"{value:#x}"
        case float():
            return float(value) if math.isfinite(value) else None
        case datetime.date() | datetime.time():
            text = value.isoformat()
            return f"{text[:-6]}Z" if text.endswith("+00:00") else text
        case datetime.timedelta():
            return _iso_duration(value)
        case uuid.UUID() | Decimal():
            return str(value)
        case os.PathLike():
            return os.fsdecode(os.fspath(value))  # pyright: ignore[reportUnknownArgumentType]
        case bytes() | bytearray() | memoryview():
            return bytes(cast("bytes", value)).decode("utf-8", "replace")
        case _:
            return _UNWILLING


def _iso_duration(value: datetime.timedelta) -> str:
    sign, length = ("-", -value) if value < datetime.timedelta(0) else ("", value)
    years, days = divmod(length.days, 365)
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{length.microseconds:06}".rstrip("0") if length.microseconds else ""
    date = "".join(f"{count}{unit}" for count, unit in ((years, "Y"), (days, "D")) if count)
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count)
    if seconds or fraction or not (date or time):
        time += f"{seconds}{fraction}S"
    return f"{sign}P{date}T{time}" if time else f"{sign}P{date}"


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, enum.Enum):
        return str(key.value)
    if isinstance(key, bool):
        return "true" if key else "false"
    scalar = _scalar(key)
    return repr(key) if scalar is _UNWILLING else str(scalar)


def _is_collection(value: Any, walk: _Walk) -> bool:
    kinds = Collection if walk.room is None else _CONTAINERS
    return isinstance(value, kinds) and _fields(value) is _UNWILLING


def _fields(value: Any) -> Any:
    """Return the data of a model in a simpler form, or _UNWILLING; a model that fails to dump itself is skipped.

    A field that its class does not show in its `repr` may be a secret, and stays where it is.
    """
    cls = cast("Any", type(value))
    if isinstance(value, type) or cls.__module__ in _KEY_HOLDERS:
        return _UNWILLING
    ways: list[Callable[[], Any]] = []
    if hasattr(value, "model_dump"):
        ways.append(lambda: value.model_dump(mode="json"))
    if hasattr(value, "to_dict"):
        ways.append(lambda: value.to_dict())
    if attrs.has(cls):
        ways.append(lambda: _shown(value, attrs.fields(cls)))
    if dataclasses.is_dataclass(value):
        ways.append(lambda: _shown(value, dataclasses.fields(value)))
    for way in ways:
        try:
            data = way()
        except Exception:
            continue
        if isinstance(data, Mapping | list | str):
            return data  # pyright: ignore[reportUnknownVariableType]
    return _UNWILLING


def _shown(value: Any, fields: Iterable[Any]) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields if field.repr is True}


def _stranger(value: Any, walk: _Walk) -> str:
    walk.strangers.append(type(value).__name__)
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__}>"
