"""Record messages of a real Dramatiq worker over a real Redis."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
from running import Setting, eventually, told

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

CALL = """
import json, sys
import dramatiq_app
print(json.dumps({name: getattr(dramatiq_app, name).send("in").message_id for name in sys.argv[1:]}))
"""


def work(setting: Setting, *options: str) -> subprocess.Popen[bytes]:
    worker = setting.start("dramatiq", "dramatiq_app", "-p", "1", "-t", "2", *options)
    assert eventually(lambda: "ready for action" in setting.log()), setting.log()
    return worker


def call(setting: Setting, *names: str) -> dict[str, str]:
    ids: dict[str, str] = json.loads(setting.call(CALL, *names))
    return ids


def named_runs(setting: Setting, ids: dict[str, str]) -> dict[str, dict]:
    names = {id: name for name, id in ids.items()}
    return {names.get(id, id): run for id, run in setting.runs().items()}


@pytest.mark.parametrize("outbox", [True, pytest.param(False, marks=pytest.mark.long)])
def test_messages_are_recorded(new_setting: Callable[..., Setting], outbox: bool):
    setting = new_setting(outbox=outbox)
    worker = work(setting)
    ids = call(setting, "named", "quiet", "marked", "used", "parts", "flaky", "slow")
    wanted = {"named", "marked", "used", "parts", "own", "flaky", "slow"}
    assert eventually(lambda: wanted <= set(named_runs(setting, ids))), setting.log()
    assert eventually(lambda: named_runs(setting, ids)["flaky"]["result"] == "done"), setting.log()
    setting.stop(worker)
    runs = named_runs(setting, ids)
    assert set(runs) == wanted
    assert told(runs["named"]) == ("completed", "in", "IN", 0)
    assert told(runs["marked"]) == ("completed", "asked in", None, 0)
    assert told(runs["used"])[3] == 5
    assert told(runs["parts"])[3] == 3
    assert told(runs["flaky"]) == ("completed", "in", "done", 3000)
    assert runs["slow"]["status"] == "failed"
    assert "TimeLimitExceeded" in runs["slow"]["result"]


@pytest.mark.long
def test_a_stopped_worker_sends_what_waits_and_what_was_cut_short(new_setting: Callable[..., Setting]):
    setting = new_setting()
    worker = work(setting)
    setting.emulator.delay(0.3, times=100)
    ids = call(setting, "named", "marked", "stopped")
    assert eventually(lambda: {"named", "marked"} <= set(named_runs(setting, ids)))
    setting.stop(worker)
    runs = named_runs(setting, ids)
    assert runs["stopped"]["status"] == "failed"
    assert "Shutdown" in runs["stopped"]["result"]


@pytest.mark.long
def test_messages_of_gevent_workers_are_recorded(new_setting: Callable[..., Setting]):
    setting = new_setting()
    worker = setting.start("dramatiq-gevent", "dramatiq_app", "-p", "1", "-t", "2")
    assert eventually(lambda: "ready for action" in setting.log()), setting.log()
    ids = call(setting, "named", "used", "parts", "flaky")
    assert eventually(lambda: named_runs(setting, ids).get("flaky", {}).get("result") == "done"), setting.log()
    setting.stop(worker)
    assert set(named_runs(setting, ids)) == {"named", "used", "parts", "own", "flaky"}


def test_a_middleware_that_is_added_twice_records_once_and_says_so(caplog: pytest.LogCaptureFixture):
    import dramatiq
    from dramatiq.brokers.stub import StubBroker

    from xpander_facade import Backend, Configuration, current_run
    from xpander_facade.integrations.dramatiq import RecordMessages

    broker = StubBroker()
    backend = Backend(Configuration(disabled=True, agent_id="agent-1"))
    for _ in range(2):
        broker.add_middleware(RecordMessages(backend, all=True))
    heard = []

    @dramatiq.actor(broker=broker)
    def actor() -> None:
        heard.append(current_run())

    worker = dramatiq.Worker(broker, worker_timeout=50, worker_threads=1)
    worker.start()
    with caplog.at_level(logging.ERROR, logger="xpander_facade.recorder"):
        for _ in range(2):
            actor.send()
        broker.join("default")
    worker.stop()
    broker.close()
    assert len(heard) == 2
    assert all(run is not None for run in heard)
    assert caplog.text.count("has RecordMessages twice") == 1
