"""Own the reports of an outbox's file: storing and merging them, handing them out to be sent, what became of them.

A report is waiting, sending or quarantined. There is at most one in each state of one run (place and id), so that what
is known of a run later joins what waits of it already, and does not overtake what is being sent.

A place is a platform and an organisation there. Never the key: it comes from the process that sends.
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
from xpander_facade.outbox._circuit_breaker import Pace
from xpander_facade.outbox._merge import merged
from xpander_facade.outbox._process_identity import is_gone, this_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.configuration._outbox_settings import OutboxSettings
    from xpander_facade.outbox._database import OutboxFile

WAITING, SENDING, QUARANTINED = 0, 1, 2
STATES: Final = ("waiting", "sending", "quarantined")
"""What people call them."""
ON_ITS_WAY = 5.0
"""Seconds in which the last request of a dead process has arrived, or never will."""
_NOBODY = "-"
_log = logging.getLogger("xpander_facade")

_STORE = (
    "INSERT INTO reports (place, id, agent_id, created_at, due, size, body) SELECT ?, ?, ?, ?, ?, ?, ?"
    " WHERE (SELECT reports < ? AND bytes + ? <= ? FROM totals) ON CONFLICT DO NOTHING"
)
_IS_FREE = "NOT EXISTS (SELECT 1 FROM reports WHERE id = next.id AND place = next.place AND state = 1)"
"""No earlier report of the run is being sent."""
_NEXT = (
    "SELECT n, id, agent_id, attempts, body FROM reports AS next"
    f" WHERE state = 0 AND place = ? AND due <= ? AND {_IS_FREE} ORDER BY due LIMIT 1"
)
_NEXT_DUE = f"SELECT due FROM reports AS next WHERE state = 0 AND place = ? AND {_IS_FREE} ORDER BY due LIMIT 1"


@attrs.frozen
class Claim:
    """A report that this process may send now.

    Args:
        n: Its number in the file.
        place: The number of its place.
        id: The run's id.
        agent_id: The agent that the run counts for.
        attempts: How often it was tried before.
        body: What is sent, as JSON.
        is_probe: Whether it tells whether a platform that was down is up again.
    """

    n: int
    place: int
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
        chance: Gives a random number from 0 to 1.
    """

    def __init__(
        self,
        file: OutboxFile,
        settings: OutboxSettings,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.file = file
        self.settings = settings
        self.clock = clock
        self._chance = chance
        self.owner = this_process()

    def place(self, name: str) -> int:
        """Return the number of a place; it gets one the first time."""
        found = self.file.rows("SELECT place FROM places WHERE name = ?", name)
        if not found:
            # The same in every file, so that it stays right where the file is deleted and made again.
            number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "replace")).digest()[:6], "big")
            self.file.run("INSERT INTO places (place, name) VALUES (?, ?) ON CONFLICT DO NOTHING", number, name)
            found = self.file.rows("SELECT place FROM places WHERE name = ?", name)
        place = int(found[0][0])
        self.file.places[place] = name
        return place

    # --- in ---

    def put(self, place: int, id: str, agent_id: str, body: bytes) -> bool:
        """Store a report, or join it with what waits of its run already; False where there is no room for it."""
        now = self.clock()
        size = len(body)
        bounds = self.settings
        # Most reports are new and find room: they cost one statement.
        if self.file.run(_STORE, place, id, agent_id, now, now, size, body, bounds.max_reports, size, bounds.max_bytes):
            return True
        with self.file.writing():
            return self._join(place, id, agent_id, body) or self._make_room(place, id, agent_id, body)

    def _check_fits(self, size: int) -> None:
        """Check that a report of so many bytes fits into an empty file.

        Raises:
            OutboxFullError: It does not.
        """
        if size > self.settings.max_bytes:
            raise OutboxFullError(
                f"a report of {size} bytes never fits into the outbox {self.file.path}: raise max_bytes, which is "
                f"{self.settings.max_bytes}, or lower max_field_bytes"
            )

    def add(self, place: int, id: str, agent_id: str, body: bytes) -> None:
        """Store a report whatever the bounds say, within a transaction of the caller."""
        if not self._join(place, id, agent_id, body):
            now = self.clock()
            self.file.run(_STORE, place, id, agent_id, now, now, len(body), body, 1 << 62, 0, 1 << 62)

    def _join(self, place: int, id: str, agent_id: str, body: bytes) -> bool:
        waiting = self.file.rows(
            "SELECT n, body FROM reports WHERE id = ? AND place = ? AND state = ?", id, place, WAITING
        )
        if not waiting:
            return False
        n, older = waiting[0]
        joined = merged(older, body)
        self.file.run(
            "UPDATE reports SET agent_id = ?, body = ?, size = ? WHERE n = ?", agent_id, joined, len(joined), n
        )
        return True

    def _make_room(self, place: int, id: str, agent_id: str, body: bytes) -> bool:
        bounds = self.settings
        self._check_fits(len(body))
        if bounds.when_full == "drop_oldest" and not self._could_fit(len(body)):
            return False
        while True:
            ((reports, size),) = self.file.rows("SELECT reports, bytes FROM totals")
            if reports < bounds.max_reports and size + len(body) <= bounds.max_bytes:
                self.add(place, id, agent_id, body)
                return True
            if bounds.when_full != "drop_oldest" or not self._drop_oldest():
                return False

    def _could_fit(self, size: int) -> bool:
        """Whether there would be room once everything was dropped that may be."""
        ((reports, sending),) = self.file.rows("SELECT count(*), coalesce(sum(size), 0) FROM reports WHERE state = 1")
        return bool(reports < self.settings.max_reports and sending + size <= self.settings.max_bytes)

    def _drop_oldest(self) -> bool:
        # What the platform has refused goes before what it was not asked yet.
        oldest = self.file.rows(
            "SELECT n, place, id FROM reports WHERE state = 2 ORDER BY created_at LIMIT 1"
        ) or self.file.rows("SELECT n, place, id FROM reports WHERE state = 0 ORDER BY n LIMIT 1")
        for n, place, id in oldest:
            self._drop(n, place, id, "the outbox is full")
        return bool(oldest)

    def _drop(self, n: int, place: int, id: str, reason: str) -> None:
        self.file.run("DELETE FROM reports WHERE n = ?", n)
        self.file.run("UPDATE places SET dropped = dropped + 1 WHERE place = ?", place)
        _log.warning("outbox %s: the report of run %s was dropped: %s", self.file.path, id, reason)

    def full(self) -> OutboxFullError:
        """Return what to raise where there is no room."""
        ((reports, size),) = self.file.rows("SELECT reports, bytes FROM totals")
        return OutboxFullError(
            f"the outbox {self.file.path} is full ({reports} reports, {size} bytes): raise max_reports or max_bytes, "
            "let it drop_oldest, or see with `xpander-facade outbox status` why it does not empty"
        )

    # --- out ---

    def claim(self, place: int, longest_send: float) -> Claim | None:
        """Take the oldest report of a place that is due; None where there is none, or its pace says to wait.

        Args:
            place: The place's number.
            longest_send: Seconds that sending may take; past them others may send the report.
        """
        now = self.clock()
        pace = self.pace(place)
        # Looking costs little; a turn at writing is asked for only where there is something to do.
        if now < pace.opens_at or not self.file.rows(_NEXT, place, now):
            return None
        with self.file.writing():
            pace = self.pace(place)
            found = self.file.rows(_NEXT, place, now) if now >= pace.opens_at else []
            if not found:
                return None
            n, id, agent_id, attempts, body = found[0]
            self.file.run(
                "UPDATE reports SET state = ?, attempts = attempts + 1, owner = ?, lease_until = ? WHERE n = ?",
                SENDING,
                self.owner,
                now + longest_send,
                n,
            )
            spacing = self.settings.seconds_per_report
            self._set_pace(place, pace, _circuit_breaker.started(pace, now, spacing=spacing, longest_send=longest_send))
            return Claim(n, place, id, agent_id, attempts, body, pace.is_down)

    def sent(self, claim: Claim) -> None:
        """Note that the platform has a report."""
        with self.file.writing():
            if self.file.run("DELETE FROM reports WHERE n = ? AND owner = ?", claim.n, self.owner):
                self.file.run("UPDATE places SET sent = sent + 1 WHERE place = ?", claim.place)
            pace = self.pace(claim.place)
            self._set_pace(claim.place, pace, _circuit_breaker.succeeded(pace))

    def failed(self, claim: Claim, reason: str, *, throttled: bool, retry_after: float | None) -> None:
        """Let a report wait for another try."""
        now = self.clock()
        with self.file.writing():
            pace = self.pace(claim.place)
            slower = _circuit_breaker.failed(
                pace,
                now,
                was_probe=claim.is_probe,
                throttled=throttled,
                retry_after=retry_after,
                chance=self._chance(),
            )
            self._set_pace(claim.place, pace, slower)
            due = now + _circuit_breaker.delay(claim.attempts + 1, self._chance())
            self._return(claim.n, due, reason)

    def release(self, claim: Claim, reason: str) -> None:
        """Give a report back untried: this process can't send it, another one may."""
        with self.file.writing():
            self.file.run("UPDATE reports SET attempts = attempts - 1 WHERE n = ?", claim.n)
            self._return(claim.n, self.clock(), reason)
            if claim.is_probe:
                self.file.run("UPDATE places SET paused_until = 0 WHERE place = ?", claim.place)

    def refuse(self, claim: Claim, reason: str) -> None:
        """Put a report that the platform will not take into quarantine."""
        with self.file.writing():
            found = self.file.rows("SELECT body FROM reports WHERE n = ? AND owner = ?", claim.n, self.owner)
            if found:
                self._settle_in(QUARANTINED, claim.n, found[0][0])
                self.file.run("UPDATE reports SET reason = ? WHERE n = ?", reason, claim.n)
                self.file.run("UPDATE places SET refused = refused + 1 WHERE place = ?", claim.place)
            pace = self.pace(claim.place)
            self._set_pace(claim.place, pace, _circuit_breaker.succeeded(pace))

    def free_abandoned(self) -> None:
        """Give back what was being sent by processes that are gone, or that were not heard of for too long."""
        sending = self.file.rows("SELECT n, owner, lease_until FROM reports WHERE state = ?", SENDING)
        now = self.clock()
        for n, owner, lease_until in sending:
            if lease_until < now:
                with self.file.writing():
                    self._return(n, now, "the process that was sending it is gone", owner)
            elif owner not in (self.owner, _NOBODY) and is_gone(owner):
                # What it sent last may still be on its way, and must not arrive after what is sent next of the run.
                self.file.run(
                    "UPDATE reports SET owner = ?, lease_until = min(lease_until, ?) WHERE n = ? AND owner = ?",
                    _NOBODY,
                    now + ON_ITS_WAY,
                    n,
                    owner,
                )

    def requeue(self, n: int) -> None:
        """Let a report in quarantine be sent again, within a transaction of the caller."""
        ((body,),) = self.file.rows("SELECT body FROM reports WHERE n = ?", n)
        self._settle_in(WAITING, n, body)
        self.file.run("UPDATE reports SET due = ? WHERE n = ?", self.clock(), n)

    def _return(self, n: int, due: float, reason: str, owner: str | None = None) -> None:
        found = self.file.rows("SELECT body FROM reports WHERE n = ? AND owner = ?", n, owner or self.owner)
        if found:
            self._settle_in(WAITING, n, found[0][0])
            self.file.run("UPDATE reports SET due = ?, reason = ? WHERE n = ?", due, reason, n)

    def _settle_in(self, state: int, n: int, body: bytes) -> None:
        """Move a report to a state; where another one of its run is in it already, the two become one."""
        others = self.file.rows(
            "SELECT other.n, other.body, other.agent_id FROM reports AS other JOIN reports AS this USING (id, place)"
            " WHERE this.n = ? AND other.state = ? AND other.n != this.n",
            n,
            state,
        )
        for other, other_body, agent_id in others:
            body = merged(body, other_body) if other > n else merged(other_body, body)
            self.file.run("DELETE FROM reports WHERE n = ?", other)
            if other > n:
                self.file.run("UPDATE reports SET agent_id = ? WHERE n = ?", agent_id, n)
        self.file.run(
            "UPDATE reports SET state = ?, owner = NULL, lease_until = NULL, body = ?, size = ? WHERE n = ?",
            state,
            body,
            len(body),
            n,
        )

    # --- pace ---

    def pace(self, place: int) -> Pace:
        """Return what is known of how a place copes."""
        ((failures, paused_until, held_until),) = self.file.rows(
            "SELECT failures, paused_until, held_until FROM places WHERE place = ?", place
        )
        return Pace(failures, paused_until, held_until)

    def _set_pace(self, place: int, before: Pace, pace: Pace) -> None:
        if pace != before:
            self.file.run(
                "UPDATE places SET failures = ?, paused_until = ?, held_until = ? WHERE place = ?",
                pace.failures,
                pace.paused_until,
                pace.held_until,
                place,
            )

    def hurry(self, place: int) -> None:
        """Let what waits for another try be tried at once; what the platform or the rate asked for stays."""
        now = self.clock()
        self.file.run("UPDATE places SET paused_until = 0 WHERE place = ? AND paused_until > 0", place)
        self.file.run("UPDATE reports SET due = ? WHERE place = ? AND state = 0 AND due > ?", now, place, now)

    def next_due(self, place: int) -> float | None:
        """Return the time at which the next report of a place can leave; None where none can, as far as is known."""
        due = self.file.rows(_NEXT_DUE, place)
        if due and due[0][0] > self.clock() + _circuit_breaker.LONGEST_DELAY:
            self.hurry(place)  # nobody has to wait so long: the clock was put back
        return max(due[0][0], self.pace(place).opens_at) if due else None

    # --- counts ---

    def stored_until(self, place: int) -> float:
        """Return a time until which all of a place's reports were stored, also by a clock that was put back since."""
        ((newest,),) = self.file.rows("SELECT max(created_at) FROM reports WHERE state = 0 AND place = ?", place)
        return max(self.clock(), newest or 0.0)

    def unsent(self, place: int, stored_until: float) -> int:
        """Return how many reports of a place, of those stored until then, are still to be sent or being sent."""
        ((waiting,),) = self.file.rows(
            "SELECT count(*) FROM reports WHERE state = 0 AND place = ? AND created_at <= ?", place, stored_until
        )
        ((sending,),) = self.file.rows(
            "SELECT count(*) FROM reports WHERE state = 1 AND place = ? AND created_at <= ?", place, stored_until
        )
        return int(waiting) + int(sending)

    def has_unsent(self, place: int, stored_until: float) -> bool:
        """Whether `unsent` would be more than 0; much faster where it is many."""
        return any(
            self.file.rows(
                f"SELECT 1 FROM reports WHERE state = {state} AND place = ? AND created_at <= ? LIMIT 1",
                place,
                stored_until,
            )
            for state in (WAITING, SENDING)
        )

    def is_sending(self, place: int) -> bool:
        """Whether some process is sending a report of a place."""
        return bool(self.file.rows("SELECT 1 FROM reports WHERE state = 1 AND place = ? LIMIT 1", place))

    def sent_and_refused(self, place: int) -> tuple[int, int]:
        """Return how many reports of a place the platform took, and refused, since the file was made."""
        ((sent, refused),) = self.file.rows("SELECT sent, refused FROM places WHERE place = ?", place)
        return int(sent), int(refused)

    # --- bounds ---

    def drop_expired(self) -> None:
        """Drop the reports that are older than they may be."""
        oldest = self.clock() - self.settings.max_age
        if not any(row[0] < oldest for row in self.file.rows("SELECT created_at FROM reports ORDER BY n LIMIT 1")):
            return
        with self.file.writing():
            for n, place, id in self.file.rows(
                "SELECT n, place, id FROM reports WHERE created_at < ? AND state != ?", oldest, SENDING
            ):
                self._drop(n, place, id, f"it is older than {self.settings.max_age:g} s")
