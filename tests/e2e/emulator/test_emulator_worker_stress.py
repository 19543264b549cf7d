"""All of it together: workers that come, go and lose their streams, while tasks are created and stopped."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from contextlib import ExitStack, suppress

import httpx
from worker_by_hand import FINAL, Worker, create, stop

from xpander_facade.emulator import Emulator, Run


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
