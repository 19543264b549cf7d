"""How the emulator reads the contract: routes and validators of small documents made for the purpose."""

from __future__ import annotations

from typing import Any

import pytest

from xpander_facade.emulator import _contract
from xpander_facade.emulator._contract import Contract

ANSWERS: dict[str, Any] = {"200": {"description": "ok"}, "4XX": {"description": "no"}}


def document(*paths: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for method, path, name in paths:
        found.setdefault(path, {})[method] = {"operationId": name, "responses": ANSWERS}
    return {"openapi": "3.1.0", "paths": found, **more}


def routed(contract: Contract, method: str, path: str) -> str | None:
    match = contract.route(method, path)
    return None if match is None or match.operation is None else match.operation.id


def test_a_literal_segment_goes_before_a_parameter_whatever_the_order():
    contract = Contract(document(("get", "/agents/{id}", "one"), ("get", "/agents/list", "all")))
    assert routed(contract, "GET", "/agents/list") == "all"
    assert routed(contract, "GET", "/agents/lists") == "one"


def test_the_path_as_it_is_goes_before_the_path_without_its_organisation():
    contract = Contract(document(("get", "/agents/list", "all"), ("get", "/{a}/agents/list", "other")))
    match = contract.route("GET", "/org/agents/list")
    assert match is not None
    assert match.operation is not None
    assert (match.operation.id, match.organization_id) == ("other", None)


def test_an_organisation_and_a_controller_prefix_are_taken_off():
    contract = Contract(document(("get", "/agents/{id}", "one")))
    for path, organization in (
        ("/agents/a%2Fb", None),
        ("/o%2F1/agents/a%2Fb", "o/1"),
        ("/agent-controller/agents/a%2Fb", None),
        ("/agent-controller/o%2F1/agents/a%2Fb", "o/1"),
    ):
        match = contract.route("GET", path)
        assert match is not None, path
        assert (match.organization_id, match.values) == (organization, {"id": "a/b"})
    assert contract.route("GET", "/x/y/agents/a") is None
    assert contract.route("GET", "//agents/a") is None
    assert contract.route("GET", "/agents/") is None


def test_a_slash_at_the_end_makes_another_path():
    contract = Contract(document(("get", "/events/{id}/", "stream"), ("post", "/events/{id}", "send")))
    assert routed(contract, "GET", "/events/a/") == "stream"
    assert routed(contract, "POST", "/events/a") == "send"
    wrong = contract.route("GET", "/events/a")
    assert wrong is not None
    assert (wrong.operation, wrong.allowed) == (None, ("POST",))


def test_references_are_followed_everywhere():
    shared = {
        "parameters": {
            "Id": {"name": "id", "in": "path", "required": True, "schema": {"$ref": "#/components/schemas/Id"}}
        },
        "responses": {"Ok": {"description": "ok", "content": {"application/json": {"schema": {"type": "integer"}}}}},
        "requestBodies": {"In": {"required": True, "content": {"application/json": {"schema": {"type": "array"}}}}},
        "schemas": {"Id": {"$ref": "#/components/schemas/Text"}, "Text": {"type": "string", "maxLength": 2}},
        "pathItems": {
            "One": {
                "parameters": [{"$ref": "#/components/parameters/Id"}],
                "post": {
                    "operationId": "one",
                    "requestBody": {"$ref": "#/components/requestBodies/In"},
                    "responses": {"200": {"$ref": "#/components/responses/Ok"}},
                },
            }
        },
    }
    paths = {"/x/{id}": {"$ref": "#/components/pathItems/One"}}
    contract = Contract({"openapi": "3.1.0", "paths": paths, "components": shared})
    operation = contract.operations["one"]
    (parameter,) = operation.parameters
    assert operation.body_required
    assert contract.complaints(parameter.schema, "ab") == []
    assert [c["type"] for c in contract.complaints(parameter.schema, "abc", "path", "id")] == ["maxLength"]
    assert contract.complaints(operation.body, {}, "body")[0]["loc"] == ["body"]
    assert contract.complaints((operation.answer(200) or {})["application/json"], 1) == []


def test_a_circle_of_references_is_said():
    contract = Contract(document(components={"schemas": {"A": {"$ref": "#/components/schemas/A"}}}))
    with pytest.raises(ValueError, match="circle"):
        contract.resolve("/components/schemas/A")


def test_ranges_of_statuses_are_understood():
    operation = Contract(document(("get", "/x", "x"))).operations["x"]
    assert operation.answer(200) is not None
    assert operation.answer(418) is not None
    assert operation.answer(500) is None


def test_the_projects_own_contract_has_all_operations():
    assert set(_contract.load().operations) == {
        "report_external_task",
        "invoke_operation",
        "search_knowledge_base",
        "get_default_llm_headers",
        "take_llm_gateway_route",
        "get_custom_llm_endpoint",
        "create_task",
        "get_task",
        "update_task",
        "stop_task",
        "list_tasks",
        "list_user_tasks",
        "stream_task_events",
        "push_task_events",
        "get_activity_log",
        "report_metrics",
        "list_agents",
        "get_agent",
        "stream_worker_events",
        "send_worker_message",
        "get_api_key_allowance",
        "summarize_tool_call",
    }
