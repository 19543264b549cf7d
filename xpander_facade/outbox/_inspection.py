"""What people see of an outbox's file and do to single reports: status, entries, another try, dropping them."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from xpander_facade.errors import OutboxError
from xpander_facade.outbox._circuit_breaker import Circuit
from xpander_facade.outbox._entry import ARRIVED, ENTRY, OutboxEntry, State, make_entry, moment
from xpander_facade.outbox._schema import APPLICATION_ID
from xpander_facade.outbox._store import CONFIRMING, QUARANTINED, SENDING, STATES, WAITING

if TYPE_CHECKING:
    from xpander_facade.outbox._database import Database
    from xpander_facade.outbox._store import Store


@attrs.frozen
class OutboxStatus:
    """How an outbox stands, over all platforms and organisations.

        status: OutboxStatus = outbox.status()
        print(status.waiting)

    Args:
        waiting: Reports that wait to be sent.
        sending: Reports that a process is sending.
        quarantined: Reports that the platform refused.
        running: Runs in progress.
        bytes: What the reports take together.
        oldest: When the oldest report was stored; None without one.
        oldest_age: Seconds since then; None without one.
        circuit: "closed" where sending goes on; "open" where nothing is sent, since a platform is down; "half-open"
            where one report is to tell whether it is up again. The worst of all platforms.
        paused_until: Nothing is sent before, since a platform is down, asked to wait, or the rate wants it; None
            where sending may go on.
        sent: Reports that were sent since the file was made.
        dropped: Reports that were dropped since then, for lack of room or for their age.
        confirming: Reports of attempts that the platform has, and that are compared with its record once more.
    """

    waiting: int
    sending: int
    quarantined: int
    running: int
    bytes: int
    oldest: datetime | None
    oldest_age: float | None
    circuit: Circuit
    paused_until: datetime | None
    sent: int
    dropped: int
    confirming: int = 0


def status(store: Store) -> OutboxStatus:
    """Return how a file stands, over all destinations."""
    # In one statement: between two, a report that has come could be taken in, and be seen in neither place.
    ((waiting, sending, quarantined, size, running, oldest, sent, dropped),) = store.database.query(
        f"SELECT (SELECT count(*) FROM reports WHERE state = {WAITING}) + (SELECT count(*) FROM arrivals),"
        f" (SELECT count(*) FROM reports WHERE state = {SENDING}),"
        f" (SELECT count(*) FROM reports WHERE state = {QUARANTINED}),"
        " (SELECT bytes FROM totals) + (SELECT coalesce(sum(length(body)), 0) FROM arrivals),"
        " (SELECT count(*) FROM runs),"
        # A file that was left holds a row in another state, which is no report.
        f" coalesce((SELECT created_at FROM reports WHERE reason IS NOT ? AND state <= {QUARANTINED} ORDER BY rowid"
        " LIMIT 1), (SELECT created_at FROM arrivals ORDER BY number LIMIT 1)),"
        " coalesce(sum(sent), 0), coalesce(sum(dropped), 0) FROM destinations",
        CONFIRMING,
    )
    confirming = store.confirming()
    now = store.clock()
    limits = [store.limits(number) for (number,) in store.database.query("SELECT destination FROM destinations")]
    circuits: list[Circuit] = [one.breaker.state(now) for one in limits] or ["closed"]
    opens_at = max((one.opens_at for one in limits), default=0.0)
    return OutboxStatus(
        waiting=waiting - confirming.get(WAITING, 0),
        sending=sending - confirming.get(SENDING, 0),
        quarantined=quarantined,
        running=running,
        bytes=size,
        oldest=None if oldest is None else moment(oldest),
        oldest_age=None if oldest is None else max(now - oldest, 0.0),
        circuit=max(circuits, key=_CIRCUITS.index),
        paused_until=None if opens_at <= now else moment(opens_at),
        sent=sent,
        dropped=dropped,
        confirming=sum(confirming.values()),
    )


# From best to worst: of several platforms the worst is shown.
_CIRCUITS: tuple[Circuit, ...] = ("closed", "half-open", "open")


def siblings(database: Database) -> list[str]:
    """Return the paths of the other outboxes in the folder of a file."""
    if database.is_in_memory:
        return []
    path = Path(database.path)
    return sorted(str(one) for one in path.parent.glob("*.db") if one != path and _is_outbox(one))


def _is_outbox(path: Path) -> bool:
    """Whether a file is an outbox, by the head that SQLite gives it."""
    try:
        with path.open("rb") as file:
            # Bytes 68 to 71 are the application's id (SQLite's file format).
            head = file.read(72)
    except OSError:
        return False
    return head.startswith(b"SQLite format 3\0") and head[68:72] == APPLICATION_ID.to_bytes(4, "big")


def entries(store: Store, state: State | None, limit: int) -> list[OutboxEntry]:
    """Return the reports of a file, oldest first, without their bodies."""
    _take_in(store)
    where = "" if state is None else f" WHERE state = {STATES.index(state)}"
    rows = store.database.query(f"{ENTRY.format(body='NULL')}{where} ORDER BY reports.rowid LIMIT ?", limit)
    if state in {None, "waiting"}:
        query = f"{ARRIVED.format(body='NULL')} ORDER BY number LIMIT ?"
        rows += store.database.query(query, limit - len(rows) if limit >= 0 else limit)
    return [make_entry(row) for row in rows]


def entry(store: Store, id: str) -> OutboxEntry | None:
    """Return the newest report of a run, with its body; None without one."""
    _take_in(store)
    rows = [
        *store.database.query(f"{ARRIVED.format(body='body')} WHERE id = ? ORDER BY number DESC LIMIT 1", id),
        *store.database.query(f"{ENTRY.format(body='body')} WHERE id = ? ORDER BY reports.rowid DESC LIMIT 1", id),
    ]
    return make_entry(rows[0]) if rows else None


def _take_in(store: Store) -> None:
    """Take in what has come, so that it is seen as it will be sent; not where that can't be done at once."""
    with contextlib.suppress(OutboxError), store.database.busy_timeout(0.0):
        store.take_in()


def retry(store: Store, id: str) -> bool:
    """Let a quarantined report be sent again; whether there was one."""
    with store.database.transaction():
        store.take_in()
        quarantined = store.database.query(f"SELECT rowid FROM reports WHERE id = ? AND state = {QUARANTINED}", id)
        for (rowid,) in quarantined:
            store.requeue(rowid)
    return bool(quarantined)


def drop(store: Store, id: str) -> bool:
    """Forget what is not being sent of a run; whether there was anything."""
    with store.database.transaction():
        store.take_in()
        return bool(store.database.execute(f"DELETE FROM reports WHERE id = ? AND state != {SENDING}", id))
