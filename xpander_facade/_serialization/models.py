"""The data of objects of a class: models of pydantic, attrs classes, dataclasses, protobuf messages."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import pathlib
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import attrs

from xpander_facade._serialization.scalars import UNSUPPORTED

# By the names of their modules, which stand above this one and cannot be imported here.
_KEY_HOLDERS = frozenset({
    "xpander_facade.configuration._configuration", "xpander_facade._client.raw_client",
})  # fmt: skip
_MAX_CHECKED = 200_000
_SCALARS = frozenset({
    str, int, float, bool, bytes, type(None), datetime.datetime, datetime.date, datetime.time, datetime.timedelta,
    uuid.UUID, decimal.Decimal, pathlib.PosixPath, pathlib.WindowsPath,
})  # fmt: skip


def is_hidden(value: Any) -> bool:
    """Tell whether an object holds a key of ours, or is a class: neither is data."""
    return isinstance(value, type) or type(value).__module__ in _KEY_HOLDERS


def items_of(mapping: Any) -> dict[Any, Any]:
    """Return the items of a mapping; of one that is an object, too, also the attributes that its items lack."""
    items = dict(cast("Mapping[Any, Any]", mapping))
    if dataclasses.is_dataclass(mapping):
        hidden = {field.name for field in dataclasses.fields(cast("Any", mapping)) if field.repr is not True}
        items |= {name: item for name, item in vars(mapping).items() if name not in hidden and name[:1] != "_"}
    return items


def data_of(value: Any, *, can_dump: bool) -> Any:
    """Return the data of a model in a simpler form, or UNSUPPORTED; a model that fails to dump itself is skipped.

    A field that its class does not show in its `repr` may be a secret, and stays where it is.

    Args:
        value: The object.
        can_dump: Nothing in it comes twice, so that its own methods may write it.
    """
    cls = cast("Any", type(value))
    ways: list[Callable[[], Any]] = []
    if hasattr(cls, "model_dump"):
        # Another library's class, which has borrowed the name of pydantic's method.
        if not hasattr(cls, "model_fields"):
            ways.append(lambda: value.model_dump(mode="json"))
        elif can_dump:
            ways.append(lambda: _dumped(value))
        ways.append(lambda: _model_fields(value))
    is_dataclass = bool(hasattr(cls, "__dataclass_fields__"))
    # That of a dataclass mostly is `dataclasses.asdict`, which does not end in a cycle.
    if hasattr(cls, "to_dict") and (can_dump or not is_dataclass):
        ways.append(lambda: value.to_dict())
    if hasattr(cls, "toDict"):
        ways.append(lambda: value.toDict())
    if hasattr(cls, "__attrs_attrs__"):
        ways.append(lambda: _shown(value, attrs.fields(cls)))
    if is_dataclass:
        ways.append(lambda: _shown(value, dataclasses.fields(value)))
    if hasattr(cls, "DESCRIPTOR"):
        ways.append(lambda: _message_fields(value))
    if (names := _names_of_version_1(cls)) is not None:
        ways.append(lambda: {name: value.__dict__[name] for name in names if name in value.__dict__})
    for way in ways:
        try:
            data = way()
        except Exception:
            continue
        if isinstance(data, Mapping | list | str):
            return data  # pyright: ignore[reportUnknownVariableType]
    return UNSUPPORTED


def _names_of_version_1(cls: Any) -> list[str] | None:
    """Return the fields of a model of pydantic's version 1; to ask a class of version 2 for them would warn."""
    if hasattr(cls, "model_fields"):
        return None
    for base in cls.__mro__:
        if "__config__" in base.__dict__ and isinstance(fields := base.__dict__.get("__fields__"), dict):
            return list(cast("dict[str, Any]", fields))
    return None


def _dumped(value: Any) -> Any:
    """Return what a model dumps; without its warnings, and with the usage that some models leave out."""
    data = value.model_dump(mode="json", warnings=False)
    usage = value.__dict__.get("usage")
    if usage is None or not isinstance(data, dict) or "usage" in data:
        return cast("Any", data)
    return {**cast("dict[str, Any]", data), "usage": usage}


def _model_fields(value: Any) -> dict[str, Any]:
    cls = cast("Any", type(value))
    excluded = {name for name, field in cls.model_fields.items() if field.exclude is True or field.repr is False}
    data = {name: item for name, item in value.__dict__.items() if name not in excluded}
    return data | (value.__pydantic_extra__ or {})


def _shown(value: Any, fields: Iterable[Any]) -> dict[str, Any]:
    # A method that calls the others can be among the fields where a class has replaced it.
    return {field.name: getattr(value, field.name) for field in fields if field.repr is True}


def _message_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a protobuf message that are set; its enumerations by their names."""
    data: dict[str, Any] = {}
    for field, item in value.ListFields():
        names = field.enum_type.values_by_number if field.enum_type is not None else None
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            data[field.name] = dict(item)
        elif names is None:
            data[field.name] = list(item) if _is_repeated(field) else item
        elif _is_repeated(field):
            data[field.name] = [_enum_name(names, number) for number in item]
        else:
            data[field.name] = _enum_name(names, item)
    return data


def _is_repeated(field: Any) -> bool:
    # A release of protobuf that has this warns of `label`.
    is_repeated = getattr(field, "is_repeated", None)
    return is_repeated if isinstance(is_repeated, bool) else field.label == field.LABEL_REPEATED


def _enum_name(names: Any, number: int) -> Any:
    # An open enumeration can hold numbers that this release of the message has no name for.
    return names[number].name if number in names else number


def is_tree(value: Any) -> bool:
    """Tell whether nothing in a model comes twice, and all of it is models and JSON: then it can dump itself.

    A model that is part of a cycle, or shared on many levels, would be written without end.
    """
    try:
        return _has_nothing_twice(value)
    except Exception:
        return False


def _has_nothing_twice(value: Any) -> bool:
    seen: set[int] = set()
    waiting: list[Any] = [value]
    while waiting:
        item = waiting.pop()
        kind = cast("Any", type(item))
        if kind in _SCALARS or isinstance(item, enum.Enum):
            continue
        if id(item) in seen or len(seen) > _MAX_CHECKED:
            return False
        seen.add(id(item))
        if kind is list or kind is tuple or kind is set:
            if not set(map(type, item)) <= _SCALARS:
                waiting.extend(item)
        elif kind is dict:
            waiting.extend(item.values())
        elif attrs.has(kind):
            waiting.extend(getattr(item, field.name, None) for field in attrs.fields(kind))
        elif dataclasses.is_dataclass(kind):
            waiting.extend(getattr(item, field.name, None) for field in dataclasses.fields(kind))
        elif hasattr(kind, "model_fields"):
            waiting.extend(item.__dict__.values())
            waiting.extend(cast("dict[str, Any]", item.__pydantic_extra__ or {}).values())
        elif not isinstance(item, str | int | float):
            return False
    return True
