"""Request validation: path, query, headers and body become a `Call`, or the entries of a 422.

Whatever bytes a client sends, the outcome is a value or a list of complaints, never an exception.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeAlias
from urllib.parse import parse_qsl

from ._contract import Complaint, Contract, Match, Operation, complaint
from ._json import is_array, is_object
from ._operations import Call

Headers: TypeAlias = Mapping[str, str]

_MAX_LEVELS: Final = 200
_MISSING: Final = object()


def query_of(raw: bytes) -> tuple[list[tuple[str, str]], bool]:
    """Decode a query string; tell whether it is text at all."""
    if not raw:
        return [], True
    try:
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict"), True
    except ValueError:
        return parse_qsl(raw.decode("ascii", "replace"), keep_blank_values=True, errors="replace"), False


def body_of(raw: bytes, headers: Headers) -> tuple[Any, list[Complaint]]:
    """Decode a JSON body; None when there is none."""
    if not raw:
        return None, []
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        return None, [
            complaint(f"the body must be application/json, not {media or 'of no type'}", "media_type", "body")
        ]
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is not text
        if _is_deep(value, text):
            raise RecursionError
    except RecursionError:
        return None, [complaint("the body is nested too deeply", "json_invalid", "body")]
    except ValueError as error:
        return None, [complaint(f"the body is not valid JSON: {error}"[:200], "json_invalid", "body")]
    return value, []


def call_of(
    contract: Contract,
    match: Match,
    operation: Operation,
    query: list[tuple[str, str]],
    headers: Headers,
    body: Any,
    has_body: bool,
) -> tuple[Call, list[Complaint]]:
    """Validate a request against its operation; return the call and how it breaks the contract."""
    wrong: list[Complaint] = []
    given: dict[str, Mapping[str, str]] = {"path": match.values, "query": dict(query), "header": headers}
    for parameter in operation.parameters:
        name = parameter.name.lower() if parameter.location == "header" else parameter.name
        value: Any = given.get(parameter.location, {}).get(name, _MISSING)
        if value is _MISSING:
            if parameter.required and parameter.location in ("query", "header"):
                wrong.append(complaint("the parameter is missing", "missing", parameter.location, parameter.name))
        else:
            wrong += _validate_text(contract, parameter.schema, value, parameter.location, parameter.name)
    if operation.body is not None:
        if has_body:
            wrong += contract.complaints(operation.body, body, "body")
        elif operation.body_required:
            wrong.append(complaint("the body is missing", "missing", "body"))
    ids = tuple([match.values.get(name, "") for name in operation.ids])
    return Call(match.organization_id, ids, given["query"], headers, body), wrong


def _validate_text(contract: Contract, schema: str | None, text: str, *loc: str) -> list[Complaint]:
    wrong = contract.complaints(schema, text, *loc)
    if wrong:
        # The text of a parameter does not say its type: `3` is the number 3 where the contract wants one.
        try:
            value = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return wrong
        if not isinstance(value, (dict, list, str)) and not contract.complaints(schema, value, *loc):
            return []
    return wrong


def _is_deep(value: Any, text: str) -> bool:
    # Python's own limit depends on its version and the caller's stack, and what is stored must be readable again.
    if text.count("[") + text.count("{") <= _MAX_LEVELS:
        return False
    level: list[Any] = [value]
    for _ in range(_MAX_LEVELS):
        inner: list[Any] = []
        for item in level:
            if is_object(item):
                inner += item.values()
            elif is_array(item):
                inner += item
        level = inner
    return bool(level)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value


# Python also reads NaN, infinities and 1e999, which JSON does not have.
_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)
