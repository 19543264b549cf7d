"""Faults for the torture to find: each is a change of the package's code, made in a copy.

Without them nobody could tell whether the torture would find anything. The text to change must be there exactly once,
so that a mutation that the code has left behind is an error and no success.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Change = tuple[str, str, str]
"""A file of the package, the text to change, and what it becomes."""

MUTATIONS: dict[str, tuple[Change, ...]] = {
    "no-lease-check": (
        ("outbox/_claims.py", "if lease_until < now and not self._may_hold(rowid, of, lease)", "if of != owner"),
    ),
    "no-merging-by-id": (("outbox/_merge.py", "{**before, **said}", "said"),),
    "no-clock-guard": (
        (
            "outbox/_store.py",
            "return Limits(self.breaker.bounded(now), self.rate.bounded(now))",
            "return self",
        ),
    ),
    "no-fork-hook": (
        ("outbox/_database.py", 'if hasattr(os, "register_at_fork"):  # there is none on Windows', "if False:"),
    ),
    "claim-outside-a-transaction": (
        (
            "outbox/_claims.py",
            "with self._store.hooks.after(), self._database.transaction():\n            for destination in",
            "with self._store.hooks.after():\n            for destination in",
        ),
    ),
}

REASONS: dict[str, str] = {
    "no-lease-check": r"^\S+ was sent twice, by (\S+) and \S+ s later by (?!\1$)",
    "no-merging-by-id": r"^twice-\S+ is \(True, 'result of [^']*', None\)",
    "no-clock-guard": r"^\d+ reports or runs were left in \S+ after|^nothing of \S+ arrived",
    "no-fork-hook": r"^forked-\S+ was refused by \S+ for no reason|^child \d+ of \S+ hung|^the forked child",
    "claim-outside-a-transaction": r"^\S+ was sent twice, by (\S+) and \S+ s later by (?!\1$)",
}
"""The problem that each of them must cause: a torture that is red for another reason has not found it."""


class MutationError(Exception):
    """The text to change is not there, or not once."""


@contextlib.contextmanager
def mutated(root: Path, name: str) -> Iterator[Path]:
    """Yield a copy of the package and the torture with a fault.

    Raises:
        MutationError: The text to change is not there exactly once.
    """
    with tempfile.TemporaryDirectory(prefix="mutated-") as folder:
        copy = Path(folder)
        ignored = shutil.ignore_patterns("__pycache__")
        for part in ("xpander_facade", "generated"):
            shutil.copytree(root / part, copy / part, ignore=ignored)
        (copy / "tools").mkdir()
        for tool in (root / "tools").glob("torture*"):
            if tool.is_file():
                shutil.copy2(tool, copy / "tools")
        for file, old, new in MUTATIONS[name]:
            path = copy / "xpander_facade" / file
            text = path.read_text(encoding="utf-8")
            if text.count(old) != 1:
                raise MutationError(f"{name}: {file} has {old!r} {text.count(old)} times, not once")
            path.write_text(text.replace(old, new), encoding="utf-8")
        yield copy
