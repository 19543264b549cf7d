"""Values of decoded JSON, read as what an attribute holds: texts, numbers, times, enumerations, lists. No I/O."""

from __future__ import annotations

import contextlib
import math
import typing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import Enum


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


SIMPLE = frozenset({str, bool, int, float, type(None)})
UNCHANGEABLE = SIMPLE - {float}
"""The types of JSON values that need no copy. A float of the right type can still be an infinity, which has none."""
_are_unchangeable = UNCHANGEABLE.issuperset


def read_time(value: Any) -> datetime:
    """Return an aware datetime for the platform's text; a naive one means UTC.

    Raises:
        DecodeError: It is not a point in time.
    """
    try:
        moment = datetime.fromisoformat(value)
    except TypeError:
        if not isinstance(value, datetime):
            raise DecodeError(f"expected a time, got {kind_of(value)}") from None
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


def kind_of(value: Any) -> str:
    names: dict[Any, str] = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    if value is None:
        return "null"
    cls = typing.cast("Any", type(value))
    return names.get(cls, "a number" if isinstance(value, int | float) else cls.__name__)


def read_str(value: Any) -> str:
    if type(value) is str:
        return value
    # A number says what is meant where a text is expected, such as an id; True is an int to Python alone.
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise DecodeError(f"expected a string, got {kind_of(value)}")


def read_float(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise DecodeError(f"expected a number, got {kind_of(value)}")
    try:
        return _finite(float(value))
    except OverflowError:
        raise DecodeError("expected a number, got one too large") from None


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise DecodeError(f"expected a number, got {value}")
    return value


def read_int(value: Any) -> int:
    if type(value) is int:
        return value
    # JSON has one kind of number: 3.0 is 3 there.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise DecodeError(f"expected a whole number, got {kind_of(value)}")


def read_count(value: Any) -> int:
    number = read_int(value)
    if number < 0:
        raise DecodeError(f"expected a count, got {number}")
    return number


def read_bool(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise DecodeError(f"expected a boolean, got {kind_of(value)}")


def read_dict(value: Any) -> dict[str, Any]:
    if type(value) is dict:
        copy: dict[str, Any] = own(value)
        return copy
    raise DecodeError(f"expected an object, got {kind_of(value)}")


def own(value: Any) -> Any:
    """Return a copy of JSON data, so that a change of the object leaves what the platform said as it was.

    Python reads 1e999 as an infinity, which JSON can't say: an object that held it could not be saved. It is None here.
    """
    if type(value) is dict:
        fields = typing.cast("dict[str, Any]", value)
        if _are_unchangeable(map(type, fields.values())):
            return fields.copy()
        return {name: item if type(item) in UNCHANGEABLE else own(item) for name, item in fields.items()}
    if type(value) is list:
        return [own(item) for item in typing.cast("list[Any]", value)]
    return None if type(value) is float and not math.isfinite(value) else value


def own_rest(fields: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {
        name: item if type(item) in UNCHANGEABLE else own(item) for name, item in fields.items() if name not in names
    }


def enum_reader(cls: type[Enum]) -> Callable[[Any], Any]:
    members: Mapping[Any, Enum] = {member.value: member for member in cls}

    def read_enum(value: Any) -> Any:
        try:
            return members[value]
        except (KeyError, TypeError):
            # Our enumerations make a member of an unknown word, so that a new one of the platform's reaches the user.
            return cls(read_str(value))

    return read_enum


are_texts = frozenset({str}).issuperset


def read_items(reader: Callable[[Any], Any], value: Any) -> list[Any]:
    if type(value) is not list:
        raise DecodeError(f"expected an array, got {kind_of(value)}")
    entries = typing.cast("list[Any]", value)
    if reader is read_str and are_texts(map(type, entries)):
        return entries.copy()
    try:
        return [reader(item) for item in entries]
    except DecodeError:
        pass
    # Which item it was is told by reading them one by one.
    items: list[Any] = []
    for index, item in enumerate(entries):
        try:
            items.append(reader(item))
        except DecodeError as error:
            raise error.at(str(index)) from None
    return items


def read_some_items(reader: Callable[[Any], Any], value: Any) -> list[Any]:
    items: list[Any] = []
    for item in typing.cast("list[Any]", value) if type(value) is list else ():
        with contextlib.suppress(DecodeError):
            items.append(reader(item))
    return items
