"""`python -m xpander_facade.emulator`: serve until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 65536:
        raise argparse.ArgumentTypeError(f"{port} is not a port: choose one from 0 to 65535")
    return port


def main(argv: list[str] | None = None, prog: str = "python -m xpander_facade.emulator") -> int:
    """Print the URL, serve until a signal, and return the exit status."""
    parser = argparse.ArgumentParser(prog=prog, description="A local xpander platform.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument(
        "--port",
        type=_port,
        metavar="PORT",
        default=8787,
        help="port, 0 for a free one (default %(default)s)",
    )
    parser.add_argument("--db", default=":memory:", help="SQLite file; without one nothing survives a restart")
    parser.add_argument("--api-key", help="the only key that passes; without it any key does")
    parser.add_argument("--organization-id", default="org-1", help="organisation of paths that name none")
    parser.add_argument("--strict-agents", action="store_true", help="only agents given by --agent are known")
    parser.add_argument("--agent", action="append", default=[], metavar="ID", help="add an agent; may be repeated")
    parser.add_argument("--fixtures", metavar="FILE", help="JSON or YAML file of agents, tools and knowledge bases")
    parser.add_argument("--step", type=float, default=0.02, help="seconds between two events of a task")
    parser.add_argument(
        "--worker-timeout",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="silence after which a worker loses its tasks (default %(default)s)",
    )
    options = parser.parse_args(argv)
    try:
        from . import Emulator
    except ImportError as error:
        print(error, file=sys.stderr)
        return 2
    leave = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        leave.set()

    # before the start, so that a signal during it ends the process as cleanly as a later one
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    try:
        with Emulator(
            host=options.host,
            port=options.port,
            db=options.db,
            api_key=options.api_key,
            strict_agents=options.strict_agents,
            agents=options.agent,
            fixtures=options.fixtures,
            organization_id=options.organization_id,
            step=options.step,
            worker_timeout=options.worker_timeout,
        ) as emulator:
            print(emulator.url, flush=True)
            leave.wait()
    except (OSError, ValueError) as error:
        print(f"cannot start the emulator: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
