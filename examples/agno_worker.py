"""An agent of the platform, run by Agno in a worker: `make demo-agno`.

The platform is local, and the model plays a script, so that neither a key nor the internet is needed. With
XPANDER_API_KEY, XPANDER_ORGANIZATION_ID and XPANDER_AGENT_ID set, and without `override`, the same handler serves an
agent of the real platform with its own model.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from agno.agent import Agent as AgnoAgent
from agno.models.base import Model
from agno.models.response import ModelResponse

from xpander_facade import Backend, Configuration, Task, Tasks, on_task
from xpander_facade.emulator import Emulator, OperationCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

WEATHER = {
    "id": "get_weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"body_params": {"type": "object", "properties": {"city": {"type": "string"}}}},
        "required": ["body_params"],
    },
}


def weather(call: OperationCall) -> dict[str, Any]:
    """Answer as the operation behind the tool would."""
    return {"city": call.payload["body_params"]["city"], "degrees": 21}


class ScriptedModel(Model):
    """A model that asks for the weather once, and then says what it was told."""

    def _answer(self, messages: list[Any]) -> ModelResponse:
        answers = [message.content for message in messages if message.role == "tool"]
        if answers:
            return ModelResponse(
                role="assistant", content=f"It is {json.loads(answers[-1])['degrees']} degrees in Bonn."
            )
        function = {"name": "get_weather", "arguments": json.dumps({"body_params": {"city": "Bonn"}})}
        return ModelResponse(role="assistant", tool_calls=[{"id": "call_1", "type": "function", "function": function}])

    def invoke(self, messages: list[Any], **_: Any) -> ModelResponse:
        return self._answer(messages)

    async def ainvoke(self, messages: list[Any], **_: Any) -> ModelResponse:
        return self._answer(messages)

    def invoke_stream(self, messages: list[Any], **_: Any) -> Iterator[ModelResponse]:
        yield self._answer(messages)

    async def ainvoke_stream(self, messages: list[Any], **_: Any) -> AsyncIterator[ModelResponse]:
        yield self._answer(messages)

    def _parse_provider_response(self, response: Any, **_: Any) -> ModelResponse:
        return ModelResponse(content=str(response))

    def _parse_provider_response_delta(self, response: Any) -> ModelResponse:
        return ModelResponse(content=str(response))


async def main() -> None:
    """Serve the handler at a local platform, let it do one task, and show what became of it."""
    with Emulator() as emulator:
        emulator.add_agent("agent-1", instructions={"role": ["You tell the weather."]}, tools=[WEATHER])
        emulator.answer_tool("get_weather", weather)
        configuration = Configuration(api_key="any", organization_id="org-1", base_url=emulator.url, agent_id="agent-1")
        backend = Backend(configuration)

        @on_task(configuration=configuration)
        async def handler(task: Task) -> Task:
            args = await backend.aget_args(task=task, override={"model": ScriptedModel(id="script")})
            agno_agent: Any = AgnoAgent(**args)
            result = await agno_agent.arun(input=task.to_message(), files=task.get_files(), images=task.get_images())
            task.result = result.content
            return task

        serving = asyncio.create_task(handler.arun(signals=False))
        try:
            await asyncio.to_thread(emulator.wait_for_workers, 1)
            async with backend, Tasks(configuration) as tasks:
                task = await tasks.acreate(prompt="How is the weather in Bonn?", events_streaming=True)
                async for event in task.aevents():
                    if event.type.value in {"tool_call_request", "tool_call_result"}:
                        shown = event.data.payload if event.type.value == "tool_call_request" else event.data.result
                        print(f"{event.type.value}: {event.data.tool_name} {shown}")
                await task.areload()
            print(f"{task.status.value}: {task.result} (tools: {', '.join(task.used_tools)})")
        finally:
            handler.stop()
            await serving


if __name__ == "__main__":
    asyncio.run(main())
