"""Test the events: how they are read, and how a stream is followed over its breaks. No sockets, no sleeping."""

import asyncio
import contextlib
import json
import logging
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade import _client
from xpander_facade._client import Frame
from xpander_facade.configuration import Configuration
from xpander_facade.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    ConflictError,
    ModuleException,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from xpander_facade.tasks import _stream
from xpander_facade.tasks._stream import EventStreamState, ReconnectPolicy
from xpander_facade.tasks._task import Task, WaitTimeoutError
from xpander_facade.types.events import TaskUpdateEvent, TaskUpdateEventType, ToolCallRequest, ToolCallResult
from xpander_facade.types.models import DeepPlanning

CONFIGURATION = Configuration(api_key="k", organization_id="o", base_url="https://x.example")
TASK = {
    "id": "t-1",
    "agent_id": "a-1",
    "organization_id": "o-1",
    "input": {"text": "hi"},
    "created_at": "2026-11-21T10:00:00Z",
    "events_streaming": True,
}
BASE = {"task_id": "t-1", "organization_id": "o-1", "time": "2026-11-21T10:00:00Z"}


def a_task(**fields):
    return Task._reader(CONFIGURATION)({**TASK, **fields})


def read_event(data):
    return _stream.read_event(data, Task._reader(CONFIGURATION))


def event_data(type_="chunk", data="x", **fields):
    return {"type": type_, **BASE, "data": data, **fields}


def frame(data=None, id=None, **fields):
    return Frame(id=id or "", data=json.dumps(event_data(**fields) if data is None else data))


class TestReading:
    def test_an_event_is_typed(self):
        event = read_event(event_data(identity={"name": "n", "icon": "i"}, new=1))
        assert event.type is TaskUpdateEventType.Chunk
        assert (event.task_id, event.data, event.identity) == ("t-1", "x", {"name": "n", "icon": "i"})
        assert event.time == datetime(2026, 11, 21, 10, tzinfo=UTC)
        assert event.extra == {"new": 1}

    @pytest.mark.parametrize(
        "type_",
        ["task_created", "task_updated", "task_finished", "sub_task_created", "sub_task_updated", "sub_task_finished"],
    )
    def test_a_task_in_an_event_is_a_task_that_can_be_driven(self, type_):
        event = read_event(event_data(type_, {**TASK, "_result_truncated": True}))
        assert type(event.data) is Task
        assert event.data.configuration is CONFIGURATION
        assert event.data.extra == {"_result_truncated": True}

    @pytest.mark.parametrize(
        ("type_", "data", "expected"),
        [
            ("tool_call_request", {"tool_name": "s", "payload": [1]}, ToolCallRequest(tool_name="s", payload=[1])),
            ("tool_call_result", {"tool_name": "s", "is_error": True}, ToolCallResult(tool_name="s", is_error=True)),
            ("plan_updated", {"enabled": True}, DeepPlanning(enabled=True)),
            ("chunk", "text", "text"),
            ("chunk", {"odd": 1}, {"odd": 1}),
            ("think", {"thought": None}, {"thought": None}),
            ("task_updated", "only words", "only words"),
            ("plan_updated", None, None),
            ("a_type_of_tomorrow", {"a": [None]}, {"a": [None]}),
        ],
    )
    def test_data_is_typed_where_the_type_is_known_else_the_json_as_it_came(self, type_, data, expected):
        event = read_event(event_data(type_, data))
        assert event.data == expected
        assert type(event.data) is type(expected)

    def test_the_reasoning_of_a_tool_call_is_typed(self):
        event = read_event(event_data("tool_call_request", {"reasoning": {"title": "t", "description": "d"}}))
        assert (event.data.reasoning.title, event.data.reasoning.description) == ("t", "d")

    def test_an_unknown_type_arrives_as_a_pseudo_member(self):
        event = read_event(event_data("a_type_of_tomorrow"))
        assert isinstance(event.type, TaskUpdateEventType)
        assert event.type == event.type.value == "a_type_of_tomorrow"

    @pytest.mark.parametrize(
        "data", [None, [], "x", {}, {"type": "chunk"}, {"task_id": "t"}, {"type": [], "task_id": "t"}]
    )
    def test_what_is_no_event_is_a_value_error(self, data):
        with pytest.raises(ValueError):
            read_event(data)


def following(**pace):
    return EventStreamState("t-1", Task._reader(CONFIGURATION), ReconnectPolicy(**pace))


def take(state, frame):
    """Return the event of a frame; None where it brings none."""
    events = list(state.read([frame]))
    return events[0] if events else None


class TestEventStreamState:
    def test_the_stream_is_asked_for_by_the_tasks_id(self):
        request = EventStreamState("t/1", Task._reader(CONFIGURATION)).request()
        assert (request.method, request.path) == ("GET", "/agent-execution/t%2F1/events")

    def test_events_pass_in_order_and_the_last_id_is_kept(self):
        state = following()
        state.request()
        taken = [take(state, frame(id=str(n), data=event_data(data=str(n)))) for n in range(3)]
        assert [event.data for event in taken] == ["0", "1", "2"]
        assert state.last_id == "2"

    def test_with_ids_what_an_earlier_connection_brought_is_not_repeated(self):
        state = following()
        state.request()
        take(state, frame(id="1"))
        state.request()
        assert take(state, frame(id="1")) is None
        assert take(state, frame(id="2")) is not None

    def test_without_ids_an_event_equal_in_type_time_and_data_is_not_repeated(self):
        state = following()
        state.request()
        take(state, frame())
        state.request()
        assert state.last_id is None
        assert take(state, frame()) is None
        assert take(state, frame(data=event_data(data="y"))) is not None
        assert take(state, frame(data=event_data(time="2026-11-21T10:00:01Z"))) is not None
        assert take(state, frame(data=event_data("think"))) is not None

    def test_two_equal_events_on_one_connection_are_two_events(self):
        state = following()
        state.request()
        assert [take(state, frame()) is None for _ in range(2)] == [False, False]

    def test_only_so_many_events_are_remembered(self):
        state = following(dedup_window=2)
        state.request()
        for n in range(3):
            take(state, frame(id=str(n)))
        state.request()
        assert [take(state, frame(id=str(n))) is None for n in range(3)] == [False, True, True]

    def test_connected_is_told_once(self):
        state = following()
        state.request()
        assert take(state, frame(type_="connected")).type is TaskUpdateEventType.Connected
        state.request()
        assert take(state, frame(type_="connected")) is None

    def test_the_stream_ends_with_task_finished(self):
        state = following()
        state.request()
        take(state, frame(type_="task_updated", data=None))
        assert not state.finished
        take(state, frame(data=event_data("task_finished", TASK)))
        assert state.finished

    @pytest.mark.parametrize("type_", ["sub_task_finished", "task_finished_of_tomorrow"])
    def test_it_does_not_end_with_another_finish(self, type_):
        state = following()
        state.request()
        take(state, frame(data=event_data(type_, TASK)))
        assert not state.finished

    @pytest.mark.parametrize(
        "text",
        [
            "{",
            "[]",
            "null",
            "5",
            '"x"',
            "{}",
            '{"type": "chunk"}',
            '{"type": ["x"], "task_id": "t"}',
            '{"type": {"a": 1}, "task_id": "t"}',
            '{"type": "chunk", "task_id": "t", "time": ["x"]}',
            '{"type": "chunk", "task_id": "t", "time": "soon"}',
            '{"type": "plan_updated", "task_id": "t", "data": {"tasks": "x"}}',
            "[" * 100_000,
            '{"type": "chunk", "task_id": "t", "data": ' + "[" * 900 + "]" * 900 + "}",
        ],
        ids=lambda text: text[:45],
    )
    @pytest.mark.parametrize("id_", [None, "7"])
    def test_a_malformed_event_is_logged_and_skipped(self, text, id_, caplog):
        state = following()
        state.request()
        with caplog.at_level(logging.WARNING, "xpander_facade"):
            event = take(state, Frame(id=id_, data=text))
        if event is None:
            assert "t-1" in caplog.text
        else:
            assert "900" not in text  # a deep one may be readable
            assert event.type in {TaskUpdateEventType.Chunk, TaskUpdateEventType.PlanUpdated}
            assert event.time is None
        assert take(state, frame()) is not None

    def test_a_malformed_event_is_logged_without_what_it_holds(self, caplog):
        state = following()
        state.request()
        with caplog.at_level(logging.WARNING, "xpander_facade"):
            take(state, frame(data={"type": "chunk", "time": "x", "task_id": {"private words": 1}}))
        assert caplog.text
        assert "private words" not in caplog.text

    def test_a_batch_gives_what_its_frames_give_one_by_one(self, caplog):
        texts = [
            *('{"type": "chunk", "task_id": "t", "data": [{}', "{}]}", "{},{}"),  # as many values as texts, if joined
            *("", "1,2", "[1", "2]", '{"type": "chunk", "task_id": "t", "data": NaN}'),
            json.dumps(event_data(data="\u2028 \U0001f600")),
        ]
        frames = [Frame(id=str(number), data=text) for number, text in enumerate(texts)]
        for batch in (frames[:3], frames, frames[::-1], [*frames, frame(id="x", type_="connected")]):
            one_by_one, at_once = following(), following()
            expected = [event for each in batch for event in one_by_one.read([each])]
            skipped = [record.getMessage() for record in caplog.records]
            caplog.clear()
            assert list(at_once.read(batch)) == expected
            assert [record.getMessage() for record in caplog.records] == skipped
            assert (at_once.last_id, list(at_once._recent)) == (one_by_one.last_id, list(one_by_one._recent))
            caplog.clear()

    def test_nothing_behind_the_final_event_is_read(self, caplog):
        state = following()
        batch = [
            frame(),
            frame(data=event_data("task_finished", TASK)),
            Frame(data="{"),
            frame(data=event_data("think")),
        ]
        assert [event.type.value for event in state.read(batch)] == ["chunk", "task_finished"]
        assert not caplog.records

    def test_what_a_batch_repeats_of_an_earlier_connection_is_left_out(self):
        state = following()
        assert len(list(state.read([frame(id="1"), frame(id="2")]))) == 2
        state.request()
        news = list(
            state.read([frame(id="1"), frame(id="2"), frame(id="3", data=event_data(data="new")), frame(id="3")])
        )
        assert [event.data for event in news] == ["new", "x"]

    @given(
        st.text(max_size=30)
        | st.recursive(
            st.none() | st.text(max_size=4),
            lambda i: st.lists(i) | st.dictionaries(st.sampled_from(["type", "task_id", "time", "data"]), i),
        ).map(json.dumps)
    )
    def test_no_frame_is_an_error(self, text):
        state = following()
        state.request()
        event = take(state, Frame(data=text))
        assert event is None or isinstance(event, TaskUpdateEvent)

    def test_a_frame_without_data_is_nothing(self):
        state = following()
        state.request()
        assert take(state, Frame(id="5")) is None

    def test_it_waits_one_two_then_three_seconds_and_gives_up_after_ten_fruitless_tries(self):
        state = following()
        error = APIConnectionError("gone")
        assert [state.backoff(error) for _ in range(10)] == [1, 2, 3, 3, 3, 3, 3, 3, 3, 3]
        with pytest.raises(APIConnectionError) as caught:
            state.backoff(error)
        assert caught.value is error

    def test_a_stream_that_just_ends_is_given_up_too(self):
        state = following(tries=1)
        state.backoff(None)
        with pytest.raises(APITimeoutError, match="t-1"):
            state.backoff(None)

    def test_an_event_makes_the_next_break_the_first_again_but_connected_does_not(self):
        state = following()
        state.request()
        assert [state.backoff(None) for _ in range(2)] == [1, 2]
        take(state, frame(type_="connected"))
        assert state.backoff(None) == 3
        take(state, frame())
        assert state.backoff(None) == 1

    @pytest.mark.parametrize(
        ("milliseconds", "waits"),
        [
            (250, [0.25, 2, 3, 3]),
            (2_500, [2.5, 2.5, 3, 3]),
            (5_000, [5, 5, 5, 5]),
            (0, [0.1, 2, 3, 3]),
            (10**9, [30, 30, 30, 30]),
            (10**400, [30, 30, 30, 30]),
            (-1, [1, 2, 3, 3]),
        ],
        ids=lambda value: str(value)[:12],
    )
    def test_the_wait_that_a_stream_asks_for_takes_the_place_of_the_first_within_bounds(self, milliseconds, waits):
        state = following()
        state.request()
        assert take(state, Frame(retry=milliseconds)) is None
        assert [state.backoff(None) for _ in range(4)] == waits
        take(state, frame())
        assert state.backoff(None) == waits[0]

    @pytest.mark.parametrize(
        ("cls", "status", "at_once"),
        [
            (AuthenticationError, 401, True),
            (PermissionDeniedError, 403, True),
            (NotFoundError, 404, True),
            (ConflictError, 409, True),
            (RateLimitError, 429, False),
            (ServerError, 503, False),
            (ServerError, 520, False),
        ],
    )
    def test_a_lasting_refusal_is_raised_at_once(self, cls, status, at_once):
        error = cls("no", status_code=status)
        if at_once:
            with pytest.raises(cls) as caught:
                following().backoff(error)
            assert caught.value is error
        else:
            assert following().backoff(error) == 1

    @pytest.mark.parametrize("status", ["completed", "failed", "error", "stopped"])
    def test_a_task_found_ended_gives_the_final_event(self, status):
        state = following()
        state.request()
        take(state, frame())
        task = a_task(status=status, finished_at="2026-11-21T11:00:00Z")
        event = state.on_reload(task)
        assert event.type is TaskUpdateEventType.TaskFinished
        assert event.data is task
        assert (event.task_id, event.organization_id, event.time) == ("t-1", "o-1", task.finished_at)
        assert state.finished

    @pytest.mark.parametrize("status", ["pending", "executing", "paused", "a_word_of_tomorrow"])
    def test_a_task_found_running_gives_none(self, status):
        state = following()
        assert state.on_reload(a_task(status=status)) is None
        assert not state.finished

    def test_with_ids_an_ended_tasks_stream_is_drained_once_more_and_impatiently(self):
        state = following()
        state.request()
        take(state, frame(id="1"))
        assert state.idle_timeout == 60
        task = a_task(status="completed")
        assert state.on_reload(task) is None
        assert state.idle_timeout < 60
        assert state.backoff(APIConnectionError("gone")) == 0
        state.request()
        assert state.on_reload(task).type is TaskUpdateEventType.TaskFinished


def last_id_of(request):
    headers = {name.lower(): value for name, value in request.headers.items()}
    return headers.get("last-event-id")


class Opened:
    """An open stream, as `_client.stream` gives it."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)

    def __aiter__(self):
        return self.batches.__aiter__()


class Script:
    """A fake platform: what each opening of the stream brings, and what each look at the task finds."""

    def __init__(self, monkeypatch, connections, looks):
        self.connections, self.looks = list(connections), list(looks)
        self.opened, self.waits, self.closed = [], [], 0
        monkeypatch.setattr(_client, "stream", self.stream)
        monkeypatch.setattr(_client, "astream", self.astream)
        monkeypatch.setattr(Task, "load", self.load)
        monkeypatch.setattr(Task, "aload", self.aload)
        monkeypatch.setattr(_stream.time, "sleep", self.waits.append)
        monkeypatch.setattr(_stream.asyncio, "sleep", self.asleep)

    def batches(self):
        for step in self.connections.pop(0) if self.connections else [APIConnectionError("gone")]:
            if isinstance(step, Exception):
                raise step
            yield [step]

    @contextlib.contextmanager
    def stream(self, configuration, request, idle_timeout, until, quiet_after):
        self.opened.append(last_id_of(request))
        try:
            yield Opened(self.batches())
        finally:
            self.closed += 1

    @contextlib.asynccontextmanager
    async def astream(self, configuration, request, idle_timeout, until, quiet_after):
        async def batches():
            for step in self.batches():
                yield step

        self.opened.append(last_id_of(request))
        try:
            yield Opened(batches())
        finally:
            self.closed += 1

    def load(self, task_id, configuration=None):
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(found, Exception):
            raise found
        return a_task(status=found)

    async def aload(self, task_id, configuration=None):
        return self.load(task_id, configuration)

    async def asleep(self, seconds):
        self.waits.append(seconds)


def sync_run(task):
    return list(task.events())


def async_run(task):
    async def all_of():
        return [event async for event in task.aevents()]

    return drive(all_of())


def drive(coroutine):
    """Run a coroutine that waits for nothing real."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waited for something real")


both = pytest.mark.parametrize("run", [sync_run, async_run], ids=["sync", "async"])
FINISHED = frame(data=event_data("task_finished", TASK), id="9")


class TestDrivers:
    @both
    def test_a_stream_that_does_not_break_is_read_to_its_end(self, monkeypatch, run):
        script = Script(monkeypatch, [[frame(id="1"), FINISHED, frame(id="10")]], ["executing"])
        got = run(a_task())
        assert [event.type.value for event in got] == ["chunk", "task_finished"]
        assert (script.opened, script.waits, script.closed) == ([None], [], 1)

    @both
    def test_a_broken_stream_goes_on_after_the_last_id_and_repeats_nothing(self, monkeypatch, run):
        first = [frame(id=str(n), data=event_data(data=n)) for n in range(7)]
        second = [frame(id=str(n), data=event_data(data=n)) for n in range(5, 9)]
        script = Script(monkeypatch, [[*first, APIConnectionError("cut")], [*second, FINISHED]], ["executing"])
        got = run(a_task())
        assert [event.data for event in got[:-1]] == list(range(9))
        assert (script.opened, script.waits, script.closed) == ([None, "6"], [1], 2)

    @both
    def test_a_task_found_ended_ends_the_stream(self, monkeypatch, run):
        script = Script(monkeypatch, [[frame()]], ["completed"])
        got = run(a_task())
        assert [event.type.value for event in got] == ["chunk", "task_finished"]
        assert got[-1].data.status.value == "completed"
        assert script.opened == [None]

    @both
    def test_with_ids_what_was_missed_before_the_end_is_still_brought(self, monkeypatch, run):
        script = Script(monkeypatch, [[frame(id="1")], [frame(id="2"), FINISHED]], ["completed"])
        assert [event.type.value for event in run(a_task())] == ["chunk", "chunk", "task_finished"]
        assert script.opened == [None, "1"]

    @both
    def test_with_ids_a_drained_stream_that_brings_nothing_still_ends(self, monkeypatch, run):
        Script(monkeypatch, [[frame(id="1")], []], ["completed"])
        assert [event.type.value for event in run(a_task())] == ["chunk", "task_finished"]

    @both
    @pytest.mark.parametrize("error", [AuthenticationError, PermissionDeniedError, NotFoundError])
    def test_a_refused_stream_is_not_opened_again(self, monkeypatch, run, error):
        status = {AuthenticationError: 401, PermissionDeniedError: 403, NotFoundError: 404}[error]
        script = Script(monkeypatch, [[error("no", status_code=status)]], ["executing"])
        with pytest.raises(error):
            run(a_task())
        assert (len(script.opened), script.waits) == (1, [])

    @both
    def test_a_dead_stream_of_a_running_task_is_given_up_after_ten_tries(self, monkeypatch, run):
        script = Script(monkeypatch, [], ["executing"])
        with pytest.raises(APIConnectionError):
            run(a_task())
        assert script.waits == [1, 2, 3, 3, 3, 3, 3, 3, 3, 3]
        assert len(script.opened) == 11

    @both
    def test_a_dead_platform_is_given_the_same_ten_tries(self, monkeypatch, run):
        script = Script(monkeypatch, [], [APIConnectionError("gone")])
        with pytest.raises(APIConnectionError):
            run(a_task())
        assert script.waits == [1, 2, 3, 3, 3, 3, 3, 3, 3, 3]

    @both
    def test_a_task_that_does_not_stream_is_refused_at_once(self, monkeypatch, run):
        with pytest.raises(ValueError, match="events_streaming=True"):
            a_task(events_streaming=False).events()
        with pytest.raises(ValueError, match="events_streaming=True"):
            a_task(events_streaming=False).aevents()

    def test_leaving_the_loop_early_closes_the_stream(self, monkeypatch):
        script = Script(monkeypatch, [[frame(id="1"), frame(id="2")]], ["executing"])
        stream = a_task().events()
        next(stream)
        stream.close()
        assert script.closed == 1

    def test_leaving_the_async_loop_early_closes_the_stream(self, monkeypatch):
        script = Script(monkeypatch, [[frame(id="1"), frame(id="2")]], ["executing"])

        async def leave():
            stream = a_task().aevents()
            await anext(stream)
            await stream.aclose()

        drive(leave())
        assert script.closed == 1


class TestWaiting:
    """The clock stands still but for the naps."""

    @pytest.fixture
    def world(self, monkeypatch):
        world = {"now": 1000.0, "naps": [], "statuses": ["executing"]}

        def nap(seconds):
            world["naps"].append(seconds)
            world["now"] += seconds

        async def anap(seconds):
            nap(seconds)

        def load(task_id, configuration=None):
            statuses = world["statuses"]
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            return a_task(status=status, events_streaming=False)

        async def aload(task_id, configuration=None):
            return load(task_id)

        monkeypatch.setattr(_stream.time, "sleep", nap)
        monkeypatch.setattr(_stream.time, "monotonic", lambda: world["now"])
        monkeypatch.setattr(_stream.asyncio, "sleep", anap)
        monkeypatch.setattr(Task, "load", staticmethod(load))
        monkeypatch.setattr(Task, "aload", staticmethod(aload))
        return world

    @pytest.fixture(params=["sync", "async"])
    def wait(self, request):
        if request.param == "sync":
            return lambda task, **limits: task.wait_until_done(**limits)
        return lambda task, **limits: drive(task.await_until_done(**limits))

    def test_an_ended_task_is_returned_after_one_look(self, world, wait):
        world["statuses"] = ["completed"]
        task = a_task(events_streaming=False)
        assert wait(task) is task
        assert task.status.value == "completed"
        assert world["naps"] == []

    def test_a_task_is_asked_less_and_less_often(self, world, wait):
        world["statuses"] = ["executing"] * 12 + ["failed"]
        task = wait(a_task(events_streaming=False))
        assert task.status.value == "failed"
        naps = world["naps"]
        assert naps[0] == 1.0
        assert naps == sorted(naps)
        assert naps[-1] == 10.0

    def test_a_task_that_does_not_end_in_time_is_a_timeout_that_carries_it(self, world, wait):
        task = a_task(events_streaming=False)
        with pytest.raises(WaitTimeoutError, match=r"t-1.*executing.*5") as caught:
            wait(task, timeout=5)
        assert caught.value.task is task
        assert isinstance(caught.value, TimeoutError)
        assert sum(world["naps"]) == pytest.approx(5)

    @pytest.mark.parametrize(
        "limits", [{"timeout": -1}, {"timeout": float("nan")}, {"poll_interval": 0}, {"poll_interval": -1}]
    )
    def test_a_senseless_limit_is_refused(self, world, wait, limits):
        with pytest.raises(ValueError, match=next(iter(limits))):
            wait(a_task(events_streaming=False), **limits)

    def test_a_zero_timeout_looks_once(self, world, wait):
        with pytest.raises(WaitTimeoutError):
            wait(a_task(events_streaming=False), timeout=0)
        assert world["naps"] == []


def test_errors_that_reach_the_user_are_ours():
    assert issubclass(WaitTimeoutError, asyncio.TimeoutError)
    assert not issubclass(WaitTimeoutError, ModuleException)
