"""Reading a field of any object: items and attributes alike, whichever has it.

Nothing is believed before its type is checked: an object can be a Mock, which has every attribute, or raise.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, cast

import attrs

_MAX_KNOWN_TYPES = 2_000
_MAX_NAMES = 300
"""An object with more names than these is asked for the names that are wanted, instead of being asked for its own."""
_MAPPING_NAMES = frozenset(dir(dict)) | frozenset(dir(Mapping))
_NO_NAMES: frozenset[str] = frozenset()


@attrs.frozen(slots=True)
class TypeAccess:
    """How the fields of one type are read.

    Args:
        names: The names that the class itself has: properties, slots, defaults, methods.
        is_mapping: Fields are items; attributes go before them, since an object that is both can lack items.
        has_extra: Pydantic keeps undeclared fields apart.
        is_dynamic: Only asking for an attribute tells whether it is there.
        is_direct: Fields that the class does not name are in the `__dict__` of an object.
    """

    names: frozenset[str]
    is_mapping: bool
    has_extra: bool
    is_dynamic: bool
    is_direct: bool


_known_types: dict[type, TypeAccess] = {}


def access_of(kind: type) -> TypeAccess:
    """Return how the fields of a type are read; it is looked at once."""
    access = _known_types.get(kind)
    if access is None:
        access = _learn(kind)
        if len(_known_types) >= _MAX_KNOWN_TYPES:  # classes can be made without end
            _known_types.clear()
        _known_types[kind] = access
    return access


def _learn(kind: type) -> TypeAccess:
    try:
        names = frozenset(dir(kind))
        is_mapping = issubclass(kind, Mapping)
        fields = getattr(getattr(kind, "DESCRIPTOR", None), "fields_by_name", None)
        if isinstance(fields, Mapping):  # protobuf, whose attributes are not those of the class everywhere
            names |= frozenset(cast("Mapping[str, Any]", fields))
            return TypeAccess(names, is_mapping=False, has_extra=False, is_dynamic=False, is_direct=False)
        # Pydantic's own __getattr__ gives private attributes and extra fields only, and both are read without it.
        own_getattr = kind.__dict__.get("__getattr__") or getattr(kind, "__getattr__", None)
        has_extra = "__pydantic_extra__" in names
        is_pydantics = has_extra and getattr(own_getattr, "__module__", None) == "pydantic.main"
        is_dynamic = (own_getattr is not None and not is_pydantics) or not _has_usual_access(kind)
    except Exception:
        return TypeAccess(_NO_NAMES, is_mapping=False, has_extra=False, is_dynamic=True, is_direct=False)
    return TypeAccess(
        names,
        is_mapping=is_mapping,
        has_extra=has_extra,
        is_dynamic=is_dynamic,
        is_direct=not is_mapping and not is_dynamic and kind.__dictoffset__ != 0,
    )


def _has_usual_access(kind: type) -> bool:
    owner = next((base for base in kind.__mro__ if "__getattribute__" in base.__dict__), object)
    return owner.__module__ in {"builtins", "types"}


def _is_computed(kind: type, name: str) -> bool:
    """Tell whether a property has the name: to read it can warn, or fetch something."""
    for base in kind.__mro__:
        if name in base.__dict__:
            return isinstance(base.__dict__[name], property | functools.cached_property)
    return False


def field(thing: Any, name: str) -> Any:
    """Return the item or attribute of this name, or None where there is none or reading it fails."""
    kind = type(thing)  # pyright: ignore[reportUnknownVariableType]
    if kind is dict:
        return thing.get(name)
    if thing is None or kind is str:
        return None
    # This is the function that reading calls most: the look-up stands here to save a call.
    access = _known_types.get(kind) or access_of(kind)  # pyright: ignore[reportUnknownArgumentType]
    try:
        if access.is_direct and name not in access.names:
            fields = thing.__dict__
            if name in fields:
                return fields[name]
            return _extra_field(thing, name) if access.has_extra else None
        if access.is_mapping:
            # `items` and `values` are methods of every mapping, whatever its fields are.
            value = None if name in _MAPPING_NAMES else getattr(thing, name, None)
            return thing.get(name) if value is None else value
        return getattr(thing, name, None)
    except Exception:
        return None


def _extra_field(thing: Any, name: str) -> Any:
    if name.startswith("_"):  # pydantic's private attributes
        return getattr(thing, name, None)
    extra = thing.__pydantic_extra__
    return None if extra is None else extra.get(name)


def data_field(thing: object, name: str) -> Any:
    """Return a field as `field` does, unless a property would have to compute it; of a mapping only its items."""
    kind = type(thing)
    if kind is dict or thing is None:
        return field(thing, name)
    access = access_of(kind)
    if access.is_mapping:
        try:
            return cast("Mapping[str, Any]", thing).get(name)
        except Exception:
            return None
    return None if name in access.names and _is_computed(kind, name) else field(thing, name)


def has_any_name(thing: object) -> bool:
    """Tell whether an object claims to have whatever it is asked for, as a Mock does."""
    return field(thing, "no field has this name") is not None


def names_of(thing: object) -> Iterable[str] | None:
    """Return the names of an object's fields, or None where only asking for one tells whether it is there."""
    kind = type(thing)
    if kind is dict:
        fields = cast("dict[str, Any]", thing)
        return fields if len(fields) <= _MAX_NAMES else None
    access = access_of(kind)
    try:
        own: Any = getattr(thing, "__dict__", None) or ()
        if access.is_dynamic and not access.is_mapping:
            return [*own] if has_any_name(thing) else None
        extra: Any = (access.has_extra and cast("Any", thing).__pydantic_extra__) or ()
        items: Any = cast("Any", thing) if access.is_mapping else ()
        if len(own) + len(extra) + len(items) > _MAX_NAMES:
            return None
        return [*items, *own, *extra]
    except Exception:
        return None


def first_of(thing: object, *names: str) -> Any:
    """Return the first of these fields that is not None."""
    for name in names:
        value = field(thing, name)
        if value is not None:
            return value
    return None


def get_path(thing: object, path: str) -> Any:
    """Return the field at the end of a dotted path, or None."""
    for name in path.split("."):
        thing = field(thing, name)
        if thing is None:
            return None
    return thing


def text(value: object) -> str | None:
    """Return a string that is not empty as a plain one, anything else as None."""
    if type(value) is str:
        return value or None
    # A member of an enumeration of strings would become "Kind.TEXT" by way of `str`.
    return str.__str__(value) if isinstance(value, str) and value else None


def as_dict(value: object) -> dict[Any, Any] | None:
    """Return a value that is a dict as one, anything else as None."""
    return cast("dict[Any, Any]", value) if isinstance(value, dict) else None


def is_list(value: object) -> bool:
    """Tell whether the value holds others and can be gone through again, as a stream cannot."""
    kind = type(value)
    if kind is list or kind is tuple:
        return True
    if kind is str or kind is dict or value is None:
        return False
    try:
        return issubclass(kind, Collection) and not issubclass(kind, str | bytes | bytearray | memoryview | Mapping)
    except Exception:
        return False


def items(value: object) -> Iterator[Any]:
    """Yield what a list holds; nothing for anything else, or from where on it fails."""
    if not is_list(value):
        return
    try:
        # A lazy collection, such as the rows of a query, can raise in the middle.
        yield from cast("Collection[Any]", value)
    except Exception:
        return


def first_item(value: object) -> Any:
    """Return the first of what a list holds, or None."""
    return next(items(value), None)
