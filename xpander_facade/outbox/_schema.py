"""The tables of an outbox's file: what they are, whose database it is, and making them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

APPLICATION_ID = 0x78706F62  # "xpob"
VERSION = 1

_SCHEMA = """
CREATE TABLE destinations (
    destination INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    failures INTEGER NOT NULL DEFAULT 0, open_until REAL NOT NULL DEFAULT 0, open_seconds REAL NOT NULL DEFAULT 0,
    next_at REAL NOT NULL DEFAULT 0, next_seconds REAL NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0);
CREATE TABLE reports (
    rowid INTEGER PRIMARY KEY, destination INTEGER NOT NULL, id TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0,
    agent_id TEXT NOT NULL, created_at REAL NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    owner TEXT, lease_until REAL, reason TEXT, size INTEGER NOT NULL, body BLOB NOT NULL);
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


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; `executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines():
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
