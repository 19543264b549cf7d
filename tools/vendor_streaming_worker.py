"""The vendor's worker with a handler that yields events: started by `tools/vendor_check` in the vendor's environment.

What a task asks for says of which shape its last event is: a text, an object, or the task itself.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from xpander_sdk import Task, on_task
from xpander_sdk.modules.tasks.sub_modules.task import TaskUpdateEvent, TaskUpdateEventType


def event(task: Task, type: TaskUpdateEventType, data: object) -> TaskUpdateEvent:
    """Return an event of a task, as of now."""
    now = datetime.now(UTC)
    return TaskUpdateEvent(type=type, task_id=task.id, organization_id=task.organization_id, time=now, data=data)


@on_task
async def answer(task: Task) -> AsyncIterator[TaskUpdateEvent]:
    """Answer a task in two pieces, without any model."""
    shape = task.input.text
    yield event(task, TaskUpdateEventType.Chunk, "the answer is ")
    yield event(task, TaskUpdateEventType.Chunk, shape)
    data: object = f"the answer is {shape}"
    if shape == "object":
        data = {**task.model_dump(exclude={"configuration"}), "result": data}
    elif shape == "task":
        task.result = data
        data = task
    yield event(task, TaskUpdateEventType.TaskFinished, data)
