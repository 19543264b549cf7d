"""Runs in flight: those that have begun and not ended, and the report of those whose process died.

A run is written down as it begins. Its process takes a lease, which it renews while it has runs. Whoever finds that the
process is gone, or that its lease ran out, turns its runs into reports that say so, in one transaction: exactly one
does it. A process that comes back after all reports its runs as usual; those reports are the later ones, and count.
So does what a job runner has said of the end of a run whose process it lost: it knows why.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from xpander_facade._requests.attempts import Record, has_ended, has_ledger, with_duration
from xpander_facade.errors import ConfigurationError, OutboxError
from xpander_facade.outbox._merge import JOURNAL, as_bytes, merged
from xpander_facade.outbox._process_identity import is_gone, is_running
from xpander_facade.outbox._store import BATCH, SENDING, WAITING

if TYPE_CHECKING:
    from xpander_facade.outbox._store import Store

DIED = "process ended before the run did"
LOOK_FOR_ENDED = 5.0
"""Seconds after which a process looks again whether runs that it has ended are written down."""
HEARTBEAT = 1.0
"""Seconds after which a process with runs in flight says again that it is there."""
MAX_ENDED = 1000
"""Runs that a process ended last and still knows: so many at least, and twice as many at most."""
MAX_CLOCK_DIFFERENCE = 60.0
"""Seconds by which the clocks of machines that share a file may differ."""
_MARK = f'"{JOURNAL}":'.encode()
_log = logging.getLogger("xpander_facade")


class InFlightRuns:
    """The runs in flight of one file, as one process sees them.

    Args:
        store: The reports of the file.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = store.database
        self.reset()

    def reset(self) -> None:
        """Own no run: those of a parent process are the parent's."""
        self._owner = self._store.owner
        self._own: set[tuple[int, str]] = set()
        self._reported: set[tuple[int, str]] = set()
        # The newest ones, and those before: to forget one at a time would need a lock.
        self._ended: set[tuple[int, str]] = set()
        self._ended_before: set[tuple[int, str]] = set()
        self._moved: set[tuple[int, str]] = set()
        self._renewed_at = 0.0
        self._losses = self._checked_losses = self._database.losses
        self._checked_at = time.monotonic()

    def contains(self, destination: int, id: str) -> bool:
        """Whether a run of this process is written down."""
        return (destination, id) in self._own

    def add(self, destination: int, id: str, agent_id: str, body: bytes) -> None:
        """Write a run down."""
        now = self._store.clock()
        # The lease may be lost, with the transaction that it was written in.
        is_lost = self._losses != self._database.losses
        # A third of the lease: two heartbeats may be missed before others take the process for dead.
        third, since = self._store.settings.lease / 3, now - self._renewed_at
        is_due = is_lost or not (-HEARTBEAT < since < HEARTBEAT and -third < since < third)
        # Known before it is written: the other way round, an exception of a signal handler that comes in between would
        # leave an entry that nobody removes.
        self._own.add((destination, id))
        try:
            with self._database.transaction() if is_due else contextlib.nullcontext():
                if is_due:
                    self._renew_lease(now)
                self._database.execute(
                    "INSERT OR REPLACE INTO runs (id, destination, agent_id, owner, began_at, body)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    *(id, destination, agent_id, self._owner, now, body),
                )
        except (OutboxError, ConfigurationError):
            self.discard(destination, id)
            raise
        if self._losses != self._database.losses:
            self._renew_lease(now)  # the file was opened anew, or made anew, in between

    def end(self, destination: int, id: str, agent_id: str, body: bytes) -> bool:
        """Store the report of a run, which is no longer written down then; False where it is not, or has no room."""
        return self._store.put_end(destination, id, agent_id, body, self._owner)

    def discard(self, destination: int, id: str) -> None:
        """Note that a run is removed for good."""
        run, ended = (destination, id), self._ended
        if len(ended) >= MAX_ENDED:
            self._ended_before = ended
            self._ended = ended = set[tuple[int, str]]()
        ended.add(run)
        self._own.discard(run)

    def is_recorded(self, destination: int, id: str) -> bool:
        """Whether a run is still written down; where not, another process took it for dead and reported it so."""
        return bool(
            self._database.query(
                "SELECT 1 FROM runs WHERE id = ? AND destination = ? AND owner = ?", id, destination, self._owner
            )
        )

    def remove(self, destination: int, id: str) -> bool:
        """Remove a run; whether it was still written down."""
        return bool(
            self._database.execute(
                "DELETE FROM runs WHERE id = ? AND destination = ? AND owner = ?", id, destination, self._owner
            )
        )

    def remove_reported(self, destination: int, id: str) -> None:
        """Remove a run that was reported without the file; where it can't be written now, `remove_pending` does it."""
        if self.contains(destination, id):
            self._reported.add((destination, id))
            with contextlib.suppress(OutboxError, ConfigurationError):
                self.remove_pending()

    def remove_pending(self) -> None:
        """Remove what could not be removed before: it must not be reported as dead."""
        for destination, id in list(self._reported):
            self.remove(destination, id)
            self.discard(destination, id)
            self._reported.discard((destination, id))

    def remove_ended(self) -> None:
        """Remove what is written down of runs that this process has ended; now and then, or where a write is gone.

        Another process that noticed that the file was deleted has brought the runs into the new one, while this one
        took them out of the old one. It may have noticed first, or later than this one.
        """
        losses, now = self._database.losses, time.monotonic()
        if losses != self._checked_losses:
            # They may be in the old file for as long as anybody has it open, however many others end until then.
            self._moved = self._own | (self._moved if len(self._moved) < MAX_ENDED else set[tuple[int, str]]())
        elif now - self._checked_at < LOOK_FOR_ENDED:
            return
        written = self._database.query("SELECT destination, id FROM runs WHERE owner = ?", self._owner)
        if any(map(self._has_ended, written)):
            with self._database.transaction():
                for destination, id in filter(self._has_ended, written):
                    self.remove(destination, id)
        self._checked_losses, self._checked_at = losses, now

    def _has_ended(self, run: tuple[int, str]) -> bool:
        """Whether a run was ended here; others of the process may be of a runtime that names the file differently."""
        is_known = run in self._ended or run in self._ended_before or run in self._moved
        return is_known and run not in self._own

    def renew(self) -> None:
        """Say that this process's runs are still in progress."""
        if self._own:
            self._renew_lease(self._store.clock())

    def report_dead(self) -> int:
        """Report the runs of dead processes as failed; return how many.

        A process is dead when it is surely gone, or when its lease is over and it is not known to run.
        """
        now = self._store.clock()
        reported = 0
        for owner, seen_at, lease_until in self._database.query("SELECT owner, seen_at, lease_until FROM processes"):
            if owner == self._owner:
                continue
            gone = is_gone(owner)
            if gone or (lease_until < now and not is_running(owner)):
                while runs := self._report(owner, now, gone=gone):
                    reported += runs
            elif seen_at > now + MAX_CLOCK_DIFFERENCE:
                self._shorten_lease(owner, seen_at, now, lease_until - seen_at)
        return reported

    def _renew_lease(self, now: float) -> None:
        self._database.execute(
            "INSERT INTO processes (owner, seen_at, lease_until) VALUES (?, ?, ?)"
            " ON CONFLICT (owner) DO UPDATE SET seen_at = excluded.seen_at, lease_until = excluded.lease_until",
            self._owner,
            now,
            now + self._store.settings.lease,
        )
        self._renewed_at = now
        self._losses = self._database.losses

    def _shorten_lease(self, owner: str, seen_at: float, now: float, lease: float) -> None:
        """Let a lease count from now on where the clock was put back since then: it would last for as long."""
        self._database.execute(
            "UPDATE processes SET seen_at = ?, lease_until = ? WHERE owner = ? AND seen_at = ?",
            now,
            now + lease,
            owner,
            seen_at,
        )

    def _report(self, owner: str, now: float, *, gone: bool) -> int:
        """Report some runs of a process in one transaction; return how many."""
        with self._database.transaction():
            leased = self._database.query("SELECT seen_at, lease_until FROM processes WHERE owner = ?", owner)
            if not leased or (leased[0][1] >= now and not gone):
                return 0  # another process was faster, or this one came back
            seen_at = leased[0][0]
            self._store.take_in()  # what came before, such as a run's start, goes before its failure
            runs = self._database.query(
                "SELECT destination, id, agent_id, began_at, body FROM runs WHERE owner = ? LIMIT ?", owner, BATCH
            )
            unreported = [run for run in runs if not self._is_reported(*run)]
            for destination, id, agent_id, began_at, body in unreported:
                # Whatever the bounds say: that a run has died is what the outbox is there to tell.
                self._store.add(destination, id, agent_id, _died(body, began_at, seen_at))
            for destination, id, *_ in runs:
                self._database.execute(
                    "DELETE FROM runs WHERE id = ? AND destination = ? AND owner = ?", id, destination, owner
                )
            if not runs:
                self._database.execute("DELETE FROM processes WHERE owner = ?", owner)
        for _, id, *_ in unreported:
            _log.warning("outbox %s: run %s is reported as failed: its %s", self._database.path, id, DIED)
        return len(runs)

    def _is_reported(self, destination: int, id: str, agent_id: str, began_at: float, body: bytes) -> bool:
        """Whether a report in the file tells the end of a run that its process has not reported."""
        begun = json.loads(body)
        for created_at, report in self._database.query(
            "SELECT created_at, body FROM reports WHERE id = ? AND destination = ? AND state IN (?, ?)",
            id,
            destination,
            WAITING,
            SENDING,
        ):
            told = json.loads(report)
            record = Record.of_report(told)
            if has_ledger(begun) and record.ledger:
                if has_ended(record, begun):
                    return True
            elif created_at > began_at and not _is_start(told, begun):
                return True
        return False


def retract_failure(body: bytes) -> bytes:
    """Return a report that also takes back the result which a run has that was reported as dead."""
    return merged(json.dumps({"result": ""}).encode(), body)


def is_journaled(body: bytes) -> bool:
    """Whether a report may be one of a run whose process died."""
    return _MARK in body


def with_start(body: bytes) -> bytes:
    """Return what is written down of a run whose start is sent, too: the platform's record of that is no end."""
    return as_bytes({**json.loads(body), JOURNAL: {"start_sent": True}})


def _is_start(told: dict[str, Any], begun: dict[str, Any]) -> bool:
    """Whether a report may be that of a run's start."""
    is_sent = begun.get(JOURNAL, {}).get("start_sent", False)
    return bool(is_sent and told.get("is_success") is not False and not told.get("duration"))


def _died(body: bytes, began_at: float, seen_at: float) -> bytes:
    report = json.loads(body)
    # Until it was last heard of: when somebody notices says nothing of the run.
    seconds = round(max(seen_at - began_at, 0.0), 3)
    if has_ledger(report):
        report = with_duration(report, seconds)
    failure: dict[str, Any] = {"is_success": False, "result": DIED, "duration": seconds}
    return as_bytes({**report, **failure, JOURNAL: {**report.get(JOURNAL, {}), "began_at": began_at}})
