"""Counts are found under each of their names, and what providers count apart is counted in."""

import math

import pytest
from usage_shapes import usage

from xpander_facade import Tokens
from xpander_facade.usage import read_usage

# The same call for all: 100 tokens of input, of which 60 came from the cache and 30 went into it, 5 of output.
SAME_CALL_WITH_THE_CACHE_INSIDE = {
    "OpenAI chat": {
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
    },
    "OpenAI responses": {
        "input_tokens": 100,
        "output_tokens": 5,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
    },
    "LiteLLM": {
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 30,
    },
    "LangChain": {
        "input_tokens": 100,
        "output_tokens": 5,
        "input_token_details": {"cache_read": 60, "cache_creation": 30},
    },
    "pydantic-ai": {"input_tokens": 100, "output_tokens": 5, "cache_read_tokens": 60, "cache_write_tokens": 30},
}


SAME_CALL_WITH_THE_CACHE_OUTSIDE = {
    "Anthropic": {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 30,
    },
    "Bedrock Converse": {
        "inputTokens": 10,
        "outputTokens": 5,
        "cacheReadInputTokens": 60,
        "cacheWriteInputTokens": 30,
    },
}


@pytest.mark.parametrize("counted", SAME_CALL_WITH_THE_CACHE_INSIDE.values(), ids=SAME_CALL_WITH_THE_CACHE_INSIDE)
def test_a_prompt_that_holds_the_cache_counts_stays_as_it_is(counted):
    tokens = Tokens.from_response({"usage": counted})
    assert tokens == Tokens(100, 5, 60, 30)
    assert tokens.total_tokens == 105


@pytest.mark.parametrize("counted", SAME_CALL_WITH_THE_CACHE_OUTSIDE.values(), ids=SAME_CALL_WITH_THE_CACHE_OUTSIDE)
def test_cache_counts_are_not_added_to_a_prompt_that_holds_none(counted):
    tokens = Tokens.from_response({"usage": counted})
    assert tokens == Tokens(10, 5, 60, 30)
    assert tokens.total_tokens == 15


ONE_NAME_EACH = {
    "prompt_tokens": (
        *("prompt_tokens", "input_tokens", "inputTokens", "prompt_token_count", "promptTokenCount"),
        *("total_input_tokens", "prompt_eval_count"),
    ),
    "completion_tokens": (
        *("completion_tokens", "output_tokens", "outputTokens", "candidates_token_count", "candidatesTokenCount"),
        *("total_output_tokens", "eval_count"),
    ),
    "cache_read_tokens": (
        *("cache_read_input_tokens", "cacheReadInputTokens", "cacheReadInputTokenCount", "cache_read_tokens"),
        *("cached_content_token_count", "cachedContentTokenCount", "total_cached_tokens", "prompt_cache_hit_tokens"),
        *("cached_tokens", "cached_prompt_text_tokens", "prompt_tokens_details.cached_tokens"),
        *("input_tokens_details.cached_tokens", "input_token_details.cache_read", "input_token_details.cached_tokens"),
    ),
    "cache_write_tokens": (
        *("cache_creation_input_tokens", "cacheWriteInputTokens", "cacheWriteInputTokenCount", "cache_write_tokens"),
        *("prompt_tokens_details.cache_write_tokens", "prompt_tokens_details.cache_creation_tokens"),
        *("input_tokens_details.cache_write_tokens", "input_token_details.cache_creation"),
        *("input_token_details.ephemeral_5m_input_tokens", "input_token_details.ephemeral_1h_input_tokens"),
    ),
}


@pytest.mark.parametrize(("count", "path"), [(count, path) for count in ONE_NAME_EACH for path in ONE_NAME_EACH[count]])
def test_a_count_is_found_under_each_of_its_names(count, path):
    first, *rest = path.split(".")
    counted = {first: {rest[0]: 7} if rest else 7}
    told = Tokens.from_response(
        {"usage": {"output_tokens" if count == "prompt_tokens" else "input_tokens": 1} | counted}
    )
    assert getattr(told, count) == 7
    if count.startswith("cache"):
        assert told.total_tokens == 1
        assert read_usage({"usage": counted}) is None  # what a cache did is no usage by itself


@pytest.mark.parametrize("place", ["usage", "usage_metadata", "usageMetadata"])
def test_counts_are_found_at_each_of_their_places(place):
    assert Tokens.from_response({place: {"input_tokens": 7}}) == Tokens(7)


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ("tool_use_prompt_token_count", Tokens(9, 1)),
        ("toolUsePromptTokenCount", Tokens(9, 1)),
        ("total_tool_use_tokens", Tokens(9, 1)),
        ("thoughts_token_count", Tokens(7, 3)),
        ("thoughtsTokenCount", Tokens(7, 3)),
        ("total_thought_tokens", Tokens(7, 3)),
    ],
)
def test_what_google_counts_apart_is_counted_in(beside, told):
    assert Tokens.from_response({"promptTokenCount": 7, "candidatesTokenCount": 1, beside: 2}) == told


@pytest.mark.parametrize("place", [{"reasoning_tokens": 5}, {"completion_tokens_details": {"reasoning_tokens": 5}}])
def test_reasoning_is_counted_in_only_where_the_total_says_that_it_is_not_yet(place):
    counted = {"prompt_tokens": 10, "completion_tokens": 6, **place}
    assert Tokens.from_response({**counted, "total_tokens": 21}) == Tokens(10, 11)
    assert Tokens.from_response({**counted, "total_tokens": 16}) == Tokens(10, 6)
    assert Tokens.from_response(counted) == Tokens(10, 6)


def test_zeros_that_were_told_are_told():
    assert read_usage({"usage": {"output_tokens": 0}}) == usage(0)


def test_a_usage_that_names_its_model_tells_it():
    assert read_usage({"model_name": "m", "usage": {"input_tokens": 1}}) == usage(1, model="m")


@pytest.mark.parametrize("odd", [-1, True, "5", None, math.nan, math.inf, 10**400, [5], {"n": 5}, 5j, b"5"], ids=repr)
def test_a_count_that_is_no_count_is_left_out(odd):
    counted = {"prompt_tokens": odd, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": odd}}
    assert read_usage({"usage": counted}) == usage(0, 4)


def test_a_count_that_came_as_a_whole_float_is_taken():
    assert Tokens.from_response({"usage": {"prompt_tokens": 5.0, "completion_tokens": 4}}) == Tokens(5, 4)
    assert type(Tokens.from_response({"usage": {"prompt_tokens": 5.0}}).prompt_tokens) is int
