"""What two reports of a run say together, as the platform itself would join them. Pure."""

from __future__ import annotations

import json
from typing import Any, cast

from xpander_facade._requests.attempts import Record, has_ledger, joined

JOURNAL = "_journal"
"""The member of a dead run's report that says what the journal knew of it. It is never sent."""


def merged(older: bytes, later: bytes) -> bytes:
    """Return the one report that says what two reports of a run say one after the other, as the platform reads them.

    What the later one names counts; what it leaves out stays. An empty list of tools says nothing. The counts of
    attempts that are summed up are kept of both.
    """
    before = cast("dict[str, Any]", json.loads(older))
    before.pop(JOURNAL, None)  # it has ended after all, or the later one knows better
    body = cast("dict[str, Any]", json.loads(later))
    if has_ledger(body):
        body = joined(body, Record.of_report(before))
    said = {
        name: value for name, value in body.items() if value is not None and not (name == "used_tools" and not value)
    }
    return as_bytes({**before, **said})


def as_bytes(body: dict[str, Any]) -> bytes:
    """Return a body as the file keeps it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
