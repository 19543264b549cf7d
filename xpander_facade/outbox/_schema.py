"""The tables of an outbox's file: what they are, whose database it is, and making them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from xpander_facade.errors import ConfigurationError
from xpander_facade.outbox._merge import merged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

APPLICATION_ID = 0x78706F62  # "xpob"
VERSION = 2

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


def is_made(connection: sqlite3.Connection, path: str) -> bool:
    """Whether the tables are there; changes nothing.

    Raises:
        ConfigurationError: They are another program's, or of a newer version of this one.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and tables:
        raise ConfigurationError(f"{path} is another program's database: name another file for the outbox")
    if application == APPLICATION_ID and version < VERSION:
        raise ConfigurationError(
            f"{path} was made by an early build of xpander-facade: empty it with that build, or name another file"
        )
    if version > VERSION:
        raise ConfigurationError(
            f"{path} was made by a newer version of xpander-facade: update this one, or name another file"
        )
    return bool(tables)


def fill(connection: sqlite3.Connection, path: str, destinations: Mapping[int, str]) -> None:
    """Make what is missing: the tables, and the destinations that this process has numbers of.

    Raises:
        ConfigurationError: The tables are another program's, or of a newer version of this one.
    """
    if is_made(connection, path):
        listed = {destination for (destination,) in connection.execute("SELECT destination FROM destinations")}
        if listed.issuperset(destinations):
            return
    connection.execute("BEGIN IMMEDIATE")
    if not is_made(connection, path):  # no other process was faster
        for statement in _statements(_SCHEMA):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.executemany(
        "INSERT INTO destinations (destination, name) VALUES (?, ?) ON CONFLICT DO NOTHING", destinations.items()
    )
    connection.execute("COMMIT")


def move(old: sqlite3.Connection, new: sqlite3.Connection) -> int:
    """Move all reports and runs of one file into another; return how many were moved.

    They keep their numbers where these are free, since a process that is sending a report knows it by its number. A
    report of a run that has one in the other file already joins it there, as the earlier one.
    """
    old.execute("BEGIN IMMEDIATE")
    try:
        new.execute("BEGIN IMMEDIATE")
        try:
            moved = _copy(old, new)
            new.execute("COMMIT")
        except BaseException:
            new.execute("ROLLBACK")
            raise
        for table in ("reports", "runs", "processes"):
            old.execute(f"DELETE FROM {table}")
        old.execute("UPDATE destinations SET sent = 0, refused = 0, dropped = 0")
        old.execute("COMMIT")
    except BaseException:
        if old.in_transaction:
            old.execute("ROLLBACK")
        raise
    return moved


_REPORT = "destination, id, state, agent_id, created_at, due, attempts, owner, lease_until, lease, reason, size, body"


def _copy(old: sqlite3.Connection, new: sqlite3.Connection) -> int:
    new.executemany(
        "INSERT INTO destinations (destination, name, sent, refused, dropped) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (destination) DO UPDATE SET sent = sent + excluded.sent, refused = refused + excluded.refused,"
        " dropped = dropped + excluded.dropped",
        old.execute("SELECT destination, name, sent, refused, dropped FROM destinations"),
    )
    moved = 0
    for row in old.execute(f"SELECT rowid, {_REPORT} FROM reports ORDER BY rowid"):
        moved += 1
        of_run = (row[2], row[1], row[3])
        known = new.execute("SELECT body FROM reports WHERE id = ? AND destination = ? AND state = ?", of_run)
        if later := known.fetchone():
            joined = merged(row[-1], later[0])
            new.execute(
                "UPDATE reports SET body = ?, size = ? WHERE id = ? AND destination = ? AND state = ?",
                (joined, len(joined), *of_run),
            )
            continue
        is_taken = new.execute("SELECT 1 FROM reports WHERE rowid = ?", row[:1]).fetchone()
        new.execute(
            f"INSERT INTO reports (rowid, {_REPORT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (None, *row[1:]) if is_taken else row,
        )
    for row in old.execute("SELECT id, destination, agent_id, owner, began_at, body FROM runs"):
        moved += 1
        new.execute("INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?)", row)
    new.executemany(
        "INSERT OR IGNORE INTO processes (owner, seen_at, lease_until) VALUES (?, ?, ?)",
        old.execute("SELECT owner, seen_at, lease_until FROM processes"),
    )
    return moved


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; `executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines():
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
