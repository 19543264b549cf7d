"""Hold that a history of tasks makes a data frame by the lines of the documentation, with pandas itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pandas

from xpander_facade import AgentExecutionStatus, TasksListItem

PAGE = Path(__file__).resolve().parents[3] / "docs" / "tasks.md"


class Tasks:
    """What stands for the platform here."""

    def list(self):
        given = {"agent_id": "a", "organization_id": "o", "created_at": datetime(2026, 11, 28, tzinfo=UTC)}
        statuses = (AgentExecutionStatus.Completed, AgentExecutionStatus.Failed, AgentExecutionStatus.Completed)
        return [TasksListItem(id=str(n), status=status, **given) for n, status in enumerate(statuses)]


def test_the_lines_of_the_documentation_make_a_frame_with_a_row_for_each_task(capsys):
    (code,) = re.findall(r"```python\n(import pandas\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    namespace = {"tasks": Tasks()}
    exec(code, namespace)
    frame = namespace["frame"]
    assert list(frame["id"]) == ["0", "1", "2"]
    assert {"status", "created_at", "result", "title"} <= set(frame.columns)
    assert re.search(r"completed +2\nfailed +1\n", capsys.readouterr().out)
    assert pandas.to_datetime(frame["created_at"]).dt.day.eq(28).all()
