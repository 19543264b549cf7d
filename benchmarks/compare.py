"""Measure another revision of the facade beside today's, round by round, and print the ratio of each row.

    python benchmarks/compare.py BASE                  every row
    python benchmarks/compare.py BASE --only sync      one row (several: repeat it)

BASE is any git revision. Both are copied into environments of their own, with the dependencies that each declares. The
jobs are the checkout's own, so they name only what both revisions have. A ratio is today's cost over the base's, so
above 1 is worse; a row is worse beyond its spread where even the lower quartile of its rounds is above 1.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

import environments
from measuring import Worker, interleave, run_script, run_statement, sink, spread
from payload import BURST, BURST_WITH_IDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from measuring import Series

FIVE_NAMES = "from xpander_facade import Backend, Task, Tasks, Tokens, Configuration"
JOBS: dict[str, tuple[str, bool, dict[str, object]]] = {
    "sync": ("sync report, us", False, {"do": "calls", "count": 400}),
    "async": ("async report, 64 at once, calls a second", True, {"do": "acalls", "count": 1280, "at_once": 64}),
    "async-alone": ("async report, 1 at once, calls a second", True, {"do": "acalls", "count": 400, "at_once": 1}),
    "threads": ("32 threads on one Backend, calls a second", True, {"do": "threads", "count": 1600, "threads": 32}),
    "decode": ("full Task from its JSON, us", False, {"do": "decode", "count": 4000}),
    "events": (
        "10,000 events through events(), a second",
        True,
        {"do": "events", "task_id": BURST.format(count=10_000)},
    ),
    "aevents": (
        "10,000 events through aevents(), a second",
        True,
        {"do": "aevents", "task_id": BURST.format(count=10_000)},
    ),
    "events-with-ids": (
        "10,000 events with ids through events(), a second",
        True,
        {"do": "events", "task_id": BURST_WITH_IDS.format(count=10_000)},
    ),
    "enqueue": ("a report left on disk, us (the median of 200)", False, {"do": "enqueue", "count": 200}),
    "usage": ("a known response read, us (the median of 32)", False, {"do": "usage", "count": 200}),
    "drain": ("2,000 reports through the outbox, answers at once, a second", True, {"do": "drain", "count": 2_000}),
    "record": ("a recorded block with outbox, us (the median of 200)", False, {"do": "record", "count": 200}),
}
"""Name: what it measures, whether more is better, and the worker's job."""

STARTS = {
    "start": "process start to first report done, ms",
    "memory": "memory after the first report, MB",
    "import": "import of the package, net of bare Python, ms",
    "import-names": "import of the five names, net of bare Python, ms",
}


def line(what: str, series: Series, more_is_better: bool) -> tuple[list[str], bool]:
    """Return a row's cells, and whether today is worse beyond the spread of its rounds."""
    above, below = ("base", "today") if more_is_better else ("today", "base")
    costs = [a / b for a, b in zip(series[above], series[below], strict=True)]
    lower = statistics.quantiles(costs, n=4)[0] if len(costs) > 1 else costs[0]
    is_worse = lower > 1
    state = "WORSE" if is_worse else ""
    return [what, spread(series["base"]), spread(series["today"]), spread(costs), state], is_worse


def measure_workers(names: list[str], pythons: dict[str, Path], url: str, rounds: int) -> list[tuple[list[str], bool]]:
    """Measure what a worker does, one process a revision."""
    lines: list[tuple[list[str], bool]] = []
    with contextlib.ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for revision, python in pythons.items():
            workers[revision] = worker = Worker(python, "facade", url)
            stack.callback(worker.close)
        for name in names:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            what, more_is_better, job = JOBS[name]
            jobs: dict[str, Callable[[], float]] = {
                revision: (lambda worker=worker, job=job: worker(**job)) for revision, worker in workers.items()
            }
            lines.append(line(what, interleave(jobs, rounds), more_is_better))
    return lines


def measure_starts(names: list[str], pythons: dict[str, Path], url: str, rounds: int) -> list[tuple[list[str], bool]]:
    """Measure fresh processes: the first report, its memory, imports."""
    lines: list[tuple[list[str], bool]] = []
    source = (environments.HERE / "starts" / "facade.py").read_text()
    memory: Series = {revision: [] for revision in pythons}

    def first_report(revision: str, python: Path) -> Callable[[], float]:
        def job() -> float:
            took, used = run_script(python, source, url)
            memory[revision].append(used)
            return took

        return job

    if {"start", "memory"} & {*names}:
        print("measuring: start", file=sys.stderr, flush=True)
        series = interleave({revision: first_report(revision, python) for revision, python in pythons.items()}, rounds)
        lines += [line(STARTS["start"], series, False), line(STARTS["memory"], memory, False)]
    for name, statement in (("import", "import xpander_facade"), ("import-names", FIVE_NAMES)):
        if name in names:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            jobs = {
                f"{revision} {code}": (lambda python=python, code=code: run_statement(python, code))
                for revision, python in pythons.items()
                for code in (statement, "pass")
            }
            raw = interleave(jobs, rounds * 2)
            net = {
                revision: [a - b for a, b in zip(raw[f"{revision} {statement}"], raw[f"{revision} pass"], strict=True)]
                for revision in pythons
            }
            lines.append(line(STARTS[name], net, False))
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure another revision of the facade beside today's.")
    parser.add_argument("base", metavar="BASE", help="a git revision")
    parser.add_argument("--only", action="append", choices=[*JOBS, *STARTS], help="this row; may be repeated")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each row (default: 15)")
    arguments = parser.parse_args()
    found = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", "--short", f"{arguments.base}^{{commit}}"],
        capture_output=True,
        text=True,
        cwd=environments.ROOT,
        check=False,
    )
    if found.returncode:
        parser.error(f"there is no revision {arguments.base}: name a commit, a tag or a branch")
    base = found.stdout.strip()
    names = arguments.only or [*JOBS, *STARTS]
    today, others = environments.facade_environment(), environments.others_environment()
    pythons = {"base": environments.base_environment(base), "today": today}
    with sink(others) as url:
        lines = measure_workers([name for name in names if name in JOBS], pythons, url, arguments.rounds)
        lines += measure_starts([name for name in names if name in STARTS], pythons, url, arguments.rounds)
    headings = ["what", f"base {base}: median [min-max]", "today", "today's cost / base's", "state"]
    table = [headings, *(cells for cells, _ in lines)]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    load = f"; load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"\n{arguments.rounds} rounds each, interleaved{load}")
    return 1 if any(is_worse for _, is_worse in lines) else 0


if __name__ == "__main__":
    raise SystemExit(main())
