"""Trying a handler with one task, and the notice of a program that forgot to serve its handler."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from inherited import inherited_environment
from serving import IMPATIENT

from xpander_facade import AgentExecutionInput, LocalTaskTest, OutputFormat, Task, User, on_task
from xpander_facade.worker import _session

if TYPE_CHECKING:
    from pathlib import Path

    from xpander_facade import Configuration
    from xpander_facade.emulator import Emulator


def test_a_handler_with_a_test_task_works_on_it_and_returns(
    emulator: Emulator, configuration: Configuration, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_session, "TIMEOUTS", IMPATIENT)
    given = AgentExecutionInput(text="What can you do?", files=["https://h/a.txt"], user=User(email="a@b.c"))
    schema = {"type": "object", "properties": {"abilities": {"type": "array"}}}
    test_task = LocalTaskTest(input=given, output_format=OutputFormat.Json, output_schema=schema)
    seen: list[Task] = []

    @on_task(configuration=configuration, test_task=test_task)
    async def handler(task: Task) -> Task:
        seen.append(task)
        task.result = {"abilities": ["search"]}
        return task

    handler.run(signals=False)
    (task,) = seen
    assert (task.input.text, task.input.files, task.input.user) == (given.text, given.files, given.user)
    assert (task.output_format, task.output_schema) == (OutputFormat.Json, schema)
    stored = emulator.task(task.id)
    assert (stored["status"], stored["result"]) == ("completed", '{"abilities": ["search"]}')
    assert len(emulator.tasks()) == 1


def test_a_test_task_of_another_type_is_refused():
    with pytest.raises(TypeError, match="test_task must be"):
        on_task(test_task="What can you do?")


HANDLER = """
from xpander_facade import Task, on_task

@on_task(agent_id="a")
async def handler(task: Task) -> Task:
    return task
"""
WORDS = "handler was decorated with @on_task and never served, so no task was taken: call handler.run()"


@pytest.mark.parametrize(
    ("rest", "is_told"),
    [
        ("", True),
        ("other = on_task(lambda task: task)", True),
        ("raise LookupError", False),
        ("try: handler.run()\nexcept Exception: pass", False),
        ("import asyncio\nhandler(task=None).close()", False),
    ],
)
def test_a_program_that_serves_its_handler_nowhere_says_so_once(rest: str, is_told: bool, tmp_path: Path):
    program = tmp_path / "program.py"
    program.write_text(HANDLER + rest)
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60, env=environment())
    assert done.stdout == ""
    assert done.stderr.count("never served") == (1 if is_told else 0), done.stderr
    assert not is_told or WORDS.split(" was ")[0] in done.stderr


def test_a_module_that_is_imported_says_nothing(tmp_path: Path):
    (tmp_path / "handlers.py").write_text(HANDLER)
    done = subprocess.run(
        [sys.executable, "-c", "import handlers"], capture_output=True, text=True, timeout=60, cwd=tmp_path,
        env=environment(),
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")


def environment() -> dict[str, Any]:
    return inherited_environment()
