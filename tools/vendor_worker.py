"""The vendor's worker, as its users write one: started by `tools/vendor_check` in the vendor's own environment."""

from xpander_sdk import Task, on_task


@on_task
async def answer(task: Task) -> Task:
    """Answer a task without any model."""
    task.result = f"the vendor's worker read: {task.input.text}"
    return task
