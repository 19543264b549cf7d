"""Measure the facade against other clients, and print each result with its target.

    python benchmarks/run.py                                everything; makes its environments first
    python benchmarks/run.py --quick                        fewer rounds, without the vendor's client
    python benchmarks/run.py --only sync                    one benchmark (several: repeat it)
    python benchmarks/run.py --write docs/performance.md    everything, and put the table into that file

Standard library only. See README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import environments
import imports
import local_platform
import runners
import troubled
from measuring import (
    Row,
    Target,
    Worker,
    as_markdown,
    as_text,
    cores,
    interleave,
    ratios,
    repeated,
    run_script,
    sink,
    spread,
)
from payload import BURST, BURST_WITH_IDS, PACED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BEGIN = "<!-- written by: python benchmarks/run.py --write docs/performance.md -->"
END = "<!-- end of what is written -->"
NAMES = {
    "facade_h11": "facade with h11",
    "facade_base": "build before",
    "httpx_reused": "httpx, one client",
    "httpx_post": "httpx.post",
    "requests_session": "requests, one Session",
    "aiohttp_session": "aiohttp, one ClientSession",
    "raw_socket": "hand-written socket (the floor)",
    "vendor": "vendor's client",
    "generated": "generated Task.from_dict",
    "langsmith_client": "langsmith, in memory",
    "langfuse_client": "langfuse, in memory",
    "httpx_script": "six-line httpx script",
}
BASE = "d908783"
"""The build before issue 16."""
SLOW = {"vendor": 16, "httpx_post": 16}


@dataclass
class Bench:
    """What all benchmarks share."""

    url: str
    facade: Path
    others: Path
    base: Path | None
    vendor: Path | None
    tracers: Path
    quick: bool
    base_revision: str | None = None
    most_rounds: int | None = None

    def rounds(self, full: int) -> int:
        return min(full, 3) if self.quick else min(full, self.most_rounds or full)

    def python_of(self, candidate: str) -> Path | None:
        special = {
            "facade": self.facade,
            "generated": self.facade,
            "facade_h11": self.facade,
            "facade_base": self.base,
            "vendor": self.vendor,
            "langsmith_client": self.tracers,
            "langfuse_client": self.tracers,
        }
        return special.get(candidate, self.others)

    @contextlib.contextmanager
    def workers(self, *candidates: str) -> Iterator[dict[str, Worker]]:
        """Start those candidates that there is an environment for."""
        with contextlib.ExitStack() as stack:
            started: dict[str, Worker] = {}
            for candidate in candidates:
                python = self.python_of(candidate)
                if python is not None:
                    started[candidate] = worker = Worker(python, candidate, self.url)
                    stack.callback(worker.close)
            yield started


def against(
    what: str, series: dict[str, list[float]], other: str, target: Target | None, *, turned: bool = False
) -> list[Row]:
    """Return the row that compares the facade with a candidate; none where the candidate was not measured."""
    if other not in series:
        return []
    compared = ratios(series, other, "facade") if turned else ratios(series, "facade", other)
    label = f"{NAMES[other]}: {spread(series[other])}"
    return [Row(what, series["facade"], f"{label}{' (it / ours)' if turned else ''}", compared, target)]


def with_h11(what: str, series: dict[str, list[float]], other: str) -> list[Row]:
    """Return the row that compares the facade with a candidate, where h11 reads the responses."""
    return against(f"{what}, with h11", {**series, "facade": series["facade_h11"]}, other, None)


def sync(bench: Bench) -> list[Row]:
    names = ("facade", "facade_h11", "httpx_reused", "httpx_post", "requests_session", "raw_socket", "vendor")
    with bench.workers(*names) as workers:
        jobs = {name: call(worker, do="calls", count=400 // SLOW.get(name, 1)) for name, worker in workers.items()}
        series = interleave(jobs, bench.rounds(15))
    what = "sync report, us per call"
    return [
        *against(what, series, "httpx_reused", Target(at_most=0.55, source="issue 16")),
        *against(what, series, "vendor", Target(at_least=45, source="issue 5"), turned=True),
        *against(what, series, "httpx_post", None, turned=True),
        *against(what, series, "requests_session", None),
        *against(what, series, "raw_socket", None),
        *with_h11(what, series, "httpx_reused"),
    ]


def asynchronous(bench: Bench) -> list[Row]:
    names = ("facade", "facade_h11", "aiohttp_session", "httpx_reused", "raw_socket", "vendor")
    with bench.workers(*names) as workers:
        jobs = {
            name: call(worker, do="acalls", count=1280 // SLOW.get(name, 1), at_once=64)
            for name, worker in workers.items()
        }
        jobs["alone"] = call(workers["facade"], do="acalls", count=400, at_once=1)
        series = interleave(jobs, bench.rounds(11))
    what = "async report, 64 at once, calls a second"
    rows = [
        *against(what, series, "aiohttp_session", Target(at_least=0.6, source="issue 16")),
        *against(what, series, "httpx_reused", Target(at_least=4, source="issue 5")),
        *against(what, series, "vendor", Target(at_least=25, source="issue 5")),
        *against(what, series, "raw_socket", None),
    ]
    label = f"the facade, 1 at once: {spread(series['alone'])}"
    rows.append(
        Row(what, series["facade"], label, ratios(series, "facade", "alone"), Target(at_least=1, source="issue 5"))
    )
    return [*rows, *with_h11(what, series, "aiohttp_session")]


def batches(bench: Bench) -> list[Row]:
    rows: list[Row] = []
    with bench.workers("facade", "aiohttp_session") as workers:
        for delay, limit in ((20, 0.9), (0, 0.5)):
            job = {"count": 4_000, "at_once": 64, "delay": delay}
            jobs = {
                "report_many": call(workers["facade"], do="many", **job),
                "areport_many": call(workers["facade"], do="amany", **job),
                "aiohttp_session": call(workers["aiohttp_session"], do="amany", **job),
            }
            series = interleave(jobs, bench.rounds(7))
            for name in ("report_many", "areport_many"):
                answers = f"answers of {delay} ms" if delay else "answers at once"
                what = f"4,000 reports through {name}, 64 at once, {answers}, a second"
                compared = {"facade": series[name], "aiohttp_session": series["aiohttp_session"]}
                rows += against(what, compared, "aiohttp_session", Target(at_least=limit, source="issue 19"))
    return rows


def threads(bench: Bench) -> list[Row]:
    with bench.workers("facade", "facade_h11", "httpx_reused") as workers:
        jobs = {name: call(worker, do="threads", count=1600, threads=32) for name, worker in workers.items()}
        series = interleave(jobs, bench.rounds(11))
    what = "32 threads on one Backend, calls a second"
    return [
        *against(what, series, "httpx_reused", Target(at_least=2.5, source="issue 16")),
        *with_h11(what, series, "httpx_reused"),
    ]


def decode(bench: Bench) -> list[Row]:
    with bench.workers("facade", "vendor", "generated") as workers:
        jobs = {name: call(worker, do="decode", count=4000) for name, worker in workers.items()}
        series = interleave(jobs, bench.rounds(15))
    what = "full Task from its JSON, us"
    return [
        *against(what, series, "vendor", Target(at_most=0.6, source="issue 16")),
        *against(what, series, "generated", None),
    ]


def start(bench: Bench) -> list[Row]:
    memory: dict[str, list[float]] = {}

    def run(candidate: str) -> Callable[[], float]:
        source = (environments.HERE / "starts" / f"{candidate}.py").read_text()

        def job() -> float:
            took, used = run_script(bench.python_of(candidate) or bench.others, source, bench.url)
            memory.setdefault(candidate, []).append(used)
            return took

        return job

    names = ["facade", "httpx_script", *(["vendor"] if bench.vendor else [])]
    series = interleave({name: run(name) for name in names}, bench.rounds(15))
    what = "process start to first report done, ms"
    rows = [
        *against(what, series, "httpx_script", Target(at_most=0.8, source="issue 16")),
        *against(what, series, "vendor", Target(at_least=10, source="issue 5"), turned=True),
    ]
    what = "memory after the first report, MB"
    rows += against(what, memory, "httpx_script", Target(at_most=0.9, source="issue 16"))
    rows += against(what, memory, "vendor", None, turned=True)
    return rows


def growth(bench: Bench) -> list[Row]:
    count = 5_000 if bench.quick else 100_000
    with bench.workers("facade") as workers:
        before = workers["facade"](do="memory", count=2_000)
        after = workers["facade"](do="memory", count=count)
    what = f"memory growth over {count:,} reports, MB"
    note = f"from {before:.1f} MB after 2,000 reports to {after:.1f} MB"
    return [Row(what, [after - before], note, None, Target(at_most=1, source="issue 5: none"))]


def enqueue(bench: Bench) -> list[Row]:
    names = ("facade", "facade_base", "langsmith_client", "langfuse_client")
    with bench.workers(*names) as workers:
        jobs = {name: call(worker, do="enqueue", count=200) for name, worker in workers.items()}
        series = interleave(jobs, bench.rounds(15))
    what = "a run handed over, ours on disk, us (the median of 200)"
    rows = [Row(what, series["facade"], "", None, Target(at_most=60, source="issue 7"))]
    rows += against(what, series, "facade_base", Target(at_most=0.6, source="issue 16"))
    for name in names[2:]:
        rows += against(what, series, name, None)
    return rows


def record(bench: Bench) -> list[Row]:
    names = ("facade", "facade_base", "langfuse_client")
    with bench.workers(*names) as workers:
        jobs = {name: call(worker, do="record", count=200) for name, worker in workers.items()}
        series = interleave(jobs, bench.rounds(15))
    what = "a recorded block, its report on disk, us (the median of 200)"
    return [
        *against(what, series, "facade_base", Target(at_most=0.6, source="issue 16")),
        *against(f"{what}; theirs: @observe", series, "langfuse_client", Target(at_most=1, source="issue 16")),
    ]


def drain(bench: Bench) -> list[Row]:
    rows: list[Row] = []
    with bench.workers("facade", "facade_base", "httpx_reused") as workers:
        for delay, settings, limit in ((20, {}, 10), (20, {"concurrency": 32}, 20)):
            jobs = {
                "facade": call(workers["facade"], do="drain", count=2_000, delay=delay, **settings),
                "httpx_reused": call(workers["httpx_reused"], do="drain", count=50, delay=delay),
            }
            series = interleave(jobs, bench.rounds(5))
            told = "".join(f", {name}={value}" for name, value in settings.items()) or ", default settings"
            what = f"2,000 reports through the outbox, answers of {delay} ms{told}, a second"
            rows += against(what, series, "httpx_reused", Target(at_least=limit, source="issue 16"))
        jobs = {
            name: call(worker, do="drain", count=2_000) for name, worker in workers.items() if name != "httpx_reused"
        }
        what = "2,000 reports through the outbox, answers at once, a second"
        series = interleave(jobs, bench.rounds(7))
        rows += against(what, series, "facade_base", Target(at_least=1.6, source="issue 16"))
        for where, all_cores in (("", True), (" on one core", False)):
            jobs = {
                f"{count}": call(
                    workers["facade"], do="shared_drain", count=2_000, processes=count, all_cores=all_cores
                )
                for count in (1, 4)
            }
            series = interleave(jobs, bench.rounds(7))
            label = f"one process: {spread(series['1'])}"
            what = f"2,000 reports, answers at once, four processes sharing a file{where}, a second"
            target = Target(at_least=1, source="issue 16") if all_cores else None
            rows.append(Row(what, series["4"], label, ratios(series, "4", "1"), target))
    return rows


def waiting(bench: Bench) -> list[Row]:
    count = 5_000 if bench.quick else 100_000
    with bench.workers("facade") as workers:
        before = workers["facade"](do="waiting_memory", count=2_000)
        after = workers["facade"](do="waiting_memory", count=count - 2_000)
    what = f"memory growth with {count:,} reports waiting in the outbox, MB"
    note = f"from {before:.1f} MB with 2,000 to {after:.1f} MB; the platform is down"
    return [Row(what, [after - before], note, None, Target(at_most=5, source="issue 7: bounded"))]


def trouble(bench: Bench) -> list[Row]:
    return troubled.rows(bench.python_of, NAMES, bench.rounds(7))


def job_runners(bench: Bench) -> list[Row]:
    return runners.rows(environments.runners_environment(), bench.url, bench.rounds(5))


def first_event(bench: Bench) -> list[Row]:
    rows: list[Row] = []
    with bench.workers("facade", "httpx_reused", "vendor") as workers:
        for form, do in (("events()", "first_event"), ("aevents()", "afirst_event")):
            jobs = {
                name: mean_of(5, call(worker, do=do, task_id=PACED.format(count=5, gap=20)))
                for name, worker in workers.items()
            }
            series = interleave(jobs, bench.rounds(9))
            what = f"first of 5 events 20 ms apart, after it was sent, {form}, ms"
            rows += against(what, series, "httpx_reused", None)
            rows += against(what, series, "vendor", None, turned=True)
    return rows


def events(bench: Bench) -> list[Row]:
    rows: list[Row] = []
    with bench.workers("facade", "httpx_reused", "vendor") as workers:
        for task_id, kind in ((BURST, "without ids"), (BURST_WITH_IDS, "with ids")):
            for form, do in (("events()", "events"), ("aevents()", "aevents")):
                jobs = {
                    name: call(worker, do=do, task_id=task_id.format(count=10_000)) for name, worker in workers.items()
                }
                series = interleave(jobs, bench.rounds(9))
                what = f"10,000 events {kind} through {form}, events a second"
                rows += against(what, series, "httpx_reused", Target(at_least=0.9, source="issue 16"))
                rows += against(what, series, "vendor", None)
    return rows


def usage(bench: Bench) -> list[Row]:
    rows: list[Row] = []
    with bench.workers("facade") as workers:
        series = interleave({"usage": call(workers["facade"], do="usage", count=200)}, bench.rounds(9))
        rows.append(Row("a known response read, us (the median of 32)", series["usage"], "", None))
        for what, do, measure, target in (
            ("the worst of hostile objects read, ms", "reading", "time", 50),
            ("memory of it, MB", "reading", "memory", 10),
            ("the worst graph of objects written as JSON, ms", "writing", "time", 1_000),
            ("memory of it, MB", "writing", "memory", 50),
            ("the JSON of it, MB", "writing", "size", 1),
        ):
            series = interleave({"job": call(workers["facade"], do=do, measure=measure)}, bench.rounds(3))
            rows.append(Row(what, series["job"], "", None, Target(at_most=target, source="issue 12")))
    return rows


def import_times(bench: Bench) -> list[Row]:
    return imports.measure(bench.facade, bench.rounds(31))


def emulator(bench: Bench) -> list[Row]:
    rows = [] if bench.base_revision is None else [local_platform.beside(bench.base_revision, bench.rounds(11))]
    return rows + local_platform.pages(bench.rounds(11))


BENCHMARKS: dict[str, Callable[[Bench], list[Row]]] = {
    "sync": sync,
    "async": asynchronous,
    "batches": batches,
    "threads": threads,
    "decode": decode,
    "start": start,
    "growth": growth,
    "enqueue": enqueue,
    "record": record,
    "drain": drain,
    "waiting": waiting,
    "trouble": trouble,
    "runners": job_runners,
    "usage": usage,
    "imports": import_times,
    "first-event": first_event,
    "events": events,
    "emulator": emulator,
}


ON_NEWER = ("sync", "async", "threads", "decode", "start", "enqueue", "record", "drain", "imports", "events")
"""What is measured on the newer Python as well."""
ROUNDS_ON_NEWER = 5
VENDOR_ON_NEWER = ("decode",)


def measure_newer(bench: Bench, python: str, names: Iterable[str], rows: list[Row]) -> None:
    """Measure on another Python, too, and give the rows what it gave."""
    known = {row.key: row for row in rows}
    for name in names:
        if name in ON_NEWER:
            print(f"measuring on {python}: {name}", file=sys.stderr, flush=True)
            chosen = bench if name in VENDOR_ON_NEWER else dataclasses.replace(bench, vendor=None)
            for row in BENCHMARKS[name](chosen):
                if row.key in known:
                    known[row.key].newer = row.result


def call(worker: Worker, **job: object) -> Callable[[], float]:
    return lambda: worker(**job)


def mean_of(count: int, job: Callable[[], float]) -> Callable[[], float]:
    return lambda: statistics.fmean(job() for _ in range(count))


def machine(bench: Bench, load: float | None) -> list[str]:
    """Return the lines that say on what and with what was measured."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    pinned = "sink and clients pinned to a core each" if cores() else "processes not pinned"
    state = git("rev-parse", "--short", "HEAD") or "unknown"
    if git("status", "--porcelain"):
        state += " with uncommitted changes"
    lines = [
        f"Measured {datetime.date.today().isoformat()}, commit {state}.",
        f"{os.cpu_count()} cores of {model}, {platform.system()}, CPython {platform.python_version()}; {pinned}"
        + (f"; load before the run {load:.1f}." if load is not None else "."),
    ]
    shown = (
        ("The facade's environment", bench.facade, environments.SHOWN),
        ("The other clients'", bench.others, environments.SHOWN_OF_OTHERS),
        ("The tracers'", bench.tracers, environments.SHOWN_OF_TRACERS),
        ("The vendor's", bench.vendor, environments.SHOWN_OF_VENDOR),
    )
    for title, python, names in shown:
        if python is not None:
            have = environments.versions(python, names)
            lines.append(f"{title}: " + ", ".join(f"{name} {version}" for name, version in have.items()) + ".")
    return lines


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, cwd=environments.ROOT, check=False)
    return done.stdout.strip()


def put(path: Path, text: str) -> None:
    """Replace what stands between the two marks of a file."""
    old = path.read_text(encoding="utf-8")
    head, found, rest = old.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not (found and ended):
        raise SystemExit(f"{path} has no place for the table: it needs the lines\n{BEGIN}\n{END}")
    path.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")


def newer_bench(python: str, revision: str | None, *, quick: bool) -> Bench:
    """Return what to measure with on another Python, without the sink's URL."""
    return Bench(
        "",
        environments.facade_environment(python),
        environments.others_environment(python),
        None if revision is None else environments.base_environment(revision, python),
        None if quick else environments.vendor_environment(python),
        environments.tracers_environment(python),
        quick,
        revision,
        ROUNDS_ON_NEWER,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the facade against other clients.")
    parser.add_argument("--quick", action="store_true", help="three rounds, and without the vendor's client")
    parser.add_argument("--only", action="append", choices=list(BENCHMARKS), help="run this one; may be repeated")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the marks in this file")
    parser.add_argument(
        "--base", metavar="REV", default=BASE, help="the build that some rows are compared with (default: %(default)s)"
    )
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="another Python, on which the rows that compare are measured as well (default: the newest one found, in a "
        "run of everything); none: only on this one",
    )
    parser.add_argument("--note", metavar="TEXT", help="say this about the run, below the table")
    arguments = parser.parse_args()
    if arguments.write and arguments.only:
        parser.error("--write wants the whole table: leave out --only")
    newer = arguments.python
    if newer is None and not arguments.only and not arguments.quick:
        newer = environments.newer_python()
    newer = None if newer == "none" else newer
    facade = environments.facade_environment()
    others = environments.others_environment()
    revision = arguments.base if environments.has_revision(arguments.base) else None
    base = None if revision is None else environments.base_environment(revision)
    tracers = environments.tracers_environment()
    vendor = None if arguments.quick else environments.vendor_environment()
    on_newer = None if newer is None else newer_bench(newer, revision, quick=arguments.quick)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    began = time.monotonic()
    rows: list[Row] = []
    with sink(others) as url:
        bench = Bench(url, facade, others, base, vendor, tracers, arguments.quick, revision)
        for name in arguments.only or BENCHMARKS:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            rows += BENCHMARKS[name](bench)
        if on_newer is not None:
            measure_newer(dataclasses.replace(on_newer, url=url), newer, arguments.only or BENCHMARKS, rows)
    notes = machine(bench, load)
    notes.append(f"It took {(time.monotonic() - began) / 60:.1f} minutes.")
    heading = ""
    if newer is not None:
        version = environments.version_of(newer)[0]
        heading = f"CPython {version}"
        notes.append(f"On CPython {version}: {ROUNDS_ON_NEWER} rounds at most, of what compares.")
    if repeated:
        notes.append(f"Measured again, since calls failed: {', '.join(repeated)}.")
    if revision is None:
        notes.append(f"Not measured: the build {arguments.base}, which git does not know here.")
    if arguments.quick:
        notes.append("Quick form: three rounds, without the vendor's client. Too few to judge by.")
    if arguments.note:
        notes.append(arguments.note)
    print("\n".join((as_text(rows, heading), "", *notes)))
    if arguments.write:
        put(arguments.write, "\n".join(("", as_markdown(rows, heading), "", *(f"- {note}" for note in notes))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
