"""AWS Lambda's own runtime client, over a Runtime API on this machine."""

import pytest
from running import Setting
from runtime_api import Runtime

from xpander_facade.emulator import Emulator


@pytest.fixture(scope="module")
def platform():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(params=[True, False], ids=["outbox", "direct"])
def setting(platform, tmp_path, request):
    platform.reset()
    return Setting(platform, "", tmp_path, has_outbox=request.param)


@pytest.fixture
def start(setting):
    started = []

    def start(handler="lambda_function.handle", **environment):
        runtime = Runtime(handler, setting.environment(**environment), setting.folder / "lambda.log")
        started.append(runtime)
        return runtime

    yield start
    for runtime in started:
        runtime.close()


def history(platform):
    return {task["id"]: (task["status"], task["result"]) for task in platform.tasks()}


def test_each_invocation_is_a_run_that_is_sent_before_it_ends(start, platform):
    runtime = start()
    for number in range(3):
        answer, _ = runtime.invoke(f"request-{number}", {"text": f"t{number}"})
        assert answer == f"T{number}"
        # The environment is frozen now: nothing can be sent any more.
        assert history(platform)[f"request-{number}"] == ("completed", f"T{number}")


def test_a_handler_that_raises_is_a_failed_run_and_fails_as_before(start, platform):
    answer, _ = start().invoke("request-1", {"text": "fail"})
    assert answer["errorType"] == "LookupError"
    assert history(platform)["request-1"] == ("failed", "no invoice")


def test_the_time_limit_is_told_before_the_kill(start, platform):
    answer, _ = start().invoke(
        "request-1", {"text": "slow", "seconds": 60}, limit=2.5, grace=30, is_enough=lambda: bool(history(platform))
    )
    assert answer is None
    status, text = history(platform)["request-1"]
    assert status == "failed"
    assert text.startswith("time limit: ")


@pytest.mark.long
def test_a_run_that_ends_in_the_last_moment_is_no_failure(start, platform):
    runtime = start()
    answer, _ = runtime.invoke("request-1", {"text": "slow", "seconds": 2.1}, limit=2.5, grace=30)
    assert answer == "SLOW"
    for number in range(20):  # a machine that was too busy for the last 0.4 s sends it with the next ones
        if history(platform)["request-1"] == ("completed", "SLOW"):
            break
        runtime.invoke(f"next-{number}", {"text": "x"})
    assert history(platform)["request-1"] == ("completed", "SLOW")


def test_an_outage_costs_an_invocation_little(start):
    runtime = start(XPANDER_BASE_URL="http://127.0.0.1:9")
    runtime.invoke("request-0", {"text": "x"}, limit=60)
    answer, taken = runtime.invoke("request-1", {"text": "x"}, limit=60)
    assert answer == "X"
    assert taken < 20  # it would be 59 if it waited for the platform as long as it may


def test_a_batch_of_messages_is_a_run_each_with_partial_failures(start, platform):
    records = [
        {"messageId": f"message-{number}", "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
        for number, body in enumerate(["one", "fail", "three"])
    ]
    answer, _ = start("lambda_function.handle_messages").invoke("request-1", {"Records": records})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    assert history(platform) == {
        "message-0": ("completed", "ONE"),
        "message-1": ("failed", "no invoice"),
        "message-2": ("completed", "THREE"),
    }
