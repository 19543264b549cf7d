"""`make regenerate-check`: what it names, and when it is red. The slow steps between have tests of their own."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command as a module, its slow steps left out."""
    loader = SourceFileLoader("regenerate_check", str(ROOT / "tools" / "regenerate_check"))
    spec = spec_from_loader("regenerate_check", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    monkeypatch.setattr(module, "copy", lambda folder, spec: None)
    monkeypatch.setattr(module, "run", lambda command, folder, **more: subprocess.CompletedProcess(command, 0, "", ""))
    for name in ("changed_modules", "type_errors", "failed_tests"):
        monkeypatch.setattr(module, name, lambda folder: [])
    return module


@pytest.mark.parametrize(
    ("step", "status"), [(None, 0), ("type_errors", 1), ("failed_tests", 1), ("changed_modules", 0)]
)
def test_a_type_error_or_a_failed_test_makes_it_red(
    tool: Any, monkeypatch: pytest.MonkeyPatch, step: str | None, status: int
):
    if step is not None:
        monkeypatch.setattr(tool, step, lambda folder: ["something"])
    monkeypatch.setattr(sys, "argv", ["regenerate_check", str(ROOT / "openapi.yaml")])
    assert tool.main() == status


def test_what_breaks_installed_clients_makes_it_red_though_no_test_fails(
    tool: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    text = (ROOT / "openapi.yaml").read_text(encoding="utf-8")
    owner = "description: The organisation that owns the agent.\n          type: string\n"
    assert owner in text
    spec = tmp_path / "openapi.yaml"
    spec.write_text(text.replace(owner, owner.replace("string", "[string, 'null']")), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["regenerate_check", str(spec)])
    assert tool.main() == 1
    said = capsys.readouterr().out
    assert "breaks: AgentsListItem.organization_id can be null: it can't be read then" in said
    assert "2 breaks, 0 lines of type errors, 0 failed tests" in said


def test_an_answers_model_is_led_back_to_the_class_that_is_read_in_its_place(tool: Any):
    used = tool.users(ROOT / "xpander_facade")
    assert "xpander_facade/tasks/_task.py" in used["models/task"]
    assert "xpander_facade/agents/_agents.py" in used["models/agents_list_item"]
    assert "xpander_facade/_requests/tasks.py" in used["models/create_task_request"]
    assert "xpander_facade/_requests/tasks.py" in used["api/tasks/list_tasks"]
    assert tool.snake("MCPServerDetails") == "mcp_server_details"


def test_a_test_that_fails_twice_is_told_once(tool: Any):
    said = """\
FAILED tests/a.py::test_one[a b] - AssertionError: x
FAILED tests/a.py::test_two
ERROR tests/a.py::test_one[a b] - Failed: off the contract
ERROR tests/b.py
4 failed
"""
    assert tool.not_passed(said) == [
        "tests/a.py::test_one[a b] - AssertionError: x", "tests/a.py::test_two", "tests/b.py"
    ]  # fmt: skip
