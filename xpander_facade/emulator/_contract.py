"""The contract, `openapi.yaml`: its routes and its validators.

This module finds and reads the file, matches a raw path to an operation id, and validates values against the
document's schemas. It does not know what an operation does.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote, unquote_to_bytes

import jsonschema_rs
import yaml

from ._json import Json, is_array, is_object, object_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Complaint: TypeAlias = dict[str, Any]

_BASE: Final = "urn:xpander:contract"
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_MAX_MESSAGE_LENGTH: Final = 400
_MAX_COMPLAINTS: Final = 20

# The libyaml parser is ten times faster; it is missing only where PyYAML was built without it.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]  # whichever of the two there is, it is a class
    """A YAML reader that leaves times as text, since JSON does not have times."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared path, query or header parameter; `schema` points at its schema in the document."""

    name: str
    location: str
    required: bool
    schema: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the contract, with pointers to the schemas of what goes in and comes out.

    `ids` are the names of the path's parameters, `success` is the status of a good answer.
    """

    id: str
    method: str
    template: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    body: str | None
    body_required: bool
    answers: Mapping[str, Mapping[str, str | None]]
    ids: tuple[str, ...]
    success: int

    def answer(self, status: int) -> Mapping[str, str | None] | None:
        """Return media type -> schema pointer of a declared answer, or None when the status is not declared."""
        for key in (str(status), f"{status // 100}XX", "default"):
            if key in self.answers:
                return self.answers[key]
        return None


@dataclass(frozen=True, slots=True)
class Match:
    """What a path leads to: an operation, or (None) the methods that the path does have; and what the path says."""

    operation: Operation | None
    allowed: tuple[str, ...]
    organization_id: str | None
    values: Mapping[str, str]
    undecodable: tuple[str, ...] = ()


@dataclass(slots=True)
class _PathItem:
    template: tuple[str, ...]
    operations: dict[str, Operation] = field(default_factory=dict[str, Operation])
    parameters: list[tuple[int, str]] = field(init=False)
    literals: list[str] = field(init=False)
    places: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = [(index, part[1:-1]) for index, part in enumerate(self.template) if part.startswith("{")]
        self.literals = [part for part in self.template if not part.startswith("{")]
        self.places = [index for index, part in enumerate(self.template) if not part.startswith("{")]

    def matches(self, segments: list[str]) -> bool:
        """Tell whether a path of as many segments is one of this template; no parameter is empty."""
        return [segments[index] for index in self.places] == self.literals and (
            segments.count("") == self.literals.count("")
        )

    @property
    def rank(self) -> tuple[bool, ...]:
        """Sort key: a literal segment goes before a parameter."""
        return tuple(segment.startswith("{") for segment in self.template)


class Contract:
    """`openapi.yaml`, read once: routes by raw path, validates by JSON pointer."""

    def __init__(self, document: Json) -> None:
        self.document = document
        # draft 2020-12 is the dialect of OpenAPI 3.1; the whole document is one resource, so that `#/...` resolves
        self._registry = jsonschema_rs.Registry([(_BASE, document)], draft=jsonschema_rs.Draft202012)
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}
        self._items: dict[int, list[_PathItem]] = {}
        self.operations: dict[str, Operation] = {}
        self._read_paths()

    # --- routes ---

    def route(self, method: str, raw_path: str) -> Match | None:
        """Find the operation of an undecoded path, with or without the organisation; None for an unknown path."""
        segments = raw_path.split("/")[1:]
        # An installation may serve below this path; the rest is the same.
        if segments[:1] == ["agent-controller"]:
            segments = segments[1:]
        found = self._match(method, segments, None)
        if found is None and len(segments) > 1 and segments[0]:
            found = self._match(method, segments[1:], segments[0])
        return found

    def _match(self, method: str, segments: list[str], organization: str | None) -> Match | None:
        for item in self._items.get(len(segments), ()):
            if item.matches(segments):
                values: dict[str, str] = {}
                undecodable: list[str] = []
                for index, name in item.parameters:
                    segment = segments[index]
                    try:
                        values[name] = unquote_to_bytes(segment).decode("utf-8") if "%" in segment else segment
                    except UnicodeDecodeError:
                        undecodable.append(name)
                owner = None if organization is None else unquote_to_bytes(organization).decode("utf-8", "replace")
                operation = item.operations.get(method.lower())
                allowed = () if operation else tuple(sorted(name.upper() for name in item.operations))
                return Match(operation, allowed, owner, values, tuple(undecodable))
        return None

    # --- validation ---

    def complaints(self, schema: str | None, value: Any, *loc: str | int) -> list[Complaint]:
        """Validate a value; return FastAPI-style entries (`loc`, `msg`, `type`), none when it is valid."""
        if schema is None:
            return []
        validator = self._validator(schema)
        try:
            if validator.is_valid(value):
                return []
            errors = list(_first(validator.iter_errors(value), _MAX_COMPLAINTS))
        except (ValueError, OverflowError, RecursionError) as error:
            # The validator refuses what it cannot represent, for example nesting beyond its own limit.
            return [complaint(_short(str(error)), "unprocessable", *loc)]
        return [complaint(_short(e.message), e.kind.name, *loc, *e.instance_path) for e in errors]

    def frame_schemas(self, operation: Operation) -> tuple[str, str]:
        """Return pointers to the schema of an event stream's frame, and to that of the JSON which its data holds."""
        frame, _ = self.resolve((operation.answer(200) or {}).get("text/event-stream") or "")
        return frame, f"{frame}/properties/data/contentSchema"

    def _validator(self, pointer: str) -> jsonschema_rs.Draft202012Validator:
        found = self._validators.get(pointer)
        if found is None:
            # At the first use: a test uses few of the schemas, and to compile all takes longer than the test.
            found = jsonschema_rs.Draft202012Validator(
                {"$ref": f"{_BASE}#{quote(pointer, safe='/~')}"}, registry=self._registry, validate_formats=True
            )
            self._validators[pointer] = found
        return found

    # --- reading the document ---

    def resolve(self, pointer: str) -> tuple[str, Any]:
        """Follow local `$ref`s from a pointer; return where they end and what stands there."""
        for _ in range(20):
            node: Any = self.document
            for part in pointer.split("/")[1:]:
                key = part.replace("~1", "/").replace("~0", "~")
                node = node[int(key)] if is_array(node) else node[key]
            reference = object_of(node).get("$ref")
            if not isinstance(reference, str):
                return pointer, node
            pointer = reference.removeprefix("#")
        raise ValueError(f"the contract's references run in a circle at {pointer}")

    def _read_paths(self) -> None:
        for path in self.document["paths"]:
            pointer, item = self.resolve("/paths/" + _escape(path))
            entry = _PathItem(tuple(str(path).split("/")[1:]))
            shared = self._parameters(pointer, item)
            for method in _METHODS:
                if method in item:
                    operation = self._operation(f"{pointer}/{method}", method, entry.template, shared)
                    entry.operations[method] = operation
                    self.operations[operation.id] = operation
            self._items.setdefault(len(entry.template), []).append(entry)
        for items in self._items.values():
            items.sort(key=lambda entry: entry.rank)

    def _operation(
        self, pointer: str, method: str, template: tuple[str, ...], shared: Mapping[tuple[str, str], Parameter]
    ) -> Operation:
        _, node = self.resolve(pointer)
        body: str | None = None
        body_required = False
        if "requestBody" in node:
            where, request_body = self.resolve(f"{pointer}/requestBody")
            body = f"{where}/content/{_escape('application/json')}/schema"
            body_required = bool(request_body.get("required", False))
        answers: dict[str, Mapping[str, str | None]] = {}
        for status in node["responses"]:
            where, answer = self.resolve(f"{pointer}/responses/{_escape(str(status))}")
            answers[str(status)] = {
                media: f"{where}/content/{_escape(media)}/schema" if "schema" in content else None
                for media, content in object_of(answer.get("content")).items()
            }
        parameters = {**shared, **self._parameters(pointer, node)}
        return Operation(
            str(node["operationId"]),
            method.upper(),
            template,
            tuple(parameters.values()),
            body,
            body_required,
            answers,
            tuple(part[1:-1] for part in template if part.startswith("{")),
            next((int(status) for status in answers if status.startswith("2")), 200),
        )

    def _parameters(self, pointer: str, node: Json) -> dict[tuple[str, str], Parameter]:
        found: dict[tuple[str, str], Parameter] = {}
        for index in range(len(node.get("parameters", ()))):
            where, parameter = self.resolve(f"{pointer}/parameters/{index}")
            name, location = str(parameter["name"]), str(parameter["in"])
            schema = f"{where}/schema" if "schema" in parameter else None
            found[(location, name)] = Parameter(name, location, bool(parameter.get("required", False)), schema)
        return found


def complaint(msg: str, kind: str, *loc: str | int) -> Complaint:
    """Make one entry of a 422 answer's `detail` list."""
    return {"loc": list(loc), "msg": msg, "type": kind}


@functools.cache
def load() -> Contract:
    """Read the contract: from the wheel, or from the repository's root in a checkout.

    Raises:
        FileNotFoundError: when neither folder has an `openapi.yaml`.
    """
    here = Path(__file__).resolve().parent
    for path in (here / "openapi.yaml", here.parents[1] / "openapi.yaml"):
        if path.is_file():
            return Contract(_with_text_keys(yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)))
    raise FileNotFoundError(f"openapi.yaml is missing: looked in {here} and {here.parents[1]}")


def _with_text_keys(node: Any) -> Any:
    # YAML reads an unquoted status code as a number; in JSON every key is text
    if is_object(node):
        return {str(key): _with_text_keys(value) for key, value in node.items()}
    if is_array(node):
        return [_with_text_keys(value) for value in node]
    return node


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _short(text: str) -> str:
    return text if len(text) <= _MAX_MESSAGE_LENGTH else text[: _MAX_MESSAGE_LENGTH - 3] + "..."


def _first(errors: Any, limit: int) -> Any:
    for index, error in enumerate(errors):
        if index == limit:
            return
        yield error
