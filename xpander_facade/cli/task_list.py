"""The command `tasks list`: once, as it goes on (--follow), or as a live table (--watch)."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from xpander_facade import AgentExecutionStatus  # noqa: TC001 (typer reads the annotations)
from xpander_facade.cli.options import (
    AgentId,
    AsJson,
    BaseUrl,
    Interval,
    OrganizationId,
    Output,
    TableForm,
    checked_id,
    checked_moment,
    configuration_of,
    output_form,
    parse_moment,
)
from xpander_facade.cli.output import print_json, print_json_line, print_message
from xpander_facade.cli.progress import PATIENCE, progress, waiting
from xpander_facade.cli.table import TablePrinter, print_table
from xpander_facade.cli.task_columns import COLUMNS, WIDE_COLUMNS, cells_of, wide_cells_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from xpander_facade import Configuration, Tasks, TasksListItem
    from xpander_facade.cli.history import HistoryReader, HistoryRow


def list_tasks(
    agent_id: AgentId = None,
    status: Annotated[AgentExecutionStatus | None, typer.Option(help="Only tasks with this status.")] = None,
    user_id: Annotated[
        str | None, typer.Option(metavar="ID", callback=checked_id, help="Only tasks of this end user.")
    ] = None,
    parent_task_id: Annotated[
        str | None, typer.Option(metavar="ID", callback=checked_id, help="Only sub-tasks of this task.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            callback=checked_moment,
            help="Only tasks created since: an age (90m, 24h, 7d), or a date or time.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, metavar="COUNT", help="At most so many, the newest; 0 for all.")] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on: print each task that is new or changes its status.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show a live table, as `top` does.")] = False,
    no_details: Annotated[
        bool, typer.Option("--no-details", help="Do not load each task for its tokens and duration: one request.")
    ] = False,
    interval: Interval = 2.0,
    output: TableForm = None,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    organization_id: OrganizationId = None,
) -> None:
    """List the tasks of an agent, newest first; with --follow the newest come last.

    The platform's list tells neither tokens nor duration: each task that is shown is loaded for them.
    """
    form = output_form(output, as_json)
    if follow and watch:
        raise typer.BadParameter("--follow and --watch can't be combined")
    given = {"status": status, "user_id": user_id, "parent_task_id": parent_task_id}
    filters = {name: str(value) for name, value in given.items() if value is not None}
    moment = None if since is None else parse_moment(since)
    configuration = configuration_of(base_url, organization_id, agent_id)
    if watch:
        from xpander_facade.cli.top import show_live

        show_live(configuration, filters, moment, limit, interval, form, has_frame=False)
        return
    import asyncio

    asyncio.run(_list(configuration, filters, moment, limit, interval, form, follow=follow, has_details=not no_details))


async def _list(
    configuration: Configuration,
    filters: dict[str, str],
    since: datetime | None,
    limit: int,
    interval: float,
    form: Output,
    *,
    follow: bool,
    has_details: bool,
) -> None:
    from xpander_facade import Tasks
    from xpander_facade.cli.history import HistoryReader

    async with Tasks(configuration) as platform:
        history = HistoryReader(platform, filters, since, has_details=has_details)
        with waiting("asking for the tasks"):
            items = await history.items()
        shown = items[:limit] if limit else items
        with progress("loading tasks", len(shown), PATIENCE) as advance:
            rows = await history.rows(shown, advance)
        _tell_failures(history)
        if not follow:
            _print_rows(rows, form)
            if not rows and sys.stdout.isatty():
                print_message("no tasks")
            if len(items) > len(shown):
                print_message(f"these are the newest {len(shown)} of {len(items)}: --limit gives others, 0 all")
            return
        printer = TablePrinter(WIDE_COLUMNS if form == "wide" else COLUMNS, is_wide=form == "wide")
        _print_more(rows[::-1], form, printer)
        await _follow(platform, filters, since, interval, form, printer, items, has_details=has_details)


async def _follow(
    platform: Tasks,
    filters: dict[str, str],
    since: datetime | None,
    interval: float,
    form: Output,
    printer: TablePrinter,
    known: Sequence[TasksListItem],
    *,
    has_details: bool,
) -> None:
    """Print what is new or changes, oldest first, until the process is told to end."""
    import asyncio

    from xpander_facade.cli.history import POLL_LIMITS, TRANSIENT, HistoryReader, next_delay

    seen = {item.id: _state(item) for item in known}
    async with contextlib.AsyncExitStack() as stack:
        polling = await stack.enter_async_context(platform.with_options(**POLL_LIMITS))
        history = HistoryReader(polling, filters, since, has_details=has_details)
        delay = interval
        while True:
            await asyncio.sleep(delay)
            try:
                items = await history.items()
            # What is followed for days must outlast a network that is gone for a while.
            except TRANSIENT as error:
                delay = next_delay(delay, interval)
                print_message(f"{error}; trying again in {delay:g} s")
                continue
            delay = interval
            # Oldest first: what is printed below is newer.
            changed = [item for item in reversed(items) if seen.get(item.id) != _state(item)]
            seen = {item.id: _state(item) for item in items}
            _print_more(await history.rows(changed), form, printer)
            _tell_failures(history)


def _state(item: TasksListItem) -> tuple[object, ...]:
    return (item.status, item.result)


def _print_rows(rows: Sequence[HistoryRow], form: Output) -> None:
    if form == "json":
        print_json(list(rows))
    elif form == "wide":
        print_table(WIDE_COLUMNS, map(wide_cells_of, rows), is_wide=True)
    else:
        print_table(COLUMNS, map(cells_of, rows))


def _print_more(rows: Sequence[HistoryRow], form: Output, printer: TablePrinter) -> None:
    if form == "json":
        for row in rows:
            print_json_line(row)
    else:
        printer.print(map(wide_cells_of if form == "wide" else cells_of, rows))


def _tell_failures(history: HistoryReader) -> None:
    failures = history.failures
    if failures:
        tasks = "1 task" if len(failures) == 1 else f"{len(failures)} tasks"
        print_message(f"tokens and duration of {tasks} could not be loaded: {failures[0]}")
