"""arq: jobs are recorded as runs, under their own ids, with what all of their attempts used."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import time
from typing import TYPE_CHECKING, Any, TypeVar

from xpander_facade.errors import IntegrationError
from xpander_facade.integrations._jobs import Describe, Jobs, record
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from xpander_facade.backend import Backend

    Coroutine = Callable[..., Awaitable[object]]

__all__ = ["instrument", "record"]

_OLDEST = "0.25"
_BEGAN = "xpander_began"
_INSTRUMENTED = "__xpander_instrumented__"
_JOB_TIMEOUT = 300.0
"""The seconds that arq gives a job where the settings say nothing."""
_CANCELLED = "the job was cancelled before it ended: it was aborted, or its worker stops and another one does it again"
S = TypeVar("S", bound=type)


def instrument(
    settings: S,
    backend: Backend | None = None,
    *,
    jobs: Collection[str] = (),
    all: bool = False,
    input: Describe = None,
    result: Describe = None,
    agent_id: str | None = None,
) -> S:
    """Record the jobs of an arq worker: those that are named, marked by `record`, or in which something is recorded.

    The run's id is the job's id, its attempts are arq's tries. A block of `external_task()` without an id within a job
    is a part of the job's run. The hooks of the settings stay: a worker takes up what earlier ones left after
    `on_startup`, and sends what waits after `on_shutdown`.

    Args:
        settings: The class of settings that the worker is started with. Its functions and hooks are replaced.
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        jobs: Names of functions whose jobs are recorded, as arq has them: "summarise", "cron:tidy".
        all: Record every job.
        input: Makes the run's input of the job's arguments, without arq's context; False leaves it out; None takes the
            first argument.
        result: Makes the run's result of what the job returned; False leaves it out; None takes it as it is.
        agent_id: The agent that the runs count for; by default the configuration's.

    Returns:
        The settings.

    Raises:
        IntegrationError: arq is missing or too old, or the settings are no class, or instrumented already.

    Example:
        >>> class WorkerSettings:
        ...     functions = [summarise]
        >>> instrument(WorkerSettings, jobs=["summarise"])
    """
    require("arq", distribution="arq", oldest=_OLDEST, integration="integrations.arq")
    if not isinstance(settings, type):
        raise IntegrationError(f"settings must be a class, not {type(settings).__name__}: pass WorkerSettings")
    if _INSTRUMENTED in vars(settings):
        raise IntegrationError(f"{settings.__name__} is instrumented already: call instrument() once")
    recorded = Jobs(backend, names=jobs, all=all, input=input, result=result, agent_id=agent_id)
    # As arq reads them: what the class inherits is no setting.
    _Recording(recorded, vars(settings)).install(settings)
    return settings


class _Recording:
    """What the jobs and hooks of a class of settings become.

    Args:
        jobs: The jobs.
        given: The settings as they were.
    """

    def __init__(self, jobs: Jobs, given: Any) -> None:
        self._jobs = jobs
        self._given = dict(given)
        timeout: Any = self._given.get("job_timeout", _JOB_TIMEOUT)
        self._timeout = float(timeout.total_seconds() if hasattr(timeout, "total_seconds") else timeout)

    def install(self, settings: type) -> None:
        worker = require("arq.worker", distribution="arq", oldest=_OLDEST, integration="integrations.arq")
        functions = [self._recorded(worker.func(one)) for one in self._given.get("functions", ())]
        cron_jobs = [self._recorded(one) for one in self._given.get("cron_jobs") or ()]
        for name, value in {
            "functions": functions,
            "cron_jobs": cron_jobs,
            "on_startup": _in_turn(self._given.get("on_startup"), self._start_up),
            "on_shutdown": _in_turn(self._given.get("on_shutdown"), self._shut_down),
            "on_job_start": _in_turn(self._given.get("on_job_start"), self._note_time),
            _INSTRUMENTED: True,
        }.items():
            setattr(settings, name, value)

    def _recorded(self, function: Any) -> Any:
        """Return arq's description of a job with a coroutine function that records."""
        coroutine = function.coroutine
        timeout = self._timeout if function.timeout_s is None else float(function.timeout_s)

        @functools.wraps(coroutine)
        async def recorded(context: dict[Any, Any], *arguments: Any, **keywords: Any) -> Any:
            job_id: str = context["job_id"]
            key = (job_id, context["job_try"])
            await self._jobs.abegin(
                key,
                id=job_id,
                name=function.name,
                attempt=context["job_try"],
                arguments=arguments,
                keywords=keywords,
                marked=(coroutine,),
            )
            value: object = None
            error: BaseException | None = None
            try:
                value = await coroutine(context, *arguments, **keywords)
                return value
            except asyncio.CancelledError as raised:
                # arq measures from before the job's own first step.
                is_late = time.monotonic() - context.get(_BEGAN, float("inf")) >= timeout
                error = TimeoutError(f"timeout ({timeout:g} s) exceeded") if is_late else RuntimeError(_CANCELLED)
                error.__cause__ = raised
                raise
            except BaseException as raised:
                error = raised
                raise
            finally:
                await self._jobs.aend(key, value, error)

        return dataclasses.replace(function, coroutine=recorded)

    async def _start_up(self, context: dict[Any, Any]) -> None:
        await self._jobs.prepare_in_loop()

    async def _shut_down(self, context: dict[Any, Any]) -> None:
        await self._jobs.flush_in_loop()

    async def _note_time(self, context: dict[Any, Any]) -> None:
        context[_BEGAN] = time.monotonic()


def _in_turn(first: Coroutine | None, then: Coroutine) -> Coroutine:
    """Return a hook that does what the user's does, and then ours, also where the user's raises."""
    own = first.__func__ if isinstance(first, staticmethod) else first

    async def both(context: dict[Any, Any]) -> None:
        try:
            if own is not None:
                await own(context)
        finally:
            await then(context)

    return both
