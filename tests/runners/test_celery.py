"""Record tasks of a real Celery worker over a real Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from running import Setting, eventually, told

from xpander_facade import Backend, Configuration
from xpander_facade.errors import IntegrationError
from xpander_facade.integrations import celery as integration

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

CALL = """
import json, sys
from celery import exceptions
import celery_app
results = []
for name in sys.argv[1:]:
    name, _, text = name.partition("=")
    results.append((name, getattr(celery_app, name).apply_async((text or "in",), task_id=name)))
answers = {}
for name, result in results:
    if name == "ignored":
        continue
    try:
        answers[name] = result.get(timeout=40)
    except BaseException as error:
        answers[name] = [type(error).__name__, str(error), getattr(error, "status_code", None)]
print(json.dumps(answers))
"""
ALL = (
    "named",
    "quiet",
    "marked",
    "used",
    "parts",
    "flaky",
    "failing",
    "hard",
    "soft",
    "ignored",
    "misdescribed",
    "refused",
)


def work(setting: Setting, pool: str = "prefork", name: str = "worker", **more: str) -> subprocess.Popen[bytes]:
    worker = setting.start(
        "celery", "-A", "celery_app", "worker", "-n", f"{name}@here", "-P", pool, "-c", "2", "-l", "INFO",
        "--without-gossip", "--without-mingle", name=name, **more,
    )  # fmt: skip
    assert eventually(lambda: " ready." in setting.log(name)), setting.log(name)
    return worker


def call(setting: Setting, *names: str) -> dict[str, object]:
    import json

    answers: dict[str, object] = json.loads(setting.call(CALL, *names))
    return answers


@pytest.mark.parametrize("outbox", [True, pytest.param(False, marks=pytest.mark.long)])
def test_tasks_of_a_prefork_pool_are_recorded(new_setting: Callable[..., Setting], outbox: bool):
    setting = new_setting(outbox=outbox)
    worker = work(setting)
    answers = call(setting, *ALL)
    # Celery's own results are those that it has without us, but for what an error of ours tells.
    assert answers["flaky"] == "done"
    assert answers["failing"] == ["ValueError", "no 2", None]
    assert "TimeLimitExceeded" in answers["hard"][0]
    assert answers["soft"][0] == "SoftTimeLimitExceeded"
    assert answers["refused"][2] == 404
    setting.stop(worker)
    runs = setting.runs()
    assert sorted(runs) == [
        "failing", "flaky", "hard", "marked", "misdescribed", "named", "own", "parts", "soft", "used",
    ]  # fmt: skip
    assert told(runs["named"]) == ("completed", "in", "IN", 0)
    assert told(runs["marked"]) == ("completed", "asked in", "answered in", 0)
    assert told(runs["used"]) == ("completed", "in", "used", 5)
    assert runs["used"]["used_tools"] == ["search"]
    assert told(runs["parts"]) == ("completed", "in", "both", 7)
    assert told(runs["own"]) == ("completed", "of its own", "apart", 0)
    assert told(runs["flaky"]) == ("completed", "in", "done", 3000)
    assert told(runs["failing"]) == ("failed", "in", "no 2", 30)
    assert told(runs["hard"])[:3] == ("failed", "in", "hard time limit (1 s) exceeded")
    assert 0.9 <= runs["hard"]["duration"] < 5
    assert told(runs["soft"])[:2] == ("failed", "in")
    assert "SoftTimeLimitExceeded" in runs["soft"]["result"]
    assert 0.9 <= runs["soft"]["duration"] < 5
    assert runs["misdescribed"]["status"] == "completed"
    assert "job misdescribed goes on" in setting.log()


@pytest.mark.long
def test_a_warm_shutdown_sends_what_waits_though_the_platform_is_slow(new_setting: Callable[..., Setting]):
    setting = new_setting()
    setting.emulator.delay(0.4, times=100)
    worker = work(setting)
    setting.call(
        "import celery_app\nfor r in [celery_app.named.apply_async(('x',)) for _ in range(8)]: r.get(timeout=30)"
    )
    setting.stop(worker)
    left = setting.log().count("reports wait")
    assert len(setting.runs()) == 8 or left, setting.log()
    assert len(setting.runs()) == 8


@pytest.mark.long
def test_a_restarted_worker_without_tasks_sends_what_an_earlier_one_left(new_setting: Callable[..., Setting]):
    setting = new_setting()
    setting.emulator.fail(503, times=10_000)
    worker = work(setting)
    call(setting, "named")
    setting.stop(worker)
    assert "reports wait in" in setting.log()
    assert setting.runs() == {}
    setting.emulator.reset()
    work(setting, name="again")
    assert eventually(setting.runs)


@pytest.mark.long
def test_a_task_that_another_host_has_done_stays_done(new_setting: Callable[..., Setting]):
    setting = new_setting()
    first = work(setting, name="a", HOST="A", XPANDER_OUTBOX=str(setting.folder / "a.db"))
    setting.call("import celery_app; celery_app.twice.apply_async(('x',), task_id='twice')")
    # The log tells of it before its run has begun, which takes its time in a child that has only just been forked.
    assert eventually((setting.folder / "twice-has-begun").exists), setting.log("a")
    setting.kill(first)
    second = work(setting, name="b", HOST="B", TAKES_OVER="1", XPANDER_OUTBOX=str(setting.folder / "b.db"))
    assert eventually(lambda: setting.runs().get("twice", {}).get("status") == "completed", 60)
    setting.stop(second)
    work(setting, name="a", HOST="B", XPANDER_OUTBOX=str(setting.folder / "a.db"))
    assert eventually(lambda: "that stays" in setting.log("a"))
    assert told(setting.runs()["twice"]) == ("completed", "x", "by B", 0)


@pytest.mark.long
@pytest.mark.parametrize("outbox", [True, False])
def test_a_task_whose_child_is_killed_is_done_again_and_recorded_once(
    new_setting: Callable[..., Setting], outbox: bool
):
    setting = new_setting(outbox=outbox)
    worker = work(setting)
    assert call(setting, f"lost={setting.folder}/flag")["lost"] == "done"
    setting.stop(worker)
    assert told(setting.runs()["lost"])[0::2] == ("completed", "done")


@pytest.mark.long
@pytest.mark.parametrize("outbox", [True, False])
def test_a_task_whose_child_is_killed_has_the_outcome_that_celery_gives_it(
    new_setting: Callable[..., Setting], outbox: bool
):
    setting = new_setting(outbox=outbox)
    worker = work(setting)
    answers = call(setting, "lost_late", "lost_for_good", "lost_with_base")
    assert answers["lost_late"] == "done"
    assert answers["lost_for_good"][0] == "WorkerLostError"
    setting.stop(worker)
    runs = setting.runs()
    assert told(runs["lost_late"]) == ("completed", "in", "done", 0)
    assert told(runs["lost_for_good"])[:2] == ("failed", "in")
    for name in ("lost_for_good", "lost_with_base"):
        assert "the worker's process ended before the task did" in runs[name]["result"]


@pytest.mark.long
@pytest.mark.parametrize("pool", ["threads", "solo", "gevent"])
def test_tasks_of_other_pools_are_recorded(new_setting: Callable[..., Setting], pool: str):
    setting = new_setting()
    worker = work(setting, pool)
    call(setting, "named", "quiet", "marked", "used", "parts", "flaky", "failing", "ignored")
    setting.stop(worker)
    runs = setting.runs()
    assert sorted(runs) == ["failing", "flaky", "marked", "named", "own", "parts", "used"]
    assert told(runs["flaky"]) == ("completed", "in", "done", 3000)
    assert told(runs["failing"]) == ("failed", "in", "no 2", 30)


# --- without a worker ---


@pytest.fixture
def backend() -> Backend:
    return Backend(Configuration(disabled=True, agent_id="agent-1"))


def test_what_makes_no_sense_is_an_error_that_names_it(backend: Backend):
    from celery import Celery

    app = Celery("here", set_as_current=False)
    integration.instrument(app, backend)
    with pytest.raises(IntegrationError, match="instrumented already"):
        integration.instrument(app, backend)
    integration.uninstrument(app)
    integration.instrument(app, backend)
    integration.uninstrument(app)
    integration.uninstrument(app)
    for given, expected in (
        ({"tasks": "shop.tasks.summarise"}, "in a list"),
        ({"input": "text"}, "input must be"),
    ):
        with pytest.raises(IntegrationError, match=expected):
            integration.instrument(app, backend, **given)
    with pytest.raises(IntegrationError, match="must be a Celery app"):
        integration.instrument(object(), backend)
    with pytest.raises(IntegrationError, match="must be a Backend"):
        integration.instrument(app, object())


def test_a_child_that_is_ended_at_its_hard_limit_says_so_however_slowly_it_began(new_setting: Callable[..., Setting]):
    import time

    from celery import Celery, signals

    setting = new_setting(outbox=False)
    app = Celery("here", set_as_current=False)

    def describe(text: str) -> str:
        time.sleep(0.3)
        return text

    backend = Backend(api_key="key-1", organization_id="org-1", agent_id="agent-1", base_url=setting.emulator.url)
    integration.instrument(app, backend, all=True, input=describe)

    @app.task(name="here.task", time_limit=0.5)
    def task(text: str) -> None:
        pass

    try:
        # What a child of a prefork pool does: its parent's clock runs from before its signal on.
        signals.task_prerun.send(task, task_id="late", task=task, args=("in",), kwargs={})
        time.sleep(0.2)
        try:
            raise SystemExit(-241)
        except SystemExit:
            signals.task_postrun.send(task, task_id="late", task=task, args=("in",), kwargs={}, retval=None, state=None)
    finally:
        integration.uninstrument(app)
        backend.close()
    run = setting.runs()["late"]
    assert told(run)[:3] == ("failed", "in", "hard time limit (0.5 s) exceeded")
    assert run["duration"] >= 0.5


def test_a_failed_instrument_leaves_the_app_as_it_was(backend: Backend):
    from celery import Celery, signals

    app = Celery("here", set_as_current=False)
    before, receivers = app.Task.Request, len(signals.task_prerun.receivers or ())
    integration.instrument(app, backend)
    assert app.Task.Request is not before
    integration.uninstrument(app)
    assert (app.Task.Request, len(signals.task_prerun.receivers or ())) == (before, receivers)


def test_two_deliveries_of_one_task_in_one_process_are_both_seen_to_their_ends(new_setting: Callable[..., Setting]):
    import threading

    from celery import Celery

    from xpander_facade import current_run

    setting = new_setting(outbox=False)
    app = Celery("here", set_as_current=False)
    backend = Backend(api_key="key-1", organization_id="org-1", agent_id="agent-1", base_url=setting.emulator.url)
    integration.instrument(app, backend, all=True)
    both_begun = threading.Barrier(2, timeout=30)
    first_ended = threading.Event()
    own_runs: list[bool] = []

    @app.task(name="here.again")
    def task(text: str) -> str:
        run = current_run()
        both_begun.wait()
        if text == "second":
            assert first_ended.wait(30)
        own_runs.append(current_run() is run)
        return text

    def deliver(text: str) -> None:
        task.apply((text,), task_id="again")
        first_ended.set()

    app.finalize()
    threads = [threading.Thread(target=deliver, args=(text,)) for text in ("first", "second")]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        integration.uninstrument(app)
        backend.close()
    assert own_runs == [True, True]
    assert told(setting.runs()["again"])[0::2] == ("completed", "second")


def test_tasks_with_a_base_class_of_their_own_are_told_of_lost_children_too(backend: Backend):
    from celery import Celery, Task, signals
    from celery.worker.request import Request

    class OwnRequest(Request):
        pass

    class Base(Task):
        abstract = True

    class Special(Task):
        abstract = True
        Request = OwnRequest

    app = Celery("here", set_as_current=False)
    integration.instrument(app, backend)

    def task() -> None:
        pass

    made = [app.task(name=f"here.{base.__name__}", base=base)(task) for base in (app.Task, Base, Special)]
    before = [task.Request for task in made[1:]]
    signals.worker_init.send(None)
    assert all(hasattr(task.Request, "_report_end") for task in made)
    assert issubclass(made[2].Request, OwnRequest)
    integration.uninstrument(app)
    assert [task.Request for task in made[1:]] == before
