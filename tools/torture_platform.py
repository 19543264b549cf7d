"""The platform of the torture: takes reports on raw sockets, answers some of them as a hostile network would.

It joins the reports of a run as the platform does, and writes down each one that arrives: from which process, when, and
whether that process was given a good answer. A report that was answered well and comes again was sent twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import json
import random
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

SENDER = "x-torture-sender"
"""The header in which a process names itself."""
_STATUSES = (500, 502, 503, 504, 520)
_DEEP = b"[" * 2_000 + b"]" * 2_000
_PAGE = b"<html><title>Log in</title><form></form></html>"
_MOMENT = 10.0
THROTTLE_SECONDS = 3


@dataclass
class Delivery:
    """A report that the platform has taken.

    Attributes:
        id: The run.
        digest: Stands for what the report says.
        sender: Which process sent it.
        arrived: When; monotonic seconds, as all times here.
        answered: When the answer was sent.
        is_clean: Whether the sender was told so, in a good answer.
        is_death: Whether it says that the run's process died.
    """

    id: str
    digest: str
    sender: str
    arrived: float
    answered: float
    is_clean: bool
    is_death: bool


@dataclass
class _Request:
    """A request as it came."""

    id: str
    body: dict[str, Any]
    content: bytes
    sender: str
    arrived: float


class Platform:
    """Takes reports in a thread of its own, from `start` to `stop`, as often as wanted, at the same port.

    Args:
        seed: Plays the same faults again; which request they meet is a matter of time.
        share: The share of the requests that are answered badly.
        death: The result of runs whose process died.
    """

    def __init__(self, seed: int, share: float, death: str) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.deliveries: list[Delivery] = []
        self.faults: Counter[str] = Counter()
        self.is_throttling = False
        """Whether all requests are answered with 429, and the advice to come again after THROTTLE_SECONDS."""
        self.throttled: set[str] = set()
        """Which processes were told so."""
        self.down: list[list[float]] = []
        """When each outage began and ended."""
        self._chance = random.Random(f"{seed} faults")
        self._share = share
        self._death = death
        # Held all the time, so that nobody else is given the port during an outage; it never listens.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self._port = int(self._held.getsockname()[1])
        self._connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="platform", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Take reports from now on."""
        self._run(self._start())
        if self.down:
            self.down[-1][1] = time.monotonic()

    def stop(self) -> None:
        """Be gone: nobody listens, and all connections are cut."""
        self.down.append([time.monotonic(), float("inf")])
        self._run(self._stop())

    def close(self) -> None:
        """End the thread."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_MOMENT)
        self._loop.close()
        self._held.close()

    def _run(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_MOMENT)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, backlog=512)

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._connections):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _end(self) -> None:
        await self._stop()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    # --- one connection ---

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request and answer it; return whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        arrived = time.monotonic()
        lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        fault = self._chance.choice(_FAULTS) if self._chance.random() < self._share else None
        if fault == "early answer":
            # Before the body is read, as a gateway does that has enough; then it lingers.
            self.faults[fault] += 1
            writer.write(_answer(503, b'{"detail": "early"}', "Connection: close"))
            await writer.drain()
            await reader.read(65_536)
            return False
        content = await reader.readexactly(int(headers.get("content-length", "0")))
        if not head.startswith("POST ") or not lines[0].endswith("/report_task HTTP/1.1"):
            writer.write(_answer(404, b'{"detail": "no such place"}'))  # a stranger at a port that was another's before
            await writer.drain()
            return True
        body = json.loads(content)
        request = _Request(body["id"], body, content, headers.get(SENDER, ""), arrived)
        if self.is_throttling:
            self.throttled.add(request.sender.rpartition("-")[0])
            writer.write(_answer(429, b'{"detail": "slower"}', f"Retry-After: {THROTTLE_SECONDS}"))
            await writer.drain()
            return True
        if fault is None:
            return await self._good(request, writer, b"")
        self.faults[fault] += 1
        return await self._hostile(fault, request, writer)

    async def _good(self, request: _Request, writer: asyncio.StreamWriter, behind: bytes) -> bool:
        task = self._take(request)
        writer.write(_answer(200, json.dumps(task).encode()) + behind)
        await writer.drain()
        self._note(request, is_clean=True)
        return True

    async def _hostile(self, fault: str, request: _Request, writer: asyncio.StreamWriter) -> bool:
        """Answer badly. Half of what the platform has taken by then, it is asked to take again."""
        if fault == "bytes behind the answer":
            return await self._good(request, writer, b'HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}{"id": "stray"}')
        is_taken = fault in {"half of the answer", "drip"} or self._chance.random() < 0.5
        task = self._take(request) if is_taken else {}
        if is_taken:
            self._note(request, is_clean=False)
        whole = _answer(200, json.dumps(task).encode())
        if fault == "status":
            writer.write(_answer(self._chance.choice(_STATUSES), b'{"detail": "no"}'))
            await writer.drain()
            return True
        if fault == "too many requests":
            writer.write(_answer(429, b'{"detail": "slower"}'))
            await writer.drain()
            return True
        if fault == "reset":
            writer.transport.abort()
            return False
        if fault == "drip":
            for at in range(0, len(whole), 8):
                writer.write(whole[at : at + 8])
                await writer.drain()
                await asyncio.sleep(0.25)
            return False
        if fault == "silence":
            await asyncio.sleep(_MOMENT)
            return False
        writer.write(_BYTES.get(fault) or whole[: len(whole) // 2])
        await writer.drain()
        return False

    def _take(self, request: _Request) -> dict[str, Any]:
        said = {name: value for name, value in request.body.items() if value is not None}
        self.tasks[request.id] = known = {**self.tasks.get(request.id, {}), **said}
        return {
            "id": request.id,
            "agent_id": "torture",
            "organization_id": "org-1",
            "status": "completed" if known.get("is_success", True) else "failed",
            "input": {"text": known.get("input") or ""},
            "created_at": "2026-01-01T00:00:00Z",
            "result": known.get("result"),
        }

    def _note(self, request: _Request, *, is_clean: bool) -> None:
        self.deliveries.append(
            Delivery(
                request.id,
                hashlib.sha256(request.content).hexdigest()[:16],
                request.sender,
                request.arrived,
                time.monotonic(),
                is_clean,
                request.body.get("result") == self._death,
            )
        )


def _answer(status: int, content: bytes, *headers: str) -> bytes:
    lines = (
        f"HTTP/1.1 {status} Torture",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        *headers,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


_BYTES = {
    "a page": _answer(200, _PAGE).replace(b"application/json", b"text/html"),
    "deep JSON": _answer(200, _DEEP),
    "nothing": _answer(200, b""),
    "no HTTP": b"\x00\x01SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 20_000,
    "a broken gzip": _answer(200, gzip.compress(b"{}" * 500)[:20], "Content-Encoding: gzip"),
    "half of the headers": b"HTTP/1.1 200 OK\r\nContent-Type: applic",
    "closed without a word": b"\r\n",
}
_FAULTS = (
    *(("status",) * 6),
    *_BYTES,
    "half of the answer",
    "bytes behind the answer",
    "early answer",
    "reset",
    "too many requests",
    "drip",
    "silence",
)
