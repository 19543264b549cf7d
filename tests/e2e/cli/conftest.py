"""A user of the command line: the environment, a command in this process, runs that were reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xpander_facade import Backend
from xpander_facade.cli.app import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from xpander_facade.emulator import Emulator

from command_line import KEY, Outcome


@pytest.fixture
def variables(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a user of the command line."""
    variables = {
        "XPANDER_API_KEY": KEY,
        "XPANDER_BASE_URL": emulator.url,
        "XPANDER_ORGANIZATION_ID": "org-1",
        "XPANDER_AGENT_ID": "agent-123",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def cli(variables: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Outcome]]:
    """Run a command line in this process."""
    outcomes: list[Outcome] = []

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        status = run(arguments)
        outcomes.append(Outcome(status, *capsys.readouterr()))
        return outcomes[-1]

    yield call
    assert not [outcome for outcome in outcomes if KEY in outcome.out or KEY in outcome.err]
    assert not [outcome for outcome in outcomes if "Traceback" in outcome.err]


@pytest.fixture
def reported(variables: dict[str, str]) -> None:
    """Two runs: one completed with a result of two lines, one failed."""
    with Backend() as backend:
        backend.report_external_task(id="good", input="Read it", result="first\nsecond", used_tools=["ocr"])
        backend.report_external_task(id="bad", is_success=False, result="\x1b[31mred\x07")


@pytest.fixture
def path(variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The file of an outbox, as the environment names it. It is not there yet."""
    monkeypatch.setenv("XPANDER_OUTBOX", str(tmp_path / "runs.db"))
    return str(tmp_path / "runs.db")
