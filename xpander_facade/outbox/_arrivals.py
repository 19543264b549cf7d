"""Arrivals: where reports are stored in the order in which they come, until the table of reports takes them in.

Storing a report here looks nothing up and keeps no index, so that who stores it mostly writes one page of the file.
Whoever sends reports, or looks at them, takes in what has come, many in one transaction. A report counts for the bounds
of the file as soon as it has come: each one bears the sum of the bytes up to itself, and their numbers have no gaps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.outbox._merge import merged

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., list[tuple[Any, ...]]]
    """Runs a statement with its values, within a transaction, and returns its rows."""

CONFIRMING = "it was sent, and is compared with what other hosts have told since"
"""The reason of a report that the platform has, and that waits to be compared with the record once more."""
# A member that must not be NULL is NULL where there is no room, and so the report is ignored. `INSERT ... SELECT ...
# WHERE` would copy the row into a table of its own first, since it reads the table that it writes to.
_STORE = (
    "INSERT OR IGNORE INTO arrivals (bytes, destination, id, agent_id, created_at, is_end, body) VALUES ("
    "(SELECT iif({condition}reports + coalesce(last.number, 0) - taken < ?1"
    " AND totals.bytes + coalesce(last.bytes, 0) - taken_bytes + ?2 <= ?3, coalesce(last.bytes, 0) + ?2, NULL)"
    " FROM totals LEFT JOIN arrivals AS last ON last.number = (SELECT max(number) FROM arrivals)),"
    " ?4, ?5, ?6, ?7, {is_end}, ?8)"
)
STORE = _STORE.format(condition="", is_end=0)
"""Stores a report, where there is room: takes the bounds of reports, its bytes, the bound of bytes, and what it is."""
END = _STORE.format(
    condition="EXISTS (SELECT 1 FROM runs WHERE id = ?5 AND destination = ?4 AND owner = ?9) AND ", is_end=1
)
"""Stores the report of a run that is written down as this process's, and removes that, by a trigger."""


def pending(run: Run) -> int:
    """Return how many reports have come and were not taken in."""
    ((first, last),) = run("SELECT (SELECT min(number) FROM arrivals), (SELECT max(number) FROM arrivals)")
    return 0 if first is None else last + 1 - first


def take_in(run: Run, now: float, most: int) -> None:
    """Move the first reports that have come into the table of reports; those of a run that waits there join it.

    Args:
        run: Runs a statement, within a transaction.
        now: The time.
        most: How many at most.
    """
    ((first, newest),) = run("SELECT (SELECT min(number) FROM arrivals), (SELECT max(number) FROM arrivals)")
    if first is None:
        return
    last = min(first + most - 1, newest)
    ((offset,),) = run("SELECT coalesce(max(rowid), 0) + 1 - ? FROM reports", first)
    run(
        "INSERT INTO reports (rowid, destination, id, agent_id, created_at, due, size, body)"
        # The clock may have been put back since.
        " SELECT number + ?, destination, id, agent_id, created_at, min(created_at, ?), length(body), body"
        " FROM arrivals WHERE number <= ? ORDER BY number ON CONFLICT DO NOTHING",
        *(offset, now, last),
    )
    for report in run(
        "SELECT destination, id, agent_id, body FROM arrivals"
        " WHERE number <= ? AND NOT EXISTS (SELECT 1 FROM reports WHERE rowid = number + ?) ORDER BY number",
        *(last, offset),
    ):
        join(run, now, *report)
    if last == newest:
        run("UPDATE totals SET taken = 0, taken_bytes = 0")  # their numbers begin anew
    else:
        run("UPDATE totals SET taken = ?1, taken_bytes = (SELECT bytes FROM arrivals WHERE number = ?1)", last)
    run("DELETE FROM arrivals WHERE number <= ?", last)


def join(run: Run, now: float, destination: int, id: str, agent_id: str, body: bytes) -> bool:
    """Join a report with what waits of its run in the table of reports; False where nothing does."""
    waiting = run("SELECT rowid, body FROM reports WHERE id = ? AND destination = ? AND state = 0", id, destination)
    for rowid, older in waiting:
        joined = merged(older, body)
        run(
            "UPDATE reports SET agent_id = ?, body = ?, size = ?, due = iif(reason IS ?, ?, due),"
            " reason = nullif(reason, ?) WHERE rowid = ?",
            *(agent_id, joined, len(joined), CONFIRMING, now, CONFIRMING, rowid),
        )
    return bool(waiting)
