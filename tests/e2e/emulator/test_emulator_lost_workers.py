"""What becomes of the tasks of workers that are silent, late or without their stream.

The tests turn the clock that the silence is measured by; what they wait for is always something that happens.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
from worker_by_hand import LIMIT, Clock, Worker, assigned, create, given, state

from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable


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


@pytest.mark.parametrize(("limit", "given_to"), [(3, 3), (1, 1), (0, 5)])
def test_a_task_with_which_workers_are_lost_again_and_again_is_given_to_no_other(
    client: httpx.Client, emulator: Emulator, pass_time: Callable[..., None], limit: int, given_to: int
):
    emulator.max_attempts = limit
    with Worker(client) as idle:
        idle.busy()
        task = None
        for _ in range(5):
            with Worker(client) as worker:
                task = task or create(client)
                if emulator.task(task["id"])["status"] == "error":
                    break
                worker.take()
                pass_time(LIMIT + 1, idle)
        assert task is not None
        ended = emulator.task(task["id"])
        assert len(given(emulator, task)) == given_to
        if limit:
            assert ended["status"] == "error"
            assert ended["result"] == (
                f"given to {limit} workers, each of which went away while it had this task: not given again"
            )
        else:
            assert ended["status"] == "pending"


def test_workers_that_say_that_they_have_finished_do_not_count_as_lost_with_their_tasks(
    client: httpx.Client, emulator: Emulator
):
    with Worker(client) as idle:
        idle.busy()
        task = None
        for _ in range(5):
            with Worker(client) as worker:
                task = task or create(client)
                worker.take()
                worker.say("worker-finished")
        assert task is not None
        assert emulator.task(task["id"])["status"] == "pending"


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
    assert assigned(emulator, worker) == [task["id"]]


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
        assert assigned(emulator, worker) == [begun["id"]]
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
        assert assigned(emulator, worker) == []
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
