"""A platform for `soak_backfill`: it counts the runs that it takes, and fails at a share of the requests.

    python tools/soak_backfill_sink.py SHARE SEED

Prints its port, runs until its standard input ends, and prints what it has counted as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
from typing import Any, cast

FAULTS = ("refused", "lost", "cut before", "cut after")
ANSWER = json.dumps({"id": "%s", "status": "completed", "agent_id": "soak", "organization_id": "org-1"})
HEAD = b"HTTP/1.1 %d OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"


class Counts:
    """What has arrived.

    Args:
        share: The share of requests that fail.
        seed: Draws which.
    """

    def __init__(self, share: float, seed: int) -> None:
        self.random = random.Random(seed)
        self.share = share
        self.runs: dict[int, set[str]] = {}
        self.requests = self.faults = self.again = self.changed = self.taken_and_failed = 0

    def take(self, body: dict[str, Any]) -> None:
        """Note a run by what its row says."""
        number = int(body["input"].removeprefix("question "))
        ids = self.runs.setdefault(number, set())
        self.again += body["id"] in ids
        ids.add(body["id"])
        wanted = (f"answer {number} " + "x" * (number % 200), number % 7 / 2, number % 1_000)
        self.changed += (body["result"], body["duration"], body["tokens"]["prompt_tokens"]) != wanted

    def answer(self, body: dict[str, Any]) -> bytes | None:
        """Take a run or fail, and return what to answer; None cuts the connection."""
        self.requests += 1
        fault = self.random.choice(FAULTS) if self.random.random() < self.share else None
        self.faults += fault is not None
        if fault in {None, "lost", "cut after"}:
            self.take(body)
        self.taken_and_failed += fault in {"lost", "cut after"}
        if fault in {"cut before", "cut after"}:
            return None
        if fault is not None:
            return HEAD % (503, 2, b"{}")
        content = (ANSWER % body["id"]).encode()
        return HEAD % (200, len(content), content)

    def told(self) -> dict[str, Any]:
        """Return the counts."""
        names = ("requests", "faults", "again", "changed", "taken_and_failed")
        return {name: getattr(self, name) for name in names} | {"runs": {n: len(ids) for n, ids in self.runs.items()}}


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer the requests that are whole."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"\r\ncontent-length:")
            length = int(head[at + 17 :].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return
            body = json.loads(self.buffer[end + 4 : end + 4 + length])
            self.buffer = self.buffer[end + 4 + length :]
            answer = self.counts.answer(body)
            if answer is None:
                self.transport.abort()
                return
            self.transport.write(answer)


async def serve(counts: Counts) -> None:
    """Answer until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(counts), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()

    def wait() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    counted = Counts(float(sys.argv[1]), int(sys.argv[2]))
    asyncio.run(serve(counted))
    print(json.dumps(counted.told()))
