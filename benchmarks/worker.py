"""One candidate in a process of its own: takes jobs as JSON lines, answers each with what it measured.

    python worker.py CANDIDATE URL

A candidate is a module in `candidates/` with some of these functions; each gets the sink's URL:
`report(url)` and `areport(url)` return a function that reports once and returns what it made of the answer;
`events(url, task_id)` and `aevents(url, task_id)` give the data of a stream's events; `decode()` returns a function
that makes a Task of JSON bytes; `enqueue(url)` returns two functions: one hands a run over and returns at once, the
other waits until all are sent; `drain(url)` does so with settings of the outbox, `drain_with_others(url, path)` in a
file that other processes share; `record(url)` does so with a recorded block; `wait_on_disk(url)` returns a function
that stores a report for a platform that is down; `many(url, at_once)` and `amany(url, at_once)` return one that sends
so many reports; `reader()` returns a function that reads a response's usage, `writer()` one that makes JSON of any
object.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import tracemalloc
from typing import TYPE_CHECKING, Any

import objects
from payload import TASK, TASK_JSON

if TYPE_CHECKING:
    from collections.abc import Iterator

HELPER = """
import sys
from candidates.facade import drain_with_others

hand_over, settle, close = drain_with_others(*sys.argv[1:])
hand_over()
settle()
print("ready", flush=True)
for _ in sys.stdin:
    settle()
close()
"""
"""What a process does that sends along with another one, once it has sent one, as that one has."""


@contextlib.contextmanager
def unpinned() -> Iterator[None]:
    """Let this thread, and the threads and processes that it starts, use each core."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def rss() -> float:
    """Resident memory in MB."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


class Worker:
    def __init__(self, candidate: str, url: str) -> None:
        self.module = importlib.import_module(f"candidates.{candidate}")
        self.url = url
        self.runner: asyncio.Runner | None = None
        self.made: dict[str, Any] = {}

    def made_by(self, name: str) -> Any:
        if name not in self.made:
            self.made[name] = getattr(self.module, name)(self.url)
        return self.made[name]

    def check(self, answer: Any) -> None:
        """Refuse to measure a call that does not do its work."""
        found = answer["id"] if isinstance(answer, dict) else answer.id
        if found != TASK["id"]:
            raise RuntimeError(f"this is not the sink's task: {found!r}")

    def run(self, coroutine: Any) -> Any:
        if self.runner is None:
            self.runner = asyncio.Runner()
        return self.runner.run(coroutine)

    def calls(self, count: int) -> float:
        """Return microseconds per call, one after the other."""
        call = self.made_by("report")
        self.check(call())
        began = time.perf_counter()
        for _ in range(count):
            call()
        return (time.perf_counter() - began) / count * 1e6

    def added(self, name: str, count: int, quantile: float) -> float:
        """Return milliseconds that a call adds to a handler that works for 2 ms, at a quantile of all calls."""
        call, _ = self.made_by(name)
        alone: list[float] = []
        recorded: list[float] = []
        for _ in range(count):
            began = time.perf_counter()
            time.sleep(0.002)
            between = time.perf_counter()
            time.sleep(0.002)
            call()
            alone.append(between - began)
            recorded.append(time.perf_counter() - between)
        self.made["latencies"] = sorted(alone), sorted(recorded)
        return self.added_again(name, count, quantile)

    def added_again(self, name: str, count: int, quantile: float) -> float:
        """Return another quantile of the calls that `added` has made last."""
        alone, recorded = self.made["latencies"]
        at = min(len(alone) - 1, round(quantile * len(alone)))
        return (recorded[at] - alone[at]) * 1e3

    def longest(self, name: str, count: int) -> float:
        """Return the seconds of the longest of some calls, one after the other."""
        call, _ = self.made_by(name)
        longest = 0.0
        for _ in range(count):
            began = time.perf_counter()
            call()
            longest = max(longest, time.perf_counter() - began)
        return longest

    def threads(self, count: int, threads: int) -> float:
        """Return calls per second of threads that share one client."""
        call = self.made_by("report")
        self.check(call())
        share = count // threads
        gate = threading.Barrier(threads + 1)
        done: list[int] = []

        def work() -> None:
            gate.wait()
            for _ in range(share):
                call()
            done.append(share)

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        gate.wait()
        began = time.perf_counter()
        for worker in workers:
            worker.join()
        took = time.perf_counter() - began
        if sum(done) != share * threads:
            raise RuntimeError("calls failed")
        return sum(done) / took

    def acalls(self, count: int, at_once: int) -> float:
        """Return calls per second with so many in flight on one loop."""
        return self.run(self._acalls(count, at_once))

    async def _acalls(self, count: int, at_once: int) -> float:
        call = self.made_by("areport")
        self.check(await call())
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                await call()

        began = time.perf_counter()
        await asyncio.gather(*[work() for _ in range(at_once)])
        return count / (time.perf_counter() - began)

    def many(self, count: int, at_once: int, delay: int = 0) -> float:
        """Return reports per second of one call that sends many, each of which is answered after so many ms."""
        send = self.made_to_send_many("many", at_once, delay)
        began = time.perf_counter()
        send(count)
        return count / (time.perf_counter() - began)

    def amany(self, count: int, at_once: int, delay: int = 0) -> float:
        """Return reports per second of one call that sends many on a loop."""
        send = self.made_to_send_many("amany", at_once, delay)
        began = time.perf_counter()
        self.run(send(count))
        return count / (time.perf_counter() - began)

    def made_to_send_many(self, name: str, at_once: int, delay: int) -> Any:
        key = f"{name} {at_once} {delay}"
        if key not in self.made:
            url = f"{self.url}/delayed-{delay}" if delay else self.url
            self.made[key] = getattr(self.module, name)(url, at_once)
        return self.made[key]

    def decode(self, count: int) -> float:
        """Return microseconds per Task from its JSON bytes."""
        decode = self.module.decode()
        self.check(decode(TASK_JSON))
        began = time.perf_counter()
        for _ in range(count):
            decode(TASK_JSON)
        return (time.perf_counter() - began) / count * 1e6

    def events(self, task_id: str) -> float:
        """Return events per second of a burst, to its end."""
        began = time.perf_counter()
        count = sum(1 for _ in self.module.events(self.url, task_id))
        return self.rate(count, task_id, time.perf_counter() - began)

    def aevents(self, task_id: str) -> float:
        """Return events per second of a burst, to its end."""

        async def drain() -> float:
            began = time.perf_counter()
            count = 0
            async for _ in self.module.aevents(self.url, task_id):
                count += 1
            return self.rate(count, task_id, time.perf_counter() - began)

        return self.run(drain())

    def rate(self, count: int, task_id: str, seconds: float) -> float:
        if count != int(task_id.split("-")[1]):
            raise RuntimeError(f"{count} events arrived")
        return count / seconds

    def first_event(self, task_id: str) -> float:
        """Return milliseconds from the sending of a stream's first event to its arrival at the caller."""
        stream = self.module.events(self.url, task_id)
        data = next(stream)
        took = (time.monotonic_ns() - int(data)) / 1e6
        stream.close()
        return took

    def afirst_event(self, task_id: str) -> float:
        """Return milliseconds from the sending of a stream's first event to its arrival at the caller."""

        async def first() -> float:
            stream = self.module.aevents(self.url, task_id)
            data = await anext(stream)
            took = (time.monotonic_ns() - int(data)) / 1e6
            await stream.aclose()
            return took

        return self.run(first())

    def enqueue(self, count: int) -> float:
        """Return the median microseconds of handing a run over."""
        return self.handed_over("enqueue", count)

    def record(self, count: int) -> float:
        """Return the median microseconds of a recorded block, whose report goes to disk."""
        return self.handed_over("record", count)

    def handed_over(self, way: str, count: int) -> float:
        hand_over, settle = self.made_by(way)
        took: list[float] = []
        for _ in range(count):
            began = time.perf_counter()
            hand_over()
            took.append(time.perf_counter() - began)
        settle()
        return statistics.median(took) * 1e6

    def drain(self, count: int, delay: int = 0, **settings: Any) -> float:
        """Return reports per second, from the first that is handed over to the last that is answered.

        Args:
            count: How many reports.
            delay: Milliseconds that each answer takes.
            settings: Settings of the outbox.
        """
        key = f"drain {delay} {settings}"
        if key not in self.made:
            self.made[key] = self.module.drain(f"{self.url}/delayed-{delay}" if delay else self.url, **settings)
        hand_over, settle = self.made[key]
        began = time.perf_counter()
        for _ in range(count):
            hand_over()
        settle()
        return count / (time.perf_counter() - began)

    def shared_drain(self, count: int, processes: int, *, all_cores: bool) -> float:
        """Return reports per second of some processes that send what one of them leaves in a file.

        Args:
            count: How many reports.
            processes: How many processes.
            all_cores: Whether they may use each core; else they share the clients'.
        """
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, contextlib.ExitStack() as stack:
            if all_cores:
                stack.enter_context(unpinned())
            path = os.path.join(folder, "runs.db")
            hand_over, settle, close = self.module.drain_with_others(self.url, path)
            hand_over()
            settle()
            others: list[subprocess.Popen[str]] = []
            for _ in range(processes - 1):
                command = [sys.executable, "-c", HELPER, self.url, path]
                other = subprocess.Popen(
                    command, cwd=os.path.dirname(__file__), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
                others.append(stack.enter_context(other))
                assert other.stdout is not None
                other.stdout.readline()
            began = time.perf_counter()
            for _ in range(count):
                hand_over()
            for other in others:
                assert other.stdin is not None
                other.stdin.write("flush\n")
                other.stdin.flush()
            settle()
            took = time.perf_counter() - began
            for other in others:
                assert other.stdin is not None
                other.stdin.close()
            close()
            return count / took

    def waiting_memory(self, count: int) -> float:
        """Return resident MB after so many more reports went to wait."""
        store = self.made_by("wait_on_disk")
        for _ in range(count):
            store()
        return rss()

    def usage(self, count: int) -> float:
        """Return microseconds of reading a known response: the median of all."""
        read = self.module.reader()
        took: list[float] = []
        for response in objects.known():
            if read(response) is None:
                raise RuntimeError("a known response tells nothing")
            began = time.perf_counter()
            for _ in range(count):
                read(response)
            took.append((time.perf_counter() - began) / count)
        return statistics.median(took) * 1e6

    def reading(self, measure: str) -> float:
        """Return the most milliseconds, or MB, that reading a hostile object takes."""
        return self.worst(self.module.reader(), objects.hostile(), measure)

    def writing(self, measure: str) -> float:
        """Return the most milliseconds or MB that writing a graph of objects as JSON takes, or the MB of the JSON."""
        return self.worst(self.module.writer(), objects.graphs(), measure)

    def worst(self, work: Any, things: dict[str, Any], measure: str) -> float:
        found: list[float] = []
        for thing in things.values():
            if measure == "memory":
                tracemalloc.start()
            began = time.perf_counter()
            done = work(thing)
            took = (time.perf_counter() - began) * 1e3
            if measure == "memory":
                found.append(tracemalloc.get_traced_memory()[1] / 1e6)
                tracemalloc.stop()
            else:
                found.append(took if measure == "time" else len(json.dumps(done)) / 1e6)
        return max(found)

    def memory(self, count: int) -> float:
        """Return resident MB after so many more reports."""
        call = self.made_by("report")
        self.check(call())
        for _ in range(count):
            call()
        return rss()


def main() -> None:
    # What a candidate prints belongs on stderr; stdout carries the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    worker = Worker(*sys.argv[1:3])
    for line in sys.stdin:
        job = json.loads(line)
        name = job.pop("do")
        try:
            answer = getattr(worker, name)(**job)
        except Exception as error:
            traceback.print_exc()
            answer = {"failed": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
    # What a candidate left open is not tidied up: that would only print.
    os._exit(0)


if __name__ == "__main__":
    main()
