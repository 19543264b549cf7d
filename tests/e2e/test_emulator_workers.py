"""The emulator gives tasks to workers, over real sockets and with workers made by hand: httpx, a stream, messages.

The clock of the workers' silence is turned by the tests; what they wait for is always something that happens.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest

from xpander_facade.emulator import Emulator, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AGENT = "agent-123"
LIMIT = 10.0
FINAL = {"completed", "failed", "error", "stopped"}


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Worker:
    """A worker made by hand: as a block it has a stream open."""

    def __init__(self, client: httpx.Client, agent: str = AGENT, organization: str = "org-1") -> None:
        self.client, self.agent, self.organization = client, agent, organization
        self.registration: dict[str, Any] = {}

    def __enter__(self) -> Self:
        request = self.client.build_request(
            "GET", f"/{self.organization}/events/{self.agent}/", params={"environment": "local"}
        )
        self.answer = self.client.send(request, stream=True)
        self.answer.raise_for_status()
        self.lines = self.answer.iter_lines()
        event, self.registration = self.frame()
        assert event == "worker-registration"
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()

    @property
    def id(self) -> str:
        found: str = self.registration["id"]
        return found

    def frame(self) -> tuple[str, dict[str, Any]]:
        """Read the next frame of the stream."""
        event = ""
        for line in self.lines:
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                return event, json.loads(value)
        raise EOFError("the stream has ended")

    def task(self) -> dict[str, Any]:
        """Read the next task that comes."""
        event, task = self.frame()
        assert event == "agent-execution"
        return task

    def take(self) -> dict[str, Any]:
        """Read the next task that comes, and set it executing."""
        return self.begin(self.task())

    def say(self, event: str, data: Any = None) -> None:
        body = {"id": self.id, "event": event, "data": data}
        params = {"type": "worker", "agent_id": self.agent}
        self.client.post(f"/{self.organization}/events/{self.id}", json=body, params=params).raise_for_status()

    def beat(self) -> None:
        self.say("worker-heartbeat")

    def busy(self, is_busy: bool = True) -> None:
        self.say("worker-capacity-update", {"is_busy": is_busy})

    def update(self, task: dict[str, Any], **changes: Any) -> dict[str, Any]:
        body = {"worker_id": self.id, **changes}
        answer = self.client.patch(f"/{self.organization}/agent-execution/{task['id']}/update", json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def begin(self, task: dict[str, Any]) -> dict[str, Any]:
        return self.update(task, status="executing")

    def finish(self, task: dict[str, Any], result: str = "done by hand") -> dict[str, Any]:
        return self.update(task, status="completed", result=result)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Iterator[Emulator]:
    with Emulator(validate_answers=True, step=0.001, clock=clock) as running:
        yield running
        assert running.violations == []


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emulator.url, headers={"x-api-key": "k"}, timeout=10) as client:
        yield client


@pytest.fixture
def worker(client: httpx.Client) -> Iterator[Worker]:
    with Worker(client) as worker:
        yield worker


@pytest.fixture
def pass_time(emulator: Emulator, clock: Clock) -> Callable[..., None]:
    """Let seconds pass in which only these workers are heard of."""

    def seconds(count: float, *heard: Worker) -> None:
        for _ in range(int(count)):
            clock.seconds += 1
            for worker in heard:
                worker.beat()
            emulator.check_workers()

    return seconds


def create(client: httpx.Client, text: str = "hello", agent: str = AGENT, **more: Any) -> dict[str, Any]:
    answer = client.post(f"/agent-execution/{agent}", json={"input": {"text": text}, **more})
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def stop(client: httpx.Client, task: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.delete(f"/agent-execution/{task['id']}").json()
    return found


def given(emulator: Emulator, task: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Tell which workers were given a task, and what became of it there."""
    return [(row["worker_id"], row["outcome"]) for row in emulator.dispatches(task["id"])]


def state(emulator: Emulator, worker: Worker) -> str:
    return {known["id"]: known["state"] for known in emulator.workers(all=True)}[worker.id]


def in_hand(emulator: Emulator, worker: Worker) -> list[str]:
    return {known["id"]: known["tasks"] for known in emulator.workers(all=True)}[worker.id]


# --- who gets what ---


def test_a_worker_gets_the_tasks_of_its_agent_and_the_built_in_agent_those_of_others(
    client: httpx.Client, emulator: Emulator, worker: Worker
):
    other = create(client, agent="another-agent")
    task = create(client)
    assert task["status"] == "pending"
    arrived = worker.task()
    assert (arrived["id"], arrived["status"], arrived["worker_id"]) == (task["id"], "pending", worker.id)
    assert arrived["input"]["text"] == "hello"
    assert worker.begin(arrived)["started_at"] is not None
    assert worker.finish(arrived)["result"] == "done by hand"
    assert given(emulator, task) == [(worker.id, "completed")]
    assert emulator.wait_for_status(other["id"], "completed")["result"] == "You said: hello"
    assert given(emulator, other) == []


def test_who_created_a_task_sees_live_what_its_worker_does(client: httpx.Client, worker: Worker):
    task = create(client, events_streaming=True)
    with client.stream("GET", f"/agent-execution/{task['id']}/events") as answer:
        events = (json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: "))
        assert [next(events)["type"] for _ in range(2)] == ["connected", "task_created"]
        worker.take()
        assert next(events)["data"]["status"] == "executing"
        chunk = {"type": "chunk", "task_id": task["id"], "organization_id": "org-1", "time": "2026-01-02T03:04:05Z"}
        client.post(f"/agent-execution/{task['id']}/events/push", json=[{**chunk, "data": "half"}]).raise_for_status()
        assert next(events)["data"] == "half"
        worker.finish(task)
        assert [(event["type"], event["data"]["status"]) for event in events] == [("task_finished", "completed")]


def test_a_registration_tells_who_the_worker_is(emulator: Emulator, worker: Worker):
    told = worker.registration
    assert (told["organization_id"], told["type"], told["is_busy"]) == ("org-1", "worker", False)
    assert told["metadata"]["agent_id"] == AGENT
    # the vendor's client insists on these
    assert {"name", "created_at", "created_by", "last_heartbeat", "dedicated_agent_id", "parent_asset_id"} <= set(told)
    (known,) = emulator.workers()
    assert (known["id"], known["agent_id"], known["state"]) == (worker.id, AGENT, "listening")
    assert (known["tasks"], known["heartbeats"]) == ([], 0)


def test_of_free_workers_the_one_that_waited_longest_is_next(client: httpx.Client, emulator: Emulator):
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(Worker(client)) for _ in range(3))
        taken = []
        for worker in (first, second, third, first):
            create(client)
            taken.append(worker.take())
        second.busy()
        create(client)
        third.take()
        second.busy(False)  # and so it has waited for the shortest time
        for worker in (first, third, second):
            create(client)
            worker.take()
        first.finish(taken[0])
        create(client)
        first.take()
    assert len(emulator.dispatches()) == 9


def test_a_busy_worker_gets_nothing_until_it_is_free(client: httpx.Client, emulator: Emulator, worker: Worker):
    worker.busy()
    tasks = [create(client, str(number)) for number in range(3)]
    assert emulator.dispatches() == []
    assert {emulator.task(task["id"])["status"] for task in tasks} == {"pending"}
    worker.busy(False)
    assert [worker.take()["id"] for _ in tasks] == [task["id"] for task in tasks], "in the order of their creation"


def test_a_worker_gets_no_second_task_before_it_has_begun_the_first(
    client: httpx.Client, emulator: Emulator, worker: Worker
):
    tasks = [create(client) for _ in range(3)]
    first = worker.task()
    assert in_hand(emulator, worker) == [tasks[0]["id"]]
    worker.busy()  # it took the last slot
    worker.begin(first)
    assert in_hand(emulator, worker) == [tasks[0]["id"]]
    worker.finish(first)
    worker.busy(False)
    assert worker.task()["id"] == tasks[1]["id"]


def test_a_task_that_names_a_worker_waits_for_that_worker(client: httpx.Client, emulator: Emulator, worker: Worker):
    with Worker(client) as wanted:
        wanted.busy()
        task = create(client, worker_id=wanted.id)
        assert given(emulator, task) == []
        wanted.busy(False)
        assert wanted.take()["id"] == task["id"]
        second = create(client, worker_id=wanted.id)
        assert wanted.take()["id"] == second["id"]


def test_a_task_that_names_a_worker_which_leaves_or_was_never_there_goes_to_another(
    client: httpx.Client, emulator: Emulator, worker: Worker
):
    with Worker(client) as wanted:
        wanted.busy()
        task = create(client, worker_id=wanted.id)
        wanted.say("worker-finished")
    assert worker.take()["id"] == task["id"]
    assert worker.finish(task)["worker_id"] == worker.id
    stranger = create(client, worker_id="nobody")
    assert worker.take()["id"] == stranger["id"]


def test_a_task_that_its_worker_made_to_run_locally_is_not_sent_to_it(
    client: httpx.Client, emulator: Emulator, worker: Worker
):
    local = create(client, worker_id=worker.id, run_locally=True)
    assert in_hand(emulator, worker) == [local["id"]]
    worker.begin(local)
    worker.finish(local)
    task = create(client)
    assert worker.task()["id"] == task["id"], "and so this is the first that came"


@pytest.mark.parametrize(("place", "organization"), [("", "org-9"), ("/org-1", "org-9"), ("/org-9", "org-9")])
def test_a_task_without_an_organisation_reaches_workers_that_name_theirs(
    client: httpx.Client, place: str, organization: str
):
    with Worker(client, organization=organization) as worker:
        task = client.post(f"{place}/agent-execution/{AGENT}", json={"input": {"text": "x"}}).json()
        assert worker.take()["id"] == task["id"]


def test_a_task_of_another_organisation_is_none_of_a_workers_business(emulator: Emulator, worker: Worker):
    answer = worker.client.post(f"/org-9/agent-execution/{AGENT}", json={"input": {"text": "x"}})
    assert emulator.wait_for_status(answer.json()["id"], "completed")["result"] == "You said: x"


def test_a_task_runs_again_with_whichever_worker_is_next(client: httpx.Client, emulator: Emulator, worker: Worker):
    task = create(client)
    worker.finish(worker.take(), "first")
    with Worker(client) as other:
        worker.busy()
        again = create(client, "and now?", id=task["id"])
        assert (again["status"], again["result"], again["worker_id"]) == ("pending", None, None)
        other.take()
        assert worker.update(task, status="completed", result="late")["status"] == "executing"
        other.finish(task, "second")
    assert emulator.task(task["id"])["result"] == "second"
    assert given(emulator, task) == [(worker.id, "completed"), (other.id, "completed")]


# --- workers that fall silent ---


def test_the_task_of_a_silent_worker_is_given_to_another(
    client: httpx.Client, emulator: Emulator, worker: Worker, pass_time: Callable[..., None]
):
    task = create(client, events_streaming=True)
    worker.take()
    with Worker(client) as other:
        pass_time(LIMIT, other)
        assert given(emulator, task) == [(worker.id, None)], "not before the limit"
        pass_time(1, other)
        arrived = other.task()
        assert (arrived["id"], arrived["status"], arrived["worker_id"]) == (task["id"], "pending", other.id)
        other.begin(arrived)
        other.finish(arrived, "by another")
    assert state(emulator, worker) == "lost"
    assert given(emulator, task) == [(worker.id, "lost"), (other.id, "completed")]
    events = [json.loads(text) for text in emulator.events(task["id"])]
    statuses = [event["data"].get("status") for event in events[1:]]
    assert statuses == ["pending", "executing", "pending", "executing", "completed"]
    with pytest.raises(EOFError):
        worker.frame()


def test_the_tasks_of_the_last_worker_that_falls_silent_are_marked_error(
    client: httpx.Client, emulator: Emulator, worker: Worker, pass_time: Callable[..., None]
):
    begun, pending, waiting = (create(client, text) for text in ("begun", "pending", "waiting"))
    worker.take()
    assert worker.task()["id"] == pending["id"]
    pass_time(LIMIT + 1)
    for task in (begun, pending):
        ended = emulator.task(task["id"])
        assert ended["status"] == "error"
        assert ended["result"] == (
            f"worker {worker.id} went away while it had this task, and agent 'agent-123' has no other worker"
        )
    assert emulator.wait_for_status(waiting["id"], "completed")["result"] == "You said: waiting"


def test_a_worker_that_is_heard_of_keeps_its_tasks(
    client: httpx.Client, emulator: Emulator, clock: Clock, worker: Worker, pass_time: Callable[..., None]
):
    task = create(client)
    worker.take()
    pass_time(3 * LIMIT, worker)
    clock.seconds += 7
    worker.beat()
    (known,) = emulator.workers()
    assert (known["heartbeats"], known["longest_gap"]) == (3 * LIMIT + 1, 7)
    assert in_hand(emulator, worker) == [task["id"]]


def test_a_silent_worker_is_noticed_without_being_looked_for():
    with (
        Emulator(worker_timeout=0.05) as emulator,
        httpx.Client(base_url=emulator.url, headers={"x-api-key": "k"}) as client,
        Worker(client) as worker,
    ):
        task = create(client)
        assert "went away" in emulator.wait_for_status(task["id"], "error")["result"]
        assert state(emulator, worker) == "lost"


def test_messages_of_a_lost_worker_are_taken_and_change_nothing(
    client: httpx.Client, emulator: Emulator, worker: Worker, pass_time: Callable[..., None]
):
    pass_time(LIMIT + 1)
    worker.beat()
    worker.busy(False)
    worker.say("worker-finished")
    assert state(emulator, worker) == "lost"
    assert emulator.wait_for_status(create(client)["id"], "completed")["worker_id"] is None


# --- those who speak too late ---


def test_a_worker_that_lost_its_task_can_no_longer_change_it(
    client: httpx.Client, emulator: Emulator, worker: Worker, pass_time: Callable[..., None]
):
    task = create(client)
    worker.take()
    with Worker(client) as other:
        pass_time(LIMIT + 1, other)
        assert worker.begin(task)["worker_id"] == other.id, "the answer says whose it is"
        other.take()
        assert worker.finish(task, "late")["status"] == "executing"
        other.finish(task, "in time")
        ended = worker.finish(task, "later still")
    assert (ended["result"], ended["worker_id"]) == ("in time", other.id)
    assert [row["late_updates"] for row in emulator.dispatches(task["id"])] == [3, 0]
    events = [json.loads(text)["type"] for text in emulator.events(task["id"])]
    assert events.count("task_finished") == 1


def test_a_result_counts_as_long_as_nobody_else_has_the_task(
    client: httpx.Client, emulator: Emulator, worker: Worker, pass_time: Callable[..., None]
):
    task = create(client)
    worker.take()
    with Worker(client) as other:
        other.busy()
        pass_time(LIMIT + 1, other)
        assert worker.begin(task)["status"] == "pending", "going on with it does not"
        ended = worker.finish(task)
        assert (ended["status"], ended["worker_id"]) == ("completed", worker.id)
        other.busy(False)
        second = create(client)
        assert other.task()["id"] == second["id"]
    assert given(emulator, task) == [(worker.id, "lost")]


def test_the_end_of_a_task_stands(client: httpx.Client, worker: Worker):
    task = create(client)
    worker.take()
    worker.finish(task, "first")
    for late in ({"status": "executing"}, {"status": "error", "result": "no"}):
        ended = client.patch(f"/agent-execution/{task['id']}/update", json=late).json()
        assert (ended["status"], ended["result"]) == ("completed", "first")
    assert worker.update(task, title="later")["title"] == "later", "its other fields may be changed"
    assert worker.finish(task, "first")["result"] == "first", "and so may the end be told twice"


def test_no_update_changes_who_has_a_task(client: httpx.Client, worker: Worker):
    task = create(client)
    worker.task()
    for said in ("somebody", None):
        answer = client.patch(f"/agent-execution/{task['id']}/update", json={"worker_id": said, "title": "t"}).json()
        assert (answer["worker_id"], answer["title"]) == (worker.id, "t")


# --- streams that end ---


def test_a_worker_goes_on_with_its_task_after_its_stream_was_lost(
    client: httpx.Client, emulator: Emulator, worker: Worker, pass_time: Callable[..., None]
):
    task = create(client)
    worker.take()
    assert emulator.drop_worker_streams() == 1
    with pytest.raises(httpx.RemoteProtocolError):
        worker.frame()
    assert (emulator.workers(), state(emulator, worker)) == ([], "away")
    with Worker(client) as again:
        assert again.id != worker.id
        pass_time(3 * LIMIT, worker, again)
        assert worker.finish(task)["status"] == "completed"
        worker.say("worker-finished")
        second = create(client)
        assert again.take()["id"] == second["id"]
    assert given(emulator, task) == [(worker.id, "completed")]


def test_tasks_wait_for_workers_whose_streams_are_lost(
    client: httpx.Client, emulator: Emulator, worker: Worker, pass_time: Callable[..., None]
):
    worker.busy()
    before = create(client)
    emulator.drop_worker_streams()
    meanwhile = create(client)
    pass_time(LIMIT)
    with Worker(client) as again:
        assert [again.take()["id"] for _ in range(2)] == [before["id"], meanwhile["id"]]


def test_tasks_go_to_the_built_in_agent_when_no_worker_comes_back(
    client: httpx.Client, emulator: Emulator, worker: Worker, pass_time: Callable[..., None]
):
    worker.busy()
    task = create(client)
    emulator.drop_worker_streams()
    pass_time(LIMIT + 1)
    assert emulator.wait_for_status(task["id"], "completed")["result"] == "You said: hello"


def test_a_task_that_was_not_begun_when_the_stream_was_lost_is_given_again_in_the_end(
    client: httpx.Client, emulator: Emulator, worker: Worker, pass_time: Callable[..., None]
):
    create(client)
    begun = worker.take()
    task = create(client, worker_id=worker.id)
    worker.task()
    emulator.drop_worker_streams()
    with Worker(client) as again:
        pass_time(LIMIT, worker, again)
        assert given(emulator, task) == [(worker.id, None)], "it may have arrived, and be about to begin"
        pass_time(1, worker, again)
        assert again.take()["id"] == task["id"]
        assert in_hand(emulator, worker) == [begun["id"]]
        assert worker.begin(task)["worker_id"] == again.id
    assert given(emulator, task) == [(worker.id, "not received"), (again.id, None)]


def test_a_task_that_a_listening_worker_does_not_begin_is_given_to_another(
    client: httpx.Client, emulator: Emulator, worker: Worker, pass_time: Callable[..., None]
):
    task = create(client)
    worker.task()
    with Worker(client) as other:
        pass_time(LIMIT, worker, other)
        assert given(emulator, task) == [(worker.id, None)], "it may be about to begin"
        pass_time(1, worker, other)
        assert other.take()["id"] == task["id"]
        assert in_hand(emulator, worker) == []
    assert given(emulator, task) == [(worker.id, "not begun"), (other.id, None)]


def test_a_task_that_was_begun_stays_with_its_listening_worker(
    client: httpx.Client, emulator: Emulator, worker: Worker, pass_time: Callable[..., None]
):
    task = create(client)
    worker.take()
    pass_time(2 * LIMIT, worker)
    assert given(emulator, task) == [(worker.id, None)]


def test_a_task_lost_with_the_stream_is_given_again_as_soon_as_the_worker_has_finished(
    client: httpx.Client, emulator: Emulator, worker: Worker
):
    task = create(client)
    worker.task()
    emulator.drop_worker_streams()
    with Worker(client) as again:
        worker.say("worker-finished")
        assert again.take()["id"] == task["id"]
    assert given(emulator, task) == [(worker.id, "finished"), (again.id, None)]


def test_a_task_that_was_never_sent_is_given_again_at_once(client: httpx.Client, emulator: Emulator, worker: Worker):
    worker.busy()
    task = create(client)
    emulator.drop_stream_after(1, operation="stream_worker_events")
    with Worker(client) as short:
        with pytest.raises(httpx.RemoteProtocolError):
            short.frame()
        worker.busy(False)
        assert worker.take()["id"] == task["id"]
    assert given(emulator, task) == [(short.id, "not sent"), (worker.id, None)]


def test_a_worker_that_closes_its_stream_is_away_until_it_is_silent_for_too_long(
    client: httpx.Client, emulator: Emulator, pass_time: Callable[..., None]
):
    with Worker(client) as worker:
        emulator.wait_for_workers(1)
    emulator.wait_for_workers(0)
    assert state(emulator, worker) == "away"
    pass_time(LIMIT + 1)
    assert state(emulator, worker) == "lost"


# --- good ends ---


def test_a_worker_that_has_finished_hands_back_what_it_has(client: httpx.Client, emulator: Emulator, worker: Worker):
    begun = create(client)
    worker.take()
    pending = create(client)
    worker.task()
    with Worker(client) as other:
        worker.say("worker-finished")
        assert [other.take()["id"] for _ in range(2)] == [begun["id"], pending["id"]]
    assert state(emulator, worker) == "finished"
    with pytest.raises(EOFError):
        worker.frame()


def test_what_the_last_worker_leaves_behind_goes_to_the_built_in_agent_unless_it_was_begun(
    client: httpx.Client, emulator: Emulator, worker: Worker
):
    begun, pending, waiting = (create(client, text) for text in ("begun", "pending", "waiting"))
    worker.take()
    worker.task()
    worker.say("worker-finished")
    assert "went away" in emulator.task(begun["id"])["result"]
    for task in (pending, waiting):
        assert emulator.wait_for_status(task["id"], "completed")["result"].startswith("You said")


def test_the_built_in_agent_has_what_it_took_over_for_itself(client: httpx.Client, emulator: Emulator, worker: Worker):
    emulator.agent = lambda run: run.pause(hitl_request={"wait_node_id": "approve"})["status"]
    worker.busy()
    task = create(client)
    worker.say("worker-finished")
    emulator.wait_for_status(task["id"], "paused")
    with Worker(client):
        client.patch(f"/agent-execution/{task['id']}/update", json={"status": "executing"}).raise_for_status()
        assert emulator.wait_for_status(task["id"], "completed")["result"] == "executing"
    assert given(emulator, task) == []


def test_a_stopped_task_stays_stopped_and_its_worker_gets_the_next(
    client: httpx.Client, emulator: Emulator, worker: Worker
):
    task = create(client)
    worker.take()
    assert stop(client, task)["status"] == "stopped"
    assert client.get(f"/agent-execution/{task['id']}/status").json()["is_manually_stopped"] is True
    assert worker.finish(task)["status"] == "stopped"
    assert in_hand(emulator, worker) == []
    second = create(client)
    assert worker.take()["id"] == second["id"]
    assert given(emulator, task) == [(worker.id, "stopped")]


def test_a_task_that_is_stopped_before_its_worker_begins_is_not_begun(client: httpx.Client, worker: Worker):
    task, second = create(client), create(client)
    arrived = worker.task()
    stop(client, task)
    assert worker.begin(arrived)["status"] == "stopped"
    assert worker.task()["id"] == second["id"], "it waits no longer for the first to be begun"


def test_a_task_that_is_stopped_before_it_is_sent_is_not_sent(client: httpx.Client, emulator: Emulator, worker: Worker):
    with emulator._store.lock:  # so that nothing is sent in between
        task = emulator._executions.create("org-1", AGENT, {"input": {"text": "x"}}, None)
        emulator._executions.stop("org-1", task["id"])
    second = create(client)
    assert worker.task()["id"] == second["id"]
    assert given(emulator, task) == [(worker.id, "stopped")]


def test_a_task_that_is_stopped_while_it_waits_is_never_given(client: httpx.Client, emulator: Emulator, worker: Worker):
    worker.busy()
    task, second = create(client), create(client)
    assert stop(client, task)["status"] == "stopped"
    worker.busy(False)
    assert worker.task()["id"] == second["id"]
    assert given(emulator, task) == []


def test_a_paused_task_comes_again_when_it_goes_on(client: httpx.Client, worker: Worker):
    task = create(client)
    worker.take()
    worker.update(task, status="paused", hitl_request={"wait_node_id": "approve"})
    client.patch(f"/agent-execution/{task['id']}/update", json={"status": "executing"}).raise_for_status()
    arrived = worker.task()
    assert (arrived["id"], arrived["status"]) == (task["id"], "executing")
    assert worker.finish(arrived)["status"] == "completed"


def test_a_paused_task_outlives_its_worker_and_goes_on_with_another(
    client: httpx.Client, emulator: Emulator, worker: Worker
):
    task = create(client)
    worker.take()
    worker.update(task, status="paused")
    worker.say("worker-finished")
    assert emulator.task(task["id"])["status"] == "paused"
    with Worker(client) as other:
        client.patch(f"/agent-execution/{task['id']}/update", json={"status": "executing"}).raise_for_status()
        assert other.take()["id"] == task["id"]
        other.finish(task)
    assert given(emulator, task) == [(worker.id, "finished"), (other.id, "completed")]


def test_workers_are_refused_until_they_are_taken_on_again(client: httpx.Client, emulator: Emulator):
    emulator.refuse_workers("served from elsewhere")
    answer = client.get(f"/org-1/events/{AGENT}/", params={"environment": "local"})
    assert answer.text == 'event: worker-environment-conflict\ndata: {"error":"served from elsewhere"}\n\n'
    assert emulator.workers(all=True) == []
    emulator.refuse_workers(None)
    with Worker(client) as worker:
        assert worker.id


def test_a_reset_forgets_the_workers_and_what_they_had(client: httpx.Client, emulator: Emulator, worker: Worker):
    task = create(client)
    worker.take()
    create(client)
    emulator.refuse_workers("no")
    emulator.reset()
    assert (emulator.workers(all=True), emulator.dispatches()) == ([], [])
    assert client.patch(f"/agent-execution/{task['id']}/update", json={}).status_code == 404
    with Worker(client) as again:
        fresh = create(client)
        assert again.take()["id"] == fresh["id"]


def test_a_restart_of_the_emulator_takes_no_task_from_its_worker(clock: Clock, tmp_path: Path):
    emulator = Emulator(validate_answers=True, step=0, clock=clock, db=tmp_path / "tasks.db")
    headers = {"x-api-key": "k"}
    with emulator, httpx.Client(base_url=emulator.url, headers=headers) as client, Worker(client) as worker:
        task, waiting = create(client), create(client)
        worker.busy()
        worker.take()
    clock.seconds += 2 * LIMIT
    with emulator, httpx.Client(base_url=emulator.url, headers=headers) as client, Worker(client) as again:
        emulator.check_workers()
        assert again.take()["id"] == waiting["id"]
        worker.client = client
        assert worker.finish(task)["status"] == "completed"
    assert emulator.violations == []


def test_a_new_emulator_marks_what_the_workers_of_an_earlier_one_had(tmp_path: Path):
    path, headers = tmp_path / "tasks.db", {"x-api-key": "k"}
    with (
        Emulator(db=path) as emulator,
        httpx.Client(base_url=emulator.url, headers=headers) as client,
        Worker(client) as worker,
    ):
        tasks = [create(client), create(client), create(client)]
        worker.finish(worker.take())
    with Emulator(db=path) as emulator:
        assert [emulator.task(task["id"])["status"] for task in tasks] == ["completed", "error", "error"]


# --- all of it together ---


class Labourer(threading.Thread):
    """A worker with one slot that opens its stream again whenever it is lost, until it is told to leave."""

    def __init__(self, url: str, seed: int, done: threading.Event) -> None:
        super().__init__(name=f"labourer-{seed}", daemon=True)
        self.url, self.done, self.random = url, done, random.Random(seed)
        self.completed: list[str] = []

    def run(self) -> None:
        with httpx.Client(base_url=self.url, headers={"x-api-key": "k"}, timeout=10) as client:
            while not self.done.is_set():
                worker = Worker(client)
                with suppress(httpx.TransportError, EOFError), worker:
                    self.work(worker)
                if worker.registration and self.random.random() < 0.3:
                    worker.say("worker-finished")  # if not, the emulator finds out by its silence

    def work(self, worker: Worker) -> None:
        while True:
            task = worker.task()
            if self.random.random() < 0.2:
                return  # as if it had never arrived
            seen = worker.begin(task)
            if (seen["status"], seen["worker_id"]) == ("executing", worker.id):
                ended = worker.finish(task, self.name)
                if (ended["status"], ended["worker_id"]) == ("completed", worker.id):
                    self.completed.append(task["id"])


def test_every_task_ends_once_whatever_happens_to_the_streams():
    done = threading.Event()
    with (
        Emulator(validate_answers=True, worker_timeout=1.0) as emulator,
        httpx.Client(base_url=emulator.url, headers={"x-api-key": "k"}) as client,
    ):
        labourers = [Labourer(emulator.url, seed, done) for seed in range(3)]
        for labourer in labourers:
            labourer.start()
        emulator.wait_for_workers(3)
        tasks = [create(client, str(number), events_streaming=True)["id"] for number in range(60)]
        for number in (10, 30, 50):
            emulator.wait_for_status(tasks[number], *FINAL, timeout=20)
            emulator.drop_worker_streams()
        for task_id in tasks:
            emulator.wait_for_status(task_id, *FINAL, timeout=20)
        done.set()
        for labourer in labourers:
            while labourer.is_alive():
                emulator.drop_worker_streams()
                labourer.join(0.01)
        by_workers = Counter(task_id for labourer in labourers for task_id in labourer.completed)
        assert by_workers.keys() <= set(tasks)
        assert set(by_workers.values()) == {1}
        for task_id in tasks:
            ended = emulator.task(task_id)
            assert (ended["status"] == "completed") == (task_id in by_workers), "the others are marked error"
            types = [json.loads(text)["type"] for text in emulator.events(task_id)]
            assert types.count("task_finished") == 1
            assert [row["outcome"] for row in emulator.dispatches(task_id)].count("completed") <= 1
        assert emulator.violations == []


def test_tasks_are_taken_while_workers_come_and_go_and_none_is_left(emulator: Emulator, client: httpx.Client):
    emulator.agent = _built_in
    choose = random.Random(8)
    tasks: list[str] = []
    with ExitStack() as stack:
        workers: list[Worker] = []
        for _ in range(80):
            match choose.choice(("create", "create", "join", "busy", "free", "drop", "finish", "stop")):
                case "create":
                    tasks.append(create(client)["id"])
                case "join":
                    workers.append(stack.enter_context(Worker(client)))
                case "busy" | "free" as edge if workers:
                    choose.choice(workers).busy(edge == "busy")
                case "drop":
                    emulator.drop_worker_streams()
                case "finish" if workers:
                    workers.pop(choose.randrange(len(workers))).say("worker-finished")
                case "stop" if tasks:
                    stop(client, {"id": choose.choice(tasks)})
                case _:
                    pass
        for worker in workers:
            worker.say("worker-finished")
    for task_id in tasks:
        assert emulator.wait_for_status(task_id, *FINAL)["status"] in ("completed", "stopped")
    assert all(row["outcome"] for row in emulator.dispatches())
    assert all(known["tasks"] == [] for known in emulator.workers(all=True))


def _built_in(run: Run) -> str:
    return "by the built-in agent"
