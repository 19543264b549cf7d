"""`make regenerate-check`: what it names, and when it is red. The slow steps between have tests of their own."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]


def loaded() -> Any:
    """Return the command as a module."""
    loader = SourceFileLoader("regenerate_check", str(ROOT / "tools" / "regenerate_check"))
    spec = spec_from_loader("regenerate_check", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, its slow steps left out."""
    module = loaded()
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


def test_failed_tests_are_told_by_file_ten_and_a_count(tool: Any):
    failed = [f"tests/b.py::test_{n}" for n in range(12)] + ["tests/a.py::test_x - AssertionError", "tests/c.py"]
    assert tool.by_file(failed) == [
        "tests/b.py: 12", *(f"  test_{n}" for n in range(10)), "  ... and 2 more",
        "tests/a.py: 1", "  test_x - AssertionError", "tests/c.py",
    ]  # fmt: skip


def test_what_breaks_is_told_first(tool: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    fine = tool.Change(tool.Level.FINE, "A.b", "is new")
    breaks = tool.Change(tool.Level.BREAKS, "A.c", "is gone")
    monkeypatch.setattr(tool, "rating", lambda spec: [fine, breaks])
    monkeypatch.setattr(tool, "changed_modules", lambda folder: ["changed: models/a"])
    monkeypatch.setattr(sys, "argv", ["regenerate_check", str(ROOT / "openapi.yaml")])
    assert tool.main() == 1
    said = capsys.readouterr().out
    order = [
        said.index(text) for text in ("breaks: A.c", "fine: A.b", "== type errors", "== tests", "changed: models/a")
    ]
    assert order == sorted(order)


def renamed(properties: dict[str, Any], old: str, new: str) -> None:
    properties[new] = properties.pop(old)


def rename_in_a_creation(document: Any) -> None:
    renamed(document["components"]["schemas"]["CreateTaskRequest"]["properties"], "title", "headline")


def rename_in_a_report(document: Any) -> None:
    renamed(document["components"]["schemas"]["ReportExternalTaskRequest"]["properties"], "used_tools", "tool_names")


def rename_in_a_save(document: Any) -> None:
    renamed(document["components"]["schemas"]["TaskFields"]["properties"], "llm_model_name", "model")


def rename_in_a_nested_object(document: Any) -> None:
    renamed(document["components"]["schemas"]["Attachment"]["properties"], "mime", "media_type")


def retype(document: Any) -> None:
    document["components"]["schemas"]["ReportExternalTaskRequest"]["properties"]["duration"]["type"] = "string"


def rename_a_filter(document: Any) -> None:
    names = {parameter["name"]: parameter for parameter in document["components"]["parameters"].values()}
    names["parent_task_id"]["name"] = "parent"


CHANGES: dict[Callable[[Any], None], tuple[str, str]] = {
    # change: (the file that a type checker names, what it says of it)
    rename_in_a_creation: ("xpander_facade/_requests/tasks.py", '"title" for "CreateTaskRequest"'),
    rename_in_a_report: ("xpander_facade/_requests/report.py", '"used_tools" for "ReportExternalTaskRequest"'),
    rename_in_a_save: ("xpander_facade/_requests/bodies.py", '"llm_model_name" for "UpdateTaskRequest"'),
    rename_in_a_nested_object: ("xpander_facade/_requests/bodies.py", '"mime" for "Attachment"'),
    retype: ("xpander_facade/_requests/report.py", '"duration" to "ReportExternalTaskRequest" has incompatible type'),
    rename_a_filter: ("xpander_facade/_requests/tasks.py", '"parent_task_id" for "_get_kwargs"'),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a type checker says of the facade beside the client of a contract with all the changes."""
    if not (ROOT / ".venv-generate" / "stamp").exists():
        pytest.skip("the generator is not installed: run make generate")
    document = yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8"))
    for change in CHANGES:
        change(document)
    folder = tmp_path_factory.mktemp("changed")
    spec = folder / "changed.yaml"
    spec.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    tool = loaded()
    tool.copy(folder, spec)
    command = [sys.executable, str(ROOT / "tools" / "generate"), "--spec", str(folder / "openapi.yaml")]
    done = tool.run([*command, "--into", str(folder / "generated")], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[str] = tool.type_errors(folder)
    return found


@pytest.mark.timeout(400)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_of_a_request_is_a_type_error_with_file_and_line(change: Callable[[Any], None], told: list[str]):
    file, said = CHANGES[change]
    lines = [line for line in told if line.startswith(f"{file}:") and said in line]
    assert lines, "\n".join(told)
    assert all(line.split(":")[1].isdigit() for line in lines)


@pytest.mark.timeout(400)  # where tests run side by side, it may be the first that needs what is told
def test_a_change_of_a_request_is_no_error_elsewhere(told: list[str]):
    """The facade's own types and methods stay as they are: only the requests name the contract."""
    assert {line.partition(":")[0] for line in told} == {file for file, _ in CHANGES.values()}
