"""The vendor's client, xpander-sdk 2.0.537 with its extra `[agno]`, in an environment of its own."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from payload import AGENT_ID, API_KEY, ORGANIZATION_ID, REPORT, TOKENS, streaming_task
from xpander_sdk import Backend, Configuration, Task, Tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator


def _configuration(url: str) -> Configuration:
    return Configuration(api_key=API_KEY, organization_id=ORGANIZATION_ID, base_url=url)


def _arguments() -> dict[str, Any]:
    return {**REPORT, "agent_id": AGENT_ID, "tokens": Tokens(**TOKENS)}


def report(url: str) -> Callable[[], Task]:
    backend = Backend(_configuration(url))
    return lambda: backend.report_external_task(**_arguments())


def areport(url: str) -> Callable[[], Awaitable[Task]]:
    backend = Backend(_configuration(url))
    return lambda: backend.areport_external_task(**_arguments())


def _streaming(url: str, task_id: str) -> Task:
    return Task(**streaming_task(task_id), configuration=_configuration(url))


def events(url: str, task_id: str) -> Iterator[Any]:
    for event in _streaming(url, task_id).events():
        yield event.data


async def aevents(url: str, task_id: str) -> AsyncIterator[Any]:
    async with contextlib.aclosing(_streaming(url, task_id).aevents()) as stream:
        async for event in stream:
            yield event.data


def decode() -> Callable[[bytes], Task]:
    # It can't be made without a configuration.
    configuration = Configuration(api_key=API_KEY, organization_id=ORGANIZATION_ID)
    return lambda data: Task.model_validate({**json.loads(data), "configuration": configuration})
