"""A worker process of the soak, as `tools/soak` sees it from outside.

Owns starting it, and reading what it notes and logs. What it does stands in `tools/soak_worker.py`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


_SAID = "failed unexpectedly|in this process only"
_FAULT = re.compile(rf"^.* (?:ERROR|WARNING) .*(?:{_SAID}).*(?:\n(?!\d{{4}}-).*)*", re.MULTILINE)
"""What a worker logs where it is the worker that failed and not the task, with the traceback."""


class WorkerProcess:
    """A worker process, what it notes, and what it logs."""

    def __init__(self, number: int, kind: str, folder: Path, variables: dict[str, str]) -> None:
        self.name = f"{number}-{kind}"
        self.kind = kind
        self._notes = folder / f"{self.name}.notes"
        self._log = folder / f"{self.name}.log"
        self._notes.touch()
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("XPANDER_") or name == "XPANDER_HTTP_PARSER"
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "tools" / "soak_worker.py"), kind, str(self._notes)],
                env={**kept, **variables},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

    def notes(self) -> list[tuple[str, str]]:
        """Return what it began and ended, in order."""
        pairs = (line.split() for line in self._notes.read_text(encoding="utf-8").splitlines())
        return [(what, task_id) for what, task_id in pairs]

    def in_hand(self) -> int:
        """Return how many tasks its handlers are at."""
        return sum(1 if what == "began" else -1 for what, _ in self.notes())

    def ids(self) -> set[str]:
        """Return the ids under which it registered."""
        return set(re.findall(r"registered as (\S+)", self._log.read_text(encoding="utf-8")))

    def faults(self) -> list[str]:
        """Return what it logged of faults of its own."""
        return _FAULT.findall(self._log.read_text(encoding="utf-8"))

    def end(self) -> None:
        """End the process if it is still there, and let go of it."""
        self.process.kill()
        self.process.communicate()
