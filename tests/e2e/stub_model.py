"""A model for Agno that says one sentence and remembers what it was given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agno.models.base import Model
from agno.models.response import ModelResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@dataclass
class StubModel(Model):
    """A model that says one sentence and remembers the messages that it was asked with."""

    id: str = "stub"
    asked: list[Any] = field(default_factory=list)

    def invoke(self, *args: Any, **kwargs: Any) -> ModelResponse:
        self.asked.extend(kwargs["messages"])
        return ModelResponse(role="assistant", content="All is well.")

    async def ainvoke(self, *args: Any, **kwargs: Any) -> ModelResponse:
        return self.invoke(*args, **kwargs)

    def invoke_stream(self, *args: Any, **kwargs: Any) -> Iterator[ModelResponse]:
        yield self.invoke(*args, **kwargs)

    async def ainvoke_stream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ModelResponse]:
        yield self.invoke(*args, **kwargs)

    def _parse_provider_response(self, response: Any, **kwargs: Any) -> ModelResponse:
        raise AssertionError("agno asks for this, and this model needs no parsing")

    def _parse_provider_response_delta(self, response: Any) -> ModelResponse:
        raise AssertionError("agno asks for this, and this model needs no parsing")

    def question(self) -> Any:
        """Return the one message of the user."""
        (message,) = [message for message in self.asked if message.role == "user"]
        return message
