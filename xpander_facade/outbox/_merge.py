"""What two reports of a run say together, as the platform itself would join them. Pure."""

from __future__ import annotations

import json
from typing import Any, cast


def merged(older: bytes, later: bytes) -> bytes:
    """Return the one report that says what two reports of a run say one after the other, as the platform reads them.

    What the later one names counts; what it leaves out stays. An empty list of tools says nothing.
    """
    said = {
        name: value
        for name, value in cast("dict[str, Any]", json.loads(later)).items()
        if value is not None and not (name == "used_tools" and not value)
    }
    return json.dumps({**json.loads(older), **said}, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "replace"
    )
