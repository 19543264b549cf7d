"""A model of Agno's that plays a script: it calls tools and answers as it is told, and remembers what it saw."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from agno.models.base import Model
from agno.models.response import ModelResponse

_NUMBERS = itertools.count(1)


def calls(*tools: tuple[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the turn of a script in which the model calls tools."""
    return list(tools)


@dataclass
class StubModel(Model):
    """Each turn of the script is a text, or a list of tool calls: (name, arguments)."""

    id: str = "stub"
    name: str = "Stub"
    provider: str = "Stub"
    script: list[Any] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)

    def _turn(self, messages: list[Any], tools: list[Any] | None) -> ModelResponse:
        told = [(message.role, message.content) for message in messages]
        self.seen.append({"messages": told, "tools": tools or []})
        turn = self.script[len(self.seen) - 1]
        if isinstance(turn, str):
            return ModelResponse(role="assistant", content=turn)
        asked = [
            {
                "id": f"call_{next(_NUMBERS)}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for name, arguments in turn
        ]
        return ModelResponse(role="assistant", tool_calls=asked)

    def invoke(self, messages: list[Any], assistant_message: Any = None, tools: Any = None, **_: Any) -> ModelResponse:
        return self._turn(messages, tools)

    async def ainvoke(
        self, messages: list[Any], assistant_message: Any = None, tools: Any = None, **_: Any
    ) -> ModelResponse:
        return self._turn(messages, tools)

    def invoke_stream(self, messages: list[Any], assistant_message: Any = None, tools: Any = None, **_: Any) -> Any:
        yield self._turn(messages, tools)

    async def ainvoke_stream(
        self, messages: list[Any], assistant_message: Any = None, tools: Any = None, **_: Any
    ) -> Any:
        yield self._turn(messages, tools)

    def _parse_provider_response(self, response: Any, **_: Any) -> ModelResponse:
        return response

    def _parse_provider_response_delta(self, response: Any) -> ModelResponse:
        return response

    def functions(self, turn: int = 0) -> dict[str, dict[str, Any]]:
        """Return the tools that the model was offered in a turn: name -> its function."""
        return {tool["function"]["name"]: tool["function"] for tool in self.seen[turn]["tools"]}

    def system(self, turn: int = 0) -> str:
        """Return what the model was told to be."""
        return "\n".join(str(text) for role, text in self.seen[turn]["messages"] if role in ("system", "developer"))

    def answers(self, turn: int = -1) -> list[str]:
        """Return what tools had answered before a turn."""
        return [str(text) for role, text in self.seen[turn]["messages"] if role == "tool"]
