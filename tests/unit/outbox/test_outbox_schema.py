"""The tables of an outbox's file: what is found while another process makes them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from xpander_facade.outbox import _schema

if TYPE_CHECKING:
    from pathlib import Path


class _Overtaken(sqlite3.Connection):
    """A connection before one of whose statements another one makes the tables."""

    path = ""
    statements_left = 0

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        if not self.statements_left:
            with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
                _schema.fill(other, self.path, {1: "d"})
        self.statements_left -= 1
        return super().execute(*arguments)


@pytest.mark.parametrize("statements", [0, 1, 2])
def test_tables_that_another_process_makes_meanwhile_are_not_taken_for_anothers(
    tmp_path: Path, statements: int
) -> None:
    path = str(tmp_path / "runs.db")
    with closing(sqlite3.connect(path, isolation_level=None, factory=_Overtaken)) as connection:
        connection.path, connection.statements_left = path, statements
        assert _schema.is_made(connection, path) == (statements == 0)
        connection.path, connection.statements_left = path, -1
        assert _schema.is_made(connection, path)
