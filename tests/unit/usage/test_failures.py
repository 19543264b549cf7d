"""Failures that a library tells without an exception, in the forms that no sample has."""

import pytest

from xpander_facade.usage import read_usage

FAILED = {
    "id": "r1", "object": "response", "model": "m", "status": "failed", "output": [], "usage": None,
    "error": {"code": "server_error", "message": "The model fell over."},
}  # fmt: skip
CREATED = {"type": "response.created", "response": {**FAILED, "status": "in_progress", "error": None}}
CLAUDE = {
    "subtype": "error_max_turns", "is_error": False, "num_turns": 3, "session_id": "s", "result": None,
    "usage": {"input_tokens": 10, "output_tokens": 5},
}  # fmt: skip
BLOCKED = {
    "invocation_id": "i", "author": "agent", "id": "e1", "content": None, "error_code": "SAFETY",
    "error_message": "The answer was blocked.",
}  # fmt: skip


@pytest.mark.parametrize("told", [FAILED, [CREATED, {"type": "response.failed", "response": FAILED}]])
def test_a_response_that_failed_before_it_said_anything_is_a_failure(told):
    usage = read_usage(told)
    assert (usage.is_success, usage.failure, usage.tokens) == (False, "The model fell over.", None)


def test_a_query_of_claude_that_ran_out_of_turns_is_a_failure_though_it_is_no_error():
    usage = read_usage([CLAUDE])
    assert (usage.is_success, usage.failure, usage.tokens.total_tokens) == (False, "error_max_turns", 15)


def test_an_event_of_adk_with_an_error_and_no_answer_is_a_failure():
    usage = read_usage([BLOCKED])
    assert (usage.is_success, usage.failure) == (False, "The answer was blocked.")
    usage = read_usage([{**BLOCKED, "error_message": None}])
    assert (usage.is_success, usage.failure) == (False, "SAFETY")


def test_an_event_of_adk_that_is_followed_by_an_answer_does_not_fail_the_run():
    answer = {**BLOCKED, "id": "e2", "error_code": None, "content": {"parts": [{"text": "Hi"}]}}
    usage = read_usage([BLOCKED, answer])
    assert (usage.is_success, usage.failure, usage.text) == (None, None, "Hi")


def test_an_answer_of_adk_that_was_cut_is_still_an_answer():
    usage = read_usage([{**BLOCKED, "error_code": "MAX_TOKENS", "content": {"parts": [{"text": "Hi"}]}}])
    assert (usage.is_success, usage.failure, usage.text) == (None, None, "Hi")
