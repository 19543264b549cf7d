"""The handle of a run: its clock, id, state, agent and configuration."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from recorded import BACKEND, CONFIGURATION, reported

from xpander_facade import Agent, Backend, Configuration, ExternalTask
from xpander_facade.recorder._run_options import RunOptions


def test_the_clock_runs_from_the_beginning_of_the_block_to_its_end():
    times = iter([0.0, 100.0, 107.5])
    run = ExternalTask(RunOptions(configure=lambda: CONFIGURATION, clock=lambda: next(times)))
    with run:
        pass
    assert reported(run).duration == 7.5


def test_one_handle_records_one_run():
    with BACKEND.external_task(id="run-1") as run, pytest.raises(RuntimeError, match="call external_task"), run:
        pytest.fail("it ran twice")
    with pytest.raises(RuntimeError, match="run-1"), run:
        pytest.fail("it ran twice")
    assert reported(run).status.value == "completed"


def test_a_handle_tells_its_id_from_the_beginning_on():
    run = BACKEND.external_task()
    with pytest.raises(RuntimeError, match="before it begins"):
        print(run.id)
    assert BACKEND.external_task(id="run-1").id == "run-1"
    with run:
        assert run.id.startswith("ext-")
        assert not hasattr(run, "task")
    assert reported(run).id == run.id


def test_a_handle_shows_its_state_and_no_content():
    run = BACKEND.external_task(id="run-1", input="a secret")
    assert repr(run) == "<ExternalTask run-1: new>"
    with run:
        assert repr(run) == "<ExternalTask run-1: running>"
    assert repr(run) == "<ExternalTask run-1: ended>"
    assert repr(BACKEND.external_task()) == "<ExternalTask (no id yet): new>"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"agent_id": 5}, TypeError),
        ({"agent_id": " "}, ValueError),
        ({"agent": "agent-1"}, TypeError),
        ({"id": ""}, ValueError),
        ({"input": 5}, TypeError),
        ({"report_start": 1}, TypeError),
        ({"strict": "no"}, TypeError),
    ],
)
def test_a_wrong_argument_is_an_error_at_once(wrong: dict[str, Any], error: type[Exception]):
    with pytest.raises(error):
        BACKEND.external_task(**wrong)


def test_the_agent_is_the_loaded_one_or_the_environments_when_the_run_begins(monkeypatch: pytest.MonkeyPatch):
    with BACKEND.external_task("another", Agent(id="loaded")) as run:
        pass
    assert reported(run).agent_id == "loaded"
    run = Backend(Configuration(disabled=True)).external_task()
    monkeypatch.setenv("XPANDER_AGENT_ID", "of-the-environment")
    with run:
        monkeypatch.setenv("XPANDER_AGENT_ID", "of later")
    assert reported(run).agent_id == "of-the-environment"


def test_another_configuration_can_be_used():
    with BACKEND.external_task(configuration=attrs.evolve(CONFIGURATION, agent_id="agent-2")) as run:
        pass
    assert reported(run).agent_id == "agent-2"
