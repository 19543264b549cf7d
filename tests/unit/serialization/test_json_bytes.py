"""Test the JSON that is sent: what Python's own encoder writes, and its errors."""

import json

import pytest

from xpander_facade._serialization.json_bytes import encode


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        {"a": "\u00fc\u4e2d\U0001f600", "b": [1, 2.5, -0.0, 1e300, True, False, None], "c": {}, "d": []},
        {1: "a", 2.5: "b", None: "c", False: "d"},
        {Text("k"): Text('"\\\n\u2028')},
        (1, (2, [3])),
        "text",
        7,
        None,
        [],
    ],
)
def test_what_is_sent_is_what_the_encoder_writes(value):
    assert encode(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.skipif(getattr(json.encoder, "c_make_encoder", None) is None, reason="the part of json in C is not there")
def test_no_encoder_is_made_for_a_value_that_can_be_sent(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> object:
        raise AssertionError("an encoder was made")

    monkeypatch.setattr("json.encoder.c_make_encoder", refuse)
    assert encode({"a": [1, "b"]}) == b'{"a":[1,"b"]}'
    with pytest.raises(AssertionError, match="was made"):
        encode({"a": float("nan")})


def test_half_a_surrogate_pair_is_a_question_mark():
    assert encode({"a": "x\ud800y"}) == b'{"a":"x?y"}'


def _cyclic():
    value = {"a": []}
    value["a"].append(value)
    return value


def _deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (_cyclic(), "Circular reference detected"),
        ({"a": float("nan")}, "Out of range float values are not JSON compliant"),
        ({"a": float("inf")}, "Out of range float values are not JSON compliant"),
        ({"a": object()}, "object has no form in JSON"),
        ({(1, 2): "a"}, "keys must be str, int, float, bool or None, not tuple"),
        (_deep(), "recursion"),
    ],
    ids=["cycle", "nan", "infinity", "object", "key", "depth"],
)
def test_what_json_can_not_say_is_an_error_that_names_it(value, text):
    with pytest.raises(ValueError, match=f"this can't be sent as JSON: .*{text}"):
        encode(value)


def test_one_thing_at_several_places_is_written_each_time():
    shared = {"a": 1}
    assert encode([shared, shared, [shared]]) == b'[{"a":1},{"a":1},[{"a":1}]]'
