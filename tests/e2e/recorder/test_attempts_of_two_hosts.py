"""Two hosts that report attempts of one run at the same time: what one of them takes out is told again."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest
from recording import AGENT, Setting, program

from xpander_facade import Tokens, _client
from xpander_facade._requests.report import check_taken, report_request
from xpander_facade.outbox import Outbox
from xpander_facade.outbox._in_flight import DIED
from xpander_facade.outbox._store import CONFIRMING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from xpander_facade.emulator import Emulator
    from xpander_facade.outbox import OutboxEntry

COUNTS = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_write_tokens", "duration")
FIRST = {"0": {"prompt_tokens": 10, "duration": 1.0}}


@pytest.fixture
def hosts(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Setting]]:
    # Nothing is compared before a test says so, and no report is late, however busy the machine is.
    monkeypatch.setattr("xpander_facade.outbox._claims.CONFIRM_AFTER", 600.0)
    monkeypatch.setattr("xpander_facade.outbox._store.CONFIRM_AFTER", 600.0)
    monkeypatch.setattr("xpander_facade.outbox._reconciliation._MAX_PROMPT", 600.0)
    monkeypatch.setattr("xpander_facade.outbox._reconciliation._MAX_READ", 600.0)
    monkeypatch.setattr("xpander_facade.outbox._sender.POLL", 0.05)
    made = [Setting(emulator, tmp_path / f"{name}.db") for name in "ab"]
    yield made
    for setting in made:
        Outbox.of(setting.configuration).close()
        setting.backend.close()


@pytest.fixture
def host(hosts: list[Setting]) -> Setting:
    return hosts[0]


def attempt(host: Setting, number: int | str, tokens: int, error: Exception | None = None) -> None:
    with (
        contextlib.suppress(ValueError),
        host.backend.external_task(id="job-1", input="in", attempt=number) as run,
    ):
        run.tokens = Tokens(prompt_tokens=tokens)
        run.result = "done"
        if error is not None:
            raise error


def write_over(host: Setting, ledger: dict[str, dict[str, float]], result: str = "it failed elsewhere") -> None:
    """Write what another host does that has read the record before this one wrote it."""
    body: dict[str, Any] = {
        "id": "job-1",
        "input": "in",
        "is_success": False,
        "result": result,
        "llm_response": {"_run": {"attempts": ledger}},
        "tokens": {"prompt_tokens": sum(int(counts.get("prompt_tokens", 0)) for counts in ledger.values())},
    }
    _client.send(host.configuration, report_request(AGENT, body), check_taken)


def eventually(check: Callable[[], object]) -> bool:
    until = time.monotonic() + 20
    while not check() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(check())


def waiting(host: Setting) -> list[OutboxEntry]:
    outbox = Outbox.of(host.configuration)
    return [*outbox.list("waiting"), *outbox.list("sending")]


def is_kept(host: Setting) -> bool:
    """Whether the report of the run has been sent, and waits to be compared."""
    return [(entry.state, entry.reason) for entry in waiting(host)] == [("waiting", CONFIRMING)]


def compare(host: Setting) -> None:
    """Let what the platform has be compared with its record now."""
    assert eventually(lambda: is_kept(host))
    with contextlib.closing(sqlite3.connect(str(host.outbox), timeout=30)) as file, file:
        file.execute("UPDATE reports SET due = 0")


def compare_for_the_last_time(host: Setting) -> None:
    """Compare it with a record that has all of it, so that it is done with."""
    compare(host)
    assert eventually(lambda: not waiting(host))


def tokens(emulator: Emulator) -> int:
    (run,) = emulator.tasks()
    return int((run["tokens"] or {}).get("prompt_tokens", 0))


def outcome(emulator: Emulator) -> tuple[str, str]:
    (run,) = emulator.tasks()
    return run["status"], run["result"]


def flushed(host: Setting) -> int:
    """Return the record's tokens after everything has been sent."""
    return int(host.run()["tokens"]["prompt_tokens"])


@pytest.mark.parametrize("last_to_write", [0, 1])
def test_what_one_of_them_takes_out_is_told_again(hosts: list[Setting], emulator: Emulator, last_to_write: int):
    # Each has read the record before one of them writes.
    with emulator.hold("report_external_task") as hold:
        for count, number in enumerate((1 - last_to_write, last_to_write), 1):
            attempt(hosts[number], number, 100 + number, None if number else ValueError("no"))
            assert hold.arrived(count)
    for host in hosts:
        compare(host)
    assert eventually(lambda: tokens(emulator) == 201)
    assert outcome(emulator) == ("completed", "done")


def test_an_attempt_that_another_host_has_written_over_is_told_again(host: Setting, emulator: Emulator):
    attempt(host, 1, 100)
    assert flushed(host) == 100
    write_over(host, FIRST)
    assert flushed(host) == 10
    compare(host)
    assert eventually(lambda: tokens(emulator) == 110)
    assert outcome(emulator) == ("completed", "done")
    compare_for_the_last_time(host)
    assert tokens(emulator) == 110


def test_an_attempt_that_waited_is_told_again_where_another_host_has_written_over_it(host: Setting, emulator: Emulator):
    emulator.fail(503, times=2, operation="report_external_task")
    attempt(host, 0, 10, ValueError("no"))
    assert eventually(lambda: emulator.tasks() and tokens(emulator) == 10)
    assert eventually(lambda: is_kept(host))
    write_over(host, {"1": {"prompt_tokens": 100, "duration": 1.0}})
    compare(host)
    assert eventually(lambda: tokens(emulator) == 110)


def test_it_is_told_anew_until_it_stays(host: Setting, emulator: Emulator):
    attempt(host, 1, 100)
    assert flushed(host) == 100
    for _ in range(3):
        write_over(host, FIRST)
        compare(host)
        assert eventually(lambda: tokens(emulator) == 110)
    compare_for_the_last_time(host)


def test_another_process_tells_it_where_the_one_that_sent_it_has_ended(host: Setting, emulator: Emulator):
    ended_at_once = """
    with backend.external_task(id="job-1", input="in", attempt=1) as run:
        run.tokens, run.result = {"prompt_tokens": 100}, "done"
    assert backend.flush(20).waiting == 0
    os._exit(0)  # as a work-horse of RQ does
    """
    program(host, ended_at_once)
    write_over(host, FIRST)
    Outbox.of(host.configuration).start()
    compare(host)
    assert eventually(lambda: tokens(emulator) == 110)


def test_the_end_of_an_attempt_counts_over_the_word_of_who_took_it_for_dead(host: Setting, emulator: Emulator):
    attempt(host, 1, 100)
    assert flushed(host) == 100
    write_over(host, {"1": dict.fromkeys(COUNTS, 7)}, DIED)
    assert outcome(emulator) == ("failed", DIED)
    compare(host)
    assert eventually(lambda: outcome(emulator) == ("completed", "done"))
    compare_for_the_last_time(host)
    assert tokens(emulator) == 100


def test_the_end_of_another_host_for_the_same_attempt_stays(host: Setting, emulator: Emulator):
    attempt(host, 1, 100)
    assert flushed(host) == 100
    write_over(host, {"1": dict.fromkeys(COUNTS, 7)})
    compare_for_the_last_time(host)
    assert outcome(emulator) == ("failed", "it failed elsewhere")
    assert tokens(emulator) == 7


@pytest.mark.parametrize("is_success", [True, False])
def test_of_two_attempts_with_names_the_one_that_went_well_is_the_last(
    host: Setting, emulator: Emulator, is_success: bool
):
    attempt(host, "blue", 100, None if is_success else ValueError("no"))
    assert flushed(host) == 100
    write_over(host, {"red": {"prompt_tokens": 10, "duration": 1.0}})
    compare(host)
    assert eventually(lambda: tokens(emulator) == 110)
    assert outcome(emulator) == (("completed", "done") if is_success else ("failed", "it failed elsewhere"))


def test_a_first_attempt_that_goes_well_at_once_costs_no_further_request(host: Setting, emulator: Emulator):
    attempt(host, 0, 10)
    assert flushed(host) == 10
    assert not waiting(host)
    assert len(emulator.requests("get_task")) == 1


def test_a_first_attempt_that_comes_late_is_compared(
    host: Setting, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("xpander_facade.outbox._reconciliation._MAX_PROMPT", 0.0)
    attempt(host, 0, 10)
    assert flushed(host) == 10
    write_over(host, {"0": dict.fromkeys(COUNTS, 0)}, DIED)
    compare(host)
    assert eventually(lambda: outcome(emulator) == ("completed", "done"))
    assert tokens(emulator) == 10


def test_an_answer_that_was_held_up_confirms_nothing(
    host: Setting, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    attempt(host, 1, 100)
    assert flushed(host) == 100
    with monkeypatch.context() as patched:
        patched.setattr("xpander_facade.outbox._reconciliation._MAX_READ", 0.0)
        patched.setattr("xpander_facade.outbox._reconciliation._MAX_CONFIRMING", 600.0)
        asked = len(emulator.requests("get_task"))
        compare(host)
        assert eventually(lambda: len(emulator.requests("get_task")) == asked + 2)
        assert eventually(lambda: is_kept(host))
    compare_for_the_last_time(host)


def test_a_flush_does_not_wait_for_what_is_only_to_be_compared(host: Setting, emulator: Emulator):
    attempt(host, 1, 100)
    assert flushed(host) == 100
    assert is_kept(host)
    outbox = Outbox.of(host.configuration)
    assert (outbox.status().waiting, outbox.status().confirming, outbox.is_confirming()) == (0, 1, True)
    assert host.backend.flush(30) == host.backend.flush(0)
    assert is_kept(host)
    assert len(emulator.requests("report_external_task")) == 1


def test_what_comes_next_of_the_run_joins_what_is_to_be_compared(host: Setting, emulator: Emulator):
    attempt(host, 1, 100, ValueError("no"))
    assert flushed(host) == 100
    write_over(host, FIRST)
    attempt(host, 2, 1000)
    assert flushed(host) == 1110
    assert outcome(emulator) == ("completed", "done")


def test_a_platform_that_shows_no_attempts_is_asked_once(host: Setting, emulator: Emulator):
    attempt(host, 1, 100)
    assert flushed(host) == 100
    _client.send(
        host.configuration,
        report_request(AGENT, {"id": "job-1", "is_success": True, "llm_response": {"any": "thing"}}),
        check_taken,
    )
    compare_for_the_last_time(host)
    assert len(emulator.requests("report_external_task")) == 2


def test_what_the_platform_takes_no_more_of_is_not_quarantined(host: Setting, emulator: Emulator):
    attempt(host, 1, 100)
    assert flushed(host) == 100
    write_over(host, FIRST)
    emulator.fail(422, operation="report_external_task")
    compare(host)
    assert eventually(lambda: not waiting(host))
    status = Outbox.of(host.configuration).status()
    assert (status.quarantined, status.sent) == (0, 1)
