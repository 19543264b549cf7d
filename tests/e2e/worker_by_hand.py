"""A worker made by hand: httpx, a stream, messages; and what a test asks an emulator of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import httpx

    from xpander_facade.emulator import Emulator

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


def assigned(emulator: Emulator, worker: Worker) -> list[str]:
    return {known["id"]: known["tasks"] for known in emulator.workers(all=True)}[worker.id]
