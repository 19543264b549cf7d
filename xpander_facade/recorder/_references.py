"""The count of references of an object that only one entry of a dict holds: it differs between versions of Python."""

from __future__ import annotations

import sys


def _count() -> int:
    # In the same steps as `_sweep` of the recorder, since a loop holds references of its own.
    entries = {0: object()}
    for key in list(entries):
        entry = entries.get(key)
        return sys.getrefcount(entry)
    raise AssertionError


REFERENCES_OF_ONE_ENTRY = _count()
