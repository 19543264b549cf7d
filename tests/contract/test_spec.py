"""`openapi.yaml` itself: that it is valid, complete, open and described, and that recorded traffic fits it."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from wire_cases import ANSWERED_TASK, CASE, CASES, SAVED_TASK, Request, same_body

SPEC: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "openapi.yaml").read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = SPEC["components"]["schemas"]

OPERATIONS = {
    ("POST", "/agent-execution/{agent_id}/report_task", "report_external_task", "tasks"),
    ("POST", "/agent-execution/{agent_or_task_id}", "create_task", "tasks"),
    ("DELETE", "/agent-execution/{agent_or_task_id}", "stop_task", "tasks"),
    ("GET", "/agent-execution/{task_id}/status", "get_task", "tasks"),
    ("PATCH", "/agent-execution/{task_id}/update", "update_task", "tasks"),
    ("GET", "/agent-execution/executions/history/{agent_id}", "list_tasks", "tasks"),
    ("GET", "/agent-execution/executions/history/user/{user_id}", "list_user_tasks", "tasks"),
    ("GET", "/agent-execution/{task_id}/events", "stream_task_events", "events"),
    ("POST", "/agent-execution/{task_id}/events/push", "push_task_events", "events"),
    ("GET", "/activity/{agent_id}/{task_id}", "get_activity_log", "activity"),
    ("POST", "/agents-metrics/{agent_id}/execution", "report_metrics", "metrics"),
    ("GET", "/agents/list", "list_agents", "agents"),
    ("GET", "/agents/{agent_id}", "get_agent", "agents"),
    ("POST", "/agents/{agent_id}/operations/{tool_id}", "invoke_operation", "tools"),
    ("POST", "/agents/{agent_id}/llm-gateway-route/{task_id}", "take_llm_gateway_route", "agents"),
    ("POST", "/agents/{agent_id}/custom-llm-endpoint/{task_id}", "get_custom_llm_endpoint", "agents"),
    ("GET", "/knowledge_bases/{knowledge_base_id}", "search_knowledge_base", "knowledge"),
    ("GET", "/events/{agent_id}/", "stream_worker_events", "workers"),
    ("POST", "/events/{worker_id}", "send_worker_message", "workers"),
    ("POST", "/metadata/api_key_allowance", "get_api_key_allowance", "metadata"),
    ("GET", "/metadata/default_llm_extra_headers", "get_default_llm_headers", "metadata"),
    ("POST", "/summarizer/run", "summarize_tool_call", "summarizer"),
}
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
ON_THE_EVENTS_ROOT = {"stream_task_events", "stream_worker_events", "send_worker_message"}
FILTERS = {"parent_task_id", "triggering_agent_id", "status", "internal_status"}
PARAMETERS = {
    ("list_tasks", "query"): FILTERS | {"user_id"},
    ("list_user_tasks", "query"): FILTERS,
    ("create_task", "header"): {"x-agent-version"},
    ("get_agent", "header"): {"x-agent-version"},
    ("stream_task_events", "header"): {"last-event-id"},
    ("invoke_operation", "header"): {"x-agent-version", "x-execution-id", "x-tool-call-id"},
    ("search_knowledge_base", "query"): {"search_query", "use_bubble", "bubble_size", "top_k"},
    ("stream_worker_events", "query"): {"environment", "supports_llm_gateway"},
    ("send_worker_message", "query"): {"type", "agent_id"},
}
ERRORS = {"400", "401", "403", "404", "405", "422", "429", "5XX"}
VALUES = {
    "AgentExecutionStatus": "pending executing paused error failed completed stopped",
    "OutputFormat": "text markdown json voice",
    "ThinkMode": "default harder",
    "ConversationKind": "direct gateway",
    "PrincipalKind": "user slack api_key system anonymous",
    "AttachmentKind": "image pdf document text audio video archive unknown",
    "MCPServerType": "local remote",
    "MCPServerTransport": "stdio sse streamable-http",
    "MCPServerAuthType": "api_key oauth2 custom_headers sso_user none",
    "MCPServerSsoToken": "access id exchange",
    "TaskUpdateEventType": (
        "connected task_created task_updated task_finished chunk auth_event tool_call_request tool_call_result"
        " sub_agent_trigger think analyze plan_updated task_compactization context_status agent_gateway_decision"
        " process_state_changed process_update gateway_steer_applied ask_user_questions sub_task_created"
        " sub_task_updated sub_task_finished invite_member member_invited ask_for_secret secret_saved"
        " live_surface_created inline_card"
    ),
    "ActivityMessageRole": "user agent",
    "ActivityReasoningType": "think analyze",
    "ActivityAuthType": "not_supported login_required token_issue token_ready",
    "ActivityGatewayAction": "create_execution ask_execution stop_execution continue_execution get_executions_result",
    "WorkerEnvironment": "local xpander",
    "WorkerMessageType": "worker",
    "WorkerMessageEvent": "worker-heartbeat worker-capacity-update worker-finished",
    "SummarizerPreset": "tool_call_analysis",
    "AgentDeploymentType": "serverless container",
    "LLMReasoningEffort": "low medium high xhigh",
    "AgentGraphItemType": (
        "source_node agent workflow tool human_in_the_loop xpsleep-agent-delay custom_agent storage coding_agent mcp"
        " local_db skills"
    ),
}
UNITS = {"duration": "seconds", "size": "bytes"}


def resolve(part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        target: Any = SPEC
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        part = target
    return part


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in SPEC["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


OPERATION = {operation["operationId"]: operation for _, _, operation in operations()}


def parts(node: Any, at: tuple[Any, ...] = (), above: Any = None) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """Give each object of the contract: where it is, the object, and what it is a member of."""
    if isinstance(node, dict):
        yield at, node, above
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, child in children:
        yield from parts(child, (*at, step), node)


def properties() -> Iterator[tuple[str, str, dict[str, Any], bool]]:
    """Give each property of each schema: where it is, its name, its schema, and whether it is required."""
    for at, node, _ in parts(SPEC):
        if "properties" in node and not {"if", "then"} & set(at):
            for name, schema in node["properties"].items():
                yield "/".join(map(str, (*at, name))), name, schema, name in node.get("required", ())


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({"components": SPEC["components"], "allOf": [schema]})


def schema_named(name: str) -> Draft202012Validator:
    return validator({"$ref": f"#/components/schemas/{name}"})


def body_of(operation: str) -> Draft202012Validator:
    return validator(OPERATION[operation]["requestBody"]["content"]["application/json"]["schema"])


def faults(checker: Draft202012Validator, value: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(value)]


def with_body() -> list[Any]:
    sent = [(case.name, request) for case in CASES for request in case.requests if request.body is not None]
    return [pytest.param(request, id=name) for name, request in sent]


def test_the_contract_is_valid_openapi_3_1() -> None:
    assert SPEC["openapi"].startswith("3.1.")
    validate(copy.deepcopy(SPEC), cls=OpenAPIV31SpecValidator)


def test_every_operation_of_the_platform_is_there_and_no_other() -> None:
    found = {(method, path, op["operationId"], *op["tags"]) for method, path, op in operations()}
    assert found == OPERATIONS


def test_every_operation_has_the_parameters_of_the_platform_and_no_others() -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for _, path, operation in operations():
        given = [resolve(parameter) for parameter in operation.get("parameters", ())]
        in_path = {parameter["name"] for parameter in given if parameter["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path)), path
        for parameter in given:
            if parameter["in"] != "path":
                found.setdefault((operation["operationId"], parameter["in"]), set()).add(parameter["name"])
    assert found == PARAMETERS


def test_an_identifier_in_a_path_is_never_empty() -> None:
    for name, parameter in SPEC["components"]["parameters"].items():
        if parameter["in"] == "path":
            assert parameter["required"] is True, name
            assert parameter["schema"] == {"type": "string", "minLength": 1}, name


def test_every_operation_needs_the_key_in_its_header() -> None:
    scheme = SPEC["components"]["securitySchemes"]["apiKey"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "x-api-key")
    assert SPEC["security"] == [{"apiKey": []}]
    assert not [operation["operationId"] for _, _, operation in operations() if "security" in operation]


def test_every_operation_answers_errors_with_a_detail() -> None:
    for _, _, operation in operations():
        missing = ERRORS - operation["responses"].keys()
        assert not missing, operation["operationId"]
        for status, answer in operation["responses"].items():
            if status != "200":
                schema = resolve(answer)["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorResponse"}, (operation["operationId"], status)
    assert "409" in OPERATION["stream_task_events"]["responses"]
    assert {op for op in OPERATION if "413" in OPERATION[op]["responses"]} == {
        op for op in OPERATION if "requestBody" in OPERATION[op]
    }


@pytest.mark.parametrize(
    ("detail", "good"),
    [
        ("no such task", True),
        ([{"loc": ["body", "duration"], "msg": "too small", "type": "minimum"}], True),
        ([{"loc": ["body", 0], "msg": "no", "type": "x", "input": -1}], True),
        ([{"msg": "no place"}], False),
        (None, False),
        (7, False),
    ],
)
def test_an_error_detail_is_a_text_or_a_list_of_faults(detail: Any, good: bool) -> None:
    assert schema_named("ErrorResponse").is_valid({"detail": detail}) is good


def test_streams_have_the_organisation_in_their_servers_and_not_in_their_paths() -> None:
    assert {op for op in OPERATION if "servers" in OPERATION[op]} == ON_THE_EVENTS_ROOT
    for name in ON_THE_EVENTS_ROOT:
        for server in OPERATION[name]["servers"]:
            assert server["url"].endswith("/{organization_id}")
            assert "organization_id" in server["variables"]
    assert not [path for path in SPEC["paths"] if "organization" in path]


def test_the_servers_are_the_cloud_staging_and_a_self_hosted_one() -> None:
    assert [server["url"] for server in SPEC["servers"]] == [
        "https://inbound.xpander.ai",
        "https://inbound.stg.xpander.ai",
        "https://{host}/{organization_id}",
    ]


@pytest.mark.parametrize("name", ["stream_task_events", "stream_worker_events"])
def test_a_stream_is_described_frame_by_frame(name: str) -> None:
    content = OPERATION[name]["responses"]["200"]["content"]
    assert list(content) == ["text/event-stream"]
    frame = resolve(content["text/event-stream"]["schema"])
    assert set(frame["properties"]) == {"id", "event", "data"}
    data = frame["properties"]["data"]
    assert (data["type"], data["contentMediaType"]) == ("string", "application/json")
    Draft202012Validator.check_schema(data["contentSchema"])


@pytest.mark.parametrize(
    ("event", "good"),
    [
        ({"type": "chunk", "data": "Hel"}, True),
        ({"type": "chunk", "data": {"text": "Hel"}}, False),
        ({"type": "task_finished", "data": ANSWERED_TASK}, True),
        ({"type": "task_finished", "data": {"id": "task_1"}}, False),
        ({"type": "tool_call_request", "data": {"request_id": "r", "tool_name": "t", "payload": [1]}}, True),
        ({"type": "tool_call_result", "data": {"request_id": "r", "is_error": "no"}}, False),
        ({"type": "plan_updated", "data": {"enabled": True, "tasks": [{"id": "1", "title": "t"}]}}, True),
        ({"type": "plan_updated", "data": "done"}, False),
        ({"type": "something_new", "data": [1, "two", None]}, True),
        ({"type": "connected"}, True),
    ],
)
def test_the_data_of_an_event_has_the_shape_of_its_type(event: dict[str, Any], good: bool) -> None:
    whole = {"task_id": "task_1", "organization_id": "org-1", "time": "2026-01-02T03:04:05"} | event
    inner = SCHEMAS["TaskEventFrame"]["properties"]["data"]["contentSchema"]
    assert schema_named("TaskUpdateEvent").is_valid(whole)
    assert validator(inner).is_valid(whole) is good


def test_every_object_accepts_unknown_members() -> None:
    closing = ("additionalProperties", "unevaluatedProperties")
    closed = [at for at, node, _ in parts(SPEC) for word in closing if node.get(word) is False]
    assert not closed


def test_every_enumeration_and_every_time_is_open() -> None:
    checked = 0
    closed = []
    for at, node, above in parts(SPEC):
        if "enum" in node or node.get("format") == "date-time":
            checked += 1
            beside = [{**member, "description": ""} for member in above if isinstance(member, dict)]
            if at[-2] != "anyOf" or {"type": "string", "description": ""} not in beside:
                closed.append(at)
    assert not closed
    assert checked == len(VALUES) + 1


@pytest.mark.parametrize("name", VALUES)
def test_an_enumeration_lists_the_known_values_and_takes_any_other(name: str) -> None:
    known, other = SCHEMAS[name]["anyOf"]
    assert known["enum"] == VALUES[name].split()
    assert schema_named(name).is_valid("a-value-of-tomorrow")
    assert not schema_named(name).is_valid(7)
    assert other["type"] == "string"


@pytest.mark.parametrize("time", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.6+02:00", "2026-01-02 03:04"])
def test_a_time_may_be_written_in_any_way(time: str) -> None:
    checker = validator({"$ref": "#/components/schemas/Timestamp"})
    assert checker.is_valid(time)
    assert not checker.is_valid(1767323045)


def test_every_optional_member_may_be_null() -> None:
    # A reference's neighbours are checked with it, since OpenAPI 3.1 keeps both.
    stiff = [at for at, _, schema, required in properties() if not required and not validator(schema).is_valid(None)]
    assert not stiff


def test_every_schema_property_and_parameter_is_described() -> None:
    components = SPEC["components"]
    silent = [at for at, _, schema, _ in properties() if not schema.get("description")]
    for kind in ("schemas", "parameters", "responses", "links", "securitySchemes"):
        silent += [f"{kind}/{name}" for name, part in components[kind].items() if not part.get("description")]
    for _, _, operation in operations():
        texts = [operation.get("summary"), operation.get("description"), operation["responses"]["200"]["description"]]
        if "requestBody" in operation:
            texts.append(operation["requestBody"].get("description"))
        if not all(texts):
            silent.append(operation["operationId"])
    for name, answer in components["responses"].items():
        silent += [f"{name}/{header}" for header, part in answer.get("headers", {}).items() if not part["description"]]
    assert not silent


def test_durations_and_sizes_name_their_unit() -> None:
    found = [(at, UNITS[name] in schema["description"]) for at, name, schema, _ in properties() if name in UNITS]
    assert len(found) >= 4
    assert all(named for _, named in found), found


def test_a_status_after_a_report_is_marked_as_assumed() -> None:
    text = OPERATION["report_external_task"]["description"]
    assert text.count("Assumption:") >= 3
    for word in ("`completed`", "`failed`", "keeps those that are null or absent", "not added up"):
        assert word in text


def test_only_five_fields_of_a_task_are_required() -> None:
    five = {"id": "t", "agent_id": "a", "organization_id": "o", "input": {}, "created_at": "2026-01-02T03:04:05Z"}
    assert not faults(schema_named("Task"), five)
    for name in five:
        assert not schema_named("Task").is_valid({key: value for key, value in five.items() if key != name})


def test_a_recorded_task_is_a_task() -> None:
    assert not faults(schema_named("Task"), ANSWERED_TASK)
    assert not faults(schema_named("Task"), SAVED_TASK)


def test_the_contract_knows_every_field_of_a_recorded_task() -> None:
    known = set(SCHEMAS["TaskFields"]["properties"]) | set(SCHEMAS["Task"]["allOf"][1]["properties"])
    assert SAVED_TASK.keys() <= known


@pytest.mark.parametrize("request_", with_body())
def test_a_recorded_body_fits_the_contract(request_: Request) -> None:
    assert not faults(body_of(request_.operation), request_.body)


@pytest.mark.parametrize("request_", with_body())
def test_the_contract_knows_every_member_of_a_recorded_body(request_: Request) -> None:
    schema = resolve(OPERATION[request_.operation]["requestBody"]["content"]["application/json"]["schema"])
    known: set[str] = set()
    for part in (schema, *schema.get("allOf", ())):
        known |= set(resolve(part).get("properties", ()))
    assert request_.body.keys() <= known


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_recorded_request_goes_to_its_operation(case: Any) -> None:
    paths = {op: (method, path) for method, path, op, _ in OPERATIONS}
    for request in case.requests:
        method, template = paths[request.operation]
        pattern = re.sub(r"{\w+}", "[^/]+", template)
        prefix = "/org-1" if request.operation in ON_THE_EVENTS_ROOT else ""
        assert request.method == method
        assert re.fullmatch(prefix + pattern, request.path)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("report_external_task", []),
        ("report_external_task", {"id": ""}),
        ("report_external_task", {"id": 7}),
        ("report_external_task", {"duration": -0.1}),
        ("report_external_task", {"tokens": {"prompt_tokens": -1}}),
        ("report_external_task", {"tokens": {"prompt_tokens": 1.5}}),
        ("report_external_task", {"used_tools": "web_search"}),
        ("report_external_task", {"is_success": "yes"}),
        ("create_task", {}),
        ("create_task", {"input": "Hello!"}),
        ("create_task", {"input": {"user": {"id": "u"}}}),
        ("create_task", {"input": {"principal": {"kind": "user", "id": "a b"}}}),
        ("update_task", {"internal_status": "x" * 256}),
        ("update_task", {"status": 3}),
        ("push_task_events", {"type": "chunk"}),
        ("report_metrics", {"status": "completed"}),
        ("get_api_key_allowance", {}),
        ("send_worker_message", {"data": {}}),
        ("summarize_tool_call", {"preset": "tool_call_analysis"}),
    ],
)
def test_a_body_off_the_contract_is_refused(operation: str, body: Any) -> None:
    assert faults(body_of(operation), body)


@pytest.mark.parametrize("link", ["GetTask", "UpdateTask", "StopTask", "GetActivityLog"])
def test_a_link_leads_to_the_path_parameters_of_its_operation(link: str) -> None:
    target = SPEC["components"]["links"][link]
    given = [resolve(parameter) for parameter in OPERATION[target["operationId"]]["parameters"]]
    assert set(target["parameters"]) == {parameter["name"] for parameter in given if parameter["in"] == "path"}


@pytest.mark.parametrize(
    ("sent", "recorded", "same"),
    [
        ({}, {"a": None, "b": [], "c": {}, "d": "", "e": False}, True),
        ({"a": {"b": None}}, {}, True),
        ({}, {"duration": 0.0}, False),
        ({"duration": 0}, {"duration": 0.0}, True),
        ({}, {"is_success": False}, False),
        ({"n": 1}, {"n": True}, False),
        ({"t": "2026-01-02T03:04:05+00:00"}, {"t": "2026-01-02T03:04:05Z"}, True),
        ({"t": "2026-01-02T04:04:05+01:00"}, {"t": "2026-01-02T03:04:05"}, True),
        ({"t": "2026-01-02T03:04:06Z"}, {"t": "2026-01-02T03:04:05Z"}, False),
        ({"l": [None]}, {"l": []}, False),
        ({"llm_response": {"a": None}}, {"llm_response": {}}, False),
        ({"extra": 1}, {}, False),
    ],
)
def test_two_bodies_are_the_same_but_for_what_says_nothing(sent: Any, recorded: Any, same: bool) -> None:
    assert same_body(sent, recorded) is same
    assert same_body(recorded, sent) is same


def test_each_recorded_body_differs_from_every_other() -> None:
    reports = [case for name, case in CASE.items() if name.startswith("report_")]
    for case in reports:
        alike = [other.name for other in reports if same_body(case.requests[0].body, other.requests[0].body)]
        assert alike == [case.name]
