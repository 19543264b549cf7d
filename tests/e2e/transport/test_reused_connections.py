"""When a connection is used again, when it is not, and what a server may say too early."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, configured
from misbehaving import Connection, Request, answer, head, task_answer
from secure import Secure

from xpander_facade import Backend, PayloadTooLargeError, ServerError, Tasks
from xpander_facade._transport import async_pool, pool
from xpander_facade._transport.pool import MAX_IDLE, idle_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from misbehaving import Misbehaving, Script

    Start = Callable[..., Misbehaving]

TASK = {"agent_id": "a", "organization_id": "o", "input": {}, "created_at": "2026-01-02T03:04:05Z"}
LARGE = "x" * 6_000_000


class Collecting:
    def __init__(self, parts: list[bytes]) -> None:
        self.send = parts.append


class At:
    def __init__(self, url: str) -> None:
        self.url = url


def with_bytes_behind(extra: bytes, script: Script) -> Script:
    def play(connection: Connection, request: Request) -> bool:
        parts: list[bytes] = []
        goes_on = script(Collecting(parts), request)
        connection.send(b"".join(parts) + extra)  # at once: what comes later than the next request is its response
        return goes_on

    return play


@pytest.fixture(params=["plain", "tls"])
def start(request: pytest.FixtureRequest, misbehave: Start) -> Iterator[Start]:
    """Start a server that speaks plain http, and in another run of the test TLS."""
    if request.param == "plain":
        yield misbehave
        return
    running: list[Misbehaving] = []

    def begin(*scripts: Script, otherwise: Script | None = None) -> Misbehaving:
        running.append(Secure(*scripts, otherwise=otherwise))
        return running[-1].__enter__()

    yield begin
    for server in running:
        server.__exit__(None, None, None)


def creating(call: Caller, backend: Backend, times: int) -> list[str]:
    """Create tasks one after the other, the async way in one event loop."""
    if call.way == "sync":
        return [backend.invoke_agent("a", prompt="x").id for _ in range(times)]

    async def main() -> list[str]:
        return [(await backend.ainvoke_agent("a", prompt="x")).id for _ in range(times)]

    return asyncio.run(main())


@pytest.mark.parametrize("extra", [b"\r\n", b"\r\n\r\n", b"garbage", head(500, {"Content-Length": "0"})])
def test_bytes_behind_a_response_cost_no_call(call: Caller, start: Start, extra: bytes):
    server = start(otherwise=with_bytes_behind(extra, task_answer(status="pending")))
    backend = Backend(configured(server, verify=False, max_retries=0))
    assert creating(call, backend, 6) == ["task_1"] * 6
    assert len(server.requests) == 6


def test_a_chunked_response_with_bytes_behind_it_costs_no_call(call: Caller, misbehave: Start):
    def chunked(connection: Connection, request: Request) -> bool:
        parts: list[bytes] = []
        task_answer(status="pending")(Collecting(parts), request)
        body = b"".join(parts).partition(b"\r\n\r\n")[2]
        connection.send(head(200, {"Transfer-Encoding": "chunked"}) + b"%x\r\n%s\r\n0\r\n\r\n\r\n" % (len(body), body))
        return True

    server = misbehave(otherwise=chunked)
    assert creating(call, Backend(configured(server)), 4) == ["task_1"] * 4
    assert len(server.requests) == 4


def test_a_clean_connection_is_used_again(call: Caller, start: Start):
    server = start(otherwise=task_answer())
    creating(call, Backend(configured(server, verify=False)), 4)
    assert len(server.connections) == 1


def answers_before_it_reads(status: int, lingers: bool) -> Script:
    """Answer as a gateway does: before the body is read, closing its side, and reading on for a while, or not."""

    def serve(connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(1_024)
        body = b'{"detail": "no"}'
        connection.sendall(head(status, {"Content-Length": str(len(body)), "Connection": "close"}) + body)
        if lingers:
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
        else:
            time.sleep(30)

    return serve


@pytest.fixture(params=["plain", "tls"])
def gateway(request: pytest.FixtureRequest) -> Iterator[Callable[[int, bool], str]]:
    """A server on a socket with a small buffer, so that a large request does not fit in."""
    import contextlib
    import threading

    from secure import server_context

    listeners: list[socket.socket] = []

    def begin(status: int, lingers: bool) -> str:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        listeners.append(listener)
        serve: Any = answers_before_it_reads(status, lingers)

        def work(connection: socket.socket) -> None:
            with contextlib.suppress(OSError):
                if request.param == "tls":
                    connection = server_context().wrap_socket(connection, server_side=True)
                with connection:
                    serve(connection)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=work, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"{'https' if request.param == 'tls' else 'http'}://127.0.0.1:{listener.getsockname()[1]}"

    yield begin
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize("lingers", [True, False], ids=["closes its side", "stops reading"])
@pytest.mark.parametrize(("status", "error"), [(413, PayloadTooLargeError), (503, ServerError)])
def test_a_response_before_the_request_was_read_is_a_response(
    call: Caller, gateway: Callable[[int, bool], str], status: int, error: type[Exception], lingers: bool
):
    url = gateway(status, lingers)
    backend = Backend(
        configured(At(url), agent_id="a", verify=False, timeout=8, deadline=20, max_field_bytes=9_000_000)
    )
    began = time.monotonic()
    with pytest.raises(error):
        call(backend, "report_external_task", id="x", input=LARGE)
    assert time.monotonic() - began < 6


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", MAX_IDLE),
        ("timeout=5", 4.0),
        ("timeout=60", MAX_IDLE),
        ("max=100, timeout=3", 2.0),
        ("Timeout = 2 , max=5", 1.0),
        ('timeout="2"', 1.0),
        ("timeout=1", 0.5),
        ("timeout=0", 0.0),
        ("timeout=soon", MAX_IDLE),
        ("timeout=" + "9" * 5_000, MAX_IDLE),
        ("=", MAX_IDLE),
    ],
)
def test_an_idle_connection_ends_before_the_server_closes_it(value: str, seconds: float):
    assert idle_seconds({"keep-alive": value}) == seconds
    assert MAX_IDLE < 5  # what uvicorn and Node allow


def test_a_server_that_says_when_it_closes_gets_a_new_connection_before(call: Caller, misbehave: Start):
    def soon(connection: Connection, request: Request) -> bool:
        return answer(200, {"id": "t"} | TASK, {"Keep-Alive": "timeout=1"})(connection, request)

    server = misbehave(otherwise=soon)
    tasks = Tasks(configured(server))
    if call.way == "sync":
        tasks.get("t")
        time.sleep(0.6)
        tasks.get("t")
    else:

        async def main() -> None:
            await tasks.aget("t")
            await asyncio.sleep(0.6)
            await tasks.aget("t")

        asyncio.run(main())
    assert len(server.connections) == 2


class Later:
    """A clock that is a number of seconds ahead of the real one."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.mark.parametrize(
    ("keep_alive", "idle"),
    [({}, 4.9), ({"Keep-Alive": "timeout=2"}, 1.9), ({"Keep-Alive": "timeout=1, max=9"}, 0.9)],
    ids=["the usual 5 s", "2 s", "1 s"],
)
def test_no_task_is_lost_at_the_very_moment_of_a_close(
    call: Caller, misbehave: Start, monkeypatch: pytest.MonkeyPatch, keep_alive: dict[str, str], idle: float
):
    """The server closes as the request arrives, so that nobody knows whether it was taken."""
    clock = Later()
    for module in (pool, async_pool):
        monkeypatch.setattr(module, "time", clock)
    served: set[int] = set()

    def closes_when_asked_again(connection: Connection, request: Request) -> bool:
        if connection.number in served:
            return False
        served.add(connection.number)
        return answer(200, {"id": "t"} | TASK, keep_alive)(connection, request)

    server = misbehave(otherwise=closes_when_asked_again)
    tasks = Tasks(configured(server, agent_id="a"))

    async def main() -> None:
        for _ in range(4):
            await tasks.acreate(prompt="x")
            clock.ahead += idle

    if call.way == "async":
        asyncio.run(main())
    else:
        for _ in range(4):
            tasks.create(prompt="x")
            clock.ahead += idle
    assert len(server.requests) == len(server.connections) == 4
