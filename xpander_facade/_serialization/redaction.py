"""Redaction of what leaves the process or touches the disk: texts are redacted, and cut where too long. Pure.

A field of a body is named by its path, such as "input" or "llm_response.choices.message.content"; the entries of a
list go by the list's name. Not passed to the redactor are numbers, the names of members, and what the platform itself
must read: ids, statuses and times at the top of a body, and tokens that are meant for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from xpander_facade._process.imports import DIGESTS, load

Redactor = Callable[[str, str], str]

FAILED = "[redaction failed]"

_STRUCTURAL = frozenset({
    "ai_model", "environment", "event", "execution_kind", "harness_cli", "id", "internal_status", "output_format",
    "permission_mode", "preset", "source", "status", "think_mode", "time", "triggered_by", "type", "user_oidc_token",
    "user_tokens", "mcp_servers",
})  # fmt: skip
RUN_KEY = "_run"
"""The member of an `llm_response` that says what the platform has no field for: the model, its provider, metadata."""
_ANY_JSON = frozenset({"llm_response", "data"})
"""Members that may hold any JSON, so that a text may stand for what is too large as a whole."""


def redact_body(body: Any, redact: Redactor | None, limit: int) -> Any:
    """Return a redacted copy of a body, with no text longer than the limit.

    Args:
        body: JSON-ready data: a body, or a list of them.
        redact: Called with the field and its text, gives the text to send. None leaves texts as they are.
        limit: The maximum length of a text, in bytes of UTF-8.
    """
    if isinstance(body, list):
        return [redact_body(entry, redact, limit) for entry in cast("list[Any]", body)]
    if not isinstance(body, dict):
        return _redact_value("", body, redact, limit)
    members = cast("dict[str, Any]", body)
    return {
        name: value if _is_structural(name) else _member(name, value, redact, limit) for name, value in members.items()
    }


def cut(text: str, limit: int) -> str:
    """Return a text of at most `limit` bytes: the beginning and the end of a longer one, with a note in between."""
    # A character has at most four bytes, so that most texts need not be measured.
    if len(text) * 4 <= limit:
        return text
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return text
    load(DIGESTS)
    import hashlib

    digest = hashlib.sha256(encoded).hexdigest()
    note = f"\n[... cut from {len(encoded)} bytes, sha256 {digest} ...]\n"
    remaining = max(limit - len(note), 0)
    head = encoded[: remaining - remaining // 2].decode("utf-8", "ignore")
    tail = encoded[len(encoded) - remaining // 2 :].decode("utf-8", "ignore")
    return f"{head}{note}{tail}"


def _is_structural(name: str) -> bool:
    return name in _STRUCTURAL or name.endswith(("_id", "_at"))


def _member(name: str, value: Any, redact: Redactor | None, limit: int) -> Any:
    value = _redact_value(name, value, redact, limit)
    if name in _ANY_JSON and not isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        shorter = cut(text, limit)
        return value if shorter is text else _cut_beside_run(value, limit) or shorter
    return value


def _cut_beside_run(value: Any, limit: int) -> dict[str, Any] | None:
    """Return a response that is cut while what stands under RUN_KEY stays whole; None where there is no such key."""
    if not isinstance(value, dict) or RUN_KEY not in value:
        return None
    members = cast("dict[str, Any]", value)
    facts = members[RUN_KEY]
    rest = {name: member for name, member in members.items() if name != RUN_KEY}
    whole = rest["response"] if list(rest) == ["response"] else rest
    room = limit - len(json.dumps(facts, ensure_ascii=False).encode("utf-8", "replace"))
    # Metadata that takes most of the room is not worth keeping whole: it is cut with the response.
    if room < limit // 2:
        return None
    return {RUN_KEY: facts, "response": cut(json.dumps(whole, ensure_ascii=False, separators=(",", ":")), room)}


def _redact_value(field: str, value: Any, redact: Redactor | None, limit: int) -> Any:
    if isinstance(value, str):
        return cut(value if redact is None else _redacted(field, value, redact), limit)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        prefix = f"{field}." if field else ""
        return {name: _redact_value(f"{prefix}{name}", member, redact, limit) for name, member in members.items()}
    if isinstance(value, list):
        return [_redact_value(field, entry, redact, limit) for entry in cast("list[Any]", value)]
    return value


def _redacted(field: str, text: str, redact: Redactor) -> str:
    try:
        shown = redact(field, text)
    except Exception:  # whatever the user's redactor raises, the raw text must not leave
        return FAILED
    return shown if isinstance(shown, str) else FAILED  # pyright: ignore[reportUnnecessaryIsInstance]
