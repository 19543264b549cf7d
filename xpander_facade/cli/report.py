"""The command `report`: a run that was executed elsewhere."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from xpander_facade.cli.options import (
    AgentId,
    AsJson,
    BaseUrl,
    OrganizationId,
    OutboxPath,
    checked_id,
    checked_seconds,
    configuration_of,
)
from xpander_facade.cli.output import print_json, print_message
from xpander_facade.cli.progress import waiting
from xpander_facade.cli.texts import check_standard_input, read_json, read_text


def _count(what: str) -> Any:
    return typer.Option(min=0, metavar="COUNT", show_default=False, help=f"Tokens {what}.")


def report(
    agent_id: AgentId = None,
    id: Annotated[
        str | None,
        typer.Option(
            "--id", metavar="ID", callback=checked_id, help="The run's id; the same again updates the record."
        ),
    ] = None,
    input: Annotated[str | None, typer.Option(metavar="TEXT", help="What the run was asked.")] = None,
    result: Annotated[str | None, typer.Option(metavar="TEXT", help="The run's result.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="The run did not succeed.")] = False,
    duration: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", callback=checked_seconds, help="Wall-clock seconds.")
    ] = 0,
    prompt_tokens: Annotated[int | None, _count("of the prompt")] = None,
    completion_tokens: Annotated[int | None, _count("of the answer")] = None,
    cache_read_tokens: Annotated[int | None, _count("read from the provider's cache")] = None,
    cache_write_tokens: Annotated[int | None, _count("written to the provider's cache")] = None,
    used_tool: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A tool that the run called; may be repeated.")
    ] = None,
    llm_response: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="What the provider answered, as JSON; - is standard input. Tokens, tools and result are read from it "
            "where they are not given.",
        ),
    ] = None,
    enqueue: Annotated[
        bool, typer.Option("--enqueue", help="Keep the report in the outbox until the platform has it.")
    ] = False,
    outbox: OutboxPath = None,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    organization_id: OrganizationId = None,
) -> None:
    """Report a run that was executed elsewhere, and print its id.

    TEXT is the text itself, @FILE for what is in a file, or @- for standard input; @@ begins a text that begins with @.
    """
    from xpander_facade import Backend, ConfigurationError, Tokens, Usage, XpanderError, read_usage

    check_standard_input(input, result, file=llm_response)
    response = None if llm_response is None else read_json(llm_response, "--llm-response")
    told = read_usage(response) or Usage()
    counts = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "cache_read_tokens": cache_read_tokens,
        "cache_write_tokens": cache_write_tokens,
    }
    given: dict[str, Any] = {name: count for name, count in counts.items() if count is not None}
    tokens = Tokens(**given) if given else told.tokens
    run: dict[str, Any] = {
        "id": id,
        "input": read_text(input, "--input"),
        "result": told.text if result is None else read_text(result, "--result"),
        "is_success": not failed,
        "duration": duration,
        # Zeros would say that the run has cost nothing, where nothing is known.
        "tokens": tokens if tokens != Tokens() else None,
        "used_tools": used_tool or told.tools,
        "llm_response": response,
    }
    try:
        with (
            Backend(configuration_of(base_url, organization_id, agent_id, outbox)) as backend,
            waiting("reporting the run"),
        ):
            if enqueue:
                task_id = backend.enqueue_external_task(**run)
                shown: object = {"id": task_id}
            else:
                task = backend.report_external_task(**run)
                task_id, shown = task.id, task
    except XpanderError as error:
        if error.task_id is not None and not isinstance(error, ConfigurationError):
            print_message(f"to report this run again: --id {error.task_id}")
        raise
    if as_json:
        print_json(shown)
    else:
        print(task_id)
