"""Metadata of attributes that the codec asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ESSENTIAL_KEY = "essential"
ESSENTIAL: Mapping[str, bool] = {ESSENTIAL_KEY: True}
"""Of an attribute that may be absent, but not be what it can't hold: all of the object would mislead."""

NOT_NEGATIVE_KEY = "not negative"
NOT_NEGATIVE: Mapping[str, bool] = {NOT_NEGATIVE_KEY: True}
"""Of an attribute that holds whole numbers that are not negative."""
