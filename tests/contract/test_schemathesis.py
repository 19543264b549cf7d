"""The emulator against `openapi.yaml`, as schemathesis sees it: it invents requests, good and bad, and judges answers.

Runs where schemathesis is installed (`make contract`). Bounded and from a fixed seed: the same requests every time.
The stream of a task is read to its end, which the contract promises. The worker's stream is set aside: it never ends by
itself, so a tool that reads an answer before it judges it waits for ever; `test_event_frames.py` reads its frames.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from xpander_facade.emulator import Emulator
from xpander_facade.emulator._operations import Operations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPEC = Path(__file__).resolve().parents[2] / "openapi.yaml"
PROGRAM = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
KEY = "contract-key"
SEED = 1
EXAMPLES = 40

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="schemathesis is not installed: run `make contract`"),
    pytest.mark.timeout(240),
]

NOT_CHECKED = {
    "use_after_free": "DELETE stops a task; the task stays, and is read afterwards",
}
"""The checks of schemathesis that are off, each with its reason."""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(api_key=KEY, validate_answers=True, step=0.0) as emulator:
        yield emulator


def run(emulator: Emulator, folder: Path, *options: str) -> tuple[int, str, dict[str, Any]]:
    """Let schemathesis loose on an emulator; return its exit status, what it said, and its report."""
    assert PROGRAM is not None
    settings = folder / "schemathesis.toml"
    if not settings.exists():
        settings.write_text("")
    report = folder / "report.json"
    command = [PROGRAM, "--config-file", str(settings), "run", str(SPEC), "--url", emulator.url]
    command += ["--header", f"x-api-key: {KEY}", "--seed", str(SEED), "--generation-deterministic"]
    command += ["--generation-database", "none", "--request-timeout", "10", "--continue-on-failure", "--no-color"]
    command += ["--exclude-operation-id", "stream_worker_events", "--exclude-checks", ",".join(NOT_CHECKED)]
    command += ["--report-json-path", str(report), *options]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=230)
    return done.returncode, done.stdout + done.stderr, json.loads(report.read_text()) if report.exists() else {}


def test_whatever_is_asked_the_emulator_answers_as_the_contract_says(emulator: Emulator, tmp_path: Path):
    task_id = streamed_task(emulator)
    (tmp_path / "schemathesis.toml").write_text(
        f'[[operations]]\ninclude-operation-id = "stream_task_events"\nparameters = {{ task_id = "{task_id}" }}\n'
    )
    status, text, _ = run(emulator, tmp_path, "--max-examples", str(EXAMPLES), "--mode", "all")
    assert status == 0, text
    assert emulator.violations == []
    asked = emulator.requests()
    assert {request.operation_id for request in asked} >= set(Emulator_operations()) - {"stream_worker_events"}
    answered = {request.operation_id for request in asked if request.status == 200}
    assert answered >= set(Emulator_operations()) - {"stream_worker_events"}, "nothing good was ever asked of it"
    refused = {request.operation_id for request in asked if request.status == 422}
    assert len(refused) >= 8, "nothing bad was ever asked of it"


def streamed_task(emulator: Emulator) -> str:
    """Run a task that publishes every kind of event whose data the contract describes, and return its id."""
    raise NotImplementedError


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
        options = ("--include-operation-id", "report_external_task", "--phases", "examples,coverage")
        status, text, _ = run(emulator, tmp_path, *options)
    assert status == 1, text
    assert "Response violates schema" in text
