"""A sink on loopback: answers every request with one full Task, and streams events. Fast, so that it is no bottleneck.

Prints its port, and runs until its standard input ends.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import threading
import time
from typing import cast

from payload import TASK_JSON, burst, event

ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nserver: sink\r\ndate: Sat, 21 Nov 2026 05:00:00 GMT\r\n"
    b"x-request-id: 0b9c4f1e\r\ncontent-length: %d\r\n\r\n%s" % (len(TASK_JSON), TASK_JSON)
)
STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
CHUNK = 16_384
DELAYED = b"/delayed-"
"""How the paths begin that are answered so many ms later: a base URL may have a path."""


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self.buffer = b""
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self.tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end].lower()
            at = head.find(b"\r\ncontent-length:")
            length = 0 if at < 0 else int(head[at + 17 :].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return
            target = self.buffer.split(b" ", 2)[1]
            self.buffer = self.buffer[end + 4 + length :]
            if target.partition(b"?")[0].endswith(b"/events"):
                task = asyncio.get_running_loop().create_task(self.stream(target))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            elif target.startswith(DELAYED):
                seconds = int(target.removeprefix(DELAYED).split(b"/", 1)[0]) / 1000
                asyncio.get_running_loop().call_later(seconds, self.transport.write, ANSWER)
            else:
                self.transport.write(ANSWER)

    async def stream(self, target: bytes) -> None:
        task_id = target.split(b"/")[-2].decode()
        kind, count, *gap = task_id.split("-")
        self.transport.write(STREAM)
        if kind == "paced":
            for _ in range(int(count)):
                await asyncio.sleep(int(gap[0]) / 1000)
                self.write(event(task_id, "chunk", str(time.monotonic_ns())))
            self.write(burst(task_id, 1, with_ids=False))
        else:
            self.transport.writelines(whole_burst(task_id, int(count), kind == "burstids"))
        self.transport.write(b"0\r\n\r\n")

    def write(self, data: bytes) -> None:
        self.transport.write(chunked(data))


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@functools.cache
def whole_burst(task_id: str, count: int, with_ids: bool) -> list[bytes]:
    frames = burst(task_id, count, with_ids=with_ids)
    return [chunked(frames[start : start + CHUNK]) for start in range(0, len(frames), CHUNK)]


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve())
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())
