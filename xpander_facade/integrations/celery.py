"""Celery: tasks are recorded as runs, under their own ids, and a task delivers reports of others."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any, cast

from xpander_facade.errors import IntegrationError
from xpander_facade.integrations._celery_delivery import OLDEST, DeliveryTask, QueuedReport, delivery_task
from xpander_facade.integrations._celery_requests import delivers_reports, hard_limit, request_class
from xpander_facade.integrations._jobs import Describe, Jobs, record
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import ModuleType

    from xpander_facade.backend import Backend

__all__ = ["DeliveryTask", "QueuedReport", "delivery_task", "instrument", "record", "uninstrument"]

_TERMINATED = -(256 - signal.SIGTERM)
"""The exit code that Celery's pool gives to a process that is told to end."""
_REPEAT_AFTER = 0.05
_LATE_START = 1.0
"""Seconds that a busy machine may take from the main process's start of a limit to the child's start of the task."""
_instrumented: dict[int, _Recording] = {}


def instrument(
    app: object,
    backend: Backend | None = None,
    *,
    tasks: Collection[str] = (),
    all: bool = False,
    input: Describe = None,
    result: Describe = None,
    agent_id: str | None = None,
) -> None:
    """Record the tasks of a Celery app: those that are named, marked by `record`, or in which something is recorded.

    Call it where the app is made, so that workers and their children do. The run's id is the task's id, its attempts
    are Celery's retries. A block of `external_task()` without an id within a task is a part of the task's run.

    Args:
        app: The app.
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        tasks: Names of tasks that are recorded: "shop.tasks.summarise".
        all: Record every task.
        input: Makes the run's input of the task's arguments; False leaves it out; None takes the first argument.
        result: Makes the run's result of what the task returned; False leaves it out; None takes it as it is.
        agent_id: The agent that the runs count for; by default the configuration's.

    Raises:
        IntegrationError: Celery is missing or too old, `app` is not one, or it is instrumented already.

    Example:
        >>> app = Celery("shop", broker="redis://")
        >>> instrument(app, tasks=["shop.tasks.summarise"])
    """
    celery = require("celery", distribution="celery", oldest=OLDEST, integration="integrations.celery")
    if not isinstance(app, celery.Celery):
        raise IntegrationError(f"app must be a Celery app, not {type(app).__name__}: pass the Celery(...) object")
    if id(app) in _instrumented:
        raise IntegrationError(f"{app!r} is instrumented already: call instrument() once, where the app is made")
    jobs = Jobs(backend, names=tasks, all=all, input=input, result=result, agent_id=agent_id)
    _instrumented[id(app)] = _Recording(app, jobs, require_signals())


def uninstrument(app: object) -> None:
    """Record the tasks of an app no more."""
    recording = _instrumented.pop(id(app), None)
    if recording is not None:
        recording.disconnect()


def require_signals() -> ModuleType:
    """Import Celery's signals."""
    return require("celery.signals", distribution="celery", oldest=OLDEST, integration="integrations.celery")


class _Recording:
    """What an app's signals are connected to.

    Args:
        app: The app.
        jobs: Its tasks.
        signals: Celery's signals.
    """

    def __init__(self, app: Any, jobs: Jobs, signals: Any) -> None:
        self._app = app
        self._jobs = jobs
        self._request_class = app.Task.Request
        self._lost: set[str] = set()
        self._with_own_requests: list[Any] = []
        # A hard limit kills the child, and Celery has no signal for it in the process that is left.
        app.Task.Request = request_class(self._request_class, jobs, self._lost)
        self._connected: list[tuple[Any, Any]] = [
            (signals.task_prerun, self._begin),
            (signals.task_postrun, self._end),
            (signals.task_failure, self._note_failure),
            (signals.worker_init, self._prepare),
            (signals.worker_process_init, self._take_up),
            (signals.worker_process_shutdown, self._flush),
            (signals.worker_ready, self._take_up_in_place),
            (signals.worker_shutdown, self._flush),
        ]
        for one, receiver in self._connected:
            # Celery holds receivers weakly unless told otherwise, and nobody else holds a bound method.
            one.connect(receiver, weak=False)

    def disconnect(self) -> None:
        """Leave the app as it was."""
        for one, receiver in self._connected:
            one.disconnect(receiver)
        self._app.Task.Request = self._request_class
        for task in self._with_own_requests:
            del task.Request

    def _begin(self, task_id: str, task: Any, args: Any, kwargs: Any, **_: object) -> None:
        # Celery's signals are those of all apps of the process.
        if task.app is not self._app or delivers_reports(task):
            return
        try:
            self._jobs.begin(
                _key(task_id, task),
                id=task_id,
                name=task.name,
                attempt=task.request.retries,
                arguments=args or (),
                keywords=kwargs or {},
                marked=(task, task.run),
            )
        except Exception as error:
            # Celery logs what comes out of here, and the task would never hear of its limit.
            if type(error).__name__ != "SoftTimeLimitExceeded" or not hasattr(signal, "SIGUSR1"):
                raise
            repeat = threading.Timer(_REPEAT_AFTER, self._repeat_limit, (_key(task_id, task), os.getpid()))
            repeat.daemon = True
            repeat.start()

    def _repeat_limit(self, key: object, pid: int) -> None:
        if self._jobs.is_open(key):
            os.kill(pid, signal.SIGUSR1)

    def _end(self, task_id: str, task: Any, retval: Any, state: str | None, **_: object) -> None:
        import sys

        if task.app is not self._app:
            return
        key = _key(task_id, task)
        # A task that is ended by force has neither state nor value.
        error = retval if isinstance(retval, BaseException) and state != "SUCCESS" else None
        if state is None:
            error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        if isinstance(error, SystemExit) and error.code == _TERMINATED:
            limits = cast("tuple[float | None, float | None]", task.request.timelimit or (None, None))
            hard = limits[0] or task.time_limit
            # The main process measures the limit, from before this one hears of the task.
            if hard and self._jobs.elapsed(key) >= hard - min(_LATE_START, hard / 2):
                self._jobs.end(key, error=TimeoutError(hard_limit(hard)), at_least=hard)
                return
            error = TimeoutError("the worker was told to end (SIGTERM) before the task did")
        self._jobs.end(key, retval, error)

    def _note_failure(self, task_id: str, **_: object) -> None:
        self._lost.discard(task_id)

    def _prepare(self, **_: object) -> None:
        self._jobs.prepare()
        recorded = self._app.Task.Request
        for task in self._app.tasks.values():
            # A base class that is not the app's brings its own requests.
            if task.Request is not recorded and task not in self._with_own_requests:
                task.Request = request_class(task.Request, self._jobs, self._lost)
                self._with_own_requests.append(task)

    def _take_up(self, **_: object) -> None:
        self._jobs.take_up()

    def _take_up_in_place(self, sender: Any = None, **_: object) -> None:
        pool = getattr(getattr(sender, "controller", None), "pool_cls", None)
        # The main process of a prefork pool forks again and again, and is better off without threads.
        if not str(getattr(pool, "__module__", "")).endswith("prefork"):
            self._jobs.take_up()

    def _flush(self, **_: object) -> None:
        self._jobs.flush()


def _key(task_id: str, task: Any) -> tuple[str, int]:
    # A broker may give a task again while it is under way here: each delivery has a request of its own.
    return task_id, id(task.request)
