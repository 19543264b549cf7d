"""The history of an agent's tasks: what the platform lists, with what only the tasks themselves tell.

A list item has neither tokens nor duration, so each task that is shown is loaded, up to eight at the same time. One
that has ended is not loaded again while its item stays as it was.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade import APIConnectionError, RateLimitError, ServerError, XpanderError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xpander_facade import Task, Tasks, TasksListItem  # noqa: TC004 (nobody evaluates the annotations)

TRANSIENT = (APIConnectionError, RateLimitError, ServerError)
"""Errors after which the same call may succeed later."""

DETAILS = (
    "duration",
    "tokens",
    "started_at",
    "finished_at",
    "source",
    "worker_id",
    "llm_model_name",
    "used_tools",
)
POLL_LIMITS: dict[str, Any] = {"timeout": 10.0, "max_retries": 0, "deadline": 10.0}
"""What a call may take that is made again and again: it is the next look that tries again."""

_MAX_DELAY = 30.0
_CONCURRENCY = 8
# Sorts what has no time behind all that has one.
_OLDEST = datetime.min.replace(tzinfo=UTC)


@attrs.frozen
class HistoryRow:
    """A task of the history: its list item, and the whole task where it was loaded."""

    item: TasksListItem
    task: Task | None = None

    @property
    def seconds(self) -> float | None:
        """How long the task took, or takes until now; None where that is not known."""
        task = self.task
        if task is None:
            return None
        if task.duration:
            return task.duration
        if task.started_at is None:
            return 0.0 if task.status.is_final else None
        end = task.finished_at if task.status.is_final else datetime.now(UTC)
        return None if end is None else max((end - task.started_at).total_seconds(), 0.0)

    @property
    def total_tokens(self) -> int | None:
        """Tokens of the prompt and the answer; None where none were told."""
        return None if self.task is None or self.task.tokens is None else self.task.tokens.total_tokens

    def to_dict(self) -> dict[str, Any]:
        """Return the item with what the task tells beside it; null where the task could not be loaded."""
        details: dict[str, Any] = {} if self.task is None else self.task.to_dict()
        return {**self.item.to_dict(), **{name: details.get(name) for name in DETAILS}}


class HistoryReader:
    """The tasks of an agent that filters leave, newest first.

    Args:
        platform: What lists and loads them.
        filters: Filters for the platform.
        since: Only tasks that were created then or later.
        has_details: Whether tasks are loaded.
    """

    def __init__(
        self,
        platform: Tasks,
        filters: dict[str, str] | None = None,
        since: datetime | None = None,
        *,
        has_details: bool = True,
    ) -> None:
        self._platform = platform
        self._filters = filters
        self._since = since
        self._has_details = has_details
        self._ended: dict[str, tuple[object, Task]] = {}
        self._limit = asyncio.Semaphore(_CONCURRENCY)
        self.failures: list[XpanderError] = []
        """Why tasks could not be loaded the last time."""

    async def items(self) -> list[TasksListItem]:
        """Return the items, newest first; those without a time come last.

        Raises:
            XpanderError: The call failed.
        """
        found = await self._platform.alist(filters=self._filters)
        since = self._since
        kept = [one for one in found if since is None or (one.created_at is not None and one.created_at >= since)]
        listed = {one.id for one in found}
        # What is not listed any more is forgotten: a screen may be open for days.
        self._ended = {id: ended for id, ended in self._ended.items() if id in listed}
        return sorted(kept, key=lambda one: one.created_at or _OLDEST, reverse=True)

    async def rows(
        self, items: Sequence[TasksListItem], advance: Callable[[int], None] | None = None
    ) -> list[HistoryRow]:
        """Return the items with their tasks.

        Args:
            items: The items.
            advance: Called with how many are done by now.
        """
        self.failures = []
        if not self._has_details:
            return [HistoryRow(item) for item in items]
        done = 0

        async def load(item: TasksListItem) -> HistoryRow:
            nonlocal done
            async with self._limit:
                row = HistoryRow(item, await self._task_of(item))
            done += 1
            if advance is not None:
                advance(done)
            return row

        return await asyncio.gather(*map(load, items))

    async def _task_of(self, item: TasksListItem) -> Task | None:
        state = (item.status, item.updated_at)
        before = self._ended.get(item.id)
        if before is not None and before[0] == state:
            return before[1]
        try:
            task = await self._platform.aget(item.id)
        except XpanderError as error:
            self.failures.append(error)
            return None
        # What runs is loaded at each look: its tokens grow while its item stays as it is.
        if item.status.is_final:
            self._ended[item.id] = (state, task)
        return task


def next_delay(delay: float, interval: float) -> float:
    """Return how many seconds to wait after a look that failed, ever longer."""
    return max(min(delay * 2, _MAX_DELAY), interval)
