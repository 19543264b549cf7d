"""Hold the numbers of numpy and decimal wherever a number or a flag is taken: they are what Python's own would be."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from xpander_facade import Backend, Configuration, ConfigurationError, Tasks, Tokens, _validation, read_usage
from xpander_facade._serialization.json_bytes import encode

DRY = Configuration(disabled=True, agent_id="a-1")
WHOLE = [np.int8(3), np.int64(3), np.uint16(3), np.array(3), np.float32(3), np.float64(3), Decimal(3), Decimal("3.0")]
WHOLE += [Fraction(3, 1), 3.0]


@pytest.mark.parametrize("value", WHOLE, ids=repr)
def test_a_whole_number_of_any_library_is_one(value: Any):
    tokens = Tokens(value, completion_tokens=value)
    assert (tokens, type(tokens.prompt_tokens)) == (Tokens(3, 3), int)
    tokens.cache_read_tokens = value
    assert type(tokens.cache_read_tokens) is int
    task = Backend(DRY).report_external_task(tokens={"prompt_tokens": value})
    assert task.tokens == Tokens(3)
    assert type(_validation.check_count("n", value)) is int
    assert Configuration(max_retries=value).max_retries == 3


@pytest.mark.parametrize(
    "value",
    [
        np.float32(3.5),
        Decimal("3.5"),
        np.bool_(True),
        np.array([3]),
        np.array(True),
        np.timedelta64(3, "s"),
        "3",
        np.float64("nan"),
        np.float64("inf"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        np.complex64(3),
        True,
        np.datetime64("2026-01-01"),
        np.str_("3"),
    ],
    ids=repr,
)
def test_what_is_no_whole_number_is_refused(value: Any):
    with pytest.raises(ValueError, match="prompt_tokens must be a whole number of tokens"):
        Tokens(value)
    with pytest.raises(TypeError, match="n must be a whole number"):
        _validation.check_count("n", value)
    with pytest.raises(ConfigurationError, match="max_retries must be a whole number"):
        Configuration(max_retries=value)


@pytest.mark.parametrize(
    "value", [np.float32(1.5), np.float16(1.5), np.array(1.5), Decimal("1.5"), Fraction(3, 2)], ids=repr
)
def test_a_length_of_time_of_any_library_is_one(value: Any):
    task = Backend(DRY).report_external_task(duration=value)
    assert (task.duration, type(task.duration)) == (1.5, float)
    assert Configuration(timeout=value, deadline=value).deadline == 1.5
    assert Backend(DRY).with_options(timeout=value).configuration.timeout == 1.5


@pytest.mark.parametrize(
    "value",
    [np.bool_(True), np.array([1.5]), np.complex64(1), np.timedelta64(3, "s"), np.datetime64("2026-01-01"), True, "3"],
    ids=repr,
)
def test_what_is_no_length_of_time_is_refused(value: Any):
    with pytest.raises(TypeError, match="duration must be a number of seconds"):
        Backend(DRY).report_external_task(duration=value)
    with pytest.raises(ConfigurationError, match="timeout must be a positive number of seconds"):
        Configuration(timeout=value)


def test_a_timedelta_is_refused_with_its_remedy():
    with pytest.raises(TypeError, match=r"not timedelta: pass its total_seconds\(\)"):
        Backend(DRY).report_external_task(duration=timedelta(seconds=3))


@pytest.mark.parametrize(
    "value", [np.float64("nan"), Decimal("NaN"), np.float32("inf"), np.float32(-1), Decimal(-1)], ids=repr
)
def test_a_length_of_time_that_is_not_finite_or_negative_is_refused(value: Any):
    with pytest.raises(ValueError, match="duration must be 0 or more seconds and finite"):
        Backend(DRY).report_external_task(duration=value)


@pytest.mark.parametrize(
    ("value", "flag"), [(np.bool_(True), True), (np.bool_(False), False), (np.array(False), False)]
)
def test_a_flag_of_numpy_is_one(value: Any, flag: bool):
    task = Backend(DRY).report_external_task(is_success=value)
    assert task.status.value == ("completed" if flag else "failed")
    assert Tasks(DRY).create(prompt="x", events_streaming=value).events_streaming is flag


@pytest.mark.parametrize("value", [np.int64(1), np.array([True]), np.float32(0), np.str_("true"), Decimal(1)], ids=repr)
def test_what_only_looks_like_a_flag_is_refused(value: Any):
    with pytest.raises(TypeError, match="is_success must be True or False"):
        Backend(DRY).report_external_task(is_success=value)


@pytest.mark.parametrize("count", [np.int64(3), np.float64(3), Decimal(3)], ids=repr)
def test_counts_of_a_response_are_read(count: Any):
    usage = read_usage({"model": "m", "usage": {"prompt_tokens": count, "completion_tokens": 4}})
    assert usage is not None
    assert usage.tokens == Tokens(3, 4)


@pytest.mark.parametrize(
    "count", [np.bool_(True), np.array([3]), Decimal("NaN"), np.float32(-1), np.timedelta64(3, "s")], ids=repr
)
def test_what_counts_nothing_is_not_read(count: Any):
    usage = read_usage({"model": "m", "usage": {"prompt_tokens": count, "completion_tokens": 4}})
    assert usage is not None
    assert usage.tokens == Tokens(0, 4)


def test_attributes_and_payloads_are_sent_as_numbers():
    body = {
        "a": np.float64(0.5), "b": np.int64(3), "c": np.bool_(True), "d": np.array([[1, 2]]), "e": Decimal("2.50"),
        "f": Decimal(10**20), "g": np.float32(0.5), "h": np.str_("x"),
    }  # fmt: skip
    assert encode(body) == b'{"a":0.5,"b":3,"c":true,"d":[[1,2]],"e":2.5,"f":100000000000000000000,"g":0.5,"h":"x"}'


@pytest.mark.parametrize(
    "value",
    [np.float32("nan"), Decimal("NaN"), Decimal("0.1234567890123456789"), np.datetime64("2026-01-01"), object()],
    ids=lambda value: repr(value).split(" at 0x")[0],
)
def test_what_no_number_of_json_can_say_is_refused(value: Any):
    with pytest.raises(ValueError, match="this can't be sent as JSON"):
        encode({"a": value})
