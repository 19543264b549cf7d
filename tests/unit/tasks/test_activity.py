"""Test the activity thread: entries told apart by their shape, and unknown ones kept as they came."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade._requests.tasks import activity_request
from xpander_facade._serialization.codec import DecodeError
from xpander_facade.tasks._activity import read_thread
from xpander_facade.types.activity import (
    AgentActivityThread,
    AgentActivityThreadAuth,
    AgentActivityThreadGatewayDecision,
    AgentActivityThreadMessage,
    AgentActivityThreadOther,
    AgentActivityThreadReasoning,
    AgentActivityThreadSubAgentTrigger,
    AgentActivityThreadToolCall,
)

BASE = {"id": "e-1", "created_at": "2026-11-21T10:00:00Z"}
NOON = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def thread(*entries, **fields):
    return read_thread({"id": "t-1", "messages": list(entries), **fields})


ENTRIES = [
    (AgentActivityThreadMessage, {"role": "user", "content": {"text": "hi", "files": ["u"]}}),
    (AgentActivityThreadMessage, {"role": "agent", "content": {}, "sub_execution_result": True}),
    (AgentActivityThreadToolCall, {"tool_name": "search", "payload": {"q": 1}, "result": [1], "is_error": True}),
    (AgentActivityThreadToolCall, {"tool_name": "s", "reasoning": {"title": "t"}}),
    (AgentActivityThreadReasoning, {"type": "think", "title": "t", "confidence": 0.5, "thought": "x"}),
    (
        AgentActivityThreadReasoning,
        {"type": "analyze", "analysis": "a", "result": "r", "action": "go", "plan_task_id": "p"},
    ),
    (AgentActivityThreadSubAgentTrigger, {"agent_id": "a", "query": "q", "files": [], "reasoning": "r"}),
    *[
        (AgentActivityThreadAuth, {"type": type_, "data": {"url": "u"}})
        for type_ in ("not_supported", "login_required", "token_issue", "token_ready")
    ],
    *[
        (AgentActivityThreadGatewayDecision, {"action": action, "reasoning": "r", "title": "t"})
        for action in (
            "create_execution",
            "ask_execution",
            "stop_execution",
            "continue_execution",
            "get_executions_result",
        )
    ],
]


@pytest.mark.parametrize(("cls", "fields"), ENTRIES)
def test_an_entry_is_told_by_its_shape(cls, fields):
    (entry,) = thread({**BASE, **fields}).messages
    assert type(entry) is cls
    assert (entry.id, entry.created_at) == ("e-1", NOON)
    for name, value in fields.items():
        if name != "content":
            assert getattr(entry, name) == value


@pytest.mark.parametrize(("cls", "fields"), ENTRIES)
def test_an_entry_keeps_what_it_does_not_know(cls, fields):
    (entry,) = thread({**BASE, **fields, "new": {"a": None}}).messages
    assert type(entry) is cls
    assert entry.extra == {"new": {"a": None}}


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "create_execution", "created_execution_id": "x", "query": "q", "is_async": True},
        {"action": "ask_execution", "created_execution_id": "x", "new_input": "n", "rejected": "it has ended"},
        {"action": "stop_execution", "created_execution_id": "x", "agent_id": "a", "description": "d"},
        {"action": "continue_execution", "created_execution_id": "x", "rejected": "no"},
    ],
)
def test_each_field_of_a_gateways_decision_is_typed(fields):
    (entry,) = thread({**BASE, "reasoning": "r", **fields}).messages
    assert type(entry) is AgentActivityThreadGatewayDecision
    assert entry.extra == {}
    assert {name: getattr(entry, name) for name in fields} == fields


def test_the_results_that_a_gateway_fetched_are_typed():
    fetched = [
        {"created_execution_id": "x", "status": "completed", "result": "r", "new": 1},
        {"created_execution_id": "y"},
    ]
    data = {**BASE, "action": "get_executions_result", "reasoning": "r", "executions": fetched}
    (entry,) = thread(data).messages
    first, second = entry.executions
    assert (first.created_execution_id, first.status, first.result, first.extra) == ("x", "completed", "r", {"new": 1})
    assert (second.created_execution_id, second.status, second.result) == ("y", None, None)


def test_a_message_of_several_users_says_whose_it_is():
    data = {**BASE, "role": "user", "content": {"text": "hi"}, "user": {"email": "e", "id": "u"}}
    (entry,) = thread(data).messages
    assert (entry.user.id, entry.sub_execution_result, entry.extra) == ("u", False, {})


def test_a_message_has_typed_content():
    (entry,) = thread({**BASE, "role": "user", "content": {"text": "hi", "files": None}}).messages
    assert (entry.content.text, entry.content.files) == ("hi", [])


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "brand_new", "x": [1]},
        {"action": "a_decision_of_tomorrow", "agent_id": "a", "reasoning": "r"},
        {"type": "a_type_of_tomorrow", "agent_id": "a"},
        {"type": "a_type_of_tomorrow"},
        {"type": ["think"]},
        {"action": {"a": 1}},
        {"role": "user", "content": "a plain text"},
        {"tool_name": {"a": 1}},
        {},
    ],
)
def test_an_unknown_or_odd_entry_is_kept_with_all_its_fields(fields):
    data = {**BASE, **fields}
    entry, after = thread(data, {**BASE, "tool_name": "next"}).messages
    assert entry == AgentActivityThreadOther(id="e-1", created_at=NOON, fields=data)
    assert type(after) is AgentActivityThreadToolCall


@pytest.mark.parametrize("data", [None, 5, "x", [1]])
def test_an_entry_that_is_no_object_is_kept_as_a_value(data):
    (entry,) = thread(data).messages
    assert entry.fields == {"value": data}


@pytest.mark.parametrize("odd", [{"id": 5}, {"created_at": "soon"}, {"created_at": None}, {"id": None}])
def test_an_entry_without_a_usable_id_or_time_is_still_kept(odd):
    (entry,) = thread({**BASE, "kind": "new", **odd}).messages
    assert entry.fields == {**BASE, "kind": "new", **odd}


def test_a_thread_has_its_user_its_time_and_its_order():
    log = thread(
        {**BASE, "id": "b", "tool_name": "x"},
        {**BASE, "id": "a", "tool_name": "y"},
        created_at="2026-11-21T10:00:00Z",
        user={"email": "e", "id": "u"},
        new=1,
    )
    assert [entry.id for entry in log.messages] == ["b", "a"]
    assert (log.created_at, log.user.email, log.extra) == (NOON, "e", {"new": 1})


@pytest.mark.parametrize("messages", [None, []])
def test_a_thread_without_messages_is_empty(messages):
    assert read_thread({"id": "t", "messages": messages}) == AgentActivityThread(id="t")


@pytest.mark.parametrize("messages", [{"a": 1}, "x", 5, True])
def test_messages_that_are_no_list_cost_themselves_only(messages):
    log = read_thread({"id": "t", "user": {"email": "e"}, "messages": messages})
    assert (log.user.email, log.messages, log.extra) == ("e", [], {"messages": messages})


def test_an_odd_time_or_value_of_an_entry_costs_itself_only():
    entry = {"id": "e", "created_at": "2026-06-30T23:59:60Z", "type": "think", "thought": "t", "confidence": "high"}
    (read,) = thread(entry).messages
    assert isinstance(read, AgentActivityThreadReasoning)
    assert (read.created_at, read.confidence, read.thought) == (None, None, "t")
    assert read.extra == {"created_at": entry["created_at"], "confidence": "high"}


@pytest.mark.parametrize("data", [None, [], "x", {}, {"messages": []}, {"id": {}, "messages": []}])
def test_what_is_no_thread_is_a_mismatch(data):
    with pytest.raises(DecodeError):
        read_thread(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
)
names = st.sampled_from(
    ["id", "created_at", "role", "content", "tool_name", "type", "action", "agent_id", "query", "files", "confidence"]
)


@given(st.lists(st.dictionaries(names, json_values, max_size=6) | json_values, max_size=3))
def test_no_entry_costs_the_thread(entries):
    assert len(thread(*entries).messages) == len(entries)


def test_the_request_names_agent_and_task():
    request = activity_request("a/1", "t/1")
    assert (request.method, request.path) == ("GET", "/activity/a%2F1/t%2F1")
