#!/usr/bin/env bash
# agno: `Agent.arun` runs a sync tool in a thread, but a sync `knowledge_retriever` on the event loop.
#
# Both are functions that the model's tool call leads to. The tool's waiting is nobody else's; the retriever's stops every
# other coroutine of the program for as long as the search takes.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check agno==3.1.10
cat > "$folder/check.py" <<'PY'
import asyncio
import importlib.metadata
import json
import sys
import threading
from dataclasses import dataclass, field
from typing import Any

from agno.agent import Agent
from agno.models.base import Model
from agno.models.response import ModelResponse


@dataclass
class AsksOnce(Model):
    """A model that calls one tool, and then is done; it keeps what the tool told it."""

    id: str = "asks-once"
    tool: str = "search_knowledge_base"
    told: list[str] = field(default_factory=list)

    def turn(self, messages: list[Any]) -> ModelResponse:
        self.told = [str(message.content) for message in messages if message.role == "tool"]
        if self.told:
            return ModelResponse(role="assistant", content="done")
        function = {"name": self.tool, "arguments": json.dumps({"query": "invoices"})}
        return ModelResponse(role="assistant", tool_calls=[{"id": "c-1", "type": "function", "function": function}])

    def invoke(self, messages: list[Any], **_: Any) -> ModelResponse:
        return self.turn(messages)

    async def ainvoke(self, messages: list[Any], **_: Any) -> ModelResponse:
        return self.turn(messages)

    def invoke_stream(self, messages: list[Any], **_: Any) -> Any:
        yield self.turn(messages)

    async def ainvoke_stream(self, messages: list[Any], **_: Any) -> Any:
        yield self.turn(messages)

    def _parse_provider_response(self, response: Any, **_: Any) -> Any:
        return response

    def _parse_provider_response_delta(self, response: Any) -> Any:
        return response


where: dict[str, str] = {}


def note(name: str) -> None:
    in_loop = threading.current_thread() is threading.main_thread()
    where[name] = "the event loop's thread" if in_loop else "a thread of its own"


def look_up(query: str) -> str:
    """Look something up."""
    note("tool")
    return "within thirty days"


def search(query: str, num_documents: int | None = None, **_: Any) -> list[dict[str, str]]:
    note("retriever")
    return [{"content": "Invoices are paid within thirty days."}]


async def main() -> None:
    await Agent(model=AsksOnce(tool="look_up"), tools=[look_up], telemetry=False).arun(input="When?")
    agent = Agent(model=AsksOnce(), knowledge_retriever=search, search_knowledge=True, telemetry=False)
    await agent.arun(input="When?")


asyncio.run(main())
print("agno", importlib.metadata.version("agno"))
print("a sync tool ran in", where["tool"])
print("a sync retriever ran in", where["retriever"])
sys.exit(0 if where == {"tool": "a thread of its own", "retriever": "the event loop's thread"} else 1)
PY
"$folder/venv/bin/python" "$folder/check.py"

# Printed with agno 3.1.10 on Python 3.11:
# agno 3.1.10
# a sync tool ran in a thread of its own
# a sync retriever ran in the event loop's thread
