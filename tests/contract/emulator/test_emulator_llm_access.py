"""The ways to models that the emulator gives: with a delivery, on request once, and to the organisation's providers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUTE = {"base_url": "http://127.0.0.1:9", "token": "t0ken"}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(validate_answers=True) as emulator:
        yield emulator
        assert emulator.violations == []


@pytest.fixture
def http(emulator: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emulator.url, headers={"x-api-key": "key-1"}, trust_env=False) as http:
        yield http


def create(http: httpx.Client, **body: Any) -> dict[str, Any]:
    return http.post("/agent-execution/agent-1", json={"input": {"text": "hi"}, **body}).json()


def delivered(http: httpx.Client, **query: str) -> dict[str, Any]:
    """Register a worker, create a task and return it as the worker gets it."""
    asked = {"environment": "local", **query}
    with http.stream("GET", "/org-1/events/agent-1/", params=asked, timeout=10) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data:"))
        next(lines)
        create(http, payload_extension={"a": 1})
        return json.loads(next(lines).removeprefix("data:"))


@pytest.mark.parametrize(("query", "is_given"), [({}, False), ({"supports_llm_gateway": "true"}, True)])
def test_a_way_goes_with_the_delivery_to_a_worker_that_supports_it(
    query: dict[str, str], is_given: bool, emulator: Emulator, http: httpx.Client
):
    emulator.set_llm_gateway(**ROUTE)
    task = delivered(http, **query)
    assert task["payload_extension"] == {"a": 1, **({"llm_gateway": ROUTE} if is_given else {})}
    assert emulator.task(task["id"])["payload_extension"] == {"a": 1}


def test_without_a_way_there_is_none(http: httpx.Client):
    assert delivered(http, supports_llm_gateway="true")["payload_extension"] == {"a": 1}


def test_a_way_is_kept_for_a_container_and_given_once(emulator: Emulator, http: httpx.Client):
    emulator.set_llm_gateway(**ROUTE)
    path = "/agents/agent-1/llm-gateway-route"
    assert http.post(f"{path}/{create(http)['id']}").status_code == 404
    emulator.connect_container("agent-1", "http://127.0.0.1:9", api_key="k")
    task_id = create(http)["id"]
    assert http.post(f"/agents/another/llm-gateway-route/{task_id}").status_code == 404
    assert http.post(f"{path}/{task_id}").json() == ROUTE
    assert http.post(f"{path}/{task_id}").status_code == 404
    assert http.post(f"{path}/unknown").status_code == 404
    kept = create(http)["id"]
    emulator.reset()
    assert http.post(f"{path}/{kept}").status_code == 404


def test_access_to_a_provider_is_given_to_the_tasks_that_name_one(emulator: Emulator, http: httpx.Client):
    emulator.set_custom_llm_provider("ours", "t0ken")
    path = "/agents/agent-1/custom-llm-endpoint"
    named = create(http, payload_extension={"llm_custom_provider": "p-1"})["id"]
    assert http.post(f"{path}/{named}").json() == {"provider": "ours", "token": "t0ken"}
    assert http.post(f"{path}/{named}").status_code == 200
    assert http.post(f"{path}/{create(http)['id']}").status_code == 404
    assert http.post(f"/agents/another/custom-llm-endpoint/{named}").status_code == 404


def test_a_call_of_a_container_that_fails_after_a_reset_has_nothing_to_say(emulator: Emulator):
    emulator._containers._fail({"organization_id": "org-1", "id": "forgotten"}, "the worker could not be called")
