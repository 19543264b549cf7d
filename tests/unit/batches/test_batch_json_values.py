"""JSON values of tables: one rule for each type; what has no form in JSON is refused by column and type."""

from __future__ import annotations

import datetime
import enum
import math
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy
import pytest

from xpander_facade import RecordError
from xpander_facade.batches._json_values import MAX_DEPTH, json_value


class Colour(enum.Enum):
    RED = "red"


TOKYO = datetime.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=ZoneInfo("Asia/Tokyo"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**70, 2**70),
        ("text", "text"),
        (1.5, 1.5),
        (math.nan, None),
        (-math.inf, None),
        (Decimal("1.10"), "1.10"),
        (TOKYO, "2026-01-02T03:04:05.000678+09:00"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.time(3, 4), "03:04:00"),
        (datetime.timedelta(minutes=1.5), 90.0),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ([1, None, (2, 3)], [1, None, [2, 3]]),
        ({"a": {"b": [Decimal("0.5")]}}, {"a": {"b": ["0.5"]}}),
        ([("a", 1), ("b", None)], {"a": 1, "b": None}),
        (Colour.RED, "red"),
        (numpy.int64(2**53 + 1), 2**53 + 1),
        (numpy.float32("nan"), None),
        (numpy.bool_(True), True),
        (numpy.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    ],
)
def test_a_value_has_its_form_in_json(value: object, expected: object):
    found = json_value(value, "answer")
    assert found == expected
    assert type(found) is type(expected)


def test_booleans_stay_booleans():
    assert json_value([True, 1], "answer") == [True, 1]
    assert [type(item) for item in json_value([True, 1], "answer")] == [bool, int]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"secret", "answer holds a bytes"),
        (datetime.datetime(2026, 1, 2), "answer holds a time without a zone"),
        (numpy.datetime64("2026-01-02"), "answer holds a numpy.datetime64"),
        ({"a": {"b": b"secret"}}, "answer.a.b holds a bytes"),
        ({5: 1}, "a key of type int"),
        ([("secret", 1), ("secret", 2)], "a key comes twice"),
        ({"secret"}, "answer holds a set"),
    ],
)
def test_a_value_without_a_form_is_refused_by_column_and_type_and_not_shown(value: object, said: str):
    with pytest.raises(RecordError, match=said) as caught:
        json_value(value, "answer")
    assert "secret" not in str(caught.value)


def test_a_value_that_is_nested_without_end_is_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(RecordError, match=f"deeper than {MAX_DEPTH}"):
        json_value(value, "answer")
