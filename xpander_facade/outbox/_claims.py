"""Claims: which process sends which report, in batches, and what became of those that were sent.

A claim gives a process the right to send a report for as long as a send may take; after that others may send it. All
claims of a batch, and all outcomes, are one transaction. There is at most one claim for a run, so reports of one run
never overtake each other, however many are under way.
"""

from __future__ import annotations

import enum
import itertools
import time
from typing import TYPE_CHECKING

import attrs

from xpander_facade.outbox import _circuit_breaker
from xpander_facade.outbox._process_identity import is_gone, is_running
from xpander_facade.outbox._store import BATCH, CONFIRM_AFTER, CONFIRMING, QUARANTINED, SENDING, WAITING, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sized

    from xpander_facade.outbox._store import Store

IN_TRANSIT = 5.0
"""Seconds in which the last request of a dead process has arrived, or never will."""
_NOBODY = "-"

_IS_FREE = "NOT EXISTS (SELECT 1 FROM reports WHERE id = next.id AND destination = next.destination AND state = 1)"
"""No earlier report of the run is being sent."""
_NEXT = (
    "SELECT rowid, id, agent_id, attempts, body, created_at, reason FROM reports AS next"
    f" WHERE state = 0 AND destination = ? AND due <= ? AND {_IS_FREE} ORDER BY due LIMIT ?"
)
_NEXT_DUE = (
    f"SELECT (SELECT due FROM reports AS next WHERE state = 0 AND destination = ? AND {_IS_FREE} ORDER BY due LIMIT 1),"
    f" (SELECT min(created_at) FROM arrivals AS next WHERE destination = ? AND {_IS_FREE})"
)


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
        waited: Seconds since it was stored.
        is_sent: Whether the platform has it, and it is to be compared with the record.
    """

    rowid: int
    destination: int
    id: str
    agent_id: str
    attempts: int
    body: bytes = attrs.field(repr=False)
    is_probe: bool
    waited: float = 0.0
    is_sent: bool = False


class Result(enum.Enum):
    """What became of a report that was claimed."""

    SENT = "the platform has it"
    CONFIRMING = "the platform has it, and another host may have written over it"
    RETRY = "it waits for another try"
    REFUSED = "the platform will never take it"
    UNTRIED = "this process can't send it, another one may"


@attrs.frozen
class Outcome:
    """What became of one claim.

    Args:
        claim: The report.
        result: What became of it.
        reason: Why it was not sent, for people.
        throttled: Whether the platform said that there are too many requests.
        retry_after: Seconds that the platform asked to wait, or None.
    """

    claim: Claim
    result: Result
    reason: str = ""
    throttled: bool = False
    retry_after: float | None = None


class Claims:
    """The reports of a file that this process is sending.

    Args:
        store: The reports.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = store.database
        self.reset()

    def reset(self) -> None:
        """Forget the claims, which are the parent's, after a fork."""
        self._until: dict[int, float] = {}
        """When the claims of this process end, by their numbers; in seconds that are never put forward or back."""
        self._watched_since: dict[tuple[int, str], float] = {}
        """Since when claims of others seem to be over, by number and owner; in the same seconds."""

    def claim(self, destination: int, count: int, longest_send: float) -> list[Claim]:
        """Take the oldest reports of a destination that are due; none where its limits say to wait.

        Args:
            destination: The destination's number.
            count: How many at most.
            longest_send: Seconds that sending may take; past them others may send the report.
        """
        return self.turn([], {destination: count}, longest_send)

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """Write down what became of claims."""
        self.turn(outcomes, {}, 0.0)

    def turn(
        self,
        outcomes: Iterable[Outcome],
        wanted: Mapping[int, int],
        longest_send: float,
        others: Mapping[int, int] | None = None,
    ) -> list[Claim]:
        """Write down what became of claims and take new ones, in one transaction.

        Args:
            outcomes: What became of claims.
            wanted: How many reports to take at most, by destination.
            longest_send: Seconds that sending may take; past them others may send the report.
            others: How many requests that are not reports of the file have left since the last turn, by destination.
                They use up what the platform allows, too.
        """
        others = {number: count for number, count in (others or {}).items() if count and self._spacing(number)}
        by_destination: dict[int, list[Outcome]] = {}
        for outcome in outcomes:
            by_destination.setdefault(outcome.claim.destination, []).append(outcome)
        if any(count > 0 for count in wanted.values()):
            self._store.take_in()
        # Looking costs little; a turn at writing is asked for only where there is something to do.
        due = {number: count for number, count in wanted.items() if count > 0 and self._has_due(number)}
        if not by_destination and not due and not others:
            return []
        claims: list[Claim] = []
        with self._store.hooks.after(), self._database.transaction():
            for destination in {**by_destination, **due, **others}:
                before = self._store.limits(destination)
                limits, sent, refused = self._settle(by_destination.get(destination, []), before)
                if destination in due:
                    limits = self._take(destination, due[destination], longest_send, limits, claims)
                if destination in others:
                    rate, now = limits.rate, self._store.clock()
                    spacing = rate.spacing(self._store.settings.seconds_per_report)
                    limits = attrs.evolve(limits, rate=rate.shared(now, spacing, others[destination]))
                self._store.set_limits(destination, before, limits, sent=sent, refused=refused)
        for outcome in itertools.chain.from_iterable(by_destination.values()):
            self._until.pop(outcome.claim.rowid, None)
        until = time.monotonic() + longest_send
        self._until.update((claim.rowid, until) for claim in claims)
        return claims

    def insert(self, destination: int, id: str, agent_id: str, body: bytes, longest_send: float) -> Claim | None:
        """Store a report that is claimed already, within a transaction of the caller.

        None, and nothing is stored, where the destination's limits say to wait, where a report of the run is in the
        file, or where there is no room.

        Args:
            destination: The destination's number.
            id: The run's id.
            agent_id: The agent that the run counts for.
            body: What is sent, as JSON.
            longest_send: Seconds that sending may take; past them others may send the report.
        """
        now = self._store.clock()
        before = self._store.limits(destination)
        spacing = before.rate.spacing(self._store.settings.seconds_per_report)
        is_down = before.breaker.is_down
        if is_down or now < before.breaker.open_until or not before.rate.available(now, spacing, 1):
            return None
        rowid = self._store.insert_claimed(destination, id, agent_id, body, now + longest_send, longest_send)
        if rowid is None:
            return None
        limits = Limits(before.breaker, before.rate.taken(now, spacing))
        self._store.set_limits(destination, before, limits)
        self._until[rowid] = time.monotonic() + longest_send
        return Claim(rowid, destination, id, agent_id, 0, body, is_probe=False)

    def replace(self, claim: Claim, body: bytes) -> Claim:
        """Let something else be sent of a report that `insert` has stored, within the same transaction."""
        self._database.execute("UPDATE reports SET body = ?, size = ? WHERE rowid = ?", body, len(body), claim.rowid)
        return attrs.evolve(claim, body=body)

    def is_under_way(self, rowid: int) -> bool:
        """Whether this process has claimed a report, and it is not written down yet what became of it."""
        return rowid in self._until

    def next_due(self, destination: int) -> float | None:
        """Return the time at which the next report of a destination can leave; None where none can."""
        (found,) = self._database.query(_NEXT_DUE, destination, destination)
        due = min((moment for moment in found if moment is not None), default=None)
        if due is not None and due > self._store.clock() + _circuit_breaker.MAX_DELAY:
            self._store.retry_now(destination)  # nobody has to wait so long: the clock was put back
        return None if due is None else max(due, self._store.limits(destination).opens_at)

    def free_abandoned(self) -> None:
        """Give back what was being sent by processes that are gone, or that were not heard of for too long."""
        owner = self._store.owner
        now = self._store.clock()
        sending = self._database.query("SELECT rowid, owner, lease_until, lease FROM reports WHERE state = 1")
        expired = [
            (rowid, of)
            for rowid, of, lease_until, lease in sending
            if lease_until < now and not self._may_hold(rowid, of, lease)
        ]
        listed = {(rowid, of) for rowid, of, _, _ in sending}
        self._watched_since = {key: since for key, since in self._watched_since.items() if key in listed}
        for begin in range(0, len(expired), BATCH):
            with self._database.transaction():
                for rowid, of in expired[begin : begin + BATCH]:
                    self._return(rowid, now, "the process that was sending it is gone", of)
        for rowid, of, lease_until, lease in sending:
            if lease_until > now + lease:
                self._shorten(rowid, of, now + lease)  # the clock was put back
            elif lease_until >= now and of not in (owner, _NOBODY) and is_gone(of):
                # What it sent last may still be on its way, and must not arrive after what is sent next of the run.
                self._shorten(rowid, of, now + IN_TRANSIT, owner=_NOBODY)

    def _may_hold(self, rowid: int, of: str, lease: float) -> bool:
        """Whether a claim that is over by the clock may hold all the same, since the clock was put forward.

        A process that runs frees its own claims in time. So others leave them to it, for as long as they last.
        """
        now = time.monotonic()
        if of == self._store.owner:
            return now < self._until.get(rowid, 0.0)
        if of == _NOBODY or not is_running(of):
            return False
        return now - self._watched_since.setdefault((rowid, of), now) < lease

    def _has_due(self, destination: int) -> bool:
        now = self._store.clock()
        return now >= self._store.limits(destination).opens_at and bool(
            self._database.query(_NEXT, destination, now, 1)
        )

    def _spacing(self, destination: int) -> float:
        """Return the seconds from one request to the next, by what is known of a destination."""
        return self._store.limits(destination).rate.spacing(self._store.settings.seconds_per_report)

    def _take(self, destination: int, count: int, longest_send: float, limits: Limits, claims: list[Claim]) -> Limits:
        now = self._store.clock()
        breaker, rate = limits.breaker, limits.rate
        spacing = rate.spacing(self._store.settings.seconds_per_report)
        # A platform that is down gets one report to try it by.
        count = min(rate.available(now, spacing, count), 1 if breaker.is_down else count)
        if count <= 0 or now < breaker.open_until:
            return limits
        found = self._database.query(_NEXT, destination, now, count)
        claims.extend(
            Claim(
                rowid,
                destination,
                id,
                agent_id,
                attempts,
                body,
                breaker.is_down,
                now - created_at,
                reason == CONFIRMING,
            )
            for rowid, id, agent_id, attempts, body, created_at, reason in found
        )
        if found:
            self._database.execute(
                "UPDATE reports SET state = ?, attempts = attempts + 1, owner = ?, lease_until = ?, lease = ?"
                f" WHERE rowid IN ({_marks(found)})",
                SENDING,
                self._store.owner,
                now + longest_send,
                longest_send,
                *(row[0] for row in found),
            )
        if not found:
            return limits
        return attrs.evolve(
            limits,
            breaker=breaker.started(now, longest_send=longest_send),
            rate=rate.taken(now, spacing * len(found)),
        )

    def _settle(self, outcomes: list[Outcome], limits: Limits) -> tuple[Limits, int, int]:
        """Return the limits of a destination after outcomes, and how many of its reports were sent and refused."""
        refused = 0
        ended = [outcome.claim for outcome in outcomes if outcome.result is Result.SENT]
        sent = self._remove([claim.rowid for claim in ended if not claim.is_sent])
        self._remove([claim.rowid for claim in ended if claim.is_sent])  # was counted when it was sent
        for outcome in outcomes:
            breaker, rate = limits.breaker, limits.rate
            claim, result = outcome.claim, outcome.result
            if result is Result.CONFIRMING:
                sent += self._confirm_later(claim)
            if result in (Result.SENT, Result.CONFIRMING):
                limits = Limits(breaker.succeeded(), rate.succeeded(1))
            elif result is Result.REFUSED:
                refused += self._quarantine(outcome)
                limits = Limits(breaker.succeeded(), rate)
            elif result is Result.RETRY:
                limits = self._postpone(outcome, limits)
            else:
                self._release(outcome)
                if claim.is_probe:
                    # Nothing was asked of the platform: another process may send a probe now.
                    limits = attrs.evolve(limits, breaker=attrs.evolve(breaker, open_until=0.0))
        return limits, sent, refused

    def _remove(self, rowids: list[int]) -> int:
        """Remove reports that the platform has; return how many of them were still this process's."""
        if not rowids:
            return 0
        return self._database.execute(
            f"DELETE FROM reports WHERE owner = ? AND rowid IN ({_marks(rowids)})", self._store.owner, *rowids
        )

    def _confirm_later(self, claim: Claim) -> int:
        """Keep a report that the platform has, to compare it with the record; return 1 where it is told newly."""
        now = self._store.clock()
        self._return(claim.rowid, now, None)
        # What has joined it in the meantime is to be sent in any case.
        kept = self._database.execute(
            "UPDATE reports SET due = ?, created_at = iif(reason IS ?, created_at, ?), reason = ?"
            " WHERE rowid = ? AND state = ? AND body = ?",
            # Two hosts that have met must not meet again.
            now + CONFIRM_AFTER * (1 + self._store.jitter() / 2),
            CONFIRMING,
            now,
            CONFIRMING,
            claim.rowid,
            WAITING,
            claim.body,
        )
        return int(kept and not claim.is_sent)

    def _postpone(self, outcome: Outcome, limits: Limits) -> Limits:
        now = self._store.clock()
        claim, wait = outcome.claim, outcome.retry_after
        self._return(
            claim.rowid, now + _circuit_breaker.delay(claim.attempts + 1, self._store.jitter()), outcome.reason
        )
        rate = limits.rate.asked_to_wait(now, wait, throttled=outcome.throttled)
        if outcome.throttled and wait is not None:
            # It is up, and says itself when it takes more.
            return attrs.evolve(limits, breaker=limits.breaker.succeeded(), rate=rate)
        breaker = limits.breaker.failed(
            now, was_probe=claim.is_probe, is_open=outcome.throttled, jitter=self._store.jitter()
        )
        return attrs.evolve(limits, breaker=breaker, rate=rate)

    def _release(self, outcome: Outcome) -> None:
        rowid = outcome.claim.rowid
        self._database.execute(
            # The claim has counted an attempt that was not made.
            "UPDATE reports SET attempts = attempts - 1 WHERE rowid = ? AND owner = ?",
            rowid,
            self._store.owner,
        )
        self._return(rowid, self._store.clock(), outcome.reason or None)

    def _quarantine(self, outcome: Outcome) -> int:
        rowid = outcome.claim.rowid
        found = self._database.query("SELECT body FROM reports WHERE rowid = ? AND owner = ?", rowid, self._store.owner)
        for (body,) in found:
            self._store.settle_in(QUARANTINED, rowid, body)
            self._database.execute("UPDATE reports SET reason = ? WHERE rowid = ?", outcome.reason, rowid)
            self._store.hooks.note_quarantined(rowid)
        return len(found)

    def _return(self, rowid: int, due: float, reason: str | None, owner: str | None = None) -> None:
        found = self._database.query(
            "SELECT body FROM reports WHERE rowid = ? AND owner = ?", rowid, owner or self._store.owner
        )
        for (body,) in found:
            self._store.settle_in(WAITING, rowid, body)
            self._database.execute(
                "UPDATE reports SET due = ?, reason = iif(reason IS ?, reason, coalesce(?, reason)) WHERE rowid = ?",
                due,
                CONFIRMING,
                reason,
                rowid,
            )

    def _shorten(self, rowid: int, of: str, lease_until: float, owner: str | None = None) -> None:
        self._database.execute(
            "UPDATE reports SET owner = ?, lease_until = min(lease_until, ?) WHERE rowid = ? AND owner = ?",
            owner or of,
            lease_until,
            rowid,
            of,
        )


def _marks(values: Sized) -> str:
    return ",".join("?" * len(values))
