"""Commands of the outbox: status, list, show, flush, retry, drop, vacuum, relay. Only flush and relay send."""

from __future__ import annotations

import contextlib
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import attrs
import typer

from xpander_facade import ConfigurationError
from xpander_facade.cli.options import (
    AsJson,
    BaseUrl,
    OrganizationId,
    OutboxPath,
    TableForm,
    checked_id,
    checked_ids,
    checked_seconds,
    configuration_of,
    output_form,
)
from xpander_facade.cli.output import (
    format_value,
    print_error,
    print_fields,
    print_json,
    print_message,
)
from xpander_facade.cli.progress import progress, waiting
from xpander_facade.cli.table import STATUS_STYLES, Column, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from xpander_facade import Configuration
    from xpander_facade.outbox._outbox import FlushResult, Outbox

outbox = typer.Typer(no_args_is_help=True, help="Look after the reports that wait on disk.")

RunId = Annotated[str, typer.Argument(metavar="ID", callback=checked_id, help="The id of the run.")]
RunIds = Annotated[list[str], typer.Argument(metavar="ID...", callback=checked_ids, help="The ids of the runs.")]
State = Literal["waiting", "sending", "quarantined"]

_COLUMNS = (
    Column("id"),
    Column("agent", is_optional=True),
    Column("state", styles=STATUS_STYLES),
    Column("stored", is_optional=True),
    Column("tries", unit=" tries", is_number=True),
    Column("reason", is_optional=True, overflow="folded"),
)
_FLUSH_TIMEOUT = 60.0
"""Seconds in which at least one report must get through, or a flush without a timeout gives up."""

_POLL_INTERVAL = 0.2
_NO_AGE = 100 * 365 * 86_400.0


@outbox.command("status")
def show_status(path: OutboxPath = None, as_json: AsJson = False) -> None:
    """Show how many reports wait, and what became of the others."""
    with _opened(path) as box:
        status = box.status()
        siblings = box.siblings()
        fields = {"file": box.path, **attrs.asdict(status)}
    if as_json:
        print_json({**fields, "siblings": siblings})
        return
    print_fields((name.replace("_", " "), value) for name, value in fields.items())
    # Reports that seem lost mostly wait in the file of another key or organisation.
    for sibling in siblings:
        print_message(f"another outbox beside it: {sibling} (`outbox status --outbox {sibling}`)")


@outbox.command("list")
def list_reports(
    path: OutboxPath = None,
    state: Annotated[State | None, typer.Option(help="Only reports in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="COUNT", help="At most so many.")] = 100,
    output: TableForm = None,
    as_json: AsJson = False,
) -> None:
    """List the reports, oldest first."""
    form = output_form(output, as_json)
    with _opened(path) as box:
        entries = box.list(state, limit)
    if form == "json":
        print_json(entries)
    else:
        print_table(
            _COLUMNS,
            [(one.id, one.agent_id, one.state, one.created_at, one.attempts, one.reason) for one in entries],
            is_wide=form == "wide",
        )
    if len(entries) == limit:
        print_message(f"there may be more: these are the oldest {limit}, --limit gives others")


@outbox.command("show")
def show_report(run_id: RunId, path: OutboxPath = None, as_json: AsJson = False) -> None:
    """Show a report as it will be sent, and why it was not sent yet."""
    with _opened(path) as box:
        entry = box.show(run_id)
    if entry is None:
        print_error(f"there is no report of run {run_id} in the outbox")
        raise typer.Exit(1)
    if as_json:
        print_json(entry)
        return
    fields = attrs.asdict(entry, recurse=False)
    body = fields.pop("body")
    print_fields((name.replace("_", " "), value) for name, value in {**body, **fields}.items())


@outbox.command("flush")
def flush_reports(
    path: OutboxPath = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            callback=checked_seconds,
            help="Give up after so long; by default after 60 s in which nothing got through.",
        ),
    ] = None,
    rate: Annotated[str | None, typer.Option(metavar="RATE", help="How fast at most, such as 90/minute.")] = None,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    organization_id: OrganizationId = None,
) -> None:
    """Send what waits, and print what became of it.

    The exit code is 0 when nothing is left to send and nothing was refused.
    """
    with _opened(path, base_url, organization_id, rate, is_to_send=True) as box:
        with _watched(box):
            result = _flush(box, timeout)
        status = box.status()
    # A flush counts what it may send itself; a file can also hold reports of other platforms and organisations.
    others = max(status.waiting + status.sending - result.waiting, 0)
    fields = {**attrs.asdict(result), "left_for_others": others}
    if as_json:
        print_json(fields)
    else:
        print_fields((name.replace("_", " "), value) for name, value in fields.items())
    if others:
        print_message("what is left is for another platform or organisation, or came meanwhile: see `outbox list`")
    if result.waiting:
        when = "" if status.paused_until is None else f", nothing more before {format_value(status.paused_until)}"
        print_error(f"not sent, still waiting: {result.waiting}{when}")
    if result.quarantined:
        print_error(f"refused: {result.quarantined} (`outbox list --state quarantined` tells why)")
    if result.waiting or result.quarantined:
        raise typer.Exit(1)


@outbox.command("retry")
def retry_reports(run_ids: RunIds, path: OutboxPath = None, as_json: AsJson = False) -> None:
    """Take reports out of quarantine, so that they are sent again: by a flush, or by the next process that sends."""
    with _opened(path) as box:
        _to_each(run_ids, box.retry, "in quarantine", as_json)


@outbox.command("drop")
def drop_reports(
    run_ids: RunIds,
    path: OutboxPath = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Throw reports away, whether they wait or are in quarantine. They are gone.

    Asks first, unless --yes is given.
    """
    with _opened(path) as box:
        if not yes:
            runs = "1 run" if len(run_ids) == 1 else f"{len(run_ids)} runs"
            _confirm(f"throw away what waits or is in quarantine of {runs}, for good?")
        _to_each(run_ids, box.drop, "waiting or in quarantine", as_json)


@outbox.command("vacuum")
def vacuum_file(path: OutboxPath = None, as_json: AsJson = False) -> None:
    """Make the file as small as what is in it. It is also done by itself, when the file is mostly empty."""
    with _opened(path) as box, waiting("making the file small"):
        before, after = box.vacuum()
    if as_json:
        print_json({"bytes_before": before, "bytes_after": after})
    else:
        print_fields([("bytes before", before), ("bytes after", after)])


@outbox.command("relay")
def relay_reports(
    paths: Annotated[list[str] | None, typer.Argument(metavar="PATH...", help="Files; else XPANDER_OUTBOX.")] = None,
    until_empty: Annotated[bool, typer.Option("--until-empty", help="End once nothing waits.")] = False,
    health_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="PORT", help="Answer GET requests there with the state, as JSON."),
    ] = None,
    health_host: Annotated[
        str, typer.Option(metavar="HOST", help="Listen there for them; 0.0.0.0 is everywhere.")
    ] = "127.0.0.1",
    rate: Annotated[str | None, typer.Option(metavar="RATE", help="How fast at most, such as 90/minute.")] = None,
    base_url: BaseUrl = None,
    organization_id: OrganizationId = None,
) -> None:
    """Send what other processes store, until it is told to stop (SIGTERM, SIGINT).

    For programs whose processes end without sending, and as a sidecar. A file that is not there yet is waited for.
    """
    from xpander_facade.outbox._relay import relay

    configuration = configuration_of(base_url, organization_id)
    left = relay(
        configuration,
        paths or [],
        until_empty=until_empty,
        health_port=health_port,
        health_host=health_host,
        rate=rate,
    )
    if left and until_empty:
        print_error(f"still waiting: {left}")
        raise typer.Exit(1)


def _confirm(question: str) -> None:
    """Ask, on a terminal.

    Raises:
        Abort: The answer is not yes.
        ConfigurationError: There is nobody to ask.
    """
    # A script would wait for an answer for ever.
    if not sys.stdin.isatty():
        raise ConfigurationError("nobody is there to be asked: pass --yes")
    # On stderr: what is printed may go into a pipe.
    typer.confirm(question, abort=True, err=True)


def open_outbox(configuration: Configuration) -> Outbox | None:
    """Return the outbox of a configuration, to be closed; None where there is no outbox, or no file yet.

    Raises:
        ConfigurationError: The file can't be used as an outbox.
    """
    from xpander_facade.outbox._outbox import Outbox

    if configuration.outbox is None:
        return None
    # How old a report may get is for the program to say that stored it.
    settings = attrs.evolve(configuration.outbox, max_age=_NO_AGE)
    box = Outbox.of(attrs.evolve(configuration, outbox=settings))
    return box if Path(box.path).exists() else None  # to close it would make the file


@contextlib.contextmanager
def _opened(
    path: str | None,
    base_url: str | None = None,
    organization_id: str | None = None,
    rate: str | None = None,
    *,
    is_to_send: bool = False,
) -> Generator[Outbox]:
    """Give the outbox of a file that is there, for a block.

    Raises:
        ConfigurationError: No file is named, it is not there, or nothing can be sent.
    """
    from xpander_facade.outbox._outbox import Outbox

    configuration = configuration_of(base_url, organization_id, outbox=path)
    settings = configuration.outbox
    if settings is None:
        raise ConfigurationError("there is no outbox: pass --outbox or set XPANDER_OUTBOX")
    if configuration.disabled and is_to_send:
        raise ConfigurationError("nothing can be sent, for sending is disabled: unset XPANDER_DISABLED")
    # How old a report may get is for the program to say that stored it.
    settings = attrs.evolve(settings, rate=rate, max_age=_NO_AGE)
    box = Outbox.of(attrs.evolve(configuration, outbox=settings))
    if not Path(box.path).exists():
        raise ConfigurationError(f"there is no file {box.path}: an outbox is made by the first report in it")
    with contextlib.closing(box):
        yield box


def _flush(box: Outbox, timeout: float | None) -> FlushResult:
    """Send what waits, for so many seconds, or as long as reports get through."""
    from xpander_facade.outbox._outbox import FlushResult

    sent = quarantined = 0
    while True:
        result = box.flush(_FLUSH_TIMEOUT if timeout is None else timeout)
        sent += result.sent
        quarantined += result.quarantined
        if timeout is not None or not result.waiting or not (result.sent or result.quarantined):
            return FlushResult(sent, result.waiting, quarantined)


@contextlib.contextmanager
def _watched(box: Outbox) -> Generator[None]:
    """Show how far sending has come while a block runs."""
    total = _left(box)
    done = threading.Event()

    def look(advance: Callable[[int], None]) -> None:
        while not done.wait(_POLL_INTERVAL):
            advance(total - _left(box))

    with progress("sending", total) as advance:
        if advance is None:
            yield
            return
        looking = threading.Thread(target=look, args=(advance,), daemon=True)
        looking.start()
        try:
            yield
        finally:
            done.set()
            looking.join()


def _left(box: Outbox) -> int:
    status = box.status()
    return status.waiting + status.sending


def _to_each(run_ids: list[str], change: Callable[[str], bool], where: str, as_json: bool) -> None:
    """Change the report of each run; the ids of those that there were are printed."""
    found: list[str] = []
    missing: list[str] = []
    for run_id in run_ids:
        was_there = change(run_id)
        (found if was_there else missing).append(run_id)
        if was_there and not as_json:
            print(run_id)
    if as_json:
        print_json({"ids": found, "missing": missing})
    for run_id in missing:
        print_error(f"no report of run {run_id} is {where}")
    if missing:
        raise typer.Exit(1)
