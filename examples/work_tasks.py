"""A worker: answers the tasks of an agent, word by word, until SIGTERM or SIGINT ends it.

Reads XPANDER_API_KEY, XPANDER_BASE_URL, XPANDER_ORGANIZATION_ID and XPANDER_AGENT_ID, as any program does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xpander_facade import Task, TaskUpdateEvent, TaskUpdateEventType, Tokens, on_task

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AMOUNTS = {"17": "1,240 EUR", "18": "87.50 EUR"}


@on_task
async def bookkeeper(task: Task) -> AsyncIterator[TaskUpdateEvent]:
    """Look up the amount of an invoice, and tell it live."""
    number = task.to_message().rpartition(" ")[2].strip("?")
    said = f"Invoice {number} is about {AMOUNTS.get(number, 'nothing that I know')}."
    for word in said.split(" "):
        await asyncio.sleep(0.1)  # a model thinks
        yield TaskUpdateEvent(type=TaskUpdateEventType.Chunk, task_id=task.id, data=f"{word} ")
    task.result = said
    task.tokens = Tokens(prompt_tokens=12, completion_tokens=8)


if __name__ == "__main__":
    bookkeeper.run()
