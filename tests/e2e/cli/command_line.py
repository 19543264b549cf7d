"""How the tests run the command line: in this process, or as a user's own."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from xpander_facade import Configuration
from xpander_facade.outbox import Outbox

if TYPE_CHECKING:
    import pytest


ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "cli.md"
SHELL: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
KEY = "key-that-nobody-may-see"


class Outcome(NamedTuple):
    status: int
    out: str
    err: str

    def json(self) -> object:
        return json.loads(self.out)

    def rows(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines()]


def process(*arguments: str, **options: object) -> subprocess.Popen[str]:
    """Start the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "xpander_facade", *arguments],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT, **options},
    )


def ended(child: subprocess.Popen[str]) -> Outcome:
    with child:
        out, err = child.communicate(timeout=30)
    return Outcome(child.returncode, out, err)


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Make this process believe that its output is a terminal."""
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "100", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def leave(*ids: str, **options: str) -> None:
    """Store reports as a process does that dies before it sends any."""
    with closing(Outbox.of(Configuration(**options))) as outbox:
        for id in ids:
            body = {"id": id, "input": "Read it", "result": "first\nsecond", "is_success": True}
            assert outbox._runtime.store.put(outbox._destination, id, "agent-123", json.dumps(body).encode())


def run_without(package: str, *arguments: str) -> Outcome:
    """Run the command on a terminal where a package can't be found."""
    code = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
sys.stdout.isatty = lambda: True
from xpander_facade.__main__ import main
sys.argv = ["xpander-facade", *{arguments!r}]
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, cwd=ROOT)
    return Outcome(done.returncode, done.stdout, done.stderr)
