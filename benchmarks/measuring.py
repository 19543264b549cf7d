"""How things are measured: the sink, workers, fresh processes, rounds that interleave, and rows of the table."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from environments import HERE
from payload import AGENT_ID, API_KEY, ORGANIZATION_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EPILOGUE = """
import time
print(time.monotonic_ns())
try:
    with open("/proc/self/statm") as file:
        import os
        print(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6)
except OSError:
    import resource, sys
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3))
"""


def cores() -> tuple[int, int] | None:
    """Return the core of the sink and the core of the clients; None where processes can't be pinned."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    return (usable[-1], usable[0]) if len(usable) > 1 else None


@contextlib.contextmanager
def sink(python: Path) -> Iterator[str]:
    """Start the sink on a core of its own; everything started in the block shares the other core. Gives the URL."""
    pinned = cores()
    before = os.sched_getaffinity(0) if pinned else set()
    if pinned:
        os.sched_setaffinity(0, {pinned[0]})
    process = subprocess.Popen(
        [python, HERE / "sink.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    )
    if pinned:
        os.sched_setaffinity(0, {pinned[1]})
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(10)
        if pinned:
            os.sched_setaffinity(0, before)


def environment(url: str = "") -> dict[str, str]:
    """Return the whole environment of a process: no proxies, no certificate settings, nothing of this shell."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    return {
        **kept,
        "XPANDER_API_KEY": API_KEY,
        "XPANDER_AGENT_ID": AGENT_ID,
        "XPANDER_ORGANIZATION_ID": ORGANIZATION_ID,
        "XPANDER_BASE_URL": url,
    }


SETTINGS = {"facade_h11": {"XPANDER_HTTP_PARSER": "h11"}}
"""Variables of candidates that differ in them alone."""
TRIES = 3
repeated: list[str] = []
"""Of whom a measurement was made again, and why."""


class Worker:
    """A candidate in a process of its own; call it with a job.

    A bare client can lose a connection on a machine that is busy. What fails in another's job is said, noted, and
    measured again; what fails in the facade's ends the run.
    """

    def __init__(self, python: Path, candidate: str, url: str) -> None:
        self.candidate = candidate
        self.process = subprocess.Popen(
            [python, HERE / "worker.py", candidate, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(url) | SETTINGS.get(candidate, {}),
        )

    def __call__(self, **job: Any) -> float:
        for _ in range(TRIES):
            answer = self._ask(job)
            if isinstance(answer, float | int):
                return answer
            if self.candidate.startswith("facade"):
                break
            print(f"{self.candidate} failed, and is measured again: {answer['failed']}", file=sys.stderr, flush=True)
            repeated.append(f"{self.candidate} ({job.get('do')}: {answer['failed']})")
        raise SystemExit(f"{self.candidate} failed at {job}: see above")

    def _ask(self, job: dict[str, Any]) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.candidate} failed at {job}: see above")
        return json.loads(line)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)


def run_script(python: Path, source: str, url: str) -> tuple[float, float]:
    """Run a script in a fresh process; return the ms from its start to its last line, and its memory in MB then."""
    # -P: not the package of the folder that this is run in, but the one that is installed.
    began = time.monotonic_ns()
    out = subprocess.check_output([python, "-P", "-c", source + EPILOGUE], env=environment(url), text=True)
    done, memory = out.split()[-2:]
    return (int(done) - began) / 1e6, float(memory)


def run_statement(python: Path, statement: str) -> float:
    """Return the ms that a fresh process takes from start to end."""
    began = time.perf_counter()
    subprocess.run([python, "-P", "-c", statement], env=environment(), check=True)
    return (time.perf_counter() - began) * 1e3


Series = dict[str, list[float]]


def interleave(jobs: dict[str, Callable[[], float]], rounds: int) -> Series:
    """Run all jobs once to warm up, then round by round, every other round in reverse order."""
    series: Series = {name: [] for name in jobs}
    for job in jobs.values():
        job()
    for number in range(rounds):
        names = list(jobs)
        for name in names if number % 2 else reversed(names):
            series[name].append(jobs[name]())
    return series


def ratios(series: Series, above: str, below: str) -> list[float]:
    """Return the ratio of each round."""
    return [a / b for a, b in zip(series[above], series[below], strict=True)]


def spread(values: list[float]) -> str:
    """Return median [min-max]."""
    return f"{number(statistics.median(values))} [{number(min(values))}-{number(max(values))}]"


def number(value: float) -> str:
    """Return a number with about three digits."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


@dataclass
class Target:
    """What was promised: a limit that a median is held against."""

    at_most: float | None = None
    at_least: float | None = None
    source: str = ""

    def __str__(self) -> str:
        limit = f"<= {self.at_most:g}" if self.at_most is not None else f">= {self.at_least:g}"
        return f"{limit} ({self.source})"

    def is_met(self, value: float) -> bool:
        return value <= self.at_most if self.at_most is not None else value >= (self.at_least or 0)


@dataclass
class Row:
    """One line of the table.

    Args:
        what: What was measured, with its unit.
        ours: The values of all rounds.
        against: What it is compared with, and its values.
        compared: The values that the target is about: ratios of the rounds, or our own values.
        target: What was promised, or None.
        newer: The same on a newer Python, where that was measured.
    """

    what: str
    ours: list[float]
    against: str
    compared: list[float] | None
    target: Target | None = None
    note: str = ""
    newer: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What the row is about, without its numbers."""
        return self.what, self.against.partition(":")[0]

    @property
    def result(self) -> str:
        """What the target is held against, and whether it is met."""
        held = self.compared if self.compared is not None else self.ours
        return f"{spread(held)} {self.state}".rstrip()

    @property
    def state(self) -> str:
        if self.target is None:
            return ""
        held = self.compared if self.compared is not None else self.ours
        return "met" if self.target.is_met(statistics.median(held)) else "NOT MET"

    def cells(self) -> list[str]:
        ratio = self.note or ("" if self.compared is None else spread(self.compared))
        return [self.what, spread(self.ours), self.against, ratio, str(self.target or ""), self.state]


HEADINGS = ["what", "measured: median [min-max]", "against", "ratio of rounds", "target", "state"]


def _lines(rows: list[Row], newer: str) -> list[list[str]]:
    if not newer:
        return [HEADINGS, *(row.cells() for row in rows)]
    return [[*HEADINGS, newer], *([*row.cells(), row.newer] for row in rows)]


def as_markdown(rows: list[Row], newer: str = "") -> str:
    """Return the table; with what a newer Python gave, where there is a heading for that."""
    head, *lines = _lines(rows, newer)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *lines))


def as_text(rows: list[Row], newer: str = "") -> str:
    """Return the table with aligned columns; with what a newer Python gave, where there is a heading for that."""
    lines = _lines(rows, newer)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
