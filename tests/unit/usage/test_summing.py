"""Usages add up, and what comes again counts once."""

import pytest
from usage_shapes import ANTHROPIC, CHAT, usage

from xpander_facade.usage import Usage, read_usage


def test_several_responses_add_up():
    both = read_usage([CHAT, ANTHROPIC])
    assert both == read_usage(CHAT) + read_usage(ANTHROPIC)
    assert both == usage(
        1_210, 130, 1_114, 130, model="claude-sonnet-4-5", tools=["search", "run_sql", "web_search", "weather"],
        text="Let me see.",
    )  # fmt: skip
    assert sum([read_usage(CHAT), read_usage(ANTHROPIC)], Usage()) == both
    assert read_usage([{**CHAT, "id": str(number)} for number in range(1_000)]).tokens.total_tokens == 1_280_000


def test_a_response_that_comes_again_counts_once():
    assert read_usage([CHAT] * 1_000) == read_usage(CHAT)
    assert read_usage([ANTHROPIC, CHAT, ANTHROPIC]).tokens == read_usage([ANTHROPIC, CHAT]).tokens


def test_two_responses_of_a_server_whose_ids_are_all_the_same_count_twice():
    other = {
        **CHAT,
        "choices": [{"index": 0, "message": {"content": "Something else."}}],
        "usage": {"prompt_tokens": 1},
    }
    assert read_usage([CHAT, other]).tokens.prompt_tokens == 1_201


def test_adding_changes_neither_side():
    left, right = read_usage(CHAT), read_usage(ANTHROPIC)
    _ = left + right
    assert left == read_usage(CHAT)
    assert right == read_usage(ANTHROPIC)


def test_adding_keeps_the_model_and_text_that_are_known():
    known = usage(1, model="m", text="said", tools=["a", "b"])
    assert known + usage(2, tools=["b", "c"]) == usage(3, model="m", text="said", tools=["a", "b", "c"])
    assert usage(2) + known == usage(3, model="m", text="said", tools=["a", "b"])


def test_only_a_usage_can_be_added():
    with pytest.raises(TypeError):
        Usage() + 1
