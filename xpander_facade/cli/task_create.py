"""The command `tasks create`: a new task of an agent, and perhaps the wait for its end."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from xpander_facade.cli.options import (
    AgentId,
    AsJson,
    BaseUrl,
    OrganizationId,
    checked_id,
    checked_seconds,
    configuration_of,
)
from xpander_facade.cli.output import one_line, print_error, print_json, print_message
from xpander_facade.cli.progress import waiting
from xpander_facade.cli.texts import check_standard_input, read_json, read_text


def create_task(
    prompt: Annotated[str, typer.Option("--prompt", metavar="TEXT", help="What the agent is asked.")],
    agent_id: AgentId = None,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="A title to show.")] = None,
    file_url: Annotated[
        list[str] | None, typer.Option("--file-url", metavar="URL", help="A file for the agent; may be repeated.")
    ] = None,
    existing_task_id: Annotated[
        str | None,
        typer.Option(
            "--existing-task-id", metavar="ID", callback=checked_id, help="Continue this task, instead of a new one."
        ),
    ] = None,
    agent_version: Annotated[
        str | None, typer.Option("--agent-version", metavar="VERSION", help="The agent's version, else the deployed.")
    ] = None,
    user_email: Annotated[
        str | None, typer.Option("--user-email", metavar="ADDRESS", help="The end user on whose behalf it runs.")
    ] = None,
    instructions: Annotated[
        str | None, typer.Option("--instructions", metavar="TEXT", help="More instructions, for this task.")
    ] = None,
    output_schema: Annotated[
        str | None,
        typer.Option("--output-schema", metavar="FILE", help="The JSON schema of a structured result; - is stdin."),
    ] = None,
    no_events: Annotated[
        bool, typer.Option("--no-events", help="Publish no events: `tasks watch` then tells only the end.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the task's end, and print its result instead of its id.")
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", min=0, metavar="SECONDS", callback=checked_seconds, help="With --wait: how long at most."
        ),
    ] = None,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    organization_id: OrganizationId = None,
) -> None:
    """Create a task of an agent, and print its id.

    TEXT is the text itself, @FILE for what is in a file, or @- for standard input; @@ begins a text that begins with @.
    With --wait the exit code is 0 when the task completed, and 1 when it ended otherwise or not in time.
    """
    from xpander_facade import Tasks, User

    if timeout is not None and not wait:
        raise typer.BadParameter("--timeout is for --wait")
    check_standard_input(prompt, title, instructions, file=output_schema)
    schema = None if output_schema is None else cast("object", read_json(output_schema, "--output-schema"))
    if output_schema is not None and not isinstance(schema, dict):
        raise typer.BadParameter(f"--output-schema: {output_schema} holds no JSON object")
    with Tasks(configuration_of(base_url, organization_id, agent_id)) as platform:
        with waiting("creating the task"):
            task = platform.create(
                prompt=read_text(prompt, "--prompt") or "",
                title=read_text(title, "--title"),
                file_urls=file_url,
                existing_task_id=existing_task_id,
                agent_version=agent_version,
                user_details=None if user_email is None else User(email=user_email),
                instructions_override=read_text(instructions, "--instructions"),
                output_schema=cast("dict[str, Any] | None", schema),
                # On unless it is declined: a task that streams no events cannot be made to do so later.
                events_streaming=not no_events,
            )
        if wait:
            print_message(f"task {task.id}: waiting for its end")
            # The user has asked to wait, and sees from the first moment that this is what happens.
            with waiting(f"task {one_line(task.id)}", patience=0):
                task.wait_until_done(timeout)
    if as_json:
        print_json(task)
    elif not wait:
        print(one_line(task.id))
    else:
        for line in (task.result or "").splitlines():
            print(one_line(line))
    if wait and task.status.value != "completed":
        print_error(f"task {task.id}: {task.status.value}")
        raise typer.Exit(1)
