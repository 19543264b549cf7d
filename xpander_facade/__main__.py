"""The entry point of the command line: `xpander-facade` and `python -m xpander_facade`."""

from __future__ import annotations

import sys

_EXTRA = {"dotenv", "rich", "typer"}


def main() -> int:
    """Run the command line, and return its exit status."""
    try:
        from xpander_facade.cli.app import run

        return run()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        extra = "'xpander-facade[cli]'"
        remedy = f"pip install {extra}, or '.[cli]' in the checkout; or uvx --from {extra} xpander-facade"
        print(f"the command line needs {package}: {remedy}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before the command line could see to it
        return 130


if __name__ == "__main__":
    sys.exit(main())
