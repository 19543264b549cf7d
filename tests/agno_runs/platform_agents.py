"""Agents of the emulator that the tests of `get_args` share, and how they are run by Agno."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from agno.agent import Agent as AgnoAgent

from xpander_facade import Backend, Configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xpander_facade import Task
    from xpander_facade.emulator import Emulator

SEND: dict[str, Any] = {
    "id": "send_message",
    "name": "Send a message",
    "function_description": "Send a message to a channel.",
    "parameters": {
        "type": "object",
        "properties": {
            "body_params": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "description": "What is said."},
                    "channel": {"type": "string"},
                    "as_admin": {"type": "boolean"},
                    "attachments": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"url": {"type": "string"}, "public": {"type": "boolean"}},
                        },
                    },
                },
                "required": ["text", "channel"],
            },
            "query_params": {"type": "object", "properties": {}},
            "path_params": {"type": "object", "properties": {}},
            "headers": {
                "type": "object",
                "properties": {
                    "toolcallreasoningtitle": {"type": "string"},
                    "toolcallreasoningdescription": {"type": "string"},
                },
                "required": ["toolcallreasoningtitle"],
            },
        },
        "required": ["body_params", "headers"],
    },
}
WEATHER: dict[str, Any] = {"id": "weather/today", "description": "The weather of a city.", "parameters": None}
GRAPH: dict[str, Any] = {
    "items": [
        {
            "id": "node-1",
            "item_id": "send_message",
            "type": "tool",
            "settings": {
                "schemas": {
                    "input": {
                        "properties": {
                            "body_params": {
                                "properties": {
                                    "channel": {"permanentValue": "C1"},
                                    "as_admin": {"isBlocked": True},
                                    "text": {"description": "What is said, in one sentence."},
                                    "attachments": {"items": {"properties": {"public": {"permanentValue": False}}}},
                                }
                            },
                            "query_params": {"properties": {"dry": {"permanentValue": 0}}},
                        }
                    },
                    "output": {"properties": {"token": {"isBlocked": True}, "source": {"permanentValue": "chat"}}},
                }
            },
        }
    ]
}


def add_agent(emulator: Emulator, agent_id: str = "agent-1", **fields: Any) -> None:
    """Add an agent with two tools, a knowledge base, permanent and blocked members."""
    whole: dict[str, Any] = {
        "name": "Helper",
        "description": "Helps with messages.",
        "instructions": {"role": ["You are a helper."], "goal": ["Be brief."], "general": "Helps."},
        "model_provider": "openai",
        "model_name": "gpt-4o",
        "version": 3,
        "tools": [SEND, WEATHER],
        "graph": GRAPH,
        "knowledge_bases": [{"id": "kb-1", "rw": False}],
    }
    emulator.add_agent(agent_id, **{**whole, **fields})
    emulator.add_knowledge_base("kb-1", [{"id": "doc-1", "name": "Handbook", "content": "Invoices take thirty days."}])


def backend_of(emulator: Emulator) -> Backend:
    """Return a Backend that calls an emulator."""
    return Backend(Configuration(api_key="key-1", organization_id="org-1", base_url=emulator.url, timeout=10))


def run(
    backend: Backend, way: str, model: Any, task: Task | None = None, *, override: Any = None, **given: Any
) -> tuple[Any, dict[str, Any]]:
    """Run an agent in one of two ways, "run" or "arun"; return Agno's result and the arguments that it was made of."""
    override = {"model": model, **(override or {})}
    if way == "run":
        arguments = backend.get_args(task=task, override=override, **given)
        return AgnoAgent(**arguments).run(input="hi"), arguments

    async def main() -> tuple[Any, dict[str, Any]]:
        arguments = await backend.aget_args(task=task, override=override, **given)
        result = await AgnoAgent(**arguments).arun(input="hi")
        await backend.aclose()
        return result, arguments

    return asyncio.run(main())


def events_of(emulator: Emulator, task_id: str, types: Sequence[str]) -> list[dict[str, Any]]:
    """Return the data of a task's events of some types, oldest first."""
    import json

    events = [json.loads(text) for text in emulator.events(task_id)]
    return [{"type": event["type"], **event["data"]} for event in events if event["type"] in types]
