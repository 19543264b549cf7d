"""Reaching a host: dead addresses, name servers that say nothing, and loops that nobody closes."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, configured, run_python
from misbehaving import task_answer

from xpander_facade import APIConnectionError, Backend, ConfigurationError, ModuleException, Tasks
from xpander_facade._transport import routing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from misbehaving import Misbehaving

    Start = Callable[..., Misbehaving]


@pytest.fixture
def hole() -> Iterator[Callable[[str, int], None]]:
    """Let connecting to an address of this machine hang, as to a host that drops packets: its backlog is full."""
    kept: list[socket.socket] = []

    def dig(address: str, port: int) -> None:
        listener = socket.socket()
        kept.append(listener)
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            waiting = socket.socket()
            kept.append(waiting)
            waiting.setblocking(False)
            waiting.connect_ex((address, port))

    yield dig
    for one in kept:
        one.close()


def names(monkeypatch: pytest.MonkeyPatch, known: dict[str, list[str] | Callable[[], Any]]) -> None:
    """Give names these addresses, in this order, or let their resolution do something else."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        found = known.get(name)
        if found is None:
            return real(host, port, *args, **kwargs)
        if callable(found):
            return found()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def at(server: Misbehaving, name: str, **given: Any) -> Any:
    return configured(server, base_url=f"http://{name}:{server.port}", allow_insecure_http=True, agent_id="a", **given)


def test_a_dead_first_address_costs_a_moment(call: Caller, misbehave: Start, hole: Any, monkeypatch: Any):
    server = misbehave(otherwise=task_answer())
    hole("127.0.0.9", server.port)
    names(monkeypatch, {"dual.test": ["127.0.0.9", "127.0.0.1"]})
    began = time.monotonic()
    assert call(Tasks(at(server, "dual.test")), "get", "task_1").id == "task_1"
    assert time.monotonic() - began < routing.CONNECT_TIMEOUT / 2
    assert len(server.connections) == 1


def test_a_first_address_that_refuses_costs_nothing(call: Caller, misbehave: Start, monkeypatch: Any):
    server = misbehave(otherwise=task_answer())
    names(monkeypatch, {"dual.test": ["127.0.0.9", "127.0.0.1"]})  # nobody listens at the first
    assert call(Tasks(at(server, "dual.test")), "get", "task_1").id == "task_1"


def test_where_all_addresses_refuse_the_error_says_so(call: Caller, misbehave: Start, monkeypatch: Any):
    server = misbehave(otherwise=task_answer())
    names(monkeypatch, {"dead.test": ["127.0.0.8", "127.0.0.9"]})
    with pytest.raises(APIConnectionError, match="could not connect"):
        call(Tasks(at(server, "dead.test")), "get", "task_1")


def test_several_dead_addresses_stay_within_the_deadline(call: Caller, misbehave: Start, hole: Any, monkeypatch: Any):
    server = misbehave(otherwise=task_answer())
    dead = [f"127.0.0.{number}" for number in (31, 32, 33, 34)]
    for address in dead:
        hole(address, server.port)
    names(monkeypatch, {"many.test": dead})
    began = time.monotonic()
    with pytest.raises(APIConnectionError):
        call(Tasks(at(server, "many.test", deadline=1)), "get", "task_1")
    assert time.monotonic() - began < 2.5


def test_a_name_server_that_says_nothing_delays_neither_the_call_nor_the_end_of_the_loop(
    call: Caller, misbehave: Start, monkeypatch: Any
):
    def wait_long() -> Any:
        time.sleep(8)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    server = misbehave(otherwise=task_answer())
    names(monkeypatch, {"slow.test": wait_long})
    began = time.monotonic()
    with pytest.raises(APIConnectionError):
        call(Tasks(at(server, "slow.test", deadline=1)), "get", "task_1")
    assert time.monotonic() - began < 4  # asyncio.run included


def test_an_async_call_without_asyncio_is_a_configuration_error_that_names_the_remedy(misbehave: Start):
    server = misbehave(otherwise=task_answer())
    backend = Backend(configured(server, agent_id="a"))
    for coroutine in (
        backend.areport_external_task(id="run-1"),
        Tasks(backend.configuration).aget("task_1"),
        backend.aclose(),
    ):
        # As an event loop that is not one of asyncio's drives it.
        with pytest.raises(ConfigurationError, match="asyncio"):
            coroutine.send(None)
    assert server.requests == []


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts the descriptors in /proc")
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio's own, of a loop that nobody closes
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_loops_that_nobody_closes_are_collected_with_their_connections(misbehave: Start):
    server = misbehave(otherwise=task_answer())
    tasks = Tasks(configured(server))

    def job() -> None:
        asyncio.new_event_loop().run_until_complete(tasks.aget("task_1"))

    job()
    gc.collect()
    before = open_files()
    for _ in range(20):
        job()
    gc.collect()
    # The server, in this process, sees the ends of its connections a moment later.
    assert server.wait_for(lambda: server.open == 0)
    assert open_files() <= before + 4


LATE = """
    import asyncio, atexit, sys, threading
    from xpander_facade import Backend, Configuration

    backend = Backend(Configuration(
        api_key="key-1", base_url=sys.argv[1], agent_id="a", redact=lambda field, text: text
    ))

    async def late():
        print((await backend.areport_external_task(id="late", result="y" * 300_000)).id, flush=True)

    def work():
        if sys.argv[2] == "thread":
            threading.main_thread().join()
        asyncio.run(late())

    asyncio.run(backend.areport_external_task(id="early"))
    if sys.argv[2] == "thread":
        threading.Thread(target=work).start()
    else:
        atexit.register(work)
"""


@pytest.mark.parametrize("where", ["thread", "atexit"])
def test_async_calls_need_no_thread_pool_after_the_end_of_the_main_thread(misbehave: Start, where: str):
    server = misbehave(otherwise=task_answer())
    named = f"http://localhost:{server.port}"  # whose resolution takes a thread
    assert run_python(LATE, named, where) == "late\n"
    assert len(server.requests) == 2


def test_a_proxys_connection_to_an_ipv6_platform_has_brackets(call: Caller, misbehave: Start, monkeypatch: Any):
    asked: list[str] = []

    def record(connection: Any, request: Any) -> bool:
        asked.append(f"{request.method} {request.target}")
        return False

    server = misbehave(otherwise=record)
    for scheme in ("https", "http"):
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", server.url)
        with pytest.raises(ModuleException):
            call(Tasks(configured(server, base_url=f"{scheme}://[fd00::1]:8443", allow_insecure_http=True)), "get", "t")
    assert asked == ["CONNECT [fd00::1]:8443", "GET http://[fd00::1]:8443/agent-execution/t/status"]
