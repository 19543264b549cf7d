"""Commands of tasks: list, create, get, watch, stop."""

from __future__ import annotations

import contextlib
import shutil
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from xpander_facade.cli.options import AsJson, BaseUrl, OrganizationId, checked_id, configuration_of
from xpander_facade.cli.output import one_line, print_fields, print_json, print_json_line, print_message
from xpander_facade.cli.progress import waiting
from xpander_facade.cli.task_create import create_task
from xpander_facade.cli.task_list import list_tasks

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from xpander_facade import Task, TaskUpdateEvent

tasks = typer.Typer(no_args_is_help=True, help="List, create, follow and stop the tasks of an agent.")
tasks.command("list")(list_tasks)
tasks.command("create")(create_task)

TaskId = Annotated[str, typer.Argument(metavar="ID", callback=checked_id, help="The id of the task.")]


@tasks.command("get")
def get_task(
    task_id: TaskId, as_json: AsJson = False, base_url: BaseUrl = None, organization_id: OrganizationId = None
) -> None:
    """Show a task, without its user's tokens and the secrets of its MCP servers."""
    from xpander_facade import Tasks

    with Tasks(configuration_of(base_url, organization_id)) as platform, waiting("asking the platform"):
        task = platform.get(task_id)
    _show(task, as_json)


@tasks.command("stop")
def stop_task(
    task_id: TaskId, as_json: AsJson = False, base_url: BaseUrl = None, organization_id: OrganizationId = None
) -> None:
    """Stop a task, and show it as the platform has it then."""
    from xpander_facade import Tasks

    with Tasks(configuration_of(base_url, organization_id)) as platform, waiting("asking the platform"):
        task = platform.stop(task_id)
    _show(task, as_json)


@tasks.command("watch")
def watch_task(
    task_id: TaskId, as_json: AsJson = False, base_url: BaseUrl = None, organization_id: OrganizationId = None
) -> None:
    """Print a task's events as they happen, until it has ended.

    The last line is its status and result; with --json, every line is an event, and the last holds the whole task. The
    exit code is 0 when the task completed, and 1 when it ended otherwise. A task that streams no events is asked for
    its status until it has ended.
    """
    from xpander_facade import Tasks

    with Tasks(configuration_of(base_url, organization_id)) as platform:
        with waiting("asking the platform"):
            task = platform.get(task_id)
        with contextlib.closing(_live(task)) as events:
            for event in events:
                if as_json:
                    print_json_line(event)
                else:
                    _print_event(event)
        with waiting(f"waiting for the end of task {one_line(task.id)}"):
            task.wait_until_done()
    if as_json:
        print_json_line(_end_of(task))
    else:
        print("\t".join(filter(None, (task.status.value, one_line(task.result or "")))))
    if task.status.value != "completed":
        raise typer.Exit(1)


def _live(task: Task) -> Generator[TaskUpdateEvent]:
    """Yield the events of a running task but the last, which need not hold the whole task."""
    from xpander_facade import TaskUpdateEventType

    if task.status.is_final:
        return
    if not task.events_streaming:
        print_message(f"task {task.id} streams no events: waiting for its end")
        return
    with contextlib.closing(task.events()) as events:
        # The task in the last event may be trimmed, and the whole one is loaded and printed after it.
        yield from (event for event in events if event.type is not TaskUpdateEventType.TaskFinished)


def _end_of(task: Task) -> TaskUpdateEvent:
    from xpander_facade import TaskUpdateEvent, TaskUpdateEventType

    return TaskUpdateEvent(
        type=TaskUpdateEventType.TaskFinished,
        task_id=task.id,
        organization_id=task.organization_id,
        time=task.finished_at,
        data=task,
    )


def _print_event(event: TaskUpdateEvent) -> None:
    moment = "" if event.time is None else f"{event.time:%H:%M:%S}"
    line = one_line("  ".join((moment, event.type.value, _summary(event.data))).rstrip())
    if sys.stdout.isatty():
        from rich.cells import cell_len, set_cell_size

        columns = shutil.get_terminal_size().columns
        # One line each: a wrapped event could not be told from the next one.
        line = line if cell_len(line) <= columns else set_cell_size(line, columns).rstrip()
    print(line, flush=True)


def _summary(data: object) -> str:
    """Return what a person wants to know of an event's data, in a few words."""
    from xpander_facade import Task, ToolCallRequest, ToolCallResult

    match data:
        case Task():
            return data.status.value
        case ToolCallResult():
            return f"{data.tool_name}: {data.result}"
        case ToolCallRequest():
            return f"{data.tool_name} {data.payload}"
        case str():
            return data
        case {"thought": str(text)} | {"analysis": str(text)} | {"title": str(text)}:
            return text
        case _:
            return ""


def _show(task: Task, as_json: bool) -> None:
    if as_json:
        print_json(task)
        return
    print_fields(_fields(task))


def _fields(task: Task) -> Iterator[tuple[str, object]]:
    yield from (("id", task.id), ("agent", task.agent_id), ("status", task.status.value), ("title", task.title))
    yield from (("created", task.created_at), ("started", task.started_at), ("finished", task.finished_at))
    yield ("seconds", task.duration or None)
    if task.tokens is not None:
        yield ("tokens", f"{task.tokens.prompt_tokens} in, {task.tokens.completion_tokens} out")
    yield from (("tools", task.used_tools), ("input", task.input.text), ("result", task.result))
