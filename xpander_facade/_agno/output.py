"""A Pydantic model made of a JSON Schema, for Agno's structured output."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any, Literal, Optional, Union, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCALARS: Mapping[str, Any] = {"string": str, "integer": int, "number": float, "boolean": bool, "null": type(None)}
_MAX_DEPTH = 50


def model_of_schema(schema: Mapping[str, Any], name: str = "Output") -> Any:
    """Return a Pydantic model whose instances are what a schema describes.

    Objects become models, also those that are referred to; arrays, enumerations, constants and unions become the same
    in Python; what there is no such form for is any value. Members that the schema does not name are kept.

    Args:
        schema: The JSON Schema of an object.
        name: Name of the model.

    Raises:
        ValueError: It is not the schema of an object.
    """
    reader = _Reader(dict(schema))
    resolved = reader.resolved(reader.root)
    if resolved.get("type", "object") != "object" or not isinstance(resolved.get("properties", {}), dict):
        raise ValueError("output_schema must be the JSON Schema of an object")
    return reader.model(resolved, str(resolved.get("title") or name), 0)


class _Reader:
    """One document of schemas."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self._open: list[int] = []

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        for _ in range(_MAX_DEPTH):
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/"):
                return schema
            found: Any = self.root
            for step in reference[2:].split("/"):
                key = step.replace("~1", "/").replace("~0", "~")
                found = cast("dict[str, Any]", found).get(key) if isinstance(found, dict) else None
            schema = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        return {}

    def model(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        from pydantic import ConfigDict, Field, create_model

        self._open.append(id(schema))
        required: Any = schema.get("required") or ()
        fields: dict[str, Any] = {}
        for number, (member, part) in enumerate(_object(schema.get("properties")).items()):
            annotation = self.annotation(part, f"{name}_{member}", depth + 1)
            told = _object(part)
            limits: dict[str, Any] = {"description": told.get("description")}
            if member not in required:
                # Models write null for what they leave out.
                annotation = Optional[annotation]  # noqa: UP045 (made at run time)
                limits["default"] = told.get("default")
            attribute = member if _is_attribute(member) else f"member_{number}"
            if attribute != member:
                limits["alias"] = member
            fields[attribute] = (annotation, Field(**limits))
        self._open.pop()
        settings = ConfigDict(extra="allow", populate_by_name=True, protected_namespaces=())
        model: Any = create_model(_name(name), __config__=settings, __doc__=schema.get("description"), **fields)
        return model

    def annotation(self, schema: Any, name: str, depth: int) -> Any:
        if depth > _MAX_DEPTH or not isinstance(schema, dict):
            return Any
        schema = self.resolved(cast("dict[str, Any]", schema))
        if "const" in schema or schema.get("enum"):
            values: Any = [schema["const"]] if "const" in schema else schema["enum"]
            # `Literal` holds nothing else.
            is_literal = all(value is None or isinstance(value, str | int | bool) for value in values)
            return Literal[tuple(values)] if is_literal else Any
        options: Any = schema.get("anyOf") or schema.get("oneOf")
        if options:
            return Union[tuple(self.annotation(option, f"{name}_{n}", depth + 1) for n, option in enumerate(options))]  # noqa: UP007
        kind = schema.get("type")
        if isinstance(kind, list):
            kinds = cast("list[Any]", kind)
            return Union[tuple(self.annotation({**schema, "type": k}, name, depth + 1) for k in kinds)]  # noqa: UP007
        if kind == "array":
            return list[self.annotation(schema.get("items", {}), f"{name}_item", depth + 1)]  # type: ignore[misc]
        if kind == "object" or "properties" in schema:
            # A schema that holds itself has no end as models; from there on any object will do.
            is_endless = id(schema) in self._open
            return self.model(schema, name, depth) if schema.get("properties") and not is_endless else dict[str, Any]
        return _SCALARS.get(kind, Any) if isinstance(kind, str) else Any


def _is_attribute(name: str) -> bool:
    # Pydantic takes names with an underscore for private attributes, and keeps those with `model_` for itself.
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith(("_", "model_"))


def _name(text: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in text) or "Output"


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
