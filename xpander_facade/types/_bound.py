"""A value that remembers the configuration it was loaded with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs


class Unlisted:
    """What belongs to a task but is none of its attributes, so that no dump of them can hold it."""

    __slots__ = ("_configuration", "_origin", "_retries")

    if TYPE_CHECKING:
        _retries: int

    def __getstate__(self) -> dict[str, Any]:
        cls: Any = type(self)
        attributes = {field.name: getattr(self, field.name) for field in attrs.fields(cls)}
        return {
            "attributes": attributes,
            "unlisted": {n: getattr(self, n) for n in Unlisted.__slots__ if hasattr(self, n)},
        }

    def __setstate__(self, state: dict[str, dict[str, Any]]) -> None:
        for name, value in {**state["attributes"], **state["unlisted"]}.items():
            object.__setattr__(self, name, value)
