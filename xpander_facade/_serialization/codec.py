"""Codec: structures decoded JSON into the facade's attrs classes, and back. No I/O.

A class is read field by field, from its annotations, and from its fifth object on by a function that is written out for
it and for the names that this object has. It takes as long to compile as dozens of objects to read. A null counts as
absent, an absent attribute gets its default, what a class does not know goes to its `extra` where it has one. A value
that an attribute with a default can't hold costs that attribute alone: it gets its default, and `extra` keeps the value
under the attribute's name, so that it is written as it came until the attribute is set. A time that can't be read is
None even where a class has no default for it.
The facade reads the platform's answers with this, straight from the decoded JSON: one pass instead of two (the
generated models first, ours from those), which makes the difference of a factor of two to three in time.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from xpander_facade._serialization.attributes import (
    computed,
    default_for,
    has_attributes,
    is_derived,
    kind_of_annotation,
)
from xpander_facade._serialization.essential import ESSENTIAL_KEY, NOT_NEGATIVE_KEY
from xpander_facade._serialization.values import (
    SIMPLE,
    enum_reader,
    kind_of,
    own,
    own_rest,
    read_bool,
    read_count,
    read_dict,
    read_float,
    read_int,
    read_items,
    read_some_items,
    read_str,
)
from xpander_facade._serialization.values import DecodeError as DecodeError
from xpander_facade._serialization.values import read_time as read_time
from xpander_facade._serialization.values import write_time as write_time
from xpander_facade._serialization.written_readers import written_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


def structure(cls: type[T], data: Any) -> T:
    """Make an instance of an attrs class from decoded JSON.

    Raises:
        DecodeError: The data is not an object, a required attribute is missing, or a value has another type.
    """
    item: T = _plan(cls).read(data)
    return item


def reader(cls: type[T]) -> Callable[[Any], T]:
    """Return the function that `structure` calls for a class; for many objects of one class, one after the other."""
    read: Callable[[Any], T] = _plan(cls).read
    return read


def structure_strictly(cls: type[T], data: Any) -> T:
    """Make an instance of an attrs class from what a user wrote: no value may be one that its attribute can't hold.

    Raises:
        DecodeError: The data is not an object, a required attribute is missing, or a value has another type.
    """
    item = structure(cls, data)
    _check_all_read(item)
    return item


def structure_list(cls: type[T], data: Any) -> list[T]:
    """Make a list of instances from a decoded JSON array; order is kept.

    Raises:
        DecodeError: The data is not an array, or an item does not fit.
    """
    items: list[T] = read_items(_plan(cls).read, data)
    return items


def unstructure(value: Any, *, leave_out: Callable[[type, str], bool] | None = None) -> Any:
    """Return JSON-ready data for a value of the facade's types: attrs objects, enums, times, lists, dicts, plain JSON.

    Args:
        value: What to write.
        leave_out: Asked with a class and the name of an attribute, or of an entry of `extra`; True leaves it out.

    Raises:
        ValueError: It is nested too deep, or holds itself.
    """
    try:
        return _unstructure(value, leave_out)
    except RecursionError:
        raise ValueError(f"{type(value).__name__} is nested too deep to be sent as JSON, or holds itself") from None


def _unstructure(value: Any, leave_out: Callable[[type, str], bool] | None) -> Any:
    if type(value) in SIMPLE:
        return value
    if isinstance(value, str | int | float):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, datetime):
        return write_time(value)
    if isinstance(value, list | tuple):
        entries = typing.cast("list[Any]", value)
        return [_unstructure(item, leave_out) for item in entries]
    if isinstance(value, dict):
        fields = typing.cast("dict[str, Any]", value)
        return {key: _unstructure(item, leave_out) for key, item in fields.items()}
    cls = typing.cast("Any", type(value))
    if not attrs.has(cls):
        return value
    data = {
        name: item if type(item := getattr(value, name)) in SIMPLE else _unstructure(item, leave_out)
        for name in (*_names(cls), *computed(cls))
        if leave_out is None or not leave_out(cls, name)
    }
    extra: dict[str, Any] = data.pop("extra", None) or {}
    for name, item in extra.items():
        if (name not in data or is_unread(value, name)) and (leave_out is None or not leave_out(cls, name)):
            data[name] = item
    return data


def is_unread(value: Any, name: str) -> bool:
    """Whether an attribute is as it was read from what it can't hold, which `extra` keeps under its name."""
    extra: dict[str, Any] = getattr(value, "extra", {})
    field = _plan(type(value)).fields.get(name) if name in extra else None
    if field is None:
        return False
    try:
        field.read(extra[name])
    except DecodeError:
        return bool(getattr(value, name) == field.read_in_part(value, extra[name]))
    return False


def _list_reader(reader: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    return functools.partial(read_items, reader)


_SCALARS: Mapping[Any, Callable[[Any], Any]] = {
    str: read_str,
    int: read_int,
    float: read_float,
    bool: read_bool,
    Any: own,
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
        return _reader(kind_of_annotation(annotation))
    if origin is list:
        return _list_reader(_reader(typing.get_args(annotation)[0]))
    if origin is dict or annotation is dict:
        return read_dict
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return enum_reader(annotation)
    return _object_reader(annotation) if has_attributes(annotation) else own


def _object_reader(cls: Any) -> Callable[[Any], Any]:
    # Planned at the first object: of most classes none ever comes, and one can hold objects of its own class.
    plan: _Plan | None = None

    def read_object(value: Any) -> Any:
        nonlocal plan
        if plan is None:
            plan = _plan(cls)
        return plan.read(value)

    return read_object


class _Field:
    """How an attribute is read.

    Args:
        name: Its name.
        read: Reads what it can hold, and raises DecodeError for anything else.
        default: Makes its default for an object; None where it is required.
        may_be_unread: Whether it gets its default for what it can't hold.
    """

    __slots__ = ("default", "may_be_unread", "name", "read")

    def __init__(
        self, name: str, read: Callable[[Any], Any], default: Callable[[Any], Any] | None, may_be_unread: bool
    ) -> None:
        self.name = name
        self.read = read
        self.default = default
        self.may_be_unread = may_be_unread

    def read_in_part(self, item: Any, value: Any) -> Any:
        """Return what can be read of a value that it can't hold: the items of a list that fit, else the default."""
        read: Any = self.read
        if isinstance(read, functools.partial) and typing.cast("Any", read).func is read_items:
            return read_some_items(typing.cast("Any", read).args[0], value)
        return None if self.default is None else self.default(item)


WRITTEN_OUT_AFTER = 4
"""Objects of a class that are read field by field before a function is written out for it."""


class _Plan:
    """How a class is read.

    Args:
        cls: The class.
        fields: How each attribute is read, by its name, in this order.
        write_out: Makes, of an object to go by, the function that reads objects of the class fast.
    """

    __slots__ = ("_cls", "_has_extra", "_known", "_read_before", "_write_out", "fields", "read")

    def __init__(
        self, cls: Any, fields: Mapping[str, _Field], write_out: Callable[[Any], Callable[[Any], Any]]
    ) -> None:
        self._cls = cls
        self._write_out = write_out
        self._known = frozenset({*fields, *computed(cls)})
        self._has_extra = "extra" in attrs.fields_dict(cls)
        self._read_before = 0
        self.fields = fields
        self.read: Callable[[Any], Any] = self._read_by_field

    @property
    def is_written_out(self) -> bool:
        """Whether `read` is the function that is written out."""
        return self.read != self._read_by_field

    def _read_by_field(self, data: Any) -> Any:
        if self._read_before >= WRITTEN_OUT_AFTER:
            if not self.is_written_out:
                self.read = self._write_out(data)
            return self.read(data)  # who reads a list has asked for the function before
        self._read_before += 1
        if type(data) is not dict:
            _refuse_other(self._cls, data)
        item = object.__new__(self._cls)
        given = typing.cast("dict[str, Any]", data)
        unread = _populate_in_part(self.fields, item, given)
        if self._has_extra:
            object.__setattr__(item, "extra", _rest(self._known, given, unread))
        return item if _is_ours(self._cls) else _finished(self._cls, item)


def _new_plan(cls: Any) -> _Plan:
    hints = _hints(cls)
    # What is made from the rest of the object comes last.
    fields = sorted((field for field in attrs.fields(cls) if field.name != "extra"), key=is_derived)
    plans = {field.name: _field_plan(field, hints.get(field.name, Any)) for field in fields}

    def write_out(usual: Any) -> Callable[[Any], Any]:
        known = {
            "without_hooks": _without_hooks(cls),
            "lacks": functools.partial(_lacks, cls.__name__),
            "populate_in_part": functools.partial(_populate_in_part, plans),
            "rest_of": functools.partial(_rest, frozenset({*plans, *computed(cls)})),
            "refuse": functools.partial(_refuse_other, cls),
            **{f"read{n}": plan.read for n, plan in enumerate(plans.values())},
        }
        if not _is_ours(cls):
            known["finish"] = functools.partial(_finished, cls)
        names = typing.cast("dict[Any, Any]", usual) if type(usual) is dict else ()
        return written_reader(cls, fields, hints, known, _reader_until_written, names)

    return _Plan(cls, plans, write_out)


_plan: Callable[[Any], _Plan] = functools.cache(_new_plan)


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == __name__.partition(".")[0]


def _hints(cls: Any) -> dict[str, Any]:
    """Return a class's annotations; one that only a type checker can resolve stands for any JSON."""
    try:
        return typing.get_type_hints(cls)
    except Exception:
        hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        known = vars(sys.modules.get(base.__module__, object))
        try:
            annotations = inspect.get_annotations(base)
        except Exception:  # Python 3.14 resolves them only now
            continue
        for name, annotation in annotations.items():
            one: Any = types.SimpleNamespace(__annotations__={name: annotation})
            try:
                hints |= typing.get_type_hints(one, dict(known), dict(typing.cast("dict[str, Any]", vars(base))))
            except Exception:
                hints[name] = Any
    return hints


def _field_plan(field: attrs.Attribute[Any], annotation: Any) -> _Field:
    read = read_count if field.metadata.get(NOT_NEGATIVE_KEY) else _reader(annotation)
    if field.validator is not None:
        read = functools.partial(_check, field, read)
    default = functools.partial(default_for, field)
    is_required = field.default is attrs.NOTHING
    may_be_unread = (not is_required or read is read_time) and not field.metadata.get(ESSENTIAL_KEY)
    return _Field(field.name, read, None if is_required else default, may_be_unread)


def _populate_in_part(plans: Mapping[str, _Field], item: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Put all attributes into an object, and return the values that theirs can't hold.

    Raises:
        DecodeError: A required attribute is missing, or can't be read; the text says where.
    """
    unread: dict[str, Any] = {}
    for name, field in plans.items():
        raw = fields.get(name)
        try:
            if raw is None:
                value = field.default(item) if field.default is not None else _lacks(type(item).__name__)
            else:
                value = field.read(raw)
        except DecodeError as error:
            if raw is None or not field.may_be_unread:
                raise error.at(name) from None
            value = field.read_in_part(item, raw)
            if (kept := own(raw)) is not None:
                unread[name] = kept
        object.__setattr__(item, name, value)
    return unread


def _check_all_read(value: Any) -> None:
    """Check that no attribute of an object, or of one in it, was left at its default for what it can't hold.

    Raises:
        DecodeError: One was.
    """
    if isinstance(value, list):
        for index, item in enumerate(typing.cast("list[Any]", value)):
            try:
                _check_all_read(item)
            except DecodeError as error:
                raise error.at(str(index)) from None
    elif attrs.has(typing.cast("Any", type(value))):
        extra: dict[str, Any] = getattr(value, "extra", {})
        for name, field in _plan(type(value)).fields.items():
            try:
                if name in extra:
                    field.read(extra[name])
                _check_all_read(getattr(value, name))
            except DecodeError as error:
                raise error.at(name) from None


def _finished(cls: Any, item: Any) -> Any:
    """Return an object of a class that is not ours, with what making one of that class does beyond its attributes."""
    if any("__init__" in vars(base) and "__attrs_attrs__" not in vars(base) for base in _own_bases(cls)):
        attributes = {field.alias: getattr(item, field.name) for field in attrs.fields(cls) if field.init}
        try:
            inspect.signature(cls).bind(**attributes)
        except TypeError:  # it wants arguments of its own
            return item
        return cls(**attributes)
    if hasattr(cls, "__attrs_post_init__"):
        item.__attrs_post_init__()
    return item


def _own_bases(cls: Any) -> list[Any]:
    return [base for base in cls.__mro__ if not _is_ours(base) and base is not object]


def _reader_until_written(cls: Any, known: dict[str, Any], name: str) -> Callable[[Any], Any]:
    """Return what reads objects that are parts of others, and what puts in its own place what is written out for them.

    Args:
        cls: The class.
        known: The names of the function that reads the others.
        name: The name there.
    """

    def read_object(value: Any) -> Any:
        plan = _plan(cls)
        if plan.is_written_out:
            known[name] = plan.read
        return plan.read(value)

    return read_object


def _without_hooks(cls: Any) -> Any:
    """Return a class without its hooks, which setting an attribute would call before the object is whole.

    A class that is not ours stays as it is: a subclass would run hooks of its own.
    """
    if not _is_ours(cls) or cls.__setattr__ is object.__setattr__:
        return cls
    body = {"__slots__": (), "__init__": object.__init__, "__setattr__": object.__setattr__}
    return type(cls.__name__, (cls,), body)


def _rest(names: frozenset[str], fields: dict[str, Any], unread: dict[str, Any] | None) -> dict[str, Any]:
    rest = own_rest(fields, names)
    return rest | unread if unread else rest


def _refuse_other(cls: type, data: Any) -> typing.NoReturn:
    raise DecodeError(f"expected an object for {cls.__name__}, got {kind_of(data)}")


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


@functools.cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(cls))
