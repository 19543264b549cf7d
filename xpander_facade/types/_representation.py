"""How objects with many attributes show themselves: by what differs from the defaults."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any, cast

import attrs

from xpander_facade._serialization.attributes import default_for

_MAX_TEXT = 200
"""Characters of a text that are shown."""
_MAX_ITEMS = 10
"""Items of a list that are shown."""


def changed_repr(instance: Any) -> str:
    """Return a repr of the attributes that differ from their defaults; those of what lies inside, too.

    What is left out of the class's own repr, such as a secret, is left out.

    Args:
        instance: An instance of an attrs class.
    """
    cls: Any = instance.__class__
    shown: list[str] = []
    for field in attrs.fields(cls):
        value = getattr(instance, field.name, None)
        if field.repr and (field.default is attrs.NOTHING or value != default_for(field, instance)):
            shown.append(f"{field.name}={_text(value)}")
    return f"{cls.__name__}({', '.join(shown)})"


def _text(value: Any) -> str:
    if isinstance(value, Enum):
        return repr(value.value)
    if isinstance(value, str):
        return repr(value) if len(value) <= _MAX_TEXT else f"{value[:_MAX_TEXT]!r}..."
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        items = cast("list[Any]", value)
        more = ", ..." if len(items) > _MAX_ITEMS else ""
        return f"[{', '.join(map(_text, items[:_MAX_ITEMS]))}{more}]"
    if attrs.has(value.__class__):
        return changed_repr(value)
    return repr(value)
