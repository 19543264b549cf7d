"""huey: tasks are recorded as runs, under their own ids, with what all of their attempts used."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, cast

from xpander_facade.errors import IntegrationError
from xpander_facade.integrations._jobs import Describe, Jobs, TryAgainError, record
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Collection

    from xpander_facade.backend import Backend

__all__ = ["instrument", "record", "uninstrument"]

_OLDEST = "2.5"
_HOOK = "xpander"
_STEERING = frozenset({"CancelExecution", "RateLimitExceeded", "RetryTask", "TaskLockedException"})
"""Exceptions of huey after which it may do a task again."""
# By the id of a Huey, which stays its own: the recording keeps the Huey alive.
_instrumented: dict[int, _Recording] = {}


def instrument(
    huey: object,
    backend: Backend | None = None,
    *,
    tasks: Collection[str] = (),
    all: bool = False,
    input: Describe = None,
    result: Describe = None,
    agent_id: str | None = None,
) -> None:
    """Record the tasks of a Huey: those that are named, marked by `record`, or in which something is recorded.

    Call it where the Huey is made, so that the consumer's workers do. The run's id is the task's id. A block of
    `external_task()` without an id within a task is a part of the task's run.

    Args:
        huey: The Huey.
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        tasks: Names of tasks that are recorded: "shop.tasks.summarise".
        all: Record every task.
        input: Makes the run's input of the task's arguments; False leaves it out; None takes the first argument.
        result: Makes the run's result of what the task returned; False leaves it out; None takes it as it is.
        agent_id: The agent that the runs count for; by default the configuration's.

    Raises:
        IntegrationError: huey is missing or too old, `huey` is not one, or it is instrumented already.

    Example:
        >>> huey = RedisHuey("shop")
        >>> instrument(huey, tasks=["shop.tasks.summarise"])
    """
    api = require("huey.api", distribution="huey", oldest=_OLDEST, integration="integrations.huey")
    if not isinstance(huey, api.Huey):
        raise IntegrationError(f"huey must be a Huey, not {type(huey).__name__}: pass the RedisHuey(...) object")
    if id(huey) in _instrumented:
        raise IntegrationError(f"{huey!r} is instrumented already: call instrument() once, where the Huey is made")
    jobs = Jobs(backend, names=tasks, all=all, input=input, result=result, agent_id=agent_id)
    _instrumented[id(huey)] = _Recording(huey, jobs)


def uninstrument(huey: object) -> None:
    """Record the tasks of a Huey no more."""
    recording = _instrumented.pop(id(huey), None)
    if recording is not None:
        recording.disconnect()


class _Recording:
    """What a Huey's hooks and signals are connected to.

    Args:
        huey: The Huey.
        jobs: Its tasks.
    """

    def __init__(self, huey: Any, jobs: Jobs) -> None:
        self._huey = huey
        self._jobs = jobs
        signals: Any = require("huey.signals", distribution="huey", oldest=_OLDEST, integration="integrations.huey")
        self._interrupted, self._canceled = signals.SIGNAL_INTERRUPTED, signals.SIGNAL_CANCELED
        huey.pre_execute(_HOOK)(self._begin)
        huey.post_execute(_HOOK)(self._end)
        huey.on_startup(_HOOK)(self._take_up)
        huey.on_shutdown(_HOOK)(self._flush)
        self._receiver = huey.signal(self._interrupted, self._canceled)(self._end_without_post_execute)

    def disconnect(self) -> None:
        """Leave the Huey as it was."""
        huey = self._huey
        huey.unregister_pre_execute(_HOOK)
        huey.unregister_post_execute(_HOOK)
        huey.unregister_on_startup(_HOOK)
        huey.unregister_on_shutdown(_HOOK)
        huey.disconnect_signal(self._receiver, self._interrupted, self._canceled)

    def _begin(self, task: Any) -> None:
        kind = cast("type[object]", type(task))
        self._jobs.begin(
            _key(task),
            id=task.id,
            name=f"{kind.__module__}.{kind.__name__}",
            # huey's number of retries that are left stands still where a task asks for one: each execution counts.
            attempt=time.time_ns() // 1_000_000,
            arguments=task.args,
            keywords=task.kwargs,
            marked=_marked(kind),
        )

    def _end(self, task: Any, value: object, error: BaseException | None) -> None:
        if error is not None and task.retries and _is_steering(error):
            error = TryAgainError()
        self._jobs.end(_key(task), value, error)

    def _end_without_post_execute(self, signal: str, task: Any) -> None:
        if signal == self._canceled:  # by the task, or by a hook before it
            self._end(task, None, sys.exc_info()[1])
        else:
            self._jobs.end(_key(task), None, RuntimeError("the consumer was stopped before the task ended"))

    def _take_up(self) -> None:
        self._jobs.prepare()
        self._jobs.take_up()

    def _flush(self) -> None:
        self._jobs.flush()


def _key(task: Any) -> tuple[str, int]:
    # A task that was put into the queue twice is under way twice, as two objects.
    return task.id, id(task)


def _is_steering(error: BaseException) -> bool:
    kind = type(error)
    return kind.__module__ == "huey.exceptions" and kind.__name__ in _STEERING


def _marked(kind: type[object]) -> tuple[object, ...]:
    """Return what `record` may have marked: the function, which huey keeps in a closure, or what huey made of it."""
    cells: Any = getattr(getattr(kind, "execute", None), "__closure__", None) or ()
    named = getattr(sys.modules.get(kind.__module__), kind.__name__, None)
    return (*(cell.cell_contents for cell in cells), named)
