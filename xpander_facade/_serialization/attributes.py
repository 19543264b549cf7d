"""What the attributes of attrs classes tell of themselves: their types, their defaults, what travels beside them."""

from __future__ import annotations

import types
import typing
from typing import Any

import attrs


def has_attributes(annotation: Any) -> bool:
    """Whether an annotation is an attrs class; one that attrs has yet to complete is left as it is."""
    return any("__attrs_attrs__" in vars(base) for base in getattr(annotation, "__mro__", ())) or attrs.has(annotation)


def kind_of_annotation(annotation: Any) -> Any:
    """Return the one type beside None that an annotation names; Any where it names several."""
    if typing.get_origin(annotation) not in (types.UnionType, typing.Union):
        return annotation
    members = [member for member in typing.get_args(annotation) if member is not type(None)]
    return members[0] if len(members) == 1 else Any


def computed(cls: type) -> tuple[str, ...]:
    """Return the names of a class's computed properties that travel, such as a sum."""
    return getattr(cls, "COMPUTED", ())


def is_derived(field: attrs.Attribute[Any]) -> bool:
    """Whether the default of an attribute is made of the rest of its object."""
    return getattr(field.default, "takes_self", False)


def default_for(field: attrs.Attribute[Any], item: Any) -> Any:
    """Return the default of an attribute for an object, which a derived one is made of."""
    default = field.default
    if not isinstance(default, typing.cast("Any", attrs.Factory)):
        return default
    factory = typing.cast("Any", default).factory
    return factory(item) if is_derived(field) else factory()
