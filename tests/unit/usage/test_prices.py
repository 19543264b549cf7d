"""What a usage cost is what genai-prices says of each of its calls."""

import sys
from decimal import Decimal

import genai_prices
import pytest
from usage_shapes import ANTHROPIC, CHAT, usage

from xpander_facade import ConfigurationError
from xpander_facade.usage import Usage, read_usage


def price(model, **counts):
    return genai_prices.calc_price(genai_prices.Usage(**counts), model).total_price


def test_a_call_costs_what_the_price_list_says():
    told = read_usage(CHAT)
    assert told.cost == price(
        "gpt-5-mini", input_tokens=1_200, cache_read_tokens=1_024, cache_write_tokens=100, output_tokens=80
    )
    assert told.cost > 0


def test_a_cache_that_the_prompt_does_not_hold_is_paid_beside_it():
    told = read_usage(ANTHROPIC)
    assert told.cost == price(
        "claude-sonnet-4-5", input_tokens=130, cache_read_tokens=90, cache_write_tokens=30, output_tokens=50
    )


def test_calls_are_priced_one_by_one():
    def call(id, prompt):
        counts = {"promptTokenCount": prompt, "candidatesTokenCount": 10}
        candidates = [{"content": {"parts": [{"text": id}]}, "finishReason": "STOP"}]
        return {"candidates": candidates, "usageMetadata": counts, "modelVersion": "gemini-2.5-pro", "responseId": id}

    both = [call("a", 150_000), call("b", 150_000)]
    assert read_usage(both).cost == 2 * price("gemini-2.5-pro", input_tokens=150_000, output_tokens=10)
    assert read_usage(both).cost == (read_usage(both[0]) + read_usage(both[1])).cost
    assert read_usage(both).cost < price("gemini-2.5-pro", input_tokens=300_000, output_tokens=20)


def test_a_provider_that_the_list_names_otherwise_costs_what_its_model_costs():
    message = {
        "type": "ai",
        "content": "Ja.",
        "response_metadata": {"model_name": "gpt-5-mini", "model_provider": "my-own-proxy"},
        "usage_metadata": {"input_tokens": 100, "output_tokens": 10},
    }
    assert read_usage(message).cost == price("gpt-5-mini", input_tokens=100, output_tokens=10)


@pytest.mark.parametrize(
    "told",
    [
        Usage(),
        usage(5, 5),
        read_usage({"usage": {"input_tokens": 5, "output_tokens": 1}}),
        read_usage({**CHAT, "model": "a model that nobody sells"}),
        read_usage([CHAT, {**CHAT, "id": "other", "model": "a model that nobody sells"}]),
        read_usage({**CHAT, "usage": None}),
    ],
    ids=["nothing", "made by hand", "no model", "unknown", "one unknown", "no counts"],
)
def test_a_price_that_is_not_known_is_none(told):
    assert told.cost is None


def test_a_price_without_the_extra_is_an_error_that_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(ConfigurationError, match=r"xpander-facade\[prices\]"):
        _ = read_usage(CHAT).cost


def test_a_cost_is_exact():
    assert type(read_usage(CHAT).cost) is Decimal
