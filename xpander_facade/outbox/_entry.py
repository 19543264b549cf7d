"""OutboxEntry: a report in an outbox, as people see it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import attrs

from xpander_facade.outbox._merge import JOURNAL

if TYPE_CHECKING:
    from xpander_facade.outbox._database import Database, Row

State = Literal["waiting", "sending", "quarantined"]

_STATES: tuple[State, ...] = ("waiting", "sending", "quarantined")
ENTRY = (
    "SELECT id, agent_id, destinations.name, state, created_at, attempts, due, reason, size, {body}"
    " FROM reports JOIN destinations USING (destination)"
)
ARRIVED = (
    "SELECT id, agent_id, destinations.name, 0, created_at, 0, created_at, NULL, length(body), {body}"
    " FROM arrivals JOIN destinations USING (destination)"
)
"""The same of what has come and was not taken in."""


@attrs.frozen
class OutboxEntry:
    """A report in an outbox.

        entries: list[OutboxEntry] = outbox.list()
        print([entry.state for entry in entries])

    Args:
        id: The run's id.
        agent_id: The agent that the run counts for.
        destination: The platform and, where one was named, the organisation.
        state: "waiting", "sending" or "quarantined".
        created_at: When it was stored.
        attempts: How often it was sent.
        next_at: When it is tried next, at the earliest; None where it does not wait.
        reason: Why the last attempt failed, or why it was dropped; None without one.
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


def make_entry(row: Row) -> OutboxEntry:
    """Return the entry of a row that `ENTRY` gives."""
    id, agent_id, destination, state, created_at, attempts, due, reason, size, body = row
    return OutboxEntry(
        id=id,
        agent_id=agent_id,
        destination=destination,
        state=_STATES[int(state)],
        created_at=moment(created_at),
        attempts=attempts,
        next_at=moment(due) if state == 0 else None,
        reason=reason,
        size=size,
        body=None if body is None else _shown(json.loads(body)),
    )


def _shown(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body without what is never sent."""
    return {name: value for name, value in body.items() if name != JOURNAL}


def entry_at(database: Database, rowid: int, reason: str | None = None, *, with_body: bool = True) -> list[OutboxEntry]:
    """Return the entry of a report, with a reason where one is given; none where it is gone."""
    found = database.query(f"{ENTRY.format(body='body' if with_body else 'NULL')} WHERE reports.rowid = ?", rowid)
    entries = [make_entry(row) for row in found]
    return entries if reason is None else [attrs.evolve(one, reason=reason) for one in entries]


def moment(seconds: float) -> datetime:
    """Return a time that the file holds."""
    return datetime.fromtimestamp(seconds, UTC)
