"""Deliver reports through the real Celery and Redis: the broker is the outbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from celery import Celery
from running import Setting, eventually

from xpander_facade import Backend, Configuration, Tokens
from xpander_facade.errors import ConfigurationError, IntegrationError
from xpander_facade.integrations.celery import DeliveryTask, delivery_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "card-4711"


@pytest.fixture(scope="module")
def setting(make_setting: Callable[..., Setting]) -> Iterator[Setting]:
    setting: Setting = make_setting(outbox=False)
    work(setting)
    yield setting
    setting.close()


def work(setting: Setting, name: str = "worker", **more: str) -> subprocess.Popen[bytes]:
    worker = setting.start(
        "celery", "-A", "celery_delivery_app", "worker", "-n", f"{name}@here", "-c", "1", "-l", "INFO",
        "--without-gossip", "--without-mingle", name=name, **more,
    )  # fmt: skip
    assert eventually(lambda: " ready." in setting.log(name)), setting.log(name)
    return worker


def app_of(setting: Setting) -> Celery:
    """Return the app as a program has it that reports, but has no key."""
    app = Celery("celery_delivery_app", broker=setting.redis, backend=setting.redis, set_as_current=False)
    app.conf.broker_transport_options = {"visibility_timeout": 3}
    return app


@pytest.fixture
def task(setting: Setting) -> DeliveryTask:
    setting.emulator.reset()
    return task_of(app_of(setting))


def hide(field: str, text: str) -> str:
    return text.replace(SECRET, "…")


def task_of(app: Celery, **given: Any) -> DeliveryTask:
    configuration = Configuration(agent_id="agent-1", redact=hide)
    return delivery_task(app, Backend(configuration), **given)


def reports(setting: Setting) -> list[dict[str, Any]]:
    """Return the reports that came; of one whose sender was killed there may be nothing."""
    return [request.body for request in setting.emulator.requests("report_external_task") if request.body]


def test_a_report_reaches_the_platform_with_all_that_it_says(setting: Setting, task: DeliveryTask):
    big = 2**70
    queued = task.delay(
        id="run-1", input=f"pay with {SECRET}", result="paid", duration=2.5, used_tools=["bank"], is_success=False,
        tokens=Tokens(prompt_tokens=7, completion_tokens=2), llm_response={"number": big, "text": "é"},
    )  # fmt: skip
    assert queued.get(timeout=30) == "run-1"
    run = setting.runs()["run-1"]
    assert (run["status"], run["input"]["text"], run["result"], run["duration"]) == (
        "failed",
        "pay with …",
        "paid",
        2.5,
    )
    assert (run["used_tools"], run["tokens"]["prompt_tokens"]) == (["bank"], 7)
    assert setting.emulator.llm_response("run-1") == {"number": big, "text": "é"}
    # The worker records each task, but not the one that reports: nothing else has arrived.
    assert len(setting.emulator.requests()) == 1


def test_a_run_without_an_id_gets_one_before_the_broker_has_it(setting: Setting, task: DeliveryTask):
    setting.emulator.fail(503, times=2)
    id = task.delay(input="x").get(timeout=30)
    assert [report["id"] for report in reports(setting)] == [id] * 3
    assert list(setting.runs()) == [id]


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_for_what_the_platform_asks_for(setting: Setting, task: DeliveryTask, status: int):
    setting.emulator.fail(status, headers={"Retry-After": "2"})
    began = time.monotonic()
    assert task.delay(id="run-1").get(timeout=30) == "run-1"
    assert time.monotonic() - began >= 2
    assert len(reports(setting)) == 2


def test_a_refused_report_fails_at_once_with_the_error_of_the_platform(setting: Setting, task: DeliveryTask):
    from xpander_facade import UnprocessableEntityError

    setting.emulator.fail(422)
    queued = task.delay(id="run-422")
    with pytest.raises(UnprocessableEntityError) as caught:
        queued.get(timeout=30)
    assert (caught.value.status_code, caught.value.task_id) == (422, "run-422")
    assert "the report of run run-422 is given up" in setting.log()
    assert len(reports(setting)) == 1


def test_it_is_given_up_where_a_limit_says_so(setting: Setting, task: DeliveryTask):
    from xpander_facade import ServerError

    setting.emulator.fail(503, times=5)
    with pytest.raises(ServerError):
        task_of(app_of(setting), name="limited").delay(id="run-limited").get(timeout=30)
    assert len(reports(setting)) == 2
    assert "the report of run run-limited is given up after 2 tries" in setting.log()


def test_a_wrong_key_loses_nothing(setting: Setting, task: DeliveryTask):
    setting.emulator.fail(401)
    task.delay(id="run-401")
    assert eventually(lambda: "the report of run run-401 goes back to the broker for 300.0 s" in setting.log())
    assert "key-1" not in setting.log()


def test_a_killed_child_costs_no_report(setting: Setting, task: DeliveryTask):
    setting.emulator.delay(1.5, operation="report_external_task")
    queued = task.delay(id="run-killed")
    parent = setting.processes[0].pid
    assert eventually(lambda: setting.emulator.requests() or setting.log().count("received") > 0)
    (child,) = children(parent)
    time.sleep(0.3)
    os.kill(child, signal.SIGKILL)
    assert queued.get(timeout=40) == "run-killed"
    assert {report["id"] for report in reports(setting)} == {"run-killed"}
    assert list(setting.runs()) == ["run-killed"]


def children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(line) for line in listed.split()]


@pytest.mark.long
def test_a_report_of_a_host_that_is_gone_is_given_to_another(new_setting: Callable[..., Setting]):
    setting = new_setting(outbox=False)
    first = work(setting, "first")
    setting.emulator.delay(30)
    queued = task_of(app_of(setting)).delay(id="run-1")
    assert eventually(lambda: "received" in setting.log("first"))
    time.sleep(0.5)
    setting.kill(first)
    work(setting, "second", TAKES_OVER="1")
    assert queued.get(timeout=60) == "run-1", setting.log("second")
    assert list(setting.runs()) == ["run-1"]


def test_what_the_broker_gives_again_after_its_delivery_is_not_sent_again(setting: Setting, task: DeliveryTask):
    import redis

    held: list[bytes] = []
    with redis.Redis.from_url(setting.redis) as client:
        queued = task.apply_async(kwargs={"id": "run-1"}, queue="aside")
        held.append(client.rpop("aside"))
        message = json.loads(held[0])
        client.lpush("celery", json.dumps({**message, "properties": {**message["properties"], "delivery_tag": "one"}}))
        assert queued.get(timeout=30) == "run-1"
        message["headers"]["redelivered"] = True
        message["properties"]["delivery_info"]["redelivered"] = True
        message["properties"]["delivery_tag"] = "two"
        assert eventually(lambda: setting.log().count(f"{queued.id}] succeeded") == 1)
        client.lpush("celery", json.dumps(message))
        assert eventually(lambda: setting.log().count(f"{queued.id}] succeeded") == 2)
    assert len(reports(setting)) == 1


def test_a_program_without_this_package_can_report_too(setting: Setting, task: DeliveryTask):
    setting.emulator.fail(503, times=1)
    queued = app_of(setting).send_task("xpander_facade.report_external_task", kwargs={"input": "from elsewhere"})
    assert queued.get(timeout=30) == f"celery-{queued.id}"
    assert [report["id"] for report in reports(setting)] == [f"celery-{queued.id}"] * 2


def test_bad_input_is_an_error_where_it_is_given(setting: Setting, task: DeliveryTask):
    for given, expected in (
        ({"duration": "long"}, TypeError),
        ({"duration": -1}, ValueError),
        ({"id": ""}, ValueError),
        ({"nonsense": 1}, TypeError),
    ):
        with pytest.raises(expected):
            task.delay(**given)
    with pytest.raises(ConfigurationError, match="agent"):
        delivery_task(app_of(setting), Backend(Configuration(agent_id="")), name="other").delay(id="a")
    assert reports(setting) == []


def test_nothing_reaches_the_broker_where_sending_is_disabled():
    app = Celery("nowhere", broker="redis://127.0.0.1:1", set_as_current=False)
    task = delivery_task(app, Backend(Configuration(disabled=True, agent_id="agent-1")))
    assert task.delay(id="run-1").get() == "run-1"


def test_an_app_that_runs_tasks_in_place_sends_at_once(setting: Setting, task: DeliveryTask):
    app = app_of(setting)
    app.conf.task_always_eager = True
    configuration = Configuration(
        agent_id="agent-1", api_key="key-1", organization_id="org-1", base_url=setting.emulator.url
    )
    eager = delivery_task(app, Backend(configuration), name="eager")
    assert eager.delay(id="run-1").get() == "run-1"
    setting.emulator.fail(503)
    assert eager.delay(id="run-2").state == "FAILURE"
    assert list(setting.runs()) == ["run-1"]


def test_what_makes_no_sense_is_an_error_that_names_it():
    with pytest.raises(IntegrationError, match="must be a Celery app"):
        delivery_task(object())
    with pytest.raises(IntegrationError, match="must be a Backend"):
        delivery_task(Celery("here", set_as_current=False), object())
