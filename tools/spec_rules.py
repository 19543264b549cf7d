"""The rules of `tools/spec_rating.py`: what a change of one schema means for a client that stays as it is.

Each difference is rated for the way it travels: what the client sends, and what it reads. The rules say what today's
client does, as `tests/contract/test_newer_platform.py` shows: its enumerations are open, what it does not know goes to
`extra`, a null counts as absent. So a new value breaks nobody, whatever a general tool says; a new required member of a
body does. What no rule speaks of is told as such, never as no change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from spec_shapes import LOWER, OTHER, UPPER, Contract, Node, Shape, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SENT, READ = "sent", "read"
UNRATED = "changed in a way that this tool does not rate"


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


def rate_schema(
    old: Contract, new: Contract, one: Node, other: Node, where: str, ways: frozenset[str], optional: bool = False
) -> Iterator[Change]:
    """Rate a schema and its parts; a difference that no rule speaks of is told as such."""
    found = list(_rated(old, new, one, other, where, ways, optional))
    yield from found
    if ways and not found:
        same = _reference(one)[0] == _reference(other)[0]
        before, after = (one, other) if same else (old.follow(one), new.follow(other))
        if plain(before) != plain(after):
            yield Change(Level.NOTICE, where, UNRATED)


def _rated(
    old: Contract, new: Contract, one: Node, other: Node, where: str, ways: frozenset[str], optional: bool
) -> Iterator[Change]:
    (first, was_null), (second, is_null) = _reference(one), _reference(other)
    if first is not None and first == second:
        # the component itself is compared under its own name
        before, after = (Shape(types={"it", "null"} if null else {"it"}) for null in (was_null, is_null))
        required: tuple[set[str], set[str]] = set(), set()
    else:
        required = old.shape(one).required, new.shape(other).required
        one, other = _without_common(one, other)
        before, after = old.shape(one), new.shape(other)
    for way in ways:
        yield from (_types_sent if way == SENT else _types_read)(before, after, where, optional)
        yield from _values(before, after, where, way)
        yield from _members(before, after, where, way)
        yield from _required(before, after, where, way, *required)
    yield from _new_members(before, after, where, ways)
    yield from _limits(before, after, where, ways)
    yield from _variants(before, after, where, ways)
    yield from _branches(before, after, where, ways)
    if before.rest != after.rest and ways:
        yield Change(Level.NOTICE, where, UNRATED)
    for name in before.members.keys() & after.members.keys():
        member = before.members[name], after.members[name]
        yield from rate_schema(old, new, *member, f"{where}.{name}", ways, name not in after.required)
    for part, (first_part, second_part) in _parts(before, after).items():
        yield from rate_schema(old, new, first_part, second_part, where + part, ways)


def _parts(before: Shape, after: Shape) -> dict[str, tuple[Node, Node]]:
    """Return the parts without a name of their own that a value has on both sides; an absent schema is any JSON."""
    parts: dict[str, tuple[Node, Node]] = {}
    if (before.items or after.items) and "array" in before.types & after.types:
        parts["[]"] = before.items or {}, after.items or {}
    if isinstance(before.others, dict) or isinstance(after.others, dict):
        parts["{}"] = _schema(before.others), _schema(after.others)
    if (before.content or after.content) and "string" in before.types & after.types:
        parts[" as JSON"] = before.content or {}, after.content or {}
    for condition in before.branches.keys() & after.branches.keys():
        parts[f" {_short(condition)}"] = before.branches[condition], after.branches[condition]
    return parts


def _schema(others: Node | bool) -> Node:
    return others if isinstance(others, dict) else {}


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
        if after.types:
            yield Change(Level.FINE, where, f"is always {_names(after.types)} now")
        return
    if not after.types:
        yield Change(Level.BREAKS, where, f"can be any JSON, was {_names(before.types)}: other types can't be read")
        return
    come, gone = after.types - _wide(before.types), before.types - _wide(after.types)
    if gone:
        yield Change(Level.FINE, where, f"is never {_names(gone)} any more")
    if "null" in come:
        level = Level.FINE if optional else Level.BREAKS
        yield Change(level, where, "can be null" + ("; it counts as absent" if optional else ": it can't be read then"))
    if "string" in before.types and come & {"integer", "number"} and not before.is_time:
        yield Change(Level.NOTICE, where, "can be a number; it is read as text")
        come -= {"integer", "number"}
    if come - {"null"}:
        yield Change(Level.BREAKS, where, f"can be {_names(come - {'null'})}: an answer with it can't be read")


def _wide(types: set[str]) -> set[str]:
    return types | {"integer"} if "number" in types else types


def _values(before: Shape, after: Shape, where: str, way: str) -> Iterator[Change]:
    come = [value for value in after.known if value not in before.known]
    gone = [value for value in before.known if value not in after.known]
    if before.is_open and not after.is_open:
        level = Level.BREAKS if way == SENT else Level.FINE
        yield Change(level, where, f"{'takes' if way == SENT else 'is'} only {_names(after.known)}")
    if after.is_open and not before.is_open:
        yield Change(Level.FINE if way == SENT else Level.NOTICE, where, "can have any value")
    if before.known and come:
        level = Level.FINE if way == SENT else Level.NOTICE
        yield Change(level, where, f"has new values: {_names(come)}; who reads one gets it without a name of its own")
    if gone and after.known:
        level = Level.FINE if way == READ else Level.NOTICE if after.is_open else Level.BREAKS
        yield Change(level, where, f"has lost values: {_names(gone)}")


def _members(before: Shape, after: Shape, where: str, way: str) -> Iterator[Change]:
    for name in before.members.keys() - after.members.keys():
        if way == SENT:
            yield Change(Level.BREAKS, f"{where}.{name}", "is gone: what is sent is not read")
        elif name in before.required:
            yield Change(Level.BREAKS, f"{where}.{name}", "is gone, and was always there")
        else:
            yield Change(Level.NOTICE, f"{where}.{name}", "is gone; the attribute keeps its default")
    if before.others is not False and after.others is False:
        if way == SENT:
            yield Change(Level.BREAKS, where, "takes no other members: the client sends back what it read into `extra`")
        else:
            yield Change(Level.FINE, where, "has no other members any more")
    if before.others is False and after.others is not False:
        yield Change(Level.FINE, where, "can have other members")


def _new_members(before: Shape, after: Shape, where: str, ways: frozenset[str]) -> Iterator[Change]:
    means = [said for way, said in ((SENT, "can be left out"), (READ, "is read into `extra`")) if way in ways]
    for name in after.members.keys() - before.members.keys():
        if SENT in ways and name in after.required:
            yield Change(Level.BREAKS, f"{where}.{name}", "is new and required: nobody sends it yet")
        elif means:
            yield Change(Level.FINE, f"{where}.{name}", f"is new; it {' and '.join(means)}")


def _required(
    before: Shape, after: Shape, where: str, way: str, was_required: set[str], is_required: set[str]
) -> Iterator[Change]:
    """Compare what must be there; a component that both include may have required it all along."""
    for name in after.required - before.required - was_required:
        if way == READ:
            yield Change(Level.FINE, f"{where}.{name}", "is always there now")
        elif name in before.members or name not in after.members:
            yield Change(Level.BREAKS, f"{where}.{name}", "is required now")
    for name in before.required - after.required - is_required:
        if way == SENT:
            yield Change(Level.FINE, f"{where}.{name}", "can be left out now")
        elif name in after.members or name not in before.members:
            yield Change(Level.BREAKS, f"{where}.{name}", "can be absent, and was always there")


def _limits(before: Shape, after: Shape, where: str, ways: Iterable[str]) -> Iterator[Change]:
    if before.is_time and not after.is_time and "string" in after.types and READ in ways:
        yield Change(Level.BREAKS, where, "can be any text: one that is no time can't be read")
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


def _variants(before: Shape, after: Shape, where: str, ways: frozenset[str]) -> Iterator[Change]:
    gone, come = before.variants - after.variants, after.variants - before.variants
    if len(before.variants | after.variants) > 1:
        for name in come:
            yield Change(Level.NOTICE if READ in ways else Level.FINE, where, f"may be a {name} too")
        for name in gone:
            yield Change(Level.BREAKS if SENT in ways else Level.FINE, where, f"is no {name} any more")
    elif gone and come:
        yield Change(Level.BREAKS, where, f"is a {min(come)}, was a {min(gone)}")


def _branches(before: Shape, after: Shape, where: str, ways: frozenset[str]) -> Iterator[Change]:
    for condition in after.branches.keys() - before.branches.keys():
        level = Level.BREAKS if SENT in ways else Level.FINE
        yield Change(level, f"{where} {_short(condition)}", "has a rule now")
    for condition in before.branches.keys() - after.branches.keys():
        level = Level.BREAKS if READ in ways else Level.FINE
        yield Change(level, f"{where} {_short(condition)}", "has no rule any more: it can be any JSON")


def _short(condition: str) -> str:
    """Name a condition by the values that it asks for."""
    word, _, rest = condition.partition(" ")
    values = re.findall(r'"const": ("[^"]*"|[^,}\s]+)', rest)
    return f"{'where not' if word == 'else' else 'where'} {', '.join(values) or rest}"


def _names(values: Iterable[Any]) -> str:
    return ", ".join(sorted(str(value) for value in values))
