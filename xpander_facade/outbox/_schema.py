"""The tables of an outbox's file: what they are, whose database it is, and making them."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any

from xpander_facade.errors import ConfigurationError
from xpander_facade.outbox._arrivals import pending, take_in
from xpander_facade.outbox._merge import merged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

APPLICATION_ID = 0x78706F62  # "xpob"
VERSION = 3
_OLDEST = 2
"""The oldest version that a file may have; it becomes the newest one when it is opened."""

_SCHEMA = """
CREATE TABLE destinations (
    destination INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    failures INTEGER NOT NULL DEFAULT 0, open_until REAL NOT NULL DEFAULT 0, open_seconds REAL NOT NULL DEFAULT 0,
    next_at REAL NOT NULL DEFAULT 0, next_seconds REAL NOT NULL DEFAULT 0, pace REAL NOT NULL DEFAULT 0,
    cycle_began REAL NOT NULL DEFAULT 0, cycle_sent INTEGER NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0);
CREATE TABLE reports (
    rowid INTEGER PRIMARY KEY, destination INTEGER NOT NULL, id TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0,
    agent_id TEXT NOT NULL, created_at REAL NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    owner TEXT, lease_until REAL, lease REAL NOT NULL DEFAULT 0, reason TEXT, size INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE UNIQUE INDEX reports_by_id ON reports (id, destination, state);
CREATE INDEX waiting_reports ON reports (destination, due, created_at) WHERE state = 0;
CREATE INDEX sending_reports ON reports (lease_until) WHERE state = 1;
CREATE INDEX quarantined_reports ON reports (created_at) WHERE state = 2;
CREATE TABLE runs (
    id TEXT NOT NULL, destination INTEGER NOT NULL, agent_id TEXT NOT NULL, owner TEXT NOT NULL, began_at REAL NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (id, destination)) WITHOUT ROWID;
CREATE TABLE processes (
    owner TEXT PRIMARY KEY, seen_at REAL NOT NULL, lease_until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE totals (reports INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT INTO totals VALUES (0, 0);
CREATE TRIGGER report_added AFTER INSERT ON reports BEGIN
    UPDATE totals SET reports = reports + 1, bytes = bytes + NEW.size; END;
CREATE TRIGGER report_removed AFTER DELETE ON reports BEGIN
    UPDATE totals SET reports = reports - 1, bytes = bytes - OLD.size; END;
CREATE TRIGGER report_changed AFTER UPDATE OF size ON reports BEGIN
    UPDATE totals SET bytes = bytes - OLD.size + NEW.size; END;
"""
_ARRIVALS = """
CREATE TABLE arrivals (
    number INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, destination INTEGER NOT NULL, id TEXT NOT NULL,
    agent_id TEXT NOT NULL, created_at REAL NOT NULL, is_end INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TRIGGER run_ended AFTER INSERT ON arrivals WHEN NEW.is_end BEGIN
    DELETE FROM runs WHERE id = NEW.id AND destination = NEW.destination; END;
ALTER TABLE totals ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE totals ADD COLUMN taken_bytes INTEGER NOT NULL DEFAULT 0;
"""
"""What version 3 has beside that."""


def is_made(connection: sqlite3.Connection, path: str) -> bool:
    """Whether the tables are there; changes nothing.

    Raises:
        ConfigurationError: They are another program's, or of a newer version of this one.
    """
    # Another process may make the file between two of these, at once: what is judged by another is asked for before it.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID and tables:
        raise ConfigurationError(f"{path} is another program's database: name another file for the outbox")
    if application == APPLICATION_ID and version < _OLDEST:
        raise ConfigurationError(
            f"{path} was made by an early build of xpander-facade: empty it with that build, or name another file"
        )
    if version > VERSION:
        raise ConfigurationError(
            f"{path} was made by a newer version of xpander-facade: update this one, or name another file"
        )
    return bool(tables)


def fill(connection: sqlite3.Connection, path: str, destinations: Mapping[int, str]) -> None:
    """Make what is missing: tables, in files of an older version too, and destinations this process has numbers of.

    Raises:
        ConfigurationError: The tables are another program's, or of a newer version of this one.
    """
    if is_made(connection, path) and _version(connection) == VERSION:
        listed = {destination for (destination,) in connection.execute("SELECT destination FROM destinations")}
        if listed.issuperset(destinations):
            return
    connection.execute("BEGIN IMMEDIATE")
    if not is_made(connection, path):  # no other process was faster
        for statement in _statements(_SCHEMA):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    if _version(connection) != VERSION:
        for statement in _statements(_ARRIVALS):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.executemany(
        "INSERT INTO destinations (destination, name) VALUES (?, ?) ON CONFLICT DO NOTHING", destinations.items()
    )
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def move(old: sqlite3.Connection, new: sqlite3.Connection) -> int:
    """Move all reports and runs of one file into another; return how many were moved.

    They keep their numbers, since a process that is sending a report knows it by its number. A report of a run that has
    one in the other file already joins it there: as the earlier one; or as the later one where the run was moved
    before, since the old file was emptied then. The old file keeps the ids of what was moved for that, and gives no
    number out again.
    """
    old.execute("BEGIN IMMEDIATE")
    try:
        new.execute("BEGIN IMMEDIATE")
        try:
            for connection in (old, new):
                _take_in_all(connection)
            moved = _copy(old, new)
            new.execute("COMMIT")
        except BaseException:
            new.execute("ROLLBACK")
            raise
        for table in ("reports", "runs"):
            old.execute(f"INSERT OR IGNORE INTO moved SELECT id, destination FROM {table}")
        (newest,) = old.execute("SELECT max(rowid) FROM reports").fetchone()
        for table in ("reports", "runs", "processes"):
            old.execute(f"DELETE FROM {table}")
        if newest is not None:
            old.execute(_LAST_NUMBER, (newest,))
        old.execute("UPDATE destinations SET sent = 0, refused = 0, dropped = 0")
        old.execute("COMMIT")
    except BaseException:
        if old.in_transaction:
            old.execute("ROLLBACK")
        raise
    return moved


def _take_in_all(connection: sqlite3.Connection) -> None:
    def run(statement: str, *values: Any) -> list[Any]:
        return connection.execute(statement, values).fetchall()

    take_in(run, time.time(), pending(run))


_MOVED = (
    "CREATE TABLE IF NOT EXISTS moved (id TEXT NOT NULL, destination INTEGER NOT NULL, PRIMARY KEY (id, destination))"
    " WITHOUT ROWID"
)
_WAITING, _SENDING, _QUARANTINED = 0, 1, 2  # as the store has them
_LAST_NUMBER = (
    "INSERT INTO reports (rowid, destination, id, state, agent_id, created_at, due, size, body)"
    " VALUES (?, 0, '', 9, '', 1e18, 0, 0, x'')"
)
"""Stays in a file that was left, in a state that no report has, so that the next number is a new one."""
_OTHERS_LEASE = 60.0
"""Seconds after a run's beginning until which its process is not taken for dead unless it is surely gone."""
_LEASE = (
    "INSERT INTO processes (owner, seen_at, lease_until) SELECT owner, max(began_at), max(began_at) + ? FROM runs"
    " WHERE owner NOT IN (SELECT owner FROM processes) GROUP BY owner"
)
"""For a process that wrote runs into the old file after another one had moved its lease: it may be gone since, and
what is known of it in the new file, too. Nobody would report its runs."""
_REPORT = "destination, id, state, agent_id, created_at, due, attempts, owner, lease_until, lease, reason, size, body"
_OF_RUN = "WHERE id = ? AND destination = ?"


def _copy(old: sqlite3.Connection, new: sqlite3.Connection) -> int:
    new.executemany(
        "INSERT INTO destinations (destination, name, sent, refused, dropped) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (destination) DO UPDATE SET sent = sent + excluded.sent, refused = refused + excluded.refused,"
        " dropped = dropped + excluded.dropped",
        old.execute("SELECT destination, name, sent, refused, dropped FROM destinations"),
    )
    old.execute(_MOVED)
    moved = 0
    (newest,) = old.execute("SELECT coalesce(max(rowid), 0) FROM reports").fetchone()
    listed = old.execute(f"SELECT rowid, {_REPORT} FROM reports WHERE state <= ? ORDER BY rowid", (_QUARANTINED,))
    for rowid, *report in listed:
        moved += 1
        of_run = (report[1], report[0])
        if old.execute(f"SELECT 1 FROM moved {_OF_RUN}", of_run).fetchone():
            new.execute(f"DELETE FROM runs {_OF_RUN}", of_run)  # it has ended, so it must not be reported as dead
            if new.execute(f"SELECT 1 FROM reports {_OF_RUN}", of_run).fetchone():
                _add_later(new, report, newest)
                continue
        _add_earlier(new, rowid, report, newest)
    for row in old.execute("SELECT id, destination, agent_id, owner, began_at, body FROM runs"):
        moved += 1
        new.execute("INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?)", row)
    new.executemany(
        "INSERT OR IGNORE INTO processes (owner, seen_at, lease_until) VALUES (?, ?, ?)",
        old.execute("SELECT owner, seen_at, lease_until FROM processes"),
    )
    new.execute(_LEASE, (_OTHERS_LEASE,))
    return moved


def _add_earlier(new: sqlite3.Connection, number: int, report: list[Any], newest: int) -> None:
    """Add a report that was stored before those of its run in a file; `newest` is the last number of the old one."""
    destination, id, state, *_, body = report
    if later := _body_of(new, id, destination, state):
        _set_body(new, id, destination, state, merged(body, later))
        return
    # What waits has a number that no process knows, and can get another one.
    taken = new.execute("SELECT state FROM reports WHERE rowid = ?", (number,)).fetchone()
    if taken == (_SENDING,):
        number = _next_number(new, newest)
    elif taken:
        new.execute("UPDATE reports SET rowid = ? WHERE rowid = ?", (_next_number(new, newest), number))
    _insert(new, number, report)
    new.execute(
        f"UPDATE reports SET rowid = ? {_OF_RUN} AND state = ? AND rowid < ?",
        (_next_number(new, newest), id, destination, _WAITING, number),
    )


def _add_later(new: sqlite3.Connection, report: list[Any], newest: int) -> None:
    """Add a report that was stored after those of its run in a file; what is being sent of the run goes first."""
    destination, id, state, *_, body = report
    if state != _QUARANTINED:
        state = _WAITING
    if earlier := _body_of(new, id, destination, state):
        _set_body(new, id, destination, state, merged(earlier, body))
        return
    nobody = (None, None)  # has it, and until when
    _insert(new, _next_number(new, newest), [destination, id, state, *report[3:7], *nobody, *report[9:]])


def _next_number(new: sqlite3.Connection, newest: int) -> int:
    """Return a number that no report has in either file, above all of them."""
    (last,) = new.execute("SELECT coalesce(max(rowid), 0) FROM reports").fetchone()
    return int(max(last, newest)) + 1


def _body_of(new: sqlite3.Connection, id: str, destination: int, state: int) -> bytes | None:
    found = new.execute(f"SELECT body FROM reports {_OF_RUN} AND state = ?", (id, destination, state)).fetchone()
    return found[0] if found else None


def _set_body(new: sqlite3.Connection, id: str, destination: int, state: int, body: bytes) -> None:
    new.execute(
        f"UPDATE reports SET body = ?, size = ? {_OF_RUN} AND state = ?", (body, len(body), id, destination, state)
    )


def _insert(new: sqlite3.Connection, number: int, report: list[Any]) -> None:
    new.execute(
        f"INSERT INTO reports (rowid, {_REPORT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (number, *report)
    )


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; `executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines():
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
