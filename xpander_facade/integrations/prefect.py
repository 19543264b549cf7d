"""Prefect: flows and tasks are recorded as runs, under their own ids, with what all of their attempts used."""

from __future__ import annotations

import functools
import inspect
import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from xpander_facade._process.threads import in_thread
from xpander_facade.errors import IntegrationError
from xpander_facade.integrations._jobs import Describe, Jobs
from xpander_facade.integrations._prefect_runs import PrefectRun, is_termination, require_prefect
from xpander_facade.recorder._decorators import instrument

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.backend import Backend

__all__ = ["record"]

F = TypeVar("F", bound="Callable[..., object]")
_log = logging.getLogger("xpander_facade.recorder")


@overload
def record(function: F, /) -> F: ...
@overload
def record(
    *, backend: Backend | None = None, input: Describe = None, result: Describe = None, agent_id: str | None = None
) -> Callable[[F], F]: ...
def record(
    function: F | None = None,
    /,
    *,
    backend: Backend | None = None,
    input: Describe = None,
    result: Describe = None,
    agent_id: str | None = None,
) -> F | Callable[[F], F]:
    """Record the runs of a flow or task. Put it right below `@flow` or `@task`.

    The run's id is the id of Prefect's run, its attempts are Prefect's. A block of `external_task()` without an id
    within it is a part of the run.

    Args:
        function: The function, coroutine function or generator function of the flow or task.
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        input: Makes the run's input of the arguments; False leaves it out; None takes the first argument.
        result: Makes the run's result of what was returned; False leaves it out; None takes it as it is.
        agent_id: The agent that the runs count for; by default the configuration's.

    Raises:
        IntegrationError: Prefect is missing or too old, or an argument makes no sense.

    Example:
        >>> @task(retries=2)
        ... @record
        ... def summarise(ticket: str) -> str:
        ...     return ask_the_model(ticket)
    """
    recording = _Recording(backend, input, result, agent_id)
    return recording.wrap if function is None else recording.wrap(function)


class _Recording:
    """How the runs of one function are recorded. It goes to other processes with the function.

    Args:
        backend: Reports the runs.
        input: Makes the run's input of the arguments.
        result: Makes the run's result of what was returned.
        agent_id: The agent that the runs count for.
    """

    def __init__(self, backend: Backend | None, input: Describe, result: Describe, agent_id: str | None) -> None:
        self._context = require_prefect("prefect.context")
        self.jobs = Jobs(backend, all=True, input=input, result=result, agent_id=agent_id)
        self._is_warned = False

    def __reduce__(self) -> tuple[Any, ...]:
        options = self.jobs.options
        return _Recording, (self.jobs.backend, options.input, options.result, self.jobs.agent_id)

    def wrap(self, function: F) -> F:
        """Return a function of the same kind that records its calls by Prefect."""
        if not inspect.isfunction(function):
            name = type(function).__name__
            raise IntegrationError(f"record takes a function, not a {name}: put it right below @flow or @task")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            return instrument(cast("F", function), lambda _, given, named: self._call(function, given, named))
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def arecorded(*arguments: Any, **keywords: Any) -> Any:
                async with self._call(function, arguments, keywords) as call:
                    call.value = await function(*arguments, **keywords)
                return call.value

            return cast("F", arecorded)

        @functools.wraps(function)
        def recorded(*arguments: Any, **keywords: Any) -> Any:
            with self._call(function, arguments, keywords) as call:
                call.value = function(*arguments, **keywords)
            return call.value

        return cast("F", recorded)

    def _call(self, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> _Call:
        return _Call(self.jobs, self._find(function), arguments, keywords)

    def _find(self, function: Any) -> PrefectRun | None:
        """Return the run of Prefect's that a function is called for; None where it is called as any other."""
        wanted = inspect.unwrap(function)
        task = self._context.TaskRunContext.get()
        if task is not None and inspect.unwrap(task.task.fn) is wanted:
            return PrefectRun(task.task_run, task.task_run.flow_run_id, task.task.timeout_seconds, task.start_time)
        flow = self._context.FlowRunContext.get()
        if flow is not None and flow.flow is not None and inspect.unwrap(flow.flow.fn) is wanted:
            return PrefectRun(flow.flow_run, flow.flow_run.id, flow.flow.timeout_seconds, flow.start_time)
        if (task is not None or flow is not None) and not self._is_warned:
            self._is_warned = True
            _log.warning(
                "%s was called by other code than its own task or flow, and that call is not recorded: put @record "
                "right below @task or @flow, or use external_task() for functions that are neither",
                wanted.__qualname__,
            )
        return None


class _Call:
    """One call of a function, in the shape that the recorder's decorators know.

    Args:
        jobs: How it is recorded.
        found: The run that it is for.
        arguments: What the function is called with.
        keywords: What the function is called with, by name.
    """

    def __init__(
        self, jobs: Jobs, found: PrefectRun | None, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> None:
        self._jobs = jobs
        self._found = found
        self._given: dict[str, Any] = {"arguments": arguments, "keywords": keywords}
        if found is not None:
            # A flow that was suspended comes back with the count that it had, and what it used before stays.
            attempt = f"{found.run.run_count}.{time.time_ns() // 1_000_000}"
            self._given |= {"id": str(found.run.id), "name": found.run.name, "attempt": attempt}
        self.value: Any = None

    def __enter__(self) -> _Call:
        self._open()
        self._make_current()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._restore_current()
        self._close(error)

    async def __aenter__(self) -> _Call:
        await self._aopen()
        self._make_current()
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._restore_current()
        await self._aclose(error)

    def _open(self) -> None:
        if self._found is not None:
            self._jobs.begin(self, **self._given)
            self._restore_current()

    async def _aopen(self) -> None:
        if self._found is not None:
            await self._jobs.abegin(self, **self._given)
            self._restore_current()

    def _make_current(self) -> None:
        if (run := self._jobs.run_of(self)) is not None:
            run._make_current()

    def _restore_current(self) -> None:
        if (run := self._jobs.run_of(self)) is not None:
            run._restore_current()

    def _set_default_result(self, value: object) -> None:
        self.value = value

    def _touch(self) -> None:
        if (run := self._jobs.run_of(self)) is not None:
            run._touch()

    def _defer(self) -> None: ...

    def _close_detached(self, error: BaseException | None) -> None:
        self._close(error)

    def _close(self, error: BaseException | None) -> None:
        if self._found is not None:
            self._jobs.end(self, *self._outcome(self._found, error))
            if is_termination(error):
                # Prefect ends the process by the same signal again, and nothing runs after that.
                self._jobs.flush()

    async def _aclose(self, error: BaseException | None) -> None:
        if self._found is not None:
            if error is None or is_termination(error):  # Prefect may have to be waited for
                outcome = await in_thread(self._outcome, self._found, error)
            else:
                # Nothing is awaited before the report, which alone goes on where a scope cancels again and again.
                outcome = self._outcome(self._found, error)
            await self._jobs.aend(self, *outcome)
            if is_termination(error):
                await self._jobs.flush_in_loop()

    def _outcome(self, found: PrefectRun, error: BaseException | None) -> tuple[object, BaseException | None]:
        if isinstance(error, GeneratorExit) and (run := self._jobs.run_of(self)) is not None:
            run._set_default_result(self.value)  # what came until then
            return None, error
        outcome = self._jobs._guarded(str(found.run.id), found.outcome, self.value, error)
        return (self.value, error) if outcome is None else outcome
