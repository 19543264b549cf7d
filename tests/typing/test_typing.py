"""Run mypy and pyright, strict, over good.py and bad.py: good passes, bad gives exactly the errors its lines name."""

import collections
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GOOD, BAD = HERE / "good.py", HERE / "bad.py"


def marked(tool):
    """Return {line: sorted rules} of the comments in bad.py: `# errors: mypy[rule, rule] pyright[rule]`."""
    rules = {}
    for number, line in enumerate(BAD.read_text(encoding="utf-8").splitlines(), 1):
        found = re.search(rf"# errors:.* {tool}\[([\w, -]+)\]", line)
        if found:
            rules[number] = sorted(rule.strip() for rule in found[1].split(","))
    return rules


def started(*command):
    # One start for both files: the checkers take most of their time to read what these import.
    return subprocess.Popen(
        [sys.executable, "-m", *command, str(GOOD.relative_to(ROOT)), str(BAD.relative_to(ROOT))],
        cwd=ROOT,
        env={**os.environ, "MYPY_FORCE_COLOR": "0", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def found():
    """Return {tool: {file: {line: sorted rules}}}; both run at once."""
    mypy = started("mypy", "--config-file", "pyproject.toml", "--output", "json", "--no-pretty")
    pyright = started("pyright", "--outputjson")
    errors = {"mypy": {}, "pyright": {}}
    try:
        out, problems = mypy.communicate(timeout=100)
        assert mypy.returncode in {0, 1}, out + problems
        for line in out.splitlines():
            entry = json.loads(line)
            if entry["severity"] == "error":
                note(errors["mypy"], entry["file"], entry["line"], entry["code"])
        out, problems = pyright.communicate(timeout=100)
        assert pyright.returncode in {0, 1}, out + problems
        for entry in json.loads(out)["generalDiagnostics"]:
            if entry["severity"] == "error":
                note(errors["pyright"], entry["file"], entry["range"]["start"]["line"] + 1, entry.get("rule", "syntax"))
    finally:
        for process in (mypy, pyright):
            process.kill()
            process.communicate()
    return errors


def note(errors, file, line, rule):
    lines = errors.setdefault(Path(file).name, collections.defaultdict(list))
    lines[line] = sorted([*lines[line], rule])


tools = pytest.mark.parametrize("tool", ["mypy", "pyright"])


@tools
def test_what_users_write_passes(found, tool):
    assert not dict(found[tool].get("good.py", {}))


@tools
def test_every_mistake_is_found_and_nothing_else(found, tool):
    assert dict(found[tool].get("bad.py", {})) == marked(tool)


@tools
def test_both_files_are_marked_and_nothing_else_is_complained_of(found, tool):
    assert len(marked(tool)) > 20
    assert set(found[tool]) == {"bad.py"}
