"""Tables of the emulator's database, and how a file of an earlier version is brought up to them."""

from __future__ import annotations

import sqlite3
from typing import Final

VERSION: Final = 2
TABLES: Final = ("tasks", "agents", "events", "entries", "metrics", "task_text", "totals", "minutes")

_TASKS: Final = """
CREATE TABLE IF NOT EXISTS tasks (
    n INTEGER PRIMARY KEY, organization_id TEXT NOT NULL, id TEXT NOT NULL, agent_id TEXT NOT NULL,
    user_id TEXT, parent_task_id TEXT, triggering_agent_id TEXT, status TEXT NOT NULL, internal_status TEXT,
    source TEXT NOT NULL DEFAULT '', minute TEXT NOT NULL DEFAULT '', duration REAL NOT NULL DEFAULT 0,
    tokens INTEGER NOT NULL DEFAULT 0, is_indexed INTEGER NOT NULL DEFAULT 0,
    running INTEGER NOT NULL DEFAULT 0, first_event INTEGER NOT NULL DEFAULT 1,
    document TEXT NOT NULL, llm_response TEXT, UNIQUE (organization_id, id));
"""
# `totals` and `minutes` count as tasks are written, so that sums over 100,000 tasks do not read 100,000 tasks.
_OTHERS: Final = """
CREATE INDEX IF NOT EXISTS tasks_by_agent ON tasks (agent_id);
CREATE INDEX IF NOT EXISTS tasks_by_status ON tasks (status);
CREATE INDEX IF NOT EXISTS tasks_by_user ON tasks (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_by_source ON tasks (source);
CREATE INDEX IF NOT EXISTS tasks_by_duration ON tasks (duration);
CREATE INDEX IF NOT EXISTS tasks_by_tokens ON tasks (tokens);
CREATE INDEX IF NOT EXISTS tasks_running ON tasks (n) WHERE running = 1;
CREATE INDEX IF NOT EXISTS tasks_not_indexed ON tasks (n) WHERE is_indexed = 0;
CREATE TABLE IF NOT EXISTS agents (
    organization_id TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (organization_id, id));
CREATE TABLE IF NOT EXISTS events (
    organization_id TEXT NOT NULL, task_id TEXT NOT NULL, n INTEGER NOT NULL, last INTEGER NOT NULL,
    data TEXT NOT NULL, PRIMARY KEY (organization_id, task_id, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
    organization_id TEXT NOT NULL, task_id TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (organization_id, task_id, id));
CREATE TABLE IF NOT EXISTS metrics (
    organization_id TEXT NOT NULL, agent_id TEXT NOT NULL, execution_id TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (organization_id, agent_id, execution_id));
CREATE VIRTUAL TABLE IF NOT EXISTS task_text USING fts5 (body, tokenize = 'unicode61 remove_diacritics 2');
CREATE TABLE IF NOT EXISTS totals (
    agent_id TEXT NOT NULL, status TEXT NOT NULL, runs INTEGER NOT NULL, tokens INTEGER NOT NULL,
    duration REAL NOT NULL, PRIMARY KEY (agent_id, status)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minutes (
    minute TEXT NOT NULL, agent_id TEXT NOT NULL, runs INTEGER NOT NULL, tokens INTEGER NOT NULL,
    PRIMARY KEY (minute, agent_id)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS count_new AFTER INSERT ON tasks BEGIN
    INSERT INTO totals VALUES (new.agent_id, new.status, 1, new.tokens, new.duration)
        ON CONFLICT DO UPDATE SET runs = runs + 1, tokens = tokens + excluded.tokens,
            duration = duration + excluded.duration;
    INSERT INTO minutes VALUES (new.minute, new.agent_id, 1, new.tokens)
        ON CONFLICT DO UPDATE SET runs = runs + 1, tokens = tokens + excluded.tokens;
END;
CREATE TRIGGER IF NOT EXISTS count_changed AFTER UPDATE OF agent_id, status, tokens, duration ON tasks
    WHEN old.agent_id <> new.agent_id OR old.status <> new.status OR old.tokens <> new.tokens
        OR old.duration <> new.duration BEGIN
    UPDATE totals SET runs = runs - 1, tokens = tokens - old.tokens, duration = duration - old.duration
        WHERE agent_id = old.agent_id AND status = old.status;
    UPDATE minutes SET runs = runs - 1, tokens = tokens - old.tokens
        WHERE minute = old.minute AND agent_id = old.agent_id;
    INSERT INTO totals VALUES (new.agent_id, new.status, 1, new.tokens, new.duration)
        ON CONFLICT DO UPDATE SET runs = runs + 1, tokens = tokens + excluded.tokens,
            duration = duration + excluded.duration;
    INSERT INTO minutes VALUES (new.minute, new.agent_id, 1, new.tokens)
        ON CONFLICT DO UPDATE SET runs = runs + 1, tokens = tokens + excluded.tokens;
END;
"""
_FIRST_VERSION: Final = """
ALTER TABLE tasks RENAME TO old_tasks;
DROP INDEX IF EXISTS tasks_by_agent;
DROP INDEX IF EXISTS tasks_by_user;
"""
_COPY: Final = """
INSERT INTO tasks (n, organization_id, id, agent_id, user_id, parent_task_id, triggering_agent_id, status,
    internal_status, source, minute, duration, tokens, running, first_event, document, llm_response)
SELECT rowid, organization_id, id, agent_id, user_id, parent_task_id, triggering_agent_id, COALESCE(status, 'pending'),
    internal_status, COALESCE(json_extract(document, '$.source'), ''),
    substr(json_extract(document, '$.created_at'), 1, 16), COALESCE(json_extract(document, '$.duration'), 0),
    COALESCE(json_extract(document, '$.tokens.total_tokens'), 0), running, first_event, document, llm_response
FROM old_tasks ORDER BY rowid;
DROP TABLE old_tasks;
"""


def create(db: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an earlier version up to this one.

    Raises:
        sqlite3.DatabaseError: when the file was written by a newer version, or is not a database.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise sqlite3.DatabaseError(f"a newer emulator wrote it (version {version}, this one knows {VERSION})")
    if version == VERSION:
        return
    is_first = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'tasks'").fetchone() is not None
    steps = [_FIRST_VERSION, _TASKS, _OTHERS, _COPY] if is_first else [_TASKS, _OTHERS]
    script = "".join(steps)
    # `executescript` begins no transaction itself: without one a second process could find half of the tables.
    db.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {VERSION}; COMMIT;")
