"""Test the rule of retrying: what passes, how long to wait, when to stop, and the brake."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade._client import retry
from xpander_facade._client.retry import BASE_WAIT, MAX_WAIT, RetryReason, RetryTokenBucket, backoff, read_retry_after
from xpander_facade.configuration import Configuration

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def wait(reason, **changes):
    given_ = {"idempotent": True, "retries": 0, "max_retries": 10, "elapsed": 0.0, "deadline": 1000.0}
    return backoff(reason, **{**given_, **changes})


def transient(**changes):
    return RetryReason("503", **{"transient": True, "not_processed": False, **changes})


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 13:00:30 +0100", 30.0),
        ("Sat, 21 Nov 2026 12:00:30", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("٣", None),
        ("Sat, 99 Nov 2026 12:00:30 GMT", None),
        ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", None),
        ("Sat, 21 Nov 2026 12:00:30 +99999999999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_what_is_unreadable_is_none(value, seconds):
    assert read_retry_after(value, NOW) == seconds


@given(st.text(alphabet="0123456789"))
def test_any_run_of_digits_is_a_finite_number_of_seconds(digits):
    seconds = read_retry_after(digits, NOW)
    assert seconds is None if not digits else 0.0 <= seconds < 1e9


@given(st.text(max_size=60))
def test_no_header_is_an_error(text):
    seconds = read_retry_after(text, NOW)
    assert seconds is None or seconds >= 0


@given(st.integers(0, 10), st.integers(0, 2**32))
def test_the_jitter_is_full_and_its_bound_doubles_up_to_the_cap(retries, seed):
    random.seed(seed)
    bound = min(MAX_WAIT, BASE_WAIT * 2**retries)
    assert 0 <= wait(transient(), retries=retries, max_retries=11) <= bound


def test_the_jitter_uses_the_whole_range():
    random.seed(1)
    waits = [wait(transient(), retries=2) for _ in range(500)]
    assert min(waits) < 0.1 < 1.9 < max(waits) <= 2.0
    assert len(set(waits)) == 500


@pytest.mark.parametrize(
    ("reason", "changes", "is_tried_again"),
    [
        (transient(), {}, True),
        (RetryReason("404", transient=False, not_processed=False), {}, False),
        (transient(), {"max_retries": 0}, False),
        (transient(), {"retries": 2, "max_retries": 2}, False),
        (transient(), {"retries": 1, "max_retries": 2}, True),
        (transient(), {"idempotent": False}, False),
        (transient(not_processed=True), {"idempotent": False}, True),
        (transient(retry_after=60.0), {}, True),
        (transient(retry_after=61.0), {}, False),
        (transient(retry_after=50.0), {"deadline": 30.0}, False),
        (transient(retry_after=5.0), {"deadline": 30.0, "elapsed": 26.0}, False),
        (transient(), {"elapsed": 1000.0}, False),
        (transient(), {"elapsed": 1001.0}, False),
    ],
)
def test_the_call_is_tried_again_only_where_that_is_safe_allowed_and_in_time(reason, changes, is_tried_again):
    assert (wait(reason, **changes) is not None) is is_tried_again


@given(st.floats(0, 60))
def test_the_platforms_wish_is_the_least_wait(seconds):
    assert wait(transient(retry_after=seconds)) >= seconds


@given(st.floats(0, 20), st.floats(0.1, 20), st.integers(0, 5))
def test_no_wait_overruns_the_deadline(elapsed, deadline, retries):
    seconds = wait(transient(), elapsed=elapsed, deadline=deadline, retries=retries)
    assert seconds is None or elapsed + seconds < deadline


@pytest.mark.parametrize(
    ("status", "passes"),
    [
        *[(status, True) for status in (408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526)],
        *[(status, False) for status in (301, 400, 401, 403, 404, 405, 409, 413, 422, 501, 505, 519, 527)],
    ],
)
def test_the_statuses_that_pass_are_known(status, passes):
    assert (status in retry.TRANSIENT_STATUSES) is passes


def test_a_bucket_pays_for_a_hundred_retries_and_no_more():
    bucket = RetryTokenBucket()
    assert [bucket.spend() for _ in range(101)] == [True] * 100 + [False]


def test_a_success_refills_the_bucket_a_little_and_after_a_retry_by_its_price():
    bucket = RetryTokenBucket()
    while bucket.spend():
        pass
    for _ in range(RetryTokenBucket.COST - 1):
        bucket.refund(retried=False)
        assert not bucket.spend()
    bucket.refund(retried=False)
    assert bucket.spend()
    assert not bucket.spend()
    bucket.refund(retried=True)
    assert bucket.spend()


def test_a_bucket_never_holds_more_than_its_capacity():
    bucket = RetryTokenBucket()
    bucket.spend()
    for _ in range(50):
        bucket.refund(retried=True)
    assert [bucket.spend() for _ in range(101)] == [True] * 100 + [False]


def test_equal_configurations_share_a_bucket_and_others_do_not():
    one = Configuration(api_key="k", base_url="https://bucket.example")
    same = Configuration(api_key="k", base_url="https://bucket.example")
    other = Configuration(api_key="k", base_url="https://other-bucket.example")
    assert retry.bucket_of(one) is retry.bucket_of(same)
    assert retry.bucket_of(one) is not retry.bucket_of(other)
