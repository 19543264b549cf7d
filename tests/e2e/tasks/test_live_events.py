"""Event streams over real sockets: each event as it arrives, none lost, none twice, and a good end in every case."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, configured
from misbehaving import (
    BROKEN,
    STREAM_HEAD,
    Connection,
    Misbehaving,
    Request,
    answer,
    close,
    drip,
    event,
    hang,
    only,
    reset,
    stream,
    task_answer,
)
from wire_cases import ANSWERED_TASK

from xpander_facade import (
    APIConnectionError,
    APIResponseParseError,
    AuthenticationError,
    Configuration,
    ConflictError,
    DeepPlanning,
    ModuleException,
    NotFoundError,
    PermissionDeniedError,
    RedirectError,
    ServerError,
    Task,
    Tasks,
    TaskUpdateEventType,
    ToolCallRequest,
    ToolCallResult,
    WaitTimeoutError,
    XpanderError,
)
from xpander_facade.emulator import Emulator, Run
from xpander_facade.tasks import _stream

if TYPE_CHECKING:
    from collections.abc import Callable

FINISHED = event("task_finished", ANSWERED_TASK, number=59)
EXECUTING = task_answer(status="executing", result=None)


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Open streams again without waiting; a test may set other limits."""

    def set_pace(**limits: Any) -> None:
        monkeypatch.setattr(_stream, "RECONNECT_POLICY", _stream.ReconnectPolicy(**{"waits": (0,), **limits}))

    set_pace()
    return set_pace


def streaming(server: Misbehaving | Emulator, **given: Any) -> Task:
    """Return a task that streams from a server, without asking it."""
    return Task.from_dict({**ANSWERED_TASK, "status": "executing"}, configured(server, **given))


def told(taken: list[Any]) -> list[tuple[str, Any]]:
    return [(one.type.value, one.data) for one in taken if not isinstance(one.data, Task)]


def published(emulator: Emulator, task_id: str) -> list[tuple[str, str]]:
    found = [json.loads(text) for text in emulator.events(task_id)]
    return [(one["type"], one["time"]) for one in found]


def taken_times(taken: list[Any]) -> list[tuple[str, str]]:
    return [(one.type.value, one.time.isoformat().replace("+00:00", "Z")) for one in taken]


# --- as they arrive ---


def test_each_event_reaches_the_caller_before_the_next_is_sent(call: Caller, emulator: Emulator):
    gates = [threading.Event() for _ in range(20)]

    def script(run: Run) -> str:
        for number, gate in enumerate(gates):
            if not run.wait(gate, 5):
                return f"chunk {number} was not taken"
            run.chunk(str(number))
        return "all were taken"

    emulator.agent = script
    task = call(Tasks(configured(emulator)), "create", "a", prompt="go", events_streaming=True)
    seen = 0

    def took(one: Any) -> None:
        nonlocal seen
        if one.type is TaskUpdateEventType.TaskUpdated:
            gates[0].set()
        elif one.type is TaskUpdateEventType.Chunk:
            seen += 1
            assert one.data == str(seen - 1)
            if seen < 20:
                gates[seen].set()

    taken = call.events(task, took)
    assert seen == 20
    assert taken[-1].type is TaskUpdateEventType.TaskFinished
    assert taken[-1].data.result == "all were taken"


def test_an_event_that_arrives_in_pieces_is_whole(call: Caller, misbehave: Callable[..., Misbehaving]):
    whole = event("chunk", "grüße 🎉", id="1") + FINISHED

    def script(connection: Connection, request: Request) -> bool:
        connection.send(STREAM_HEAD)
        for position in range(len(whole)):
            connection.send(whole[position : position + 1])
        return False

    server = misbehave(script)
    assert told(call.events(streaming(server))) == [("chunk", "grüße 🎉")]


def test_line_ends_comments_and_retry_fields_of_any_kind_are_read(call: Caller, misbehave: Callable[..., Misbehaving]):
    body = {"type": "chunk", "task_id": "task_1", "data": "x"}
    text = json.dumps(body, indent=1).splitlines()
    odd = b": hello\r\n\r\nretry: 5\r\nid: 1\r\n" + b"".join(b"data: " + line.encode() + b"\r\n" for line in text)
    server = misbehave(stream(odd + b"\r\n", b"\n\n:\n\n", b"data:\n\n", b"event: ping\n\n", FINISHED))
    assert told(call.events(streaming(server))) == [("chunk", "x")]


def test_the_request_asks_for_a_stream_with_the_key_below_the_organisation(
    call: Caller, misbehave: Callable[..., Misbehaving]
):
    server = misbehave(stream(FINISHED))
    call.events(streaming(server))
    request = server.requests[0]
    assert (request.method, request.target) == ("GET", "/org-1/agent-execution/task_1/events")
    assert (request.headers["accept"], request.headers["x-api-key"]) == ("text/event-stream", "key-1")
    assert "last-event-id" not in request.headers


def test_data_is_typed_where_the_type_is_known(call: Caller, emulator: Emulator):
    def script(run: Run) -> str:
        run.plan(["first", "second"], enforce=True)
        run.tool_call("search", {"q": "x"}, result=[1], reasoning={"title": "why", "description": "because"})
        run.event("a_type_of_tomorrow", {"any": ["json"]})
        run.event("context_status", 0.5)
        return "done"

    emulator.agent = script
    task = call(Tasks(configured(emulator)), "create", "a", prompt="go", events_streaming=True)
    taken = call.events(task)
    by_type = {one.type.value: one for one in taken}
    assert [one.type.value for one in taken if not one.type.value.startswith(("connected", "task_"))] == [
        "plan_updated",
        "tool_call_request",
        "tool_call_result",
        "a_type_of_tomorrow",
        "context_status",
    ]
    plan = by_type["plan_updated"].data
    assert isinstance(plan, DeepPlanning)
    assert [item.title for item in plan.tasks] == ["first", "second"]
    request, result = by_type["tool_call_request"].data, by_type["tool_call_result"].data
    assert (type(request), type(result)) == (ToolCallRequest, ToolCallResult)
    assert (request.tool_name, request.payload, request.reasoning.title) == ("search", {"q": "x"}, "why")
    assert (result.result, result.is_error, result.request_id) == ([1], False, request.request_id)
    unknown = by_type["a_type_of_tomorrow"]
    assert isinstance(unknown.type, TaskUpdateEventType)
    assert unknown.type == "a_type_of_tomorrow"
    assert unknown.data == {"any": ["json"]}
    assert by_type["context_status"].data == 0.5
    assert isinstance(by_type["task_created"].data, Task)
    finished = by_type["task_finished"].data
    assert finished.configuration is task.configuration
    assert call(finished, "reload").result == "done"
    assert {one.organization_id for one in taken} == {"org-1"}


def test_a_malformed_event_is_logged_and_skipped(call: Caller, caplog: pytest.LogCaptureFixture):
    wrong = ["no json", "[]", '"text"', "7", "null", "{}", '{"type": 5}', "[" * 100_000, '{"type": "chunk"}', "{\n\n}"]
    gate = threading.Event()
    with Emulator(agent=lambda run: run.wait(gate, 5) and "done", step=0.001) as emulator:
        task = call(Tasks(configured(emulator)), "create", "a", events_streaming=True)
        for text in wrong:
            emulator.publish_raw(task.id, text)
        emulator.publish(task.id, "task_updated", {"id": "half a task"})
        emulator.publish(task.id, "tool_call_request", {"tool_name": ["no", "text"]})
        emulator.publish(task.id, "chunk", "after them")
        gate.set()
        taken = call.events(task)
    assert ("chunk", "after them") in told(taken)
    assert taken[-1].data.result == "done"
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == len(wrong) + 1
    (request,) = [event.data for event in taken if event.type == "tool_call_request"]
    assert request.extra == {"tool_name": ["no", "text"]}, "one odd value costs its own place only"
    assert all(task.id in record.getMessage() for record in warnings)


# --- nothing lost, nothing twice ---


@pytest.mark.parametrize("drops", [1, 3])
def test_a_stream_that_is_cut_after_seven_events_loses_and_repeats_none(drops: int, call: Caller, emulator: Emulator):
    emulator.agent = lambda run: [run.chunk(str(n)) for n in range(40)] and "done"
    emulator.drop_stream_after(7, times=drops, operation="stream_task_events")
    task = call(Tasks(configured(emulator)), "create", "a", events_streaming=True)
    taken = call.events(task)
    assert [one.data for one in taken if one.type is TaskUpdateEventType.Chunk] == [str(n) for n in range(40)]
    assert taken_times(taken) == published(emulator, task.id)
    opened = emulator.requests("stream_task_events")
    assert [request.headers.get("last-event-id") for request in opened] == [
        None,
        *(str(7 * n) for n in range(1, drops + 1)),
    ]


def test_a_stream_that_is_cut_right_after_its_head_goes_on(call: Caller, emulator: Emulator):
    emulator.agent = lambda run: run.chunk("x")
    emulator.drop_stream_after(0)
    task = call(Tasks(configured(emulator)), "create", "a", events_streaming=True)
    assert taken_times(call.events(task)) == published(emulator, task.id)


def test_without_ids_what_is_sent_again_is_dropped(call: Caller, emulator: Emulator):
    def agent(run: Any) -> str:
        for n in range(20):
            run.chunk(str(n))
        until = time.monotonic() + 10
        # A task that has ended is not asked for what its stream missed where no ids tell what that is.
        while len(emulator.requests("stream_task_events")) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        return "done"

    emulator.event_ids = False
    emulator.agent = agent
    emulator.drop_stream_after(7, times=1)
    emulator.drop_stream_after(12, times=1)
    task = call(Tasks(configured(emulator)), "create", "a", events_streaming=True)
    emulator.wait_for_status(task.id, "executing", "completed")
    taken = call.events(task)
    assert [one.data for one in taken if one.type is TaskUpdateEventType.Chunk] == [str(n) for n in range(20)]
    assert taken[-1].type is TaskUpdateEventType.TaskFinished
    assert len([one for one in taken if one.type is TaskUpdateEventType.TaskFinished]) == 1


def test_without_ids_only_what_an_earlier_connection_brought_is_dropped(
    call: Caller, misbehave: Callable[..., Misbehaving]
):
    one, two, three = (event("chunk", text, number=n) for n, text in enumerate(("a", "b", "c")))
    server = misbehave(stream(one, one, two), EXECUTING, stream(two, three, three), EXECUTING, stream(one, FINISHED))
    taken = call.events(streaming(server))
    assert told(taken) == [("chunk", "a"), ("chunk", "a"), ("chunk", "b"), ("chunk", "c"), ("chunk", "c")]
    assert taken[-1].type is TaskUpdateEventType.TaskFinished


def test_with_ids_what_is_sent_again_is_dropped(call: Caller, misbehave: Callable[..., Misbehaving]):
    def chunk(number: int) -> bytes:
        return event("chunk", "the same", id=f"id-{number}")

    last = event("task_finished", ANSWERED_TASK, id="id-4")
    server = misbehave(
        stream(chunk(1), chunk(2)), EXECUTING, stream(chunk(1), chunk(2), chunk(3)), EXECUTING, stream(chunk(3), last)
    )
    assert told(call.events(streaming(server))) == [("chunk", "the same")] * 3
    ids = [request.headers.get("last-event-id") for request in server.requests if request.is_stream]
    assert ids == [None, "id-2", "id-3"]


def test_an_event_without_an_id_behind_a_known_one_is_not_dropped(call: Caller, misbehave: Callable[..., Misbehaving]):
    known, new = event("chunk", "a", id="1"), event("chunk", "b", number=1)
    server = misbehave(stream(known), EXECUTING, stream(known, new, FINISHED))
    assert told(call.events(streaming(server))) == [("chunk", "a"), ("chunk", "b")]
    assert sum(request.is_stream for request in server.requests) == 2


@pytest.mark.parametrize(
    "end",
    [
        close,
        reset,
        only(b"data: {"),
        only(b"id: 9\ndata: {}"),
        only(b": half a com"),
        only(b"data: \xff\xfe\n\n"),
    ],
)
def test_however_a_connection_ends_the_stream_goes_on(end: Any, call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(
        stream(event("chunk", "a", id="1"), then=end), EXECUTING, stream(event("chunk", "b", id="2"), FINISHED)
    )
    taken = call.events(streaming(server))
    # A reset may overtake what was sent before it; nothing may be lost by it all the same.
    assert told(taken)[-1] == ("chunk", "b")
    assert [request.headers.get("last-event-id") for request in server.requests if request.is_stream][-1] in ("1", None)


def test_a_silent_stream_is_opened_again(
    call: Caller, misbehave: Callable[..., Misbehaving], pace: Callable[..., None]
):
    pace(idle_timeout=0.6)
    server = misbehave(stream(event("chunk", "a", id="1"), then=hang), EXECUTING, stream(FINISHED))
    assert told(call.events(streaming(server))) == [("chunk", "a")]
    assert [request.is_stream for request in server.requests] == [True, False, True]
    assert server.connections[0].left.wait(5)


def test_comments_keep_a_quiet_stream_alive(
    call: Caller, misbehave: Callable[..., Misbehaving], pace: Callable[..., None]
):
    pace(idle_timeout=1)
    server = misbehave(stream(then=drip(b"", b": still here\n\n", every=0.1, times=16)), otherwise=stream(FINISHED))
    taken = call.events(streaming(server))
    assert taken[-1].type is TaskUpdateEventType.TaskFinished
    # more than a second of comments, then the end: had they not counted, the stream would have been lost before
    assert [request.is_stream for request in server.requests][:2] == [True, False]
    assert server.connections[0].left.wait(5)  # the server ends it, and notes so only then


# --- the end ---


def test_a_task_that_ended_meanwhile_gives_a_final_event(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(stream(event("chunk", "a")), task_answer(result="ended meanwhile"))
    taken = call.events(streaming(server))
    assert [one.type.value for one in taken] == ["chunk", "task_finished"]
    final = taken[-1]
    assert isinstance(final.data, Task)
    assert (final.data.result, final.task_id, final.organization_id) == ("ended meanwhile", "task_1", "org-1")
    assert final.time == final.data.finished_at
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", ["completed", "failed", "error", "stopped"])
def test_every_end_of_a_task_ends_its_stream(status: str, call: Caller, misbehave: Callable[..., Misbehaving]):
    def serve(connection: Connection, request: Request) -> bool:
        return (stream() if request.is_stream else task_answer(status=status))(connection, request)

    taken = call.events(streaming(misbehave(otherwise=serve)))
    assert [(one.type.value, one.data.status.value) for one in taken] == [("task_finished", status)]


def test_what_was_missed_before_the_end_is_still_brought_where_ids_are_sent(
    call: Caller, misbehave: Callable[..., Misbehaving]
):
    server = misbehave(
        stream(event("chunk", "a", id="1")),
        task_answer(status="completed"),
        stream(event("chunk", "b", id="2"), event("task_finished", ANSWERED_TASK, id="3")),
    )
    taken = call.events(streaming(server))
    assert told(taken) == [("chunk", "a"), ("chunk", "b")]
    assert [one.type.value for one in taken] == ["chunk", "chunk", "task_finished"]


def test_a_second_break_while_the_rest_is_brought_loses_nothing(call: Caller, misbehave: Callable[..., Misbehaving]):
    ended = task_answer(status="completed")
    server = misbehave(
        stream(event("chunk", "a", id="1")),
        ended,
        stream(event("chunk", "b", id="2")),
        ended,
        stream(event("chunk", "c", id="3"), event("task_finished", ANSWERED_TASK, id="4")),
        otherwise=ended,
    )
    taken = call.events(streaming(server))
    assert told(taken) == [("chunk", "a"), ("chunk", "b"), ("chunk", "c")]
    assert [one.type.value for one in taken].count("task_finished") == 1


def test_a_platform_that_replays_nothing_after_the_end_does_not_hold_the_caller(
    call: Caller, misbehave: Callable[..., Misbehaving], pace: Callable[..., None]
):
    pace(drain_timeout=0.6)
    for after in (stream(), answer(404), answer(409), answer(503), stream(then=hang), hang):
        server = misbehave(stream(event("chunk", "a", id="1")), task_answer(status="completed"), after)
        began = time.monotonic()
        taken = call.events(streaming(server))
        assert [one.type.value for one in taken] == ["chunk", "task_finished"]
        assert time.monotonic() - began < 20  # and not for the minute that a stream may be silent


def test_a_stream_of_a_finished_task_ends(call: Caller, emulator: Emulator):
    task = call(Tasks(configured(emulator)), "create", "a", events_streaming=True)
    emulator.wait_for_status(task.id, "completed")
    taken = call.events(task)
    assert taken_times(taken) == published(emulator, task.id)


def test_a_stopped_task_ends_its_stream(call: Caller, emulator: Emulator):
    emulator.agent = lambda run: run.wait(threading.Event())
    task = call(Tasks(configured(emulator)), "create", "a", events_streaming=True)

    def took(one: Any) -> None:
        if one.type is TaskUpdateEventType.TaskUpdated:
            Tasks(task.configuration).stop(task.id)

    taken = call.events(task, took)
    assert (taken[-1].type.value, taken[-1].data.status.value) == ("task_finished", "stopped")


# --- what can't go on ---


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (307, RedirectError),
    ],
)
def test_what_will_not_change_is_an_error_at_once(
    status: int, kind: type[ModuleException], call: Caller, misbehave: Callable[..., Misbehaving]
):
    server = misbehave(otherwise=answer(status, {"detail": "no"}, {"X-Request-Id": "r-1"}))
    with pytest.raises(kind) as caught:
        call.events(streaming(server))
    assert len(server.requests) == 1
    assert (caught.value.status_code, caught.value.request_id) == (status, "r-1")
    assert caught.value.url == f"{server.url}/org-1/agent-execution/task_1/events"


def test_a_task_that_is_gone_at_a_reconnect_is_an_error_at_once(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(stream(event("chunk", "a")), answer(404))
    with pytest.raises(NotFoundError):
        call.events(streaming(server))
    assert len(server.requests) == 2


def test_after_ten_fruitless_tries_the_last_error_is_raised(call: Caller, misbehave: Callable[..., Misbehaving]):
    def serve(connection: Connection, request: Request) -> bool:
        return (answer(503) if request.is_stream else EXECUTING)(connection, request)

    server = misbehave(otherwise=serve)
    with pytest.raises(ServerError) as caught:
        call.events(streaming(server))
    assert caught.value.status_code == 503
    assert sum(request.is_stream for request in server.requests) == 11


def test_news_begin_the_count_of_tries_anew(call: Caller, misbehave: Callable[..., Misbehaving]):
    opened = 0

    def serve(connection: Connection, request: Request) -> bool:
        nonlocal opened
        if not request.is_stream:
            return EXECUTING(connection, request)
        opened += 1
        if opened > 40:
            return stream(FINISHED)(connection, request)
        return (stream(event("chunk", opened, id=str(opened))) if opened % 8 == 0 else answer(503))(connection, request)

    server = misbehave(otherwise=serve)
    assert told(call.events(streaming(server))) == [("chunk", n) for n in (8, 16, 24, 32, 40)]


def test_a_dead_platform_is_tried_ten_times(
    call: Caller, misbehave: Callable[..., Misbehaving], pace: Callable[..., None]
):
    waits: list[int] = []

    class Counting(tuple):
        def __getitem__(self, index: Any) -> Any:
            waits.append(index)
            return 0

    pace(waits=Counting((0,)))
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    dead = Configuration(api_key="k", organization_id="o", base_url=f"http://127.0.0.1:{port}", max_retries=0)
    with pytest.raises(APIConnectionError):
        call.events(Task.from_dict(ANSWERED_TASK, dead))
    assert len(waits) == 10
    server = misbehave(otherwise=BROKEN["closed without a word"])
    with pytest.raises(APIConnectionError):
        call.events(streaming(server))
    assert sum(request.is_stream for request in server.requests) == 11


def test_the_waits_between_tries_are_those_of_the_pace():
    assert _stream.ReconnectPolicy().waits == (1, 2, 3)
    assert (_stream.ReconnectPolicy().tries, _stream.ReconnectPolicy().idle_timeout) == (10, 60)


def test_an_answer_that_is_no_stream_is_an_error(call: Caller, misbehave: Callable[..., Misbehaving]):
    def serve(connection: Connection, request: Request) -> bool:
        page = answer(200, "<html>Please log in</html>", {"Content-Type": "text/html"})
        return (page if request.is_stream else EXECUTING)(connection, request)

    with pytest.raises(APIResponseParseError, match="base_url"):
        call.events(streaming(misbehave(otherwise=serve)))


def test_a_task_that_does_not_stream_is_an_error_before_the_loop(emulator: Emulator):
    task = Tasks(configured(emulator)).create("a")
    for verb in (task.events, task.aevents):
        with pytest.raises(ValueError, match="events_streaming=True"):
            verb()
    assert emulator.requests("stream_task_events") == []
    task.events_streaming = True
    with pytest.raises(ConflictError):
        next(iter(task.events()))


# --- leaving early ---


def test_leaving_the_loop_closes_the_connection(misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=stream(event("chunk", "a"), then=hang))
    for _ in streaming(server).events():
        break
    assert server.connections[0].left.wait(5)

    def read() -> None:
        for _ in streaming(server).events():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read()
    assert server.connections[1].left.wait(5)


def test_leaving_the_async_loop_closes_the_connection(misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=stream(event("chunk", "a"), then=hang))

    async def main() -> None:
        async for _ in streaming(server).aevents():
            break
        assert await asyncio.to_thread(server.connections[0].left.wait, 5)

        async def read() -> None:
            async for _ in streaming(server).aevents():
                reached.set()

        reached = asyncio.Event()
        reading = asyncio.create_task(read())
        await reached.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await asyncio.to_thread(server.connections[1].left.wait, 5)

    asyncio.run(main())


def test_the_emulator_sees_a_caller_leave_and_the_task_goes_on(call: Caller, emulator: Emulator):
    gate = threading.Event()
    emulator.agent = lambda run: run.wait(gate, 5) and "done"
    task = call(Tasks(configured(emulator)), "create", "a", events_streaming=True)

    class Enough(Exception):
        pass

    def took(one: Any) -> None:
        raise Enough

    with pytest.raises(Enough):
        call.events(task, took)
    gate.set()
    assert emulator.wait_for_status(task.id, "completed")["result"] == "done"


def test_many_streams_run_at_once_beside_calls(emulator: Emulator):
    barrier = threading.Barrier(20)
    emulator.agent = lambda run: barrier.wait(10) is not None and "done"

    async def main() -> None:
        tasks = Tasks(configured(emulator))
        created = await asyncio.gather(*(tasks.acreate("a", events_streaming=True) for _ in range(20)))

        async def last(task: Task) -> Any:
            return [one async for one in task.aevents()][-1]

        finals = await asyncio.gather(*(last(task) for task in created))
        assert [final.task_id for final in finals] == [task.id for task in created]
        await tasks.aclose()

    asyncio.run(main())


# --- waiting for the end ---


@pytest.mark.parametrize("by_events", [True, False])
def test_waiting_returns_the_reloaded_task(by_events: bool, call: Caller, emulator: Emulator):
    task = call(Tasks(configured(emulator)), "create", "a", prompt="hi", events_streaming=by_events)
    done = call(task, "wait_until_done", timeout=10, poll_interval=0.01)
    assert done is task
    assert (task.status.value, task.result) == ("completed", "You said: hi")
    assert task.tokens is not None
    assert bool(emulator.requests("stream_task_events")) is by_events
    call(task, "wait_until_done", timeout=0)


@pytest.mark.parametrize("status", ["failed", "error", "stopped"])
def test_every_end_ends_the_waiting(status: str, call: Caller, emulator: Emulator):
    def script(run: Run) -> str:
        if status == "error":
            raise RuntimeError("it broke")
        return run.fail("no luck") if status == "failed" else run.stop()

    emulator.agent = script
    task = call(Tasks(configured(emulator)), "create", "a", events_streaming=True)
    assert call(task, "wait_until_done", timeout=10).status.value == status
    assert task.result == {"failed": "no luck", "error": "it broke", "stopped": None}[status]


@pytest.mark.parametrize("by_events", [True, False])
def test_waiting_too_long_is_an_error_that_carries_the_task_in_time(by_events: bool, call: Caller, emulator: Emulator):
    emulator.agent = lambda run: run.wait(threading.Event())
    emulator.keep_alive = 0.02
    task = call(Tasks(configured(emulator)), "create", "a", events_streaming=by_events)
    emulator.wait_for_status(task.id, "executing")
    began = time.monotonic()
    with pytest.raises(WaitTimeoutError, match="executing") as caught:
        call(task, "wait_until_done", timeout=0.5, poll_interval=0.05)
    assert 0.45 < time.monotonic() - began < 10
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, XpanderError)
    assert caught.value.task is task
    assert task.status.value == "executing"


def test_waiting_goes_on_over_a_broken_stream(call: Caller, emulator: Emulator):
    emulator.agent = lambda run: [run.chunk(str(n)) for n in range(30)] and "done"
    emulator.drop_stream_after(3, times=4)
    task = call(Tasks(configured(emulator)), "create", "a", events_streaming=True)
    assert call(task, "wait_until_done", timeout=10).result == "done"


def test_waiting_by_asking_asks_less_and_less_often(call: Caller, misbehave: Callable[..., Misbehaving]):
    times: list[float] = []

    def serve(connection: Connection, request: Request) -> bool:
        times.append(time.monotonic())
        status = "completed" if len(times) == 6 else "executing"
        return task_answer(status=status, events_streaming=False)(connection, request)

    server = misbehave(otherwise=serve)
    task = Task.from_dict({**ANSWERED_TASK, "events_streaming": False}, configured(server))
    call(task, "wait_until_done", timeout=10, poll_interval=0.05)
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert len(gaps) == 5
    assert all(gap >= 0.05 * 1.5**n * 0.99 for n, gap in enumerate(gaps))


def test_an_error_while_waiting_is_raised(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(task_answer(status="executing", events_streaming=False), answer(404))
    task = Task.from_dict({**ANSWERED_TASK, "events_streaming": False}, configured(server))
    with pytest.raises(NotFoundError):
        call(task, "wait_until_done", timeout=5, poll_interval=0.01)


@pytest.mark.parametrize("wrong", [{"timeout": -1}, {"timeout": float("nan")}, {"poll_interval": 0}])
def test_a_wrong_limit_is_a_value_error(wrong: dict[str, Any], call: Caller, emulator: Emulator):
    task = call(Tasks(configured(emulator)), "create", "a")
    before = len(emulator.requests())
    with pytest.raises(ValueError, match=next(iter(wrong))):
        call(task, "wait_until_done", **wrong)
    assert len(emulator.requests()) == before


def test_a_head_that_never_comes_is_tried_again_after_the_timeout(
    call: Caller, misbehave: Callable[..., Misbehaving], pace: Callable[..., None]
):
    pace(idle_timeout=60)
    server = misbehave(hang, EXECUTING, only(b"HTTP/1.1 200", then=hang), EXECUTING, stream(FINISHED))
    began = time.monotonic()
    taken = call.events(streaming(server, timeout=0.6))
    assert taken[-1].type is TaskUpdateEventType.TaskFinished
    assert time.monotonic() - began < 20


def test_a_stream_may_be_quiet_for_longer_than_a_call_may_take(call: Caller, misbehave: Callable[..., Misbehaving]):
    def quiet(connection: Connection, request: Request) -> bool:
        connection.stop.wait(1)
        connection.send(FINISHED)
        return False

    server = misbehave(stream(event("chunk", "a"), then=quiet))
    assert len(call.events(streaming(server, timeout=0.6))) == 2
    assert len(server.requests) == 1
