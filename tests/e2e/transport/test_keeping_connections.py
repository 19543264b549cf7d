"""Connections that must not be used again: closed ones, and ones that hold what nobody asked for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from xpander_facade import Backend, Configuration, ModuleException, ServerError, Tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TASK = {"agent_id": "a", "organization_id": "o", "input": {}, "created_at": "2026-01-02T03:04:05Z"}


@pytest.fixture(params=["sync", "async"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def head(body: bytes, extra: str = "", version: str = "HTTP/1.1") -> bytes:
    return f"{version} 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{extra}\r\n".encode()


def ask(way: str, tasks: Tasks) -> list[str]:
    """Load four tasks one after the other, the async way in one event loop."""
    ids = ["t0", "t1", "t2", "t3"]
    if way == "sync":
        return [tasks.get(task_id).id for task_id in ids]

    async def main() -> list[str]:
        return [(await tasks.aget(task_id)).id for task_id in ids]

    return asyncio.run(main())


def task(task_id: str) -> bytes:
    return json.dumps({**TASK, "id": task_id}).encode()


class Server:
    """Answers each request of each connection with what a function makes of its path; counts the connections."""

    def __init__(self, reply: Callable[[str], tuple[bytes, bool]]) -> None:
        self.reply = reply
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):
            pending = b""
            while True:
                while b"\r\n\r\n" not in pending:
                    chunk = connection.recv(65536)
                    if not chunk:
                        return
                    pending += chunk
                request, _, pending = pending.partition(b"\r\n\r\n")
                answer, goes_on = self.reply(request.split(b" ", 2)[1].decode())
                connection.sendall(answer)
                if not goes_on:
                    return


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[str], tuple[bytes, bool]]], Server]]:
    servers: list[Server] = []

    def start(reply: Callable[[str], tuple[bytes, bool]]) -> Server:
        servers.append(Server(reply))
        return servers[-1]

    yield start
    for server in servers:
        server.listener.close()


def id_in(path: str) -> str:
    return path.split("/")[2]


def asking(server: Server, **limits: Any) -> Tasks:
    return Tasks(Configuration(api_key="a-key-of-eight", base_url=server.url, organization_id="o", **limits))


@pytest.mark.parametrize(
    ("extra", "version"), [("connection: close\r\n", "HTTP/1.1"), ("", "HTTP/1.0")], ids=["close", "http 1.0"]
)
def test_a_server_that_closes_after_each_answer_is_asked_over_a_new_connection(
    extra: str, version: str, way: str, serve: Any
):
    server = serve(lambda path: (head(task(id_in(path)), extra, version) + task(id_in(path)), False))
    tasks = asking(server, max_retries=0)
    assert ask(way, tasks) == ["t0", "t1", "t2", "t3"]
    assert server.connections == 4


def test_a_server_that_keeps_its_connections_is_asked_over_one(way: str, serve: Any):
    server = serve(lambda path: (head(task(id_in(path))) + task(id_in(path)), True))
    tasks = asking(server)
    assert ask(way, tasks) == ["t0", "t1", "t2", "t3"]
    assert server.connections == 1


def test_an_answer_that_nobody_asked_for_is_given_to_nobody(way: str, serve: Any):
    foreign = head(task("foreign")) + task("foreign")
    server = serve(lambda path: (head(task(id_in(path))) + task(id_in(path)) + foreign, True))
    tasks = asking(server)
    assert ask(way, tasks) == ["t0", "t1", "t2", "t3"]


def test_the_raw_client_shows_no_key_and_raises_our_error_for_a_status_that_no_standard_knows(serve: Any):
    from xpander_api.api.tasks import get_task

    body = b"<html>a gateway</html>"
    answer = f"HTTP/1.1 520 Strange\r\ncontent-type: text/html\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    server = serve(lambda path: (answer, True))
    backend = Backend(Configuration(api_key="a-key-of-eight", base_url=server.url))
    assert "a-key-of-eight" not in repr(backend.api)
    with pytest.raises(ServerError) as caught, backend.api as client:
        get_task.sync_detailed("t", client=client)
    assert isinstance(caught.value, ModuleException)
    assert caught.value.status_code == 520
