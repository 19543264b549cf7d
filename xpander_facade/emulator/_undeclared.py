"""What a request holds that the contract does not name: undeclared headers, query parameters and body members.

The contract's objects are open, so such a request is valid; but nothing promises that the platform reads what it does
not declare. The emulator takes it, a strict test does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ._contract import Complaint, complaint
from ._json import is_array, is_object, object_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ._contract import Contract, Operation

USUAL_HEADERS: Final = frozenset({
    "accept", "accept-encoding", "accept-language", "authorization", "cache-control", "connection", "content-encoding",
    "content-length", "content-type", "cookie", "date", "expect", "host", "keep-alive", "pragma", "proxy-connection",
    "te", "traceparent", "tracestate", "transfer-encoding", "upgrade", "user-agent", "via", "x-api-key",
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id",
})  # fmt: skip
"""What any client, proxy or tracer may add to a request without going beyond the contract."""


def undeclared(
    contract: Contract,
    operation: Operation,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    body: Any,
    usual: Collection[str] = USUAL_HEADERS,
) -> list[Complaint]:
    """Name what an operation's request has beyond the contract, apart from the `usual` headers."""
    declared = {(p.location, p.name.lower() if p.location == "header" else p.name) for p in operation.parameters}
    found = [
        complaint("the contract declares no such query parameter", "undeclared", "query", name)
        for name, _ in query
        if ("query", name) not in declared
    ]
    found += [
        complaint("the contract declares no such header", "undeclared", "header", name)
        for name in headers
        if name.lower() not in usual and ("header", name.lower()) not in declared
    ]
    if operation.body is not None and body is not None:
        found += undeclared_members(contract, operation.body, body, "body")
    return found


def undeclared_members(contract: Contract, schema: str, value: Any, *loc: str | int) -> list[Complaint]:
    """Name the members of a value, at any depth, that its schema does not declare."""
    return _members(contract, [schema], value, *loc)


@dataclass(slots=True)
class _Shape:
    """What a set of schemas says of the parts of one value, as pointers into the document."""

    members: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    others: list[str] = field(default_factory=list[str])
    items: list[str] = field(default_factory=list[str])
    is_open: bool = False


def _members(contract: Contract, pointers: list[str], value: Any, *loc: str | int) -> list[Complaint]:
    shape = _Shape()
    for pointer in pointers:
        _read(contract, pointer, value, shape)
    found: list[Complaint] = []
    if is_array(value):
        for index, item in enumerate(value):
            found += _members(contract, shape.items, item, *loc, index)
    # a schema without any member means any JSON
    if is_object(value) and not shape.is_open and (shape.members or shape.others):
        for name, item in value.items():
            schemas = shape.members.get(name, shape.others)
            if schemas:
                found += _members(contract, schemas, item, *loc, name)
            else:
                found.append(complaint("the contract declares no such member", "undeclared", *loc, name))
    return found


def _read(contract: Contract, pointer: str, value: Any, shape: _Shape) -> None:
    pointer, schema = contract.resolve(pointer)
    node = object_of(schema)
    for name in object_of(node.get("properties")):
        shape.members.setdefault(name, []).append(f"{pointer}/properties/{name.replace('~', '~0').replace('/', '~1')}")
    if node.get("additionalProperties") is True:
        shape.is_open = True
    elif is_object(node.get("additionalProperties")):
        shape.others.append(f"{pointer}/additionalProperties")
    if "items" in node:
        shape.items.append(f"{pointer}/items")
    for index in range(len(node.get("allOf", ()))):
        _read(contract, f"{pointer}/allOf/{index}", value, shape)
    for word in ("anyOf", "oneOf"):
        for index in range(len(node.get(word, ()))):
            if not contract.complaints(f"{pointer}/{word}/{index}", value):
                _read(contract, f"{pointer}/{word}/{index}", value, shape)
    # A schema that applies under a condition declares members only where the condition holds.
    if "if" in node:
        branch = "else" if contract.complaints(f"{pointer}/if", value) else "then"
        if branch in node:
            _read(contract, f"{pointer}/{branch}", value, shape)
