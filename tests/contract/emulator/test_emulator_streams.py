"""The emulator's event streams, over real sockets: order, replay, ends and dropped connections."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from xpander_facade.emulator import Emulator, Run

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


class Events:
    """The events of one connection, read one by one."""

    def __init__(self, answer: httpx.Response) -> None:
        self.lines = answer.iter_lines()
        self.comments = 0

    def __iter__(self) -> Generator[dict[str, Any], None, None]:
        event: dict[str, Any] = {}
        for line in self.lines:
            name, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments += 1
            elif line:
                event[name] = value if name != "data" else event.get("data", "") + value
            elif event:
                yield event
                event = {}


def types(events: list[dict[str, Any]]) -> list[str]:
    return [json.loads(event["data"])["type"] for event in events]


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
def emulator(gate: threading.Event) -> Iterator[Emulator]:
    def waiting(run: Run) -> str:
        run.wait(gate)
        return "done"

    with Emulator(validate_answers=True, step=0.001, agent=waiting) as running:
        yield running
        assert running.violations == []


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emulator.url, headers={"x-api-key": "key-1"}) as client:
        yield client


@pytest.fixture
def task_id(client: httpx.Client, emulator: Emulator) -> str:
    body = {"input": {"text": "hello"}, "events_streaming": True}
    task_id = str(client.post("/agent-execution/agent-123", json=body).json()["id"])
    emulator.wait_for_status(task_id, "executing")
    return task_id


def stream(client: httpx.Client, task_id: str, last: str | None = None) -> Any:
    headers = {"accept": "text/event-stream"} | ({} if last is None else {"last-event-id": last})
    return client.stream("GET", f"/org-1/agent-execution/{task_id}/events", headers=headers)


def test_the_default_agent_is_seen_from_pending_to_completed():
    with (
        Emulator(validate_answers=True, step=0.001) as emulator,
        httpx.Client(base_url=emulator.url, headers={"x-api-key": "k"}) as client,
    ):
        body = {"input": {"text": "hello world"}, "events_streaming": True}
        created = client.post("/agent-execution/agent-123", json=body).json()
        assert created["status"] == "pending"
        with stream(client, created["id"]) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            events = list(Events(answer))
        assert types(events) == [
            "connected",
            "task_created",
            "task_updated",
            "think",
            "chunk",
            "tool_call_request",
            "tool_call_result",
            "chunk",
            "chunk",
            "chunk",
            "task_finished",
        ]
        assert [event["id"] for event in events] == [str(n) for n in range(1, 12)]
        data = [json.loads(event["data"]) for event in events]
        assert {event["task_id"] for event in data} == {created["id"]}
        assert {event["organization_id"] for event in data} == {"org-1"}
        final = data[-1]["data"]
        assert final["status"] == "completed"
        assert final["result"] == "".join(event["data"] for event in data if event["type"] == "chunk")
        assert final["used_tools"] == ["echo"]
        assert final["duration"] > 0
        assert final["tokens"]["total_tokens"] > 0
        assert created["created_at"] <= final["started_at"] <= final["finished_at"]
        assert client.get(f"/agent-execution/{created['id']}/status").json() == final
        assert emulator.violations == []


def test_an_event_arrives_before_the_next_one_is_made(
    client: httpx.Client, emulator: Emulator, task_id: str, gate: threading.Event
):
    with stream(client, task_id) as answer:
        events = iter(Events(answer))
        assert types([next(events) for _ in range(3)]) == ["connected", "task_created", "task_updated"]
        for number in range(20):
            emulator.publish(task_id, "chunk", f"piece {number}")
            assert json.loads(next(events)["data"])["data"] == f"piece {number}"
        gate.set()
        assert types(list(events)) == ["task_finished"]


def test_a_late_listener_gets_the_whole_run(
    client: httpx.Client, emulator: Emulator, task_id: str, gate: threading.Event
):
    emulator.publish(task_id, "chunk", "early")
    gate.set()
    emulator.wait_for_status(task_id, "completed")
    with stream(client, task_id) as answer:
        assert types(list(Events(answer))) == ["connected", "task_created", "task_updated", "chunk", "task_finished"]


def test_a_dropped_stream_goes_on_behind_the_last_event_id(
    client: httpx.Client, emulator: Emulator, task_id: str, gate: threading.Event
):
    for number in range(10):
        emulator.publish(task_id, "chunk", str(number))
    gate.set()
    emulator.wait_for_status(task_id, "completed")
    emulator.drop_stream_after(7)
    seen: list[dict[str, Any]] = []
    with pytest.raises(httpx.RemoteProtocolError), stream(client, task_id) as answer:
        seen.extend(iter(Events(answer)))
    assert [event["id"] for event in seen] == [str(n) for n in range(1, 8)]
    with stream(client, task_id, last=seen[-1]["id"]) as answer:
        seen.extend(Events(answer))
    assert [event["id"] for event in seen] == [str(n) for n in range(1, 15)]


def test_streams_are_dropped_as_often_as_asked_even_before_the_first_event(
    client: httpx.Client, emulator: Emulator, task_id: str, gate: threading.Event
):
    gate.set()
    emulator.drop_stream_after(0, times=2)
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError), stream(client, task_id) as answer:
            list(Events(answer))
    with stream(client, task_id) as answer:
        assert types(list(Events(answer)))[-1] == "task_finished"


def test_a_listener_who_has_seen_the_end_gets_nothing_more(
    client: httpx.Client, emulator: Emulator, task_id: str, gate: threading.Event
):
    gate.set()
    emulator.wait_for_status(task_id, "completed")
    client.patch(f"/agent-execution/{task_id}/update", json={"title": "later"})
    with stream(client, task_id, last="4") as answer:
        assert list(Events(answer)) == []


@pytest.mark.parametrize("last", ["nonsense", "-1", "999999", "9" * 400, ""])
def test_an_id_that_was_never_sent_replays_the_run(
    client: httpx.Client, emulator: Emulator, task_id: str, gate: threading.Event, last: str
):
    gate.set()
    emulator.wait_for_status(task_id, "completed")
    with stream(client, task_id, last=last) as answer:
        assert types(list(Events(answer)))[0] == "connected"


def test_without_ids_each_connection_replays_the_run(
    client: httpx.Client, emulator: Emulator, task_id: str, gate: threading.Event
):
    gate.set()
    emulator.wait_for_status(task_id, "completed")
    emulator.event_ids = False
    with stream(client, task_id, last="3") as answer:
        events = list(Events(answer))
    assert len(events) == 4
    assert all("id" not in event for event in events)


def test_a_second_run_of_a_task_has_a_stream_of_its_own(
    client: httpx.Client, emulator: Emulator, task_id: str, gate: threading.Event
):
    gate.set()
    emulator.wait_for_status(task_id, "completed")
    body = {"id": task_id, "input": {"text": "and now?"}, "events_streaming": True}
    again = client.post("/agent-execution/agent-123", json=body).json()
    assert (again["id"], again["status"], again["result"]) == (task_id, "pending", None)
    with stream(client, task_id) as answer:
        events = list(Events(answer))
    assert types(events) == ["connected", "task_updated", "task_updated", "task_finished"]
    assert events[0]["id"] == "5", "numbers go on"
    thread = client.get(f"/activity/agent-123/{task_id}").json()
    assert [m["content"]["text"] for m in thread["messages"]] == ["hello", "done", "and now?", "done"]


def test_a_task_without_streaming_has_no_stream(client: httpx.Client):
    task = client.post("/agent-execution/a", json={"input": {"text": "x"}}).json()
    answer = client.get(f"/agent-execution/{task['id']}/events")
    assert answer.status_code == 409
    assert "events_streaming" in answer.json()["detail"]


def test_silence_is_broken_by_comments(client: httpx.Client, emulator: Emulator, task_id: str, gate: threading.Event):
    emulator.keep_alive = 0.01
    with stream(client, task_id) as answer:
        events = Events(answer)
        iterator = iter(events)
        for _ in range(3):
            next(iterator)

        def open_after_two_comments() -> None:
            end = time.monotonic() + 20
            while events.comments < 2 and time.monotonic() < end:
                time.sleep(0.005)
            gate.set()

        opener = threading.Thread(target=open_after_two_comments)
        opener.start()
        assert types(list(iterator)) == ["task_finished"]
        opener.join()
    assert events.comments >= 2


def test_pushed_events_reach_the_stream_and_the_activity(client: httpx.Client, task_id: str, gate: threading.Event):
    call = {"request_id": "r1", "tool_name": "search", "payload": {"q": 1}}
    pushed = [
        {"type": "tool_call_request", "data": call},
        {"type": "tool_call_result", "data": {**call, "result": "found", "is_error": False}},
        {"type": "a_type_of_tomorrow", "data": [1, 2], "identity": {"name": "me"}},
    ]
    for event in pushed:
        event |= {"task_id": task_id, "organization_id": "org-1", "time": "2026-01-02T03:04:05Z"}
    assert client.post(f"/agent-execution/{task_id}/events/push", json=pushed).status_code < 300
    gate.set()
    with stream(client, task_id) as answer:
        events = [json.loads(event["data"]) for event in Events(answer)]
    assert events[3:6] == pushed
    messages = client.get(f"/activity/agent-123/{task_id}").json()["messages"]
    (entry,) = [message for message in messages if "tool_name" in message]
    assert (entry["tool_name"], entry["result"]) == ("search", "found")


def test_raw_text_goes_out_as_it_is(client: httpx.Client, emulator: Emulator, task_id: str, gate: threading.Event):
    emulator.publish_raw(task_id, "{ no json\nat all")
    gate.set()
    with stream(client, task_id) as answer:
        assert [event["data"] for event in Events(answer)][3] == "{ no jsonat all"


def test_many_listeners_get_the_same_events(
    client: httpx.Client, emulator: Emulator, task_id: str, gate: threading.Event
):
    async def listen(many: httpx.AsyncClient) -> list[str]:
        async with many.stream("GET", f"/agent-execution/{task_id}/events") as answer:
            return [line async for line in answer.aiter_lines() if line.startswith("data: ")]

    async def listen_all() -> list[list[str]]:
        async with httpx.AsyncClient(base_url=emulator.url, headers={"x-api-key": "k"}) as many:
            tasks = [asyncio.create_task(listen(many)) for _ in range(20)]
            await asyncio.sleep(0)
            gate.set()
            return await asyncio.gather(*tasks)

    lists = asyncio.run(listen_all())
    assert all(lines == lists[0] for lines in lists)
    assert len(lists[0]) == 4


def test_ten_thousand_events_pass_quickly(
    client: httpx.Client, emulator: Emulator, task_id: str, gate: threading.Event
):
    for number in range(10_000):
        emulator.publish(task_id, "chunk", str(number))
    gate.set()
    emulator.wait_for_status(task_id, "completed")
    began = time.monotonic()
    with stream(client, task_id) as answer:
        assert sum(1 for _ in Events(answer)) == 10_004
    assert time.monotonic() - began < 60


def test_a_client_that_leaves_is_forgotten(client: httpx.Client, emulator: Emulator):
    with client.stream("GET", "/org-1/events/agent-123/", params={"environment": "local"}) as answer:
        events = iter(Events(answer))
        event = next(events)
        assert event["event"] == "worker-registration"
        worker = json.loads(event["data"])
        assert [known["id"] for known in emulator.workers()] == [worker["id"]]
        message = {"id": "m1", "event": "worker-capacity-update", "data": {"is_busy": True}}
        params = {"type": "worker", "agent_id": "agent-123"}
        assert client.post(f"/org-1/events/{worker['id']}", json=message, params=params).status_code < 300
        assert emulator.workers()[0]["metadata"]["is_busy"] is True
        events.close()
    end = time.monotonic() + 20
    while emulator.workers() and time.monotonic() < end:
        time.sleep(0.005)
    assert emulator.workers() == []


def test_streams_end_in_good_order_when_the_emulator_stops():
    with httpx.Client(headers={"x-api-key": "k"}) as client:
        with Emulator(agent=lambda run: run.sleep(60)) as emulator:
            body = {"input": {"text": "x"}, "events_streaming": True}
            task_id = client.post(f"{emulator.url}/agent-execution/a", json=body).json()["id"]
            open_stream = client.send(
                client.build_request("GET", f"{emulator.url}/agent-execution/{task_id}/events"), stream=True
            )
            events = iter(Events(open_stream))
            next(events)
        assert "task_finished" not in types(list(events)), (
            "the stream ends without an error, and without a made-up event"
        )
        open_stream.close()
