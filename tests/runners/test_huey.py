"""Record tasks of a real huey consumer over a real Redis."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from running import Setting, eventually, told

from xpander_facade import Backend, Configuration, current_run
from xpander_facade.errors import IntegrationError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

CALL = """
import json, sys
import huey_app
print(json.dumps({name: getattr(huey_app, name)("in").id for name in sys.argv[1:]}))
"""


def work(setting: Setting, kind: str, *options: str) -> subprocess.Popen[bytes]:
    worker = setting.start("huey_consumer", "huey_app.huey", "-k", kind, "-w", "2", "-d", "0.05", *options)
    assert eventually(lambda: "The following commands are available" in setting.log()), setting.log()
    return worker


def call(setting: Setting, *names: str) -> dict[str, str]:
    ids: dict[str, str] = json.loads(setting.call(CALL, *names))
    return ids


def named_runs(setting: Setting, ids: dict[str, str]) -> dict[str, dict]:
    names = {id: name for name, id in ids.items()}
    return {names.get(id, id): run for id, run in setting.runs().items()}


ALL = ("named", "quiet", "marked", "outside", "used", "parts", "flaky", "asking", "cancelled", "failing", "slow")


@pytest.mark.parametrize("outbox", [True, False])
@pytest.mark.parametrize("kind", ["process", "thread"])
def test_tasks_are_recorded(new_setting: Callable[..., Setting], kind: str, outbox: bool):
    setting = new_setting(outbox=outbox)
    worker = work(setting, kind)
    asked = ALL if kind == "process" else ALL[:-1]  # threads are only asked to look at the time themselves
    ids = call(setting, *asked)
    wanted = {*asked, "own"} - {"quiet", "cancelled"}
    assert eventually(lambda: wanted <= set(named_runs(setting, ids))), setting.log()
    for name in ("flaky", "asking"):
        assert eventually(lambda: named_runs(setting, ids)[name]["result"] == "done"), setting.log()  # noqa: B023
    setting.stop(worker)
    runs = named_runs(setting, ids)
    assert set(runs) == wanted
    assert told(runs["named"]) == ("completed", "in", "IN", 0)
    assert told(runs["marked"]) == ("completed", "asked in", None, 0)
    assert told(runs["outside"]) == ("completed", "in", "in", 0)
    assert told(runs["used"]) == ("completed", "in", "used", 5)
    assert told(runs["parts"])[3] == 3
    assert told(runs["flaky"]) == ("completed", "in", "done", 3000)
    assert told(runs["asking"]) == ("completed", "in", "done", 30)
    assert told(runs["failing"]) == ("failed", "in", "no such invoice", 0)
    if kind == "process":
        assert told(runs["slow"])[:3] == ("failed", "in", "timeout (1s)")


@pytest.mark.parametrize("kind", ["process", "thread"])
def test_a_stopped_consumer_sends_what_waits_and_what_was_cut_short(new_setting: Callable[..., Setting], kind: str):
    setting = new_setting()
    worker = work(setting, kind)
    setting.emulator.delay(0.3, times=6)
    ids = call(setting, "named", "stopped")
    assert eventually(lambda: "Executing" in setting.log() and "stopped" in setting.log()), setting.log()
    assert eventually(lambda: "named" in named_runs(setting, ids)), setting.log()
    setting.stop(worker)
    runs = named_runs(setting, ids)
    assert runs["named"]["status"] == "completed"
    assert runs["stopped"]["status"] == "failed"
    assert runs["stopped"]["result"] == "the consumer was stopped before the task ended"


def test_a_task_that_a_hook_refuses_is_no_run_and_what_is_instrumented_can_be_undone():
    from huey import CancelExecution, MemoryHuey

    from xpander_facade.integrations.huey import instrument, uninstrument

    backend = Backend(Configuration(disabled=True, agent_id="agent-1"))
    huey = MemoryHuey("memory", immediate=True)
    instrument(huey, backend, all=True)
    heard = []

    @huey.task()
    def task() -> None:
        heard.append(current_run())

    @huey.pre_execute("veto")
    def veto(task: object) -> None:
        raise CancelExecution()

    task()
    assert heard == []
    assert current_run() is None
    huey.unregister_pre_execute("veto")
    task()
    assert heard[0] is not None
    with pytest.raises(IntegrationError, match="instrumented already"):
        instrument(huey, backend)
    with pytest.raises(IntegrationError, match="pass the RedisHuey"):
        instrument(object(), backend)
    uninstrument(huey)
    uninstrument(huey)
    task()
    assert heard[1] is None
