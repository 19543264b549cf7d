"""The command line: which commands there are, and which exit status an outcome has.

    0     what was asked for was done, or the task that was watched completed
    1     a call failed, or the task that was watched did not complete
    2     the command was used wrongly, or something is not configured
    130   Ctrl-C

The commands know public names only, and nothing of HTTP.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from typer.main import get_command

from xpander_facade import ConfigurationError, XpanderError, __version__
from xpander_facade.cli.agents import agents
from xpander_facade.cli.backfill import backfill
from xpander_facade.cli.doctor import doctor
from xpander_facade.cli.migrate import migrate
from xpander_facade.cli.options import ClientCert, ClientKey, keep_client_certificate
from xpander_facade.cli.outbox import outbox
from xpander_facade.cli.output import configure_streams, in_terms_of_options, print_error
from xpander_facade.cli.report import report
from xpander_facade.cli.tasks import tasks
from xpander_facade.cli.top import top
from xpander_facade.cli.worker import worker

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "xpander-facade"
_UNWRITABLE = frozenset({errno.EPIPE, errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EBADF})

app = typer.Typer(name=NAME, no_args_is_help=True, rich_markup_mode=None)
app.add_typer(agents, name="agents")
app.add_typer(outbox, name="outbox")
app.add_typer(tasks, name="tasks")
app.command("backfill")(backfill)
app.command("doctor")(doctor)
app.command("migrate")(migrate)
app.command("report")(report)
app.command("top")(top)
app.command("worker")(worker)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and leave.")
    ] = False,
    env_file: Annotated[
        str | None,
        typer.Option(
            "--env-file",
            metavar="FILE",
            envvar="XPANDER_ENV_FILE",
            help="A file of variables, such as .env; those of the environment go before them.",
        ),
    ] = None,
    client_cert: ClientCert = None,
    client_key: ClientKey = None,
) -> None:
    """Report runs to xpander.ai, drive tasks, look after the outbox, work on tasks.

    The API key is read from XPANDER_API_KEY, never from an argument, which other users of a machine can see.
    """
    if env_file:
        from xpander_facade.configuration._environment_file import load_environment_file

        load_environment_file(env_file)
    keep_client_certificate(context, client_cert, client_key)


@app.command(
    "emulator",
    # Without options of its own, not even --help: all of them reach the emulator's own parser.
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def emulator(context: typer.Context) -> None:
    """Run a local platform until Ctrl-C; its options are those of `python -m xpander_facade.emulator`."""
    from xpander_facade.emulator.__main__ import main

    raise typer.Exit(main(context.args, prog=context.command_path))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, and return its exit status.

    Args:
        arguments: What stands behind the program's name; by default that of this process.
    """
    configure_streams()
    try:
        status = _status_of(arguments)
        # Where a failure can still be told: at the interpreter's end it would be a traceback that nobody can act
        # upon.
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        if error.errno != errno.EPIPE:  # that one says that the reader has seen enough
            print_error(f"can't write: {error.strerror}")
        # What is still buffered would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _status_of(arguments: Sequence[str] | None) -> int:
    try:
        get_command(app).main(args=arguments, prog_name=NAME)
    except SystemExit as leaving:
        # Typer leaves by this exception in any case, without a status where all went well.
        return leaving.code if isinstance(leaving.code, int) else 0
    except ConfigurationError as error:
        print_error(in_terms_of_options(str(error)))
        return 2
    except XpanderError as error:
        print_error(str(error))
        return 1
    return 0
