"""The input of a run: its first argument, unless it is given."""

from __future__ import annotations

import functools
from typing import Any

import attrs
import pytest
from recorded import BACKEND

from xpander_facade import current_run
from xpander_facade._serialization.jsonable import to_text


@attrs.define
class Question:
    text: str
    at: complex = 1j


class Asked:
    @BACKEND.external_task()
    def method(self, question: object = "a default") -> str | None:
        return _input()

    @classmethod
    @BACKEND.external_task()
    def class_method(cls, question: object) -> str | None:
        return _input()

    @staticmethod
    @BACKEND.external_task()
    def static_method(question: object) -> str | None:
        return _input()


def _input() -> str | None:
    run = current_run()
    assert run is not None
    return run.input


@BACKEND.external_task()
def keywords_only(*, question: object) -> str | None:
    return _input()


@BACKEND.external_task()
def any_arguments(*questions: object, **more: object) -> str | None:
    return _input()


@BACKEND.external_task()
def no_arguments() -> str | None:
    return _input()


@BACKEND.external_task(input="given")
def given(question: object) -> str | None:
    return _input()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Asked().method("q"), "q"),
        (lambda: Asked().method(question="q"), "q"),
        (lambda: Asked().method(), "a default"),
        (lambda: Asked.class_method("q"), "q"),
        (lambda: Asked.static_method("q"), "q"),
        (lambda: keywords_only(question="q"), "q"),
        (lambda: any_arguments("q", 2), "q"),
        (lambda: any_arguments(question="q"), None),
        (lambda: no_arguments(), None),
        (lambda: given("q"), "given"),
        (lambda: Asked().method(None), None),
    ],
)
def test_the_input_is_the_first_argument_unless_it_is_given(call: Any, text: str | None):
    assert call() == text


def test_a_partial_function_can_be_decorated():
    def add(a: str, b: str) -> str | None:
        return _input()

    assert BACKEND.external_task()(functools.partial(add, b="b"))("a") == "a"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (5, "5"),
        ({"ä": [1, None, True]}, '{"ä": [1, null, true]}'),
        ([], "[]"),
        (Question("why?"), '{"text": "why?", "at": "1j"}'),
        (b"bytes", "bytes"),
        (list(range(10_001)), "<list of 10001>"),
        (float("nan"), "null"),
    ],
)
def test_an_input_that_is_no_text_is_json(value: object, text: str):
    assert to_text(value) == text


def test_an_input_that_can_not_even_be_printed_costs_no_call():
    class Broken:
        def __len__(self) -> int:
            raise RuntimeError("no length")

        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    assert given(Broken()) == "given"
    assert Asked.static_method(Broken()) == "<Broken>"
