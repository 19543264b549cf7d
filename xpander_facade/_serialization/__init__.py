"""Serialization: JSON and attrs classes, jsonable values, redaction. Pure.

The names here load when they are first used: what a class is read and written with takes longer to load than the class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade._serialization.codec import structure, structure_list, structure_strictly, unstructure
    from xpander_facade._serialization.values import DecodeError

__all__ = [
    "DecodeError",
    "structure",
    "structure_list",
    "structure_strictly",
    "unstructure",
]

_HOMES = {
    "DecodeError": "values",
    "structure": "codec",
    "structure_list": "codec",
    "structure_strictly": "codec",
    "unstructure": "codec",
}

if not TYPE_CHECKING:  # a type checker that saw these would believe in every name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
