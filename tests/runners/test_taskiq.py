"""Record tasks of a real taskiq worker over a real Redis."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest
from running import Setting, eventually, told

from xpander_facade import Backend, Configuration, current_run

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

CALL = """
import asyncio, json, sys
import taskiq_app

async def main():
    await taskiq_app.broker.startup()
    ids = {name: (await getattr(taskiq_app, name).kiq("in")).task_id for name in sys.argv[1:]}
    await taskiq_app.broker.shutdown()
    print(json.dumps(ids))

asyncio.run(main())
"""


def work(setting: Setting, *options: str) -> subprocess.Popen[bytes]:
    worker = setting.start("taskiq", "worker", "taskiq_app:broker", "--workers", "1", *options)
    assert eventually(lambda: "Listening started" in setting.log()), setting.log()
    return worker


def call(setting: Setting, *names: str) -> dict[str, str]:
    ids: dict[str, str] = json.loads(setting.call(CALL, *names))
    return ids


def named_runs(setting: Setting, ids: dict[str, str]) -> dict[str, dict]:
    names = {id: name for name, id in ids.items()}
    return {names.get(id, id): run for id, run in setting.runs().items()}


@pytest.mark.parametrize("outbox", [True, False])
def test_tasks_are_recorded(new_setting: Callable[..., Setting], outbox: bool):
    setting = new_setting(outbox=outbox)
    worker = work(setting)
    ids = call(setting, "named", "threaded", "quiet", "marked", "used", "parts", "flaky", "failing", "slow")
    wanted = {"named", "threaded", "marked", "used", "parts", "own", "flaky", "failing", "slow"}
    assert eventually(lambda: wanted <= set(named_runs(setting, ids))), setting.log()
    assert eventually(lambda: named_runs(setting, ids)["flaky"]["result"] == "done"), setting.log()
    setting.stop(worker)
    runs = named_runs(setting, ids)
    assert set(runs) == wanted
    assert told(runs["named"]) == ("completed", "in", "IN", 0)
    assert told(runs["threaded"]) == ("completed", "in", "IN", 2)
    assert told(runs["marked"]) == ("completed", "asked in", None, 0)
    assert told(runs["used"]) == ("completed", "in", "used", 5)
    assert told(runs["parts"])[3] == 3
    assert told(runs["flaky"]) == ("completed", "in", "done", 3000)
    assert told(runs["failing"]) == ("failed", "in", "no such invoice", 0)
    assert told(runs["slow"]) == ("failed", "in", "timeout (1 s) exceeded", 0)


def test_a_stopped_worker_sends_what_waits(new_setting: Callable[..., Setting]):
    setting = new_setting()
    worker = work(setting)
    setting.emulator.delay(0.3, times=6)
    ids = call(setting, "named", "marked", "used")
    assert eventually(lambda: setting.log().count("Executing task") == 3), setting.log()
    setting.stop(worker)
    assert set(named_runs(setting, ids)) == {"named", "marked", "used"}


def test_a_middleware_that_is_added_twice_records_once_and_says_so(caplog: pytest.LogCaptureFixture):
    from taskiq import InMemoryBroker

    from xpander_facade.integrations.taskiq import RecordTasks

    backend = Backend(Configuration(disabled=True, agent_id="agent-1"))
    broker = InMemoryBroker().with_middlewares(RecordTasks(backend, all=True), RecordTasks(backend, all=True))
    heard = []

    @broker.task
    async def task() -> None:
        heard.append(current_run())

    async def call() -> None:
        for _ in range(2):
            await (await task.kiq()).wait_result(timeout=20)

    with caplog.at_level(logging.ERROR, logger="xpander_facade.recorder"):
        asyncio.run(call())
    assert len(heard) == 2
    assert all(run is not None for run in heard)
    assert caplog.text.count("has RecordTasks twice") == 1
