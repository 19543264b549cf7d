"""The documented calls of the vendor's own client, `xpander-sdk`, one function each; `tools/vendor_check` runs it.

Runs in the vendor's environment, without anything of ours. Prints one JSON line for each call: its name, and what the
client got, or the error that it raised.
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from typing import TYPE_CHECKING, Any

from xpander_sdk import AgentExecutionStatus, Agents, Backend, Configuration, Task, Tasks, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

AGENT = "agent-123"
CALLS: dict[str, Callable[[], Any]] = {}


def call(function: Callable[[], Any]) -> Callable[[], Any]:
    """Note a call."""
    CALLS[function.__name__] = function
    return function


def short(task: Task) -> list[Any]:
    """Return what matters of a task."""
    tokens = task.tokens and [task.tokens.prompt_tokens, task.tokens.completion_tokens, task.tokens.total_tokens]
    return [task.agent_id, getattr(task.status, "value", task.status), task.result, tokens, task.used_tools]


def made(prompt: str = "hello", **more: Any) -> Task:
    """Create a task and wait until it has ended."""
    task = Tasks().create(agent_id=AGENT, prompt=prompt, events_streaming=True, **more)
    for _ in task.events():
        pass
    return task.reload() or task


@call
def report_backend_full() -> Any:
    """Report a run with everything."""
    tokens = Tokens(prompt_tokens=2140, completion_tokens=380)
    return short(
        Backend().report_external_task(
            agent_id=AGENT,
            id="ext-job-9921",
            input="Summarize Q4 earnings",
            result="Q4 revenue grew 22% YoY",
            tokens=tokens,
            duration=4.7,
            used_tools=["web_search", "fetch_pdf"],
            is_success=True,
        )
    )


@call
def report_backend_again() -> Any:
    """Report the same id again: the record is updated, not doubled."""
    task = Backend().report_external_task(agent_id=AGENT, id="ext-job-9921", result="Q4 revenue grew 23% YoY")
    return [task.id, task.result, task.duration]


@call
def report_backend_minimal() -> Any:
    """Report a run with nothing but its agent."""
    return bool(Backend().report_external_task(agent_id=AGENT).id)


@call
def report_backend_failure() -> Any:
    """Report a run that failed."""
    task = Backend().report_external_task(agent_id=AGENT, id="job-failed-001", result="boom", is_success=False)
    return short(task)


@call
def report_backend_async() -> Any:
    """Report with the async form."""
    return asyncio.run(Backend().areport_external_task(agent_id=AGENT, id="job-async", result="r")).id


@call
def report_task_classmethod() -> Any:
    """Report by the class method of Task."""
    answer = {"choices": [{"message": {"content": "hi"}}]}
    task = Task.report_external_task(
        configuration=Configuration(), agent_id=AGENT, id="ext-001", input="i", result="r", llm_response=answer
    )
    return [task.id, task.input.text]


@call
def tasks_list() -> Any:
    """List the agent's tasks."""
    return sorted({item.id for item in Tasks().list(agent_id=AGENT)} & {"ext-job-9921", "job-failed-001", "ext-001"})


@call
def tasks_list_filtered() -> Any:
    """List by status, as text: an enum member goes out as its Python name, a fault of this client."""
    found = Tasks().list(agent_id=AGENT, filters={"status": "failed"})
    return [item.id for item in found]


@call
def tasks_get() -> Any:
    """Load a task."""
    return short(Tasks().get(task_id="ext-001"))


@call
def tasks_create_and_events() -> Any:
    """Create a task and follow its events."""
    task = Tasks().create(agent_id=AGENT, prompt="hello", events_streaming=True)
    return [getattr(event.type, "value", event.type) for event in task.events()]


@call
def tasks_update() -> Any:
    """Update a task by id."""
    task = made()
    return short(Tasks().update(task_id=task.id, status=AgentExecutionStatus.Completed, result="by hand"))[:3]


@call
def tasks_stop() -> Any:
    """Stop a task by id."""
    return bool(Tasks().stop(task_id=made().id).id)


@call
def task_save() -> Any:
    """Change a loaded task and save it."""
    task = made()
    task.result, task.status = "Done", AgentExecutionStatus.Completed
    task.save()
    return short(Tasks().get(task_id=task.id))[:3]


@call
def task_set_status() -> Any:
    """Set a status with a result."""
    task = made()
    task.set_status(AgentExecutionStatus.Failed, "no")
    return short(Tasks().get(task_id=task.id))[:3]


@call
def task_activity_log() -> Any:
    """Read the activity thread."""
    return [type(entry).__name__.removeprefix("AgentActivityThread") for entry in made().get_activity_log().messages]


@call
def task_report_metrics() -> Any:
    """Report metrics of a task; this client refuses a task without a source."""
    task = made(source="sdk")
    task.tokens = Tokens(prompt_tokens=2140, completion_tokens=380)
    return task.report_metrics()


@call
def task_plan_status() -> Any:
    """Ask whether the plan lets the task finish."""
    return made().get_plan_following_status().can_finish


@call
def agents_list_and_get() -> Any:
    """List the agents and load one."""
    agents = Agents()
    return [[item.id for item in agents.list()], agents.get(AGENT).id]


@call
def agent_create_task() -> Any:
    """Create a task of a loaded agent."""
    return Agents().get(AGENT).create_task(prompt="hello").agent_id


@call
def backend_invoke_agent() -> Any:
    """Start a run without loading the agent."""
    return Backend().invoke_agent(agent_id=AGENT, prompt="Summarize").input.text


@call
def unknown_task() -> Any:
    """Load what is not there: an error with the platform's status."""
    try:
        Tasks().get(task_id="no-such-task")
    except Exception as error:
        return getattr(error, "status_code", repr(error))
    return "no error"


def main() -> None:
    """Make all calls, in order."""
    for name, function in CALLS.items():
        try:
            line = {"call": name, "got": function()}
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            line = {"call": name, "error": repr(error)}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
