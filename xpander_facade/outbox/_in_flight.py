"""Own the journal of an outbox's file: runs in progress, whose processes are alive, and the end of those that are not.

A run is written down as it begins. Its process signs a lease, which it renews while it has runs. Whoever finds that the
process is gone, or that its lease ran out, turns its runs into reports that say so, in one transaction: exactly one
does it. A process that comes back after all reports its runs as usual; those reports are the later ones, and count.
"""

from __future__ import annotations

import contextlib
import json
import logging
from typing import TYPE_CHECKING, Any

from xpander_facade.errors import ConfigurationError, OutboxError
from xpander_facade.outbox._merge import merged
from xpander_facade.outbox._process_identity import is_gone, this_process

if TYPE_CHECKING:
    from xpander_facade.outbox._store import Store

DIED = "process ended before the run did"
_log = logging.getLogger("xpander_facade")


class Journal:
    """The runs in progress of one file, as one process sees them.

    Args:
        store: The reports of the file.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._file = store.file
        self.reset()

    def reset(self) -> None:
        """Own no run: those of a parent process are the parent's."""
        self._owner = this_process()
        self._mine: set[tuple[int, str]] = set()
        self._told: set[tuple[int, str]] = set()
        self._signed_at = 0.0
        self._losses = self._file.losses

    def has(self, place: int, id: str) -> bool:
        """Whether a run of this process is written down."""
        return (place, id) in self._mine

    def begin(self, place: int, id: str, agent_id: str, body: bytes) -> None:
        """Write a run down."""
        now = self._store.clock()
        is_lost = self._losses != self._file.losses  # the signature may have been, with what it was written with
        if is_lost or now - self._signed_at >= self._store.settings.lease / 3:
            self._sign(now)
        self._file.run(
            "INSERT OR REPLACE INTO runs (id, place, agent_id, owner, began_at, body) VALUES (?, ?, ?, ?, ?, ?)",
            id,
            place,
            agent_id,
            self._owner,
            now,
            body,
        )
        self._mine.add((place, id))

    def let_go(self, place: int, id: str) -> None:
        """Note that a run is struck out for good."""
        self._mine.discard((place, id))

    def is_listed(self, place: int, id: str) -> bool:
        """Whether a run is still written down; where not, another process took it for dead and reported it so."""
        return bool(
            self._file.rows("SELECT 1 FROM runs WHERE id = ? AND place = ? AND owner = ?", id, place, self._owner)
        )

    def end(self, place: int, id: str) -> None:
        """Strike a run out."""
        self._file.run("DELETE FROM runs WHERE id = ? AND place = ? AND owner = ?", id, place, self._owner)

    def strike_told(self, place: int, id: str) -> None:
        """Strike out a run that was reported without the file; where it can't be written now, `catch_up` does it."""
        if self.has(place, id):
            self._told.add((place, id))
            with contextlib.suppress(OutboxError, ConfigurationError):
                self.catch_up()

    def catch_up(self) -> None:
        """Strike out what could not be struck out before: it must not be reported as dead."""
        for place, id in list(self._told):
            self.end(place, id)
            self.let_go(place, id)
            self._told.discard((place, id))

    def renew(self) -> None:
        """Say that this process's runs are still in progress."""
        if self._mine:
            self._sign(self._store.clock())

    def report_dead(self) -> int:
        """Report the runs of dead processes as failed; return how many."""
        now = self._store.clock()
        reported = 0
        for owner, lease_until in self._file.rows("SELECT owner, lease_until FROM processes"):
            if owner != self._owner:
                gone = is_gone(owner)
                if gone or lease_until < now:
                    reported += self._report(owner, now, gone=gone)
        return reported

    def _sign(self, now: float) -> None:
        self._file.run(
            "INSERT INTO processes (owner, seen_at, lease_until) VALUES (?, ?, ?)"
            " ON CONFLICT (owner) DO UPDATE SET seen_at = excluded.seen_at, lease_until = excluded.lease_until",
            self._owner,
            now,
            now + self._store.settings.lease,
        )
        self._signed_at = now
        self._losses = self._file.losses

    def _report(self, owner: str, now: float, *, gone: bool) -> int:
        with self._file.writing():
            signed = self._file.rows("SELECT seen_at, lease_until FROM processes WHERE owner = ?", owner)
            if not signed or (signed[0][1] >= now and not gone):
                return 0  # another process was faster, or this one came back
            seen_at, lease_until = signed[0]
            runs = self._file.rows("SELECT place, id, agent_id, began_at, body FROM runs WHERE owner = ?", owner)
            self._file.run("DELETE FROM runs WHERE owner = ?", owner)
            self._file.run("DELETE FROM processes WHERE owner = ?", owner)
            for place, id, agent_id, began_at, body in runs:
                # It died at some time after it was last seen: now, if that is not long ago.
                ended_at = now if gone and now <= lease_until else seen_at
                self._store.add(place, id, agent_id, _died(body, ended_at - began_at))
                _log.warning("outbox %s: run %s is reported as failed: its %s", self._file.path, id, DIED)
        return len(runs)


def unsaid(body: bytes) -> bytes:
    """Return a report that also takes back the result which a run has that was reported as dead."""
    return merged(json.dumps({"result": ""}).encode(), body)


def _died(body: bytes, seconds: float) -> bytes:
    failure: dict[str, Any] = {"is_success": False, "result": DIED, "duration": round(max(seconds, 0.0), 3)}
    return merged(body, json.dumps(failure).encode())
