"""The command `worker`: serve a handler until a signal comes, with a line for each task, or work on one prompt."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import attrs
import typer

from xpander_facade.cli.options import AgentId, AsJson, BaseUrl, OrganizationId, configuration_of
from xpander_facade.cli.output import one_line, print_error, print_json, print_json_line, print_message
from xpander_facade.cli.table import STATUS_STYLES

if TYPE_CHECKING:
    from xpander_facade import Task, TaskHandler

_SHOWN = 100


def worker(
    target: Annotated[
        str, typer.Argument(metavar="MODULE:HANDLER", help="Where the function is that on_task decorates.")
    ],
    prompt: Annotated[
        str | None, typer.Option("--prompt", metavar="TEXT", help="Work on this one task, and print its result.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", min=1, help="Tasks at once; else what on_task says.")
    ] = None,
    grace_period: Annotated[
        float | None, typer.Option("--grace-period", min=0, help="Seconds for what runs when a signal comes.")
    ] = None,
    max_attempts: Annotated[
        int | None,
        typer.Option("--max-attempts", min=0, help="How often a task is begun that kills its process; 0: any number."),
    ] = None,
    agent_id: AgentId = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what happens to each task, on stderr.")] = False,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    organization_id: OrganizationId = None,
) -> None:
    """Work on an agent's tasks until Ctrl-C or SIGTERM, with a line for each task. A second signal ends it at once.

    The module is looked up from the working directory first. The status is 0 after a signal, 2 where the platform
    refuses a worker from this environment. With --prompt the task is created at the platform, and worked on here.
    """
    from xpander_facade import WorkerConflictError

    handler = _handler_at(target)
    configuration = None
    if base_url or organization_id:
        own = handler.configuration
        configuration = configuration_of(base_url, organization_id)
        if own is not None:
            # The handler's configuration may hold what there is no option for, such as clients and hooks.
            configuration = attrs.evolve(
                own, base_url=base_url or own.base_url, organization_id=organization_id or own.organization_id
            )
    handler = handler.with_options(
        configuration=configuration,
        concurrency=concurrency,
        grace_period=grace_period,
        max_attempts=max_attempts,
        agent_id=agent_id,
    )
    _log(verbose)
    try:
        if prompt is not None:
            _work_on(handler, prompt, as_json)
            return
        print_message(f"serving {target} until Ctrl-C")
        handler.run(on_finished=print_json_line if as_json else _print_task)
    except WorkerConflictError as error:
        # The set-up is wrong, as the status says: to start the worker again does not help.
        print_error(str(error))
        raise typer.Exit(2) from None


def _handler_at(target: str) -> TaskHandler[..., Any]:
    """Return the handler that a target names.

    Raises:
        BadParameter: There is none.
    """
    from xpander_facade import TaskHandler

    path, _, name = target.partition(":")
    if not path or not name:
        raise typer.BadParameter(f"{target!r} has no form like module:handler")
    # An installed command does not look for modules where it is called, as `python -m` does.
    sys.path.insert(0, os.getcwd())
    try:
        found: object = importlib.import_module(path)
    except ModuleNotFoundError as error:
        # A module that the handler's own imports lack is an error of theirs, and its traceback says where.
        if error.name is None or not f"{path}.".startswith(f"{error.name}."):
            raise
        raise typer.BadParameter(f"there is no module {error.name!r} here") from None
    for part in name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, TaskHandler):
        raise typer.BadParameter(f"{target} is not a handler: decorate it with @on_task")
    return cast("TaskHandler[..., Any]", found)


def _work_on(handler: TaskHandler[..., Any], prompt: str, as_json: bool) -> None:
    from xpander_facade import AgentExecutionStatus

    task = handler.run_prompt(prompt)
    if task is None:
        print_error("the task has no outcome: the log says why")
        raise typer.Exit(1)
    if as_json:
        print_json(task)
    elif task.result is not None:
        for line in task.result.splitlines():
            print(one_line(line))
    if task.status is not AgentExecutionStatus.Completed:
        print_error(f"task {task.id}: {task.status.value}")
        raise typer.Exit(1)


def _print_task(task: Task) -> None:
    from rich.console import Console
    from rich.text import Text

    status = task.status.value
    line = Text.assemble(
        f"{datetime.now():%H:%M:%S} ",
        (f"{one_line(status):<9}", STATUS_STYLES.get(status, "yellow")),
        f" {one_line(task.id)} {task.duration:.1f} s",
        "" if task.tokens is None else f" {task.tokens.total_tokens} tokens",
        f"  {one_line(task.result or '')[:_SHOWN]}",
    )
    Console().print(line, soft_wrap=True, highlight=False)


def _log(verbose: bool) -> None:
    """Let the log appear on stderr, unless the handler's module has seen to that."""
    from xpander_facade import TaskIdFilter

    shown = logging.StreamHandler()
    shown.addFilter(TaskIdFilter())
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(name)s [%(task_id)s] %(message)s", handlers=[shown])
