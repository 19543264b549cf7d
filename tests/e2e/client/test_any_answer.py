"""Whatever comes as an answer, a call ends with a value or a ModuleException, and with nothing else.

No sockets: the pure exchange is driven by hand with canned answers, which is what the drivers do with real ones.
"""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire_cases import ANSWERED_TASK

from xpander_facade import (
    Agent,
    Agents,
    Backend,
    Configuration,
    ModuleException,
    Task,
    Tasks,
    TasksListItem,
    TaskUpdateEvent,
    Tokens,
    _client,
)
from xpander_facade._client import Frame
from xpander_facade._client.call_flow import call_flow
from xpander_facade._transport.request import Attempt
from xpander_facade._transport.response import Failure, Response
from xpander_facade.tasks import _stream

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIGURATION = Configuration(api_key="k", organization_id="o", base_url="http://127.0.0.1:1", max_retries=0)
QUICK = settings(
    max_examples=35, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def _task(**fields: Any) -> Task:
    return Task.from_dict({**ANSWERED_TASK, **fields}, CONFIGURATION)


ITEM = {
    "id": "task_1",
    "agent_id": "agent-123",
    "organization_id": "org-1",
    "status": "completed",
    "created_at": "2026-01-02T03:04:05Z",
    "user_id": None,
    "title": "t",
    "process": {"a": 1},
}
AGENT = {
    "id": "agent-123",
    "organization_id": "org-1",
    "name": "n",
    "status": "ACTIVE",
    "version": 3,
    "instructions": {"role": ["a"]},
    "tools": [{"id": "t"}],
    "knowledge_bases": [],
    "output_format": "text",
    "deep_planning": False,
    "created_at": "2026-01-02T03:04:05Z",
}
PLAN = {"enabled": True, "enforce": True, "started": True, "tasks": [{"id": "1", "title": "t", "completed": False}]}
TASK = {
    **ANSWERED_TASK,
    "deep_planning": PLAN,
    "mcp_servers": [{"name": "m", "type": "remote", "headers": {"a": "b"}}],
    "hitl_request": {"wait_node_id": "n"},
    "input": {"text": "x", "files": ["f"], "user": {"email": "a@b.c"}, "attachments": [{"url": "u", "size": 5}]},
}
THREAD = {
    "id": "task_1",
    "created_at": "2026-01-02T03:04:05Z",
    "user": {"email": "a@b.c"},
    "messages": [
        {"id": "1", "created_at": "2026-01-02T03:04:05Z", "role": "user", "content": {"text": "t", "files": []}},
        {"id": "2", "created_at": "2026-01-02T03:04:05Z", "tool_name": "t", "payload": {}, "is_error": False},
        {"id": "3", "created_at": "2026-01-02T03:04:05Z", "type": "think", "confidence": 0.5},
        {"id": "4", "created_at": "2026-01-02T03:04:05Z", "action": "create_execution"},
    ],
}
Operation = Callable[[], Any]

# Each operation, and a real answer of it.
OPERATIONS: Mapping[str, tuple[Operation, Any]] = {
    "report": (lambda: Backend(CONFIGURATION).report_external_task("a", tokens=Tokens(1, 2)), TASK),
    "create": (lambda: Tasks(CONFIGURATION).create("a", prompt="p"), TASK),
    "get": (lambda: Tasks(CONFIGURATION).get("t"), TASK),
    "update": (lambda: Tasks(CONFIGURATION).update("t", result="r"), TASK),
    "stop": (lambda: Tasks(CONFIGURATION).stop("t"), TASK),
    "list": (lambda: Tasks(CONFIGURATION).list("a"), [ITEM, ITEM]),
    "list of a user": (lambda: Tasks(CONFIGURATION).list_user_tasks("u"), [ITEM]),
    "task.save": (lambda: _task().save(), TASK),
    "task.reload": (lambda: _task(deep_planning=PLAN).reload(), TASK),
    "task.stop": (lambda: _task().stop(), TASK),
    "task.plan": (lambda: _task().get_plan_following_status(), TASK),
    "task.log": (lambda: _task().get_activity_log(), THREAD),
    "task.metrics": (lambda: _task().report_metrics(), {"ok": True}),
    "agents": (lambda: Agents(CONFIGURATION).list(), [AGENT]),
    "agent": (lambda: Agents(CONFIGURATION).get("a"), AGENT),
}


@contextmanager
def answering(outcome: Response | Failure) -> Iterator[None]:
    """Let every request of the facade come back with this."""

    def send(configuration: Any, request: Any, reader: Any, snapshot: Any = None) -> Any:
        steps = call_flow(configuration, request, reader, lambda: 0.0)
        assert isinstance(next(steps), Attempt)
        try:
            steps.send(outcome)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("it was to be sent again, though no retry is allowed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_client, "send", send)
        yield


def outcome_of(
    operation: Operation, content: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Any:
    """Return the value or ModuleException that an operation ends with; anything else passes through."""
    with answering(Response(status, headers or {}, content)):
        try:
            return operation()
        except ModuleException as error:
            problem = error
    assert str(problem)
    assert pickle.loads(pickle.dumps(problem)).description == problem.description
    return problem


def use(value: Any) -> None:
    """Do with a value what users do: show it, compare it, copy it, dump it, send it back."""
    if isinstance(value, list):
        for item in value:
            use(item)
        return
    repr(value)
    assert copy.deepcopy(value) == value
    if attrs.has(type(value)):
        attrs.asdict(value)
    if isinstance(value, Task):
        data = json.loads(json.dumps(value.to_dict(), allow_nan=False))
        assert Task.from_dict(data).to_dict() == value.to_dict()
        assert isinstance(value.status.value, str)
        with suppress(ValueError):  # an id that makes no URL, a task that came trimmed: refused before it is sent
            outcome_of(value.save, json.dumps(TASK).encode())
    if isinstance(value, Task | TasksListItem | Agent):
        assert isinstance(value.id, str)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["2026-01-02T03:04:05Z", "completed", "0", "", "10:20", "99999-01-01", 10**400, -0.0, "\ud800"])
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)


def _places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, item in inner for place in _places(item, (*here, key)))]


@st.composite
def mutated(draw: st.DrawFn, original: Any) -> Any:
    """Return a real answer in which a few things are other than they were: values, types, members."""
    value = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(_places(value)))
        if not place:
            if isinstance(value, dict):
                value[draw(st.text(min_size=1, max_size=12))] = draw(json_values)
            continue
        holder = value
        for step in place[:-1]:
            holder = holder[step]
        match draw(st.sampled_from(["replace", "replace", "remove", "wrap", "text"])):
            case "replace":
                holder[place[-1]] = draw(json_values)
            case "remove":
                del holder[place[-1]]
            case "wrap":
                holder[place[-1]] = [holder[place[-1]]]
            case _:
                holder[place[-1]] = str(holder[place[-1]])
    return value


@pytest.mark.parametrize("name", OPERATIONS)
@QUICK
@given(data=st.data())
def test_any_json_gives_a_value_or_a_module_exception(name: str, data: st.DataObject):
    operation, original = OPERATIONS[name]
    sample = original[0] if isinstance(original, list) else original
    some = st.dictionaries(st.sampled_from(sorted(sample)), json_values).map(lambda fields: {**sample, **fields})
    value = data.draw(json_values | some | st.lists(some, max_size=2))
    result = outcome_of(operation, json.dumps(value).encode())
    if not isinstance(result, ModuleException):
        use(result)


@pytest.mark.parametrize("name", OPERATIONS)
@QUICK
@given(data=st.data())
def test_a_mutated_real_answer_gives_a_value_or_a_module_exception(name: str, data: st.DataObject):
    operation, original = OPERATIONS[name]
    result = outcome_of(operation, json.dumps(data.draw(mutated(original))).encode())
    if not isinstance(result, ModuleException):
        use(result)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_real_answers_give_values(name: str):
    operation, original = OPERATIONS[name]
    result = outcome_of(operation, json.dumps(original).encode())
    assert not isinstance(result, ModuleException)
    use(result)


@pytest.mark.parametrize("name", ["report", "list", "task.log", "agent", "task.metrics"])
@QUICK
@given(
    content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")),
    status=st.integers(100, 999),
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "location", "x-request-id", "content-type"]), st.text(max_size=30), max_size=4
    ),
)
def test_any_bytes_with_any_status_give_a_value_or_a_module_exception(
    name: str, content: bytes, status: int, headers: dict[str, str]
):
    result = outcome_of(OPERATIONS[name][0], content, status, headers)
    if isinstance(result, ModuleException):
        assert result.status_code == status
    else:
        assert 200 <= status < 300


@pytest.mark.parametrize("status", [400, 404, 422, 500])
@QUICK
@given(value=json_values)
def test_any_detail_of_an_error_gives_a_sentence(status: int, value: Any):
    for body in (value, {"detail": value}, {"detail": [value, {"loc": value, "msg": value}]}):
        error = outcome_of(OPERATIONS["get"][0], json.dumps(body).encode(), status)
        assert isinstance(error, ModuleException)
        assert str(status) in str(error)
        assert len(str(error)) < 5_000


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("kind", ["connect", "timeout", "broken", "unreadable", "refused"])
def test_no_answer_is_a_module_exception(name: str, kind: Any):
    with answering(Failure(kind, "what happened")), pytest.raises(ModuleException, match="what happened"):
        OPERATIONS[name][0]()


EVENT = {
    "type": "task_finished",
    "task_id": "task_1",
    "organization_id": "org-1",
    "time": "2026-01-02T03:04:05Z",
    "identity": {"name": "n"},
    "data": TASK,
}
CALL = {**EVENT, "type": "tool_call_result", "data": {"tool_name": "t", "reasoning": {"title": "t"}, "result": [1]}}


@QUICK
@given(
    data=st.one_of(
        json_values, mutated(EVENT), mutated(CALL), mutated({**EVENT, "type": "plan_updated", "data": PLAN})
    ).map(json.dumps)
    | st.text(max_size=60),
    id=st.text(max_size=5),
)
def test_any_frame_of_a_stream_gives_an_event_or_nothing(data: str, id: str):
    following = _stream.EventStreamState("t", Task._reader(CONFIGURATION))
    for _ in range(2):
        following.request()
        for event in following.read([Frame("message", data, id, None)]):
            assert isinstance(event, TaskUpdateEvent)
            assert isinstance(event.type.value, str)
            use(event)


@pytest.mark.filterwarnings("ignore:status .* is not one that is known")  # which save says of the caller's own words
@QUICK
@given(
    value=mutated(TASK) | st.dictionaries(st.sampled_from(sorted(TASK)), json_values).map(lambda some: {**TASK, **some})
)
def test_any_json_is_a_task_or_a_value_error(value: Any):
    try:
        task = Task.from_dict(value, CONFIGURATION)
    except ValueError:
        return
    use(task)
