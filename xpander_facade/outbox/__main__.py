"""`python -m xpander_facade.outbox PATH...`: the relay, where the command line's extra is not installed."""

from __future__ import annotations

import argparse
import sys

from xpander_facade.configuration import Configuration
from xpander_facade.errors import XpanderError
from xpander_facade.outbox._relay import relay


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
    parser.add_argument("--rate", help="how fast at most, such as 90/minute")
    given = parser.parse_args()
    try:
        left = relay(
            Configuration(), given.paths, until_empty=given.until_empty, health_port=given.health_port, rate=given.rate
        )
    except XpanderError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 1 if left and given.until_empty else 0


if __name__ == "__main__":
    sys.exit(main())
