"""What one contract says, made ready for comparing: its operations, and its schemas with their parts merged.

Owns reading, nothing else; `tools/spec_rating.py` compares two of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Node = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
LOWER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
UPPER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
OTHER = ("pattern", "format", "const", "multipleOf", "uniqueItems", "not", "propertyNames")
MERGED = frozenset({
    "$ref", "type", "enum", "properties", "required", "items", "allOf", "anyOf", "oneOf", "if", "then", "else",
    "additionalProperties", "unevaluatedProperties", "contentSchema", *LOWER, *UPPER, *OTHER,
})  # fmt: skip
WORDS = frozenset({"description", "title", "summary", "example", "examples", "externalDocs", "deprecated", "$comment"})
NAMED = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})


@dataclass
class Shape:
    """What a schema says, its references followed and its compositions merged. No types means any JSON.

    `others` is what members that are not named must be: any JSON, a schema, or False where there may be none.
    `branches` maps a condition to what holds when it is met. `rest` are the keywords that no rule knows.
    """

    types: set[str] = field(default_factory=set)
    known: list[Any] = field(default_factory=list)
    is_open: bool = True
    is_time: bool = False
    members: dict[str, Node] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    items: Node | None = None
    others: Node | bool = True
    content: Node | None = None
    limits: dict[str, Any] = field(default_factory=dict)
    variants: set[str] = field(default_factory=set)
    branches: dict[str, Node] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)

    def absorb(self, inner: Shape) -> None:
        """Take in what a part says, apart from the types and the values."""
        self.is_time = self.is_time or inner.is_time
        self.members |= inner.members
        self.required |= inner.required
        self.limits |= inner.limits
        self.items = self.items or inner.items
        self.content = self.content or inner.content
        self.branches |= inner.branches
        self.rest |= inner.rest
        if self.others is not False and inner.others is not True:
            self.others = inner.others


class Contract:
    """One of the two documents."""

    def __init__(self, document: Node) -> None:
        self.document = document
        self.schemas: dict[str, Node] = document.get("components", {}).get("schemas", {})

    def follow(self, node: Node) -> Node:
        """Return what a reference leads to."""
        for _ in range(20):
            if "$ref" not in node:
                return node
            target: Any = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            node = target
        raise ValueError(f"the references run in a circle at {node['$ref']}")

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
        shape.is_time = node.get("format") == "date-time"
        shape.members = dict(node.get("properties", {}))
        shape.required = set(node.get("required", ()))
        shape.items = node.get("items")
        shape.others = node.get("additionalProperties", node.get("unevaluatedProperties", True))
        shape.content = node.get("contentSchema")
        shape.limits = {name: node[name] for name in (*LOWER, *UPPER, *OTHER) if name in node}
        shape.rest = {name: value for name, value in plain(node).items() if name not in MERGED}
        if "if" in node:
            condition = json.dumps(plain(node["if"]), sort_keys=True)
            shape.branches = {f"{word} {condition}": node[word] for word in ("then", "else") if word in node}
        if depth > 8:
            return shape
        for part in node.get("allOf", ()):
            inner = self.shape(part, depth + 1)
            shape.types = shape.types & inner.types if shape.types and inner.types else shape.types | inner.types
            shape.absorb(inner)
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
        shape.is_time = any(one.is_time for one in texts)
        if len(texts) == 1:
            shape.absorb(texts[0])
        shape.variants = {part["$ref"].rpartition("/")[2] for part in parts if "$ref" in part}


def plain(node: Any, named: bool = False) -> Any:
    """Return a node without the words that only explain it; `named` where its keys are names of members."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if named or key not in WORDS}
    return {
        key: sorted(value)
        if key == "required" and isinstance(value, list)
        else plain(value, not named and key in NAMED)
        for key, value in kept.items()
    }
