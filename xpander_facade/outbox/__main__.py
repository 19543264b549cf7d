"""`python -m xpander_facade.outbox PATH...`: the relay, where the command line's extra is not installed."""

from __future__ import annotations

import argparse
import pickle
import sys
import threading

from xpander_facade._process.signals import take_signals
from xpander_facade.configuration import Configuration
from xpander_facade.errors import XpanderError
from xpander_facade.outbox._relay import LOOPBACK, has_work, relay
from xpander_facade.outbox._relay_process import IDLE_SECONDS, locked


def main() -> int:
    """Run the relay with the arguments of the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m xpander_facade.outbox",
        description="Send what other processes store in outbox files, until told to stop (SIGTERM, SIGINT). "
        "The key comes from XPANDER_API_KEY alone: other users of a machine can see arguments.",
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", help="the files; else XPANDER_OUTBOX")
    parser.add_argument("--until-empty", action="store_true", help="end once nothing waits")
    parser.add_argument("--health-port", type=int, metavar="PORT", help="answer GET requests there with the state")
    parser.add_argument(
        "--health-host", default=LOOPBACK, metavar="HOST", help="listen there; 0.0.0.0 is everywhere (%(default)s)"
    )
    parser.add_argument("--client-cert", metavar="FILE", help="the client's certificate for mutual TLS (PEM)")
    parser.add_argument("--client-key", metavar="FILE", help="its key, where that is another file (PEM)")
    parser.add_argument("--rate", help="how fast at most, such as 90/minute")
    parser.add_argument("--told-by-pipe", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.told_by_pipe:
        return _serve()
    if given.client_key and not given.client_cert:
        parser.error("--client-key needs --client-cert")
    try:
        left = relay(
            Configuration(cert=(given.client_cert, given.client_key) if given.client_key else given.client_cert),
            given.paths,
            until_empty=given.until_empty,
            health_port=given.health_port,
            health_host=given.health_host,
            rate=given.rate,
        )
    except XpanderError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 1 if left and given.until_empty else 0


def _serve() -> int:
    """Be the relay that a program has started, which tells on standard input what to send with."""
    take_signals()  # the thread that stored a report, and so started this process, may block them
    # The pipe leads to the program that started this one, and to nobody else.
    path, values = pickle.loads(sys.stdin.buffer.read())
    configuration = Configuration(**values)
    stop = threading.Event()
    while True:
        with locked(path) as is_free:
            if not is_free:
                return 0  # another one was faster
            relay(configuration, [path], idle_timeout=IDLE_SECONDS, stop=stop)
        # Who stored something as this one ended found that a relay runs.
        if stop.is_set() or not has_work(configuration, path):
            return 0


if __name__ == "__main__":
    sys.exit(main())
