"""Functions that read objects of a class, written out for it as attrs writes out an `__init__`.

Calling a class with sixty attributes takes longer than all the rest of reading: what its converters and validators
would see to, the readers see to. A loop over a table of the attributes takes a third longer.

Most objects of a class come with the same names. Where such a usual one has as many of them as it should, and each of
those that it should, it has no others, and its values need no look for what else there is.
"""

from __future__ import annotations

import functools
import math
import typing
from enum import Enum
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade._serialization.attributes import computed, has_attributes, is_derived, kind_of_annotation
from xpander_facade._serialization.essential import NOT_NEGATIVE_KEY
from xpander_facade._serialization.values import UNCHANGEABLE, are_texts, own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_MAX_UNKNOWN = 50
"""How many names that are unknown the usual object may have: each is a variable of the function."""


def written_reader(
    cls: Any,
    fields: Iterable[attrs.Attribute[Any]],
    hints: Mapping[str, Any],
    known: dict[str, Any],
    part: Callable[[Any, dict[str, Any], str], Callable[[Any], Any]],
    usual: Iterable[Any],
) -> Callable[[Any], Any]:
    """Return a function that reads objects of a class.

    Args:
        cls: The class.
        fields: Its attributes, in the order in which they are read.
        hints: Their types.
        known: What the function can name: `without_hooks`, the class that objects are made of; `read0` and so on, which
            read a value of any kind; `lacks`, which refuses an object that lacks a required attribute; and
            `populate_in_part`, `rest_of`, `refuse` and perhaps `finish`, which see to what is not usual.
        part: Returns what reads the objects of a class that are parts of these; called with the class, `known`, and the
            name there of what it returns.
        usual: The names that an object had, and most others have, too.
    """
    lines = _Writer(cls, fields, hints, known, part).lines(list(usual))
    # Nothing of the data is in the text: names of attributes are, and all else is handed over in `known`.
    exec("\n".join(lines), known)
    return typing.cast("Callable[[Any], Any]", known["read"])


class _Writer:
    """What writes the lines of a function; arguments as `written_reader`."""

    def __init__(
        self,
        cls: Any,
        fields: Iterable[attrs.Attribute[Any]],
        hints: Mapping[str, Any],
        known: dict[str, Any],
        part: Callable[[Any, dict[str, Any], str], Callable[[Any], Any]],
    ) -> None:
        self._cls = cls
        self._fields = list(enumerate(fields))
        self._hints = hints
        self._known = known
        self._part = part
        self._computed = computed(cls)
        is_whole = known["without_hooks"] is cls
        known |= {
            "cls": cls,
            "make": functools.partial(object.__new__, cls) if is_whole else known["without_hooks"],
            "put": object.__setattr__,
            "own": own,
            "unchangeable": UNCHANGEABLE,
            "are_texts": are_texts,
            "are_unchangeable": UNCHANGEABLE.issuperset,
            "isfinite": math.isfinite,
        }

    def lines(self, usual: list[Any]) -> list[str]:
        """Return the lines of the function."""
        places = {field.name: f"v{n}" for n, field in self._fields}
        rest = {name: f"r{n}" for n, name in enumerate(usual) if name not in places}
        lines = [
            "def read(data):",
            " if type(data) is not dict: refuse(data)",
            *self._lookup(usual, places, rest),
            " item = make()",
            " extra = None",
            " try:",
            *(f"  {self._putting(field.name, self._reading(n, field))}" for n, field in self._fields),
            # Which attribute it was is told by who reads them one by one.
            " except ValueError:",
            "  extra = populate_in_part(item, data)",
        ]
        if "extra" in attrs.fields_dict(self._cls):
            lines += [*self._extra(places, rest), " " + self._putting("extra", "extra")]
        if self._known["without_hooks"] is not self._cls:
            # It has the same layout, so that the object can become one of the real class.
            lines.append(" item.__class__ = cls")
        return [*lines, " return finish(item)" if "finish" in self._known else " return item"]

    def _lookup(self, usual: list[Any], places: dict[str, str], rest: dict[Any, str]) -> list[str]:
        lines = [" is_usual = False"]
        if usual and len(rest) <= _MAX_UNKNOWN:
            for name, place in rest.items():
                self._known[f"name_{place}"] = name
            lines += [
                f" if len(data) == {len(usual)}:",
                "  try:",
                *(f"   {places[name]} = data[{name!r}]" for name in usual if name in places),
                *(f"   {place} = data[name_{place}]" for place in rest.values()),
                *(f"   {place} = None" for name, place in places.items() if name not in usual),
                "   is_usual = True",
                "  except KeyError: pass",
            ]
        names = (f"  {place} = get({name!r})" for name, place in places.items())
        return [*lines, " if not is_usual:", "  get = data.get", *names]

    def _extra(self, places: dict[str, str], rest: dict[Any, str]) -> list[str]:
        known = frozenset({*places, *self._computed})
        self._known["knows"] = known.issuperset
        unusual = "(extra or {}) if knows(data) else rest_of(data, extra)"
        entries: list[str] = []
        for name, place in rest.items():
            if name not in known:
                entries.append(f"name_{place}: {place} if type({place}) in unchangeable else own({place})")
        usual = f"{{{', '.join(entries)}, **(extra or {{}})}}" if entries else "extra or {}"
        return [f" extra = ({usual}) if is_usual else {unusual}"]

    def _putting(self, name: str, value: str) -> str:
        # A class of a user's can be frozen, or have hooks that are called when an attribute is set.
        return f"put(item, {name!r}, {value})" if "finish" in self._known else f"item.{name} = {value}"

    def _reading(self, n: int, field: attrs.Attribute[Any]) -> str:
        """Return the expression that reads an attribute: for a value of the usual type with few calls, or none."""
        value, kind, default = f"v{n}", kind_of_annotation(self._hints.get(field.name, Any)), self._default(n, field)
        otherwise = f"{default} if {value} is None else read{n}({value})"
        if field.validator is not None:
            return otherwise
        if field.metadata.get(NOT_NEGATIVE_KEY):
            return f"{value} if type({value}) is int and {value} >= 0 else {otherwise}"
        if kind is bool:
            return f"{value} if {value} is True or {value} is False else {otherwise}"
        if kind in UNCHANGEABLE:
            if default == "None":
                return f"{value} if {value} is None or type({value}) is {kind.__name__} else read{n}({value})"
            return f"{value} if type({value}) is {kind.__name__} else {otherwise}"
        if kind is float:
            return f"{value} if type({value}) is float and isfinite({value}) else {otherwise}"
        return f"{default} if {value} is None else {self._reading_of_parts(n, kind, value)}"

    def _reading_of_parts(self, n: int, kind: Any, value: str) -> str:
        """Return the expression that reads a value of a type that is none of JSON's own; see `_reading`."""
        known = self._known
        if kind is Any:
            return f"{value} if type({value}) in unchangeable else own({value})"
        if kind is dict or typing.get_origin(kind) is dict:
            is_flat = f"type({value}) is dict and are_unchangeable(map(type, {value}.values()))"
            return f"{value}.copy() if {is_flat} else read{n}({value})"
        if typing.get_origin(kind) is list:
            item: Any = kind_of_annotation(typing.get_args(kind)[0])
            if item is str:
                is_flat = f"type({value}) is list and are_texts(map(type, {value}))"
                return f"{value}.copy() if {is_flat} else read{n}({value})"
            if has_attributes(item):
                known[f"object{n}"] = self._part(item, known, f"object{n}")
                return f"[object{n}(one) for one in {value}] if type({value}) is list else read{n}({value})"
        elif isinstance(kind, type) and issubclass(kind, Enum):
            known[f"members{n}"] = {member.value: member for member in kind}
            return f"type({value}) is str and members{n}.get({value}) or read{n}({value})"
        elif has_attributes(kind):
            known[f"object{n}"] = self._part(kind, known, f"object{n}")
            return f"object{n}({value})"
        return f"read{n}({value})"

    def _default(self, n: int, field: attrs.Attribute[Any]) -> str:
        """Return the expression of an attribute's default."""
        default, name = field.default, f"default{n}"
        if default is attrs.NOTHING:
            return "lacks()"
        self._known[name] = default
        if not isinstance(default, typing.cast("Any", attrs.Factory)):
            return "None" if default is None else name
        factory = typing.cast("Any", default).factory
        self._known[name] = factory
        if is_derived(field):
            return f"{name}(item)"
        # A literal makes the same as list[str] in a tenth of the time.
        return _LITERALS.get(typing.get_origin(factory) or factory, f"{name}()")


_LITERALS: Mapping[Any, str] = {list: "[]", dict: "{}"}
"""How what a factory makes is written."""
