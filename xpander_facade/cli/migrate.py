"""The command `migrate`: which lines of a code base need a change to come here from the platform's own client."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import Annotated

import typer

from xpander_facade.cli.options import AsJson  # noqa: TC001 (typer reads the annotations)
from xpander_facade.cli.output import one_line, print_json, print_message
from xpander_facade.migration import rewrite, scan


def migrate(
    path: Annotated[Path, typer.Argument(help="A Python file, or a folder of them.", exists=True)],
    write: Annotated[
        bool, typer.Option("--write", help="Write the changes that follow from a line alone into the files.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the lines that use xpander_sdk and need a change, each with the change. Nothing is written unless told.

    With --write the changed imports are written, and what is left is listed. The status is 1 where something is left.
    """
    findings = rewrite(path) if write else list(scan(path))
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            print(f"{one_line(str(finding.path))}:{finding.line}: {one_line(finding.message)}")
    print_message(f"{len(findings)} lines need a change" if findings else "no line needs a change")
    # As a linter does, so that a build fails while something is left to do.
    if findings:
        raise typer.Exit(1)
