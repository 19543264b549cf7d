"""Hold JSON arguments that are nested too deep or hold themselves: a typed error names them, and nothing is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from xpander_facade import Backend, Configuration, Tasks
from xpander_facade._serialization import codec
from xpander_facade._validation import MAX_LEVELS, check_json_object

CONFIGURATION = Configuration(api_key="k", base_url="http://127.0.0.1:9", agent_id="a", organization_id="o")


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"properties": value}
    return value


def holding_itself() -> dict[str, Any]:
    value: dict[str, Any] = {"items": []}
    value["items"].append(value)
    return value


@pytest.mark.parametrize("value", [nested(1_000), nested(100_000), holding_itself()], ids=["deep", "deeper", "cycle"])
@pytest.mark.parametrize("name", ["output_schema", "user_tokens", "tool_call_payload_extension"])
def test_an_argument_that_is_too_deep_is_a_value_error_that_names_it(name: str, value: Any):
    calls: list[Any] = [
        lambda: Tasks(CONFIGURATION).create(prompt="p", **{name: value}),
        lambda: asyncio.run(Tasks(CONFIGURATION).acreate(prompt="p", **{name: value})),
        lambda: Backend(CONFIGURATION).invoke_agent(agent_id="a", prompt="p", **{name: value}),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=f"^{name} must not be nested more than {MAX_LEVELS} levels deep"):
            call()


def test_the_deepest_argument_that_may_be_is_taken_as_it_is():
    assert check_json_object("output_schema", nested(MAX_LEVELS)) == nested(MAX_LEVELS)
    with pytest.raises(ValueError, match="output_schema"):
        check_json_object("output_schema", nested(MAX_LEVELS + 1))


def test_an_argument_that_shares_its_parts_is_no_deeper_than_it_is():
    part: Any = {"type": "string"}
    for _ in range(60):
        part = {"a": part, "b": part, "c": [part, part]}
    assert check_json_object("output_schema", part) is part


def test_what_is_too_deep_to_be_written_is_a_value_error():
    with pytest.raises(ValueError, match="nested too deep"):
        codec.unstructure([nested(100_000)])
