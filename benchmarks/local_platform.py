"""Measure the emulator: its page with 1,000 and 100,000 tasks, long lists, and reports a second beside another build.

    python benchmarks/local_platform.py                the page and the lists, as in `make bench`
    python benchmarks/local_platform.py --base REV     reports a second, of that revision and of today's, interleaved

Its Python needs the extra `[emulator]`; the load comes from plain sockets.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Row, Target, as_text, interleave, number, ratios, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
FEW, MANY = 1_000, 100_000
LONGEST_WAIT = 50.0
REPORT = {
    "id": "@",
    "input": "Read invoice 17 and say what it costs",
    "llm_response": {
        "id": "resp-1",
        "model": "gpt",
        "usage": {"prompt_tokens": 100, "completion_tokens": 20},
        "choices": [{"message": {"role": "assistant", "content": "1,240.00 EUR " * 10}}],
    },
    "tokens": {"prompt_tokens": 100, "completion_tokens": 20},
    "is_success": True,
    "result": "1,240.00 EUR",
    "duration": 1.5,
    "used_tools": ["ocr"],
}
FILL = """
import sys
from xpander_facade.emulator._fields import new_task
from xpander_facade.emulator._history import History
from xpander_facade.emulator._store import Store

store, count = Store(sys.argv[1]), int(sys.argv[2])
for start in range(0, count, 5_000):
    with store.transaction():
        for number in range(start, min(start + 5_000, count)):
            task = new_task("org-1", f"agent-{number % 7}", f"run-{number}")
            minute = number // 20
            task["created_at"] = f"2026-11-{minute // 1440 + 1:02}T{minute // 60 % 24:02}:{minute % 60:02}:00Z"
            task["status"] = ("completed", "failed")[number % 9 == 0]
            task["input"]["user"] = {"id": "user-1", "email": "user@example.com"}
            task["input"]["text"] = f"Read invoice {number} of customer {number % 997} and say what it costs"
            task["result"] = f"{number % 4999}.00 EUR. " + "The invoice is paid in thirty days without discount. " * 4
            task["duration"], task["tokens"] = number % 61 / 2, {"total_tokens": number % 4001}
            store.put_task(task)
history = History(store)
while history.index():
    pass
store.close()
"""


@contextlib.contextmanager
def emulator(tree: Path, *options: str) -> Iterator[tuple[int, int]]:
    """Run the emulator of a checkout; yield its port and its process id."""
    command = [sys.executable, "-m", "xpander_facade.emulator", "--port", "0", *options]
    with subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r":(\d+)", process.stdout.readline().removeprefix("http:"))
            if found is None:
                raise SystemExit("the emulator did not start")
            yield int(found[1]), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def reports_a_second(port: int, count: int, connections: int = 8) -> float:
    """Report as fast as the emulator answers, over some connections, each report a new one."""
    template = json.dumps(REPORT).encode()
    head = (
        f"POST /agent-execution/agent-1/report_task HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx-api-key: k\r\n"
        "content-type: application/json\r\naccept: application/json\r\nuser-agent: bench\r\ncontent-length: %d\r\n\r\n"
    ).encode()
    prefix = os.urandom(6).hex().encode()
    sent = done = 0
    waiting: dict[socket.socket, bytes] = {}

    def send(connection: socket.socket) -> None:
        nonlocal sent
        body = template.replace(b"@", b"%s-%07d" % (prefix, sent), 1)
        connection.sendall(head % len(body) + body)
        sent += 1

    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ)
            waiting[connection] = b""
        began = time.perf_counter()
        for connection in waiting:
            send(connection)
        while done < count:
            for key, _ in selector.select(30):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                data = waiting[connection] + connection.recv(262_144)
                answered, _, rest = data.partition(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", answered, re.IGNORECASE)
                if length is None or len(rest) < int(length[1]):
                    waiting[connection] = data
                    continue
                if b" 200 " not in answered[:20]:
                    raise SystemExit(f"a report failed: {data[:200]!r}")
                waiting[connection] = b""
                done += 1
                if sent < count:
                    send(connection)
        took = time.perf_counter() - began
    for connection in waiting:
        connection.close()
    return count / took


def first_byte(connection: http.client.HTTPConnection, path: str) -> float:
    """Return the milliseconds until the first byte of an answer, and read the rest."""
    began = time.perf_counter()
    connection.request("GET", path)
    response = connection.getresponse()
    took = (time.perf_counter() - began) * 1000
    response.read()
    if response.status != 200:
        raise SystemExit(f"{path} was answered {response.status}")
    return took


def memory(pid: int) -> float:
    """Return a process's resident memory in MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def waits_beside_a_list(port: int) -> tuple[list[float], float]:
    """Ask for one task again and again while all are listed; return the waits in ms, and how long the list took (s)."""
    took: list[float] = []
    pieces: list[bytes] = []

    def list_all() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        began = time.perf_counter()
        connection.request("GET", "/agent-execution/executions/history/user/user-1", headers={"x-api-key": "k"})
        response = connection.getresponse()
        while piece := response.read1(65_536):
            pieces.append(piece)
        took.append(time.perf_counter() - began)

    lister = threading.Thread(target=list_all)
    other = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    waits: list[float] = []
    lister.start()
    while lister.is_alive():
        began = time.perf_counter()
        other.request("GET", "/agent-execution/run-1/status", headers={"x-api-key": "k"})
        other.getresponse().read()
        waits.append((time.perf_counter() - began) * 1000)
        time.sleep(0.002)
    lister.join()
    # To parse 50 MB beside the requests would hold up this process's own thread.
    items = json.loads(b"".join(pieces))
    assert len(items) == MANY, len(items)
    return waits, took[0]


def pages(rounds: int) -> list[Row]:
    """Measure the page with few and with many tasks, its memory, and what a long list costs others."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        running: dict[int, tuple[int, int]] = {}
        for count in (FEW, MANY):
            path = f"{folder}/{count}.db"
            subprocess.run([sys.executable, "-c", FILL, path, str(count)], cwd=ROOT, check=True)
            running[count] = stack.enter_context(emulator(ROOT, "--db", path, "--quiet"))
        connections = {count: http.client.HTTPConnection("127.0.0.1", port) for count, (port, _) in running.items()}
        for what, path in (
            ("first page of the history", "/"),
            ("the history by duration", "/_ui/tasks?sort=duration"),
            ("the history of one agent that failed", "/_ui/tasks?agent=agent-3&status=failed"),
            ("the history of a text", "/_ui/tasks?text=invoice+customer"),
        ):
            jobs = {
                str(count): (lambda connection=connection, path=path: first_byte(connection, path))
                for count, connection in connections.items()
            }
            for job in jobs.values():
                job()
            series = interleave(jobs, rounds)
            label = f"{FEW:,} tasks: {spread(series[str(FEW)])}"
            target = Target(at_most=3, source="issue 20")
            compared = ratios(series, str(MANY), str(FEW))
            rows.append(
                Row(f"{what}, {MANY:,} tasks, ms to the first byte", series[str(MANY)], label, compared, target)
            )
        used = {count: memory(pid) for count, (_, pid) in running.items()}
        target = Target(at_most=1.5, source="issue 20")
        label = f"{FEW:,} tasks: {number(used[FEW])}"
        rows.append(Row(f"its memory with {MANY:,} tasks, MB", [used[MANY]], label, [used[MANY] / used[FEW]], target))
        waits, took = waits_beside_a_list(running[MANY][0])
        label = f"{LONGEST_WAIT:g} ms; the list took {took:.1f} s, {len(waits)} others were answered"
        target = Target(at_most=1, source="issue 20")
        compared = [max(waits) / LONGEST_WAIT]
        rows.append(
            Row(f"a request beside a list of {MANY:,} tasks, longest ms", [max(waits)], label, compared, target)
        )
    return rows


def beside(base: str, rounds: int) -> Row:
    """Measure reports a second of another revision and of today's, interleaved."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        archive = subprocess.run(["git", "archive", base], capture_output=True, cwd=ROOT, check=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        has_quiet = "--quiet" in (Path(folder) / "xpander_facade/emulator/__main__.py").read_text(encoding="utf-8")
        old = stack.enter_context(emulator(Path(folder), *(["--quiet"] if has_quiet else [])))
        new = stack.enter_context(emulator(ROOT, "--quiet"))
        jobs = {
            name: (lambda port=port: reports_a_second(port, 1_500))
            for name, (port, _) in (("base", old), ("today", new))
        }
        for job in jobs.values():
            job()
        series = interleave(jobs, rounds)
    label = f"{base}: {spread(series['base'])}"
    target = Target(at_least=2, source="issue 16")
    return Row("emulator, reports a second", series["today"], label, ratios(series, "today", "base"), target)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the emulator.")
    parser.add_argument("--base", metavar="REV", help="compare reports a second with this revision")
    parser.add_argument("--rounds", type=int, default=11, help="rounds of each row (default: 11)")
    arguments = parser.parse_args()
    rows = [beside(arguments.base, arguments.rounds)] if arguments.base else pages(arguments.rounds)
    print(as_text(rows))
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"\n{arguments.rounds} rounds, interleaved; {load}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
