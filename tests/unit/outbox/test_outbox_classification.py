"""Test what an error says of a report: try again, never, or not from this process."""

import pytest

from xpander_facade.errors import (
    APIConnectionError,
    APIResponseParseError,
    APITimeoutError,
    ConfigurationError,
    status_error,
)
from xpander_facade.outbox._classification import Disposition, classify


def answered(status, retry_after=None):
    error = status_error(status)(f"{status} Something", status_code=status)
    error.retry_after = retry_after
    return classify(error)


@pytest.mark.parametrize("status", [408, 429, 500, 501, 502, 503, 504, 520, 526, 599])
def test_what_may_pass_is_tried_again(status):
    assert answered(status).disposition is Disposition.RETRY


@pytest.mark.parametrize("status", [400, 404, 405, 409, 410, 413, 422, 451])
def test_what_the_platform_refuses_is_not_tried_again(status):
    assert answered(status).disposition is Disposition.DEAD_LETTER


@pytest.mark.parametrize("status", [301, 307, 401])
def test_a_wrong_key_or_address_is_no_fault_of_the_report(status):
    assert answered(status).disposition is Disposition.UNAUTHORIZED


def test_a_403_may_be_the_agents_or_the_keys():
    assert answered(403).disposition is Disposition.SUSPECT


def test_a_missing_key_is_no_fault_of_the_report():
    assert classify(ConfigurationError("no API key")).disposition is Disposition.UNAUTHORIZED


@pytest.mark.parametrize("error", [APIConnectionError("cut"), APITimeoutError("late"), APIResponseParseError("HTML")])
def test_no_answer_or_an_unreadable_one_is_tried_again(error):
    assert classify(error).disposition is Disposition.RETRY


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), MemoryError(), RuntimeError("a bug")], ids=repr)
def test_what_befell_this_process_is_no_fault_of_the_report(error):
    assert classify(error).disposition is Disposition.RETRY


def test_what_json_can_not_say_is_refused():
    assert classify(ValueError("this can't be sent as JSON")).disposition is Disposition.DEAD_LETTER


def test_only_429_says_that_there_are_too_many():
    assert answered(429, 7.0).throttled
    assert answered(429, 7.0).retry_after == 7.0
    assert not answered(503, 7.0).throttled


def test_a_reason_is_of_bounded_length():
    assert len(classify(APIConnectionError("x" * 10_000)).reason) == 500
