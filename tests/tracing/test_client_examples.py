"""The examples of instrumented clients as a user runs them, against the real clients."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "model_clients"
NAMES = ["anthropic_calls", "google_genai_calls", "litellm_calls", "openai_calls"]


@pytest.mark.parametrize("name", NAMES)
def test_two_calls_are_one_run_with_what_both_used(name: str):
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert "completed ticket 7: the printer is on fire 1980 tokens" in done.stdout.splitlines()


def test_every_example_is_run():
    assert {path.stem for path in EXAMPLES.glob("*_calls.py")} == set(NAMES)
