"""The code of the README and the documents passes pyright (standard) and mypy, as a reader's editor would have it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
NOT_RUN = re.compile(r"<!-- not run: .+ -->")
MIN_PAGES = 15


def code_of(page: Path) -> list[str]:
    """Return the Python fences of a page as one coroutine function, each line at the number that it has on the page."""
    lines: list[str] = []
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    for before, token in zip([None, *tokens], tokens, strict=False):
        is_left_out = before is not None and NOT_RUN.match(before.content) is not None
        if token.type == "fence" and token.info == "python" and token.map and not is_left_out:
            lines += [""] * (token.map[0] + 1 - len(lines))
            lines += [f"    {line}" if line else "" for line in token.content.splitlines()]
    return ["async def page() -> None:", *lines[1:]] if lines else []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]):
        lines = code_of(page)
        if lines:
            name = re.sub(r"\W", "_", page.stem.lower())
            (folder / f"{name}_page.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert len(list(folder.glob("*.py"))) >= MIN_PAGES
    return folder


def test_the_code_of_the_documents_passes_pyright(folder: Path):
    settings = {
        "typeCheckingMode": "standard",
        "pythonVersion": "3.11",
        "extraPaths": [str(ROOT), str(ROOT / "generated")],
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "-p", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


def test_the_code_of_the_documents_passes_mypy(folder: Path):
    settings = folder / "mypy.ini"
    settings.write_text(f"[mypy]\npython_version = 3.11\nmypy_path = {ROOT}:{ROOT / 'generated'}\n", encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings), *map(str, sorted(folder.glob("*.py")))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
