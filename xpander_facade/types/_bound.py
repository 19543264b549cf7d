"""Objects that remember the configuration they were loaded with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from xpander_facade.types._llm_gateway import LLMGatewayRoute


class ConfigurationBound:
    """What belongs to an object but is not one of its attributes, so that no dump of the attributes can hold it."""

    __slots__ = ("_configuration", "_llm_gateway", "_retries", "_snapshot")

    if TYPE_CHECKING:
        _llm_gateway: LLMGatewayRoute | None
        _retries: int

    def __getstate__(self) -> dict[str, Any]:
        cls: Any = type(self)
        attributes = {field.name: getattr(self, field.name) for field in attrs.fields(cls)}
        names = [name for name in ConfigurationBound.__slots__ if hasattr(self, name)]
        return {"attributes": attributes, "unlisted": {name: getattr(self, name) for name in names}}

    def __setstate__(self, state: dict[str, dict[str, Any]]) -> None:
        for name, value in {**state["attributes"], **state["unlisted"]}.items():
            object.__setattr__(self, name, value)
