"""A platform that counts: a process of its own, which keeps the bodies of reports by id.

    python counting.py

Prints its port, and runs until its standard input ends. GET gives what it has.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"HTTP/1.1 %d OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"


class Platform:
    """The platform as the tests see it.

    Args:
        url: Where it is.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=60) as answer:
            return json.load(answer)

    def requests(self) -> int:
        """Return how many reports have come."""
        return int(self._get("count"))

    def runs(self) -> dict[str, dict[str, Any]]:
        """Return the last body of each run by its id."""
        found: dict[str, dict[str, Any]] = self._get("runs")
        return found

    def refuse(self, status: int, after: int = 0) -> None:
        """Answer with a status from the so-manieth report on."""
        self._get(f"refuse/{status}/{after}")


@contextlib.contextmanager
def counting() -> Iterator[Platform]:
    """Run a platform that counts."""
    process = subprocess.Popen(
        [sys.executable, Path(__file__)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield Platform(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.communicate("", timeout=30)


class _Connection(asyncio.Protocol):
    runs: dict[str, Any] = {}  # noqa: RUF012 (one for all connections)
    count = 0
    status = 200
    after = 0

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"\r\ncontent-length:")
            length = 0 if at < 0 else int(head[at + 17 :].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            target = head.split(b" ", 2)[1].decode()
            self.buffer = self.buffer[end + 4 + length :]
            status, answer = _answer(target, body)
            content = json.dumps(answer).encode()
            self.transport.write(HEAD % (status, len(content), content))


def _answer(target: str, body: bytes) -> tuple[int, Any]:
    if not body:
        if target.startswith("/refuse/"):
            _Connection.status, _Connection.after = map(int, target.split("/")[2:])
            return 200, None
        return 200, _Connection.count if target == "/count" else _Connection.runs
    report = json.loads(body)
    _Connection.count += 1
    if _Connection.status != 200 and _Connection.count > _Connection.after:
        return _Connection.status, {"detail": "no"}
    _Connection.runs[report["id"]] = report
    return 200, {"id": report["id"], "status": "completed", "agent_id": "agent-1", "organization_id": "org-1"}


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()

    def wait() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
