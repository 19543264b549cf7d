"""Create a task and stream it live, then create another one and stop it.

Reads XPANDER_API_KEY, XPANDER_BASE_URL, XPANDER_ORGANIZATION_ID and XPANDER_AGENT_ID, as any program does.
"""

from __future__ import annotations

import time

from xpander_facade import Task, Tasks, TaskUpdateEvent, ToolCallRequest, ToolCallResult


def told(event: TaskUpdateEvent) -> str:
    """Put what an event holds into a few words."""
    match event.data:
        case ToolCallResult() as call:
            return f"{call.tool_name} gave {call.result}"
        case ToolCallRequest() as call:
            return f"{call.tool_name} is asked {call.payload}"
        case Task() as task:
            return task.status.value
        case str() as text:
            return repr(text)
        case _:
            return ""


def main() -> None:
    with Tasks() as tasks:
        task = tasks.create(prompt="Greet the new colleague", events_streaming=True)
        began = time.monotonic()
        for event in task.events():
            print(f"{time.monotonic() - began:6.2f} s  {event.type.value:18} {told(event)}")
        task.reload()
        print(f"streamed: {task.status.value}: {task.result}")

        task = tasks.create(prompt="Count to a very large number, one at a time, and say each of them aloud")
        task.stop()
        print(f"stopped: {task.status.value}, by hand: {task.is_manually_stopped}")


if __name__ == "__main__":
    main()
