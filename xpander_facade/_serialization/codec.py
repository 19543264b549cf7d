"""Codec: structures decoded JSON into the facade's attrs classes, and back. No I/O.

A class is read by a function that is written out for it, from its annotations, at the first use. A null counts as
absent, an absent attribute gets its default, what a class does not know goes to its `extra` where it has one.
The facade reads the platform's answers with this, straight from the decoded JSON: one pass instead of two (the
generated models first, ours from those), which makes the difference of a factor of two to three in time.
"""

from __future__ import annotations

import functools
import math
import types
import typing
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping  # noqa: TC004 (annotations only)

T = TypeVar("T")


class DecodeError(ValueError):
    """Data that does not have the shape of the class; the text says where and what was expected."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path

    def at(self, step: str) -> DecodeError:
        """Return the same problem, seen from one level further out."""
        return DecodeError(self.problem, f"{step}.{self.path}" if self.path else step)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


def structure(cls: type[T], data: Any) -> T:
    """Make an instance of an attrs class from decoded JSON.

    Raises:
        DecodeError: The data is not an object, a required attribute is missing, or a value has another type.
    """
    if type(data) is not dict:
        raise DecodeError(f"expected an object for {cls.__name__}, got {_kind(data)}")
    fields = typing.cast("dict[str, Any]", data)
    plan = _plan(typing.cast("Any", cls))
    # Calling the class with sixty attributes takes longer than all the rest. What its converters and validators would
    # see to, the readers see to.
    item = plan.without_hooks.__new__(plan.without_hooks)
    plan.populate(item, fields.get)
    if plan.keeps_rest:
        names = plan.names
        item.extra = {} if names.issuperset(fields) else _own_rest(fields, names)
    item.__class__ = cls
    return typing.cast("T", item)


def structure_list(cls: type[T], data: Any) -> list[T]:
    """Make a list of instances from a decoded JSON array; order is kept.

    Raises:
        DecodeError: The data is not an array, or an item does not fit.
    """
    return typing.cast("list[T]", _list_reader(functools.partial(structure, cls))(data))


def unstructure(value: Any, *, leave_out: Callable[[type, str], bool] | None = None) -> Any:
    """Return JSON-ready data for a value of the facade's types: attrs objects, enums, times, lists, dicts, plain JSON.

    Args:
        value: What to write.
        leave_out: Asked with a class and the name of an attribute, or of an entry of `extra`; True leaves it out.
    """
    if type(value) in _SIMPLE:
        return value
    if isinstance(value, str | int | float):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, datetime):
        return write_time(value)
    if isinstance(value, list | tuple):
        entries = typing.cast("list[Any]", value)
        return [unstructure(item, leave_out=leave_out) for item in entries]
    if isinstance(value, dict):
        fields = typing.cast("dict[str, Any]", value)
        return {key: unstructure(item, leave_out=leave_out) for key, item in fields.items()}
    cls = typing.cast("Any", type(value))
    if not attrs.has(cls):
        return value
    data = {
        name: item if type(item := getattr(value, name)) in _SIMPLE else unstructure(item, leave_out=leave_out)
        for name in (*_names(cls), *_computed(cls))
        if leave_out is None or not leave_out(cls, name)
    }
    extra: dict[str, Any] = data.pop("extra", None) or {}
    for name, item in extra.items():
        if name not in data and (leave_out is None or not leave_out(cls, name)):
            data[name] = item
    return data


def read_time(value: Any) -> datetime:
    """Return an aware datetime for the platform's text; a naive one means UTC.

    Raises:
        DecodeError: It is not a point in time.
    """
    try:
        moment = datetime.fromisoformat(value)
    except TypeError:
        if not isinstance(value, datetime):
            raise DecodeError(f"expected a time, got {_kind(value)}") from None
        moment = value
    except ValueError:
        moment = _read_unusual_time(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def write_time(value: datetime) -> str:
    """Return the ISO 8601 text of a time; in UTC with a Z."""
    text = (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def _read_unusual_time(text: str) -> datetime:
    from dateutil import parser

    try:
        # dateutil fills what a text lacks from a default. Two defaults that give two results show that the text is
        # not a full point in time, whatever it looks like.
        first, second = (parser.parse(text, default=default) for default in (datetime(1, 1, 1), datetime(2, 2, 2)))
    except (ValueError, OverflowError):
        raise DecodeError(f"expected a time, got {text[:40]!r}") from None
    if first != second:
        raise DecodeError(f"expected a time, got {text[:40]!r}")
    return first


def _kind(value: Any) -> str:
    names: dict[Any, str] = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    if value is None:
        return "null"
    cls = typing.cast("Any", type(value))
    return names.get(cls, "a number" if isinstance(value, int | float) else cls.__name__)


def _read_str(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise DecodeError(f"expected a string, got {_kind(value)}")


def _read_float(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise DecodeError(f"expected a number, got {_kind(value)}")
    try:
        return _finite(float(value))
    except OverflowError:
        raise DecodeError("expected a number, got one too large") from None


def _finite(value: float) -> float:
    # Python reads 1e999 as an infinity, which JSON can't say: an object that held it could not be saved.
    if not math.isfinite(value):
        raise DecodeError(f"expected a number, got {value}")
    return value


def _read_int(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise DecodeError(f"expected a whole number, got {_kind(value)}")


def _read_bool(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise DecodeError(f"expected a boolean, got {_kind(value)}")


def _read_dict(value: Any) -> dict[str, Any]:
    if type(value) is dict:
        copy: dict[str, Any] = _own(value)
        return copy
    raise DecodeError(f"expected an object, got {_kind(value)}")


def _own(value: Any) -> Any:
    """Return a copy of JSON data, so that a change of the object leaves what the platform said as it was."""
    if type(value) is dict:
        return _own_rest(typing.cast("dict[str, Any]", value), frozenset())
    if type(value) is list:
        return _own_items(value)
    return _finite(value) if type(value) is float else value


def _own_rest(fields: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    rest: dict[str, Any] = {}
    name = ""
    try:
        for name, item in fields.items():
            if name not in names:
                rest[name] = _own(item)
    except DecodeError as error:
        raise error.at(name) from None
    return rest


def _enum_reader(cls: type[Enum]) -> Callable[[Any], Any]:
    members: Mapping[Any, Enum] = {member.value: member for member in cls}

    def read_enum(value: Any) -> Any:
        try:
            return members[value]
        except (KeyError, TypeError):
            return cls(_read_str(value))

    return read_enum


def _list_reader(reader: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def read_items(value: Any) -> list[Any]:
        if type(value) is not list:
            raise DecodeError(f"expected an array, got {_kind(value)}")
        items: list[Any] = []
        entries = typing.cast("list[Any]", value)
        for index, item in enumerate(entries):
            try:
                items.append(reader(item))
            except DecodeError as error:
                raise error.at(str(index)) from None
        return items

    return read_items


_own_items = _list_reader(_own)


_SIMPLE = frozenset({str, bool, int, float, type(None)})
_SCALARS: Mapping[Any, Callable[[Any], Any]] = {
    str: _read_str,
    int: _read_int,
    float: _read_float,
    bool: _read_bool,
    Any: _own,
}


_TIMES = (datetime,)
"""In a tuple, since libraries that freeze time for tests put a class of their own in place of `datetime` in modules. An
annotation that is resolved under one of them means that class, which is derived from this one."""


def _reader(annotation: Any) -> Callable[[Any], Any]:
    if isinstance(annotation, type) and issubclass(annotation, _TIMES):
        return read_time
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    origin = typing.get_origin(annotation)
    if origin in (types.UnionType, typing.Union):
        members = [member for member in typing.get_args(annotation) if member is not type(None)]
        return _reader(members[0]) if len(members) == 1 else _own
    if origin is list:
        return _list_reader(_reader(typing.get_args(annotation)[0]))
    if origin is dict or annotation is dict:
        return _read_dict
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _enum_reader(annotation)
    return functools.partial(structure, annotation)


@attrs.frozen
class _Plan:
    """How a class is read.

    Args:
        without_hooks: The class without its hooks, which setting an attribute would call, until the object is whole.
        populate: Puts all attributes into an object, given what looks a member up.
        names: All names that are known.
        keeps_rest: Whether the class keeps what it does not know.
    """

    without_hooks: Any
    populate: Callable[[Any, Callable[[str], Any]], None]
    names: frozenset[str]
    keeps_rest: bool


@functools.cache
def _plan(cls: Any) -> _Plan:
    hints = typing.get_type_hints(cls)
    fields = [field for field in attrs.fields(cls) if field.name != "extra"]
    without_hooks = type(cls.__name__, (cls,), {"__slots__": (), "__setattr__": object.__setattr__})
    names = frozenset({field.name for field in fields} | {*_computed(cls)})
    return _Plan(without_hooks, _populator(cls, fields, hints), names, "extra" in attrs.fields_dict(cls))


def _populator(
    cls: Any, fields: list[attrs.Attribute[Any]], hints: dict[str, Any]
) -> Callable[[Any, Callable[[str], Any]], None]:
    """Return a function that reads a class's attributes, written out for it as attrs writes out an `__init__`.

    A loop over a table of the attributes takes a third longer, and a task has sixty of them.
    """
    lines = ["def populate(item, get):", " name = ''", " try:"]
    known: dict[str, Any] = {"DecodeError": DecodeError}
    # What is made from the rest of the object comes last.
    for n, field in enumerate(sorted(fields, key=_is_derived)):
        reader, simple = _reader(hints[field.name]), _simple_type(hints[field.name])
        if field.validator is not None:
            reader, simple = functools.partial(_check, field, reader), None
        known |= {f"read{n}": reader, f"simple{n}": simple}
        default, known[f"default{n}"] = _default(cls, field)
        taken = f"value if type(value) is simple{n} else read{n}(value)" if simple else f"read{n}(value)"
        lines += [
            f"  name = {field.name!r}",
            "  value = get(name)",
            f"  item.{field.name} = {default.format(n)} if value is None else {taken}",
        ]
    lines += [" except DecodeError as error:", "  raise error.at(name) from None"]
    exec("\n".join(lines), known)
    return typing.cast("Callable[[Any, Callable[[str], Any]], None]", known["populate"])


def _is_derived(field: attrs.Attribute[Any]) -> bool:
    return getattr(field.default, "takes_self", False)


def _default(cls: type, field: attrs.Attribute[Any]) -> tuple[str, Any]:
    """Return how the default of an attribute is written, and what it is written with."""
    default = field.default
    if default is attrs.NOTHING:
        return "default{}()", functools.partial(_lacks, cls.__name__)
    if not isinstance(default, typing.cast("Any", attrs.Factory)):
        return "default{}", default
    factory = typing.cast("Any", default).factory
    if _is_derived(field):
        return "default{}(item)", factory
    # The class behind list[str] makes the same list in a third of the time.
    return "default{}()", typing.get_origin(factory) or factory


def _lacks(cls: str) -> typing.NoReturn:
    raise DecodeError(f"{cls} lacks it")


def _check(field: attrs.Attribute[Any], reader: Callable[[Any], Any], value: Any) -> Any:
    value = reader(value)
    if field.validator is not None:
        try:
            field.validator(None, field, value)
        except ValueError as error:
            raise DecodeError(str(error)) from None
    return value


def _simple_type(annotation: Any) -> Any:
    is_union = typing.get_origin(annotation) in (types.UnionType, typing.Union)
    members = [m for m in typing.get_args(annotation) if m is not type(None)] if is_union else [annotation]
    # A float of the right type can still be an infinity.
    return members[0] if len(members) == 1 and members[0] in _SIMPLE - {float} else None


def _computed(cls: type) -> tuple[str, ...]:
    """Return the names of a class's computed properties that travel, such as a sum."""
    return getattr(cls, "COMPUTED", ())


@functools.cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(cls))
