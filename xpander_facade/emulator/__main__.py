"""`python -m xpander_facade.emulator`: serve until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import shlex
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

    from . import Emulator

_KEY: Final = "XPANDER_EMULATOR_API_KEY"
_ALLOW_HOST: Final = "XPANDER_EMULATOR_ALLOW_HOST"
_AGENT: Final = "demo-agent"
_VARIABLES: Final = f"""variables:
  {_KEY}     the only key that passes; without it any key does. It is not an option,
                               since other users of a machine see the options of a process
  {_ALLOW_HOST}  host names as --allow-host, separated by commas
  NO_COLOR                     do not colour the lines on stderr
"""


def main(argv: list[str] | None = None, prog: str = "python -m xpander_facade.emulator") -> int:
    """Print the URL and what to set, serve until a signal, and return the exit status."""
    options = _parser(prog).parse_args(argv)
    try:
        from . import Emulator
    except ImportError as error:
        print(error, file=sys.stderr)
        return 2
    from ._request_log import RequestLog

    # Signal handlers can interrupt anything: this one only sets a flag, and the end happens outside of it.
    leave = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        leave.set()

    # Before the start, so that a signal during it ends the process as cleanly as a later one.
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    try:
        with contextlib.ExitStack() as stack:
            log = None if options.quiet else stack.enter_context(RequestLog(sys.stderr))
            emulator = stack.enter_context(
                Emulator(
                    host=options.host,
                    port=options.port,
                    db=options.db,
                    api_key=os.environ.get(_KEY) or None,
                    strict_agents=options.strict_agents,
                    agents=options.agent,
                    fixtures=options.fixtures,
                    organization_id=options.organization_id,
                    step=options.step,
                    worker_timeout=options.worker_timeout,
                    max_attempts=options.max_attempts,
                    journal_bytes=options.journal_bytes,
                    allow_hosts=[*options.allow_host, *_names(os.environ.get(_ALLOW_HOST, ""))],
                    on_request=None if log is None else log.add,
                )
            )
            greeting = _document if options.json else _greeting
            print(greeting(emulator, options.agent, has_key=bool(os.environ.get(_KEY))), flush=True)
            # What has been loaded stays; to look through it again and again would hold up requests for 15 ms each time.
            gc.freeze()
            leave.wait()
    except (OSError, ValueError) as error:
        print(f"cannot start the emulator: {error}", file=sys.stderr)
        return 1
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="A local xpander platform, with a page for your browser.",
        epilog=_VARIABLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s); others need a key")
    add("--port", type=_port, metavar="PORT", default=8787, help="port, 0 for a free one (default %(default)s)")
    add("--db", default=":memory:", metavar="FILE", help="SQLite file; without one nothing survives a restart")
    add("--api-key", action=_KeyOption, help=argparse.SUPPRESS)
    add("--organization-id", default="org-1", help="organisation of paths that name none")
    add("--strict-agents", action="store_true", help="only agents given by --agent are known")
    add("--agent", action="append", default=[], metavar="ID", help="add an agent; may be repeated")
    add("--fixtures", metavar="FILE", help="JSON or YAML file of agents, tools and knowledge bases")
    add("--step", type=float, default=0.02, help="seconds between two events of a task")
    help_text = "silence after which a worker loses its tasks (default %(default)s)"
    add("--worker-timeout", type=float, default=10.0, metavar="SECONDS", help=help_text)
    help_text = "lost workers with which a task is marked error (default %(default)s); 0 for no limit"
    add("--max-attempts", type=_count, default=3, metavar="N", help=help_text)
    help_text = "host name that requests may give, beside localhost and addresses; may be repeated"
    add("--allow-host", action="append", default=[], metavar="NAME", help=help_text)
    help_text = "memory for the requests that the page shows (default %(default)s); 0 for none"
    add("--journal-bytes", type=_count, default=32_000_000, metavar="BYTES", help=help_text)
    add("--quiet", action="store_true", help="do not print a line for each request")
    add("--json", action="store_true", help="print URL and variables as JSON, on one line")
    return parser


class _KeyOption(argparse.Action):
    """The option that earlier versions had."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Say what to do instead."""
        parser.error(f"a key on the command line is seen by other users of this machine: set {_KEY} instead")


def _document(emulator: Emulator, agents: list[str], *, has_key: bool) -> str:
    """Return the URL and the variables that a program needs, as JSON; a key of one's own is not told."""
    variables = {
        "XPANDER_BASE_URL": emulator.url,
        "XPANDER_ORGANIZATION_ID": emulator.organization_id,
        "XPANDER_AGENT_ID": agents[0] if agents else _AGENT,
    }
    return json.dumps(
        {"url": emulator.url, "variables": variables if has_key else {"XPANDER_API_KEY": "any-key", **variables}}
    )


def _greeting(emulator: Emulator, agents: list[str], *, has_key: bool) -> str:
    """Return the URL, and the lines that a shell needs for a program to call it."""
    agent = agents[0] if agents else _AGENT
    return "\n".join(
        [
            emulator.url,
            f'export XPANDER_API_KEY="${_KEY}"' if has_key else "export XPANDER_API_KEY=any-key",
            f"export XPANDER_BASE_URL={emulator.url}",
            f"export XPANDER_ORGANIZATION_ID={shlex.quote(emulator.organization_id)}",
            f"export XPANDER_AGENT_ID={shlex.quote(agent)}",
            f"# See the tasks at {emulator.url}/ in a browser. Ctrl-C stops the emulator.",
        ]
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 65536:
        raise argparse.ArgumentTypeError(f"{port} is not a port: choose one from 0 to 65535")
    return port


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError(f"{count} is too small: choose 0 or more")
    return count


if __name__ == "__main__":
    sys.exit(main())
