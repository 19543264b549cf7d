#!/usr/bin/env bash
# agno: an async `knowledge_retriever` is never awaited by `Agent.run`, and the run completes all the same.
#
# `arun` awaits what a retriever returns; `run` hands the coroutine on as if it were the documents. The model is told a
# validation error of Pydantic about a coroutine object, in the place of the documents, and the run's status is COMPLETED:
# nothing tells the program that its knowledge was never searched.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check agno==3.1.10
cat > "$folder/check.py" <<'PY'
import importlib.metadata
import json
import logging
import sys
import warnings
from dataclasses import dataclass, field
from typing import Any

from agno.agent import Agent
from agno.models.base import Model
from agno.models.response import ModelResponse

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)


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


searched: list[str] = []


async def search(query: str, num_documents: int | None = None, **_: Any) -> list[dict[str, str]]:
    searched.append(query)
    return [{"content": "Invoices are paid within thirty days."}]


model = AsksOnce()
result = Agent(model=model, knowledge_retriever=search, search_knowledge=True, telemetry=False).run(input="When?")
told = model.told[0].splitlines()
print("agno", importlib.metadata.version("agno"))
print("searches done:", len(searched))
print("status of the run:", result.status.value)
print("what the model was told:", told[0], "...", told[2].strip()[:75])
changed = searched or result.status.value != "COMPLETED" or "coroutine" not in model.told[0]
print("the behaviour has changed" if changed else "the coroutine was taken for the documents")
sys.exit(1 if changed else 0)
PY
"$folder/venv/bin/python" "$folder/check.py"

# Printed with agno 3.1.10 on Python 3.11:
# agno 3.1.10
# searches done: 0
# status of the run: COMPLETED
# what the model was told: 1 validation error for MessageReferences ... Input should be a valid list [type=list_type, input_value=<coroutine object
# the coroutine was taken for the documents
