"""Event streams as the WHATWG standard has them: marks, media types, ids, codings, comments; and how they are left."""

from __future__ import annotations

import asyncio
import gzip
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, configured
from misbehaving import Connection, Request, event, head, only, task_answer
from wire_cases import ANSWERED_TASK

from xpander_facade import Task
from xpander_facade._client import Frame
from xpander_facade.tasks import _stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Misbehaving, Script

    Start = Callable[..., Misbehaving]

CHUNK = event("chunk", "hello")
END = event("task_finished", ANSWERED_TASK)
MARK = b"\xef\xbb\xbf"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stream, "RECONNECT_POLICY", _stream.ReconnectPolicy(waits=(0.01,), tries=3))


def streaming(misbehave: Start, *streams: Script, status: Callable[[], str] = lambda: "executing") -> tuple[Task, Any]:
    """Return a task whose stream is opened with these, one after the other; then the last one again."""
    left = list(streams)

    def serve(connection: Connection, request: Request) -> bool:
        if request.is_stream:
            return (left.pop(0) if len(left) > 1 else left[0])(connection, request)
        return task_answer(status=status())(connection, request)

    server = misbehave(otherwise=serve)
    return Task.from_dict({**ANSWERED_TASK, "status": "executing"}, configured(server)), server


def sse(*pieces: bytes, kind: str = "text/event-stream", **headers: str) -> Script:
    """Send a whole stream, each piece on its own."""
    fields = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}

    def script(connection: Connection, request: Request) -> bool:
        connection.send(head(200, fields))
        for piece in pieces:
            connection.send(piece)
            connection.stop.wait(0.01)
        return False

    return script


STREAMS = {
    "a byte order mark": sse(MARK + CHUNK, END),
    "a byte order mark in pieces": sse(MARK[:1], MARK[1:2], MARK[2:] + CHUNK, END),
    "a media type in capitals": sse(CHUNK, END, kind="Text/Event-Stream; Charset=UTF-8"),
    "carriage returns": sse((CHUNK + END).replace(b"\n", b"\r")),
    "both line ends": sse((CHUNK + END).replace(b"\n", b"\r\n")),
    "no space behind the colon": sse((CHUNK + END).replace(b"data: ", b"data:")),
    "a coding that compresses nothing": sse(CHUNK, END, Content_Encoding="utf-8"),
    "gzip that was not asked for": sse(gzip.compress(CHUNK + END), Content_Encoding="gzip"),
    "line separators within a text": sse(
        event("chunk", "hello").replace(b"hello", "one\u2028two\u0085three".encode()), END
    ),
    "a retry and fields that nobody knows": sse(b"retry: 10\n\n" + b"color: red\n" + CHUNK, END),
}


@pytest.mark.parametrize("what", STREAMS)
def test_a_stream_that_the_standard_allows_is_read(call: Caller, misbehave: Start, what: str):
    task, server = streaming(misbehave, STREAMS[what])
    assert [event.type.value for event in call.events(task)] == ["chunk", "task_finished"]
    assert sum(request.is_stream for request in server.requests) == 1


def last_ids(server: Any) -> list[str | None]:
    return [request.headers.get("last-event-id") for request in server.requests if request.is_stream]


def test_an_id_holds_on_over_connections_and_an_empty_one_takes_it_back(call: Caller, misbehave: Start):
    task, server = streaming(
        misbehave,
        sse(event("chunk", "a", id="7", number=1)),
        sse(event("chunk", "b", number=2)),  # no id: the one before holds on
        sse(b"id\n" + event("chunk", "c", number=3)),
        sse(END),
    )
    events = call.events(task)
    assert [event.data for event in events][:3] == ["a", "b", "c"]
    assert last_ids(server) == [None, "7", "7", None]


@pytest.mark.parametrize(
    ("given", "sent"), [("a b", "a b"), (" 5 ", "5"), ("ü", "Ã¼"), ("1\x012", None), ("x" * 300, "x" * 300)]
)
def test_any_id_is_sent_back_as_far_as_a_header_can_hold_it(call: Caller, misbehave: Start, given: str, sent: Any):
    task, server = streaming(misbehave, sse(event("chunk", "a", id=f"{given}")), sse(END))
    assert [event.type.value for event in call.events(task)] == ["chunk", "task_finished"]
    assert last_ids(server) == [None, sent]


def test_an_id_without_an_event_counts_too(call: Caller, misbehave: Start):
    task, server = streaming(misbehave, sse(CHUNK, b"id: 9\n\n"), sse(END))
    call.events(task)
    assert last_ids(server) == [None, "9"]


def test_comments_are_no_events_for_ever(call: Caller, misbehave: Start, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_stream, "RECONNECT_POLICY", _stream.ReconnectPolicy(quiet_after=0.3, drain_quiet_after=0.2))
    ended = threading.Event()

    def pings(connection: Connection, request: Request) -> bool:
        connection.send(head(200, {"Content-Type": "text/event-stream"}) + CHUNK)
        for _ in range(200):
            connection.send(b": ping\n\n")
            connection.stop.wait(0.05)
        return False

    task, server = streaming(misbehave, pings, status=lambda: "completed" if ended.is_set() else "executing")
    threading.Timer(0.8, ended.set).start()
    began = time.monotonic()
    assert [event.type.value for event in call.events(task)] == ["chunk", "task_finished"]
    assert time.monotonic() - began < 5
    # The stream was not opened anew for each look at the task.
    assert sum(request.is_stream for request in server.requests) <= 2
    assert sum(not request.is_stream for request in server.requests) >= 2


def test_a_stream_that_ends_at_once_after_the_tasks_end_is_not_asked_without_end(call: Caller, misbehave: Start):
    numbers = iter(range(60))

    def again(connection: Connection, request: Request) -> bool:
        return sse(event("chunk", "late", id="1", number=next(numbers)))(connection, request)

    task, server = streaming(misbehave, again, status=lambda: "completed")
    events = call.events(task)
    assert events[-1].type.value == "task_finished"
    assert sum(request.is_stream for request in server.requests) <= 6


def test_remembered_events_are_bounded_in_bytes():
    policy = _stream.ReconnectPolicy(dedup_bytes=10_000)
    state = _stream.EventStreamState("task_1", Task.from_dict, policy)
    for number in range(50):
        state._remember([Frame("chunk", "x" * 3_000, str(number))])
    assert len(state._recent) == 3
    state._remember([Frame("chunk", "x" * 50_000, "large")])
    assert len(state._recent) == 1


@pytest.mark.parametrize("leave", ["break", "return", "raise", "cancel"])
def test_leaving_a_stream_early_puts_nothing_into_the_log(
    misbehave: Start, caplog: pytest.LogCaptureFixture, leave: str
):
    caplog.set_level(logging.DEBUG, "asyncio")

    def forever(connection: Connection, request: Request) -> bool:
        return only(head(200, {"Content-Type": "text/event-stream"}) + CHUNK, then=wait)(connection, request)

    def wait(connection: Connection, request: Request) -> bool:
        connection.wait_for_client_to_leave()
        return False

    task, server = streaming(misbehave, forever)

    async def first() -> Any:
        async for found in task.aevents():
            if leave == "return":
                return found.data
            if leave == "raise":
                raise KeyError("mine")
            if leave == "break":
                break
            await asyncio.sleep(30)
        return None

    async def main() -> None:
        if leave == "cancel":
            running = asyncio.create_task(first())
            await asyncio.sleep(0.3)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        elif leave == "raise":
            with pytest.raises(KeyError):
                await first()
        else:
            await first()

    for _ in range(3):
        asyncio.run(main())
    assert server.wait_for(lambda: server.open == 0)
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_a_stream_is_opened_again_after_the_time_that_it_asks_for(
    call: Caller, misbehave: Start, monkeypatch: pytest.MonkeyPatch
):
    waits: list[float] = []
    asked = _stream.reconnect_wait
    monkeypatch.setattr(_stream, "reconnect_wait", lambda *given: waits.append(asked(*given)) or 0.0)
    monkeypatch.setattr(_stream, "RECONNECT_POLICY", _stream.ReconnectPolicy(waits=(1.0, 2.0)))
    task, _ = streaming(misbehave, sse(b"retry: 1500\n\n", CHUNK), sse(END))
    assert [taken.type.value for taken in call.events(task)] == ["chunk", "task_finished"]
    assert waits == [1.5]
