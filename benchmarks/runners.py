"""Measure what recording adds to a job in the workers of real job runners, beside langfuse's decorator.

A worker of each form does jobs one after the other that wait 20 ms. What a job costs is the time from its start to the
start of the next one: all that the runner and the recording do in between. A round's value is the median of its jobs;
what is added is the difference to the job that nobody records, of the same round.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import statistics
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Row, Target, environment, interleave, number, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JOBS = Path(__file__).resolve().parent / "runner_jobs"
COUNT = 60
FORMS = ("without", "ours", "langfuse")


@dataclass(frozen=True)
class Runner:
    """A runner, and how its worker is started.

    Args:
        title: What the table calls it.
        jobs: Its module in `runner_jobs`, without the ending `_jobs`.
        command: What starts a worker.
        flushes: Whether langfuse has to send before a job ends, since the process ends with it, or is frozen.
        has_relay: Whether a process that only sends takes that from the workers.
    """

    title: str
    jobs: str
    command: tuple[str, ...]
    flushes: bool = False
    has_relay: bool = False


_RQ = ("rq", "worker", "{form}", "--url", "{redis}", "--quiet", "-w")
RUNNERS = (
    Runner(
        "Celery, prefork",
        "celery",
        (
            *(
                "celery",
                "-A",
                "celery_jobs",
                "worker",
                "-P",
                "prefork",
                "-c",
                "1",
                "-Q",
                "{form}",
                "-n",
                "{form}@bench",
            ),
            *("-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
    ),
    Runner("Dramatiq", "dramatiq", ("dramatiq", "dramatiq_jobs", "-p", "1", "-t", "1", "--skip-logging")),
    Runner("huey", "huey", ("huey_consumer", "huey_jobs.huey", "-w", "1", "-k", "thread", "-q")),
    Runner("taskiq", "taskiq", ("taskiq", "worker", "taskiq_jobs:broker", "-w", "1", "--max-async-tasks", "1")),
    Runner("RQ, jobs in the worker's process", "rq", (*_RQ, "rq_jobs.SimpleWorker")),
    Runner("RQ, a fork for each job, and a relay that sends", "rq", (*_RQ, "rq_jobs.Worker"), True, True),
    Runner("RQ, a fork for each job, which sends", "rq", (*_RQ, "rq_jobs.Worker"), True),
    Runner("Lambda, each call sends", "lambda", ("python", "-m", "lambda_jobs"), True),
)
_SETTLE = 0.5
_TIMEOUT = 120.0


class Form:
    """A runner's worker that does jobs of one form, and the process that gives them to it."""

    def __init__(self, python: Path, runner: Runner, form: str, url: str, redis: str, folder: Path) -> None:
        name = f"{redis.rpartition('/')[2]}-{runner.jobs}"
        self._starts = folder / f"{name}-{form}.starts"
        self._starts.touch()
        variables = {
            **environment(url),
            "PYTHONPATH": str(JOBS),
            "REDIS": redis,
            "CANDIDATE": form,
            "STARTS": str(self._starts),
            "FLUSHES": "1" if runner.flushes else "",
            "RELAY": "process" if runner.has_relay else "",
        }
        command = [part.format(form=form, redis=redis) for part in runner.command]
        self._log = (folder / f"{name}-{form}.log").open("wb")
        outbox = {"XPANDER_OUTBOX": str(folder / f"{name}.db")} if form == "ours" else {}
        self.worker = subprocess.Popen(
            [str(python.parent / command[0]), *command[1:]],
            env={**variables, **outbox},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self._sending = subprocess.Popen(
            [str(python), str(JOBS / "sending.py"), runner.jobs],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._told()

    def run(self) -> float:
        """Let it do jobs; return the milliseconds from a job's start to the next one's, at the median."""
        assert self._sending.stdin is not None
        before = self._starts.stat().st_size // 8
        self._sending.stdin.write(f"{COUNT}\n")
        self._sending.stdin.flush()
        self._told()
        until = time.monotonic() + _TIMEOUT
        while self._starts.stat().st_size // 8 < before + COUNT:
            if time.monotonic() > until or self.worker.poll() is not None:
                raise SystemExit(f"the worker does not do its jobs: see {self._log.name}")
            time.sleep(0.05)
        time.sleep(_SETTLE)  # what is still sent must not cost the next form's jobs anything
        starts = [moment for (moment,) in struct.iter_unpack("d", self._starts.read_bytes())][before:]
        return statistics.median((after - start) * 1e3 for start, after in itertools.pairwise(starts))

    def close(self) -> None:
        """End both processes."""
        self._sending.communicate("")
        self.worker.terminate()
        try:
            self.worker.wait(20)
        except subprocess.TimeoutExpired:
            self.worker.kill()
            self.worker.wait()
        self._log.close()

    def _told(self) -> None:
        assert self._sending.stdout is not None
        if not self._sending.stdout.readline():
            raise SystemExit(f"the process that sends jobs has ended: see {self._log.name}")


def rows(python: Path, url: str, rounds: int) -> list[Row]:
    """Return a row for each runner; none where there is no Redis server here."""
    if shutil.which("redis-server") is None:
        return []
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-runners-") as folder, _redis(Path(folder)) as redis:
        for database, runner in enumerate(RUNNERS):
            with contextlib.ExitStack() as stack:
                jobs: dict[str, Callable[[], float]] = {}
                # Beside langfuse it is measured without a relay.
                forms = FORMS[:2] if runner.has_relay else FORMS
                for form in forms:
                    made = Form(python, runner, form, url, f"{redis}/{database}", Path(folder))
                    stack.callback(made.close)
                    jobs[form] = made.run
                series = interleave(jobs, rounds)
            added = {
                form: [value - alone for value, alone in zip(series[form], series["without"], strict=True)]
                for form in forms[1:]
            }
            what = f"{runner.title}: what recording adds to a job, ms"
            note = f"a job without: {number(statistics.median(series['without']))}"
            if "langfuse" in added:
                flushed = ", flushed" if runner.flushes else ""
                note = f"langfuse's @observe{flushed}: {spread(added['langfuse'])}; {note}"
            found.append(Row(what, added["ours"], note, None, Target(at_most=1, source="issue 17")))
    return found


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """Run a Redis server that keeps nothing, and give its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    try:
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
