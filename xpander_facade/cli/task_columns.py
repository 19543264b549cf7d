"""The columns of a table of tasks, and the cells of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade.cli.output import format_count, format_moment, format_seconds
from xpander_facade.cli.table import STATUS_STYLES, Column

if TYPE_CHECKING:
    from xpander_facade.cli.history import HistoryRow

COLUMNS = (
    Column("id"),
    Column("status", styles=STATUS_STYLES),
    Column("created", format_moment, is_optional=True),
    Column("duration", format_seconds, is_number=True),
    Column("tokens", format_count, unit=" tokens", is_number=True),
    Column("title", is_optional=True, overflow="cut"),
    Column("result", is_optional=True, overflow="cut"),
)
WIDE_COLUMNS = (
    Column("id"),
    Column("status", styles=STATUS_STYLES),
    Column("created"),
    Column("duration", format_seconds, is_number=True),
    Column("tokens", format_count, is_number=True),
    *map(Column, ("updated", "started", "finished", "in", "out", "cache read", "cache write", "model", "source")),
    *map(Column, ("worker", "user", "parent", "tools", "title", "result")),
)


def cells_of(row: HistoryRow) -> tuple[object, ...]:
    """Return the cells of a task for `COLUMNS`."""
    item = row.item
    return (
        item.id,
        item.status.value,
        item.created_at,
        row.seconds,
        row.total_tokens,
        item.title,
        item.result,
    )


def wide_cells_of(row: HistoryRow) -> tuple[object, ...]:
    """Return the cells of a task for `WIDE_COLUMNS`."""
    item, task = row.item, row.task
    tokens = None if task is None else task.tokens
    return (
        *(item.id, item.status.value, item.created_at, row.seconds, row.total_tokens, item.updated_at),
        *((None, None) if task is None else (task.started_at, task.finished_at)),
        *((None,) * 4 if tokens is None else (tokens.prompt_tokens, tokens.completion_tokens)),
        *(() if tokens is None else (tokens.cache_read_tokens, tokens.cache_write_tokens)),
        *((None,) * 3 if task is None else (task.llm_model_name, task.source, task.worker_id)),
        *(item.user_id, item.parent_task_id, None if task is None else task.used_tools, item.title, item.result),
    )
