"""What people see of an outbox's file and do to single reports: status, entries, another try, away with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import attrs

from xpander_facade.outbox._store import QUARANTINED, SENDING, STATES, WAITING

if TYPE_CHECKING:
    from xpander_facade.outbox._database import Row
    from xpander_facade.outbox._store import Store

State = Literal["waiting", "sending", "quarantined"]

_ENTRY = (
    "SELECT id, agent_id, destinations.name, state, created_at, attempts, due, reason, size, {body}"
    " FROM reports JOIN destinations USING (destination)"
)


@attrs.frozen
class OutboxStatus:
    """How an outbox stands.

    Args:
        waiting: Reports that wait to be sent.
        sending: Reports that a process is sending.
        quarantined: Reports that the platform refused.
        running: Runs in progress.
        bytes: What the reports take together.
        oldest: When the oldest report was stored; None without one.
        paused_until: Nothing is sent before, since a platform is down, asked for patience, or the rate wants it; None
            where sending may go on.
        sent: Reports that were sent since the file was made.
        dropped: Reports that were dropped since then, for lack of room or for their age.
    """

    waiting: int
    sending: int
    quarantined: int
    running: int
    bytes: int
    oldest: datetime | None
    paused_until: datetime | None
    sent: int
    dropped: int


@attrs.frozen
class OutboxEntry:
    """A report in an outbox.

    Args:
        id: The run's id.
        agent_id: The agent that the run counts for.
        destination: The platform and, where one was named, the organisation.
        state: "waiting", "sending" or "quarantined".
        created_at: When it was stored.
        attempts: How often it was sent.
        next_at: When it is tried next, at the earliest; None where it does not wait.
        reason: Why the last attempt failed; None without one.
        size: Bytes of the report.
        body: What is sent; None in a list.
    """

    id: str
    agent_id: str
    destination: str
    state: State
    created_at: datetime
    attempts: int
    next_at: datetime | None
    reason: str | None
    size: int
    body: dict[str, Any] | None = attrs.field(default=None, repr=False)


def status(store: Store) -> OutboxStatus:
    """Return how a file stands, over all destinations."""
    counts = {
        state: store.database.query(f"SELECT count(*) FROM reports WHERE state = {state}")[0][0]
        for state in (WAITING, SENDING, QUARANTINED)
    }
    ((size, running, oldest, opens_at, sent, dropped),) = store.database.query(
        "SELECT (SELECT bytes FROM totals), (SELECT count(*) FROM runs),"
        " (SELECT created_at FROM reports ORDER BY rowid LIMIT 1), max(max(open_until, next_at)),"
        " coalesce(sum(sent), 0), coalesce(sum(dropped), 0) FROM destinations"
    )
    return OutboxStatus(
        waiting=counts[WAITING],
        sending=counts[SENDING],
        quarantined=counts[QUARANTINED],
        running=running,
        bytes=size,
        oldest=None if oldest is None else _moment(oldest),
        paused_until=None if opens_at is None or opens_at <= store.clock() else _moment(opens_at),
        sent=sent,
        dropped=dropped,
    )


def entries(store: Store, state: State | None, limit: int) -> list[OutboxEntry]:
    """Return the reports of a file, oldest first, without their bodies."""
    where = "" if state is None else f" WHERE state = {STATES.index(state)}"
    rows = store.database.query(f"{_ENTRY.format(body='NULL')}{where} ORDER BY rowid LIMIT ?", limit)
    return [_entry(row) for row in rows]


def entry(store: Store, id: str) -> OutboxEntry | None:
    """Return the newest report of a run, with its body; None without one."""
    rows = store.database.query(f"{_ENTRY.format(body='body')} WHERE id = ? ORDER BY rowid DESC LIMIT 1", id)
    return _entry(rows[0]) if rows else None


def retry(store: Store, id: str) -> bool:
    """Let a quarantined report be sent again; whether there was one."""
    with store.database.transaction():
        quarantined = store.database.query(f"SELECT rowid FROM reports WHERE id = ? AND state = {QUARANTINED}", id)
        for (rowid,) in quarantined:
            store.requeue(rowid)
    return bool(quarantined)


def drop(store: Store, id: str) -> bool:
    """Forget what is not being sent of a run; whether there was anything."""
    return bool(store.database.execute(f"DELETE FROM reports WHERE id = ? AND state != {SENDING}", id))


def _entry(row: Row) -> OutboxEntry:
    id, agent_id, destination, state, created_at, attempts, due, reason, size, body = row
    return OutboxEntry(
        id=id,
        agent_id=agent_id,
        destination=destination,
        state=STATES[int(state)],
        created_at=_moment(created_at),
        attempts=attempts,
        next_at=_moment(due) if state == WAITING else None,
        reason=reason,
        size=size,
        body=None if body is None else json.loads(body),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
