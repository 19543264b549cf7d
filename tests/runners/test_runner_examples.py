"""The examples as a user runs them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from running import ROOT, Setting

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.long
@pytest.mark.parametrize("name", ["celery_tasks", "rq_jobs", "dramatiq_actors"])
def test_an_example_tells_what_all_attempts_used(new_setting: Callable[..., Setting], name: str):
    setting = new_setting(outbox=False)
    program = ROOT / "examples" / "runners" / f"{name}.py"
    done = subprocess.run(
        [sys.executable, str(program)], env=setting.environment(), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "completed ticket 7: the printer is on fire 1980 tokens"
