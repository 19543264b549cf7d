"""What a tool is given and answers: its schema as the model sees it, and the payload as the platform gets it. Pure.

A node of the agent's graph lays schemas over those of its tool. A property with `isBlocked` true is hidden; one with a
`permanentValue` is hidden too, and always has that value, in objects and in arrays of objects.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from xpander_facade.types.agents import AgentGraph, AgentGraphItemSchemas, AgentTool

CONTAINERS: Final = ("body_params", "query_params", "path_params", "headers")
"""The parts of a payload."""

_MARKS: Final = ("isBlocked", "permanentValue")
# Labels of the activity log: no call is refused because the model has left one out.
_REASONS: Final = frozenset({"toolcallreasoningtitle", "toolcallreasoningdescription", "toolcallplantaskid"})
# References can lead in a circle.
_MAX_REFERENCES: Final = 20

Schema = dict[str, Any]


def overlays_of(graph: AgentGraph | None, tool: AgentTool) -> AgentGraphItemSchemas | None:
    """Return the schemas that an agent's graph lays over those of a tool, or None."""
    for wanted in (tool.id, tool.operation_id):
        for item in graph.items if graph is not None else ():
            if wanted is not None and item.item_id == wanted and item.settings is not None:
                return item.settings.schemas
    return None


def visible_schema(schema: Schema | None, overlay: Schema | None) -> Schema:
    """Return the JSON Schema of a payload without what is hidden.

    Args:
        schema: The tool's own; None takes nothing.
        overlay: The graph's.

    Raises:
        ValueError: It is not the schema of an object.
    """
    whole: Schema = {"type": "object", "properties": {}} if schema is None else schema
    if not isinstance(whole.get("properties", {}), dict) or whole.get("type", "object") not in ("object", ["object"]):
        raise ValueError("its parameters are not the JSON Schema of an object")
    seen = _visible(whole, overlay or {}, whole)
    return {**seen, "type": "object", "properties": seen.get("properties", {})}


def _visible(schema: Schema, overlay: Schema, root: Schema) -> Schema:
    # What the overlay is laid over can stand behind a reference.
    if overlay.get("properties") or overlay.get("items"):
        schema = _resolved(schema, root)
    seen = {name: value for name, value in schema.items() if name not in _MARKS}
    if isinstance(overlay.get("description"), str):
        seen["description"] = overlay["description"]
    properties, laid = as_object(schema.get("properties")), as_object(overlay.get("properties"))
    if properties:
        hidden = {name for name in properties if _is_hidden(as_object(properties[name]), as_object(laid.get(name)))}
        seen["properties"] = {
            name: _visible(as_object(part), as_object(laid.get(name)), root) if isinstance(part, dict) else part
            for name, part in properties.items()
            if name not in hidden
        }
        required = schema.get("required")
        if isinstance(required, list):
            seen["required"] = [name for name in cast("list[Any]", required) if name not in hidden]
    if isinstance(schema.get("items"), dict):
        seen["items"] = _visible(schema["items"], as_object(overlay.get("items")), root)
    # Frameworks change the schema that they are given; the agent's own stays as it is.
    return copy.deepcopy(seen)


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Return what a schema refers to within its document."""
    for _ in range(_MAX_REFERENCES):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        found: Any = root
        for step in reference[2:].split("/"):
            found = as_object(found).get(step.replace("~1", "/").replace("~0", "~"))
        schema = {**as_object(found), **{name: value for name, value in schema.items() if name != "$ref"}}
    return schema


def _is_hidden(schema: Schema, overlay: Schema) -> bool:
    return any(part.get("isBlocked") is True or part.get("permanentValue") is not None for part in (schema, overlay))


def build_payload(
    schema: Schema | None, overlay: Schema | None, given: Mapping[str, Any], extension: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the payload that is sent for what a caller or a model gave.

    What stands in none of the four parts belongs to the body. Hidden members are taken off, permanent ones set. A label
    that says why a tool is called, and that the tool requires, is empty where it was not given.

    Args:
        schema: The tool's own JSON Schema.
        overlay: The graph's.
        given: The four parts, any of which may be absent, or None, or the text of a JSON object.
        extension: Fields merged into the payload.

    Raises:
        TypeError: A part is not an object.
    """
    payload: dict[str, Any] = {name: _part(name, given.get(name)) for name in CONTAINERS}
    loose = {name: value for name, value in given.items() if name not in CONTAINERS}
    # Models leave out the containers; what stands beside them is meant for the body.
    payload["body_params"] = {**loose, **payload["body_params"]}
    _merge(payload, extension or {})
    for marked in (schema, overlay):
        if marked:
            payload = apply_marks(payload, marked)
    labels = as_object(as_object(as_object((schema or {}).get("properties")).get("headers")))
    for name in labels.get("required") or ():
        if name in _REASONS:
            payload["headers"].setdefault(name, "")
    return payload


def _part(name: str, value: Any) -> dict[str, Any]:
    # Models now and then write an object within the arguments as a text of JSON.
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else None
        except ValueError:
            raise TypeError(f"{name} must be an object, not a text") from None
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be an object, not {type(value).__name__}")
    return copy.deepcopy(dict(cast("Mapping[str, Any]", value)))


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], as_object(value))
        else:
            into[name] = copy.deepcopy(cast("Any", value))


def apply_marks(value: Any, schema: Schema) -> Any:
    """Return a value without the members that a schema blocks, and with those that it makes permanent.

    Missing objects on the way to a permanent member are made; arrays keep their length.
    """
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        entries = cast("list[Any]", value)
        return [apply_marks(entry, schema["items"]) for entry in entries]
    if not isinstance(value, dict):
        return cast("Any", value)
    result = dict(cast("dict[str, Any]", value))
    for name, part in as_object(schema.get("properties")).items():
        mark = as_object(part)
        if mark.get("permanentValue") is not None:
            result[name] = copy.deepcopy(mark["permanentValue"])
        elif mark.get("isBlocked") is True:
            result.pop(name, None)
        elif name in result:
            result[name] = apply_marks(result[name], mark)
        elif _has_permanent(mark):
            result[name] = apply_marks({}, mark)
    return result


def _has_permanent(schema: Schema) -> bool:
    parts = [as_object(part) for part in as_object(schema.get("properties")).values()]
    return any(part.get("permanentValue") is not None or _has_permanent(part) for part in parts)


def as_object(value: Any) -> dict[str, Any]:
    """Return a value where it is an object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
