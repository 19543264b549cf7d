"""How long imports take: fresh processes, interleaved, net of a Python that imports nothing.

python benchmarks/imports.py [ROUNDS]
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from measuring import Row, Target, as_text, interleave, run_statement, spread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BARE = "pass"
HTTPX = "import httpx"
ALONE = "import xpander_facade"
NAMES = "from xpander_facade import Backend, Task, Tasks, Tokens, Configuration"


def measure(python: Path, rounds: int) -> list[Row]:
    """Return the rows of the table."""

    def run(statement: str) -> Callable[[], float]:
        return lambda: run_statement(python, statement)

    series = interleave({statement: run(statement) for statement in (BARE, HTTPX, ALONE, NAMES)}, rounds)
    net = {
        statement: [took - bare for took, bare in zip(series[statement], series[BARE], strict=True)]
        for statement in (HTTPX, ALONE, NAMES)
    }
    rows: list[Row] = []
    for statement, limit, issue in ((ALONE, 0.2, 2), (NAMES, 0.5, 16)):
        compared = [ours / theirs for ours, theirs in zip(net[statement], net[HTTPX], strict=True)]
        what = f"`{statement}`, net of bare Python, ms"
        target = Target(at_most=limit, source=f"issue {issue}")
        rows.append(Row(what, net[statement], f"`{HTTPX}`: {spread(net[HTTPX])}", compared, target))
    return rows


if __name__ == "__main__":
    import environments

    print(as_text(measure(environments.facade_environment(), int(sys.argv[1]) if len(sys.argv) > 1 else 31)))
