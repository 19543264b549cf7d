"""Handlers of Lambda, called as its runtime client does."""

import os
import queue
import threading
import time
from types import SimpleNamespace

import pytest

from xpander_facade import Backend, Configuration, IntegrationError, report_counts
from xpander_facade.emulator import Emulator
from xpander_facade.integrations import _lambda_time, lambda_
from xpander_facade.integrations._lambda_time import Alarms, _alarms_of_process


@pytest.fixture(scope="module")
def platform():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(params=[True, False], ids=["outbox", "direct"])
def backend(platform, tmp_path, request):
    platform.reset()
    outbox = tmp_path / "runs.db" if request.param else None
    with Backend(Configuration(api_key="k", base_url=platform.url, agent_id="a", outbox=outbox)) as backend:
        yield backend


def context(id="request-1", seconds=30.0):
    until = time.monotonic() + seconds
    return SimpleNamespace(
        aws_request_id=id, get_remaining_time_in_millis=lambda: int(max(0.0, until - time.monotonic()) * 1_000)
    )


def history(platform):
    return {task["id"]: (task["status"], task["result"]) for task in platform.tasks()}


def test_an_invocation_is_sent_when_its_handler_returns(backend, platform):
    @lambda_.handler(backend)
    def handle(event, context):
        return {"due": "May"}

    assert handle({"question": "When?"}, context()) == {"due": "May"}
    (task,) = platform.tasks()
    assert (task["id"], task["status"], task["result"]) == ("request-1", "completed", '{"due": "May"}')
    assert task["input"]["text"] == '{"question": "When?"}'
    assert handle.__name__ == "handle"


def test_input_and_result_can_be_given_and_left_out(backend, platform):
    @lambda_.handler(backend, input=lambda event: event["secret"], result=False)
    def handle(event, context):
        return "secret"

    assert handle({}, context()) == "secret"  # what gives the input has raised, which is no failure of the job
    assert history(platform) == {"request-1": ("completed", None)}


def test_an_error_goes_on_and_the_run_has_failed(backend, platform):
    @lambda_.handler(backend)
    def handle(event, context):
        raise LookupError("no invoice")

    with pytest.raises(LookupError):
        handle({}, context())
    assert history(platform) == {"request-1": ("failed", "no invoice")}


def test_the_time_limit_is_told_before_it_comes(backend, platform):
    may_end = threading.Event()

    @lambda_.handler(backend)
    def handle(event, context):
        for _ in range(600):
            if history(platform).get("request-1", ("", ""))[0] == "failed":
                break
            time.sleep(0.05)
        may_end.set()
        told.append(history(platform)["request-1"][1])
        return "after all"

    told = []
    handle({}, context(seconds=0.9))
    assert told[0].startswith("time limit: ")
    if backend.configuration.outbox is not None:
        backend.flush(10)
    assert history(platform)["request-1"] == ("completed", "after all")


def test_each_message_of_a_batch_is_a_run(backend, platform):
    @lambda_.sqs_handler(backend)
    def handle(record, context):
        if record["body"] == "fail":
            raise LookupError("no invoice")
        return record["body"].upper()

    records = [{"messageId": f"m-{number}", "body": body} for number, body in enumerate(["one", "fail", "three"])]
    assert handle({"Records": records}, context()) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert history(platform) == {
        "m-0": ("completed", "ONE"),
        "m-1": ("failed", "no invoice"),
        "m-2": ("completed", "THREE"),
    }


def test_messages_that_there_is_no_time_for_are_left_to_the_queue(backend, platform):
    @lambda_.sqs_handler(backend)
    def handle(record, context):
        return "x"

    records = [{"messageId": "m-1", "body": "x"}]
    assert handle({"Records": records}, context(seconds=0.3)) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert platform.tasks() == []


def test_a_handler_runs_where_nothing_can_be_recorded(caplog):
    failed = report_counts().failed

    @lambda_.handler(Backend(Configuration(agent_id="a")))
    def handle(event, context):
        return "x"

    assert handle({}, context()) == "x"
    assert "invocation request-1 is not recorded" in caplog.text
    assert report_counts().failed == failed + 1


def test_only_functions_are_handlers(backend):
    with pytest.raises(IntegrationError, match="records a function, not a str"):
        lambda_.handler(backend)("handle")


@pytest.mark.parametrize("decorator", [lambda_.handler, lambda_.sqs_handler])
def test_what_makes_no_sense_is_an_error_as_the_environment_starts(backend, decorator):
    async def awaited(event, context):
        pass

    with pytest.raises(IntegrationError, match=r"must be a Backend, not function: write @handler\(backend\)"):
        decorator(lambda event, context: "x")
    with pytest.raises(IntegrationError, match="must be a Backend, not NoneType"):
        decorator(None)
    with pytest.raises(IntegrationError, match="input must be a function, True or False, not 'question'"):
        decorator(backend, input="question")
    with pytest.raises(IntegrationError, match="result must be a function, True or False, not None"):
        decorator(backend, result=None)
    with pytest.raises(IntegrationError, match="Lambda awaits no handler"):
        decorator(backend)(awaited)


def test_what_gives_input_and_result_may_give_any_json(backend, platform):
    @lambda_.handler(backend, input=lambda event: event, result=lambda value: [value])
    def handle(event, context):
        return "May"

    assert handle({"question": "When?"}, context()) == "May"
    (task,) = platform.tasks()
    assert (task["status"], task["input"]["text"], task["result"]) == ("completed", '{"question": "When?"}', '["May"]')


@pytest.mark.parametrize("event", [{}, None, {"Records": [{"Sns": {"MessageId": "m"}}]}, {"Records": {}}])
def test_an_event_that_is_no_batch_is_an_error_that_says_so(backend, platform, event):
    @lambda_.sqs_handler(backend)
    def handle(record, context):
        return "x"

    with pytest.raises(IntegrationError, match="not a batch of SQS"):
        handle(event, context())
    assert platform.tasks() == []


@pytest.mark.parametrize("is_fifo", [True, False])
def test_a_group_of_a_fifo_queue_stays_in_order(backend, platform, is_fifo):
    handled = []

    @lambda_.sqs_handler(backend)
    def handle(record, context):
        handled.append(record["messageId"])
        if record["body"] == "fail":
            raise LookupError("no invoice")
        return "x"

    records = [
        {
            "messageId": id,
            "body": body,
            "attributes": {"MessageGroupId": group},
            "eventSourceARN": f"arn:aws:sqs:eu-central-1:123456789012:q{'.fifo' if is_fifo else ''}",
        }
        for id, group, body in (("a", "1", "x"), ("b", "1", "fail"), ("c", "2", "x"), ("d", "1", "x"), ("e", "2", "x"))
    ]
    answer = handle({"Records": records}, context())
    left = [entry["itemIdentifier"] for entry in answer["batchItemFailures"]]
    assert left == (["b", "d"] if is_fifo else ["b"])
    assert handled == (["a", "b", "c", "e"] if is_fifo else ["a", "b", "c", "d", "e"])
    assert set(history(platform)) == set(handled)


def test_a_message_that_is_twice_in_a_batch_is_one_run_and_one_failure(backend, platform):
    @lambda_.sqs_handler(backend)
    def handle(record, context):
        raise LookupError("no invoice")

    records = [{"messageId": "a", "body": "x"}] * 2
    assert handle({"Records": records}, context()) == {"batchItemFailures": [{"itemIdentifier": "a"}]}
    assert history(platform) == {"a": ("failed", "no invoice")}


def test_nothing_is_left_for_a_snapshot(backend, platform, monkeypatch):
    registered = []
    hooks = SimpleNamespace(register_before_snapshot=lambda function, *given: registered.append((function, given)))
    monkeypatch.setitem(__import__("sys").modules, "snapshot_restore_py", hooks)

    @lambda_.handler(backend)
    def handle(event, context):
        return "x"

    ((function, given),) = registered
    function(*given)
    assert handle({}, context()) == "x"
    assert history(platform) == {"request-1": ("completed", "x")}


@pytest.fixture
def alarms():
    return Alarms()


def test_an_alarm_comes_at_its_time_and_not_where_it_was_cancelled(alarms):
    came = queue.SimpleQueue()
    now = time.monotonic()
    with alarms._changed:  # it can't come before it is cancelled
        alarms.set(now + 0.05, lambda: came.put("cancelled"))()
        alarms.set(now + 0.1, lambda: came.put(time.monotonic()))
    assert came.get(timeout=30) >= now + 0.1
    assert came.empty()


def test_an_alarm_that_is_due_earlier_than_those_before_comes_first(alarms):
    came = queue.SimpleQueue()
    now = time.monotonic()
    cancel = alarms.set(now + 3600, lambda: came.put("late"))
    alarms.set(now + 0.05, lambda: came.put("early"))
    assert came.get(timeout=30) == "early"
    cancel()


def test_an_alarm_that_takes_its_time_holds_no_other_up(alarms):
    came, may_end = queue.SimpleQueue(), threading.Event()
    now = time.monotonic()
    alarms.set(now, lambda: (came.put("first"), may_end.wait(30)))
    alarms.set(now + 0.05, lambda: came.put("second"))
    assert [came.get(timeout=30), came.get(timeout=30)] == ["first", "second"]
    may_end.set()


def test_alarms_that_were_cancelled_wake_no_thread_and_need_no_new_one(alarms, monkeypatch):
    started = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (started.append(thread.name), start(thread))[1])
    for _ in range(100):
        alarms.set(time.monotonic() + 3600, pytest.fail)()
    assert started == ["xpander-lambda-time"]


def test_the_thread_of_alarms_ends_where_nothing_is_left_and_starts_again(alarms):
    came = queue.SimpleQueue()
    for _ in range(2):
        alarms.set(time.monotonic(), lambda: came.put("came"))
        assert came.get(timeout=30) == "came"
        until = time.monotonic() + 30
        while alarms._is_running and time.monotonic() < until:
            time.sleep(0.01)
        assert not alarms._is_running


@pytest.fixture
def exhausted(monkeypatch):
    """The names of the threads that can't be started; by default those of the time limit."""
    start = threading.Thread.start
    names = {"xpander-lambda-time", "xpander-lambda-limit"}

    def try_to_start(thread):
        if thread.name in names:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", try_to_start)
    return names


def test_a_function_that_has_all_threads_still_runs_and_is_recorded(backend, platform, exhausted, monkeypatch, caplog):
    monkeypatch.setattr(_lambda_time, "_alarms", {})

    @lambda_.handler(backend)
    def handle(event, context):
        return "x"

    assert handle({}, context()) == "x"
    assert history(platform) == {"request-1": ("completed", "x")}
    assert "the time limit of run request-1 is not reported, should it come to that" in caplog.text
    exhausted.clear()
    assert handle({}, context("request-2")) == "x"
    assert caplog.text.count("is not reported") == 1


def test_an_alarm_that_gets_no_thread_of_its_own_comes_all_the_same(alarms, exhausted):
    exhausted.remove("xpander-lambda-time")
    came = queue.SimpleQueue()
    for number in range(2):
        alarms.set(time.monotonic(), lambda number=number: came.put(number))
        assert came.get(timeout=30) == number


def test_an_alarm_that_gets_no_thread_and_fails_or_takes_its_time_holds_up_nobody_who_sets_one(
    alarms, exhausted, caplog
):
    exhausted.remove("xpander-lambda-time")
    began, may_end, came = threading.Event(), threading.Event(), queue.SimpleQueue()

    def fail_late():
        began.set()
        may_end.wait(30)
        raise LookupError("no platform")

    alarms.set(time.monotonic(), fail_late)
    assert began.wait(30)
    setting = threading.Thread(target=alarms.set, args=(time.monotonic(), lambda: came.put("second")), daemon=True)
    setting.start()
    setting.join(10)
    assert not setting.is_alive()
    may_end.set()
    assert came.get(timeout=30) == "second"
    alarms.set(time.monotonic(), lambda: came.put("third"))
    assert came.get(timeout=30) == "third"
    until = time.monotonic() + 30
    while "the time limit of a function was not reported" not in caplog.text:
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_has_alarms_of_its_own():
    _alarms_of_process().set(time.monotonic() + 3600, pytest.fail)()
    child = os.fork()
    if not child:
        try:
            came = threading.Event()
            _alarms_of_process().set(time.monotonic(), came.set)
            os._exit(0 if came.wait(30) else 2)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
