"""taskiq: tasks are recorded as runs by a middleware, under their own ids, with what all of their attempts used."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from xpander_facade.integrations._jobs import Describe, Jobs, record
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Collection

    from xpander_facade.backend import Backend

    class _Middleware:
        broker: Any

else:
    try:
        from taskiq import TaskiqMiddleware as _Middleware
    except ImportError:  # said when a middleware is made
        _Middleware = object

__all__ = ["RecordTasks", "record"]

_OLDEST = "0.12"
_log = logging.getLogger("xpander_facade.recorder")


class RecordTasks(_Middleware):
    """A middleware that records tasks: those that are named or marked, or in which something is recorded.

    The run's id is the task's id, its attempts are the retries of taskiq's middlewares. A block of `external_task()`
    without an id within a task is a part of the task's run.

    Args:
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        tasks: Names of tasks that are recorded: "shop.tasks:summarise".
        all: Record every task.
        input: Makes the run's input of the task's arguments; False leaves it out; None takes the first argument.
        result: Makes the run's result of what the task returned; False leaves it out; None takes it as it is.
        agent_id: The agent that the runs count for; by default the configuration's.

    Raises:
        IntegrationError: taskiq is missing or too old, or an argument makes no sense.

    Example:
        >>> broker = ListQueueBroker("redis://").with_middlewares(RecordTasks(tasks=["shop.tasks:summarise"]))
    """

    def __init__(
        self,
        backend: Backend | None = None,
        *,
        tasks: Collection[str] = (),
        all: bool = False,
        input: Describe = None,
        result: Describe = None,
        agent_id: str | None = None,
    ) -> None:
        require("taskiq", distribution="taskiq", oldest=_OLDEST, integration="integrations.taskiq")
        super().__init__()
        self._jobs = Jobs(backend, names=tasks, all=all, input=input, result=result, agent_id=agent_id)
        self._is_warned = False

    async def startup(self) -> None:
        """Import what tasks need, and begin to send what earlier processes left, where the broker is a worker's."""
        if self.broker.is_worker_process:
            await self._jobs.prepare_in_loop()

    async def shutdown(self) -> None:
        """Send what waits before the worker ends."""
        if self.broker.is_worker_process:
            await self._jobs.flush_in_loop()

    async def pre_execute(self, message: Any) -> Any:
        """Begin the run of a task."""
        if self._is_first():
            task = self.broker.find_task(message.task_name)
            await self._jobs.abegin(
                _key(message),
                id=message.task_id,
                name=message.task_name,
                attempt=_attempt(message),
                arguments=message.args,
                keywords=message.kwargs,
                marked=() if task is None else (task, task.original_func),
            )
        return message

    async def on_error(self, message: Any, result: Any, exception: BaseException) -> None:
        """End the run of a task that has raised."""
        timeout = message.labels.get("timeout")
        # What taskiq raises at a task's timeout has no words.
        if timeout is not None and type(exception) is TimeoutError and not exception.args:
            exception = TimeoutError(f"timeout ({float(timeout):g} s) exceeded")
        await self._jobs.aend(_key(message), None, exception)

    async def post_execute(self, message: Any, result: Any) -> None:
        """End the run of a task that has returned."""
        # What raised has ended in on_error: another middleware may have put something else in its stead since.
        await self._jobs.aend(_key(message), result.return_value, result.error)

    def _is_first(self) -> bool:
        first = next(one for one in self.broker.middlewares if isinstance(one, RecordTasks))
        if first is not self and not self._is_warned:
            self._is_warned = True
            _log.error("the broker %r has RecordTasks twice, and the first one records: add it once", self.broker)
        return first is self


def _attempt(message: Any) -> int:
    try:
        # Both of taskiq's middlewares for retries count in this label.
        return int(message.labels.get("_retries", 0))
    except (TypeError, ValueError):  # a user's own label
        return 0


def _key(message: Any) -> tuple[str, int, int]:
    # A broker may give a task again while it is under way here; taskiq handles each delivery in an asyncio task.
    return message.task_id, _attempt(message), id(asyncio.current_task())
