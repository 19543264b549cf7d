"""Hold the ledger of a run's attempts: who reports next keeps the counts of all, and nothing counts twice."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from xpander_facade import Tokens
from xpander_facade._requests.attempts import (
    Record,
    counts_of,
    has_ended,
    has_ledger,
    joined,
    ledger_of,
    without_last,
)
from xpander_facade.outbox._merge import JOURNAL, merged


def report(attempt: object, prompt: int | None = None, seconds: float | None = None, **more: Any) -> dict[str, Any]:
    """Return what a run reports of one attempt."""
    tokens = None if prompt is None else Tokens(prompt_tokens=prompt, completion_tokens=1, cache_read_tokens=2)
    response = {"_run": {"attempts": {str(attempt): counts_of(tokens, seconds)}}, **more.pop("response", {})}
    return {"id": "run-1", "is_success": True, "duration": seconds or 0, "llm_response": response, **more}


def platform(*reports: dict[str, Any]) -> dict[str, Any]:
    """Return the record that a platform has after reports, each joined with what it had before."""
    task: dict[str, Any] | None = None
    for body in reports:
        sent = joined(body, None if task is None else Record.of_task(task))
        task = {**(task or {}), **{name: value for name, value in sent.items() if value is not None}}
        task["status"] = "completed" if sent["is_success"] else "failed"
    assert task is not None
    return task


def test_the_counts_of_all_attempts_are_added():
    task = platform(report(1, 9000, 2.0), report(2, 9000, 3.0), report(3, 100, 0.5, result="done"))
    assert task["tokens"] == {
        "prompt_tokens": 18_100,
        "completion_tokens": 3,
        "cache_read_tokens": 6,
        "cache_write_tokens": 0,
        "total_tokens": 18_103,
    }
    assert (task["duration"], task["result"]) == (5.5, "done")


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_a_report_counts_once_however_often_and_in_whatever_order_it_comes(order: tuple[int, ...]):
    told = {n: report(n, 10**n, float(n), is_success=n == 3, result=f"attempt {n}") for n in (1, 2, 3)}
    task = platform(*[told[n] for n in order], told[2], told[1], told[3], told[1])
    assert task["tokens"]["prompt_tokens"] == 1110
    assert task["duration"] == 6
    assert (task["status"], task["result"]) == ("completed", "attempt 3")


def test_the_same_attempt_again_replaces_what_was_said_of_it():
    task = platform(report(1, 5, 1.0), report(2, 7, 1.0), report(2, 100, 4.0))
    assert (task["tokens"]["prompt_tokens"], task["duration"]) == (105, 5)


def test_named_attempts_are_added_too_and_the_last_one_to_report_tells_the_outcome():
    task = platform(report("blue", 5, 1.0, result="a"), report("green", 7, 1.0, result="b"))
    assert (task["tokens"]["prompt_tokens"], task["result"]) == (12, "b")


def test_a_start_takes_nothing_back_and_keeps_the_response():
    task = platform(report(1, 5, 1.0, response={"model": "m"}), report(2))
    assert ledger_of(task["llm_response"])["1"]["prompt_tokens"] == 5
    assert (task["llm_response"]["model"], task["tokens"]["prompt_tokens"]) == ("m", 5)
    again = platform(report(1, 5, 1.0), report(1))
    assert again["tokens"]["prompt_tokens"] == 5


def test_attempts_without_counts_tell_no_tokens():
    assert "tokens" not in platform(report(1, None, 1.0))


def test_tools_of_all_attempts_are_named_once():
    task = platform(report(1, 1, 1.0, used_tools=["ocr", "mail"]), report(2, 1, 1.0, used_tools=["mail", "erp"]))
    assert task["used_tools"] == ["ocr", "mail", "erp"]


@pytest.mark.parametrize(
    "response",
    [None, "text", 7, [], {}, {"_run": None}, {"_run": {"attempts": None}}, {"_run": {"attempts": {"1": "x"}}}],
)
def test_what_a_record_holds_otherwise_is_no_ledger(response: Any):
    record = Record(response, is_success=True, used_tools=[], has_tokens=True)
    assert record.ledger == {}
    assert joined(report(2, 4, 1.0), record)["tokens"]["prompt_tokens"] == 4


def test_counts_that_are_no_numbers_are_left_out():
    known = {"_run": {"attempts": {"1": {"prompt_tokens": "9", "completion_tokens": True, "duration": -1}}}}
    record = Record(known, is_success=True, used_tools=[], has_tokens=True)
    assert joined(report(2, 4, 1.0), record)["tokens"]["total_tokens"] == 5


def test_an_attempt_has_ended_where_it_or_a_later_one_took_a_time():
    record = Record.of_task(platform(report(1, 1, 1.0), report(2)))
    assert has_ended(record, report(1))
    assert not has_ended(record, report(2))
    assert has_ended(Record.of_task(platform(report(3, 1, 1.0))), report(2))


@pytest.mark.parametrize("names", [(1, 2, 3), ("first", "second", "third")])
def test_what_earlier_attempts_used_is_added_where_the_last_one_was_done_elsewhere(names: tuple[object, ...]):
    first, second, third = names
    waiting = json.dumps(report(first, 9000, 2.0, is_success=False, used_tools=["search"])).encode()
    waiting = merged(waiting, json.dumps(report(second, 900, 1.0, is_success=False)).encode())
    died = json.loads(merged(waiting, json.dumps(report(third, None, 0.3, is_success=False, result="died")).encode()))
    elsewhere = platform(report(third, 100, 0.5, result="done"))
    rest = without_last(died, Record.of_task(elsewhere))
    assert rest is not None
    assert rest["tokens"]["prompt_tokens"] == 10_000
    assert (rest["duration"], rest["is_success"], rest.get("result"), rest["used_tools"]) == (
        3.5,
        True,
        None,
        ["search"],
    )
    # Once the record has that, there is nothing more to say.
    task = {**elsewhere, **rest, "status": "completed"}
    assert without_last(died, Record.of_task(task)) is None


def test_a_record_without_a_ledger_gets_no_earlier_attempts():
    record = Record(None, is_success=True, used_tools=[], has_tokens=True)
    assert without_last(json.loads(merged(b"{}", json.dumps(report(1, 5)).encode())), record) is None


def test_reports_that_wait_for_the_same_run_keep_the_counts_of_all_attempts():
    waiting = json.dumps(report(1, 5, 1.0, is_success=False, result="no")).encode()
    for later in (report(2), report(2, 7, 2.0, result="yes"), report(1, 5, 1.0, is_success=False, result="no")):
        waiting = merged(waiting, json.dumps(later).encode())
    body = json.loads(waiting)
    assert (body["is_success"], body["result"]) == (True, "yes")
    sent = joined(body, Record.of_task(platform(report(0, 1000, 1.0), report(2))))
    assert (sent["tokens"]["prompt_tokens"], sent["duration"], sent["result"]) == (1012, 4, "yes")


def test_what_the_journal_noted_goes_with_the_report_of_an_end():
    died = json.dumps({"id": "a", "is_success": False, JOURNAL: {"began_at": 1.0}}).encode()
    assert JOURNAL not in json.loads(merged(died, b'{"id":"a","is_success":true}'))
    assert JOURNAL in json.loads(merged(b'{"id":"a","is_success":true}', died))


def test_a_report_without_attempts_has_no_ledger():
    assert not has_ledger({"id": "a", "llm_response": {"_run": {"model": "m"}}})
    assert has_ledger(report(1))
