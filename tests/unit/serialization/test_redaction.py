"""What leaves the process: redacted, cut where it is too long, and the platform's own words left alone."""

from __future__ import annotations

import copy
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade._serialization.redaction import FAILED, cut, redact_body

REPORT = {
    "id": "run-1",
    "input": "ask ann@example.com",
    "result": "told ann@example.com",
    "llm_response": {"id": "r-1", "choices": [{"text": "ann@example.com"}, {"text": "nobody"}], "n": 3, "none": None},
    "is_success": True,
    "duration": 1.5,
    "used_tools": ["mail_ann@example.com"],
    "tokens": {"prompt_tokens": 3},
}


def masked(field: str, text: str) -> str:
    return text.replace("ann@example.com", "[mail]")


def test_every_text_goes_to_the_redactor_with_the_path_of_its_field():
    seen: list[tuple[str, str]] = []

    def note(field: str, text: str) -> str:
        seen.append((field, text))
        return text

    assert redact_body(REPORT, note, 1_000) == REPORT
    assert seen == [
        ("input", "ask ann@example.com"),
        ("result", "told ann@example.com"),
        ("llm_response.id", "r-1"),
        ("llm_response.choices.text", "ann@example.com"),
        ("llm_response.choices.text", "nobody"),
        ("used_tools", "mail_ann@example.com"),
    ]


def test_what_the_redactor_gives_goes_out_and_the_body_given_stays_as_it_is():
    before = copy.deepcopy(REPORT)
    body = redact_body(REPORT, masked, 1_000)
    assert "ann@example.com" not in repr(body)
    assert body["llm_response"]["choices"] == [{"text": "[mail]"}, {"text": "nobody"}]
    assert before == REPORT


def test_ids_statuses_and_times_are_not_shown_to_the_redactor():
    body = {"id": "1", "agent_id": "2", "status": "completed", "created_at": "now", "source": "sdk", "title": "secret"}
    assert redact_body(body, lambda field, text: "***", 1_000) == {**body, "title": "***"}


def test_an_id_within_what_a_user_says_is_shown_to_the_redactor():
    body = {"input": {"text": "x", "user": {"id": "ann"}}, "llm_response": {"user_id": "ann"}}
    assert "ann" not in repr(redact_body(body, lambda field, text: "***", 1_000))


def test_each_event_of_a_list_is_a_body():
    events = [{"type": "chunk", "task_id": "t", "data": "ann@example.com"}]
    assert redact_body(events, masked, 1_000) == [{"type": "chunk", "task_id": "t", "data": "[mail]"}]


@pytest.mark.parametrize("result", [None, 7, b"bytes"], ids=repr)
def test_a_redactor_that_gives_no_text_leaves_a_mark_and_never_the_text(result: object):
    assert redact_body({"input": "secret"}, lambda field, text: result, 1_000) == {"input": FAILED}


def test_a_redactor_that_raises_leaves_a_mark_in_that_field_only():
    def picky(field: str, text: str) -> str:
        if field == "input":
            raise RuntimeError("no")
        return text

    assert redact_body({"input": "secret", "result": "fine"}, picky, 1_000) == {"input": FAILED, "result": "fine"}


def test_a_long_text_keeps_its_two_ends_and_says_its_size_and_hash():
    text = "a" * 5_000 + "b" * 5_000
    short = cut(text, 1_000)
    assert len(short.encode()) <= 1_000
    assert short.startswith("aaaa")
    assert short.endswith("bbbb")
    assert "10000 bytes" in short
    assert hashlib.sha256(text.encode()).hexdigest() in short


def test_a_text_is_cut_after_it_was_redacted():
    text = "ann@example.com" * 1_000
    assert redact_body({"input": text}, masked, 6_000) == {"input": "[mail]" * 1_000}


def test_a_response_that_is_too_large_as_a_whole_becomes_its_text_cut():
    body = redact_body({"llm_response": {"vector": list(range(5_000))}}, None, 1_000)
    assert body["llm_response"].startswith('{"vector":[0,1,2,')
    assert len(body["llm_response"].encode()) <= 1_000


@given(st.text(), st.integers(min_value=200, max_value=400))
def test_no_text_is_longer_than_the_limit_and_none_within_it_is_touched(text: str, limit: int):
    text *= 20
    short = cut(text, limit)
    size = len(text.encode("utf-8", "replace"))
    assert short == text if size <= limit else len(short.encode("utf-8", "replace")) <= limit
    short.encode("utf-8", "replace").decode("utf-8")
