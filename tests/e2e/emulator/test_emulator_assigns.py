"""Which worker of an agent is assigned which task, over real sockets and with workers made by hand."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest
from worker_by_hand import AGENT, LIMIT, Clock, Worker, assigned, create, given, state, stop

from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from pathlib import Path


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
    assert assigned(emulator, worker) == [tasks[0]["id"]]
    worker.busy()  # it took the last slot
    worker.begin(first)
    assert assigned(emulator, worker) == [tasks[0]["id"]]
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
    assert assigned(emulator, worker) == [local["id"]]
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
    assert assigned(emulator, worker) == []
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
