"""The way to models that comes with a delivered task: it is read, and nothing of it stays in the task."""

from __future__ import annotations

from typing import Any

import pytest

from xpander_facade.types._llm_gateway import LLMGatewayRoute, read_route, take_route

ROUTE = {"base_url": "https://gateway.example/", "token": " t0ken "}


def test_a_way_is_taken_off_and_the_rest_of_the_extension_stays():
    delivered = {"id": "t", "payload_extension": {"llm_gateway": ROUTE, "channel": "C1"}}
    data, route = take_route(delivered)
    assert data == {"id": "t", "payload_extension": {"channel": "C1"}}
    assert route == LLMGatewayRoute("https://gateway.example", "t0ken")
    assert delivered["payload_extension"] == {"llm_gateway": ROUTE, "channel": "C1"}


def test_an_extension_that_held_nothing_else_is_left_out():
    data, route = take_route({"id": "t", "payload_extension": {"llm_gateway": ROUTE}})
    assert data == {"id": "t"}
    assert route is not None


@pytest.mark.parametrize("extension", [None, {}, {"channel": "C1"}, "text", [1]])
def test_a_task_without_a_way_stays_as_it_is(extension: Any):
    delivered = {"id": "t", "payload_extension": extension}
    assert take_route(delivered) == (delivered, None)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "text",
        [],
        {},
        {"base_url": "u"},
        {"token": "t"},
        {"base_url": "", "token": "t"},
        {"base_url": 1, "token": 2},
    ],
)
def test_a_way_that_leads_nowhere_is_none_and_is_taken_off_all_the_same(odd: Any):
    assert read_route(odd) is None
    assert take_route({"id": "t", "payload_extension": {"llm_gateway": odd}}) == ({"id": "t"}, None)


def test_the_key_shows_in_no_repr():
    assert "t0ken" not in repr(read_route(ROUTE))
