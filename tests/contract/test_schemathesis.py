"""The emulator against `openapi.yaml`, as schemathesis sees it: it invents requests, good and bad, and judges answers.

Runs where schemathesis is installed (`make contract`). Bounded and deterministic: the same requests every time.
The stream of a task is read to its end, which the contract promises. The worker's stream is set aside: it never ends by
itself, so a tool that reads an answer before it judges it waits for ever; `test_event_frames.py` reads its frames.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from xpander_facade.emulator import Emulator, Run, _app
from xpander_facade.emulator._contract import load
from xpander_facade.emulator._json import object_of
from xpander_facade.emulator._operations import Operations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPEC = Path(__file__).resolve().parents[2] / "openapi.yaml"
PROGRAM = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
KEY = "contract-key"
EXAMPLES = 40

pytestmark = [
    pytest.mark.timeout(240),
]

NOT_CHECKED = {
    "use_after_free": "DELETE stops a task; the task stays, and is read afterwards",
}
"""The checks of schemathesis that are off, each with its reason."""


def talkative(run: Run) -> str:
    """Publish every kind of event whose data the contract describes."""
    run.think("first")
    run.analyze("then")
    run.plan(["one", {"id": "b", "title": "two", "completed": True}])
    run.tool_call("search", {"q": "x"}, result=[1, None], reasoning={"title": "t", "description": "d"})
    run.chunk("done")
    return "done"


def streamed_task(emulator: Emulator) -> str:
    """Run a task with an event stream to its end, and return its id."""
    extension = {"llm_custom_provider": "known-provider"}
    body = {"input": {"text": "hello"}, "events_streaming": True, "payload_extension": extension}
    answer = httpx.post(f"{emulator.url}/agent-execution/agent-1", json=body, headers={"x-api-key": KEY})
    task_id: str = answer.json()["id"]
    emulator.wait_for_status(task_id, "completed")
    return task_id


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(api_key=KEY, validate_answers=True, step=0.0, agent=talkative) as emulator:
        emulator.add_agent("known-agent", tools=[{"id": "known-tool", "name": "known_tool"}])
        emulator.add_knowledge_base("known-base", ["a document"])
        emulator.set_custom_llm_provider("known-provider", "its-token")
        emulator.set_llm_gateway("http://127.0.0.1:9", "its-token")
        emulator.connect_container("contained-agent", "http://127.0.0.1:9", api_key=KEY)
        yield emulator


def contained_task(emulator: Emulator) -> str:
    """Create a task for which a way to models is kept, and return its id."""
    body = {"input": {"text": "hello"}}
    answer = httpx.post(f"{emulator.url}/agent-execution/contained-agent", json=body, headers={"x-api-key": KEY})
    task_id: str = answer.json()["id"]
    return task_id


def know_task(folder: Path, task_id: str, contained: str = "") -> None:
    """Tell schemathesis of tasks with a stream, a provider, a tool and a knowledge base; it can't make them itself."""
    known = {
        "stream_task_events": f'task_id = "{task_id}"',
        "invoke_operation": 'agent_id = "known-agent", tool_id = "known-tool"',
        "search_knowledge_base": 'knowledge_base_id = "known-base"',
        "take_llm_gateway_route": f'agent_id = "contained-agent", task_id = "{contained}"',
        "get_custom_llm_endpoint": f'agent_id = "agent-1", task_id = "{task_id}"',
    }
    (folder / "schemathesis.toml").write_text(
        "".join(
            f'[[operations]]\ninclude-operation-id = "{name}"\nparameters = {{ {values} }}\n'
            for name, values in known.items()
        )
    )


def run(emulator: Emulator, folder: Path, *options: str) -> tuple[int, str]:
    """Let schemathesis loose on an emulator; return its exit status and what it said."""
    assert PROGRAM is not None
    settings = folder / "schemathesis.toml"
    settings.touch()
    command = [PROGRAM, "--config-file", str(settings), "run", str(SPEC), "--url", emulator.url]
    command += ["--header", f"x-api-key: {KEY}", "--generation-deterministic"]
    command += ["--request-timeout", "10", "--continue-on-failure", "--no-color"]
    command += ["--exclude-operation-id", "stream_worker_events", "--exclude-checks", ",".join(NOT_CHECKED)]
    command += options
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=230)
    return done.returncode, done.stdout + done.stderr


def what_was_left_out(text: str) -> list[str]:
    """Say which part of its work schemathesis, by its own account, did not do."""
    done = set(re.findall(r"✅\s+(\w+) \(in ", text))
    left = [f"phase {name}" for name in ("Examples", "Coverage", "Fuzzing", "Stateful") if name not in done]
    covered, tried = (re.search(pattern, text) for pattern in (r"API Links:\s+(\d+) covered", r"(\d+) generated,"))
    declared = SPEC.read_text(encoding="utf-8").count('"#/components/links/')
    left += [] if covered and int(covered[1]) >= declared > 0 else [f"links: fewer than the {declared} declared"]
    return left + ([] if tried and int(tried[1]) >= 2000 else ["requests: fewer than 2000"])


def test_whatever_is_asked_the_emulator_answers_as_the_contract_says(emulator: Emulator, tmp_path: Path):
    know_task(tmp_path, streamed_task(emulator), contained_task(emulator))
    status, text = run(emulator, tmp_path, "--max-examples", str(EXAMPLES), "--mode", "all")
    assert status == 0, text
    assert what_was_left_out(text) == [], text
    assert emulator.violations == []
    asked = emulator.requests()
    assert {request.operation_id for request in asked} >= set(load().operations) - {"stream_worker_events"}
    answered = {request.operation_id for request in asked if request.status == 200}
    assert answered >= set(load().operations) - {"stream_worker_events"}, "nothing good was ever asked of it"
    refused = {request.operation_id for request in asked if request.status == 422}
    assert refused >= {op.id for op in load().operations.values() if op.body is not None}, "nothing bad was ever asked"


def test_a_run_that_leaves_out_a_phase_is_found(emulator: Emulator, tmp_path: Path):
    options = ("--include-operation-id", "list_agents", "--phases", "coverage")
    status, text = run(emulator, tmp_path, *options)
    assert status == 0, text
    told = " ".join(what_was_left_out(text))
    assert all(part in told for part in ("phase Examples", "phase Fuzzing", "phase Stateful", "links:", "requests:"))
    assert "Coverage" not in told


DRIFTS: dict[str, Callable[[Any], Any]] = {
    "a member that is always there is gone": lambda task: {k: v for k, v in task.items() if k != "created_at"},
    "a member has another type": lambda task: {**task, "used_tools": "web_search"},
    "a number is out of its range": lambda task: {**task, "duration": -1},
    "the answer is a list": lambda task: [task],
}


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_an_answer_off_the_contract_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drift: Callable[[Any], Any]
):
    original = Operations.run

    def drifted(self: Operations, operation_id: str, call: Any) -> Any:
        value = original(self, operation_id, call)
        return drift(value) if operation_id == "report_external_task" else value

    monkeypatch.setattr(Operations, "run", drifted)
    with Emulator(api_key=KEY, step=0.0) as emulator:
        options = ("--include-operation-id", "report_external_task", "--phases", "coverage")
        status, text = run(emulator, tmp_path, *options)
    assert status == 1, text
    assert "Response violates schema" in text


def takes_anything(call: Any, complaints: list[dict[str, Any]]) -> tuple[Any, list[dict[str, Any]]]:
    return call, []


def refuses_texts(call: Any, complaints: list[dict[str, Any]]) -> tuple[Any, list[dict[str, Any]]]:
    said = (
        [{"loc": ["body", "input"], "msg": "no text", "type": "forbidden"}] if "input" in object_of(call.body) else []
    )
    return call, complaints + said


def fails(call: Any, complaints: list[dict[str, Any]]) -> tuple[Any, list[dict[str, Any]]]:
    raise RuntimeError("a mistake")


@pytest.mark.parametrize(
    ("judging", "told"),
    [
        (takes_anything, "Schema-violating request accepted"),
        (refuses_texts, "Schema-valid request rejected"),
        (fails, "Server error"),
    ],
)
def test_an_emulator_that_judges_wrongly_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judging: Callable[..., Any], told: str
):
    original = _app.call_of
    monkeypatch.setattr(_app, "call_of", lambda *arguments: judging(*original(*arguments)))
    with Emulator(api_key=KEY, step=0.0) as emulator:
        options = ("--include-operation-id", "create_task", "--phases", "coverage")
        status, text = run(emulator, tmp_path, *options)
    assert status == 1, text
    assert told in text


@pytest.mark.parametrize(
    "published",
    [
        lambda emulator, task_id: emulator.publish(task_id, "chunk", {"not": "text"}),
        lambda emulator, task_id: emulator.publish(task_id, "tool_call_result", {"is_error": "no"}),
        lambda emulator, task_id: emulator.publish_raw(task_id, "no JSON"),
        lambda emulator, task_id: emulator.publish_raw(task_id, '{"type": "think"}'),
    ],
    ids=["a chunk's data", "a tool call's data", "no JSON in a frame", "an event without its members"],
)
def test_an_event_off_the_contract_is_found(tmp_path: Path, published: Callable[[Emulator, str], object]):
    gate = threading.Event()

    def waiting(run: Run) -> str:
        run.wait(gate)
        return "done"

    with Emulator(api_key=KEY, step=0.0, agent=waiting) as emulator:
        body = {"input": {"text": "hello"}, "events_streaming": True}
        answer = httpx.post(f"{emulator.url}/agent-execution/agent-1", json=body, headers={"x-api-key": KEY})
        published(emulator, answer.json()["id"])
        gate.set()
        emulator.wait_for_status(answer.json()["id"], "completed")
        know_task(tmp_path, answer.json()["id"])
        options = ("--include-operation-id", "stream_task_events", "--phases", "fuzzing", "--max-examples", "5")
        status, text = run(emulator, tmp_path, *options)
    assert status == 1, text
    assert "SSE event" in text
