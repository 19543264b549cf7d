"""The way from any object to JSON-ready data: never an error, and bounded in time and size.

Values are written as pydantic's JSON mode writes them. An object that is met again is written once and referred to by a
JSON pointer: `{"$ref": "#/agent"}`. Arrays and tables are written as their shape and their first entries, marked
`"_shortened"`.
"""

from __future__ import annotations

import contextlib
import enum
import json
import math
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence, ValuesView
from collections.abc import Set as AnySet
from typing import Any, cast

import attrs

from xpander_facade._serialization.models import data_of, is_hidden, is_tree, items_of
from xpander_facade._serialization.scalars import MAX_BITS, UNSUPPORTED, key_of, scalar_of
from xpander_facade._serialization.tables import head_of

Simplify = Callable[[object], object]
"""Returns a simpler object for one that is not JSON, or the object itself."""

REFERENCE = "$ref"
SHORTENED = "_shortened"

# A level takes up to five frames of the interpreter's thousand, and the caller has taken some already.
_MAX_DEPTH = 100
_MAX_ENTRIES = 10_000
_MAX_NODES = 2_000_000
_MAX_OBJECTS = 20_000
_MAX_REPR = 2_000
_SMALL = 64
"""A list or mapping of JSON that comes again is written again if it holds no more than this."""
_SIMPLE = frozenset({str, bool, type(None)})
_TOO_LARGE = 1 << (MAX_BITS - 1)
"""The first whole number with as many bits as none may have. To compare with it is cheaper than to count bits."""
_NAMES = frozenset({str})
_type_of: Callable[[Any], Any] = type  # a cast of each type would cost more than the look at it
_HELD_BY = (list, tuple, set, frozenset)
_CONTAINERS = (Sequence, AnySet, ValuesView)
"""What holds its entries, where other collections may fetch them when asked."""
_FIRST = (
    "usage", "usage_metadata", "token_usage", "usage_details", "metrics", "model", "id", "text", "output_text",
    "final_output", "output", "content", "result", "raw", "message",
)  # fmt: skip
"""Fields that are written before the others of an object, so that they are there when no more may be written."""


@attrs.frozen
class Ready:
    """Data that is JSON-ready already.

    Args:
        data: It is written as it is.
    """

    data: Any


_SMALL_JSON = 100_000
"""How many characters a small value has at most; a node that is not a text counts as `_NODE` of them."""
_NODE = 10
_SCALARS = frozenset({str, int, float, bool, type(None)})


def is_small_json(value: object) -> bool:
    """Whether a value is JSON of Python's own types, and so small that writing it takes no time worth mentioning.

    No subclass counts, since its methods may be anybody's.
    """
    room = _SMALL_JSON
    waiting: list[list[Any]] = [[value]]
    while waiting:
        for item in waiting.pop():
            kind = _type_of(item)
            room -= len(item) if kind is str else _NODE
            if room < 0:
                return False
            if kind is dict:
                if not _NAMES.issuperset(map(type, item)):
                    return False
                waiting.append(list(item.values()))
            elif kind is list:
                waiting.append(item)
            elif kind not in _SCALARS:
                return False
    return True


def small_copy(value: object) -> Ready | None:
    """Return a copy of a value of which `is_small_json` is true and that has few entries; None of any other.

    The copy is what `to_jsonable` returns; both are known after one walk.
    """
    try:
        return Ready(_small_copy(value, [_SMALL_JSON, _SMALL]))
    except (_NotSmallJsonError, RuntimeError):
        return None


def _small_copy(value: Any, room: list[int]) -> Any:
    kind = _type_of(value)
    room[0] -= len(value) if kind is str else _NODE
    if kind is dict:
        # Copied before it is looked at: what another thread puts into the value from now on is not in the copy.
        entries: dict[Any, Any] = value.copy()
        room[1] -= len(entries)
        if room[1] < 0 or not _NAMES.issuperset(map(type, entries)):
            raise _NotSmallJsonError
        for name, item in entries.items():
            inner = _type_of(item)
            if inner is str:
                room[0] -= len(item)
            elif inner not in _SIMPLE and not (inner is int and -_TOO_LARGE < item < _TOO_LARGE):
                entries[name] = _small_copy(item, room)
        value = entries
    elif kind is list:
        room[1] -= len(value)
        if room[1] < 0:
            raise _NotSmallJsonError
        value = [_small_copy(item, room) for item in value]
    elif kind is float:
        value = value if math.isfinite(value) else None
    elif kind not in _SIMPLE and not (kind is int and -_TOO_LARGE < value < _TOO_LARGE):
        raise _NotSmallJsonError
    if room[0] < 0:
        raise _NotSmallJsonError
    return value


@attrs.define
class _Context:
    """What is known on the way through one value.

    Args:
        simplify: Gives a simpler object for one that is not JSON.
        shortens: Arrays and tables are written as their shape and first entries.
        room: How many entries may still be taken; None for all, those of collections that fetch them too.
        nodes: How many nodes may still be visited.
        objects: How many of them may be objects that are not JSON.
        characters: How many characters such objects may still take, where they are not a tree.
        is_limited: The object on the way is not a tree: what it holds is limited.
        is_tree: It is one: nothing in it comes twice.
        unsupported: The types that JSON has no form for.
        seen: What was written, by its identity: the thing itself, where it is, and how many nodes it holds.
    """

    simplify: Simplify | None = None
    shortens: bool = True
    room: int | None = None
    nodes: int = _MAX_NODES
    objects: int = _MAX_OBJECTS
    characters: int = 1_000_000
    is_limited: bool = False
    is_tree: bool = False
    unsupported: list[str] = attrs.field(factory=list[str])
    seen: dict[int, _Seen] = attrs.field(factory=dict[int, "_Seen"])

    def enter(self, collection: Collection[Any]) -> None:
        """Count the entries of a collection."""
        length = len(collection)
        self.nodes -= length
        if self.room is not None:
            self.room -= length
            if self.room < 0:
                raise _TooManyError


@attrs.define
class _Seen:
    value: Any
    path: _Path
    size: int | None = None


_Path = tuple["_Path", "str | int"] | None


class _TooManyError(Exception):
    """A value has more entries than are wanted."""


class _NotSmallJsonError(Exception):
    """A value is not JSON of Python's own types, or has many entries."""


def to_jsonable(value: Any, *, simplify: Simplify | None = None, shorten: bool = True, limit: int = 1_000_000) -> Any:
    """Return JSON-ready data for any object.

    JSON stays as it is. Models of pydantic are taken by `model_dump(mode="json")` where nothing in them comes twice;
    else they, attrs classes, dataclasses and protobuf messages are written by their fields, others by `to_dict()`. A
    field that its class does not show in its `repr` may be a secret, and stays where it is. What is left is written by
    its `repr`, with one warning for the whole value.

    Args:
        value: The object.
        simplify: Gives a simpler object for one that is not JSON, as `xpander_facade.usage.snapshot` does.
        shorten: Write arrays and tables as their shape and first entries, and objects up to `limit`.
        limit: How many characters objects that are not JSON may take together.
    """
    if isinstance(value, Ready):
        return value.data
    try:
        return _copied(value, [_SMALL])
    except (_NotSmallJsonError, RuntimeError):  # what another thread changes meanwhile is an odd value, too
        pass
    context = _Context(simplify=simplify, shortens=shorten)
    if shorten:
        context.characters = limit * 4 // 5  # the rest is punctuation
    else:
        context.characters, context.objects = 100 * limit, _MAX_NODES
    try:
        data = _convert(value, context, None, 0)
    except Exception:
        data = _unsupported(value, context)
    if context.unsupported:
        kinds = ", ".join(sorted(set(context.unsupported)))
        # Where warnings are errors, a debug field still costs no report.
        with contextlib.suppress(UserWarning):
            warnings.warn(f"llm_response holds what JSON has no form for ({kinds}); its repr is sent", stacklevel=4)
    return data


def to_text(value: Any) -> str:
    """Return a text for any object: a text as it is, anything else as JSON.

    A collection with more entries than anybody reads is named by its type and length, and what may have to fetch its
    entries by its type.
    """
    if isinstance(value, str):
        return str.__str__(value)
    context = _Context(room=_MAX_ENTRIES)
    try:
        data = _convert(value, context, None, 0)
        return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    except _TooManyError:
        length = len(cast("Any", value)) if isinstance(value, (*_CONTAINERS, Mapping)) else 0
        size = length if length > _MAX_ENTRIES else f"more than {_MAX_ENTRIES} entries"
        return f"<{type(cast('Any', value)).__name__} of {size}>"
    except Exception:
        return _unsupported(value, context)


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


def _copied(value: Any, room: list[int]) -> Any:
    """Return a copy of JSON that has so few entries that what comes in it again is written again.

    Args:
        value: The JSON.
        room: How many entries there may still be, as the one item of the list.

    Raises:
        _NotSmallJsonError: It has more entries, or something in it is not JSON.
    """
    kind = _type_of(value)
    if kind in _SIMPLE:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is int and -_TOO_LARGE < value < _TOO_LARGE:
        return value
    if kind is dict:
        room[0] -= len(value)
        if room[0] >= 0:
            # Copied before it is looked at: what another thread puts into the value from now on is not in the copy.
            entries: dict[Any, Any] = value.copy()
            if _NAMES.issuperset(map(type, entries)):
                for name, item in entries.items():
                    kind = _type_of(item)
                    if kind not in _SIMPLE and not (kind is int and -_TOO_LARGE < item < _TOO_LARGE):
                        entries[name] = _copied(item, room)
                return entries
    elif kind is list:
        room[0] -= len(value)
        if room[0] >= 0:
            return [item if type(item) in _SIMPLE else _copied(item, room) for item in value]
    raise _NotSmallJsonError


def _convert(value: Any, context: _Context, path: _Path, depth: int) -> Any:
    kind = cast("Any", type(value))
    if kind in _SIMPLE:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is int and value.bit_length() < MAX_BITS:
        return value
    is_json = kind is dict or kind is list
    if not is_json:
        scalar = scalar_of(value)
        if scalar is not UNSUPPORTED:
            return scalar
    seen = context.seen.get(id(value))
    if seen is not None and (not is_json or seen.size is None or seen.size > _SMALL):
        if is_json and seen.size is None:
            context.unsupported.append(kind.__name__)  # it holds itself
        return _reference(seen, context)
    if depth > _MAX_DEPTH or context.nodes <= 0:
        if is_json:
            context.unsupported.append(kind.__name__)
            return _name(value)
        return {SHORTENED: kind.__name__}
    before = context.nodes
    # It holds the value, too: the id of one that was given up meanwhile could be another object's.
    entry = context.seen[id(value)] = _Seen(value, path)
    try:
        if is_json or isinstance(value, Mapping | tuple):
            data = _container(value, context, path, depth)
        else:
            data = _object(value, context, path, depth)
    except _TooManyError:
        raise
    except Exception:  # one odd value costs itself only
        data = _unsupported(value, context)
    entry.size = before - context.nodes
    return data


def _container(value: Any, context: _Context, path: _Path, depth: int) -> Any:
    if isinstance(value, Mapping):
        if type(value) is not dict:  # pyright: ignore[reportUnknownArgumentType]
            value = items_of(value)
            context.seen[id(value)] = _Seen(value, path)
        context.enter(cast("Mapping[Any, Any]", value))
        data: dict[str, Any] = {}
        fields = cast("dict[Any, Any]", value)
        for key, item in fields.items():
            name = key if type(key) is str else key_of(key)
            if context.is_limited:
                context.characters -= len(name) + (len(item) if isinstance(item, str) else 0) + 6
                if context.characters < 0:
                    data[SHORTENED] = f"{len(fields) - len(data)} more"
                    break
            data[name] = item if type(item) in _SIMPLE else _convert(item, context, (path, name), depth + 1)
        return data
    context.enter(value)
    listed: list[Any] = []
    for number, item in enumerate(value):
        if context.is_limited:
            context.characters -= len(item) + 4 if isinstance(item, str) else 4
            if context.characters < 0:
                listed.append({SHORTENED: f"{len(value) - number} more"})
                break
        listed.append(item if type(item) in _SIMPLE else _convert(item, context, (path, number), depth + 1))
    return listed


def _object(value: Any, context: _Context, path: _Path, depth: int) -> Any:
    if is_hidden(value):
        return _unsupported(value, context)
    if context.simplify is not None:
        simple = context.simplify(value)
        if simple is not value:
            context.seen[id(simple)] = _Seen(simple, path)
            return _convert_parts(simple, context, path, depth)
    if context.shortens and (head := head_of(value)) is not None:
        context.nodes -= 1
        return _convert_parts(head, context, path, depth)
    if isinstance(value, enum.Enum):
        return _convert_parts(value.value, context, path, depth)
    if isinstance(value, _HELD_BY):
        return _container(list(cast("Collection[Any]", value)), context, path, depth)
    if context.is_tree or context.is_limited:
        return _data(value, context, path, depth)
    # Asked once, for the outermost object: its answer holds for all that is in it.
    context.is_tree = is_tree(value)
    context.is_limited = not context.is_tree
    try:
        return _data(value, context, path, depth)
    finally:
        context.is_tree = context.is_limited = False


def _data(value: Any, context: _Context, path: _Path, depth: int) -> Any:
    context.nodes -= 1
    if context.is_limited:
        context.objects -= 1
        if context.objects < 0 or context.characters < 0:
            return {SHORTENED: type(value).__name__}
    data = data_of(value, can_dump=context.is_tree)
    if data is UNSUPPORTED:
        kinds = Collection if context.room is None else _CONTAINERS
        if isinstance(value, kinds):
            return _container(list(cast("Collection[Any]", value)), context, path, depth)
        if context.room is not None and hasattr(value, "__iter__"):
            return f"<{type(value).__name__}>"  # a query's repr asks the database, too
        return _unsupported(value, context)
    return _convert_parts(data, context, path, depth)


def _convert_parts(data: Any, context: _Context, path: _Path, depth: int) -> Any:
    """Write what an object consists of; where it is limited, the fields that tell most first."""
    if not isinstance(data, Mapping):
        return _convert(data, context, path, depth + 1)
    if not context.is_limited:
        return _container(data, context, path, depth)
    fields = cast("Mapping[Any, Any]", data)
    context.enter(fields)
    first = [name for name in _FIRST if name in fields]
    done: dict[Any, Any] = {}
    for name in (*first, *(name for name in fields if name not in _FIRST)):
        item = fields[name]
        key = name if type(name) is str else key_of(name)
        left = context.characters = context.characters - len(key) - 6
        if isinstance(item, str):
            context.characters -= len(item)
            done[name] = item if context.characters > 0 else item[: max(_MAX_REPR, left)]
        elif left < 0:
            done[name] = {SHORTENED: type(item).__name__}
        else:
            done[name] = _convert(item, context, (path, key), depth + 1)
    return {name if type(name) is str else key_of(name): done[name] for name in fields}


def _reference(seen: _Seen, context: _Context) -> dict[str, str]:
    """Return what refers to a thing that is written elsewhere."""
    if context.characters < 0:
        return {SHORTENED: type(seen.value).__name__}
    pointer = _pointer(seen.path)
    context.characters -= len(pointer) + 12
    return {REFERENCE: pointer}


def _pointer(path: _Path) -> str:
    parts: list[str] = []
    while path is not None:
        path, name = path
        parts.append(str(name).replace("~", "~0").replace("/", "~1"))
    return "#" + "".join(f"/{part}" for part in reversed(parts))


def _name(value: Any) -> str:
    return f"<{type(value).__name__}>"


def _unsupported(value: Any, context: _Context) -> str:
    context.unsupported.append(type(value).__name__)
    if cast("Any", type(value)).__repr__ is object.__repr__ or isinstance(value, Mapping | tuple | list | AnySet):
        return _name(value)  # an address tells nothing, and what holds others can be without end
    try:
        return repr(value)[:_MAX_REPR]
    except Exception:
        return _name(value)
