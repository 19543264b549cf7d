"""The reports of an outbox's file: storing and merging them, bounds, ages, and how the platforms are doing.

A report is waiting, sending or quarantined (a dead letter). There is at most one in each state of one run (destination
and id), so that what is known of a run later joins what waits of it already, and does not overtake what is being sent.

A destination is a platform and an organisation there. Never the key: it comes from the process that sends.
"""

from __future__ import annotations

import hashlib
import logging
import math
import random
import time
from typing import TYPE_CHECKING, Final

import attrs

from xpander_facade.errors import OutboxFullError
from xpander_facade.outbox import _arrivals
from xpander_facade.outbox._ages import Ages
from xpander_facade.outbox._arrivals import CONFIRMING as CONFIRMING
from xpander_facade.outbox._circuit_breaker import CircuitBreaker, RateLimit
from xpander_facade.outbox._hooks import Hooks
from xpander_facade.outbox._merge import merged
from xpander_facade.outbox._process_identity import this_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.configuration._outbox_settings import OutboxSettings
    from xpander_facade.outbox._database import Database

WAITING, SENDING, QUARANTINED = 0, 1, 2
STATES: Final = ("waiting", "sending", "quarantined")
"""What people call them."""
CONFIRM_AFTER = 3.0
"""Seconds after which that is done, and up to half as many more: another host has read a record and written it then."""
BATCH = 500
"""So many reports are dropped, merged or given back in one transaction at most."""
_TAKEN_IN = 100
"""So many that have come are taken in in one: whoever stores reports waits for it."""
_log = logging.getLogger("xpander_facade")

_STORE_CLAIMED = (
    "INSERT INTO reports (destination, id, agent_id, created_at, due, size, body, state, attempts, owner, lease_until,"
    " lease) SELECT ?, ?, ?, ?, ?, ?, ?, 1, 1, ?, ?, ? WHERE (SELECT reports < ? AND bytes + ? <= ? FROM totals)"
    " AND NOT EXISTS (SELECT 1 FROM reports WHERE id = ? AND destination = ? AND state = 0) ON CONFLICT DO NOTHING"
)
# One of our own: programs seed the global one, and expect their own numbers from it.
_random = random.Random()
_LIMITS = "failures, open_until, open_seconds, next_at, next_seconds, pace, cycle_began, cycle_sent"


@attrs.frozen
class Limits:
    """When the next report may leave for a destination.

    Args:
        breaker: Closed, open or half-open: whether the platform is up.
        rate: What the platform or the settings allow.
    """

    breaker: CircuitBreaker
    rate: RateLimit

    @property
    def opens_at(self) -> float:
        """The time from which the next report may leave."""
        return max(self.breaker.open_until, self.rate.next_at)

    def bounded(self, now: float) -> Limits:
        """Return limits that no step of the clock prolongs."""
        breaker, rate = self.breaker.bounded(now), self.rate.bounded(now)
        return self if breaker is self.breaker and rate is self.rate else Limits(breaker, rate)


class Store:
    """The reports in one file, as one process sees them.

    Args:
        database: The file.
        settings: The bounds.
        clock: Gives the time in seconds since the epoch.
        jitter: Gives a random number from 0 to 1.
    """

    def __init__(
        self,
        database: Database,
        settings: OutboxSettings,
        clock: Callable[[], float] = lambda: time.time(),
        jitter: Callable[[], float] = _random.random,
    ) -> None:
        self.database = database
        self.settings = settings
        self.clock = clock
        self.jitter = jitter
        self.owner = this_process()
        self.ages = Ages()
        self.hooks = Hooks(database, lambda: self.settings)

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

    # --- storing ---

    def put(self, destination: int, id: str, agent_id: str, body: bytes) -> bool:
        """Store a report, which joins what waits of its run already; False where there is no room for it."""
        if self._insert(_arrivals.STORE, destination, id, agent_id, body):
            return True
        with self.hooks.after(), self.database.transaction():
            self.take_in()
            return self._join(destination, id, agent_id, body) or self._make_room(destination, id, agent_id, body)

    def put_end(self, destination: int, id: str, agent_id: str, body: bytes, owner: str) -> bool:
        """Store the report of a run that is written down as a process's, and remove that, by one statement.

        Returns:
            Whether that was done; not where the run is not written down as that process's, or there is no room.
        """
        return self._insert(_arrivals.END, destination, id, agent_id, body, owner)

    def _insert(self, statement: str, destination: int, id: str, agent_id: str, body: bytes, *owner: str) -> bool:
        if not self.ages.has_begun:
            self._note_ages()
        bounds, size = self.settings, len(body)
        return (
            self.database.execute(
                statement,
                bounds.max_reports,
                size,
                bounds.max_bytes,
                destination,
                id,
                agent_id,
                self.clock(),
                body,
                *owner,
            )
            > 0
        )

    def insert_claimed(
        self, destination: int, id: str, agent_id: str, body: bytes, lease_until: float, lease: float
    ) -> int | None:
        """Store a report that this process sends now, within a transaction of the caller; return its number.

        None, and nothing is stored, where one of its run is there already, or there is no room.

        Args:
            destination: The destination's number.
            id: The run's id.
            agent_id: The agent that the run counts for.
            body: What is sent, as JSON.
            lease_until: Until when others leave it to this process.
            lease: How many seconds that are.
        """
        if not self.ages.has_begun:
            self._note_ages()
        self.take_in()  # it may be of the run
        now = self.clock()
        size = len(body)
        bounds = self.settings
        stored = self.database.execute(
            _STORE_CLAIMED,
            *(destination, id, agent_id, now, now, size, body, self.owner, lease_until, lease),
            *(bounds.max_reports, size, bounds.max_bytes, id, destination),
        )
        return int(self.database.query("SELECT last_insert_rowid()")[0][0]) if stored else None

    def take_in(self) -> None:
        """Move what has come by now into the table of reports, some at a time unless within a transaction.

        Whoever sends reports, or decides by what there is, does it before.
        """
        for _ in range(0, _arrivals.pending(self.database.query), _TAKEN_IN):
            with self.database.transaction():
                _arrivals.take_in(self.database.query, self.clock(), _TAKEN_IN)

    def add(self, destination: int, id: str, agent_id: str, body: bytes) -> None:
        """Store a report whatever the bounds say, within a transaction of the caller, who has taken in what came."""
        if not self._join(destination, id, agent_id, body):
            now = self.clock()
            self.database.execute(
                "INSERT INTO reports (destination, id, agent_id, created_at, due, size, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                *(destination, id, agent_id, now, now, len(body), body),
            )

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

    def _join(self, destination: int, id: str, agent_id: str, body: bytes) -> bool:
        return _arrivals.join(self.database.query, self.clock(), destination, id, agent_id, body)

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
            "SELECT rowid, destination FROM reports WHERE state = 2 ORDER BY created_at LIMIT 1"
        ) or self.database.query("SELECT rowid, destination FROM reports WHERE state = 0 ORDER BY rowid LIMIT 1")
        for rowid, destination in oldest:
            self._drop(rowid, destination, "the outbox is full")
        return bool(oldest)

    def _drop(self, rowid: int, destination: int, reason: str) -> None:
        # What the platform has is no loss.
        if self.database.execute("DELETE FROM reports WHERE rowid = ? AND reason IS ?", rowid, CONFIRMING):
            return
        self.hooks.note_dropped(rowid, reason)
        self.database.execute("DELETE FROM reports WHERE rowid = ?", rowid)
        self.database.execute("UPDATE destinations SET dropped = dropped + 1 WHERE destination = ?", destination)

    def full(self) -> OutboxFullError:
        """Return what to raise where there is no room."""
        ((reports, size),) = self.database.query("SELECT reports, bytes FROM totals")
        return OutboxFullError(
            f"the outbox {self.database.path} is full ({reports} reports, {size} bytes): raise max_reports or "
            "max_bytes, let it drop_oldest, or see with `xpander-facade outbox status` why it does not empty"
        )

    def settle_in(self, state: int, rowid: int, body: bytes) -> None:
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
            # The other one is still to be sent.
            self.database.execute("UPDATE reports SET reason = nullif(reason, ?) WHERE rowid = ?", CONFIRMING, rowid)
        self.database.execute(
            "UPDATE reports SET state = ?, owner = NULL, lease_until = NULL, body = ?, size = ? WHERE rowid = ?",
            state,
            body,
            len(body),
            rowid,
        )

    def requeue(self, rowid: int) -> None:
        """Let a report in quarantine be sent again, within a transaction of the caller."""
        ((body,),) = self.database.query("SELECT body FROM reports WHERE rowid = ?", rowid)
        self.settle_in(WAITING, rowid, body)
        self.database.execute("UPDATE reports SET due = ? WHERE rowid = ?", self.clock(), rowid)

    # --- limits ---

    def limits(self, destination: int) -> Limits:
        """Return the circuit breaker and the rate limit of a destination."""
        ((failures, open_until, open_seconds, *rate),) = self.database.query(
            f"SELECT {_LIMITS} FROM destinations WHERE destination = ?", destination
        )
        found = Limits(CircuitBreaker(failures, open_until, open_seconds), RateLimit(*rate))
        bounded = found.bounded(self.clock())
        # The clock was put back. Written down, since otherwise the wait would begin anew with each look.
        self.set_limits(destination, found, bounded)
        return bounded

    def set_limits(self, destination: int, before: Limits, limits: Limits, *, sent: int = 0, refused: int = 0) -> None:
        """Write the limits of a destination down, where they have changed, and count what was sent and refused."""
        if sent or refused or (limits is not before and limits != before):
            breaker, rate = limits.breaker, limits.rate
            self.database.execute(
                f"UPDATE destinations SET ({_LIMITS}, sent, refused)"
                " = (?, ?, ?, ?, ?, ?, ?, ?, sent + ?, refused + ?) WHERE destination = ?",
                breaker.failures,
                breaker.open_until,
                breaker.seconds,
                rate.next_at,
                rate.seconds,
                rate.pace,
                rate.cycle_began,
                rate.cycle_sent,
                sent,
                refused,
                destination,
            )

    def retry_now(self, destination: int) -> None:
        """Let what waits for another try be tried at once; what the platform or the rate asked for stays."""
        now = self.clock()
        self.database.execute(
            "UPDATE destinations SET open_until = 0 WHERE destination = ? AND open_until > 0", destination
        )
        self.database.execute(
            "UPDATE reports SET due = ? WHERE destination = ? AND state = 0 AND due > ?"
            " AND (reason IS NOT ? OR due > ?)",
            now,
            destination,
            now,
            CONFIRMING,
            now + 2 * CONFIRM_AFTER,
        )

    # --- counts ---

    def stored_until(self, destination: int) -> float:
        """Return a time by which all that waits for a destination was stored, even if the clock was put back since."""
        ((newest, last),) = self.database.query(
            "SELECT (SELECT max(created_at) FROM reports WHERE state = 0 AND destination = ? AND reason IS NOT ?),"
            " (SELECT max(created_at) FROM arrivals WHERE destination = ?)",
            *(destination, CONFIRMING, destination),
        )
        return max(self.clock(), newest or 0.0, last or 0.0)

    def unsent(self, destination: int, stored_until: float) -> int:
        """Return how many reports of a destination, of those stored until then, are to be sent or being sent."""
        of_state = (
            "SELECT count(*) FROM reports WHERE state = {} AND destination = ? AND created_at <= ? AND reason IS NOT ?"
        )
        return int(
            # In one statement: between two, a report could go from one state to the other and be seen in neither.
            self.database.query(
                f"SELECT ({of_state.format(WAITING)}) + ({of_state.format(SENDING)})"
                " + (SELECT count(*) FROM arrivals WHERE destination = ? AND created_at <= ?)",
                *(destination, stored_until, CONFIRMING) * 2,
                *(destination, stored_until),
            )[0][0]
        )

    def unsent_states(self, destination: int, stored_until: float = math.inf) -> tuple[bool, bool]:
        """Tell of those that `unsent` counts whether any waits, and whether any is being sent."""
        of_state = (
            "EXISTS (SELECT 1 FROM reports WHERE state = {} AND destination = ? AND created_at <= ?"
            " AND reason IS NOT ?)"
        )
        ((waits, is_sending),) = self.database.query(
            "SELECT EXISTS (SELECT 1 FROM arrivals WHERE destination = ? AND created_at <= ?)"
            f" OR {of_state.format(WAITING)}, {of_state.format(SENDING)}",
            *(destination, stored_until),
            *(destination, stored_until, CONFIRMING) * 2,
        )
        return bool(waits), bool(is_sending)

    def has_waiting(self, destination: int) -> bool:
        """Whether any report of a destination waits, for whatever."""
        ((waits,),) = self.database.query(
            "SELECT EXISTS (SELECT 1 FROM reports WHERE state = 0 AND destination = ?)"
            " OR EXISTS (SELECT 1 FROM arrivals WHERE destination = ?)",
            *(destination, destination),
        )
        return bool(waits)

    def is_confirming(self, destination: int) -> bool:
        """Whether a report of a destination waits to be compared with the platform's record."""
        return bool(
            self.database.query(
                "SELECT 1 FROM reports WHERE state = 0 AND destination = ? AND reason IS ? LIMIT 1",
                destination,
                CONFIRMING,
            )
        )

    def confirming(self, destination: int | None = None) -> dict[int, int]:
        """Return how many reports that the platform has are to be compared with its record, by their states."""
        found = self.database.query(
            "SELECT state, count(*) FROM reports WHERE reason IS ? AND destination = coalesce(?, destination)"
            " GROUP BY state",
            CONFIRMING,
            destination,
        )
        return dict(found)

    def is_sending(self, destination: int) -> bool:
        """Whether some process is sending a report of a destination."""
        return bool(
            self.database.query("SELECT 1 FROM reports WHERE state = 1 AND destination = ? LIMIT 1", destination)
        )

    # --- ages ---

    def drop_expired(self) -> None:
        """Drop the reports that are older than they may be, some at a time; never one that came while this watched."""
        self.take_in()
        first_new = self._note_ages()
        oldest = self.clock() - self.settings.max_age
        while True:
            expired = self.database.query(
                # What is being sent may have arrived: its outcome decides.
                "SELECT rowid, destination FROM reports WHERE rowid < ? AND created_at < ? AND state != ?"
                " ORDER BY rowid LIMIT ?",
                first_new,
                oldest,
                SENDING,
                BATCH,
            )
            if not expired:
                return
            with self.hooks.after(), self.database.transaction():
                for rowid, destination in expired:
                    self._drop(rowid, destination, f"it is older than {self.settings.max_age:g} s")

    def _note_ages(self) -> int:
        ((newest,),) = self.database.query("SELECT coalesce(max(rowid), 0) FROM reports")
        newest += _arrivals.pending(self.database.query)  # they get the next numbers
        return self.ages.note(newest, self.settings.max_age)
