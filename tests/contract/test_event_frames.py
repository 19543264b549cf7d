"""The emulator's event streams against `openapi.yaml`, frame by frame, at both levels: the frame, and the JSON in it.

Judged by another library than the emulator's own. The worker's stream is here because schemathesis can't read it: it
never ends.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import httpx_sse
import pytest
import yaml
from jsonschema import Draft202012Validator

from xpander_facade.emulator import Emulator, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEC: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "openapi.yaml").read_text(encoding="utf-8"))
HEADERS = {"x-api-key": "key-1"}


def faults(frame: httpx_sse.ServerSentEvent, schema: str) -> list[str]:
    """Say how a frame, or the JSON in it, breaks a schema of the contract."""
    whole: dict[str, Any] = {"data": frame.data, "id": frame.id or None, "event": frame.event or None}
    pointer = f"#/components/schemas/{schema}"
    found = list(errors(pointer, whole))
    return found or list(errors(f"{pointer}/properties/data/contentSchema", json.loads(frame.data)))


def errors(pointer: str, value: Any) -> Iterator[str]:
    validator = Draft202012Validator({"$ref": pointer, "components": SPEC["components"]})
    return (error.message for error in validator.iter_errors(value))


def talkative(run: Run) -> str:
    run.think("first")
    run.analyze("then")
    run.plan(["one", "two"])
    run.tool_call("search", {"q": "x"}, result=[1, None])
    run.chunk("done")
    return "done"


def frames(url: str, most: int = 100) -> list[httpx_sse.ServerSentEvent]:
    found: list[httpx_sse.ServerSentEvent] = []
    with httpx.Client(headers=HEADERS) as client, httpx_sse.connect_sse(client, "GET", url) as source:
        for frame in source.iter_sse():
            found.append(frame)
            if len(found) == most:
                break
    return found


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(step=0.0, agent=talkative) as emulator:
        yield emulator


def test_every_frame_of_a_tasks_stream_keeps_to_the_contract(emulator: Emulator):
    body = {"input": {"text": "hello"}, "events_streaming": True}
    task = httpx.post(f"{emulator.url}/agent-execution/agent-1", json=body, headers=HEADERS).json()
    found = frames(f"{emulator.url}/org-1/agent-execution/{task['id']}/events")
    types = {json.loads(frame.data)["type"] for frame in found}
    assert types >= {"task_created", "task_finished", "chunk", "tool_call_request", "tool_call_result", "plan_updated"}
    assert [fault for frame in found for fault in faults(frame, "TaskEventFrame")] == []


def test_the_first_frame_of_a_workers_stream_keeps_to_the_contract(emulator: Emulator):
    (frame,) = frames(f"{emulator.url}/org-1/events/agent-1/?environment=local", most=1)
    assert frame.event == "worker-registration"
    assert faults(frame, "WorkerEventFrame") == []


def test_what_a_worker_is_sent_keeps_to_the_contract(emulator: Emulator):
    stream = f"{emulator.url}/org-1/events/agent-1/?environment=local"
    with httpx.Client(headers=HEADERS) as client, httpx_sse.connect_sse(client, "GET", stream) as source:
        found = source.iter_sse()
        kinds = {"Worker": next(found)}
        client.post(f"{emulator.url}/agent-execution/agent-1", json={"input": {"text": "hello"}}).raise_for_status()
        kinds["Task"] = next(found)
    emulator.refuse_workers("served from elsewhere")
    (kinds["WorkerEnvironmentConflict"],) = frames(stream)
    assert [frame.event for frame in kinds.values()] == [
        "worker-registration",
        "agent-execution",
        "worker-environment-conflict",
    ]
    for schema, frame in kinds.items():
        assert faults(frame, "WorkerEventFrame") == []
        assert list(errors(f"#/components/schemas/{schema}", json.loads(frame.data))) == []


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ('{"type": "chunk", "task_id": "t", "organization_id": "o", "time": "2026-01-02", "data": {}}', "string"),
        ('{"type": "task_finished", "task_id": "t", "organization_id": "o", "time": "now", "data": {}}', "required"),
        ('{"type": "think", "task_id": "t", "time": "2026-01-02T03:04:05Z"}', "required"),
        ("[]", "object"),
    ],
)
def test_a_frame_off_the_contract_is_told(data: str, told: str):
    assert told in str(faults(httpx_sse.ServerSentEvent(event="message", data=data), "TaskEventFrame"))
