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
    (AgentActivityThreadMessage, {"role": "agent", "content": {}}),
    (AgentActivityThreadToolCall, {"tool_name": "search", "payload": {"q": 1}, "result": [1], "is_error": True}),
    (AgentActivityThreadToolCall, {"tool_name": "s", "reasoning": {"title": "t"}}),
    (AgentActivityThreadReasoning, {"type": "think", "title": "t", "confidence": 0.5, "thought": "x"}),
    (AgentActivityThreadReasoning, {"type": "analyze", "analysis": "a", "result": "r", "action": "go"}),
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


def test_a_message_has_typed_content():
    (entry,) = thread({**BASE, "role": "user", "content": {"text": "hi", "files": None}}).messages
    assert (entry.content.text, entry.content.files) == ("hi", [])


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "brand_new", "x": [1]},
        {"type": "a_type_of_tomorrow"},
        {"type": ["think"]},
        {"action": {"a": 1}},
        {"role": "user", "content": "a plain text"},
        {"tool_name": {"a": 1}},
        {"tool_name": "s", "is_error": "yes"},
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


@pytest.mark.parametrize("data", [None, [], "x", {}, {"id": "t", "messages": {"a": 1}}, {"id": "t", "messages": "x"}])
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
