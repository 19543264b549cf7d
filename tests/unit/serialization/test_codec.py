"""Test the way between JSON and the facade's classes: round trips, times, nulls, unknown fields, and wrong shapes."""

import json
import re
import warnings
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpander_facade._serialization import codec
from xpander_facade._serialization.codec import DecodeError
from xpander_facade.agents._agent import Agent
from xpander_facade.agents._agents import AgentsListItem
from xpander_facade.tasks._list_item import TasksListItem
from xpander_facade.tasks._task import Task
from xpander_facade.types.activity import AgentActivityThread, AgentActivityThreadMessage
from xpander_facade.types.enums import AgentExecutionStatus, ThinkMode
from xpander_facade.types.events import TaskUpdateEvent, ToolCallResult
from xpander_facade.types.models import AgentExecutionInput, DeepPlanning, MCPServerDetails, User
from xpander_facade.usage._usage import Tokens

SMALLEST = {
    "id": "t-1",
    "agent_id": "a-1",
    "organization_id": "o-1",
    "input": {},
    "created_at": "2026-11-21T10:00:00Z",
}
CLASSES = [
    Task,
    TasksListItem,
    Agent,
    AgentsListItem,
    TaskUpdateEvent,
    ToolCallResult,
    AgentActivityThread,
    AgentActivityThreadMessage,
    AgentExecutionInput,
    MCPServerDetails,
    DeepPlanning,
    Tokens,
    User,
]
scalars = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=8)
any_json = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
finite_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


def names_of(cls):
    return [field.name for field in attrs.fields(cls)]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=80)
@given(data=st.data())
def test_any_json_gives_a_value_or_a_mismatch(cls, data):
    fields = st.dictionaries(st.sampled_from(names_of(cls)) | st.text(max_size=5), any_json, max_size=8)
    some = data.draw(any_json | fields)
    if isinstance(some, dict) and issubclass(cls, Task):
        some = {**SMALLEST, **some}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dateutil warns of time zones that it does not know
        try:
            value = codec.structure(cls, some)
        except DecodeError:
            return
    assert isinstance(value, cls)
    json.dumps(codec.unstructure(value))


@given(
    st.dictionaries(st.sampled_from([name for name in names_of(Task) if name not in {*SMALLEST, "extra"}]), st.none())
)
def test_a_null_counts_as_absent(nulls):
    assert codec.structure(Task, {**SMALLEST, **nulls}) == codec.structure(Task, SMALLEST)


texts = st.text(max_size=8)
maybe = st.none() | texts
task_data = st.fixed_dictionaries(
    {
        "id": texts,
        "agent_id": texts,
        "organization_id": texts,
        "input": st.fixed_dictionaries({}, optional={"text": texts, "files": st.lists(texts, max_size=2)}),
        "created_at": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    },
    optional={
        "status": texts,
        "think_mode": texts,
        "output_format": texts,
        "result": maybe,
        "duration": st.none() | st.floats(0, 1e9) | st.integers(0, 10**6),
        "used_tools": st.none() | st.lists(texts, max_size=3),
        "events_streaming": st.none() | st.booleans(),
        "payload_extension": st.none() | st.dictionaries(texts, finite_json, max_size=2),
        "tokens": st.none()
        | st.fixed_dictionaries({}, optional={"prompt_tokens": st.integers(0, 9), "new": finite_json}),
        "deep_planning": st.none()
        | st.fixed_dictionaries(
            {},
            optional={"enabled": st.booleans(), "tasks": st.lists(st.fixed_dictionaries({"title": texts}), max_size=2)},
        ),
        "started_at": st.none() | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
        "mcp_servers": st.lists(
            st.fixed_dictionaries({"url": texts, "headers": st.dictionaries(texts, texts)}), max_size=1
        ),
        "extra": finite_json,
        "a_field_of_tomorrow": finite_json,
    },
)


@given(task_data)
def test_what_was_written_reads_back_as_the_same(data):
    task = codec.structure(Task, data)
    written = json.loads(json.dumps(codec.unstructure(task)))
    again = codec.structure(Task, written)
    # A null that the class does not model is a value of its own in extra.
    assert again == task
    assert codec.unstructure(again) == written


def test_unknown_fields_are_kept_and_sent_back_also_deep_inside():
    data = {**SMALLEST, "new": {"a": [1, None]}, "input": {"text": "x", "new": None, "user": {"email": "e", "x": 1}}}
    task = codec.structure(Task, data)
    assert task.extra == {"new": {"a": [1, None]}}
    assert task.input.user.extra == {"x": 1}
    written = codec.unstructure(task)
    assert written["new"] == {"a": [1, None]}
    assert written["input"]["new"] is None
    assert written["input"]["user"]["x"] == 1


def test_what_is_kept_is_a_copy_of_what_came():
    data = {**SMALLEST, "payload_extension": {"a": [1]}, "new": {"b": [2]}}
    task = codec.structure(Task, data)
    task.payload_extension["a"].append(9)
    task.extra["new"]["b"].append(9)
    assert data["payload_extension"] == {"a": [1]}
    assert data["new"] == {"b": [2]}


def test_an_attribute_goes_before_an_extra_of_the_same_name():
    task = codec.structure(Task, SMALLEST)
    task.extra["result"] = "from extra"
    task.result = "from the attribute"
    assert codec.unstructure(task)["result"] == "from the attribute"


UTC_NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T12:00:00Z", UTC_NOON),
        ("2026-11-21T12:00:00+00:00", UTC_NOON),
        ("2026-11-21T12:00:00", UTC_NOON),
        ("2026-11-21 12:00:00", UTC_NOON),
        ("2026-11-21T14:00:00+02:00", UTC_NOON),
        ("2026-11-21T12:00:00.5Z", UTC_NOON + timedelta(seconds=0.5)),
        ("2026-11-21T12:00:00.123456", UTC_NOON + timedelta(microseconds=123456)),
        ("2026-11-21T12:00:00.123456789Z", UTC_NOON + timedelta(microseconds=123456)),
        ("Sat, 21 Nov 2026 12:00:00 GMT", UTC_NOON),
        ("Nov 21 2026 12:00:00 UTC", UTC_NOON),
        ("21 November 2026 12:00:00 +0000", UTC_NOON),
        ("2026-11-21T12:00:00 +0200", UTC_NOON - timedelta(hours=2)),
    ],
)
def test_times_are_read_in_every_form_and_a_naive_one_means_utc(text, moment):
    read = codec.read_time(text)
    assert read == moment
    assert read.utcoffset() is not None


@pytest.mark.parametrize(
    "value", ["", "soon", "12:00", "21 November", "2026", "2026-13-45T00:00:00Z", 5, True, None, [], {}]
)
def test_what_is_no_full_point_in_time_is_a_mismatch(value):
    with pytest.raises(DecodeError, match="expected a time"):
        codec.read_time(value)


@given(
    st.text(max_size=30) | st.from_regex(r"[0-9]{1,4}[-/ ][0-9a-zA-Z]{1,9}[-/ ,T][0-9:. +-]{0,20}Z?", fullmatch=True)
)
def test_any_text_is_an_aware_time_or_a_mismatch(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            moment = codec.read_time(text)
        except DecodeError:
            return
    assert moment.tzinfo is not None


@given(st.datetimes(timezones=st.none() | st.just(UTC) | st.just(timezone(timedelta(hours=-3, minutes=-30)))))
def test_a_time_reads_back_as_the_same_instant(moment):
    text = codec.write_time(moment)
    assert codec.read_time(text) == (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    assert moment.utcoffset() is not None or text.endswith("Z")


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("duration", "long", "duration"),
        ("duration", True, "duration"),
        ("used_tools", "search", "used_tools"),
        ("used_tools", ["a", {}], "used_tools.1"),
        ("input", [], "input"),
        ("input", {"user": {"id": "u"}}, "input"),
        ("input", {"files": [["x"]]}, "input.files.0"),
        ("events_streaming", 1, "events_streaming"),
        ("execution_attempts", 1.5, "execution_attempts"),
        ("tokens", {"prompt_tokens": -1}, "tokens"),
        ("created_at", "soon", "created_at"),
        ("status", True, "status"),
        ("status", [], "status"),
        ("id", None, "id"),
    ],
)
def test_a_mismatch_says_where_it_is(field, value, path):
    with pytest.raises(DecodeError) as caught:
        codec.structure(Task, {**SMALLEST, field: value})
    assert path in str(caught.value)


@pytest.mark.parametrize("data", [None, [], "task", 5, True])
def test_what_is_no_object_is_a_mismatch(data):
    with pytest.raises(DecodeError, match="expected an object for Task"):
        codec.structure(Task, data)


def test_a_number_where_a_text_belongs_is_taken_as_text_and_a_whole_float_as_a_whole_number():
    task = codec.structure(Task, {**SMALLEST, "agent_version": 3, "execution_attempts": 2.0, "duration": 4})
    assert (task.agent_version, task.execution_attempts, task.duration) == ("3", 2, 4.0)
    assert type(task.duration) is float
    assert type(task.execution_attempts) is int


def test_enums_are_read_as_members_or_pseudo_members():
    task = codec.structure(Task, {**SMALLEST, "status": "executing", "think_mode": "deeper-still"})
    assert task.status is AgentExecutionStatus.Executing
    assert isinstance(task.think_mode, ThinkMode)
    assert task.think_mode.value == "deeper-still"
    assert codec.unstructure(task)["think_mode"] == "deeper-still"
    assert type(codec.unstructure(task)["think_mode"]) is str


def test_a_list_keeps_its_order_and_says_which_item_is_wrong():
    items = codec.structure_list(AgentsListItem, [{"id": "b"}, {"id": "a"}])
    assert [item.id for item in items] == ["b", "a"]
    with pytest.raises(DecodeError, match="1"):
        codec.structure_list(AgentsListItem, [{"id": "b"}, {}])
    with pytest.raises(DecodeError, match="expected an array"):
        codec.structure_list(AgentsListItem, {})


def test_an_object_left_out_is_left_out_at_every_depth():
    task = codec.structure(Task, {**SMALLEST, "mcp_servers": [{"id": "m", "api_key": "k"}]})
    data = codec.unstructure(task, leave_out=lambda cls, name: (cls, name) == (MCPServerDetails, "api_key"))
    assert "api_key" not in data["mcp_servers"][0]
    assert data["mcp_servers"][0]["id"] == "m"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"duration": "1e999"}, "duration"),
        ({"duration": "-1e999"}, "duration"),
        ({"execution_attempts": "1e999"}, "execution_attempts"),
        ({"mcp_servers": [{"headers": {"a": ["1e999"]}}]}, "mcp_servers.0.headers.a.0"),
        ({"unknown": {"b": {"c": "1e999"}}}, "unknown.b.c"),
        ({"input": {"text": "x", "unknown": "1e999"}}, "input.unknown"),
    ],
)
def test_a_number_that_no_float_holds_is_a_mismatch_that_says_where(fields, path):
    data = json.loads(re.sub(r'"(-?1e999)"', r"\1", json.dumps({**SMALLEST, **fields})))
    with pytest.raises(DecodeError, match=f"^{re.escape(path)}: expected a"):
        codec.structure(Task, data)


def test_a_default_that_is_made_from_the_rest_is_made_from_what_was_read():
    servers = [{"type": "local"}, {"type": "remote"}, {}, {"type": "local", "transport": "sse"}]
    found = codec.structure_list(MCPServerDetails, servers)
    assert [server.transport.value for server in found] == ["stdio", "streamable-http", "streamable-http", "sse"]
    assert all(server.extra == {} for server in found)
