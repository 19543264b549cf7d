"""The command `backfill`: many runs that were executed elsewhere, from a file."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from xpander_facade.cli.options import (
    AgentId,
    AsJson,
    BaseUrl,
    OrganizationId,
    checked_id,
    configuration_of,
)
from xpander_facade.cli.output import (
    format_count,
    format_seconds,
    in_terms_of_options,
    one_line,
    print_error,
    print_fields,
    print_json,
    print_message,
)
from xpander_facade.cli.progress import batch_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from xpander_facade.batches import BatchProgress, BatchResult, FailedRecord

DOCUMENTED_PER_MINUTE = 100
DOCUMENTED_PER_HOUR = 1_000
"""Requests that the platform's documentation allows an organisation."""
MAX_SHOWN = 20
_KEYS = (
    "id", "input", "result", "is_success", "duration", "used_tools", "tokens.prompt_tokens", "tokens.completion_tokens",
    "llm_response", "time", "agent_id",
)  # fmt: skip
# A comma begins another pair only where a key and an equals sign follow it, so that names of columns may have commas.
_PAIRS = re.compile(r",(?=\s*[A-Za-z_][\w.-]*\s*=)")


def _complete_map(incomplete: str) -> list[str]:
    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{key}=" for key in _KEYS if key.startswith(begun)]


def _checked_map(values: list[str] | None) -> list[str] | None:
    _columns_of(values or [])
    return values


def _checked_rate(value: str | None) -> str | None:
    from xpander_facade import ConfigurationError
    from xpander_facade.batches._pacing import read_rate

    try:
        read_rate(_number_or_text(value))
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from None
    return value


def backfill(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A file of .jsonl, .ndjson, .csv, .tsv or .parquet.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ],
    agent_id: AgentId = None,
    map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="KEY=COLUMN,...",
            callback=_checked_map,
            autocompletion=_complete_map,
            help="Which column holds what of a run: input=question,result=answer; may be repeated. Other columns are "
            "taken where they are named as a key.",
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            callback=_checked_rate,
            autocompletion=lambda: ["90/minute", "1000/hour", "5/second"],
            help="Send at most so many: 90/minute, 1000/hour, or reports a second as a number.",
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=100, metavar="COUNT", help="Reports that are on their way at the same time.")
    ] = 16,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            dir_okay=False,
            help="A file that remembers what the platform took; the same command goes on where it was ended.",
        ),
    ] = None,
    batch_id: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            callback=checked_id,
            help="What the ids of records without one are made from, besides their content; else the path of FILE.",
        ),
    ] = None,
    errors: Annotated[
        Path | None,
        typer.Option(
            "--errors",
            metavar="PATH",
            dir_okay=False,
            help="Write each record that fails into this file: a line of JSON with its line in FILE and the reason.",
        ),
    ] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first record that fails.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check all records, say how long it would take, send nothing.")
    ] = False,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    organization_id: OrganizationId = None,
) -> None:
    """Report many runs that were executed elsewhere, from a file, and print how many were sent.

    The platform gives a run the time of its report: old runs appear as of today. The status is 1 where a record failed.
    """
    from xpander_facade import Backend, BatchError, ConfigurationError

    configuration = configuration_of(base_url, organization_id, agent_id)
    if configuration.disabled and not dry_run:
        raise ConfigurationError("nothing can be sent, for sending is disabled: unset XPANDER_DISABLED")
    _check_files(file, checkpoint, errors)
    columns = _columns_of(map or [])
    stopped: BatchError | None = None
    with _errors_file(errors) as on_failed, batch_progress(f"reporting {one_line(file.name)}") as draw:
        seen: list[BatchProgress] = []

        def show(progress: BatchProgress) -> None:
            if not seen:
                _print_estimate(file, progress, "time" in columns)
            seen[:] = [progress]
            if draw is not None and not dry_run:
                draw(progress)

        try:
            with Backend(configuration) as backend:
                result = backend.report_many(
                    file,
                    concurrency=concurrency,
                    on_error="raise" if fail_fast else "collect",
                    rate=_number_or_text(rate),
                    checkpoint=checkpoint,
                    batch_id=batch_id,
                    columns=columns or None,
                    progress=show,
                    on_failed=on_failed,
                    dry_run=dry_run,
                )
        except BatchError as error:
            if error.result is None:  # nothing was sent: a file, the checkpoint or a column is at fault
                print_error(in_terms_of_options(str(error)))
                raise typer.Exit(2) from None
            stopped, result = error, error.result
        except KeyboardInterrupt:
            if seen:
                _print_how_to_go_on(seen[-1], checkpoint)
            raise
    seconds = None if seen[-1].max_rate is None else result.sent / seen[-1].max_rate
    _print_result(result, stopped, errors, (seconds, _documented_seconds(result.sent)), as_json=as_json)
    if stopped is not None or result.failed_count:
        raise typer.Exit(1)


def _columns_of(pairs: list[str]) -> dict[str, str]:
    """Return the columns of keys.

    Raises:
        BadParameter: A text is not pairs, or names a key that no report has, or one twice.
    """
    from xpander_facade import ConfigurationError
    from xpander_facade.batches._records import check_keys

    columns: dict[str, str] = {}
    for pair in (pair for text in pairs for pair in _PAIRS.split(text)):
        key, equals, column = pair.partition("=")
        key = key.strip()
        if not key or not equals or not column:
            raise typer.BadParameter(f"{pair!r} is not KEY=COLUMN, such as input=question")
        if key in columns:
            raise typer.BadParameter(f"{key} is mapped twice, to {columns[key]!r} and {column!r}")
        columns[key] = column
    try:
        return check_keys(columns)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from None


def _number_or_text(rate: str | None) -> float | str | None:
    try:
        return None if rate is None else float(rate)
    except ValueError:
        return rate


def _check_files(file: Path, checkpoint: Path | None, errors: Path | None) -> None:
    """Check that no file is to be written over another.

    Raises:
        BadParameter: Two are the same.
    """
    named = [("FILE", file), ("--checkpoint", checkpoint), ("--errors", errors)]
    known: dict[str, str] = {}
    for name, path in named:
        if path is not None:
            other = known.setdefault(os.path.realpath(path), name)
            if other != name:
                raise typer.BadParameter(f"{name} and {other} are the same file, {path}: name another")


@contextlib.contextmanager
def _errors_file(path: Path | None) -> Generator[Callable[[FailedRecord], None] | None]:
    """Give what writes a failed record into a file, for a block.

    Raises:
        Exit: The file can't be written; nothing was sent.
    """
    from xpander_facade import BatchError

    if path is None:
        yield None
        return
    try:
        # What was reported is for its owner alone.
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        print_error(f"{path} can't be written: {error.strerror}")
        raise typer.Exit(2) from None
    with open(number, "wb", buffering=0) as file:

        def write(failed: FailedRecord) -> None:
            line = json.dumps(_failed_document(failed), ensure_ascii=True) + "\n"
            try:
                file.write(line.encode())
            except OSError as error:
                raise BatchError(f"{path} can't be written: {error.strerror}") from error

        yield write


def _failed_document(failed: FailedRecord) -> dict[str, Any]:
    from xpander_facade._serialization.jsonable import to_jsonable

    return {
        "position": failed.position,
        "location": failed.location,
        "id": failed.id,
        "reason": str(failed.error),
        "record": to_jsonable(failed.record, shorten=False),
    }


def _print_estimate(file: Path, progress: BatchProgress, has_time: bool) -> None:
    if progress.total is None:
        return
    about = "" if file.suffix.lower() in {".parquet", ".pq"} else "about "
    words = f"{one_line(file.name)}: {about}{progress.total:,} records"
    at_documented = _documented_seconds(progress.total)
    limits = (
        f"{DOCUMENTED_PER_MINUTE} requests a minute and {DOCUMENTED_PER_HOUR:,} an hour that the platform documents"
    )
    if progress.max_rate is not None:
        words += f"; {format_seconds(progress.total / progress.max_rate)} at your --rate"
    print_message(f"{words}; {format_seconds(at_documented)} at the {limits}")
    kept = "; --map time= is kept in llm_response" if has_time else ""
    print_message(f"the platform gives a run the time of its report: these will appear as of today{kept}")


def _documented_seconds(count: int) -> float:
    """Return the seconds that so many reports take within the documented limits."""
    hours, rest = divmod(max(count - 1, 0), DOCUMENTED_PER_HOUR)
    return hours * 3600 + (rest + 1) / DOCUMENTED_PER_MINUTE * 60 if count else 0.0


def _print_how_to_go_on(progress: BatchProgress, checkpoint: Path | None) -> None:
    go_on = (
        "a run that begins again sends them a second time, under the same ids; --checkpoint prevents that"
        if checkpoint is None
        else "the same command goes on from there"
    )
    print_message(f"stopped with {progress.sent:,} sent and {progress.failed:,} failed: {go_on}")


def _print_result(
    result: BatchResult,
    stopped: Exception | None,
    errors: Path | None,
    estimates: tuple[float | None, float],
    *,
    as_json: bool,
) -> None:
    at_rate, at_documented = estimates
    if as_json:
        shown = attrs.asdict(result, recurse=False)
        shown["failed"] = [_failed_document(failed) for failed in shown["failed"]]
        shown["stopped"] = None if stopped is None else in_terms_of_options(str(stopped))
        shown["seconds_at_rate"], shown["seconds_at_documented_limits"] = at_rate, at_documented
        print_json(shown)
    else:
        fields: list[tuple[str, object]] = [
            ("would be sent" if result.dry_run else "sent", format_count(result.sent)),
            ("skipped", format_count(result.skipped)),
            ("failed", format_count(result.failed_count)),
            ("elapsed", format_seconds(result.elapsed)),
        ]
        if result.dry_run:
            fields.append(("at your --rate", format_seconds(at_rate)))
            fields.append(("at the documented limits", format_seconds(at_documented)))
        print_fields(fields)
    if result.failed_count and errors is not None:
        print_message(f"{result.failed_count:,} records failed: {errors} names each, with the reason")
    elif result.failed_count:
        for failed in result.failed[:MAX_SHOWN]:
            print_message(in_terms_of_options(str(failed)))
        if result.failed_count > MAX_SHOWN:
            print_message(f"and {result.failed_count - MAX_SHOWN:,} more: --errors PATH keeps them all")
    if stopped is not None:
        print_error(in_terms_of_options(str(stopped)))
