"""Record the attempts of a run under one id, as job runners make them: sums, outcome, dead processes."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, configured, run_python
from celery_like import Retry
from recording import AGENT, Setting, block, throw, told

from xpander_facade import Backend, Tasks, Tokens, _client
from xpander_facade._requests.report import check_taken, report_request
from xpander_facade.outbox import Outbox
from xpander_facade.outbox._claims import Claim
from xpander_facade.outbox._in_flight import DIED
from xpander_facade.outbox._merge import JOURNAL
from xpander_facade.outbox._reconciliation import reconciled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from xpander_facade import ExternalTask
    from xpander_facade.emulator import Emulator


def used(prompt: int, error: BaseException | None = None, result: str = "done") -> Callable[[ExternalTask], None]:
    """Return the work of an attempt that uses tokens, and fails or does not."""

    def work(run: ExternalTask) -> None:
        run.tokens = Tokens(prompt_tokens=prompt, completion_tokens=prompt // 10)
        run.result = result
        if error is not None:
            throw(error)

    return work


def attempt(call: Caller, backend: Backend, number: object, work: Callable[[ExternalTask], None], **more: Any) -> None:
    with contextlib.suppress(ValueError, Retry):
        block(call, backend.external_task(id="job-1", input="x", attempt=number, **more), work)


def test_three_attempts_under_one_id_tell_what_all_of_them_used(call: Caller, setting: Setting):
    for number in (1, 2):
        attempt(call, setting.backend, number, used(9000, ValueError("the tool failed")))
    attempt(call, setting.backend, 3, used(100))
    run = setting.run()
    assert run["tokens"]["total_tokens"] == 19_910
    assert told(run) == ("completed", "x", "done")
    ledger = Tasks(setting.configuration).get("job-1").extra["llm_response"]["_run"]["attempts"]
    assert list(ledger) == ["1", "2", "3"]
    assert ledger["2"]["prompt_tokens"] == 9000
    assert run["duration"] == pytest.approx(sum(counts["duration"] for counts in ledger.values()))


def test_an_attempt_that_is_reported_three_times_counts_once(call: Caller, setting: Setting):
    attempt(call, setting.backend, 1, used(50, ValueError("no")))
    for _ in range(3):
        attempt(call, setting.backend, 2, used(100))
        setting.runs()
    assert setting.run()["tokens"]["prompt_tokens"] == 150


def test_other_hosts_add_to_what_the_record_tells(emulator: Emulator, tmp_path: Path, call: Caller):
    hosts = [Setting(emulator, None if n == 1 else tmp_path / f"{n}.db") for n in range(3)]
    for number, host in enumerate(hosts):
        attempt(call, host.backend, number, used(10**number))
        host.runs()
    assert hosts[0].run()["tokens"]["prompt_tokens"] == 111
    for host in hosts:
        host.backend.close()


def test_a_late_report_of_an_earlier_attempt_adds_its_counts_alone(call: Caller, setting: Setting):
    attempt(call, setting.backend, 2, used(100, result="done"))
    setting.runs()
    attempt(call, setting.backend, 1, used(50, ValueError("no"), result="half"))
    run = setting.run()
    assert (run["status"], run["result"], run["tokens"]["prompt_tokens"]) == ("completed", "done", 150)


def test_what_an_attempt_used_that_the_runner_repeats_is_not_lost(call: Caller, setting: Setting):
    attempt(call, setting.backend, 0, used(9000, Retry()))
    run = setting.run()
    assert (run["status"], run["result"], run["tokens"]["prompt_tokens"]) == ("completed", None, 9000)
    attempt(call, setting.backend, 1, used(100))
    assert setting.run()["tokens"]["prompt_tokens"] == 9100


def test_an_attempt_that_is_repeated_and_used_nothing_is_not_reported(call: Caller, setting: Setting):
    attempt(call, setting.backend, 0, lambda run: throw(Retry()))
    assert setting.runs() == {}


def test_the_last_attempt_alone_counts_where_that_is_asked_for(call: Caller, setting: Setting):
    for more in ({"attempts": "last"}, {}):
        number = None if not more else 1
        attempt(call, setting.backend, number, used(9000), **more)
        attempt(call, setting.backend, None if not more else 2, used(100), **more)
        assert setting.run()["tokens"]["prompt_tokens"] == 100


def test_attempts_can_be_records_of_their_own(call: Caller, setting: Setting):
    attempt(call, setting.backend, 1, used(9000, ValueError("no")), attempts="separate")
    attempt(call, setting.backend, "two", used(100), attempts="separate")
    runs = setting.runs()
    assert {id: run["status"] for id, run in runs.items()} == {"job-1#1": "failed", "job-1#two": "completed"}


def test_a_start_that_is_reported_leaves_the_counts_of_earlier_attempts(call: Caller, setting: Setting):
    attempt(call, setting.backend, 1, used(9000, ValueError("no")))
    attempt(call, setting.backend, 2, used(100), report_start=True)
    assert setting.run()["tokens"]["prompt_tokens"] == 9100


def test_a_decorated_call_takes_its_attempt_from_its_arguments(setting: Setting):
    @setting.backend.external_task(id=lambda job, n: job, attempt=lambda job, n: n)
    def work(job: str, n: int) -> dict[str, Any]:
        return {"object": "chat.completion", "choices": [], "usage": {"prompt_tokens": n, "completion_tokens": 0}}

    for n in (3, 4, 4):
        work("job-7", n)
    assert setting.run()["tokens"]["prompt_tokens"] == 7


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"attempt": 1}, "pass id="),
        ({"id": "a", "attempt": 1.5}, "attempt must be"),
        ({"id": "a", "attempt": True}, "attempt must be"),
        ({"id": "a", "attempt": ""}, "attempt is empty"),
        ({"id": "a", "attempt": 1, "attempts": "add"}, "attempts must be"),
    ],
)
def test_what_makes_no_sense_is_an_error_before_the_block(setting: Setting, given: dict[str, Any], expected: str):
    with pytest.raises((TypeError, ValueError), match=expected):
        setting.backend.external_task(**given)


def test_a_platform_that_does_not_tell_earlier_counts_gets_those_of_the_attempt_and_that_is_logged(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    from xpander_facade import _records as records

    monkeypatch.setattr(records, "_warned", set())
    setting = Setting(emulator, None)
    attempt(Caller("sync"), setting.backend, 1, used(5))
    monkeypatch.setattr(type(emulator._executions), "shown", type(emulator._executions).find)
    for number in (2, 3):
        attempt(Caller("sync"), setting.backend, number, used(7))
    assert setting.run()["tokens"]["prompt_tokens"] == 7
    assert caplog.text.count("does not show what the earlier attempts of run job-1 used") == 1
    setting.backend.close()


# --- processes that die ---

DYING = """
    import os, sys
    from xpander_facade import Backend, Configuration
    url, outbox, id, start, attempt = sys.argv[1:6]
    backend = Backend(Configuration("k", "org-1", url, "agent-123", outbox=outbox))
    number = int(attempt) if attempt else None
    if os.fork() == 0:
        with backend.external_task(id=id, input="in", report_start=start == "start", attempt=number):
            if start == "start":
                backend.flush(10)
            os.kill(os.getpid(), 9)
    os.wait()
"""


@pytest.fixture
def die(emulator: Emulator, tmp_path: Path) -> Iterator[Callable[..., Setting]]:
    """Let a process die in the midst of a run, and return what takes up its file."""
    made: list[Setting] = []

    def dying(id: str, *, start: bool = False, number: int | None = None) -> Setting:
        arguments = (emulator.url, str(tmp_path / "dead.db"), id, "start" if start else "", str(number or ""))
        run_python(DYING, *arguments)
        made.append(Setting(emulator, tmp_path / "dead.db"))
        return made[-1]

    yield dying
    for setting in made:
        Outbox.of(setting.configuration).close()
        setting.backend.close()


@pytest.fixture
def elsewhere(emulator: Emulator) -> Iterator[Backend]:
    """Another host."""
    with Backend(configured(emulator, agent_id=AGENT)) as backend:
        yield backend


@pytest.mark.parametrize("number", [None, 1])
def test_the_failure_of_a_dead_run_leaves_an_end_from_elsewhere(
    die: Callable[..., Setting], elsewhere: Backend, number: int | None, caplog: pytest.LogCaptureFixture
):
    dead = die("job-1", number=number)
    with elsewhere.external_task(id="job-1", input="in", attempt=number) as run:
        run.result = "done elsewhere"
    assert told(dead.run()) == ("completed", "in", "done elsewhere")
    assert "job-1: its process ended before the run did, and it was done elsewhere since: that stays" in caplog.text


@pytest.mark.parametrize("number", [None, 2])
@pytest.mark.parametrize("start", [False, True])
def test_the_failure_of_a_dead_run_goes_before_what_ended_before_it_began(
    die: Callable[..., Setting], elsewhere: Backend, number: int | None, start: bool
):
    with elsewhere.external_task(id="job-1", input="in", attempt=number and 1) as run:
        run.result = "done before"
    dead = die("job-1", number=number, start=start)
    assert told(dead.run()) == ("failed", "in", "process ended before the run did")


def test_the_failure_of_a_dead_run_goes_before_the_report_of_its_start(die: Callable[..., Setting]):
    assert told(die("job-1", start=True).run()) == ("failed", "in", "process ended before the run did")


def test_the_failure_of_a_dead_run_waits_until_the_platform_can_be_asked(
    die: Callable[..., Setting], elsewhere: Backend, emulator: Emulator
):
    dead = die("job-1")
    with elsewhere.external_task(id="job-1", input="in") as run:
        run.result = "done elsewhere"
    emulator.fail(503, times=3, operation="get_task")
    assert dead.backend.flush(5).waiting in (0, 1)
    assert emulator.task("job-1")["status"] == "completed"
    until = time.monotonic() + 20
    while dead.backend.flush(5).waiting and time.monotonic() < until:
        threading.Event().wait(0.05)
    assert dead.run()["result"] == "done elsewhere"
    assert len(emulator.requests("get_task")) == 4


def test_a_key_that_may_not_read_reports_the_dead_run_all_the_same(die: Callable[..., Setting], emulator: Emulator):
    emulator.fail(403, times=100, operation="get_task")
    assert die("job-1").run()["status"] == "failed"


@pytest.mark.parametrize("has_more", [False, True])
def test_what_earlier_attempts_used_is_added_where_the_dead_one_was_done_elsewhere(
    elsewhere: Backend, emulator: Emulator, has_more: bool
):
    attempt(Caller("sync"), elsewhere, 2, used(100))
    ledger = {**({"1": {"prompt_tokens": 9000, "duration": 2.0}} if has_more else {}), "2": {"duration": 0.5}}
    body = {
        "id": "job-1",
        "is_success": False,
        "result": DIED,
        "llm_response": {"_run": {"attempts": ledger}},
        JOURNAL: {"began_at": 0.0},
    }
    found = reconciled(elsewhere.configuration, Claim(1, 1, "job-1", AGENT, 0, json.dumps(body).encode(), False))
    assert found.is_to_confirm(0.0) is has_more
    if not has_more:
        assert found.body is None
        return
    _client.send(elsewhere.configuration, report_request(AGENT, found.body), check_taken)
    (run,) = emulator.tasks()
    assert run["tokens"]["prompt_tokens"] == 9100
    assert told(run) == ("completed", "x", "done")


def test_the_duration_of_a_dead_run_is_until_it_was_last_heard_of(emulator: Emulator, tmp_path: Path):
    began = time.time()
    run_python(
        """
    import os, sys, time
    from xpander_facade import Backend, Configuration
    backend = Backend(Configuration("k", "org-1", sys.argv[1], "agent-123", outbox=sys.argv[2]))
    if os.fork() == 0:
        with backend.external_task(id="job-1", input="in"):
            time.sleep(1.3)
            os.kill(os.getpid(), 9)
    os.wait()
    """,
        emulator.url,
        str(tmp_path / "runs.db"),
    )
    time.sleep(1.5)
    setting = Setting(emulator, tmp_path / "runs.db")
    run = setting.run()
    assert run["duration"] <= 1.5 < time.time() - began
    Outbox.of(setting.configuration).close()
    setting.backend.close()
