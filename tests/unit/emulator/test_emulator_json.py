"""JSON is written as the standard library's encoder writes it, whether or not that has a part in C."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from xpander_facade.emulator import _json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

VALUES: list[Any] = [
    {"a": [1, 2.5, -0.0, 1e300, True, None, "ü\n\u2028\"\\"], "é": {}, "": []},
    [], {}, "text", 7, 1.5, None, False, {"1": {"2": [[[]]]}},
]  # fmt: skip


def writers() -> list[Callable[[Any, int], Iterable[str]]]:
    return [_json._make_writer(), _json._in_parts]


@pytest.mark.parametrize("writer", writers())
@pytest.mark.parametrize("value", VALUES)
def test_any_value_is_written_in_its_shortest_form(writer: Callable[[Any, int], Iterable[str]], value: Any):
    assert "".join(writer(value, 0)) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("make", [None, lambda: None])
def test_without_the_part_in_c_the_encoder_itself_writes(monkeypatch: pytest.MonkeyPatch, make: Any):
    monkeypatch.setattr(json.encoder, "c_make_encoder", make)
    assert _json._make_writer() is _json._in_parts


def test_what_holds_itself_is_refused():
    value: list[Any] = []
    value.append(value)
    with pytest.raises(RecursionError):
        _json.write(value)
