"""Values of the samples: JSON as it is, and as the objects that libraries have, whose classes have random names.

An object is written as a mapping with `$attributes`, and where its class has them `$properties` (`$warns` names those
that warn when read), `$returns` (what its methods return), `$items` (it is a mapping, too), `$iterates`, `$dataclass`
and `$dynamic` (only `__getattr__` knows its fields). `$bytes` is a text as bytes.
"""

import dataclasses
import json
import random
import string
import warnings
from pathlib import Path

FOLDER = Path(__file__).parent / "samples"
_MARKS = ("$attributes", "$properties", "$returns", "$items", "$iterates")


def samples():
    """Yield the library, its version and the case of every sample."""
    for path in sorted(FOLDER.glob("*.json")):
        file = json.loads(path.read_text(encoding="utf-8"))
        for case in file["cases"]:
            yield file["library"], file["version"], case


def build(value, *, objects):
    """Return the value of a case: what is marked as an object becomes one; all mappings do where `objects` says so."""
    if isinstance(value, list):
        return [build(item, objects=objects) for item in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" in value:
        return value["$bytes"].encode()
    if not any(mark in value for mark in _MARKS):
        inner = {name: build(item, objects=objects) for name, item in value.items()}
        return _object({"$attributes": inner}, {}) if objects else inner
    marked = {mark: value.get(mark, {}) for mark in _MARKS}
    inner = {
        mark: {name: build(item, objects=False) for name, item in fields.items()}
        if isinstance(fields, dict)
        else fields
        for mark, fields in marked.items()
    }
    return _object(inner, value)


def _object(parts, marks):
    name = "".join(random.choices(string.ascii_uppercase, k=9))
    body = {}
    for field, item in parts.get("$properties", {}).items():
        body[field] = property(_getter(field, item, field in marks.get("$warns", ())))
    for method, item in parts.get("$returns", {}).items():
        body[method] = _method(item)
    if parts.get("$iterates"):
        listed = parts["$iterates"]
        body["__iter__"], body["__len__"] = lambda self: iter(listed), lambda self: len(listed)
        body["__contains__"] = lambda self, item: item in listed
    attributes = parts.get("$attributes", {})
    if marks.get("$dynamic"):
        shown = {field: item for field, item in attributes.items() if not field.startswith("_")}
        body["__getattr__"] = lambda self, field: _dynamic(attributes, field)
        attributes = {field: item for field, item in attributes.items() if field not in shown}
        attributes["_held"] = shown
    items = parts.get("$items")
    made = type(name, (dict,) if items else (), body)
    if marks.get("$dataclass"):
        made = dataclasses.make_dataclass(name, list(attributes), bases=(made,))
        return made(**attributes)
    thing = made(items) if items else made()
    for field, item in attributes.items():
        setattr(thing, field, item)
    return thing


def _getter(field, item, warns):
    def get(self):
        if warns:
            warnings.warn(f"{field} is deprecated", FutureWarning, stacklevel=2)
        return item

    return get


def _method(item):
    return lambda self: item


def _dynamic(attributes, field):
    if field.startswith("__") or field not in attributes:
        raise AttributeError(field)
    return attributes[field]
