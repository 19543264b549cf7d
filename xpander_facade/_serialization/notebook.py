"""Tables for notebooks: HTML in which every value is text, and short forms for `repr`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade._serialization.attributes import default_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_ROWS = 50
MAX_TEXT = 300
_REPR_TEXT = 80
# Notebooks align cells to the right, and fold the lines of a text into one.
_CELL = ' style="text-align:left;vertical-align:top;white-space:pre-wrap"'


def table_of_fields(title: str, fields: Iterable[tuple[str, object]]) -> str:
    """Return a table with a row for each field that has a value.

    Args:
        title: What stands above it.
        fields: Names and values; None, "" and empty collections are left out.
    """
    rows = [
        f"<tr><th{_CELL}>{_text(name)}</th><td{_CELL}>{_text(value)}</td></tr>"
        for name, value in fields
        if value is not None and value not in ("", [], {})
    ]
    return f"<table>{_caption(title)}<tbody>{''.join(rows)}</tbody></table>"


def table_of_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], total: int) -> str:
    """Return a table with a head.

    Args:
        title: What stands above it.
        columns: The names in the head.
        rows: The values of each row.
        total: How many rows there are, where `rows` are only the first.
    """
    head = "".join(f"<th{_CELL}>{_text(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td{_CELL}>{_text(value)}</td>' for value in row)}</tr>" for row in rows)
    more = f"<p>{total - len(rows)} more</p>" if total > len(rows) else ""
    return f"<table>{_caption(title)}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def repr_of_changes(instance: Any, texts: int = _REPR_TEXT) -> str:
    """Return the `repr` of an attrs object with what differs from the defaults alone; long texts are cut.

    Args:
        instance: The object.
        texts: How long a text may be.
    """
    shown: list[str] = []
    cls: Any = instance.__class__
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cls)
    for field in fields:
        value = getattr(instance, field.name)
        if not field.repr or value is None or value == default_for(field, instance):
            continue
        if isinstance(value, str) and len(value) > texts:
            value = value[: texts - 1] + "…"
        shown.append(f"{field.name}={value!r}")
    return f"{cls.__name__}({', '.join(shown)})"


def _caption(title: str) -> str:
    return f"<caption{_CELL}>{_text(title)}</caption>"


def _text(value: object) -> str:
    from datetime import datetime
    from html import escape

    if value is None:
        return ""
    if isinstance(value, datetime):
        text = value.isoformat(" ", "seconds")
    elif isinstance(value, int) and not isinstance(value, bool):
        text = f"{value:,}"
    elif isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, list | tuple):
        text = ", ".join(map(str, cast("list[object]", value)))
    else:
        text = str(value)
    cut = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
    # What a control character or half a surrogate pair does to a page is not for the page to find out.
    safe = "".join(c if c.isprintable() or c in "\n\t" else "�" for c in cut)
    return escape(safe, quote=True)
