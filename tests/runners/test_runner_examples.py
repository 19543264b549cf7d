"""The examples as a user runs them, those of the runners that are in this environment."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from running import ROOT, Setting

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = {
    "airflow_dag": "airflow",
    "arq_jobs": "arq",
    "celery_tasks": "celery",
    "django_project": "django",
    "dramatiq_actors": "dramatiq",
    "huey_tasks": "huey",
    "prefect_flow": "prefect",
    "rq_jobs": "rq",
    "taskiq_tasks": "taskiq",
    "temporal_activities": "temporalio",
}
HERE = [name for name, library in EXAMPLES.items() if importlib.util.find_spec(library)]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", HERE)
def test_an_example_tells_what_all_attempts_used(new_setting: Callable[..., Setting], name: str):
    setting = new_setting(outbox=False)
    program = ROOT / "examples" / "runners" / f"{name}.py"
    done = subprocess.run(
        [sys.executable, str(program)], env=setting.environment(), capture_output=True, text=True, timeout=800
    )
    assert done.returncode == 0, done.stderr
    assert "completed ticket 7: the printer is on fire 1980 tokens" in done.stdout.splitlines()


def test_every_example_is_run_somewhere():
    assert {path.stem for path in (ROOT / "examples" / "runners").glob("*.py")} == set(EXAMPLES)
    assert HERE
