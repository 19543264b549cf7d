"""Test the way between JSON and the facade's classes: round trips, times, nulls, unknown fields, and wrong shapes."""

import contextlib
import json
import re
import warnings
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpander_facade._requests.bodies import update_body
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
from xpander_facade.usage._tokens import Tokens

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


@pytest.fixture(scope="module", autouse=True, params=[10**9, 0], ids=["field by field", "written out"])
def _ways_of_reading(request):
    """Read every object in one of the two ways that classes are read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "WRITTEN_OUT_AFTER", request.param)
        codec._plan.cache_clear()
        yield
    codec._plan.cache_clear()


def test_a_class_that_is_read_often_is_read_by_a_function_written_out_for_it(monkeypatch):
    monkeypatch.setattr(codec, "WRITTEN_OUT_AFTER", 2)
    codec._plan.cache_clear()
    given = {"email": "ada@example.com", "id": 7, "team": "x"}
    users = [codec.structure(User, given) for _ in range(4)] + codec.structure_list(User, [given] * 2)
    assert users == [User("ada@example.com", id="7", extra={"team": "x"})] * 6
    # What was compiled for it has no file.
    assert codec._plan(User).read.__code__.co_filename == "<string>"


def test_parts_of_objects_are_read_by_what_is_written_out_for_them(monkeypatch):
    monkeypatch.setattr(codec, "WRITTEN_OUT_AFTER", 2)
    codec._plan.cache_clear()
    given = {
        **SMALLEST,
        "input": {"text": "Hello", "user": {"email": "ada@example.com"}},
        "tokens": {"prompt_tokens": 3},
        "deep_planning": {"tasks": [{"id": "1"}, {"id": "2", "completed": True}]},
    }
    tasks = [codec.structure(Task, given) for _ in range(8)]
    assert all(task == tasks[0] for task in tasks)
    assert tasks[0].deep_planning.tasks is not tasks[1].deep_planning.tasks
    called = [*codec._plan(Task).read.__globals__.values()]
    for part in (AgentExecutionInput, DeepPlanning, Tokens):
        assert codec._plan(part).read in called
    # Of what no task had, nothing was compiled.
    assert not codec._plan(MCPServerDetails).is_written_out


USUAL = {
    User: {"email": "ada@example.com", "id": None, "team": "x", "tags": ["a"], "first_name": "Ada"},
    Tokens: {"total_tokens": 5, "completion_tokens": 2, "prompt_tokens": 3},
    Task: {
        **SMALLEST,
        "duration": 1.5,
        "used_tools": ["t"],
        "status": "completed",
        "started_at": None,
        "app": {"a": 1},
    },
}
"""Of each class an object whose names most others have, too, some of them unknown."""


@pytest.mark.parametrize("cls", USUAL, ids=lambda cls: cls.__name__)
@settings(max_examples=80)
@given(data=st.data())
def test_an_object_with_the_usual_names_is_read_as_one_with_any(cls, data):
    usual = USUAL[cls]
    names = [name for name in usual if name not in SMALLEST]
    values = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names, any_json)))
    leave_out = data.draw(st.sampled_from([(), *((name,) for name in names)]))
    more = data.draw(st.dictionaries(st.sampled_from([*names_of(cls), "new"]), any_json, max_size=1))
    order = data.draw(st.permutations([name for name in usual if name not in leave_out]))
    given = {name: values.get(name, usual[name]) for name in order} | more
    if cls is Task:
        given = {**given, **SMALLEST}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = []
        for first in (usual, {}):
            codec._plan.cache_clear()
            for _ in range(codec.WRITTEN_OUT_AFTER + 1 if codec.WRITTEN_OUT_AFTER < 9 else 0):
                with contextlib.suppress(DecodeError):
                    codec.structure(cls, first)
            try:
                outcomes.append(codec.structure(cls, given))
            except DecodeError as error:
                outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
    assert repr(outcomes[0]) == repr(outcomes[1])


def test_unknown_values_of_a_usual_object_are_kept_as_copies():
    codec._plan.cache_clear()
    given = {"email": "ada@example.com", "team": "x", "tags": ["a"], "score": 1e999}
    users = [codec.structure(User, given) for _ in range(3)]
    assert users == [User("ada@example.com", extra={"team": "x", "tags": ["a"], "score": None})] * 3
    users[0].extra["tags"].append("b")
    assert users[1] == codec.structure(User, given)
    assert given["tags"] == ["a"]


def test_an_object_with_as_many_names_as_the_usual_one_but_others_is_read():
    codec._plan.cache_clear()
    for some in ({"email": "a", "id": "1"}, {"email": "b", "timezone": "UTC"}, {"email": "c", "team": "x"}):
        user = codec.structure(User, some)
        assert codec.unstructure(user) == codec.unstructure(User("d")) | some


def test_objects_share_no_list_and_no_mapping():
    given = {**SMALLEST, "payload_extension": {"a": 1}, "used_tools": ["search"]}
    one, other = codec.structure(Task, given), codec.structure(Task, given)
    one.payload_extension["a"] = 2
    one.used_tools.append("read")
    one.mcp_servers.append(MCPServerDetails())
    one.extra["b"] = 3
    assert other == codec.structure(Task, given)
    assert given == {**SMALLEST, "payload_extension": {"a": 1}, "used_tools": ["search"]}


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


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=15)
@given(data=st.data())
def test_all_attributes_at_once_are_read_as_each_of_them_alone(cls, data):
    some = data.draw(st.dictionaries(st.sampled_from(names_of(cls)) | st.text(max_size=5), any_json, max_size=8))
    if issubclass(cls, Task):
        some = {**SMALLEST, **some}
    alone = object.__new__(codec._without_hooks(cls))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            unread = codec._populate_in_part(codec._plan(cls).fields, alone, some)
        except DecodeError as error:
            with pytest.raises(DecodeError, match=re.escape(str(error))):
                codec.structure(cls, some)
            return
        together = codec.structure(cls, some)
    for name in codec._plan(cls).fields:
        value = getattr(together, name)
        assert (type(value), value) == (type(getattr(alone, name)), getattr(alone, name))
    assert unread.items() <= together.extra.items()
    assert type(together) is cls


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
        ("input", [], "input"),
        ("created_at", None, "created_at"),
        ("status", True, "status"),
        ("status", [], "status"),
        ("id", None, "id"),
        ("id", {}, "id"),
    ],
)
def test_what_a_task_is_nothing_without_is_a_mismatch_that_says_where_it_is(field, value, path):
    with pytest.raises(DecodeError) as caught:
        codec.structure(Task, {**SMALLEST, field: value})
    assert path in str(caught.value)


ODD_VALUES = [
    ("duration", "long", 0.0),
    ("duration", True, 0.0),
    ("used_tools", "search", []),
    ("used_tools", ["a", {}, "b"], ["a", "b"]),
    ("events_streaming", 1, False),
    ("execution_attempts", 1.5, 1),
    ("finished_at", "soon", None),
    ("finished_at", "", None),
    ("finished_at", "2026-06-30T23:59:60Z", None),
    ("finished_at", "2026-06-30T24:00:00Z", None),
    ("finished_at", "10000-01-01T00:00:00Z", None),
    ("finished_at", "0000-01-01T00:00:00Z", None),
    ("finished_at", 1767323045, None),
    ("finished_at", {"seconds": 1}, None),
    ("created_at", "2026-06-30T23:59:60Z", None),
    ("output_format", {"type": "json"}, None),
    ("think_mode", [], ThinkMode.Default),
    ("payload_extension", "x", None),
    ("deep_planning", "none", DeepPlanning()),
    ("hitl_request", True, None),
    ("tokens", [1], None),
]


@pytest.mark.parametrize(("field", "value", "read"), ODD_VALUES)
def test_an_odd_value_costs_its_own_attribute_only_and_is_kept_until_that_is_set(field, value, read):
    task = codec.structure(Task, {**SMALLEST, "result": "done", "new": 1, field: value})
    assert getattr(task, field) == read
    assert (task.result, task.extra) == ("done", {"new": 1, field: value})
    assert codec.unstructure(task)[field] == value
    assert codec.structure(Task, codec.unstructure(task)) == task
    assert update_body(task).to_dict()[field] == value

    setattr(task, field, good := getattr(codec.structure(Task, {**SMALLEST, field: GOOD[field]}), field))
    assert codec.unstructure(task)[field] == codec.unstructure(good)
    assert update_body(task).to_dict()[field] == GOOD[field]


GOOD = {
    "duration": 4.5, "used_tools": ["c"], "events_streaming": True, "execution_attempts": 3, "think_mode": "harder",
    "finished_at": "2026-06-30T12:00:00Z", "created_at": "2026-06-30T12:00:00Z", "output_format": "json",
    "payload_extension": {"a": 1}, "hitl_request": {"wait_node_id": "n"}, "tokens": {
        "prompt_tokens": 1, "completion_tokens": 2, "cache_read_tokens": 0, "cache_write_tokens": 0, "total_tokens": 3,
    },
    "deep_planning": {"enabled": True, "enforce": False, "started": False, "question_raised": False, "tasks": []},
}  # fmt: skip


def test_an_odd_value_deep_inside_costs_the_innermost_attribute_only():
    tokens = {"prompt_tokens": -1, "completion_tokens": 5}
    user = {"email": "e", "timezone": ["x"]}
    inputs = {"text": "x", "files": ["a", ["b"]], "user": user, "principal": {"id": "without a kind"}}
    task = codec.structure(Task, {**SMALLEST, "tokens": tokens, "input": inputs})
    assert (task.tokens.prompt_tokens, task.tokens.completion_tokens) == (0, 5)
    assert (task.input.text, task.input.files, task.input.principal) == ("x", ["a"], None)
    assert (task.input.user.email, task.input.user.timezone) == ("e", None)
    sent = update_body(task).to_dict()
    assert sent["tokens"]["prompt_tokens"] == -1
    assert sent["input"]["files"] == ["a", ["b"]]
    assert sent["input"]["user"] == {**sent["input"]["user"], **user}
    assert sent["input"]["principal"] == {"id": "without a kind"}


def test_an_odd_item_costs_itself_only():
    servers = [{"name": "a"}, "b", {"name": "c", "allowed_tools": [1, {}]}]
    task = codec.structure(Task, {**SMALLEST, "mcp_servers": servers})
    assert [(server.name, server.allowed_tools) for server in task.mcp_servers] == [("a", []), ("c", ["1"])]
    assert task.extra == {"mcp_servers": servers}


def test_a_list_that_was_changed_goes_before_what_the_platform_said():
    task = codec.structure(Task, {**SMALLEST, "used_tools": ["a", {}]})
    task.used_tools.append("b")
    assert codec.unstructure(task)["used_tools"] == ["a", "b"]
    assert update_body(task).to_dict()["used_tools"] == ["a", "b"]


def test_what_was_not_read_is_no_change_that_a_save_would_send():
    task = Task._reader(None)({**SMALLEST, "finished_at": "24:00", "used_tools": ["a", 5.5, []]})
    assert task._save_request(False, True) is None
    task.finished_at = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    assert json.loads(json.dumps(task._save_request(False, True).body)) == {"finished_at": "2026-11-21T12:00:00Z"}


def test_an_odd_secret_is_in_no_dump():
    task = codec.structure(Task, {**SMALLEST, "user_oidc_token": {"secret": "s-1"}, "user_tokens": ["s-2"]})
    assert task.extra == {"user_oidc_token": {"secret": "s-1"}, "user_tokens": ["s-2"]}
    assert "s-" not in json.dumps(task.to_dict()) + repr(task)


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"files": "a.csv"}, "files"),
        ({"files": ["a", {}]}, "files.1"),
        ({"user": {"id": "without an address"}}, "user.email"),
        ({"user": {"email": "e", "timezone": []}}, "user.timezone"),
        ({"attachments": [{"url": "u"}, {"url": "u", "size": "large"}]}, "attachments.1.size"),
    ],
)
def test_what_a_user_writes_is_read_strictly(data, path):
    with pytest.raises(DecodeError, match=f"^{re.escape(path)}: "):
        codec.structure_strictly(AgentExecutionInput, data)
    task = codec.structure(Task, SMALLEST)
    with pytest.raises(ValueError, match=f"input does not fit: {re.escape(path)}: "):
        task.input = data
    assert codec.structure_strictly(AgentExecutionInput, {"text": "x", "new": 1}).extra == {"new": 1}


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
    ("fields", "read"),
    [
        ({"duration": "1e999"}, {"duration": 0.0}),
        ({"duration": "-1e999"}, {"duration": 0.0}),
        ({"execution_attempts": "1e999"}, {"execution_attempts": 1}),
        ({"payload_extension": {"a": ["1e999", 1]}}, {"payload_extension": {"a": [None, 1]}}),
        ({"unknown": {"b": {"c": "1e999"}}}, {"unknown": {"b": {"c": None}}}),
        ({"used_tools": ["a", "1e999"]}, {"used_tools": ["a", "inf"]}),
    ],
)
def test_a_number_that_no_float_holds_costs_its_own_place_only(fields, read):
    data = json.loads(re.sub(r'"(-?1e999)"', r"\1", json.dumps({**SMALLEST, **fields})))
    written = codec.unstructure(codec.structure(Task, data))
    assert {name: written[name] for name in read} == read
    json.dumps(written, allow_nan=False)


def test_a_default_that_is_made_from_the_rest_is_made_from_what_was_read():
    servers = [{"type": "local"}, {"type": "remote"}, {}, {"type": "local", "transport": "sse"}]
    found = codec.structure_list(MCPServerDetails, servers)
    assert [server.transport.value for server in found] == ["stdio", "streamable-http", "streamable-http", "sse"]
    assert all(server.extra == {} for server in found)
