"""Test the report of an external run: its body, its id, its agent, and errors that carry it."""

import asyncio
import itertools
import json
import re
import time
import uuid
from datetime import UTC, datetime

import attrs
import pytest
from xpander_api.models import ReportExternalTaskRequest
from xpander_api.types import UNSET

from xpander_facade import _client
from xpander_facade._client.call_flow import first_attempt
from xpander_facade._requests.bodies import members, tokens_body, tokens_members
from xpander_facade._requests.report import attach_report, make_report, make_start
from xpander_facade._serialization.json_bytes import encode
from xpander_facade.agents._agent import Agent
from xpander_facade.backend import Backend
from xpander_facade.configuration import Configuration
from xpander_facade.errors import APITimeoutError, ConfigurationError
from xpander_facade.tasks import _reporting
from xpander_facade.tasks._task import Task
from xpander_facade.usage._tokens import Tokens

CONFIGURATION = Configuration(api_key="k", base_url="https://x.example", agent_id="agent-conf")
TASK = {"id": "t", "agent_id": "a", "organization_id": "o", "input": {}, "created_at": "2026-11-21T10:00:00Z"}
NOTHING = {
    "agent_id": "agent-1",
    "id": None,
    "input": None,
    "llm_response": None,
    "tokens": None,
    "is_success": True,
    "result": None,
    "duration": 0,
    "used_tools": None,
}
EVERYTHING = {
    "agent_id": "agent-1",
    "id": "ext-1",
    "input": "in",
    "llm_response": {"a": None, "at": datetime(2026, 1, 1, tzinfo=UTC), "n": float("nan")},
    "tokens": Tokens(2, 3),
    "is_success": False,
    "result": "out",
    "duration": 4.7,
    "used_tools": ("search",),
}


def report(configuration=CONFIGURATION, **changes):
    return make_report(configuration, **{**NOTHING, **changes})


def test_a_full_report_has_the_platforms_body():
    made = report(**EVERYTHING)
    assert made.body == {
        "id": "ext-1",
        "input": "in",
        "llm_response": {"a": None, "at": "2026-01-01T00:00:00Z", "n": None},
        "tokens": {
            "prompt_tokens": 2,
            "completion_tokens": 3,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "total_tokens": 5,
        },
        "is_success": False,
        "result": "out",
        "duration": 4.7,
        "used_tools": ["search"],
    }
    assert made.request.method == "POST"
    assert made.request.path == "/agent-execution/agent-1/report_task"
    assert made.request.body == made.body


def test_an_empty_report_sends_only_its_defaults():
    made = report(id="ext-1")
    assert made.body == {"id": "ext-1", "is_success": True, "duration": 0.0, "used_tools": []}


def test_without_an_id_one_is_made_and_each_is_another():
    ids = [report().id for _ in range(3)]
    assert all(re.fullmatch(r"ext-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", id) for id in ids)
    assert len(set(ids)) == 3
    made = report()
    assert made.body["id"] == made.id == made.request.body["id"]


@pytest.mark.parametrize("value", [0, False, "", [], {}, {"a": None}, [None]])
def test_a_provider_answer_that_is_empty_is_still_sent(value):
    made = report(llm_response=value)
    assert made.body["llm_response"] == value
    assert made.request.body["llm_response"] == value


def test_tokens_may_be_a_mapping():
    assert report(tokens={"prompt_tokens": 2, "completion_tokens": 3}).body["tokens"]["total_tokens"] == 5


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"agent_id": ""}, ValueError),
        ({"agent_id": " "}, ValueError),
        ({"agent_id": 5}, TypeError),
        ({"id": ""}, ValueError),
        ({"id": 5}, TypeError),
        ({"duration": -1}, ValueError),
        ({"duration": float("nan")}, ValueError),
        ({"duration": float("inf")}, ValueError),
        ({"duration": "4"}, TypeError),
        ({"input": {"a": 1}}, TypeError),
        ({"result": 5}, TypeError),
        ({"is_success": 1}, TypeError),
        ({"is_success": None}, TypeError),
        ({"used_tools": "search"}, TypeError),
        ({"tokens": {"prompt_tokens": -1}}, ValueError),
        ({"tokens": 5}, TypeError),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_sent(changes, error):
    with pytest.raises(error, match=next(iter(changes))):
        report(**changes)


def test_an_id_is_escaped_in_the_path():
    assert report(agent_id="a/b").request.path == "/agent-execution/a%2Fb/report_task"


def test_the_agent_is_the_argument_else_the_configurations_else_the_environments_at_the_call(monkeypatch):
    monkeypatch.setenv("XPANDER_AGENT_ID", "agent-env")
    bare = Configuration(api_key="k", base_url="https://x.example")
    assert "agent-1" in report().request.path
    assert "agent-conf" in report(agent_id=None).request.path
    assert "agent-env" in report(bare, agent_id=None).request.path
    monkeypatch.setenv("XPANDER_AGENT_ID", "")
    with pytest.raises(ConfigurationError, match="XPANDER_AGENT_ID"):
        report(bare, agent_id=None)


def test_an_error_of_a_report_carries_the_report():
    made = report(id="ext-1", result="private words")
    with pytest.raises(APITimeoutError) as caught, attach_report(made, None):
        raise APITimeoutError("late")
    assert caught.value.task_id == "ext-1"
    assert caught.value.report == made.body
    assert "private words" not in str(caught.value)


def test_an_error_that_is_not_ours_passes_as_it_is():
    with pytest.raises(KeyError), attach_report(report(), None):
        raise KeyError("x")


class Sent(Exception):
    """What a fake network was given."""


@pytest.fixture
def sent(monkeypatch):
    seen = []

    def send(configuration, request, reader):
        seen.append((configuration, request))
        raise Sent

    async def asend(configuration, request, reader):
        send(configuration, request, reader)

    monkeypatch.setattr(_client, "send", send)
    monkeypatch.setattr(_client, "asend", asend)
    return seen


def drive(coroutine):
    with pytest.raises(Sent):
        coroutine.send(None)


@pytest.mark.parametrize("arguments", [EVERYTHING, {**NOTHING, "id": "ext-1"}], ids=["everything", "nothing"])
def test_all_four_forms_send_the_same_bytes(sent, arguments):
    backend = Backend(CONFIGURATION)
    with pytest.raises(Sent):
        backend.report_external_task(**arguments)
    with pytest.raises(Sent):
        Task.report_external_task(configuration=CONFIGURATION, **arguments)
    drive(backend.areport_external_task(**arguments))
    drive(Task.areport_external_task(configuration=CONFIGURATION, **arguments))
    attempts = [first_attempt(configuration, request) for configuration, request in sent]
    assert len(attempts) == 4
    assert {(a.method, a.url, a.content, tuple(sorted(a.headers.items()))) for a in attempts} == {
        (
            "POST",
            "https://x.example/agent-execution/agent-1/report_task",
            encode(report(**arguments).body),
            tuple(sorted(attempts[0].headers.items())),
        )
    }
    assert {request.idempotent for _, request in sent} == {True}


def test_a_loaded_agent_goes_before_an_agent_id(sent):
    agent = Agent._reader(CONFIGURATION)({"id": "agent-loaded"})
    with pytest.raises(Sent):
        Backend(CONFIGURATION).report_external_task(agent_id="agent-1", agent=agent)
    drive(Backend(CONFIGURATION).areport_external_task(agent_id="agent-1", agent=agent))
    assert [request.path for _, request in sent] == ["/agent-execution/agent-loaded/report_task"] * 2


def test_a_configuration_for_the_call_goes_before_the_backends(sent):
    other = Configuration(api_key="other", base_url="https://y.example")
    with pytest.raises(Sent):
        Backend(CONFIGURATION).report_external_task(agent_id="a", configuration=other)
    assert sent[0][0] is other


def test_what_reports_a_run_is_one_function_below_backend_task_and_recorder(monkeypatch):
    seen = []

    def send_report(configuration, report, reader):
        # A recorded run waits for less long.
        seen.append((attrs.evolve(configuration, deadline=CONFIGURATION.deadline), report.agent_id, report.id))
        return reader({**TASK, "id": report.id})

    async def asend_report(configuration, report, reader):
        return send_report(configuration, report, reader)

    monkeypatch.setattr(_reporting, "send_report", send_report)
    monkeypatch.setattr(_reporting, "asend_report", asend_report)
    backend, arguments = Backend(CONFIGURATION), {"agent_id": "agent-1", "id": "ext-1"}
    backend.report_external_task(**arguments)
    Task.report_external_task(CONFIGURATION, **arguments)
    asyncio.run(backend.areport_external_task(**arguments))
    asyncio.run(Task.areport_external_task(CONFIGURATION, **arguments))
    with backend.external_task(**arguments, strict=True):
        pass
    assert seen == [(CONFIGURATION, "agent-1", "ext-1")] * 5


OPTIONAL = ("input", "llm_response", "tokens", "result", "used_tools")


@pytest.mark.parametrize("left_out", [some for n in range(6) for some in itertools.combinations(OPTIONAL, n)])
def test_a_body_is_what_the_generated_model_writes(left_out):
    given = {**EVERYTHING, "llm_response": {"a": [1]}, "used_tools": ["search"], **dict.fromkeys(left_out)}
    members = {name: UNSET if value is None else value for name, value in given.items() if name != "agent_id"}
    members["input_"] = members.pop("input")
    members["used_tools"] = given["used_tools"] or []
    if given["tokens"] is not None:
        members["tokens"] = tokens_body(given["tokens"])
    expected = ReportExternalTaskRequest(**members).to_dict()
    assert list(report(**given).body.items()) == list(expected.items())


def test_a_body_has_a_value_for_each_member_of_the_generated_model():
    known = ReportExternalTaskRequest.from_dict(report(**EVERYTHING).body)
    assert UNSET not in attrs.asdict(known, recurse=False).values()
    assert known.additional_properties == {}


def test_tokens_take_along_what_else_the_platform_said_of_them():
    used = Tokens(2, 3, extra={"reasoning_tokens": 1})
    assert report(tokens=used).body["tokens"] == tokens_body(used).to_dict()
    assert report(tokens=used).body["tokens"]["reasoning_tokens"] == 1


def test_ids_that_are_made_are_random_uuids_in_the_order_of_their_time():
    began = time.time()
    made = [report().id for _ in range(200)]
    assert len(set(made)) == len(made)
    for id in made:
        read = uuid.UUID(id.removeprefix("ext-"))
        assert id == f"ext-{read}"
        assert (read.version, read.variant) == (7, uuid.RFC_4122)
        assert began - 0.001 <= (read.int >> 80) / 1000 <= time.time()
    parts = [uuid.UUID(id.removeprefix("ext-")).int & ((1 << 62) - 1) for id in made]
    assert len(set(parts)) == len(parts)
    assert sum(part >> 61 for part in parts) not in {0, 200}


def test_an_id_that_is_made_later_sorts_later(monkeypatch):
    moments = iter([1, 999_999, 1_000_000, 1_999_999, 1_700_000_000_123_456_789, 1_700_000_000_123_457_100])
    monkeypatch.setattr("xpander_facade._requests.report.time.time_ns", lambda: next(moments))
    made = [report().id for _ in range(6)]
    assert made == sorted(made)
    assert made[0].startswith("ext-00000000-0000-7000-")
    assert made[1].startswith("ext-00000000-0000-7fff-")
    assert made[2].startswith("ext-00000000-0001-7000-")


@pytest.mark.parametrize("given", [{}, {"id": "i", "input_": "in"}, None], ids=["nothing", "some", "everything"])
def test_the_members_of_a_body_are_what_the_generated_model_writes(given):
    if given is None:
        given = {a.name: f"the {a.name}" for a in attrs.fields(ReportExternalTaskRequest) if a.init}
    model = ReportExternalTaskRequest(**given)
    assert members(model) == model.to_dict()
    assert [*members(model)] == [*model.to_dict()]
    assert len(members(model)) == len(given)


@pytest.mark.parametrize("tokens", [Tokens(1, 2, 3, 4), Tokens(), Tokens(5, extra={"reasoning_tokens": 6, "_note": 7})])
def test_tokens_are_written_as_the_generated_model_writes_them(tokens: Tokens):
    written = tokens_members(tokens)
    assert written == tokens_body(tokens).to_dict()
    assert json.dumps(written) == json.dumps(tokens_body(tokens).to_dict())


def test_the_report_of_a_start_says_what_one_of_a_run_without_more_says():
    configuration = Configuration(api_key="key", agent_id="agent-1")
    whole = make_report(
        configuration,
        agent_id="agent-1",
        id="run-1",
        input="asked",
        llm_response=None,
        tokens=None,
        is_success=True,
        result=None,
        duration=0.0,
        used_tools=None,
    )
    start = make_start("agent-1", "run-1", "asked")
    assert (start.agent_id, start.id, start.body) == (whole.agent_id, whole.id, whole.body)
    assert "input" not in make_start("agent-1", None, None).body
    with pytest.raises(ValueError, match="id is empty"):
        make_start("agent-1", " ", None)
