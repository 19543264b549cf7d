"""Record jobs of real RQ workers over a real Redis."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from running import Setting, eventually, told

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

CALL = """
import json, os, sys, time
import rq, rq_app
from redis import Redis
queue = rq.Queue(connection=Redis.from_url(os.environ["REDIS"]))
jobs = []
for name in sys.argv[1:]:
    more = {"retry": rq.Retry(max=2)} if name == "flaky" else {"job_timeout": 1} if name == "slow" else {}
    jobs.append(queue.enqueue(getattr(rq_app, name), "in", job_id=name, **more))
until = time.monotonic() + 200
while time.monotonic() < until:
    if all(job.get_status(refresh=True).value in ("finished", "failed") for job in jobs):
        break
    time.sleep(0.05)
print(json.dumps({job.id: job.get_status().value for job in jobs}))
"""
ALL = ("named", "quiet", "marked", "used", "parts", "flaky", "asking", "insisting", "slow")


def work(setting: Setting, how: str = "worker", kind: str = "Worker", **more: str) -> subprocess.Popen[bytes]:
    command = ["worker-pool", "-n", "2"] if how == "pool" else ["worker"]
    worker = setting.start("rq", *command, "-w", f"rq_app.{kind}", "--url", setting.redis, **more)
    assert eventually(lambda: "Listening on" in setting.log() or "started with" in setting.log()), setting.log()
    return worker


def call(setting: Setting, *names: str) -> dict[str, str]:
    answers: dict[str, str] = json.loads(setting.call(CALL, *names))
    return answers


def check(setting: Setting, *, killed: bool) -> None:
    runs = setting.runs()
    names = ["asking", "flaky", "insisting", *(["killed"] if killed else []), "marked", "named", "own", "parts"]
    assert sorted(runs) == [*names, "slow", "used"]
    assert told(runs["named"]) == ("completed", "in", "IN", 0)
    assert told(runs["marked"]) == ("completed", "asked in", None, 0)
    assert told(runs["used"]) == ("completed", "in", "used", 5)
    assert told(runs["parts"])[3] == 3
    assert told(runs["flaky"]) == ("completed", "in", "done", 3000)
    assert told(runs["asking"]) == ("completed", "in", "done", 30)
    assert told(runs["insisting"])[0::2] == ("failed", "all 1 retries are used up")
    assert runs["slow"]["status"] == "failed"
    assert "timeout" in runs["slow"]["result"]
    if killed:
        assert runs["killed"]["status"] == "failed"
        assert "killed before the job ended" in runs["killed"]["result"]


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("worker", "Worker"),
        pytest.param("worker", "SpawnWorker", marks=pytest.mark.long),
        pytest.param("worker", "SimpleWorker", marks=pytest.mark.long),
        pytest.param("pool", "Worker", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("outbox", [True, pytest.param(False, marks=pytest.mark.long)])
def test_jobs_are_recorded_and_sent_before_their_processes_end(
    new_setting: Callable[..., Setting], how: str, kind: str, outbox: bool
):
    setting = new_setting(outbox=outbox)
    worker = work(setting, how, kind)
    killed = kind != "SimpleWorker"
    answers = call(setting, *ALL, *(["killed"] if killed else []))
    failed = dict.fromkeys(["insisting", "slow", *(["killed"] if killed else [])], "failed")
    assert answers == {**dict.fromkeys(ALL, "finished"), **failed}
    assert eventually(lambda: len(setting.runs()) == 9 + killed), sorted(setting.runs())
    setting.stop(worker)
    check(setting, killed=killed)


@pytest.mark.parametrize("kind", ["Worker", pytest.param("SimpleWorker", marks=pytest.mark.long)])
def test_of_a_job_without_other_attempts_the_platform_is_asked_nothing(new_setting: Callable[..., Setting], kind: str):
    setting = new_setting()
    worker = work(setting, kind=kind)
    call(setting, "named", "used")
    assert eventually(lambda: len(setting.runs()) == 2)
    setting.stop(worker)
    assert [request.method for request in setting.emulator.requests()] == ["POST", "POST"]


@pytest.mark.long
def test_a_restarted_worker_without_jobs_sends_what_an_earlier_one_left(new_setting: Callable[..., Setting]):
    setting = new_setting()
    setting.emulator.fail(503, times=10_000)
    worker = work(setting)
    call(setting, "named")
    setting.stop(worker)
    assert "reports wait in" in setting.log()
    setting.emulator.reset()
    work(setting)
    assert eventually(setting.runs)


LOST = """
import os, time
import rq, rq_app
from redis import Redis
connection = Redis.from_url(os.environ["REDIS"])
queue = rq.Queue(connection=connection)
worker = rq_app.Worker([queue], connection=connection)
def take():
    return rq.Queue.dequeue_any([queue], None, connection)[0]
for name, more in (("taken", {}), ("again", {"retry": rq.Retry(max=1)})):
    queue.enqueue(rq_app.named, "in", job_id=name, **more)
    take()
    # RQ looks twice, a minute apart, before it takes the worker for lost.
    connection.set(queue.intermediate_queue.get_first_seen_key(name), time.time() - 120)
queue.enqueue(rq_app.named, "in", job_id="begun")
job = take()
worker.prepare_execution(job)
worker.prepare_job_execution(job, True)
registry = queue.started_job_registry
connection.zadd(registry.key, {member: 1 for member in connection.zrange(registry.key, 0, -1)})
"""


@pytest.mark.long
def test_jobs_that_a_lost_host_had_taken_are_recorded_as_rq_ends_them(new_setting: Callable[..., Setting]):
    setting = new_setting()
    setting.call(LOST)
    worker = work(setting)
    assert eventually(lambda: sorted(setting.runs()) == ["again", "begun", "taken"]), setting.log()
    assert eventually(lambda: setting.runs()["again"]["status"] == "completed")
    assert told(setting.runs()["taken"]) == ("failed", "in", "Job was stuck in intermediate queue.", 0)
    assert told(setting.runs()["begun"]) == ("failed", "in", "the worker that did the job is gone", 0)
    setting.stop(worker)


STOP = """
import os, rq, rq_app, sys
from redis import Redis
from rq.command import send_stop_job_command
connection = Redis.from_url(os.environ["REDIS"])
if sys.argv[1] == "begin":
    rq.Queue(connection=connection).enqueue(rq_app.stopped, "in", job_id="stopped", retry=rq.Retry(max=1))
else:
    send_stop_job_command(connection, "stopped")
"""


@pytest.mark.parametrize("outbox", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_job_that_is_stopped_by_command_is_recorded_as_such(new_setting: Callable[..., Setting], outbox: bool):
    setting = new_setting(outbox=outbox)
    worker = work(setting)
    setting.call(STOP, "begin")
    assert eventually((setting.folder / "stopped").exists), setting.log()
    setting.call(STOP, "stop")
    assert eventually(lambda: "stopped" in setting.runs()), setting.log()
    setting.stop(worker)
    run = setting.runs()["stopped"]
    assert told(run)[:3] == ("failed", "in", "the job was stopped by a command before it ended")
    assert run["duration"] > 0


@pytest.mark.long
def test_the_worker_of_the_package_records_jobs_that_are_marked(new_setting: Callable[..., Setting]):
    setting = new_setting()
    worker = setting.start("rq", "worker", "-w", "xpander_facade.integrations.rq.SpawnWorker", "--url", setting.redis)
    call(setting, "marked", "named")
    assert eventually(setting.runs)
    setting.stop(worker)
    assert list(setting.runs()) == ["marked"]


@pytest.mark.long
@pytest.mark.parametrize("kind", ["rq.worker.Worker", "rq.worker.SpawnWorker", "rq.worker.SimpleWorker"])
def test_a_worker_without_the_integration_says_that_nobody_may_send(new_setting: Callable[..., Setting], kind: str):
    setting = new_setting()
    setting.start("rq", "worker", "-w", kind, "--url", setting.redis)
    setting.call(
        "import os, rq, rq_bare; from redis import Redis\n"
        "rq.Queue(connection=Redis.from_url(os.environ['REDIS'])).enqueue(rq_bare.named, 'in')"
    )
    told = "RQ ends this process as soon as its job is done"
    assert eventually(lambda: "Job OK" in setting.log() or told in setting.log()), setting.log()
    assert setting.log().count(told) == (0 if "Simple" in kind else 1)
