"""The command `top`: an agent's tasks, the workers that have them, and the outbox, live.

The platform can be asked for no list of workers: those that are shown are named by the tasks that run.
"""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import typer

from xpander_facade.cli.options import (
    AgentId,
    AsJson,
    BaseUrl,
    Interval,
    OrganizationId,
    OutboxPath,
    configuration_of,
)
from xpander_facade.cli.output import format_count, format_seconds, one_line, print_fields, print_json
from xpander_facade.cli.table import fit, print_table, render
from xpander_facade.cli.task_columns import COLUMNS, cells_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from xpander_facade import Configuration, XpanderError
    from xpander_facade.cli.history import HistoryReader, HistoryRow
    from xpander_facade.cli.options import Output

_SHARE_OF_TIME = 4
"""How many times as long as a look took is waited before the next one, if that is longer than the interval."""

_ROWS = 20
# Agent, tasks, workers, outbox and an empty line stand above the table.
_HEAD_LINES = 5


def top(
    agent_id: AgentId = None,
    interval: Interval = 2.0,
    outbox: OutboxPath = None,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    organization_id: OrganizationId = None,
) -> None:
    """Show an agent's tasks, the workers that have them and the outbox, live, until q or Ctrl-C.

    Anywhere but on a terminal, and with --json, it prints once how things stand.
    """
    configuration = configuration_of(base_url, organization_id, agent_id, outbox)
    show_live(configuration, {}, None, 0, interval, "json" if as_json else "table", has_frame=True)


def show_live(
    configuration: Configuration,
    filters: dict[str, str],
    since: datetime | None,
    limit: int,
    interval: float,
    form: Output,
    *,
    has_frame: bool,
) -> None:
    """Show tasks live on a terminal; once, anywhere else.

    Args:
        configuration: What to call with; its outbox is shown, where there is one.
        filters: Filters for the platform.
        since: Only tasks that were created then or later.
        limit: At most so many tasks; 0 for as many as there is room for.
        interval: Seconds between two looks.
        form: How to print them where it is done once.
        has_frame: Whether workers and outbox are shown, too.
    """
    if form == "wide" and sys.stdout.isatty():
        raise typer.BadParameter("--watch shows what fits the terminal: leave out --output wide")
    import asyncio

    asyncio.run(_show(configuration, filters, since, limit, interval, form, has_frame))


async def _show(
    configuration: Configuration,
    filters: dict[str, str],
    since: datetime | None,
    limit: int,
    interval: float,
    form: Output,
    has_frame: bool,
) -> None:
    from xpander_facade import Tasks
    from xpander_facade.cli.history import POLL_LIMITS, HistoryReader

    is_live = form != "json" and sys.stdout.isatty()
    async with Tasks(configuration).with_options(**(POLL_LIMITS if is_live else {})) as platform:
        with contextlib.ExitStack() as stack:
            history = HistoryReader(platform, filters, since)
            view = View(configuration, history, limit, interval, stack, has_frame=has_frame, is_live=is_live)
            await view.look()
            if is_live:
                from xpander_facade.cli.screen import show

                await show(view.look_again, view.draw)
            elif form == "json":
                print_json(view.to_dict() if has_frame else view.rows)
            elif has_frame:
                view.print_once()
            else:
                print_table(COLUMNS, map(cells_of, view.rows))


class View:
    """What was seen at the last look.

    Args:
        configuration: What to call with.
        history: The tasks.
        limit: At most so many tasks; 0 for as many as there is room for.
        interval: Seconds between two looks.
        stack: Closes what stays open between looks.
        has_frame: Whether workers and outbox are shown, too.
        is_live: Whether there is room for as many tasks as the screen has lines.
    """

    def __init__(
        self,
        configuration: Configuration,
        history: HistoryReader,
        limit: int,
        interval: float,
        stack: contextlib.ExitStack,
        *,
        has_frame: bool,
        is_live: bool,
    ) -> None:
        self._configuration = configuration
        self._history = history
        self._limit = limit
        self._interval = interval
        self._has_frame = has_frame
        self._is_live = is_live
        self._delay = interval
        self._stack = stack
        self._box: Any = None
        self._failure: XpanderError | None = None
        self._seen_at = datetime.now(UTC)
        self.rows: list[HistoryRow] = []
        self.counts: Counter[str] = Counter()
        self.outbox: dict[str, object] | None = None

    async def look(self) -> None:
        """Ask for the tasks, and look into the outbox.

        Raises:
            XpanderError: A call failed, or the file can't be used.
        """
        items = await self._history.items()
        running = [item for item in items if not item.status.is_final]
        ended = [item for item in items if item.status.is_final]
        # What runs first: ended tasks may be many, and there is room for few.
        ordered = running + ended if self._has_frame else items
        self.rows = await self._history.rows(ordered[: self._limit or self._room()])
        self.counts = Counter(item.status.value for item in items)
        if self._has_frame:
            self.outbox = self._look_into_outbox()
        self._seen_at = datetime.now(UTC)
        self._failure = None

    async def look_again(self) -> None:
        """Wait and look; the next wait is longer where this look failed or took long."""
        import asyncio

        from xpander_facade.cli.history import TRANSIENT, next_delay

        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._delay)
        began = loop.time()
        try:
            await self.look()
        except TRANSIENT as error:
            self._failure = error
            self._delay = next_delay(self._delay, self._interval)
        else:
            self._delay = max(self._interval, _SHARE_OF_TIME * (loop.time() - began))

    @property
    def workers(self) -> dict[str, list[str]]:
        """The ids of the tasks that run, by the worker that has them."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            if row.task is not None and row.task.worker_id and row.item.status.value == "executing":
                found.setdefault(row.task.worker_id, []).append(row.item.id)
        return found

    def to_dict(self) -> dict[str, object]:
        """Return what was seen, for JSON."""
        return {
            "agent_id": self._configuration.get_agent_id(),
            "base_url": self._configuration.base_url,
            "time": self._seen_at,
            "counts": dict(self.counts),
            "tasks": self.rows,
            "workers": [{"id": worker, "tasks": tasks} for worker, tasks in self.workers.items()],
            "outbox": self.outbox,
        }

    def print_once(self) -> None:
        """Print what was seen as fields, and the tasks as a table."""
        print_fields(self._facts())
        print()
        print_table(COLUMNS, map(cells_of, self.rows))

    def draw(self, width: int, height: int) -> RenderableType:
        """Return what was seen, for a screen of this size."""
        from rich.console import Group
        from rich.text import Text

        lines: list[RenderableType] = []
        for name, value in self._facts():
            line = Text(f"{name}: ", style="bold", overflow="fold").append(one_line(str(value)), style="not bold")
            lines.append(line)
        if self._failure is not None:
            lines.append(Text(f"as of {self._seen_at.astimezone():%H:%M:%S}: {one_line(str(self._failure))}", "red"))
        lines.append(Text(""))
        cells = [
            [column.cell(value) for column, value in zip(COLUMNS, cells_of(row), strict=True)] for row in self.rows
        ]
        cells = cells[: max(height - len(lines), 1)]
        if cells:
            lines.append(render(COLUMNS, cells, fit(COLUMNS, cells, width)))
        else:
            lines.append(Text("no tasks", style="dim"))
        return Group(*lines)

    def _facts(self) -> list[tuple[str, object]]:
        total = sum(self.counts.values())
        statuses = ", ".join(f"{format_count(self.counts[one])} {one}" for one in _ordered(self.counts))
        host = urlsplit(self._configuration.base_url).netloc
        facts: list[tuple[str, object]] = [
            ("agent", f"{self._configuration.get_agent_id()} at {host}, {self._seen_at.astimezone():%H:%M:%S}"),
            ("tasks", f"{format_count(total)}: {statuses}" if total else "none"),
        ]
        if self._has_frame:
            workers = [f"{one} ({len(tasks)})" for one, tasks in self.workers.items()]
            facts += [("workers", ", ".join(workers) or "none at work"), ("outbox", _outbox_line(self.outbox))]
        return facts

    def _room(self) -> int:
        if not self._is_live:
            return _ROWS
        from rich.console import Console

        return max(Console().height - _HEAD_LINES, 1)

    def _look_into_outbox(self) -> dict[str, object] | None:
        from xpander_facade.cli.outbox import open_outbox

        if self._configuration.outbox is None:
            return None
        if self._box is None:
            self._box = open_outbox(self._configuration)
            if self._box is None:
                return None
            # Opened once it is there, and kept: looking into it again and again would open and close the file each
            # time.
            self._stack.enter_context(contextlib.closing(self._box))
        return {"file": self._box.path, **attrs.asdict(self._box.status())}


def _ordered(counts: Counter[str]) -> list[str]:
    """Return the statuses that there are, those that are known first, in the order in which a task has them."""
    order = ("executing", "pending", "paused", "completed", "failed", "error", "stopped")
    return [one for one in (*order, *sorted(counts.keys() - set(order))) if counts[one]]


def _outbox_line(outbox: dict[str, object] | None) -> str:
    if outbox is None:
        return "none"
    parts = [f"{format_count(int(str(outbox[name])))} {name}" for name in ("waiting", "sending", "quarantined")]
    age = outbox["oldest_age"]
    if isinstance(age, float):
        parts.append(f"the oldest for {format_seconds(age)}")
    return f"{', '.join(parts)}; circuit {outbox['circuit']}"
