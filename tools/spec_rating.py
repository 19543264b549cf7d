"""What a change of `openapi.yaml` means for the users of this package, whose installed client stays as it is.

Compares two contracts part by part and rates each difference for the way it travels: what the client sends, and what
it reads. The rules say what today's client does, as `tests/contract/test_newer_platform.py` shows: its enumerations are
open, what it does not know goes to `extra`, a null counts as absent. So a new value breaks nobody, whatever a general
tool says; a new required member of a body does. Pure; `tools/spec_diff` is the command.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Node = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
LOWER = ("maximum", "maxLength", "maxItems", "maxProperties")
UPPER = ("minimum", "minLength", "minItems", "minProperties")
OTHER = ("pattern", "format", "const", "multipleOf", "uniqueItems")
SENT, READ = "sent", "read"


class Level(IntEnum):
    """How bad it is."""

    FINE = 0
    NOTICE = 1
    BREAKS = 2


@dataclass(frozen=True, order=True)
class Change:
    """One difference: how bad, where, and what it means."""

    level: Level
    where: str
    what: str


@dataclass
class Shape:
    """What a schema says, its references followed and its compositions merged. No types means any JSON."""

    types: set[str] = field(default_factory=set)
    known: list[Any] = field(default_factory=list)
    is_open: bool = True
    members: dict[str, Node] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    items: Node | None = None
    limits: dict[str, Any] = field(default_factory=dict)
    variants: set[str] = field(default_factory=set)


class Contract:
    """One of the two documents."""

    def __init__(self, document: Node) -> None:
        self.document = document
        self.schemas: dict[str, Node] = document.get("components", {}).get("schemas", {})

    def follow(self, node: Node) -> Node:
        """Return what a reference leads to."""
        while "$ref" in node:
            target: Any = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def operations(self) -> dict[tuple[str, str], Node]:
        """Return the operations by method and path."""
        found: dict[tuple[str, str], Node] = {}
        for path, item in self.document.get("paths", {}).items():
            item = self.follow(item)
            for method in METHODS:
                if method in item:
                    shared = item.get("parameters", [])
                    operation = {**item[method], "parameters": [*shared, *item[method].get("parameters", [])]}
                    found[(method.upper(), path)] = operation
        return found

    def shape(self, node: Node, depth: int = 0) -> Shape:
        """Merge what a schema and its parts say."""
        node = self.follow(node)
        types = node.get("type", [])
        shape = Shape(types={types} if isinstance(types, str) else set(types))
        if "enum" in node:
            shape.known, shape.is_open = list(node["enum"]), False
        shape.members = dict(node.get("properties", {}))
        shape.required = set(node.get("required", ()))
        shape.items = node.get("items")
        shape.limits = {name: node[name] for name in (*LOWER, *UPPER, *OTHER) if name in node}
        if depth > 8:
            return shape
        for part in node.get("allOf", ()):
            inner = self.shape(part, depth + 1)
            shape.types = shape.types & inner.types if shape.types and inner.types else shape.types | inner.types
            shape.members |= inner.members
            shape.required |= inner.required
            shape.limits |= inner.limits
            shape.items = shape.items or inner.items
        parts = [*node.get("anyOf", ()), *node.get("oneOf", ())]
        if parts:
            self._alternatives(shape, parts, depth)
        return shape

    def _alternatives(self, shape: Shape, parts: list[Node], depth: int) -> None:
        inner = [self.shape(part, depth + 1) for part in parts]
        shape.types = set() if any(not one.types for one in inner) else set().union(*(one.types for one in inner))
        inline = [one for one, part in zip(inner, parts, strict=True) if "$ref" not in part]
        shape.known += [value for one in inline for value in one.known if value not in shape.known]
        texts = [one for one in inner if one.types != {"null"}]
        shape.is_open = any(one.is_open for one in texts) or not shape.known
        if len(texts) == 1:
            (only,) = texts
            shape.members |= only.members
            shape.required |= only.required
            shape.limits |= only.limits
            shape.items = shape.items or only.items
        shape.variants = {part["$ref"].rpartition("/")[2] for part in parts if "$ref" in part}


def rate(base: Node, revision: Node) -> list[Change]:
    """Return the differences of two contracts, the worst first."""
    old, new = Contract(base), Contract(revision)
    found: set[Change] = set()
    found |= set(_operations(old, new))
    travelling = [_ways(old), _ways(new)]
    for name in old.schemas.keys() & new.schemas.keys():
        ways = frozenset(way for side in travelling for way, names in side.items() if name in names)
        found |= set(_schemas(old, new, old.schemas[name], new.schemas[name], name, ways))
    if base.get("security") != revision.get("security"):
        found.add(Change(Level.BREAKS, "security", "the way to authenticate changed"))
    if base.get("servers") != revision.get("servers"):
        found.add(Change(Level.NOTICE, "servers", "changed: check the URL rules of Configuration"))
    worst: dict[tuple[str, str], Change] = {}
    for change in sorted(found):
        worst[(change.where, change.what)] = change
    return sorted(worst.values(), key=lambda change: (-change.level, change.where, change.what))


def _ways(contract: Contract) -> dict[str, set[str]]:
    """Tell which components are sent, and which are read."""
    operations = list(contract.operations().values())
    sent = [[operation.get("requestBody", {}), operation["parameters"]] for operation in operations]
    read = [operation.get("responses", {}) for operation in operations]
    return {SENT: _reached(contract, sent), READ: _reached(contract, read)}


def _reached(contract: Contract, part: Any) -> set[str]:
    found: set[str] = set()
    waiting = [part]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                name = reference.rpartition("/")[2]
                if name not in found:
                    found.add(name)
                    waiting.append(contract.follow(node))
            waiting += [value for key, value in node.items() if key not in ("example", "examples", "links")]
    return found


# --- operations ---


def _operations(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = old.operations(), new.operations()
    for key in before.keys() - after.keys():
        name = before[key].get("operationId", "")
        yield Change(Level.BREAKS, name, f"{key[0]} {key[1]} is gone: its verbs answer 404 or 405")
    for key in after.keys() - before.keys():
        yield Change(Level.FINE, after[key].get("operationId", ""), f"{key[0]} {key[1]} is new")
    for key in before.keys() & after.keys():
        one, other = before[key], after[key]
        name = other.get("operationId", "")
        if one.get("operationId") != name:
            yield Change(Level.NOTICE, name, f"was {one.get('operationId')}: Backend.api has it under another name")
        if one.get("security") != other.get("security"):
            yield Change(Level.BREAKS, name, "the way to authenticate changed")
        yield from _parameters(old, new, one, other, name)
        yield from _bodies(old, new, one, other, name)
        yield from _answers(old, new, one, other, name)


def _parameters(old: Contract, new: Contract, one: Node, other: Node, name: str) -> Iterator[Change]:
    def listed(contract: Contract, operation: Node) -> dict[tuple[str, str], Node]:
        found = [contract.follow(parameter) for parameter in operation["parameters"]]
        return {(parameter["in"], parameter["name"]): parameter for parameter in found}

    before, after = listed(old, one), listed(new, other)
    for key in after.keys() | before.keys():
        where = f"{name} {key[0]} {key[1]}"
        if key not in before:
            level = Level.BREAKS if after[key].get("required") else Level.FINE
            yield Change(level, where, "is new and required" if level else "is new; it can be left out")
        elif key not in after:
            yield Change(Level.BREAKS, where, "is gone: who gives it is not heard")
        else:
            if after[key].get("required") and not before[key].get("required"):
                yield Change(Level.BREAKS, where, "is required now")
            schemas = before[key].get("schema", {}), after[key].get("schema", {})
            yield from _schemas(old, new, *schemas, where, frozenset({SENT}))


def _bodies(old: Contract, new: Contract, one: Node, other: Node, name: str) -> Iterator[Change]:
    before, after = (c.follow(o.get("requestBody", {})) for c, o in ((old, one), (new, other)))
    if after.get("required") and not before.get("required"):
        yield Change(Level.BREAKS, f"{name} body", "is required now")
    if before and not after:
        yield Change(Level.BREAKS, f"{name} body", "is gone: what is given is not read")
    yield from _contents(old, new, before.get("content", {}), after.get("content", {}), f"{name} body", SENT)


def _answers(old: Contract, new: Contract, one: Node, other: Node, name: str) -> Iterator[Change]:
    before, after = one.get("responses", {}), other.get("responses", {})
    for status in {str(s) for s in before} | {str(s) for s in after}:
        where = f"{name} {status}"
        first, second = ({str(k): v for k, v in side.items()}.get(status) for side in (before, after))
        if first is None:
            good = status.startswith("2")
            yield Change(Level.NOTICE if good else Level.FINE, where, "is a new answer")
        elif second is None:
            good = status.startswith("2")
            yield Change(Level.BREAKS if good else Level.FINE, where, "is no answer any more")
        else:
            contents = old.follow(first).get("content", {}), new.follow(second).get("content", {})
            yield from _contents(old, new, *contents, where, READ)


def _contents(old: Contract, new: Contract, one: Node, other: Node, where: str, way: str) -> Iterator[Change]:
    for media in one.keys() - other.keys():
        yield Change(Level.BREAKS, where, f"is no {media} any more")
    for media in other.keys() - one.keys():
        yield Change(Level.FINE if way == SENT or one else Level.NOTICE, where, f"may be {media} too")
    for media in one.keys() & other.keys():
        schemas = one[media].get("schema", {}), other[media].get("schema", {})
        yield from _schemas(old, new, *schemas, where, frozenset({way}))


# --- schemas ---


def _schemas(
    old: Contract, new: Contract, one: Node, other: Node, where: str, ways: Iterable[str], optional: bool = False
) -> Iterator[Change]:
    (first, was_null), (second, is_null) = _reference(one), _reference(other)
    if first is not None and first == second:
        # the component itself is compared under its own name
        before, after = (Shape(types={"it", "null"} if null else {"it"}) for null in (was_null, is_null))
    else:
        one, other = _without_common(one, other)
        before, after = old.shape(one), new.shape(other)
    for way in ways:
        yield from (_types_sent if way == SENT else _types_read)(before, after, where, optional)
        yield from _values(before, after, where, way)
        yield from _members(before, after, where, way)
    yield from _limits(before, after, where, ways)
    gone, come = before.variants - after.variants, after.variants - before.variants
    if len(before.variants | after.variants) > 1:
        for name in come:
            yield Change(Level.NOTICE if READ in ways else Level.FINE, where, f"may be a {name} too")
        for name in gone:
            yield Change(Level.BREAKS if SENT in ways else Level.FINE, where, f"is no {name} any more")
    elif gone and come:
        yield Change(Level.BREAKS, where, f"is a {min(come)}, was a {min(gone)}")
    for name in before.members.keys() & after.members.keys():
        member = before.members[name], after.members[name]
        yield from _schemas(old, new, *member, f"{where}.{name}", ways, name not in after.required)
    if before.items is not None and after.items is not None:
        yield from _schemas(old, new, before.items, after.items, f"{where}[]", ways)


def _reference(node: Node) -> tuple[str | None, bool]:
    """Return the component that a schema consists of, and whether null may stand in its place."""
    if "$ref" in node:
        return node["$ref"], False
    parts = [part for part in node.get("anyOf", ()) if part.get("type") != "null"]
    if len(parts) == 1 and "$ref" in parts[0]:
        return parts[0]["$ref"], len(node["anyOf"]) > 1
    return None, False


def _without_common(one: Node, other: Node) -> tuple[Node, Node]:
    """Take the components that both include out of them, since those are compared under their own names."""
    included = [{part["$ref"] for part in node.get("allOf", ()) if "$ref" in part} for node in (one, other)]
    common = included[0] & included[1]
    if not common:
        return one, other
    first, second = (
        {**node, "allOf": [part for part in node["allOf"] if part.get("$ref") not in common]} for node in (one, other)
    )
    return first, second


def _types_sent(before: Shape, after: Shape, where: str, optional: bool) -> Iterator[Change]:
    if after.types and not before.types:
        yield Change(Level.BREAKS, where, f"took any JSON, takes only {_names(after.types)}")
    elif after.types and before.types - _wide(after.types):
        yield Change(Level.BREAKS, where, f"takes no {_names(before.types - _wide(after.types))} any more")
    elif before.types and (not after.types or after.types - _wide(before.types)):
        yield Change(Level.FINE, where, f"takes {_names(after.types - before.types) or 'any JSON'} too")


def _types_read(before: Shape, after: Shape, where: str, optional: bool) -> Iterator[Change]:
    if not before.types:
        return
    if not after.types:
        yield Change(Level.BREAKS, where, f"can be any JSON, was {_names(before.types)}: other types can't be read")
        return
    come = after.types - _wide(before.types)
    if "null" in come:
        level = Level.FINE if optional else Level.BREAKS
        yield Change(level, where, "can be null" + ("; it counts as absent" if optional else ": it can't be read then"))
    if "string" in before.types and come & {"integer", "number"}:
        yield Change(Level.NOTICE, where, "can be a number; it is read as text")
        come -= {"integer", "number"}
    if come - {"null"}:
        yield Change(Level.BREAKS, where, f"can be {_names(come - {'null'})}: an answer with it can't be read")


def _wide(types: set[str]) -> set[str]:
    return types | {"integer"} if "number" in types else types


def _values(before: Shape, after: Shape, where: str, way: str) -> Iterator[Change]:
    come = [value for value in after.known if value not in before.known]
    gone = [value for value in before.known if value not in after.known]
    if before.is_open and not after.is_open and way == SENT:
        yield Change(Level.BREAKS, where, f"takes only {_names(after.known)}")
    if before.known and come:
        level = Level.FINE if way == SENT else Level.NOTICE
        yield Change(level, where, f"has new values: {_names(come)}; who reads one gets it without a name of its own")
    if gone and after.known and way == SENT:
        level = Level.NOTICE if after.is_open else Level.BREAKS
        yield Change(level, where, f"has lost values: {_names(gone)}")


def _members(before: Shape, after: Shape, where: str, way: str) -> Iterator[Change]:
    for name in after.members.keys() - before.members.keys():
        if way == READ or name not in after.required:
            yield Change(Level.FINE, f"{where}.{name}", "is new; it can be left out, and is read into `extra`")
        else:
            yield Change(Level.BREAKS, f"{where}.{name}", "is new and required: nobody sends it yet")
    for name in before.members.keys() - after.members.keys():
        if way == SENT:
            yield Change(Level.BREAKS, f"{where}.{name}", "is gone: what is sent is not read")
        elif name in before.required:
            yield Change(Level.BREAKS, f"{where}.{name}", "is gone, and was always there")
        else:
            yield Change(Level.NOTICE, f"{where}.{name}", "is gone; the attribute keeps its default")
    for name in before.members.keys() & after.members.keys():
        if way == SENT and name in after.required - before.required:
            yield Change(Level.BREAKS, f"{where}.{name}", "is required now")
        if way == READ and name in before.required - after.required:
            yield Change(Level.BREAKS, f"{where}.{name}", "can be absent, and was always there")


def _limits(before: Shape, after: Shape, where: str, ways: Iterable[str]) -> Iterator[Change]:
    for name in (*LOWER, *UPPER, *OTHER):
        was, now = before.limits.get(name), after.limits.get(name)
        if was == now:
            continue
        if name in OTHER:
            tighter = now is not None
        else:
            tighter = now is not None and (was is None or (now < was) == (name in LOWER))
        level = Level.BREAKS if tighter and SENT in ways else Level.FINE
        yield Change(level, where, f"{name} is {now}, was {was}")


def _names(values: Iterable[Any]) -> str:
    return ", ".join(sorted(str(value) for value in values))
