"""What a change of `openapi.yaml` means for the users of this package, whose installed client stays as it is.

Compares two contracts operation by operation and component by component; `tools/spec_rules.py` has the rules for their
schemas. Pure; `tools/spec_diff` is the command.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from spec_rules import READ, SENT, UNRATED, Change, Level, rate_schema
from spec_shapes import Contract, Node, plain

if TYPE_CHECKING:
    from collections.abc import Iterator


def rate(base: Node, revision: Node) -> list[Change]:
    """Return the differences of two contracts, the worst first."""
    old, new = Contract(base), Contract(revision)
    found: set[Change] = {*_operations(old, new), *_whole(base, revision)}
    travelling = [_ways(old), _ways(new)]
    for name in old.schemas.keys() & new.schemas.keys():
        ways = frozenset(way for side in travelling for way, names in side.items() if name in names)
        found |= set(rate_schema(old, new, old.schemas[name], new.schemas[name], name, ways))
    worst: dict[tuple[str, str], Change] = {}
    for change in sorted(found):
        worst[(change.where, change.what)] = change
    return sorted(worst.values(), key=lambda change: (-change.level, change.where, change.what))


def _whole(base: Node, revision: Node) -> Iterator[Change]:
    schemes = [plain(d.get("components", {}).get("securitySchemes", {}), named=True) for d in (base, revision)]
    if base.get("security") != revision.get("security") or schemes[0] != schemes[1]:
        yield Change(Level.BREAKS, "security", "the way to authenticate changed")
    if plain(base.get("servers")) != plain(revision.get("servers")):
        yield Change(Level.NOTICE, "servers", "changed: check the URL rules of Configuration")


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
    before, after = _by_route(old), _by_route(new)
    for route in before.keys() - after.keys():
        (method, path), operation = before[route]
        yield Change(
            Level.BREAKS, operation.get("operationId", ""), f"{method} {path} is gone: its verbs answer 404 or 405"
        )
    for route in after.keys() - before.keys():
        (method, path), operation = after[route]
        yield Change(Level.FINE, operation.get("operationId", ""), f"{method} {path} is new")
    for route in before.keys() & after.keys():
        (_, was), one = before[route]
        (_, path), other = after[route]
        name = other.get("operationId", "")
        if was != path:
            yield Change(Level.FINE, name, f"{path} was {was}: the same on the wire")
        if one.get("operationId") != name:
            yield Change(Level.NOTICE, name, f"was {one.get('operationId')}: Backend.api has it under another name")
        if one.get("security") != other.get("security"):
            yield Change(Level.BREAKS, name, "the way to authenticate changed")
        yield from _parameters(old, new, _listed(old, one, was), _listed(new, other, path), name)
        yield from _bodies(old, new, one, other, name)
        yield from _answers(old, new, one, other, name)


def _by_route(contract: Contract) -> dict[tuple[str, str], tuple[tuple[str, str], Node]]:
    """Return the operations by what travels of their paths, which the names of the parameters don't."""
    return {(key[0], re.sub(r"{.*?}", "{}", key[1])): (key, node) for key, node in contract.operations().items()}


def _listed(contract: Contract, operation: Node, path: str) -> dict[tuple[str, str], Node]:
    """Return the parameters by place and name, those of the path by their number in it."""
    numbers = {name: str(number) for number, name in enumerate(re.findall(r"{(.*?)}", path))}
    found = [contract.follow(parameter) for parameter in operation["parameters"]]
    return {(p["in"], numbers.get(p["name"], p["name"]) if p["in"] == "path" else p["name"]): p for p in found}


def _parameters(
    old: Contract, new: Contract, before: dict[tuple[str, str], Node], after: dict[tuple[str, str], Node], name: str
) -> Iterator[Change]:
    for key in after.keys() | before.keys():
        where = f"{name} {key[0]} {(after.get(key) or before[key])['name']}"
        if key not in before:
            level = Level.BREAKS if after[key].get("required") else Level.FINE
            yield Change(level, where, "is new and required" if level else "is new; it can be left out")
        elif key not in after:
            yield Change(Level.BREAKS, where, "is gone: who gives it is not heard")
        else:
            if after[key].get("required") and not before[key].get("required"):
                yield Change(Level.BREAKS, where, "is required now")
            rest = [
                {k: v for k, v in plain(p).items() if k not in ("name", "required", "schema")}
                for p in (before[key], after[key])
            ]
            if rest[0] != rest[1]:
                yield Change(Level.NOTICE, where, UNRATED)
            schemas = before[key].get("schema", {}), after[key].get("schema", {})
            yield from rate_schema(old, new, *schemas, where, frozenset({SENT}))


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
        yield from rate_schema(old, new, *schemas, where, frozenset({way}))
