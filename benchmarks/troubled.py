"""What a request's handler pays for a recorded run while the platform is in trouble, beside the tracers' clients.

    python benchmarks/run.py --only trouble

`platform(trouble)` gives the URL of one that hangs (takes connections and says nothing), is down, is slow (a second for
each answer) or answers 401. A handler works for 2 ms; what recording adds is the difference of the latencies with and
without it, at the median and at the 99th percentile of the same round.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from measuring import Row, Target, Worker, interleave, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TROUBLES = {"hang": "hangs", "down": "is down", "slow": "is slow", "401": "answers 401"}
TRACERS = ("langfuse_client", "langsmith_client")
RECORD_DEADLINE = 5.0
"""Seconds, the default of the facade."""
AFTERWARDS = 0.05
_SERVER = """
import asyncio, sys

async def serve(reader, writer):
    while sys.argv[1] != "hang":
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        sizes = [line.split(b":")[1] for line in head.split(b"\\r\\n") if line.lower().startswith(b"content-length:")]
        if sizes:
            await reader.readexactly(int(sizes[0]))
        if sys.argv[1] == "slow":
            await asyncio.sleep(1)
        status = "401 Unauthorized" if sys.argv[1] == "401" else "200 OK"
        body = b'{"detail":"unauthorized"}' if sys.argv[1] == "401" else TASK
        head = f"HTTP/1.1 {status}\\r\\ncontent-type: application/json\\r\\ncontent-length: {len(body)}\\r\\n\\r\\n"
        writer.write(head.encode() + body)
        await writer.drain()
    await reader.read()
    await asyncio.sleep(3600)

async def quiet(reader, writer):
    try:
        await serve(reader, writer)
    except (OSError, EOFError, asyncio.IncompleteReadError):
        pass

async def main():
    server = await asyncio.start_server(quiet, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)

TASK = b'''{"id":"r","agent_id":"a","organization_id":"o","input":{"text":"x"},"created_at":"2026-01-02T03:04:05Z",
"status":"completed"}'''
asyncio.run(main())
"""


@contextlib.contextmanager
def platform(trouble: str) -> Iterator[str]:
    """Give the URL of a platform in trouble."""
    if trouble == "down":
        with socket.socket() as taken:  # bound, but nobody listens
            taken.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{taken.getsockname()[1]}"
        return
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, trouble], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        assert process.stdin is not None
        process.stdin.close()


def rows(python_of: Callable[[str], Path | None], names: dict[str, str], rounds: int) -> list[Row]:
    """Measure each trouble, and return its rows."""
    found: list[Row] = []
    for trouble, words in TROUBLES.items():
        print(f"measuring: a platform that {words}", file=sys.stderr, flush=True)
        with platform(trouble) as url:
            found += _queued(python_of, names, rounds, url, words)
            found += _direct(python_of, url, words, 100)
    return found


def _queued(
    python_of: Callable[[str], Path | None], names: dict[str, str], rounds: int, url: str, words: str
) -> list[Row]:
    with contextlib.ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for candidate in ("facade", *TRACERS):
            python = python_of(candidate)
            if python is not None:
                workers[candidate] = worker = Worker(python, candidate, url)
                stack.callback(worker.process.kill)
        jobs: dict[str, Callable[[], float]] = {}
        for candidate, worker in workers.items():
            way = "record" if candidate == "facade" else "enqueue"
            jobs[candidate] = _job(worker, "added", way, 0.5)
            jobs[f"{candidate} p99"] = _job(worker, "added_again", way, 0.99)
        # The percentile is of the calls that gave the median: a job of its own only looks it up.
        pairs = {name: _both(jobs[name], jobs[f"{name} p99"]) for name in workers}
        medians, tails = _interleaved(pairs, rounds)
    result: list[Row] = []
    for what, series, limit in (("median", medians, 2.0), ("99th percentile", tails, 10.0)):
        others = "; ".join(f"{names[name]}: {spread(series[name])}" for name in workers if name != "facade")
        label = f"a platform that {words}: added to a handler of 2 ms with an outbox, at the {what}, ms"
        result.append(Row(label, series["facade"], others, None, Target(at_most=limit, source="issue 15")))
    return result


def _interleaved(
    pairs: dict[str, Callable[[], tuple[float, float]]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    tails: dict[str, list[float]] = {name: [] for name in pairs}

    def keeping(name: str) -> Callable[[], float]:
        def run() -> float:
            median, tail = pairs[name]()
            tails[name].append(tail)
            return median

        return run

    medians = interleave({name: keeping(name) for name in pairs}, rounds)
    return medians, {name: values[1:] for name, values in tails.items()}  # without the round that warms up


def _job(worker: Worker, do: str, way: str, quantile: float) -> Callable[[], float]:
    return lambda: worker(do=do, name=way, count=200, quantile=quantile)


def _both(first: Callable[[], float], second: Callable[[], float]) -> Callable[[], tuple[float, float]]:
    return lambda: (first(), second())


def _direct(python_of: Callable[[str], Path | None], url: str, words: str, count: int) -> list[Row]:
    """Measure runs without an outbox, one after the other: the first three may wait, those after them hardly."""
    python = python_of("facade")
    assert python is not None
    worker = Worker(python, "facade", url)
    try:
        first = worker(do="longest", name="record_direct", count=3)
        later = worker(do="longest", name="record_direct", count=count)
    finally:
        worker.process.kill()
    what = f"a platform that {words}: a recorded run without an outbox,"
    limit = RECORD_DEADLINE + AFTERWARDS
    return [
        Row(f"{what} the longest of the first three, s", [first], "", None, Target(at_most=limit, source="issue 15")),
        Row(
            f"{what} the longest of {count} after them, s",
            [later],
            "",
            None,
            Target(at_most=AFTERWARDS, source="issue 15"),
        ),
    ]
