"""Record activities of a real Temporal worker, over Temporal's own server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from running import BIN, PROGRAMS, Setting, eventually, told
from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError

from xpander_facade import Backend, Configuration
from xpander_facade.errors import IntegrationError
from xpander_facade.integrations.temporal import RecordActivities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PROGRAM = str(PROGRAMS / "temporal_app.py")


@pytest.fixture
def server() -> Iterator[str]:
    """Run a server that keeps nothing, and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [str(BIN / "temporal"), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen([*command, "--log-level", "never"], stdout=subprocess.DEVNULL)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def work(setting: Setting, server: str, how: str = "plugin", name: str = "worker") -> subprocess.Popen[bytes]:
    asyncio.run(connect(server))
    worker = setting.start("python", PROGRAM, how, name=name, TEMPORAL=server)
    eventually(lambda: "the worker works" in setting.log(name) or worker.poll() is not None)
    assert "the worker works" in setting.log(name), setting.log(name)
    return worker


async def connect(server: str) -> Client:
    for _ in range(600):
        try:
            return await Client.connect(server)
        except (RuntimeError, RPCError):
            await asyncio.sleep(0.1)
    raise TimeoutError("the server does not answer")


def call(server: str, *calls: Sequence[Any]) -> dict[str, str]:
    """Do workflows, each of which calls one activity; return the ids of the activities' runs by their names."""

    async def do() -> dict[str, str]:
        client = await connect(server)
        ids = {}
        handles = []
        for given in calls:
            name, timeout, heartbeat, attempts = (*given, *(60, 0, 1)[len(given) - 1 :])
            handle = await client.start_workflow(
                "Call", args=[name, timeout, heartbeat, attempts], id=f"of {name}", task_queue="shop"
            )
            handles.append(handle)
            ids[f"{handle.id}.{handle.result_run_id}.1"] = name
        for handle in handles:
            with contextlib.suppress(WorkflowFailureError):
                await handle.result()
        return ids

    return asyncio.run(asyncio.wait_for(do(), 120))


def named_runs(setting: Setting, ids: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {ids.get(id, id): run for id, run in setting.runs().items()}


@pytest.mark.parametrize(("how", "outbox"), [("plugin", True), ("interceptor", False)])
def test_activities_are_recorded(new_setting: Callable[..., Setting], server: str, how: str, outbox: bool):
    setting = new_setting(outbox=outbox)
    worker = work(setting, server, how)
    names = ("named", "threaded", "quiet", "marked", "used", "parts", "method", "failing", "unheard_of")
    ids = call(server, *([name] for name in names), ["flaky", 60, 0, 3], ["beating", 60, 60, 2])
    setting.stop(worker)
    runs = named_runs(setting, ids)
    assert set(runs) == {*names, "own", "flaky", "beating"} - {"quiet"}, setting.log()
    assert told(runs["named"]) == ("completed", "named", "NAMED", 0)
    assert told(runs["threaded"]) == ("completed", "threaded", "THREADED", 2)
    assert told(runs["marked"]) == ("completed", "asked marked", None, 0)
    assert told(runs["used"]) == ("completed", "used", "used", 5)
    assert told(runs["parts"])[3] == 3
    assert told(runs["method"]) == ("completed", "method", "METHOD", 0)
    assert told(runs["flaky"]) == ("completed", "flaky", "done", 3000)
    assert told(runs["failing"]) == ("failed", "failing", "no such invoice", 0)
    assert told(runs["unheard_of"]) == ("completed", "unheard_of", "1 arguments", 1)
    assert told(runs["beating"]) == ("completed", "beating", "half", 0)


def test_what_times_out_has_failed_with_that_reason(new_setting: Callable[..., Setting], server: str):
    setting = new_setting()
    worker = work(setting, server)
    ids = call(server, ["slow", 1], ["silent", 60, 1])
    # Temporal's own worker tells an activity a few seconds later than the server tells the workflow.
    wanted = {
        "slow": ("failed", "slow", "timeout (1 s) exceeded", 0),
        "silent": ("failed", "silent", "timeout: no heartbeat for 1 s", 0),
    }
    assert eventually(lambda: {name: told(run) for name, run in named_runs(setting, ids).items()} == wanted), (
        named_runs(setting, ids),
        setting.log(),
    )
    setting.stop(worker)


def test_a_cancelled_activity_has_not_failed(new_setting: Callable[..., Setting], server: str):
    setting = new_setting()
    worker = work(setting, server)

    async def cancel(name: str) -> str:
        client = await connect(server)
        handle = await client.start_workflow("Call", args=[name, 60, 5, 1], id=name, task_queue="shop")
        while not (setting.folder / name).exists():  # noqa: ASYNC110 (another process writes it)
            await asyncio.sleep(0.05)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        return f"{name}.{handle.result_run_id}.1"

    for name, tokens in (("cancelled", 7), ("cancelled_thread", 8)):
        id = asyncio.run(asyncio.wait_for(cancel(name), 60))
        assert eventually(lambda id=id: id in setting.runs()), setting.log()
        run = setting.runs()[id]
        assert run["status"] != "failed"
        assert told(run)[2:] == (None, tokens)
    setting.stop(worker)


def test_a_stopped_worker_sends_what_waits_and_another_one_does_the_activity_again(
    new_setting: Callable[..., Setting], server: str
):
    setting = new_setting()
    worker = work(setting, server)

    async def begin() -> str:
        client = await connect(server)
        await client.start_workflow("Call", args=["stopped", 60, 0, 5], id="of stopped", task_queue="shop")
        handle = await client.start_workflow("Call", args=["named", 60, 0, 1], id="of named", task_queue="shop")
        await handle.result()
        return handle.id

    asyncio.run(asyncio.wait_for(begin(), 60))
    assert eventually((setting.folder / "stopped").exists), setting.log()
    setting.stop(worker)
    runs = {run["input"]["text"]: run for run in setting.runs().values()}
    assert told(runs["named"])[:3] == ("completed", "named", "NAMED")
    assert runs["stopped"]["status"] != "failed"
    worker = work(setting, server, name="second")

    def find() -> object:
        runs = {run["input"]["text"]: run for run in setting.runs().values()}
        return told(runs["stopped"]) == ("completed", "stopped", "done", 22)

    assert eventually(find), (setting.runs(), setting.log("second"))
    setting.stop(worker)


def test_an_activity_that_is_completed_elsewhere_goes_on(new_setting: Callable[..., Setting], server: str):
    setting = new_setting()
    worker = work(setting, server)

    async def complete() -> None:
        client = await connect(server)
        handle = await client.start_workflow("Call", args=["elsewhere", 60, 0, 1], id="of elsewhere", task_queue="shop")
        token = setting.folder / "token"
        while not token.exists():  # noqa: ASYNC110 (another process writes it)
            await asyncio.sleep(0.05)
        await client.get_async_activity_handle(task_token=token.read_bytes()).complete("by hand")
        assert await handle.result() == "by hand"

    asyncio.run(asyncio.wait_for(complete(), 60))
    setting.stop(worker)
    (run,) = setting.runs().values()
    assert run["status"] != "failed"
    assert told(run)[3] == 6


@pytest.mark.parametrize("how", ["twice", "processes"])
def test_an_activity_is_recorded_once_whatever_its_worker(new_setting: Callable[..., Setting], server: str, how: str):
    setting = new_setting()
    worker = work(setting, server, how)
    ids = call(server, ["threaded"])
    setting.stop(worker)
    (run,) = named_runs(setting, ids).values()
    # In a process of its own, a function has no current run.
    assert told(run) == ("completed", "threaded", "THREADED", 2 if how == "twice" else 0)
    assert ("has RecordActivities twice" in setting.log()) is (how == "twice")


def test_what_makes_no_sense_is_refused():
    backend = Backend(Configuration(disabled=True, agent_id="agent-1"))
    with pytest.raises(IntegrationError, match="in a list"):
        RecordActivities(backend, activities="summarise")
    with pytest.raises(IntegrationError, match="input must be a function"):
        RecordActivities(backend, input="question")
