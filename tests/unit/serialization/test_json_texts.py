"""Test that JSON texts decoded in one call give what each gives alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade._serialization.json_texts import loads_all

PIECES = ["{}", "[", "]", ",", "1", '"', '{"a":', "}", " ", "\n", ":", "NaN", "\ufeff", "\\"]


def one_by_one(texts):
    try:
        return [json.loads(text) for text in texts]
    except ValueError:
        return None


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["1"],
        [""],
        ["1", ""],
        ["1,2"],
        ["1,2,3"],
        ["1", "2,3", "4"],
        ["[1", "2]"],
        ["1]", "[2"],
        ['{"a": [{}', "{}]}", "{},{}"],
        ['"a', 'b"'],
        [" {} ", "\tnull\n"],
        ['{"a": 1, "a": 2}', '{"a": 1e400}'],
        ["[" * 100_000, "1"],
        ["9" * 10_000, "1"],
    ],
    ids=lambda texts: repr(texts)[:40],
)
def test_values_are_those_of_each_text_alone_and_none_where_one_is_not_json(texts):
    try:
        expected = one_by_one(texts)
    except RecursionError:
        expected = None
    assert loads_all(texts) == expected


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=4).map("".join), max_size=6))
def test_no_texts_are_taken_for_others(texts):
    assert repr(loads_all(texts)) == repr(one_by_one(texts))
