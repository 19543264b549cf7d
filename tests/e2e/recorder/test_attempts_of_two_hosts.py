"""Two hosts that report attempts of one run at the same time, each before it sees what the other one has written."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from calling import configured
from recording import AGENT

from xpander_facade import Backend, OutboxSettings, Tokens
from xpander_facade.outbox import Outbox, _ledger_checks
from xpander_facade.outbox._ledger_checks import may_have_others

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from xpander_facade.emulator import Emulator


@pytest.fixture(autouse=True)
def check_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ledger_checks, "CHECK_AFTER", 0.2)


@pytest.fixture
def hosts(emulator: Emulator, tmp_path: Path) -> Iterator[list[Backend]]:
    made = [
        Backend(configured(emulator, agent_id=AGENT, outbox=OutboxSettings(tmp_path / f"{name}.db"))) for name in "ab"
    ]
    yield made
    for backend in made:
        Outbox.of(backend.configuration).close()
        backend.close()


def do(backend: Backend, attempt: int, prompt: int, *, fails: bool) -> None:
    with contextlib.suppress(ValueError), backend.external_task(id="job-1", input="x", attempt=attempt) as run:
        run.tokens = Tokens(prompt_tokens=prompt)
        run.result = f"attempt {attempt}"
        if fails:
            raise ValueError("no")


def eventually(check: Callable[[], object], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < until:
        time.sleep(0.02)
    return bool(found)


@pytest.mark.parametrize("last_to_write", [0, 1])
def test_what_one_of_them_takes_out_is_reported_once_more(hosts: list[Backend], emulator: Emulator, last_to_write: int):
    # Each has read the record before one of them writes.
    with emulator.hold("report_external_task") as hold:
        for count, attempt in enumerate((1 - last_to_write, last_to_write), 1):
            do(hosts[attempt], attempt, 100 + attempt, fails=attempt == 0)
            assert hold.arrived(count)
    assert eventually(lambda: [task["tokens"]["prompt_tokens"] for task in emulator.tasks()] == [201])
    (run,) = emulator.tasks()
    assert (run["status"], run["result"]) == ("completed", "attempt 1")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"is_success":true,"result":"x","llm_response":{"_run":{"attempts":{"0":{"duration":1}}}}}', False),
        (b'{"is_success":true,"result":"x","llm_response":{"_run":{"attempts":{"1":{"duration":1}}}}}', True),
        (b'{"is_success":false,"result":"x","llm_response":{"_run":{"attempts":{"0":{"duration":1}}}}}', True),
        (b'{"is_success":true,"llm_response":{"_run":{"attempts":{"0":{"duration":1}}}}}', True),
        (b'{"is_success":true,"result":"x","llm_response":{"_run":{"attempts":{"a":{"duration":1}}}}}', False),
        (b'{"is_success":true,"result":"x"}', False),
    ],
)
def test_it_is_looked_for_where_there_may_be_other_attempts(body: bytes, expected: bool):
    assert may_have_others(body) is expected


def test_what_is_looked_at_is_bounded(hosts: list[Backend], emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_ledger_checks, "CHECK_AFTER", 3600)
    monkeypatch.setattr(_ledger_checks, "MAX_BYTES", 600)
    host = hosts[0]
    for number in range(5):
        with contextlib.suppress(ValueError), host.external_task(id=f"job-{number}", input="x" * 200, attempt=0):
            raise ValueError("no")
    assert host.flush(20).waiting == 0
    checks = Outbox.of(host.configuration)._runtime.sender._checks
    assert 1 <= len(checks._waiting) <= 2
    assert sum(len(check.claim.body) for check in checks._waiting) == checks._size <= 600
