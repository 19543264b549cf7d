"""Texts of the page: how values of any kind are shown, whatever they hold."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from ._json import is_object

MAX_SHOWN: Final = 20_000
# Control characters have pictures; those that turn the direction of a text are named.
_PICTURES: Final = {code: 0x2400 + code for code in range(32) if code not in (9, 10, 13)} | {127: 0x2421}
_TURNS: Final = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")


def visible(value: Any) -> str:
    """Return a text in which characters that can't be seen, or that turn the text around them, are visible."""
    text = "" if value is None else str(value)
    return _TURNS.sub(lambda match: f"[U+{ord(match[0]):04X}]", text.translate(_PICTURES))


def excerpt(value: Any, length: int = 90) -> str:
    """Return the beginning of a text, in one line."""
    text = " ".join(visible(value).split())
    return text if len(text) <= length else f"{text[: length - 1]}…"


def bounded(value: Any) -> str:
    """Return a text, or so much of it as a page should hold."""
    text = visible(value)
    if len(text) <= MAX_SHOWN:
        return text
    return f"{text[:MAX_SHOWN]}\n… and {len(text) - MAX_SHOWN:,} more characters, which the API has"


def pretty(value: Any) -> str:
    """Return any JSON, indented."""
    return bounded(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str))


def seconds(value: Any) -> str:
    """Return a duration as a person reads it."""
    # NaN is what differs from itself.
    if not isinstance(value, (int, float)) or value != value or value <= 0:
        return "-"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def count(value: Any) -> str:
    """Return a whole number with its thousands set apart; a dash for none."""
    return f"{value:,.0f}" if isinstance(value, (int, float)) and value == value and value else "-"


def moment(value: Any) -> str:
    """Return a time as `2026-11-28 17:03:09` in UTC, as the browser shows it until it knows its own zone."""
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return visible(value)


def clock(value: float) -> str:
    """Return seconds since 1970 as a time of the day in UTC, as the browser shows it until it knows its own zone."""
    return datetime.fromtimestamp(value, UTC).strftime("%H:%M:%S")


def link_of(url: Any) -> str | None:
    """Return a URL that may become a link: one of http or https; None for any other."""
    try:
        return url if isinstance(url, str) and urlsplit(url).scheme.lower() in ("http", "https") else None
    except ValueError:
        return None


def query_string(**values: Any) -> str:
    """Return a query string of the values that are there."""
    return urlencode({name: value for name, value in values.items() if value not in ("", None)})


def event_summary(event: Any) -> tuple[str, str, str]:
    """Return the type of a task's event, its time, and what it says."""
    if not is_object(event):
        return "text", "", pretty(event)
    kind, data = str(event.get("type") or "event"), event.get("data")
    time = str(event.get("time") or "")
    if is_object(data):
        if kind in ("think", "analyze"):
            said = data.get("thought") or data.get("analysis") or data.get("title")
            return kind, time, bounded(said)
        if kind in ("tool_call_request", "tool_call_result"):
            told = data.get("payload") if kind == "tool_call_request" else data.get("result")
            return kind, time, f"{visible(data.get('tool_name'))}  {excerpt(_short(told), 400)}"
        if kind in ("task_created", "task_updated", "task_finished"):
            result = data.get("result")
            return kind, time, f"{visible(data.get('status'))}{'' if not result else f'  {excerpt(result, 400)}'}"
        if kind == "connected":
            return kind, time, ""
    return kind, time, bounded(data) if isinstance(data, str) else excerpt(_short(data), 2_000)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
