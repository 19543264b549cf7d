"""Who may share a Backend: threads, loops, forks, dying processes. No hang, no leak, no answer to the wrong caller."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, configured, run_python
from misbehaving import Misbehaving, answer, drip, hang, head, only, task_answer
from wire_cases import ANSWERED_TASK

from xpander_facade import APITimeoutError, Backend, Task, Tasks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xpander_facade import Configuration
    from xpander_facade.emulator import Emulator

PREAMBLE = """
    import asyncio, os, sys
    from xpander_facade import Backend, Configuration, Tasks
    configuration = Configuration(api_key="k", base_url=sys.argv[1], max_retries=0, timeout=10)
    backend = Backend(configuration)
"""

# Python 3.12 warns of a fork in a process with threads, which is what these tests are about.
FORKING = ("-W", "error", "-W", "ignore::DeprecationWarning")


def report(backend: Backend, id: str) -> None:
    """Report, and check that the answer is that of this report."""
    task = backend.report_external_task("agent-1", id=id, result=f"result of {id}")
    assert (task.id, task.result) == (id, f"result of {id}")


async def areport(backend: Backend, id: str) -> None:
    """Report, and check that the answer is that of this report."""
    task = await backend.areport_external_task("agent-1", id=id, result=f"result of {id}")
    assert (task.id, task.result) == (id, f"result of {id}")


# --- at once ---


def test_16_threads_share_one_backend_and_each_gets_its_own_answers(emulator: Emulator):
    barrier = threading.Barrier(16)
    with Backend(configured(emulator)) as backend:

        def work(name: int) -> None:
            barrier.wait(10)
            for n in range(10):
                report(backend, f"{name}-{n}")

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(work, range(16)))
    assert len(emulator.tasks()) == 160


def test_16_threads_are_answered_at_once_and_not_in_turn(emulator: Emulator):
    hold = emulator.hold("report_external_task")
    with Backend(configured(emulator)) as backend, ThreadPoolExecutor(16) as pool:
        futures = [pool.submit(report, backend, str(n)) for n in range(16)]
        assert hold.arrived(16)
        hold.release()
        for future in futures:
            future.result(10)


def test_64_async_calls_run_at_once(emulator: Emulator):
    hold = emulator.hold("report_external_task")

    async def main() -> None:
        async with Backend(configured(emulator)) as backend:
            calls = [asyncio.create_task(areport(backend, str(n))) for n in range(64)]
            assert await asyncio.to_thread(hold.arrived, 64)
            hold.release()
            await asyncio.gather(*calls)
            await asyncio.gather(*(areport(backend, str(n)) for n in range(64)))

    asyncio.run(main())
    assert len(emulator.tasks()) == 64


def test_more_calls_than_connections_all_get_through(emulator: Emulator):
    async def main() -> None:
        async with Backend(configured(emulator, timeout=20)) as backend:
            await asyncio.gather(*(areport(backend, str(n)) for n in range(250)))

    asyncio.run(main())
    assert len(emulator.tasks()) == 250


def test_sync_calls_work_inside_a_running_loop(emulator: Emulator):
    async def main() -> None:
        backend = Backend(configured(emulator))
        report(backend, "sync")
        await areport(backend, "async")
        report(backend, "sync again")
        backend.close()
        await backend.aclose()

    asyncio.run(main())
    assert len(emulator.tasks()) == 3


def test_several_loops_in_threads_share_one_backend(emulator: Emulator):
    backend = Backend(configured(emulator))
    barrier = threading.Barrier(4)

    def work(name: int) -> None:
        async def main() -> None:
            barrier.wait(10)
            await asyncio.gather(*(areport(backend, f"{name}-{n}") for n in range(16)))

        asyncio.run(main())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(emulator.tasks()) == 64


# --- one after the other ---


def test_calls_use_one_connection_over_and_over(misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    with Backend(configured(server)) as backend:
        for n in range(20):
            report(backend, str(n))

    async def main() -> None:
        async with Backend(configured(server)) as backend:
            for n in range(20):
                await areport(backend, str(n))

    asyncio.run(main())
    assert [request.connection for request in server.requests] == [1] * 20 + [2] * 20


def test_errors_do_not_cost_the_connection(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(answer(404), answer(500), answer(200, "no json"), answer(429))
    tasks = Tasks(configured(server))

    def work(verb: Callable[[], Any]) -> None:
        with pytest.raises(Exception, match="GET"):
            verb()

    if call.way == "sync":
        for _ in range(4):
            work(lambda: tasks.get("t"))
        tasks.get("t")
    else:

        async def main() -> None:
            for _ in range(4):
                with pytest.raises(Exception, match="GET"):
                    await tasks.aget("t")
            await tasks.aget("t")

        asyncio.run(main())
    assert {request.connection for request in server.requests} == {1}


def test_equal_configurations_share_connections(misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    for n in range(5):
        report(Backend(configured(server)), str(n))
        Tasks(configured(server, api_key="another", timeout=n + 1, max_retries=n)).get("t")
    report(Backend(configured(server)).with_options(timeout=3, deadline=9), "x")
    assert len(server.connections) == 1
    assert {request.headers["x-api-key"] for request in server.requests} == {"key-1", "another"}


def test_a_connection_that_the_server_closed_is_not_used_again(call: Caller, misbehave: Callable[..., Misbehaving]):
    # Creating is never repeated, so it would fail if it went out on a dead connection.
    server = misbehave(otherwise=only(b"", then=_answer_and_close))
    tasks = Tasks(configured(server))
    if call.way == "sync":
        for n in range(1, 6):
            tasks.create("a")
            assert server.wait_for(lambda n=n: server.connections[n - 1].left.is_set())
    else:

        async def main() -> None:
            for n in range(1, 6):
                await tasks.acreate("a")
                assert await asyncio.to_thread(server.wait_for, lambda n=n: server.connections[n - 1].left.is_set())

        asyncio.run(main())
    assert [request.connection for request in server.requests] == [1, 2, 3, 4, 5]


def _answer_and_close(connection: Any, request: Any) -> bool:
    task_answer()(connection, request)
    return False


# --- giving back ---


def test_the_last_share_closes_the_connections_and_they_open_again(misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    first, second = Backend(configured(server)), Tasks(configured(server))
    report(first, "1")
    second.get("t")
    first.close()
    first.close()
    second.get("t")
    assert [request.connection for request in server.requests] == [1, 1, 1]
    second.close()
    assert server.wait_for(lambda: server.open == 0)
    with first:
        report(first, "2")
        assert server.requests[-1].connection == 2
    assert server.wait_for(lambda: server.open == 0)


def test_the_last_share_closes_async_connections_too(misbehave: Callable[..., Misbehaving]):
    server = misbehave()

    async def left() -> bool:
        return await asyncio.to_thread(server.wait_for, lambda: server.open == 0)

    async def main() -> None:
        first, second = Backend(configured(server)), Tasks(configured(server))
        await areport(first, "1")
        await second.aget("t")
        await first.aclose()
        await second.aget("t")
        assert [request.connection for request in server.requests] == [1, 1, 1]
        await second.aclose()
        assert await left()
        async with first:
            await areport(first, "2")
        assert await left()
        await areport(first, "3")
        assert server.open == 1

    asyncio.run(main())
    assert server.wait_for(lambda: server.open == 0), "a loop that ends closes what was open in it"


def test_leaving_a_block_closes_nothing_that_another_thread_waits_for(emulator: Emulator):
    hold = emulator.hold("report_external_task")
    with ThreadPoolExecutor(1) as pool:
        backend = Backend(configured(emulator))
        waiting = pool.submit(report, backend, "slow")
        assert hold.arrived()
        backend.close()
        hold.release()
        waiting.result(10)


def test_forgotten_backends_leak_no_sockets(misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    for n in range(50):
        report(Backend(configured(server)), str(n))
    assert len(server.connections) == 1
    for n in range(40):
        report(Backend(configured(server, base_url=f"{server.url}/place-{n}")), str(n))
    gc.collect()
    report(Backend(configured(server, base_url=f"{server.url}/last")), "last")
    assert server.wait_for(lambda: server.open <= 9)


def test_forgotten_async_backends_leak_no_sockets(misbehave: Callable[..., Misbehaving]):
    server = misbehave()

    async def main() -> None:
        for n in range(40):
            await areport(Backend(configured(server, base_url=f"{server.url}/place-{n}")), str(n))
        gc.collect()
        await areport(Backend(configured(server, base_url=f"{server.url}/last")), "last")
        assert await asyncio.to_thread(server.wait_for, lambda: server.open <= 9)

    asyncio.run(main())
    assert server.wait_for(lambda: server.open == 0)


def test_a_failed_call_leaves_no_connection_behind(call: Caller, misbehave: Callable[..., Misbehaving]):
    scripts = [
        hang,
        only(head(200, {"Content-Length": "9"}) + b"{", then=hang),
        drip(head(200, {"Content-Length": "99999"}), b" "),
    ]
    server = misbehave(*scripts)
    for _ in scripts:
        with pytest.raises(APITimeoutError):
            call(Tasks(configured(server, timeout=0.5, deadline=1)), "get", "t")
    assert server.wait_for(lambda: server.open == 0)


# --- interrupted ---


def test_after_a_cancelled_call_the_next_one_gets_its_own_answer(emulator: Emulator):
    for id in ("first", "second"):
        report(Backend(configured(emulator)), id)

    async def main() -> None:
        tasks = Tasks(configured(emulator))
        await tasks.aget("first")
        for _ in range(3):
            hold = emulator.hold("get_task")
            call = asyncio.create_task(tasks.aget("first"))
            assert await asyncio.to_thread(hold.arrived)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            hold.release()
            assert (await tasks.aget("second")).id == "second"

    asyncio.run(main())


def test_a_call_that_is_cancelled_in_its_answer_leaves_no_connection(misbehave: Callable[..., Misbehaving]):
    server = misbehave(only(head(200, {"Content-Length": "9000"}) + b'{"id":', then=hang), task_answer(id="second"))

    async def main() -> None:
        tasks = Tasks(configured(server))
        call = asyncio.create_task(tasks.aget("first"))
        assert await asyncio.to_thread(server.wait_for, lambda: len(server.requests) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(server.wait_for, lambda: server.open == 0)
        assert (await tasks.aget("second")).id == "second"

    asyncio.run(main())


def test_cancelled_calls_give_their_places_back(misbehave: Callable[..., Misbehaving]):
    server = misbehave(*[hang] * 120)

    async def main() -> None:
        tasks = Tasks(configured(server))
        for _ in range(2):
            before = len(server.requests)
            calls = [asyncio.create_task(tasks.aget("t")) for _ in range(60)]
            assert await asyncio.to_thread(server.wait_for, lambda before=before: len(server.requests) == before + 60)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        results = await asyncio.gather(*(tasks.aget("t") for _ in range(100)))
        assert len(results) == 100

    asyncio.run(main())


def test_after_a_timeout_the_next_call_gets_its_own_answer(call: Caller, emulator: Emulator):
    for id in ("first", "second"):
        report(Backend(configured(emulator)), id)
    tasks = Tasks(configured(emulator))
    hold = emulator.hold("get_task")
    with pytest.raises(APITimeoutError):
        call(tasks.with_options(timeout=0.3), "get", "first")
    hold.release()
    assert call(tasks, "get", "second").id == "second"


def test_timeout_of_asyncio_is_the_caller_s_own(misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=hang)

    async def main() -> None:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.1):
                await Tasks(configured(server)).aget("t")
        assert type(caught.value) is TimeoutError

    asyncio.run(main())


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio's own, of a loop that is closed without its shutdown
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_is_closed_under_a_client_does_not_harm_the_next(misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    backend = Backend(configured(server))
    for n in range(3):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(areport(backend, str(n)))
        loop.close()
    asyncio.run(areport(backend, "last"))
    gc.collect()
    assert len(server.requests) == 4
    assert server.wait_for(lambda: server.open == 0)


# --- processes ---


def test_three_successive_runs_share_one_backend_without_a_warning(misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    run_python(
        PREAMBLE
        + """
    async def main(run):
        for n in range(3):
            task = await backend.areport_external_task("a", id=f"{run}-{n}")
            assert task.id == f"{run}-{n}"
    for run in range(3):
        asyncio.run(main(run))
    """,
        server.url,
    )
    assert [request.connection for request in server.requests] == [1] * 3 + [2] * 3 + [3] * 3
    assert server.wait_for(lambda: server.open == 0)


def test_a_process_that_ends_without_closing_says_nothing(misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    run_python(PREAMBLE + '    backend.report_external_task("a")', server.url)
    run_python(PREAMBLE + '    asyncio.run(backend.areport_external_task("a"))', server.url)
    run_python(
        PREAMBLE
        + """
    backend.report_external_task("a")
    asyncio.run(backend.areport_external_task("a"))
    sys.exit(0)
    """,
        server.url,
    )
    assert len(server.requests) == 4
    assert server.wait_for(lambda: server.open == 0)


def test_a_process_ends_while_a_thread_waits_for_an_answer(misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=hang)
    run_python(
        PREAMBLE
        + """
    import threading
    from xpander_facade import XpanderError
    def work():
        try:
            backend.report_external_task("a")
        except XpanderError:
            pass
    threading.Thread(target=work, daemon=True).start()
    sys.stdin.read()
    """,
        server.url,
        first=lambda: server.wait_for(lambda: len(server.requests) == 1),
    )
    assert server.wait_for(lambda: server.open == 0)


def test_a_forked_child_reports_too_and_its_parent_goes_on(misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    out = run_python(
        PREAMBLE
        + """
    tasks = Tasks(configuration)
    backend.report_external_task("a", id="parent-1")
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        task = backend.report_external_task("a", id="child-1")
        asyncio.run(backend.areport_external_task("a", id="child-2"))
        tasks.get("t")
        backend.close()
        tasks.close()
        print("child", task.id)
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    backend.report_external_task("a", id="parent-2")
    print("parent")
    """,
        server.url,
        flags=FORKING,
    )
    assert out == "child child-1\nparent\n"
    by_id = {request.json["id"]: request.connection for request in server.requests if request.json}
    assert by_id["parent-1"] == by_id["parent-2"] == 1
    assert by_id["child-1"] != 1
    assert by_id["child-2"] not in (1, by_id["child-1"])


def test_a_child_forked_inside_a_running_loop_reports_too(misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    run_python(
        PREAMBLE
        + """
    async def main():
        await backend.areport_external_task("a", id="parent-1")
        backend.report_external_task("a", id="parent-2")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                backend.report_external_task("a", id="child")
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        await backend.areport_external_task("a", id="parent-3")
        backend.report_external_task("a", id="parent-4")
    asyncio.run(main())
    """,
        server.url,
        flags=FORKING,
    )
    by_id = {request.json["id"]: request.connection for request in server.requests}
    assert by_id["parent-1"] == by_id["parent-3"]
    assert by_id["parent-2"] == by_id["parent-4"]
    assert by_id["child"] not in (by_id["parent-1"], by_id["parent-2"])


def test_a_fork_while_another_thread_is_in_a_call_does_not_hang(misbehave: Callable[..., Misbehaving]):
    gate = threading.Event()

    def wait(connection: Any, request: Any) -> bool:
        gate.wait(10)
        return task_answer()(connection, request)

    def answer_child(connection: Any, request: Any) -> bool:
        gate.set()
        return task_answer()(connection, request)

    server = misbehave(wait, answer_child)
    run_python(
        PREAMBLE
        + """
    import threading
    done = []
    thread = threading.Thread(target=lambda: done.append(backend.report_external_task("a", id="thread").id))
    thread.start()
    sys.stdin.read()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if backend.report_external_task("a", id="child").id == "child" else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    thread.join()
    assert done == ["thread"]
    """,
        server.url,
        flags=FORKING,
        first=lambda: server.wait_for(lambda: len(server.requests) == 1),
    )
    assert [request.json["id"] for request in server.requests] == ["thread", "child"]


def test_where_there_are_no_forks_runs_are_reported_and_recorded_all_the_same(emulator: Emulator, tmp_path: Path):
    run_python(
        """
        import concurrent.futures.thread, logging, os, random, sys, threading, weakref
        del os.fork, os.register_at_fork  # as on Windows
        from xpander_facade import Backend, Configuration
        backend = Backend(Configuration(api_key="k", base_url=sys.argv[1], agent_id="a", outbox=sys.argv[2]))
        backend.report_external_task(id="run-1")
        with backend.external_task(id="run-2"):
            pass
        assert backend.flush(20).waiting == 0
        """,
        emulator.url,
        str(tmp_path / "runs.db"),
    )
    assert {task["id"] for task in emulator.tasks()} == {"run-1", "run-2"}


# --- more platforms than connections are kept for ---


def test_a_call_without_a_holder_keeps_its_connection_beside_many_that_are_held(misbehave: Callable[..., Misbehaving]):
    server = misbehave()
    held = [Backend(configured(server, base_url=f"{server.url}/{n}")) for n in range(12)]
    for backend in held:
        report(backend, "run-1")
    task = Task.from_dict(ANSWERED_TASK, configured(server))
    before = len(server.connections)
    for _ in range(3):
        task.reload()
    assert len(server.connections) - before == 1
    for backend in held:
        backend.close()


def test_an_async_call_without_a_holder_keeps_its_connection_beside_many_that_are_held(
    misbehave: Callable[..., Misbehaving],
):
    server = misbehave()
    held = [Backend(configured(server, base_url=f"{server.url}/{n}")) for n in range(12)]

    async def main() -> int:
        for backend in held:
            await areport(backend, "run-1")
        task = Task.from_dict(ANSWERED_TASK, configured(server))
        before = len(server.connections)
        for _ in range(3):
            await task.areload()
        return len(server.connections) - before

    assert asyncio.run(main()) == 1


def test_a_client_that_is_closed_while_a_call_is_on_its_way_leaves_no_connection_open(
    misbehave: Callable[..., Misbehaving], monkeypatch: pytest.MonkeyPatch
):
    from xpander_facade._transport import pool_registry

    server = misbehave(task_answer())
    backend = Backend(configured(server))
    find = pool_registry.pools_for

    def found_and_closed(configuration: Configuration) -> Any:
        client = find(configuration)
        backend.close()
        return client

    monkeypatch.setattr(sys.modules["xpander_facade._transport.transmission"], "pools_for", found_and_closed)
    report(backend, "run-1")
    assert server.wait_for(lambda: server.open == 0)
