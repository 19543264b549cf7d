"""History: the tasks of all agents as the page shows them, filtered, sorted, paged and summed by SQL.

A page is found by where the one before it ended, not by its number, so that the last of 100,000 tasks cost what the
first do. Texts are indexed when somebody looks for one, since reports should not wait for that.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ._json import is_object, object_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._json import Json
    from ._store import Store

PAGE_SIZE: Final = 50
SORTS: Final[Mapping[str, str]] = {
    "created": "n",
    "agent": "agent_id",
    "status": "status",
    "source": "source",
    "duration": "duration",
    "tokens": "tokens",
}
STATUSES: Final = ("pending", "executing", "paused", "completed", "failed", "error", "stopped")
_MAX_COUNT: Final = 1_000
_MAX_TEXT: Final = 20_000
_EXCERPT: Final = 240
_BATCH: Final = 200
_MAX_AGENTS: Final = 200
_MAX_SERIES: Final = 6
_WORD: Final = re.compile(r"\w+")
# What a row shows is taken from the document by SQLite, so that a page of large results is not read as a whole.
_COLUMNS: Final = f"""
    t.n, t.organization_id, t.id, t.agent_id, t.status, t.source, t.duration, t.tokens, t.user_id,
    json_extract(t.document, '$.created_at'), substr(json_extract(t.document, '$.title'), 1, {_EXCERPT}),
    substr(json_extract(t.document, '$.input.text'), 1, {_EXCERPT}),
    substr(json_extract(t.document, '$.result'), 1, {_EXCERPT}), json_extract(t.document, '$.used_tools'),
    CASE WHEN instr(t.document, '\\u0000') THEN t.document END
"""
_NAMES: Final[tuple[str, ...]] = (
    "n", "organization_id", "id", "agent_id", "status", "source", "duration", "tokens", "user_id",
    "created_at", "title", "input", "result", "tools", "document",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """What a page of the history shows.

    Attributes:
        agent: Only tasks of this agent; empty for all. So are `status` and `user`.
        text: Only tasks whose id, title, input or result has all of these words; the last may be the beginning
            of one.
        sort: A name of `SORTS`.
        descending: The largest or newest first.
        after: Where the page before ended: the sort's value and the number of its last task.
        before: Where the page after this one begins.
    """

    agent: str = ""
    status: str = ""
    user: str = ""
    text: str = ""
    sort: str = "created"
    descending: bool = True
    after: tuple[Any, int] | None = None
    before: tuple[Any, int] | None = None

    @property
    def match(self) -> str:
        """The text as an expression of FTS5: words in quotes, the last one as the beginning of one."""
        words = [f'"{word}"' for word in _WORD.findall(self.text)]
        # A space behind the last word says that it is whole.
        return " ".join(words) + ("*" if words and self.text[-1:].strip() else "")


@dataclass(slots=True)
class Page:
    """Some tasks, how many there are (None: more than can be counted in a moment), and where the pages around begin."""

    tasks: list[Json]
    count: int | None
    older: tuple[Any, int] | None = None
    newer: tuple[Any, int] | None = None


@dataclass(slots=True)
class Totals:
    """Sums over all tasks, or those of an agent, and how they are spread over time.

    Attributes:
        runs: How many tasks, and how many of each status; so `by_status`.
        tokens: All their tokens.
        duration: Seconds that they took in all.
        unit: What a bucket is: minute, hour, day or month.
        buckets: The beginnings of the buckets, ISO 8601 without the rest.
        series: Runs and tokens of each bucket by agent, the busiest agents first, the others as one.
    """

    runs: int = 0
    tokens: int = 0
    duration: float = 0.0
    by_status: dict[str, int] = field(default_factory=dict[str, int])
    unit: str = "minute"
    buckets: list[str] = field(default_factory=list[str])
    series: list[Json] = field(default_factory=list["Json"])


class History:
    """The tasks of a store, for reading."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(self, query: Query) -> Page:
        """Return a page of tasks."""
        column = SORTS[query.sort]
        backwards = query.before is not None
        edge = query.before if backwards else query.after
        falling = query.descending != backwards
        table, where, values = self._conditions(query)
        if edge is not None:
            sign = "<" if falling else ">"
            where.append(f"t.n {sign} ?" if column == "n" else f"(t.{column}, t.n) {sign} (?, ?)")
            values += edge[1:] if column == "n" else edge
        order = "DESC" if falling else "ASC"
        # The full-text index can give its rows in order, but only by its own name for their number.
        by = f"t.{column} {order}, t.n {order}" if column != "n" else f"{'f.rowid' if query.match else 't.n'} {order}"
        rows = self._store.read(
            # One row more than a page holds tells whether there is another page.
            f"SELECT {_COLUMNS} FROM {table} WHERE {' AND '.join(where) or '1'} ORDER BY {by} LIMIT {PAGE_SIZE + 1}",
            *values,
        )
        has_more = len(rows) > PAGE_SIZE
        tasks = [_task(row) for row in rows[:PAGE_SIZE]]
        if backwards:
            tasks.reverse()
        page = Page(tasks, self._count(query))
        if tasks:
            if has_more or backwards:
                page.older = _edge(column, tasks[-1])
            if (has_more and backwards) or query.after is not None:
                page.newer = _edge(column, tasks[0])
        return page

    def totals(self, agent: str = "") -> Totals:
        """Sum all tasks, or those of an agent."""
        where, values = ("agent_id = ? AND runs > 0", [agent]) if agent else ("runs > 0", [])
        found = Totals()
        sums = "SELECT status, SUM(runs), TOTAL(tokens), TOTAL(duration) FROM totals"
        for status, runs, tokens, duration in self._store.read(f"{sums} WHERE {where} GROUP BY status", *values):
            found.by_status[status] = runs
            found.runs += runs
            found.tokens += int(tokens)
            found.duration += duration
        if found.runs:
            self._spread(found, where, values)
        return found

    def agents(self) -> list[str]:
        """Return the agents that have tasks, the busiest first."""
        rows = self._store.read(
            "SELECT agent_id FROM totals GROUP BY agent_id HAVING SUM(runs) > 0"
            " ORDER BY SUM(runs) DESC, agent_id LIMIT ?",
            _MAX_AGENTS,
        )
        return [agent for (agent,) in rows]

    def index(self) -> bool:
        """Add some texts to the full-text index; return whether more are waiting."""
        with self._store.transaction():
            rows = self._store.read(
                f"SELECT n, id, substr(json_extract(document, '$.title'), 1, {_MAX_TEXT}),"
                f" substr(json_extract(document, '$.input.text'), 1, {_MAX_TEXT}),"
                f" substr(json_extract(document, '$.result'), 1, {_MAX_TEXT}),"
                " CASE WHEN instr(document, '\\u0000') THEN document END FROM tasks WHERE is_indexed = 0 LIMIT ?",
                _BATCH,
            )
            if not rows:
                return False
            texts = [(row[0], _indexed(row)) for row in rows]
            self._store.write_many("DELETE FROM task_text WHERE rowid = ?", [(n,) for n, _ in texts])
            self._store.write_many("INSERT INTO task_text (rowid, body) VALUES (?, ?)", texts)
            self._store.write_many("UPDATE tasks SET is_indexed = 1 WHERE n = ?", [(n,) for n, _ in texts])
            return len(rows) == _BATCH

    def _conditions(self, query: Query) -> tuple[str, list[str], list[Any]]:
        table, where, values = "tasks t", list[str](), list[Any]()
        if query.text:
            # A search must find what was written just before it.
            while self.index():
                pass
            if not query.match:
                # A text without any word finds nothing.
                return table, ["0"], []
            table = "task_text f JOIN tasks t ON t.n = f.rowid"
            where, values = ["f.task_text MATCH ?"], [query.match]
        for name, value in (("agent_id", query.agent), ("status", query.status), ("user_id", query.user)):
            if value:
                where.append(f"t.{name} = ?")
                values.append(value)
        return table, where, values

    def _count(self, query: Query) -> int | None:
        table, where, values = self._conditions(query)
        if not query.text and not query.user:
            # `totals` has this sum already.
            condition = " AND ".join(clause.removeprefix("t.") for clause in where) or "1"
            ((runs,),) = self._store.read(f"SELECT COALESCE(SUM(runs), 0) FROM totals WHERE {condition}", *values)
            return int(runs)
        some = f"SELECT 1 FROM {table} WHERE {' AND '.join(where)} LIMIT {_MAX_COUNT + 1}"
        ((count,),) = self._store.read(f"SELECT COUNT(*) FROM ({some})", *values)
        return None if count > _MAX_COUNT else int(count)

    def _spread(self, found: Totals, where: str, values: list[Any]) -> None:
        ((first, last),) = self._store.read(f"SELECT MIN(minute), MAX(minute) FROM minutes WHERE {where}", *values)
        found.unit, length, found.buckets = _buckets(first, last)
        position = {bucket: index for index, bucket in enumerate(found.buckets)}
        series: dict[str, Json] = {}
        for agent, bucket, runs, tokens in self._store.read(
            f"SELECT agent_id, substr(minute, 1, {length}), SUM(runs), TOTAL(tokens) FROM minutes WHERE {where}"
            " GROUP BY 1, 2",
            *values,
        ):
            if bucket in position:
                empty = {"agent": agent, "runs": [0] * len(position), "tokens": [0] * len(position)}
                one = series.setdefault(agent, empty)
                one["runs"][position[bucket]] = runs
                one["tokens"][position[bucket]] = int(tokens)
        busiest = sorted(series.values(), key=lambda one: (-sum(one["runs"]), one["agent"]))
        found.series = busiest[:_MAX_SERIES]
        rest = busiest[_MAX_SERIES:]
        if rest:
            others: Json = {"agent": f"{len(rest)} other agents"}
            for name in ("runs", "tokens"):
                others[name] = [sum(column) for column in zip(*(one[name] for one in rest), strict=True)]
            found.series.append(others)


def _task(row: tuple[Any, ...]) -> Json:
    task: Json = dict(zip(_NAMES, row, strict=True))
    try:
        tools = json.loads(task["tools"] or "[]")
    except ValueError:
        tools = []
    task["tools"] = tools if isinstance(tools, list) else []
    document = task.pop("document")
    if document is not None:
        task["title"], task["input"], task["result"] = (_whole(text)[:_EXCERPT] for text in _texts(document))
    return task


def _indexed(row: tuple[Any, ...]) -> str:
    _, id, *texts, document = row
    if document is not None:
        texts = [_whole(text)[:_MAX_TEXT].replace("\0", " ") for text in _texts(document)]
    return "\n".join(text for text in (id.replace("\0", " "), *texts) if isinstance(text, str))


def _texts(document: str) -> tuple[Any, Any, Any]:
    """Return title, input and result of a document with a NUL, where SQLite's functions cut a text."""
    task = json.loads(document)
    return task.get("title"), object_of(task.get("input")).get("text"), task.get("result")


def _whole(text: Any) -> str:
    return text if isinstance(text, str) else ""


def _edge(column: str, task: Json) -> tuple[Any, int]:
    return task[column], task["n"]


def _buckets(first: str, last: str) -> tuple[str, int, list[str]]:
    """Return the unit, its length in an ISO 8601 text, and all buckets from the first minute to the last."""
    try:
        begin, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    except ValueError:
        return "minute", 16, sorted({first, last})
    span = end - begin
    if span > timedelta(days=366):
        months = range(begin.year * 12 + begin.month - 1, end.year * 12 + end.month)
        return "month", 7, [f"{month // 12:04}-{month % 12 + 1:02}" for month in months]
    unit, length, step = (
        ("minute", 16, timedelta(minutes=1))
        if span <= timedelta(hours=2)
        else ("hour", 13, timedelta(hours=1))
        if span <= timedelta(days=5)
        else ("day", 10, timedelta(days=1))
    )
    buckets: list[str] = []
    while begin.isoformat()[:length] <= end.isoformat()[:length]:
        buckets.append(begin.isoformat()[:length])
        begin += step
    return unit, length, buckets


def described(task: Json) -> Json:
    """Return a stored task with what its page shows, whatever the document holds."""
    given = object_of(task.get("input"))
    return {
        **task,
        "input_text": given.get("text"),
        "files": [file for file in given.get("files") or () if isinstance(file, str)],
        "user": object_of(given.get("user")),
        "tokens": object_of(task.get("tokens")),
        "plan": [step for step in object_of(task.get("deep_planning")).get("tasks") or () if is_object(step)],
        "tools": [tool for tool in task.get("used_tools") or () if isinstance(tool, str)],
    }
