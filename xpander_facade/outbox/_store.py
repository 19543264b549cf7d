"""The reports of an outbox's file: storing and merging them, handing them out to be sent, what became of them.

A report is waiting, sending or quarantined. There is at most one in each state of one run (destination and id), so
that what is known of a run later joins what waits of it already, and does not overtake what is being sent.

A destination is a platform and an organisation there. Never the key: it comes from the process that sends.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from typing import TYPE_CHECKING, Final

import attrs

from xpander_facade.errors import OutboxFullError
from xpander_facade.outbox import _circuit_breaker
from xpander_facade.outbox._circuit_breaker import CircuitBreaker, RateLimit
from xpander_facade.outbox._merge import merged
from xpander_facade.outbox._process_identity import is_gone, this_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.configuration._outbox_settings import OutboxSettings
    from xpander_facade.outbox._database import Database

WAITING, SENDING, QUARANTINED = 0, 1, 2
STATES: Final = ("waiting", "sending", "quarantined")
"""What people call them."""
ON_ITS_WAY = 5.0
"""Seconds in which the last request of a dead process has arrived, or never will."""
Limits = tuple[CircuitBreaker, RateLimit]
_NOBODY = "-"
_log = logging.getLogger("xpander_facade")

_STORE = (
    "INSERT INTO reports (destination, id, agent_id, created_at, due, size, body) SELECT ?, ?, ?, ?, ?, ?, ?"
    " WHERE (SELECT reports < ? AND bytes + ? <= ? FROM totals) ON CONFLICT DO NOTHING"
)
_IS_FREE = "NOT EXISTS (SELECT 1 FROM reports WHERE id = next.id AND destination = next.destination AND state = 1)"
"""No earlier report of the run is being sent."""
_NEXT = (
    "SELECT rowid, id, agent_id, attempts, body FROM reports AS next"
    f" WHERE state = 0 AND destination = ? AND due <= ? AND {_IS_FREE} ORDER BY due LIMIT 1"
)
_NEXT_DUE = f"SELECT due FROM reports AS next WHERE state = 0 AND destination = ? AND {_IS_FREE} ORDER BY due LIMIT 1"


@attrs.frozen
class Claim:
    """A report that this process may send now.

    Args:
        rowid: Its number in the file.
        destination: The number of its destination.
        id: The run's id.
        agent_id: The agent that the run counts for.
        attempts: How often it was tried before.
        body: What is sent, as JSON.
        is_probe: Whether it tells whether a platform that was down is up again.
    """

    rowid: int
    destination: int
    id: str
    agent_id: str
    attempts: int
    body: bytes = attrs.field(repr=False)
    is_probe: bool


class Store:
    """The reports in one file, as one process sees them.

    Args:
        file: The file.
        settings: The bounds.
        clock: Gives the time in seconds since the epoch.
        jitter: Gives a random number from 0 to 1.
    """

    def __init__(
        self,
        file: Database,
        settings: OutboxSettings,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.database = file
        self.settings = settings
        self.clock = clock
        self._jitter = jitter
        self.owner = this_process()

    def destination(self, name: str) -> int:
        """Return the number of a destination; it gets one the first time."""
        found = self.database.query("SELECT destination FROM destinations WHERE name = ?", name)
        if not found:
            # The same in every file, so that it stays right where the file is deleted and made again.
            number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "replace")).digest()[:6], "big")
            self.database.execute(
                "INSERT INTO destinations (destination, name) VALUES (?, ?) ON CONFLICT DO NOTHING", number, name
            )
            found = self.database.query("SELECT destination FROM destinations WHERE name = ?", name)
        destination = int(found[0][0])
        self.database.destinations[destination] = name
        return destination

    # --- in ---

    def put(self, destination: int, id: str, agent_id: str, body: bytes) -> bool:
        """Store a report, or join it with what waits of its run already; False where there is no room for it."""
        now = self.clock()
        size = len(body)
        bounds = self.settings
        # Most reports are new and find room: they cost one statement.
        if self.database.execute(
            _STORE, destination, id, agent_id, now, now, size, body, bounds.max_reports, size, bounds.max_bytes
        ):
            return True
        with self.database.transaction():
            return self._join(destination, id, agent_id, body) or self._make_room(destination, id, agent_id, body)

    def _check_fits(self, size: int) -> None:
        """Check that a report of so many bytes fits into an empty file.

        Raises:
            OutboxFullError: It does not.
        """
        if size > self.settings.max_bytes:
            raise OutboxFullError(
                f"a report of {size} bytes never fits into the outbox {self.database.path}: raise max_bytes, which is "
                f"{self.settings.max_bytes}, or lower max_field_bytes"
            )

    def add(self, destination: int, id: str, agent_id: str, body: bytes) -> None:
        """Store a report whatever the bounds say, within a transaction of the caller."""
        if not self._join(destination, id, agent_id, body):
            now = self.clock()
            self.database.execute(_STORE, destination, id, agent_id, now, now, len(body), body, 1 << 62, 0, 1 << 62)

    def _join(self, destination: int, id: str, agent_id: str, body: bytes) -> bool:
        waiting = self.database.query(
            "SELECT rowid, body FROM reports WHERE id = ? AND destination = ? AND state = ?", id, destination, WAITING
        )
        if not waiting:
            return False
        rowid, older = waiting[0]
        joined = merged(older, body)
        self.database.execute(
            "UPDATE reports SET agent_id = ?, body = ?, size = ? WHERE rowid = ?", agent_id, joined, len(joined), rowid
        )
        return True

    def _make_room(self, destination: int, id: str, agent_id: str, body: bytes) -> bool:
        bounds = self.settings
        self._check_fits(len(body))
        if bounds.when_full == "drop_oldest" and not self._could_fit(len(body)):
            return False
        while True:
            ((reports, size),) = self.database.query("SELECT reports, bytes FROM totals")
            if reports < bounds.max_reports and size + len(body) <= bounds.max_bytes:
                self.add(destination, id, agent_id, body)
                return True
            if bounds.when_full != "drop_oldest" or not self._drop_oldest():
                return False

    def _could_fit(self, size: int) -> bool:
        """Whether there would be room once everything was dropped that may be."""
        ((reports, sending),) = self.database.query(
            "SELECT count(*), coalesce(sum(size), 0) FROM reports WHERE state = 1"
        )
        return bool(reports < self.settings.max_reports and sending + size <= self.settings.max_bytes)

    def _drop_oldest(self) -> bool:
        # What the platform has refused goes before what it was not asked yet.
        oldest = self.database.query(
            "SELECT rowid, destination, id FROM reports WHERE state = 2 ORDER BY created_at LIMIT 1"
        ) or self.database.query("SELECT rowid, destination, id FROM reports WHERE state = 0 ORDER BY rowid LIMIT 1")
        for rowid, destination, id in oldest:
            self._drop(rowid, destination, id, "the outbox is full")
        return bool(oldest)

    def _drop(self, rowid: int, destination: int, id: str, reason: str) -> None:
        self.database.execute("DELETE FROM reports WHERE rowid = ?", rowid)
        self.database.execute("UPDATE destinations SET dropped = dropped + 1 WHERE destination = ?", destination)
        _log.warning("outbox %s: the report of run %s was dropped: %s", self.database.path, id, reason)

    def full(self) -> OutboxFullError:
        """Return what to raise where there is no room."""
        ((reports, size),) = self.database.query("SELECT reports, bytes FROM totals")
        return OutboxFullError(
            f"the outbox {self.database.path} is full ({reports} reports, {size} bytes): raise max_reports or "
            "max_bytes, let it drop_oldest, or see with `xpander-facade outbox status` why it does not empty"
        )

    # --- out ---

    def claim(self, destination: int, longest_send: float) -> Claim | None:
        """Take the oldest report of a destination that is due; None where there is none, or its limits say to wait.

        Args:
            destination: The destination's number.
            longest_send: Seconds that sending may take; past them others may send the report.
        """
        now = self.clock()
        opens_at = _opens_at(self.limits(destination))
        # Looking costs little; a turn at writing is asked for only where there is something to do.
        if now < opens_at or not self.database.query(_NEXT, destination, now):
            return None
        with self.database.transaction():
            limits = breaker, rate = self.limits(destination)
            found = self.database.query(_NEXT, destination, now) if now >= _opens_at(limits) else []
            if not found:
                return None
            rowid, id, agent_id, attempts, body = found[0]
            self.database.execute(
                "UPDATE reports SET state = ?, attempts = attempts + 1, owner = ?, lease_until = ? WHERE rowid = ?",
                SENDING,
                self.owner,
                now + longest_send,
                rowid,
            )
            started = breaker.started(now, longest_send=longest_send)
            self._set_limits(destination, limits, (started, rate.taken(now, self.settings.seconds_per_report)))
            return Claim(rowid, destination, id, agent_id, attempts, body, breaker.is_down)

    def sent(self, claim: Claim) -> None:
        """Note that the platform has a report."""
        with self.database.transaction():
            if self.database.execute("DELETE FROM reports WHERE rowid = ? AND owner = ?", claim.rowid, self.owner):
                self.database.execute(
                    "UPDATE destinations SET sent = sent + 1 WHERE destination = ?", claim.destination
                )
            limits = breaker, rate = self.limits(claim.destination)
            self._set_limits(claim.destination, limits, (breaker.succeeded(), rate))

    def failed(self, claim: Claim, reason: str, *, throttled: bool, retry_after: float | None) -> None:
        """Let a report wait for another try."""
        now = self.clock()
        with self.database.transaction():
            limits = breaker, rate = self.limits(claim.destination)
            is_open = throttled and retry_after is None
            failed = breaker.failed(now, was_probe=claim.is_probe, is_open=is_open, jitter=self._jitter())
            self._set_limits(claim.destination, limits, (failed, rate.asked_to_wait(now, retry_after)))
            due = now + _circuit_breaker.delay(claim.attempts + 1, self._jitter())
            self._return(claim.rowid, due, reason)

    def release(self, claim: Claim, reason: str) -> None:
        """Give a report back untried: this process can't send it, another one may."""
        with self.database.transaction():
            self.database.execute("UPDATE reports SET attempts = attempts - 1 WHERE rowid = ?", claim.rowid)
            self._return(claim.rowid, self.clock(), reason)
            if claim.is_probe:
                self.database.execute("UPDATE destinations SET open_until = 0 WHERE destination = ?", claim.destination)

    def refuse(self, claim: Claim, reason: str) -> None:
        """Put a report that the platform will not take into quarantine."""
        with self.database.transaction():
            found = self.database.query(
                "SELECT body FROM reports WHERE rowid = ? AND owner = ?", claim.rowid, self.owner
            )
            if found:
                self._settle_in(QUARANTINED, claim.rowid, found[0][0])
                self.database.execute("UPDATE reports SET reason = ? WHERE rowid = ?", reason, claim.rowid)
                self.database.execute(
                    "UPDATE destinations SET refused = refused + 1 WHERE destination = ?", claim.destination
                )
            limits = breaker, rate = self.limits(claim.destination)
            self._set_limits(claim.destination, limits, (breaker.succeeded(), rate))

    def free_abandoned(self) -> None:
        """Give back what was being sent by processes that are gone, or that were not heard of for too long."""
        sending = self.database.query("SELECT rowid, owner, lease_until FROM reports WHERE state = ?", SENDING)
        now = self.clock()
        for rowid, owner, lease_until in sending:
            if lease_until < now:
                with self.database.transaction():
                    self._return(rowid, now, "the process that was sending it is gone", owner)
            elif owner not in (self.owner, _NOBODY) and is_gone(owner):
                # What it sent last may still be on its way, and must not arrive after what is sent next of the run.
                self.database.execute(
                    "UPDATE reports SET owner = ?, lease_until = min(lease_until, ?) WHERE rowid = ? AND owner = ?",
                    _NOBODY,
                    now + ON_ITS_WAY,
                    rowid,
                    owner,
                )

    def requeue(self, rowid: int) -> None:
        """Let a report in quarantine be sent again, within a transaction of the caller."""
        ((body,),) = self.database.query("SELECT body FROM reports WHERE rowid = ?", rowid)
        self._settle_in(WAITING, rowid, body)
        self.database.execute("UPDATE reports SET due = ? WHERE rowid = ?", self.clock(), rowid)

    def _return(self, rowid: int, due: float, reason: str, owner: str | None = None) -> None:
        found = self.database.query(
            "SELECT body FROM reports WHERE rowid = ? AND owner = ?", rowid, owner or self.owner
        )
        if found:
            self._settle_in(WAITING, rowid, found[0][0])
            self.database.execute("UPDATE reports SET due = ?, reason = ? WHERE rowid = ?", due, reason, rowid)

    def _settle_in(self, state: int, rowid: int, body: bytes) -> None:
        """Move a report to a state; where another one of its run is in it already, the two become one."""
        others = self.database.query(
            "SELECT other.rowid, other.body, other.agent_id FROM reports AS other"
            " JOIN reports AS this USING (id, destination)"
            " WHERE this.rowid = ? AND other.state = ? AND other.rowid != this.rowid",
            rowid,
            state,
        )
        for other, other_body, agent_id in others:
            body = merged(body, other_body) if other > rowid else merged(other_body, body)
            self.database.execute("DELETE FROM reports WHERE rowid = ?", other)
            if other > rowid:
                self.database.execute("UPDATE reports SET agent_id = ? WHERE rowid = ?", agent_id, rowid)
        self.database.execute(
            "UPDATE reports SET state = ?, owner = NULL, lease_until = NULL, body = ?, size = ? WHERE rowid = ?",
            state,
            body,
            len(body),
            rowid,
        )

    # --- limits ---

    def limits(self, destination: int) -> Limits:
        """Return the circuit breaker and the rate limit of a destination."""
        ((failures, open_until, open_seconds, next_at, next_seconds),) = self.database.query(
            "SELECT failures, open_until, open_seconds, next_at, next_seconds FROM destinations WHERE destination = ?",
            destination,
        )
        found = CircuitBreaker(failures, open_until, open_seconds), RateLimit(next_at, next_seconds)
        now = self.clock()
        bounded = found[0].bounded(now), found[1].bounded(now)
        # The clock was put back. Written down, since otherwise the wait would begin anew with each look.
        self._set_limits(destination, found, bounded)
        return bounded

    def _set_limits(self, destination: int, before: Limits, limits: Limits) -> None:
        if limits != before:
            breaker, rate = limits
            self.database.execute(
                "UPDATE destinations SET failures = ?, open_until = ?, open_seconds = ?, next_at = ?, next_seconds = ?"
                " WHERE destination = ?",
                breaker.failures,
                breaker.open_until,
                breaker.seconds,
                rate.next_at,
                rate.seconds,
                destination,
            )

    def retry_now(self, destination: int) -> None:
        """Let what waits for another try be tried at once; what the platform or the rate asked for stays."""
        now = self.clock()
        self.database.execute(
            "UPDATE destinations SET open_until = 0 WHERE destination = ? AND open_until > 0", destination
        )
        self.database.execute(
            "UPDATE reports SET due = ? WHERE destination = ? AND state = 0 AND due > ?", now, destination, now
        )

    def next_due(self, destination: int) -> float | None:
        """Return the time at which the next report of a destination can leave; None where none can."""
        due = self.database.query(_NEXT_DUE, destination)
        if due and due[0][0] > self.clock() + _circuit_breaker.MAX_DELAY:
            self.retry_now(destination)  # nobody has to wait so long: the clock was put back
        return max(due[0][0], _opens_at(self.limits(destination))) if due else None

    # --- counts ---

    def stored_until(self, destination: int) -> float:
        """Return a time by which all that waits for a destination was stored, even if the clock was put back since."""
        ((newest,),) = self.database.query(
            "SELECT max(created_at) FROM reports WHERE state = 0 AND destination = ?", destination
        )
        return max(self.clock(), newest or 0.0)

    def unsent(self, destination: int, stored_until: float) -> int:
        """Return how many reports of a destination, of those stored until then, are still to be sent or being sent."""
        ((waiting,),) = self.database.query(
            "SELECT count(*) FROM reports WHERE state = 0 AND destination = ? AND created_at <= ?",
            destination,
            stored_until,
        )
        ((sending,),) = self.database.query(
            "SELECT count(*) FROM reports WHERE state = 1 AND destination = ? AND created_at <= ?",
            destination,
            stored_until,
        )
        return int(waiting) + int(sending)

    def has_unsent(self, destination: int, stored_until: float) -> bool:
        """Whether `unsent` would be more than 0; much faster where it is many."""
        return any(
            self.database.query(
                f"SELECT 1 FROM reports WHERE state = {state} AND destination = ? AND created_at <= ? LIMIT 1",
                destination,
                stored_until,
            )
            for state in (WAITING, SENDING)
        )

    def is_sending(self, destination: int) -> bool:
        """Whether some process is sending a report of a destination."""
        return bool(
            self.database.query("SELECT 1 FROM reports WHERE state = 1 AND destination = ? LIMIT 1", destination)
        )

    def sent_and_refused(self, destination: int) -> tuple[int, int]:
        """Return how many reports of a destination the platform took, and refused, since the file was made."""
        ((sent, refused),) = self.database.query(
            "SELECT sent, refused FROM destinations WHERE destination = ?", destination
        )
        return int(sent), int(refused)

    # --- bounds ---

    def drop_expired(self) -> None:
        """Drop the reports that are older than they may be."""
        oldest = self.clock() - self.settings.max_age
        if not any(
            row[0] < oldest for row in self.database.query("SELECT created_at FROM reports ORDER BY rowid LIMIT 1")
        ):
            return
        with self.database.transaction():
            for rowid, destination, id in self.database.query(
                "SELECT rowid, destination, id FROM reports WHERE created_at < ? AND state != ?", oldest, SENDING
            ):
                self._drop(rowid, destination, id, f"it is older than {self.settings.max_age:g} s")


def _opens_at(limits: Limits) -> float:
    breaker, rate = limits
    return max(breaker.open_until, rate.next_at)
