"""Commands of tasks: list, get, watch, stop."""

from __future__ import annotations

import contextlib
import shutil
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from xpander_facade import Task, Tasks, TaskUpdateEvent, TaskUpdateEventType, ToolCallRequest, ToolCallResult
from xpander_facade.cli.options import AgentId, AsJson, BaseUrl, OrganizationId, checked_id, configuration_of
from xpander_facade.cli.output import one_line, print_fields, print_json, print_json_line, print_message, print_table

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

tasks = typer.Typer(no_args_is_help=True, help="See and stop the tasks of an agent.")

TaskId = Annotated[str, typer.Argument(metavar="ID", callback=checked_id, help="The id of the task.")]


@tasks.command("list")
def list_tasks(
    agent_id: AgentId = None,
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", callback=checked_id, help="Only tasks with this status.")
    ] = None,
    user_id: Annotated[
        str | None, typer.Option(metavar="ID", callback=checked_id, help="Only tasks of this end user.")
    ] = None,
    parent_task_id: Annotated[
        str | None, typer.Option(metavar="ID", callback=checked_id, help="Only sub-tasks of this task.")
    ] = None,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    organization_id: OrganizationId = None,
) -> None:
    """List the tasks of an agent, in the platform's order."""
    given = {"status": status, "user_id": user_id, "parent_task_id": parent_task_id}
    filters = {name: value for name, value in given.items() if value is not None}
    with Tasks(configuration_of(base_url, organization_id, agent_id)) as platform:
        items = platform.list(filters=filters)
    if as_json:
        print_json(items)
        return
    print_table(
        ("id", "status", "created", "title", "result"),
        [
            (item.id, item.status.value, item.created_at, _shortened(item.title, 30), _shortened(item.result, 60))
            for item in items
        ],
    )


@tasks.command("get")
def get_task(
    task_id: TaskId, as_json: AsJson = False, base_url: BaseUrl = None, organization_id: OrganizationId = None
) -> None:
    """Show a task, without its user's tokens and the secrets of its MCP servers."""
    with Tasks(configuration_of(base_url, organization_id)) as platform:
        _show(platform.get(task_id), as_json)


@tasks.command("stop")
def stop_task(
    task_id: TaskId, as_json: AsJson = False, base_url: BaseUrl = None, organization_id: OrganizationId = None
) -> None:
    """Stop a task, and show it as the platform has it then."""
    with Tasks(configuration_of(base_url, organization_id)) as platform:
        _show(platform.stop(task_id), as_json)


@tasks.command("watch")
def watch_task(
    task_id: TaskId, as_json: AsJson = False, base_url: BaseUrl = None, organization_id: OrganizationId = None
) -> None:
    """Print a task's events as they happen, until it has ended.

    The last line is its status and result; with --json, every line is an event, and the last holds the whole task. The
    exit code is 0 when the task completed, and 1 when it ended otherwise. A task that streams no events is asked for
    its status until it has ended.
    """
    with Tasks(configuration_of(base_url, organization_id)) as platform:
        task = platform.get(task_id)
        with contextlib.closing(_live(task)) as events:
            for event in events:
                if as_json:
                    print_json_line(event)
                else:
                    _print_event(event)
        task.wait_until_done()
    if as_json:
        print_json_line(_end_of(task))
    else:
        print("\t".join(filter(None, (task.status.value, one_line(task.result or "")))))
    if task.status.value != "completed":
        raise typer.Exit(1)


def _live(task: Task) -> Generator[TaskUpdateEvent]:
    """Yield the events of a running task but the last, which need not hold the whole task."""
    if task.status.is_final:
        return
    if not task.events_streaming:
        print_message(f"task {task.id} streams no events: waiting for its end")
        return
    with contextlib.closing(task.events()) as events:
        yield from (event for event in events if event.type is not TaskUpdateEventType.TaskFinished)


def _end_of(task: Task) -> TaskUpdateEvent:
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
    print(line[: shutil.get_terminal_size().columns] if sys.stdout.isatty() else line, flush=True)


def _summary(data: object) -> str:
    """Return what a person wants to know of an event's data, in a few words."""
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


def _shortened(text: str | None, most: int) -> str:
    """Return a text that fits into a table; --json has the whole."""
    text = text or ""
    return text if len(text) <= most else f"{text[: most - 3]}..."
