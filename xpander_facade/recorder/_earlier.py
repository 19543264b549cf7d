"""What this process has recorded of objects that outlive a run, so that the next run of them counts only its own."""

from __future__ import annotations

import collections
import os
import threading

import attrs

from xpander_facade.usage._counts import Counts

RunPath = tuple[object, ...]
"""The runs around a run, the outermost first, and the run itself."""

_MAX_TURNS = 100_000
_MAX_SUMS = 10_000


@attrs.define
class _Sum:
    path: RunPath
    before: Counts
    last: Counts


class EarlierRuns:
    """Which messages were recorded by which run, and the last sum of each object that only knows its sum.

    What a run around this one, or inside of it, has recorded is not earlier: both report it.
    """

    def __init__(self) -> None:
        # Reentrant, since a signal handler may record while the thread that it interrupts is in here.
        self._lock = threading.RLock()
        self._turns: collections.OrderedDict[str, RunPath] = collections.OrderedDict()
        self._sums: collections.OrderedDict[str, _Sum] = collections.OrderedDict()

    def has_recorded(self, key: str, path: RunPath) -> bool:
        """Tell whether an earlier run has recorded a message; if none has, this one does now."""
        with self._lock:
            recorded = self._turns.get(key)
            if recorded is not None and not _are_nested(recorded, path):
                self._turns.move_to_end(key)
                return True
            if recorded is None:
                self._turns[key] = path
                if len(self._turns) > _MAX_TURNS:
                    self._turns.popitem(last=False)
            return False

    def own_part(self, key: str, total: Counts, path: RunPath) -> Counts | None:
        """Return what a sum tells beyond what earlier runs have recorded of it; None where none has recorded any."""
        with self._lock:
            known = self._sums.get(key)
            if known is None:
                self._sums[key] = _Sum(path, Counts(0, 0, 0, 0), total.copy())
                if len(self._sums) > _MAX_SUMS:
                    self._sums.popitem(last=False)
                return None
            if not _are_nested(known.path, path):
                known.path, known.before = path, known.last
            known.last = total.copy()
            self._sums.move_to_end(key)
            return _difference(total, known.before)


def _are_nested(one: RunPath, other: RunPath) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _difference(total: Counts, before: Counts) -> Counts:
    pairs = (
        (total.prompt, before.prompt),
        (total.completion, before.completion),
        (total.cache_read, before.cache_read),
        (total.cache_write, before.cache_write),
    )
    if any((now or 0) < (then or 0) for now, then in pairs):
        return total.copy()  # it began to count anew
    parts = [None if now is None else now - (then or 0) for now, then in pairs]
    return Counts(parts[0], parts[1], parts[2], parts[3], total.cache_is_beside)


earlier_runs = EarlierRuns()


def _forget() -> None:
    """Let a forked process have a lock of its own."""
    # What the parent has recorded holds for the child as well; only the lock may be taken for ever there.
    earlier_runs._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
